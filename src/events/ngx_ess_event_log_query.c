/*
 * A worker's queue of queries before the database of an event log: two tasks
 * carry them, each with a handle.  Quick ones go together, and wait while such
 * a task is under way: a thread's turn costs more than they do.  A query is its
 * caller's; while its task is under way only the thread touches it.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_event_log_failure.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_query.h"
#include "ngx_ess_event_log_thread.h"
#include "ngx_ess_wait.h"


/* that wait */
#define NGX_ESS_EVENT_LOG_QUERY_WAITING  1024

/* events of a page that is quick, at most */
#define NGX_ESS_EVENT_LOG_QUERY_QUICK    100


static void ngx_ess_event_log_query_start(ngx_event_t *ev);
static ngx_uint_t ngx_ess_event_log_query_wait(
    ngx_ess_event_log_queries_t *queries);
static void ngx_ess_event_log_query_post(ngx_ess_event_log_asker_t *asker);
static ngx_uint_t ngx_ess_event_log_query_quick(
    ngx_ess_event_log_queries_t *queries, ngx_ess_event_log_query_t *query);
static void ngx_ess_event_log_query_thread(void *data, ngx_log_t *log);
static void ngx_ess_event_log_query_end(ngx_event_t *ev);
static void ngx_ess_event_log_query_report(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query);


ngx_int_t
ngx_ess_event_log_query_init(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_t *log, ngx_log_t *l)
{
    ngx_uint_t                  i;
    ngx_ess_event_log_asker_t  *asker;

    ngx_memzero(queries, sizeof(ngx_ess_event_log_queries_t));

    queries->log = log;

    ngx_queue_init(&queries->waiting);
    ngx_queue_init(&queries->refused);

    ngx_ess_event_log_hold_init(&queries->hold, l);

    queries->start.handler = ngx_ess_event_log_query_start;
    queries->start.data = queries;
    queries->start.log = l;

    for (i = 0; i < NGX_ESS_EVENT_LOG_QUERIES; i++) {
        asker = &queries->askers[i];

        asker->queries = queries;
        asker->handle = log->engine->create(log, l);
        if (asker->handle == NULL) {
            return NGX_ERROR;
        }

        asker->task.handler = ngx_ess_event_log_query_thread;
        asker->task.ctx = asker;
        asker->task.event.handler = ngx_ess_event_log_query_end;
        asker->task.event.data = asker;
        asker->task.event.log = l;
    }

    return NGX_OK;
}


void
ngx_ess_event_log_query_exit(ngx_ess_event_log_queries_t *queries)
{
    ngx_uint_t  i;

    ngx_ess_wait_clear(&queries->start);
    ngx_ess_event_log_hold_exit(&queries->hold);

    for (i = 0; i < NGX_ESS_EVENT_LOG_QUERIES; i++) {
        if (queries->askers[i].handle) {
            queries->log->engine->destroy(queries->askers[i].handle);
        }
    }
}


void
ngx_ess_event_log_query_add(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query)
{
    query->rc = NGX_BUSY;
    query->full = 0;
    query->waiting = 0;
    query->text[0] = '\0';
    query->start = ngx_current_msec;
    query->memory = NULL;
    query->rows = NULL;
    query->nrows = 0;
    query->total = 0;
    query->epoch = 0;
    query->more = 0;

    if (query->ahead) {
        ngx_queue_insert_head(&queries->waiting, &query->queue);
        query->waiting = 1;
        queries->nwaiting++;

    } else if (queries->nwaiting >= NGX_ESS_EVENT_LOG_QUERY_WAITING) {
        (void) ngx_snprintf(query->text, sizeof(query->text),
                            "too many requests wait for the database%Z");
        ngx_queue_insert_tail(&queries->refused, &query->queue);
        query->full = 1;

    } else {
        ngx_queue_insert_tail(&queries->waiting, &query->queue);
        query->waiting = 1;
        queries->nwaiting++;
    }

    ngx_ess_event_log_hold_add(&queries->hold);
    ngx_post_event(&queries->start, &ngx_posted_events);
}


ngx_int_t
ngx_ess_event_log_query_remove(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query)
{
    if (!query->waiting) {
        return NGX_BUSY;
    }

    query->waiting = 0;

    ngx_queue_remove(&query->queue);
    queries->nwaiting--;

    ngx_ess_event_log_hold_done(&queries->hold);

    return NGX_OK;
}


static void
ngx_ess_event_log_query_start(ngx_event_t *ev)
{
    ngx_uint_t                    i;
    ngx_queue_t                  *q;
    ngx_ess_event_log_query_t    *query;
    ngx_ess_event_log_queries_t  *queries;

    queries = ev->data;

    while (!ngx_queue_empty(&queries->refused)) {
        q = ngx_queue_head(&queries->refused);
        ngx_queue_remove(q);

        query = ngx_queue_data(q, ngx_ess_event_log_query_t, queue);

        ngx_ess_event_log_hold_done(&queries->hold);
        query->handler(query);
    }

    for (i = 0; i < NGX_ESS_EVENT_LOG_QUERIES; i++) {

        if (ngx_ess_event_log_query_wait(queries)) {
            return;
        }

        if (queries->askers[i].n == 0) {
            ngx_ess_event_log_query_post(&queries->askers[i]);
        }
    }
}


