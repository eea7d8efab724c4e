
/*
 * When a slot's former queue is left, its own one is counted: what that has yet
 * to send may have come from the former one as well.  What it had sent by then
 * has arrived when the channel answers an operation behind it.  All state is
 * the slot's own worker's.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_count.h"
#include "ngx_ess_exchange_overlap.h"


static void ngx_ess_exchange_count_arrived(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_count_done(ngx_ess_exchange_slot_t *slot);


/* Its consumer is among those that are named as soon as it was started. */

ngx_int_t
ngx_ess_exchange_count(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok)
{
    if (!slot->consuming || (ok && ok->consumer_count == 0)) {
        return NGX_AGAIN;
    }

    ngx_ess_exchange_overlap_count(slot, ok ? ok->message_count : 0);

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_COUNTED;

    return NGX_OK;
}


/* On the channel of consumers: one operation at a time. */

void
ngx_ess_exchange_count_barrier(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot, *first;

    if (w->consume == NULL || w->consumer.sent) {
        return;
    }

    first = NULL;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_COUNTED
            && slot->consuming && !slot->former.busy)
        {
            w->former_counted |= (ngx_uint_t) 1 << i;
            first = slot;
        }
    }

    if (first == NULL) {
        return;
    }

    first->former.busy = 1;

    ngx_ess_exchange_consumer_limit(w, &first->former.op,
                                    ngx_ess_exchange_count_arrived, first);
}


static void
ngx_ess_exchange_count_arrived(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_uint_t                  i, slots;
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    slot = op->data;
    w = slot->worker;

    slot->former.busy = 0;
    w->consumer.sent = NULL;

    slots = w->former_counted;
    w->former_counted = 0;

    if (rc != NGX_OK) {
        /* the channel or the session is gone: all is looked up again */
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if ((slots & ((ngx_uint_t) 1 << i))
            && slot->former.state == NGX_ESS_EXCHANGE_FORMER_COUNTED)
        {
            ngx_ess_exchange_overlap_arrived(slot);
            ngx_ess_exchange_count_done(slot);
        }
    }

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_count_done(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    slot->former.found = 0;

    ngx_ess_broker_set_queue(w->zone, slot->number, !w->conf->quorum,
                             NGX_ESS_BROKER_GONE);

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "queue \"%V\" is empty, queue \"%V\" is consumed now",
                  &slot->former.name, &slot->queue.name);
}
