/*
 * One worker of an nginx has a connection over which the database tells what
 * others store: the one that has the lease, which is in the figures' memory.
 * Only workers that follow a log ask for it.  The connection is made in a
 * thread, and read in the event loop.  A log's followers look each second
 * besides, so what is missed here comes late, and is not lost.
 *
 *   wanted ──► lease ──► open (thread) ──► read ... lost ──► lease
 *                                            │
 *                    nobody follows, exiting ▼
 *                                          close
 */


#include "ngx_ess_descriptor.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_notice.h"
#include "ngx_ess_str.h"
#include "ngx_ess_wait.h"


/* ms: between looks at the lease, and for how long it is given; and how long
   after the last follower the connection stays */
#define NGX_ESS_EVENT_LOG_NOTICE_LOOK    1000
#define NGX_ESS_EVENT_LOG_NOTICE_LEASE   4000
#define NGX_ESS_EVENT_LOG_NOTICE_WANTED  5000


typedef struct ngx_ess_event_log_notice_s  ngx_ess_event_log_notice_t;

struct ngx_ess_event_log_notice_s {
    ngx_ess_event_log_t         *log;
    ngx_ess_event_log_notice_t  *first;     /* of this connection: its owner;
                                               NULL: this log has none */
    ngx_uint_t                   told;      /* notifications of this turn */

    /* of the first one */
    void                        *handle;
    ngx_connection_t            *connection; /* NULL: it is not open */
    ngx_thread_task_t            task;
    ngx_event_t                  timer;     /* set while it is wanted */
    ngx_msec_t                   wanted;    /* until then */
    ngx_msec_t                   since;     /* it has been open */

    /* the thread's while "running" */
    ngx_int_t                    rc;
    ngx_socket_t                 fd;
    u_char                       text[256];

    unsigned                     running:1;
    unsigned                     failing:1;
};


static ngx_int_t ngx_ess_event_log_notice_add(ngx_ess_event_log_notice_t *n,
    ngx_ess_event_log_t *log);
static ngx_uint_t ngx_ess_event_log_notice_same(ngx_ess_event_log_t *one,
    ngx_ess_event_log_t *two);
static void ngx_ess_event_log_notice_look(ngx_event_t *ev);
static void ngx_ess_event_log_notice_open(ngx_ess_event_log_notice_t *n);
static void ngx_ess_event_log_notice_thread(void *data, ngx_log_t *log);
static void ngx_ess_event_log_notice_opened(ngx_event_t *ev);
static void ngx_ess_event_log_notice_read(ngx_event_t *ev);
static void ngx_ess_event_log_notice_told(void *data, const char *name);
static void ngx_ess_event_log_notice_tell(ngx_ess_event_log_notice_t *n,
    ngx_uint_t all);
static void ngx_ess_event_log_notice_failed(ngx_ess_event_log_notice_t *n);
static void ngx_ess_event_log_notice_close(ngx_ess_event_log_notice_t *n);
static void ngx_ess_event_log_notice_state(ngx_ess_event_log_notice_t *n);


/* this worker's, by the logs' numbers */
static ngx_ess_event_log_notice_t  *ngx_ess_event_log_notices;
static ngx_uint_t                   ngx_ess_event_log_notices_n;
static ngx_log_t                   *ngx_ess_event_log_notices_log;
static void                       (*ngx_ess_event_log_noticed)(
                                      ngx_ess_event_log_t *log);


