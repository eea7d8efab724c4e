/*
 * A worker's queues before the databases of event logs, one set a log.  Inserts
 * wait until the task before is done; then one task carries all of them, as one
 * transaction.  An insert is its caller's; while the task is under way only the
 * thread touches it.  One worker of all looks after what is to be kept, in the
 * turn of inserts.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_event_log_failure.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_hold.h"
#include "ngx_ess_event_log_notice.h"
#include "ngx_ess_event_log_query.h"
#include "ngx_ess_event_log_thread.h"
#include "ngx_ess_wait.h"


/* of one transaction; a single insert may be larger */
#define NGX_ESS_EVENT_LOG_INSERTS   256
#define NGX_ESS_EVENT_LOG_EVENTS    5000
#define NGX_ESS_EVENT_LOG_BYTES     (8 * 1024 * 1024)

/* of what waits */
#define NGX_ESS_EVENT_LOG_WAITING   4096
#define NGX_ESS_EVENT_LOG_WAITS     (64 * 1024 * 1024)

/* ms: from one look at what is to be kept to the next one, and after a step
   that left something to do */
#define NGX_ESS_EVENT_LOG_UPKEEP    5000
#define NGX_ESS_EVENT_LOG_STEP      50


/* what worker 0 does in the turn of inserts */

typedef struct {
    ngx_int_t                    rc;
    ngx_int_t                    measured;
    int64_t                      now;
    uint64_t                     events;
    uint64_t                     bytes;
    u_char                       text[256];
    ngx_event_t                  timer;
    unsigned                     due:1;
    unsigned                     running:1;
    unsigned                     failing:1;
} ngx_ess_event_log_upkeep_t;


typedef struct {
    ngx_ess_event_log_t         *log;
    void                        *handle;    /* that inserts */
    ngx_thread_task_t            task;

    ngx_queue_t                  inserts;   /* waiting, */
    ngx_uint_t                   ninserts;
    size_t                       bytes;     /* and of them */
    ngx_queue_t                  refused;   /* too many wait */

    ngx_ess_event_log_insert_t  *batch[NGX_ESS_EVENT_LOG_INSERTS];
    ngx_uint_t                   nbatch;    /* of the task, 0: none */

    ngx_ess_event_log_upkeep_t   upkeep;
    ngx_ess_event_log_queries_t  queries;

    ngx_event_t                  start;     /* posted when something waits */
    ngx_ess_event_log_hold_t     hold;
    ngx_log_t                   *error_log;
    uint32_t                     failure;   /* of the last inserts */
} ngx_ess_event_log_worker_t;


static ngx_int_t ngx_ess_event_log_worker_init(ngx_cycle_t *cycle,
    ngx_ess_event_log_worker_t *w, ngx_ess_event_log_t *log);
static void ngx_ess_event_log_event(ngx_ess_event_log_worker_t *w,
    ngx_event_t *ev, ngx_event_handler_pt handler);
static void ngx_ess_event_log_start(ngx_event_t *ev);
static void ngx_ess_event_log_refuse(ngx_ess_event_log_worker_t *w);
static void ngx_ess_event_log_take(ngx_ess_event_log_worker_t *w);
static void ngx_ess_event_log_insert_start(ngx_ess_event_log_worker_t *w);
static void ngx_ess_event_log_insert_thread(void *data, ngx_log_t *log);
static void ngx_ess_event_log_insert_done(ngx_event_t *ev);
static void ngx_ess_event_log_insert_end(ngx_ess_event_log_worker_t *w);
static void ngx_ess_event_log_insert_report(ngx_ess_event_log_worker_t *w);
static void ngx_ess_event_log_noticed(ngx_ess_event_log_t *log);
static void ngx_ess_event_log_upkeep(ngx_event_t *ev);
static void ngx_ess_event_log_upkeep_done(ngx_ess_event_log_worker_t *w);


/* who hears of what this worker has stored; NULL: nobody */
static void                       (*ngx_ess_event_log_stored)(
                                      ngx_ess_event_log_t *log);

/* this worker's, by the logs' numbers */
static ngx_ess_event_log_worker_t  *ngx_ess_event_log_workers;
static ngx_uint_t                   ngx_ess_event_log_n;
static ngx_connection_t             ngx_ess_event_log_dummy;


/*
 * An error ends the first start.  A reload cannot be refused any more, and
 * nginx would end with it: that log answers that it has no database.
 */

