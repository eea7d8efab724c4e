/*
 * A worker's queue of queries before the database of an event log: two tasks
 * carry them, each with a handle.  A query is its caller's; while its task is
 * under way only the thread touches it.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_query.h"
#include "ngx_ess_wait.h"


/* that wait */
#define NGX_ESS_EVENT_LOG_QUERY_WAITING  1024


static void ngx_ess_event_log_query_start(ngx_event_t *ev);
static void ngx_ess_event_log_query_post(ngx_ess_event_log_asker_t *asker);
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
    query->more = 0;

    if (queries->nwaiting >= NGX_ESS_EVENT_LOG_QUERY_WAITING) {
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
        ngx_ess_event_log_query_post(&queries->askers[i]);
    }
}


static void
ngx_ess_event_log_query_post(ngx_ess_event_log_asker_t *asker)
{
    ngx_queue_t                  *q;
    ngx_ess_event_log_queries_t  *queries;

    queries = asker->queries;

    if (asker->query || ngx_queue_empty(&queries->waiting)) {
        return;
    }

    q = ngx_queue_head(&queries->waiting);
    ngx_queue_remove(q);
    queries->nwaiting--;

    asker->query = ngx_queue_data(q, ngx_ess_event_log_query_t, queue);
    asker->query->waiting = 0;

    if (ngx_thread_task_post(queries->log->thread_pool, &asker->task)
        == NGX_OK)
    {
        return;
    }

    (void) ngx_snprintf(asker->query->text, sizeof(asker->query->text),
                        "no thread is free%Z");

    ngx_ess_event_log_query_end(&asker->task.event);
}


/* in a thread of the pool */

static void
ngx_ess_event_log_query_thread(void *data, ngx_log_t *log)
{
    ngx_ess_event_log_asker_t *asker = data;

    asker->queries->log->engine->query(asker->handle, asker->query);
}


static void
ngx_ess_event_log_query_end(ngx_event_t *ev)
{
    ngx_ess_event_log_asker_t    *asker;
    ngx_ess_event_log_query_t    *query;
    ngx_ess_event_log_queries_t  *queries;

    asker = ev->data;
    queries = asker->queries;
    query = asker->query;

    asker->query = NULL;

    ngx_ess_event_log_query_report(queries, query);
    ngx_ess_event_log_figures_query(queries->log, query);

    ngx_ess_event_log_hold_done(&queries->hold);
    query->handler(query);

    if (!ngx_queue_empty(&queries->waiting)) {
        ngx_post_event(&queries->start, &ngx_posted_events);
    }
}


/* One line when queries begin to fail, or fail for another reason. */

static void
ngx_ess_event_log_query_report(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query)
{
    uint32_t           failure;
    ngx_ess_escaped_t  text;

    failure = ngx_crc32_short(query->text, ngx_strlen(query->text));

    if (query->rc != NGX_OK
        && (!queries->failing || failure != queries->failure))
    {
        ngx_log_error(NGX_LOG_CRIT, queries->start.log, 0,
                      "\"ess_event_log\" \"%V\": a query failed, and it is not "
                      "said again while they fail: %V", &queries->log->name,
                      ngx_ess_escape_bytes(&text, query->text,
                                           ngx_strlen(query->text)));
    }

    queries->failing = (query->rc != NGX_OK);
    queries->failure = failure;
}