ngx_int_t
ngx_ess_event_log_notice_init(ngx_cycle_t *cycle, ngx_array_t *logs,
    void (*noticed)(ngx_ess_event_log_t *log))
{
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    ngx_ess_event_log_notices = ngx_calloc(logs->nelts
                                          * sizeof(ngx_ess_event_log_notice_t),
                                          cycle->log);
    if (ngx_ess_event_log_notices == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_event_log_notices_log = cycle->log;
    ngx_ess_event_log_noticed = noticed;

    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        if (ngx_ess_event_log_notice_add(&ngx_ess_event_log_notices[i], log[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_event_log_notice_add(ngx_ess_event_log_notice_t *n,
    ngx_ess_event_log_t *log)
{
    ngx_ess_event_log_notice_t  *other;

    n->log = log;

    ngx_ess_event_log_notices_n++;

    if (log->engine->notices == NULL) {
        return NGX_OK;
    }

    for (other = ngx_ess_event_log_notices; other < n; other++) {
        if (ngx_ess_event_log_notice_same(other->log, log)) {
            n->first = other->first;
            return NGX_OK;
        }
    }

    n->first = n;

    n->handle = log->engine->notices->create(log,
                                             ngx_ess_event_log_notices_log);
    if (n->handle == NULL) {
        return NGX_ERROR;
    }

    n->task.ctx = n;
    n->task.handler = ngx_ess_event_log_notice_thread;
    n->task.event.handler = ngx_ess_event_log_notice_opened;
    n->task.event.data = n;
    n->task.event.log = ngx_ess_event_log_notices_log;

    n->timer.handler = ngx_ess_event_log_notice_look;
    n->timer.data = n;
    n->timer.log = ngx_ess_event_log_notices_log;
    n->timer.cancelable = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_event_log_notice_same(ngx_ess_event_log_t *one,
    ngx_ess_event_log_t *two)
{
    return one->engine->notices == two->engine->notices
           && ngx_ess_str_equal(one->listen.len ? &one->listen : &one->place,
                                two->listen.len ? &two->listen : &two->place)
           && ngx_ess_str_equal(&one->password_file, &two->password_file);
}


void
ngx_ess_event_log_notice_exit(void)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_notice_t  *n;

    for (i = 0; i < ngx_ess_event_log_notices_n; i++) {
        n = &ngx_ess_event_log_notices[i];

        if (n->handle) {
            ngx_ess_event_log_notice_close(n);
            ngx_ess_wait_clear(&n->timer);
            n->log->engine->notices->destroy(n->handle);
        }
    }

    if (ngx_ess_event_log_notices) {
        ngx_free(ngx_ess_event_log_notices);
    }

    ngx_ess_event_log_notices = NULL;
    ngx_ess_event_log_notices_n = 0;
}


void
ngx_ess_event_log_notice_want(ngx_ess_event_log_t *log)
{
    ngx_ess_event_log_notice_t  *n;

    n = ngx_ess_event_log_notices[log->number].first;

    if (n == NULL) {
        return;
    }

    n->wanted = ngx_current_msec + NGX_ESS_EVENT_LOG_NOTICE_WANTED;

    if (!n->timer.timer_set && !ngx_exiting) {
        ngx_add_timer(&n->timer, 1);
    }
}


static void
ngx_ess_event_log_notice_look(ngx_event_t *ev)
{
    ngx_ess_event_log_notice_t  *n;

    n = ev->data;

    if (ngx_exiting
        || (ngx_msec_int_t) (n->wanted - ngx_current_msec) <= 0)
    {
        ngx_ess_event_log_notice_close(n);
        return;
    }

    if (ngx_ess_event_log_figures_lease(n->log, NGX_ESS_EVENT_LOG_NOTICE_LEASE)
        != NGX_OK)
    {
        /* another one has it; of this one, if it had it and slept for long,
           nobody expects anything any more */

        ngx_ess_event_log_notice_close(n);

    } else if (n->connection) {
        ngx_ess_event_log_notice_state(n);

    } else if (!n->running) {
        ngx_ess_event_log_notice_open(n);
    }

    ngx_add_timer(ev, NGX_ESS_EVENT_LOG_NOTICE_LOOK);
}


static void
ngx_ess_event_log_notice_open(ngx_ess_event_log_notice_t *n)
{
    n->running = 1;

    if (ngx_thread_task_post(n->log->thread_pool, &n->task) != NGX_OK) {
        n->running = 0;
    }
}


/* in a thread of the pool */

static void
ngx_ess_event_log_notice_thread(void *data, ngx_log_t *log)
{
    ngx_ess_event_log_notice_t *n = data;

    n->rc = n->log->engine->notices->open(n->handle, &n->fd, n->text,
                                          sizeof(n->text));
}


static void
ngx_ess_event_log_notice_opened(ngx_event_t *ev)
{
    ngx_ess_event_log_notice_t  *n;

    n = ev->data;

    n->running = 0;

    if (n->rc != NGX_OK) {
        ngx_ess_event_log_notice_failed(n);
        return;
    }

    /* the timer ended while it was being opened */

    if (!n->timer.timer_set || ngx_exiting) {
        n->log->engine->notices->close(n->handle);
        return;
    }

    n->connection = ngx_ess_descriptor_add(n->fd, ngx_ess_event_log_notice_read,
                                           n, ngx_ess_event_log_notices_log);
    if (n->connection == NULL) {
        n->log->engine->notices->close(n->handle);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                  "\"ess_event_log\" \"%V\" listens to what others store",
                  &n->log->name);

    n->failing = 0;
    n->since = ngx_current_msec;

    ngx_ess_event_log_notice_state(n);

    /* what was stored before it listened */

    ngx_ess_event_log_notice_tell(n, 1);

    ngx_post_event(n->connection->read, &ngx_posted_events);
}


/* The event is edge-triggered: all is read. */

static void
ngx_ess_event_log_notice_read(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_ess_event_log_notice_t  *n;

    c = ev->data;
    n = c->data;

    n->rc = n->log->engine->notices->read(n->handle,
                                          ngx_ess_event_log_notice_told, n,
                                          n->text, sizeof(n->text));

    ngx_ess_event_log_notice_tell(n, 0);

    if (n->rc == NGX_AGAIN) {
        ngx_post_event(ev, &ngx_posted_next_events);

    } else if (n->rc == NGX_ERROR) {
        ngx_ess_event_log_notice_close(n);
        ngx_ess_event_log_notice_failed(n);

        if (ngx_current_msec - n->since > NGX_ESS_EVENT_LOG_NOTICE_LOOK) {

            /* another one, soon, perhaps of another worker */

            ngx_add_timer(&n->timer, 1);
            return;
        }

        /* who accepts connections and cuts them off is not asked at once, and
           not by other workers either */

        (void) ngx_ess_event_log_figures_lease(n->log,
                                               NGX_ESS_EVENT_LOG_NOTICE_LEASE);
        ngx_add_timer(&n->timer, NGX_ESS_EVENT_LOG_NOTICE_LOOK);
    }
}


static void
ngx_ess_event_log_notice_told(void *data, const char *name)
{
    ngx_str_t                    text;
    ngx_uint_t                   i;
    ngx_ess_event_log_notice_t  *n;

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);

    for (i = 0; i < ngx_ess_event_log_notices_n; i++) {
        n = &ngx_ess_event_log_notices[i];

        if (n->first == data && ngx_ess_str_equal(&n->log->name, &text)) {
            n->told++;
            return;
        }
    }
}


/* Once a log, however many notifications there were. */

static void
ngx_ess_event_log_notice_tell(ngx_ess_event_log_notice_t *n, ngx_uint_t all)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_notice_t  *other;

    for (i = 0; i < ngx_ess_event_log_notices_n; i++) {
        other = &ngx_ess_event_log_notices[i];

        if (other->first != n || (other->told == 0 && !all)) {
            continue;
        }

        ngx_ess_event_log_figures_noticed(other->log, other->told);
        other->told = 0;

        ngx_ess_event_log_noticed(other->log);
    }
}


/* One line, until it succeeds. */

static void
ngx_ess_event_log_notice_failed(ngx_ess_event_log_notice_t *n)
{
    ngx_ess_escaped_t  text;

    if (!n->failing) {
        ngx_log_error(NGX_LOG_WARN, ngx_ess_event_log_notices_log, 0,
                      "\"ess_event_log\" \"%V\" cannot listen to what others "
                      "store, and looks each second: %V", &n->log->name,
                      ngx_ess_escape_bytes(&text, n->text,
                                           ngx_strlen(n->text)));
    }

    n->failing = 1;
}


/* The lease, if this worker has it, is free at once. */

static void
ngx_ess_event_log_notice_close(ngx_ess_event_log_notice_t *n)
{
    if (n->connection) {

        /* the descriptor is the engine's, who closes it, or has done so when
           the connection was lost */

        ngx_ess_descriptor_remove(n->connection, NGX_CLOSE_EVENT);
        n->connection = NULL;

        n->log->engine->notices->close(n->handle);

        ngx_ess_event_log_notice_state(n);
    }

    ngx_ess_event_log_figures_unlease(n->log);
}


/* For figures, of all logs of this connection. */

static void
ngx_ess_event_log_notice_state(ngx_ess_event_log_notice_t *n)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_notice_t  *other;

    for (i = 0; i < ngx_ess_event_log_notices_n; i++) {
        other = &ngx_ess_event_log_notices[i];

        if (other->first == n) {
            ngx_ess_event_log_figures_listening(other->log,
                             n->connection ? NGX_ESS_EVENT_LOG_NOTICE_LEASE
                                           : 0);
        }
    }
}
