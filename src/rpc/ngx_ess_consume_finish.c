
/*
 * A message's end: it is settled, counted, out of its queue's turns, and freed.
 * All state is the message's.  Runs in a worker.
 */


#include "ngx_ess_consume_finish.h"
#include "ngx_ess_consume_turn.h"


/* ms that a reply has to be confirmed, once shutdown has begun */
#define NGX_ESS_CONSUME_FINISH_LEAVING  5000


static void ngx_ess_consume_finish_hurry_handler(ngx_event_t *ev);


void
ngx_ess_consume_finish(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_outcome_e outcome, ngx_ess_consume_settle_e how)
{
    ngx_ess_rpc_figures_message(msg->queue->figures, outcome);

    if (outcome == NGX_ESS_CONSUME_ACK || outcome == NGX_ESS_CONSUME_REPLY
        || outcome == NGX_ESS_CONSUME_GONE)
    {
        ngx_ess_rpc_figures_message_time(ngx_current_msec - msg->since);
    }

    ngx_ess_consume_finish_drop(msg, how);
}


void
ngx_ess_consume_finish_drop(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_settle_e how)
{
    ngx_ess_consume_turn_leave(msg);

    ngx_queue_remove(&msg->all);

    ngx_ess_consume_queue_settle(&msg->delivery, how);

    ngx_ess_consume_message_free(msg);
}


void
ngx_ess_consume_finish_hurry(ngx_ess_consume_message_t *msg)
{
    if (ngx_ess_consume_queue_leaving(msg->delivery.queue)) {
        msg->timer.handler = ngx_ess_consume_finish_hurry_handler;

        ngx_add_timer(&msg->timer, NGX_ESS_CONSUME_FINISH_LEAVING);
    }
}


static void
ngx_ess_consume_finish_hurry_handler(ngx_event_t *ev)
{
    ngx_ess_consume_finish_drop(ev->data, NGX_ESS_CONSUME_SETTLE_REQUEUE);
}
