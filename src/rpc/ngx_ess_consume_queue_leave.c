
/*
 * A worker leaves its queues: no consumer, then, when all that is in work is
 * settled, no channel, so that the broker gives the rest to others at once.
 * Were it to leave with the connection, the broker could miss acknowledgements.
 * A queue with a single active consumer keeps its consumer until the channel
 * goes: RabbitMQ 3.10 does not survive that it is cancelled.  All state is the
 * worker's.
 */


#include "ngx_ess_consume_queue_leave.h"
#include "ngx_ess_consume_queue_start.h"


/* ms that a worker that leaves waits for the broker, and looks whether more is
   in work */
#define NGX_ESS_CONSUME_QUEUE_LEAVE_TIME  1000


static void ngx_ess_consume_queue_leave_cancel(ngx_ess_consume_queue_t *q);
static void ngx_ess_consume_queue_leave_canceled(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_consume_queue_leave_stay(ngx_event_t *ev);


void
ngx_ess_consume_queue_leave(void)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_t         *q;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    w->leaving = 1;
    w->left_at = ngx_current_msec;

    ngx_ess_consume_queue_worker_event(&w->leave,
                                       ngx_ess_consume_queue_leave_stay,
                                       w->queues);
    w->leave.cancelable = 0;

    ngx_add_timer(&w->leave, NGX_ESS_CONSUME_QUEUE_LEAVE_TIME);

    for (i = 0; i < w->n; i++) {
        q = &w->queues[i];

        ngx_ess_wait_clear(&q->turn);
        ngx_ess_consume_queue_start_count(q, 0);

        if (q->state == NGX_ESS_CONSUME_QUEUE_CONSUMING) {
            ngx_ess_consume_queue_leave_cancel(q);

        } else {
            ngx_ess_consume_queue_start_drop(q);
            ngx_ess_consume_queue_leave_done(q);
        }
    }
}


static void
ngx_ess_consume_queue_leave_cancel(ngx_ess_consume_queue_t *q)
{
    amqp_basic_cancel_t  *cancel;

    q->state = NGX_ESS_CONSUME_QUEUE_CANCELING;

    if (q->conf->consume->sac) {

        /* when nothing is in work the channel goes at once */

        ngx_post_event(&q->settle, &ngx_posted_events);
        return;
    }

    q->busy = 1;

    cancel = ngx_ess_amqp_op_init(&q->op, AMQP_BASIC_CANCEL_METHOD,
                                  ngx_ess_consume_queue_leave_canceled, q);

    cancel->consumer_tag = amqp_cstring_bytes((char *) q->tag);

    ngx_ess_amqp_op(q->channel, &q->op);
}


static void
ngx_ess_consume_queue_leave_canceled(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_consume_queue_t  *q;

    q = op->data;
    q->busy = 0;

    if (q->state != NGX_ESS_CONSUME_QUEUE_CANCELING) {
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_consume_queue_start_drop(q);
        ngx_ess_consume_queue_leave_done(q);
        return;
    }

    ngx_post_event(&q->settle, &ngx_posted_events);
}


void
ngx_ess_consume_queue_leave_settled(ngx_ess_consume_queue_t *q)
{
    if (q->busy || q->acks.nelts || !ngx_queue_empty(&q->unsettled)) {
        return;
    }

    q->closing = q->channel;

    ngx_ess_consume_queue_start_drop(q);

    ngx_add_timer(&ngx_ess_consume_queue_worker.leave,
                  NGX_ESS_CONSUME_QUEUE_LEAVE_TIME);
}


void
ngx_ess_consume_queue_leave_done(ngx_ess_consume_queue_t *q)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    q->state = NGX_ESS_CONSUME_QUEUE_CLOSED;

    for (i = 0; i < w->n; i++) {
        if (w->queues[i].state != NGX_ESS_CONSUME_QUEUE_CLOSED) {
            return;
        }
    }

    ngx_ess_wait_clear(&w->leave);
}


/* Keeps the worker while it has something to settle, but not for longer than
   "worker_shutdown_timeout". */

static void
ngx_ess_consume_queue_leave_stay(ngx_event_t *ev)
{
    ngx_uint_t                       i;
    ngx_core_conf_t                 *ccf;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout
        && ngx_current_msec - w->left_at > ccf->shutdown_timeout)
    {
        return;
    }

    for (i = 0; i < w->n; i++) {
        if (w->queues[i].nunsettled) {
            ngx_add_timer(ev, NGX_ESS_CONSUME_QUEUE_LEAVE_TIME);
            return;
        }
    }
}
