
/*
 * Consumers of the slots' queues.  Only the slot's own worker consumes it; a
 * consumer is started on a channel that nothing else may end, one at a time.
 * All state is the worker's.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_loss.h"


#define NGX_ESS_EXCHANGE_CONSUMER_MAX       4000    /* ms */

/* ms between two consumes when the first was canceled */
#define NGX_ESS_EXCHANGE_CONSUMER_CANCELED  1000


static ngx_uint_t ngx_ess_exchange_consumer_due(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_consumer_qos(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_consumer_start(ngx_ess_exchange_slot_t *slot);
static ngx_str_t *ngx_ess_exchange_consumer_queue(
    ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_consumer_send(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_op_t *op);
static void ngx_ess_exchange_consumer_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_consumer_set(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t on);
static void ngx_ess_exchange_consumer_refused(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_uint_t code, ngx_str_t *text);


/* may the slot's consumer be started? */

static ngx_uint_t
ngx_ess_exchange_consumer_due(ngx_ess_exchange_slot_t *slot)
{
    return slot->own && !slot->consuming
           && ngx_ess_exchange_consumer_queue(slot)
           && (slot->refused == 0
               || (ngx_msec_int_t) (slot->consume_after - ngx_current_msec)
                  <= 0);
}


ngx_uint_t
ngx_ess_exchange_consumer_starting(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->own && slot->queue.state != NGX_ESS_EXCHANGE_REFUSED
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_TAKEN
            && (ngx_ess_exchange_consumer_due(slot)
                || ngx_ess_exchange_consumer_queue(slot) == NULL))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_ess_exchange_consumer_asked(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_consumer_t  *c;

    c = &slot->worker->consumer;

    return c->sent == &c->op && !c->op.canceled && c->slot == slot;
}


void
ngx_ess_exchange_consumer(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot, *next;

    if (w->consume == NULL || w->consumer.sent || w->draining) {
        return;
    }

    next = NULL;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->queue.state != NGX_ESS_EXCHANGE_READY
            || !ngx_ess_exchange_consumer_due(slot))
        {
            continue;
        }

        /* those that were refused last: a refusal ends all consumers */

        if (next == NULL || slot->refused < next->refused) {
            next = slot;
        }
    }

    if (next == NULL) {
        return;
    }

    if (!w->consumer.qos_done) {
        ngx_ess_exchange_consumer_qos(w);
        return;
    }

    ngx_ess_exchange_consumer_start(next);
}


static void
ngx_ess_exchange_consumer_qos(ngx_ess_exchange_worker_t *w)
{
    w->consumer.slot = NULL;

    ngx_ess_exchange_consumer_limit(w, &w->consumer.op,
                                    ngx_ess_exchange_consumer_answered, w);
}


void
ngx_ess_exchange_consumer_limit(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_op_t *op, ngx_ess_amqp_op_pt handler, void *data)
{
    amqp_basic_qos_t  *m;

    m = ngx_ess_amqp_op_init(op, AMQP_BASIC_QOS_METHOD, handler, data);

    /* not global: for each consumer that is started after it */
    m->prefetch_count = (uint16_t) ngx_ess_exchange_slot_prefetch(w);

    ngx_ess_exchange_consumer_send(w, op);
}


/* the one from which the slot is consumed; NULL: none, for now */

static ngx_str_t *
ngx_ess_exchange_consumer_queue(ngx_ess_exchange_slot_t *slot)
{
    if (slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND) {
        return &slot->former.name;
    }

    return (slot->former.state >= NGX_ESS_EXCHANGE_FORMER_NONE
            && slot->former.state <= NGX_ESS_EXCHANGE_FORMER_COUNTED)
           ? &slot->queue.name : NULL;
}


static void
ngx_ess_exchange_consumer_start(ngx_ess_exchange_slot_t *slot)
{
    amqp_basic_consume_t       *m;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;
    m = ngx_ess_amqp_op_init(&w->consumer.op, AMQP_BASIC_CONSUME_METHOD,
                             ngx_ess_exchange_consumer_answered, w);

    m->queue = ngx_ess_exchange_worker_bytes(
                                       ngx_ess_exchange_consumer_queue(slot));
    m->consumer_tag.bytes = w->consumer.tag;
    m->consumer_tag.len = ngx_sprintf(w->consumer.tag, "ess-%ui", slot->number)
                          - w->consumer.tag;

    w->consumer.slot = slot;

    ngx_ess_exchange_consumer_send(w, &w->consumer.op);
}


static void
ngx_ess_exchange_consumer_send(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_op_t *op)
{
    w->consumer.sent = op;

    ngx_ess_amqp_op(w->consume, op);
}


static void
ngx_ess_exchange_consumer_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    w = op->data;
    slot = w->consumer.slot;

    w->consumer.sent = NULL;

    if (rc == NGX_ABORT) {
        /* not sent again on a channel made anew: see reset */
        if (!w->draining) {
            ngx_ess_exchange_worker_retry(w);
        }

        return;
    }

    if (rc != NGX_OK) {
        /* the channel and all consumers are gone: see the channel's handler */
        ngx_ess_exchange_consumer_refused(w, slot, code, text);
        return;
    }

    if (slot == NULL) {
        w->consumer.qos_done = 1;

    } else {
        ngx_ess_exchange_consumer_set(slot, 1);
        slot->consumed = 1;
        slot->consumed_at = ngx_current_msec;
        slot->lost = 0;
        slot->refused = 0;

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_UNBOUND) {
            slot->former.counted = 1;
        }

        w->rebind |= (ngx_uint_t) 1 << slot->number;
    }

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_consumer_set(ngx_ess_exchange_slot_t *slot, ngx_uint_t on)
{
    slot->consuming = on;

    ngx_ess_broker_consumed(slot->worker->zone, slot->number, on);
}


