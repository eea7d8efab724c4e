
/*
 * The drain: a share of the subscribers every few milliseconds, so that
 * clients do not all come back in one moment.  It owns the list, not the
 * subscribers.  Runs in workers that shut down.
 */


#include "ngx_ess_drain.h"


#define NGX_ESS_DRAIN_STEP   20             /* ms */

/* subscribers closed before other events have their turn */
#define NGX_ESS_DRAIN_SLICE  256


typedef struct {
    ngx_queue_t                      list;
    ngx_uint_t                       n;     /* on the list */
    ngx_queue_t                      late;  /* whose turn was */
    ngx_uint_t                       code;
    ngx_uint_t                       active;
    ngx_uint_t                       over;  /* only the close is waited for */
    ngx_msec_t                       end;   /* when all are to be closed */
    ngx_msec_t                       patience;
    ngx_event_t                      timer;
    ngx_event_t                      last;
    ngx_connection_t                 dummy; /* for the timers' debug log */
    const ngx_ess_drain_handlers_t  *handlers;
} ngx_ess_drain_worker_t;


static void ngx_ess_drain_step(ngx_event_t *ev);
static void ngx_ess_drain_last(ngx_event_t *ev);


static ngx_ess_drain_worker_t  ngx_ess_drain;


void
ngx_ess_drain_init(ngx_cycle_t *cycle,
    const ngx_ess_drain_handlers_t *handlers)
{
    ngx_memzero(&ngx_ess_drain, sizeof(ngx_ess_drain_worker_t));

    ngx_queue_init(&ngx_ess_drain.list);
    ngx_queue_init(&ngx_ess_drain.late);

    ngx_ess_drain.handlers = handlers;
    ngx_ess_drain.dummy.fd = (ngx_socket_t) -1;

    ngx_ess_drain.timer.handler = ngx_ess_drain_step;
    ngx_ess_drain.timer.data = &ngx_ess_drain.dummy;
    ngx_ess_drain.timer.log = cycle->log;

    /* for nobody's sake: a worker that has no subscriber any more leaves */

    ngx_ess_drain.last.handler = ngx_ess_drain_last;
    ngx_ess_drain.last.data = &ngx_ess_drain.dummy;
    ngx_ess_drain.last.log = cycle->log;
    ngx_ess_drain.last.cancelable = 1;
}


void
ngx_ess_drain_add(ngx_ess_client_t *client)
{
    ngx_queue_insert_tail(&ngx_ess_drain.list, &client->drain);
    ngx_ess_drain.n++;
}


void
ngx_ess_drain_wait(ngx_ess_client_t *client)
{
    client->late = 1;
    ngx_queue_insert_tail(&ngx_ess_drain.late, &client->drain);
}


void
ngx_ess_drain_remove(ngx_ess_client_t *client)
{
    /* alone in a queue of its own: not on the list any more */

    if (ngx_queue_empty(&client->drain)) {
        return;
    }

    ngx_queue_remove(&client->drain);
    ngx_queue_init(&client->drain);

    if (client->late) {
        client->late = 0;
        return;
    }

    if (--ngx_ess_drain.n == 0 && ngx_ess_drain.timer.timer_set) {
        ngx_del_timer(&ngx_ess_drain.timer);
    }
}


void
ngx_ess_drain_start(ngx_uint_t code, ngx_msec_t time, ngx_msec_t limit)
{
    ngx_msec_t  least, patience;

    if (ngx_ess_drain.active) {
        return;
    }

    least = NGX_ESS_DRAIN_LEAST;
    patience = NGX_ESS_DRAIN_PATIENCE;

    if (limit) {
        limit -= ngx_min(limit, NGX_ESS_DRAIN_SPARE);
        patience = ngx_min(patience, limit / 4);

        least = ngx_min(least, limit - patience);
        time = ngx_min(time, limit - patience);
    }

    ngx_ess_drain.active = 1;
    ngx_ess_drain.code = code;
    ngx_ess_drain.end = ngx_current_msec + time;
    ngx_ess_drain.patience = patience;

    ngx_add_timer(&ngx_ess_drain.last, ngx_max(time, least));

    if (ngx_ess_drain.n == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_ess_drain.timer.log, 0,
                  "closing %ui subscribers within %M ms", ngx_ess_drain.n,
                  time);

    ngx_ess_drain_step(&ngx_ess_drain.timer);
}


ngx_uint_t
ngx_ess_drain_active(void)
{
    return ngx_ess_drain.active;
}


static void
ngx_ess_drain_step(ngx_event_t *ev)
{
    ngx_uint_t         i, share;
    ngx_msec_t         next;
    ngx_queue_t       *q;
    ngx_msec_int_t     left;
    ngx_ess_client_t  *client;

    left = (ngx_msec_int_t) (ngx_ess_drain.end - ngx_current_msec);

    share = ngx_ess_drain.n;
    next = 1;

    if (left > NGX_ESS_DRAIN_STEP && share) {

        /* of few, one at a time; of many, no more at a time, but sooner */

        share = (share * NGX_ESS_DRAIN_STEP + left - 1) / left;
        share = ngx_min(share, NGX_ESS_DRAIN_SLICE);

        next = ngx_max(left * share / ngx_ess_drain.n, 1);
    }

    share = ngx_min(share, NGX_ESS_DRAIN_SLICE);

    for (i = 0; i < share && !ngx_queue_empty(&ngx_ess_drain.list); i++) {

        q = ngx_queue_head(&ngx_ess_drain.list);
        client = ngx_queue_data(q, ngx_ess_client_t, drain);

        ngx_ess_drain_remove(client);

        ngx_ess_drain.handlers->close(client, ngx_ess_drain.code);
    }

    if (ngx_ess_drain.n) {
        ngx_add_timer(ev, next);
    }
}


static void
ngx_ess_drain_last(ngx_event_t *ev)
{
    ngx_uint_t         i;
    ngx_queue_t       *q;
    ngx_ess_client_t  *client;

    for (i = 0;
         i < NGX_ESS_DRAIN_SLICE && !ngx_queue_empty(&ngx_ess_drain.late);
         i++)
    {
        q = ngx_queue_head(&ngx_ess_drain.late);
        client = ngx_queue_data(q, ngx_ess_client_t, drain);

        ngx_ess_drain_remove(client);

        (void) ngx_ess_drain.handlers->late(client);
    }

    if (i < NGX_ESS_DRAIN_SLICE) {

        /* a busy worker may be late with the turns themselves */

        if (ngx_ess_drain.n || !ngx_ess_drain.over) {
            ngx_ess_drain.over = (ngx_ess_drain.n == 0);
            ngx_add_timer(ev, ngx_ess_drain.patience);
            return;
        }

        if (!ngx_ess_drain.handlers->over(NGX_ESS_DRAIN_SLICE)) {
            return;
        }
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}