/* 1: nothing waits, or it is better asked with what comes meanwhile. */

static ngx_uint_t
ngx_ess_event_log_query_wait(ngx_ess_event_log_queries_t *queries)
{
    ngx_uint_t                  i, quick;
    ngx_queue_t                *q;
    ngx_ess_event_log_query_t  *query;

    if (queries->nwaiting == 0) {
        return 1;
    }

    for (quick = 0, i = 0; i < NGX_ESS_EVENT_LOG_QUERIES; i++) {
        quick |= (queries->askers[i].n && queries->askers[i].quick);
    }

    q = ngx_queue_head(&queries->waiting);
    query = ngx_queue_data(q, ngx_ess_event_log_query_t, queue);

    return quick && queries->nwaiting < NGX_ESS_EVENT_LOG_ASKED
           && ngx_ess_event_log_query_quick(queries, query);
}


static void
ngx_ess_event_log_query_post(ngx_ess_event_log_asker_t *asker)
{
    ngx_uint_t                    i, quick;
    ngx_queue_t                  *q;
    ngx_ess_event_log_query_t    *query;
    ngx_ess_event_log_queries_t  *queries;

    queries = asker->queries;

    do {
        q = ngx_queue_head(&queries->waiting);
        query = ngx_queue_data(q, ngx_ess_event_log_query_t, queue);

        quick = ngx_ess_event_log_query_quick(queries, query);

        if (asker->n && !quick) {
            break;
        }

        ngx_queue_remove(q);
        queries->nwaiting--;

        query->waiting = 0;
        asker->query[asker->n++] = query;
        asker->quick = quick;

    } while (quick && queries->nwaiting && asker->n < NGX_ESS_EVENT_LOG_ASKED);

    asker->asked = 0;

    if (ngx_thread_task_post(queries->log->thread_pool, &asker->task)
        == NGX_OK)
    {
        return;
    }

    asker->asked = asker->n;

    for (i = 0; i < asker->n; i++) {
        query = asker->query[i];
        (void) ngx_snprintf(query->text, sizeof(query->text),
                            "no thread is free%Z");
    }

    ngx_ess_event_log_query_end(&asker->task.event);
}


/* An index finds all of it at once. */

static ngx_uint_t
ngx_ess_event_log_query_quick(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query)
{
    if (query->id.data) {
        return 1;
    }

    if (query->has_total
        && (queries->log->engine->counts || query->has_since
            || query->has_until))
    {
        return 0;
    }

    return query->size <= NGX_ESS_EVENT_LOG_QUERY_QUICK && query->from == 0;
}


/* in a thread of the pool */

static void
ngx_ess_event_log_query_thread(void *data, ngx_log_t *log)
{
    ngx_ess_event_log_asker_t *asker = data;

    ngx_ess_event_log_thread_begin();

    asker->asked = asker->queries->log->engine->query(asker->handle,
                                                      asker->query, asker->n);
}


static void
ngx_ess_event_log_query_end(ngx_event_t *ev)
{
    ngx_uint_t                    i, n;
    ngx_ess_event_log_asker_t    *asker;
    ngx_ess_event_log_query_t    *query[NGX_ESS_EVENT_LOG_ASKED];
    ngx_ess_event_log_queries_t  *queries;

    asker = ev->data;
    queries = asker->queries;

    n = asker->asked;
    ngx_memcpy(query, asker->query, sizeof(query));

    while (asker->n > n) {
        asker->n--;

        query[asker->n]->waiting = 1;
        ngx_queue_insert_head(&queries->waiting, &query[asker->n]->queue);
        queries->nwaiting++;
    }

    asker->n = 0;

    for (i = 0; i < n; i++) {
        ngx_ess_event_log_query_report(queries, query[i]);
        ngx_ess_event_log_figures_query(queries->log, query[i]);

        ngx_ess_event_log_hold_done(&queries->hold);
        query[i]->handler(query[i]);
    }

    if (!ngx_queue_empty(&queries->waiting)) {
        ngx_post_event(&queries->start, &ngx_posted_events);
    }
}


/* One line when queries begin to fail, or fail for another reason. */

static void
ngx_ess_event_log_query_report(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query)
{
    ngx_ess_escaped_t  text;

    if (ngx_ess_event_log_failure(&queries->failure,
                                  query->rc != NGX_OK ? query->text : NULL))
    {
        ngx_log_error(NGX_LOG_CRIT, queries->start.log, 0,
                      "\"ess_event_log\" \"%V\": a query failed, and it is not "
                      "said again while they fail: %V", &queries->log->name,
                      ngx_ess_escape_bytes(&text, query->text,
                                           ngx_strlen(query->text)));
    }
}