static void
ngx_ess_exchange_consumer_refused(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_uint_t code, ngx_str_t *text)
{
    ngx_msec_t  delay;

    ngx_ess_exchange_worker_refused(w, "broker refused a consumer", code, text);

    if (slot == NULL || code == AMQP_NOT_FOUND) {
        return;
    }

    delay = ngx_min((ngx_msec_t) 1000 << ngx_min(slot->refused, 5),
                    NGX_ESS_EXCHANGE_CONSUMER_MAX);

    slot->refused++;
    slot->consume_after = ngx_current_msec + delay;
}


void
ngx_ess_exchange_consumer_canceled(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_consumer_set(slot, 0);

    if (ngx_ess_exchange_slot_tell(slot)) {
        ngx_log_error(NGX_LOG_WARN, slot->worker->log, 0,
                      "queue \"%V\" is gone, events of slot %ui published "
                      "until it is bound again are lost",
                      ngx_ess_exchange_consumer_queue(slot), slot->number);
    }

    ngx_ess_loss_slot(slot->worker->zone, slot->number);

    /* so that this is not said again when it is made anew */
    slot->consumed = 0;

    ngx_ess_exchange_delivery_end(slot);

    if (slot->former.state < NGX_ESS_EXCHANGE_FORMER_BOUND
        && slot->queue.state == NGX_ESS_EXCHANGE_READY)
    {
        slot->queue.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    if (ngx_current_msec - slot->consumed_at
        < NGX_ESS_EXCHANGE_CONSUMER_CANCELED)
    {
        slot->refused++;
        slot->consume_after = slot->consumed_at
                              + NGX_ESS_EXCHANGE_CONSUMER_CANCELED;
    }

    ngx_ess_exchange_worker_kick(slot->worker);
}


void
ngx_ess_exchange_consumer_drop(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_consumer_set(&w->slots[i], 0);
    }

    ngx_ess_exchange_delivery_drop(w);
    ngx_ess_amqp_resume(w->session);

    w->consumer.qos_done = 0;
}


void
ngx_ess_exchange_consumer_reset(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_consumer_drop(w);

    if (w->consumer.sent) {
        /* it would begin to consume without a prefetch limit, or say what has
           arrived on a channel that is gone */
        ngx_ess_amqp_op_cancel(w->consumer.sent);
    }
}