ngx_int_t
ngx_ess_event_log_init_module(ngx_cycle_t *cycle, ngx_array_t *logs)
{
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    if (logs == NULL) {
        return NGX_OK;
    }

    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        if (log[i]->engine->init_module(cycle, log[i]) != NGX_OK
            && ngx_is_init_cycle(cycle->old_cycle))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_event_log_init_process(ngx_cycle_t *cycle, ngx_array_t *logs)
{
    size_t                 size;
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    size = logs->nelts * sizeof(ngx_ess_event_log_worker_t);
    log = logs->elts;

    ngx_ess_event_log_workers = ngx_alloc(size, cycle->log);
    if (ngx_ess_event_log_workers == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(ngx_ess_event_log_workers, size);

    ngx_ess_event_log_dummy.fd = (ngx_socket_t) -1;
    ngx_ess_event_log_n = logs->nelts;

    for (i = 0; i < logs->nelts; i++) {
        if (ngx_ess_event_log_worker_init(cycle, &ngx_ess_event_log_workers[i],
                                          log[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ess_event_log_notice_init(cycle, logs,
                                         ngx_ess_event_log_noticed);
}


static ngx_int_t
ngx_ess_event_log_worker_init(ngx_cycle_t *cycle,
    ngx_ess_event_log_worker_t *w, ngx_ess_event_log_t *log)
{
    w->log = log;
    w->error_log = cycle->log;

    ngx_queue_init(&w->inserts);
    ngx_queue_init(&w->refused);

    ngx_ess_event_log_event(w, &w->start, ngx_ess_event_log_start);
    ngx_ess_event_log_event(w, &w->upkeep.timer, ngx_ess_event_log_upkeep);

    ngx_ess_event_log_hold_init(&w->hold, cycle->log);

    if (ngx_ess_event_log_query_init(&w->queries, log, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    w->handle = log->engine->create(log, cycle->log);
    if (w->handle == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_event_log_event(w, &w->task.event, ngx_ess_event_log_insert_done);
    w->task.handler = ngx_ess_event_log_insert_thread;
    w->task.ctx = w;

    if (ngx_worker == 0) {
        w->upkeep.timer.cancelable = 1;
        ngx_add_timer(&w->upkeep.timer, NGX_ESS_EVENT_LOG_STEP);
    }

    return NGX_OK;
}


/* An event whose data is the worker's; nginx's debugging messages take it for
   a connection, and look at its descriptor. */

static void
ngx_ess_event_log_event(ngx_ess_event_log_worker_t *w, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = w;
    ev->log = w->error_log;
}


/*
 * nginx's thread pools leave before the modules that are not its core: no
 * thread is at work any more.  Who waits for an answer is never called.
 */

void
ngx_ess_event_log_exit_process(void)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_worker_t  *w;

    ngx_ess_event_log_notice_exit();

    for (i = 0; i < ngx_ess_event_log_n; i++) {
        w = &ngx_ess_event_log_workers[i];

        ngx_ess_wait_clear(&w->start);
        ngx_ess_event_log_hold_exit(&w->hold);
        ngx_ess_wait_clear(&w->upkeep.timer);

        if (w->handle) {
            w->log->engine->destroy(w->handle);
        }

        if (w->log) {
            ngx_ess_event_log_query_exit(&w->queries);
        }
    }

    if (ngx_ess_event_log_workers) {
        ngx_free(ngx_ess_event_log_workers);
    }

    ngx_ess_event_log_workers = NULL;
    ngx_ess_event_log_n = 0;
}


void
ngx_ess_event_log_insert(ngx_ess_event_log_t *log,
    ngx_ess_event_log_insert_t *insert)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_event_t   *event;
    ngx_ess_event_log_worker_t  *w;

    w = &ngx_ess_event_log_workers[log->number];

    insert->rc = NGX_BUSY;
    insert->full = 0;
    insert->text[0] = '\0';
    insert->start = ngx_current_msec;
    insert->bytes = 0;

    for (i = 0; i < insert->n; i++) {
        event = &insert->events[i];
        insert->bytes += sizeof(ngx_ess_event_log_event_t) + event->id.len
                         + event->type.len + event->body.len;
    }

    if (w->ninserts
        && (w->ninserts >= NGX_ESS_EVENT_LOG_WAITING
            || w->bytes + insert->bytes > NGX_ESS_EVENT_LOG_WAITS))
    {
        (void) ngx_snprintf(insert->text, sizeof(insert->text),
                            "too many events wait for the database%Z");
        insert->full = 1;
        ngx_queue_insert_tail(&w->refused, &insert->queue);

    } else {
        ngx_queue_insert_tail(&w->inserts, &insert->queue);
        w->bytes += insert->bytes;
        w->ninserts++;
    }

    /* at the end of the iteration: all that it brings goes together */

    ngx_ess_event_log_hold_add(&w->hold);
    ngx_post_event(&w->start, &ngx_posted_events);
}


void
ngx_ess_event_log_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
    ngx_ess_event_log_query_add(&ngx_ess_event_log_workers[log->number].queries,
                                query);
}


void
ngx_ess_event_log_query_done(ngx_ess_event_log_query_t *query)
{
    if (query->memory) {
        ngx_free(query->memory);
        query->memory = NULL;
    }

    query->rows = NULL;
    query->nrows = 0;
}


ngx_int_t
ngx_ess_event_log_query_cancel(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
    if (ngx_ess_event_log_workers == NULL) {
        return NGX_BUSY;
    }

    return ngx_ess_event_log_query_remove(
               &ngx_ess_event_log_workers[log->number].queries, query);
}


const char *
ngx_ess_event_log_busy(ngx_uint_t full)
{
    return full ? "too many requests wait for the database, try again"
                : "the database is away or busy, or refuses, try again";
}


static void
ngx_ess_event_log_start(ngx_event_t *ev)
{
    ngx_ess_event_log_worker_t  *w;

    w = ev->data;

    ngx_ess_event_log_refuse(w);
    ngx_ess_event_log_insert_start(w);
}


static void
ngx_ess_event_log_refuse(ngx_ess_event_log_worker_t *w)
{
    ngx_queue_t                 *q;
    ngx_ess_event_log_insert_t  *insert;

    while (!ngx_queue_empty(&w->refused)) {
        q = ngx_queue_head(&w->refused);
        ngx_queue_remove(q);

        insert = ngx_queue_data(q, ngx_ess_event_log_insert_t, queue);

        ngx_ess_event_log_figures_insert(w->log, insert);
        ngx_ess_event_log_hold_done(&w->hold);
        insert->handler(insert);
    }
}


static void
ngx_ess_event_log_take(ngx_ess_event_log_worker_t *w)
{
    size_t                       bytes;
    ngx_uint_t                   events;
    ngx_queue_t                 *q;
    ngx_ess_event_log_insert_t  *insert;

    bytes = 0;
    events = 0;

    while (w->nbatch < NGX_ESS_EVENT_LOG_INSERTS
           && !ngx_queue_empty(&w->inserts))
    {
        q = ngx_queue_head(&w->inserts);
        insert = ngx_queue_data(q, ngx_ess_event_log_insert_t, queue);

        bytes += insert->bytes;
        events += insert->n;

        if (w->nbatch
            && (bytes > NGX_ESS_EVENT_LOG_BYTES
                || events > NGX_ESS_EVENT_LOG_EVENTS))
        {
            break;
        }

        ngx_queue_remove(q);

        w->ninserts--;
        w->bytes -= insert->bytes;
        w->batch[w->nbatch++] = insert;
    }
}


static void
ngx_ess_event_log_insert_start(ngx_ess_event_log_worker_t *w)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_upkeep_t  *upkeep;

    upkeep = &w->upkeep;

    if (w->nbatch || upkeep->running) {
        return;
    }

    if (upkeep->due) {
        upkeep->due = 0;
        upkeep->running = 1;
        upkeep->now = ngx_ess_now();

        if (ngx_thread_task_post(w->log->thread_pool, &w->task) == NGX_OK) {
            return;
        }

        upkeep->running = 0;
        ngx_add_timer(&upkeep->timer, NGX_ESS_EVENT_LOG_UPKEEP);
    }

    ngx_ess_event_log_take(w);

    if (w->nbatch == 0
        || ngx_thread_task_post(w->log->thread_pool, &w->task) == NGX_OK)
    {
        return;
    }

    for (i = 0; i < w->nbatch; i++) {
        w->batch[i]->rc = NGX_BUSY;
        (void) ngx_snprintf(w->batch[i]->text, sizeof(w->batch[i]->text),
                            "no thread is free%Z");
    }

    ngx_ess_event_log_insert_end(w);
}


/* in a thread of the pool */

static void
ngx_ess_event_log_insert_thread(void *data, ngx_log_t *log)
{
    ngx_ess_event_log_worker_t *w = data;

    ngx_ess_event_log_upkeep_t        *upkeep;
    const ngx_ess_event_log_engine_t  *engine;

    upkeep = &w->upkeep;
    engine = w->log->engine;

    ngx_ess_event_log_thread_begin();

    if (!upkeep->running) {
        engine->insert(w->handle, w->batch, w->nbatch);
        return;
    }

    upkeep->text[0] = '\0';
    upkeep->measured = NGX_DECLINED;

    upkeep->rc = (w->log->keep || w->log->keep_size)
                 ? engine->retain(w->handle, upkeep->now, upkeep->text,
                                  sizeof(upkeep->text))
                 : NGX_OK;

    if (upkeep->rc == NGX_OK) {
        upkeep->measured = engine->measure(w->handle, &upkeep->events,
                                           &upkeep->bytes, upkeep->text,
                                           sizeof(upkeep->text));
    }
}


static void
ngx_ess_event_log_insert_done(ngx_event_t *ev)
{
    ngx_ess_event_log_worker_t  *w;

    w = ev->data;

    if (w->upkeep.running) {
        ngx_ess_event_log_upkeep_done(w);

    } else {
        ngx_ess_event_log_insert_end(w);
    }

    ngx_ess_event_log_insert_start(w);
}


void
ngx_ess_event_log_listen(void (*stored)(ngx_ess_event_log_t *log))
{
    ngx_ess_event_log_stored = stored;
}


void
ngx_ess_event_log_followed(ngx_ess_event_log_t *log)
{
    ngx_ess_event_log_notice_want(log);
}


static void
ngx_ess_event_log_noticed(ngx_ess_event_log_t *log)
{
    if (ngx_ess_event_log_stored) {
        ngx_ess_event_log_stored(log);
    }
}


/* Handlers may insert; nbatch is set still, so nothing starts meanwhile. */

static void
ngx_ess_event_log_insert_end(ngx_ess_event_log_worker_t *w)
{
    ngx_uint_t                   i, n;
    ngx_ess_event_log_insert_t  *insert;

    ngx_ess_event_log_insert_report(w);

    n = w->nbatch;

    if (n && ngx_ess_event_log_stored) {
        ngx_ess_event_log_stored(w->log);
    }

    for (i = 0; i < n; i++) {
        insert = w->batch[i];

        ngx_ess_event_log_figures_insert(w->log, insert);
        ngx_ess_event_log_hold_done(&w->hold);
        insert->handler(insert);
    }

    w->nbatch = 0;

    if (!ngx_queue_empty(&w->inserts)) {
        ngx_post_event(&w->start, &ngx_posted_events);
    }
}


/* One line when a log begins to fail, or fails for another reason, and one when
   it works again. */

static void
ngx_ess_event_log_insert_report(ngx_ess_event_log_worker_t *w)
{
    uint32_t                     last;
    ngx_uint_t                   i, failed;
    ngx_ess_escaped_t            text;
    ngx_ess_event_log_insert_t  *insert;

    insert = NULL;
    failed = 0;

    for (i = 0; i < w->nbatch; i++) {
        if (w->batch[i]->rc == NGX_BUSY) {
            insert = w->batch[i];
            failed++;
        }
    }

    last = w->failure;

    if (ngx_ess_event_log_failure(&w->failure,
                                  insert ? insert->text : NULL))
    {
        ngx_log_error(NGX_LOG_CRIT, w->error_log, 0,
                      "\"ess_event_log\" \"%V\": %ui of %ui inserts failed, "
                      "and it is not said again while they fail: %V",
                      &w->log->name, failed, w->nbatch,
                      ngx_ess_escape_bytes(&text, insert->text,
                                           ngx_strlen(insert->text)));

    } else if (last && !failed) {
        ngx_log_error(NGX_LOG_NOTICE, w->error_log, 0,
                      "\"ess_event_log\" \"%V\" takes events again",
                      &w->log->name);
    }

    if (failed) {
        ngx_ess_event_log_figures_failed(w->log, insert->text);

    } else {
        ngx_ess_event_log_figures_well(w->log);
    }
}


static void
ngx_ess_event_log_upkeep(ngx_event_t *ev)
{
    ngx_ess_event_log_worker_t  *w;

    w = ev->data;

    w->upkeep.due = 1;

    ngx_ess_event_log_insert_start(w);
}


static void
ngx_ess_event_log_upkeep_done(ngx_ess_event_log_worker_t *w)
{
    ngx_uint_t                   failed;
    ngx_ess_escaped_t            text;
    ngx_ess_event_log_upkeep_t  *upkeep;

    upkeep = &w->upkeep;
    upkeep->running = 0;

    failed = (upkeep->rc == NGX_ERROR || upkeep->measured == NGX_ERROR);

    if (failed && !upkeep->failing) {
        ngx_log_error(NGX_LOG_ERR, w->error_log, 0,
                      "\"ess_event_log\" \"%V\": its upkeep failed, and it is "
                      "not said again while it fails: %V", &w->log->name,
                      ngx_ess_escape_bytes(&text, upkeep->text,
                                           ngx_strlen(upkeep->text)));
    }

    upkeep->failing = failed;

    if (failed) {
        ngx_ess_event_log_figures_failed(w->log, upkeep->text);

    } else if (upkeep->measured == NGX_OK) {
        ngx_ess_event_log_figures_measured(w->log, upkeep->events,
                                           upkeep->bytes);
        ngx_ess_event_log_figures_well(w->log);
    }

    ngx_add_timer(&upkeep->timer, upkeep->rc == NGX_AGAIN
                                  ? NGX_ESS_EVENT_LOG_STEP
                                  : NGX_ESS_EVENT_LOG_UPKEEP);
}
