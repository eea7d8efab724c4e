
/*
 * Slot queues and their consumers.  A slot's queue is looked up first, made
 * when it is not there, and used as it is when it differs; any worker may do
 * so, for a binding.  Only the slot's own worker consumes it.  All state is
 * the worker's.
 */


#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_loss.h"


#define NGX_ESS_EXCHANGE_SLOT_CONSUME_MAX  4000     /* ms */

/* ms between two consumes when the first was canceled */
#define NGX_ESS_EXCHANGE_SLOT_CANCELED     1000

/* ms between two lines on the loss of one slot's queue */
#define NGX_ESS_EXCHANGE_SLOT_TOLD         60000

/* the version of RabbitMQ from which on quorum queues limit deliveries */
#define NGX_ESS_EXCHANGE_SLOT_LIMITED      4


static void ngx_ess_exchange_slot_own(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
static void ngx_ess_exchange_slot_declare(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_declared_e state);
static void ngx_ess_exchange_slot_arguments(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_slot_declared(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static ngx_uint_t ngx_ess_exchange_slot_inequivalent(ngx_uint_t code,
    ngx_str_t *text);
static void ngx_ess_exchange_slot_refused(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t code, ngx_str_t *text);
static ngx_ess_exchange_declared_e ngx_ess_exchange_slot_compared(
    ngx_ess_exchange_slot_t *slot, ngx_uint_t code, ngx_str_t *text);
static ngx_uint_t ngx_ess_exchange_slot_tell(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_slot_created(ngx_ess_exchange_slot_t *slot);
static ngx_uint_t ngx_ess_exchange_slot_due(ngx_ess_exchange_slot_t *slot);
static ngx_str_t *ngx_ess_exchange_slot_queue(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_slot_send_qos(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_slot_send_consume(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_slot_consumed(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_slot_not_consumed(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_uint_t code, ngx_str_t *text);


ngx_int_t
ngx_ess_exchange_slot_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        slot->worker = w;
        slot->number = i;

        if (ngx_ess_exchange_slot_name(w, cycle, i, w->conf->quorum,
                                       &slot->queue)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = ngx_sprintf(slot->tag_data, "ess-%ui", i);
        slot->tag.data = slot->tag_data;
        slot->tag.len = p - slot->tag_data;

        ngx_ess_exchange_delivery_init_slot(slot);
    }

    ngx_ess_exchange_delivery_init(w);

    ngx_ess_exchange_slot_own(w, cycle);

    return ngx_ess_exchange_former_init(w, cycle);
}


ngx_int_t
ngx_ess_exchange_slot_name(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle,
    ngx_uint_t number, ngx_uint_t quorum, ngx_str_t *name)
{
    size_t  len;

    len = sizeof("ess..q") - 1 + w->conf->node.len + NGX_INT_T_LEN;

    name->data = ngx_pnalloc(cycle->pool, len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = ngx_sprintf(name->data, quorum ? "ess.%V.q%ui" : "ess.%V.%ui",
                            &w->conf->node, number)
                - name->data;

    if (name->len > NGX_ESS_EXCHANGE_NAME) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "queue name \"%V\" is longer than 255 bytes", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* slots are shares of the streams, not of the workers: so that another
   number of workers moves slots and no stream changes its queue */

static void
ngx_ess_exchange_slot_own(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        w->slots[i].own = (ngx_process == NGX_PROCESS_SINGLE
                           || ccf->worker_processes < 2
                           || i % (ngx_uint_t) ccf->worker_processes
                              == ngx_worker);
    }
}


void
ngx_ess_exchange_slot_ensure(ngx_ess_exchange_slot_t *slot)
{
    if (slot->state == NGX_ESS_EXCHANGE_UNKNOWN && slot->worker->admin) {
        ngx_ess_exchange_slot_declare(slot, NGX_ESS_EXCHANGE_LOOKUP);
    }
}


static void
ngx_ess_exchange_slot_declare(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_declared_e state)
{
    slot->state = state;

    ngx_memzero(&slot->declare, sizeof(amqp_queue_declare_t));

    slot->declare.queue.bytes = slot->queue.data;
    slot->declare.queue.len = slot->queue.len;

    if (state == NGX_ESS_EXCHANGE_LOOKUP) {
        slot->declare.passive = 1;

    } else {
        slot->declare.durable = 1;
        ngx_ess_exchange_slot_arguments(slot);
    }

    ngx_ess_amqp_op(slot->worker->admin, &slot->op, AMQP_QUEUE_DECLARE_METHOD,
                    &slot->declare, AMQP_QUEUE_DECLARE_OK_METHOD,
                    ngx_ess_exchange_slot_declared, slot);
}


static void
ngx_ess_exchange_slot_arguments(ngx_ess_exchange_slot_t *slot)
{
    amqp_table_entry_t       *entry;
    ngx_ess_exchange_conf_t  *conf;

    conf = slot->worker->conf;
    entry = slot->arguments;

    entry->key = amqp_cstring_bytes("x-single-active-consumer");
    entry->value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry->value.value.boolean = 1;
    entry++;

    entry->key = amqp_cstring_bytes("x-expires");
    entry->value.kind = AMQP_FIELD_KIND_I64;
    entry->value.value.i64 = (int64_t) conf->expires;
    entry++;

    entry->key = amqp_cstring_bytes("x-max-length-bytes");
    entry->value.kind = AMQP_FIELD_KIND_I64;
    entry->value.value.i64 = (int64_t) conf->max_length;
    entry++;

    if (conf->quorum) {
        entry->key = amqp_cstring_bytes("x-queue-type");
        entry->value.kind = AMQP_FIELD_KIND_UTF8;
        entry->value.value.bytes = amqp_cstring_bytes("quorum");
        entry++;
    }

    /*
     * From 4.0 on quorum queues drop what was delivered 20 times, unless they
     * are told otherwise; before, they took -1 for less than once.
     */

    if (conf->quorum && ngx_ess_amqp_version(slot->worker->session)
                        >= NGX_ESS_EXCHANGE_SLOT_LIMITED)
    {
        entry->key = amqp_cstring_bytes("x-delivery-limit");
        entry->value.kind = AMQP_FIELD_KIND_I64;
        entry->value.value.i64 = -1;
        entry++;
    }

    slot->declare.arguments.entries = slot->arguments;
    slot->declare.arguments.num_entries = entry - slot->arguments;
}


static void
ngx_ess_exchange_slot_declared(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_slot_t      *slot;
    ngx_ess_exchange_declared_e   state;

    slot = op->data;
    state = slot->state;

    if (rc == NGX_ABORT) {
        slot->state = NGX_ESS_EXCHANGE_UNKNOWN;
        return;
    }

    slot->state = NGX_ESS_EXCHANGE_READY;

    switch (state) {

    case NGX_ESS_EXCHANGE_LOOKUP:

        if (rc == NGX_OK) {
            if (!slot->differs) {
                ngx_ess_exchange_slot_declare(slot, NGX_ESS_EXCHANGE_COMPARE);
                return;
            }

        } else if (code == AMQP_NOT_FOUND) {
            ngx_ess_exchange_slot_declare(slot, NGX_ESS_EXCHANGE_CREATE);
            return;

        } else {
            ngx_ess_exchange_slot_refused(slot, code, text);
        }

        break;

    case NGX_ESS_EXCHANGE_CREATE:

        if (rc == NGX_OK) {
            ngx_ess_exchange_slot_created(slot);

        } else if (ngx_ess_exchange_slot_inequivalent(code, text)) {
            /* somebody was faster */
            slot->state = ngx_ess_exchange_slot_compared(slot, code, text);

        } else {
            ngx_ess_exchange_slot_refused(slot, code, text);
        }

        break;

    default: /* NGX_ESS_EXCHANGE_COMPARE */

        if (rc == NGX_DECLINED) {

            if (code == AMQP_ACCESS_REFUSED
                || ngx_ess_exchange_slot_inequivalent(code, text))
            {
                slot->state = ngx_ess_exchange_slot_compared(slot, code, text);

            } else {
                ngx_ess_exchange_slot_refused(slot, code, text);
            }
        }
    }

    if (slot->state == NGX_ESS_EXCHANGE_READY) {
        ngx_ess_exchange_former_declared(slot,
                                         state == NGX_ESS_EXCHANGE_CREATE);
    }

    ngx_ess_exchange_kick(slot->worker);
}


/* Limits of a virtual host answer with the same code. */

static ngx_uint_t
ngx_ess_exchange_slot_inequivalent(ngx_uint_t code, ngx_str_t *text)
{
    return code == AMQP_PRECONDITION_FAILED
           && ngx_strlcasestrn(text->data, text->data + text->len,
                               (u_char *) "inequivalent arg", 16 - 1);
}


/* The queue is not there, or the node that has it is not: what is published
   meanwhile may have found no queue. */

static void
ngx_ess_exchange_slot_refused(ngx_ess_exchange_slot_t *slot, ngx_uint_t code,
    ngx_str_t *text)
{
    slot->state = NGX_ESS_EXCHANGE_REFUSED;

    if (slot->own && !slot->lost && code != AMQP_ACCESS_REFUSED) {
        slot->lost = 1;
        ngx_ess_loss_slot(slot->worker->zone, slot->number);
    }

    ngx_ess_exchange_refused(slot->worker, "broker refused a slot queue",
                             code, text);

    ngx_ess_exchange_bind_refused(slot->worker, slot, text);
    ngx_ess_exchange_retry(slot->worker);
}


/* the queue is there, but could not be declared: may it be used? */

static ngx_ess_exchange_declared_e
ngx_ess_exchange_slot_compared(ngx_ess_exchange_slot_t *slot, ngx_uint_t code,
    ngx_str_t *text)
{
    /* not asked again: each refusal costs the channel */
    slot->differs = 1;

    if (code == AMQP_PRECONDITION_FAILED) {
        ngx_log_error(NGX_LOG_WARN, slot->worker->log, 0,
                      "queue \"%V\" has other arguments than those "
                      "configured and is used as it is: %V",
                      &slot->queue, text);
    }

    return NGX_ESS_EXCHANGE_READY;
}


static void
ngx_ess_exchange_slot_created(ngx_ess_exchange_slot_t *slot)
{
    if (!slot->own) {
        return;
    }

    if (slot->consumed) {
        if (ngx_ess_exchange_slot_tell(slot)) {
            ngx_log_error(NGX_LOG_WARN, slot->worker->log, 0,
                          "queue \"%V\" was gone and has been made anew, "
                          "events of slot %ui published meanwhile are lost",
                          &slot->queue, slot->number);
        }

        ngx_ess_loss_slot(slot->worker->zone, slot->number);
    }

    slot->worker->rebind_next |= (ngx_uint_t) 1 << slot->number;
}


/* may the slot's consumer be started? */

static ngx_uint_t
ngx_ess_exchange_slot_due(ngx_ess_exchange_slot_t *slot)
{
    return slot->own && !slot->consuming
           && ngx_ess_exchange_former_settled(slot)
           && (slot->refused == 0
               || (ngx_msec_int_t) (slot->consume_after - ngx_current_msec)
                  <= 0);
}


ngx_uint_t
ngx_ess_exchange_slot_starting(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->own && slot->state != NGX_ESS_EXCHANGE_REFUSED
            && (ngx_ess_exchange_slot_due(slot)
                || !ngx_ess_exchange_former_settled(slot)))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_ess_exchange_slot_consume(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot, *next;

    if (w->consume == NULL || w->consume_busy || w->draining) {
        return;
    }

    next = NULL;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->state != NGX_ESS_EXCHANGE_READY
            || !ngx_ess_exchange_slot_due(slot))
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

    if (!w->qos_done) {
        ngx_ess_exchange_slot_send_qos(w);
        return;
    }

    ngx_ess_exchange_slot_send_consume(next);
}


/*
 * A quorum queue puts what comes back behind what came back before and was
 * not delivered since: so that the order stays, each consumer must get all of
 * that at once, however small the last one's prefetch was.
 */

ngx_uint_t
ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w)
{
    return w->conf->quorum ? NGX_ESS_EXCHANGE_PREFETCH_MAX
                           : w->conf->prefetch;
}


static void
ngx_ess_exchange_slot_send_qos(ngx_ess_exchange_worker_t *w)
{
    ngx_memzero(&w->qos, sizeof(amqp_basic_qos_t));

    /* not global: for each consumer that is started after it */
    w->qos.prefetch_count = (uint16_t) ngx_ess_exchange_slot_prefetch(w);

    w->consume_slot = NULL;
    w->consume_busy = 1;

    ngx_ess_amqp_op(w->consume, &w->consume_op, AMQP_BASIC_QOS_METHOD, &w->qos,
                    AMQP_BASIC_QOS_OK_METHOD, ngx_ess_exchange_slot_consumed,
                    w);
}


/* the one from which the slot is consumed */

static ngx_str_t *
ngx_ess_exchange_slot_queue(ngx_ess_exchange_slot_t *slot)
{
    return ngx_ess_exchange_former_consumed(slot) ? &slot->former.queue
                                              : &slot->queue;
}


static void
ngx_ess_exchange_slot_send_consume(ngx_ess_exchange_slot_t *slot)
{
    ngx_str_t                  *queue;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    ngx_memzero(&w->basic_consume, sizeof(amqp_basic_consume_t));

    queue = ngx_ess_exchange_slot_queue(slot);

    w->basic_consume.queue.bytes = queue->data;
    w->basic_consume.queue.len = queue->len;
    w->basic_consume.consumer_tag.bytes = slot->tag.data;
    w->basic_consume.consumer_tag.len = slot->tag.len;

    w->consume_slot = slot;
    w->consume_busy = 1;

    ngx_ess_amqp_op(w->consume, &w->consume_op, AMQP_BASIC_CONSUME_METHOD,
                    &w->basic_consume, AMQP_BASIC_CONSUME_OK_METHOD,
                    ngx_ess_exchange_slot_consumed, w);
}


static void
ngx_ess_exchange_slot_consumed(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    w = op->data;
    slot = w->consume_slot;

    w->consume_busy = 0;

    if (rc == NGX_ABORT) {
        /* not sent again on a channel made anew: see reset */
        if (!w->draining) {
            ngx_ess_exchange_retry(w);
        }

        return;
    }

    if (rc != NGX_OK) {
        /* the channel and all consumers are gone: see channel_reopened */
        ngx_ess_exchange_slot_not_consumed(w, slot, code, text);
        return;
    }

    if (slot == NULL) {
        w->qos_done = 1;

    } else {
        ngx_ess_exchange_slot_consuming(slot, 1);
        slot->consumed = 1;
        slot->consumed_at = ngx_current_msec;
        slot->lost = 0;
        slot->refused = 0;

        w->rebind_next |= (ngx_uint_t) 1 << slot->number;
    }

    ngx_ess_exchange_kick(w);
}


void
ngx_ess_exchange_slot_consuming(ngx_ess_exchange_slot_t *slot, ngx_uint_t on)
{
    slot->consuming = on;

    ngx_ess_broker_consumed(slot->worker->zone, slot->number, on);
}


static void
ngx_ess_exchange_slot_not_consumed(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_uint_t code, ngx_str_t *text)
{
    ngx_msec_t  delay;

    ngx_ess_exchange_refused(w, "broker refused a consumer", code, text);

    if (slot == NULL || code == AMQP_NOT_FOUND) {
        return;
    }

    delay = ngx_min((ngx_msec_t) 1000 << ngx_min(slot->refused, 5),
                    NGX_ESS_EXCHANGE_SLOT_CONSUME_MAX);

    slot->refused++;
    slot->consume_after = ngx_current_msec + delay;
}


void
ngx_ess_exchange_slot_canceled(ngx_ess_exchange_slot_t *slot)
{
    if (!slot->consuming) {
        return;
    }

    ngx_ess_exchange_slot_consuming(slot, 0);

    if (ngx_ess_exchange_slot_tell(slot)) {
        ngx_log_error(NGX_LOG_WARN, slot->worker->log, 0,
                      "queue \"%V\" is gone, events of slot %ui published "
                      "until it is bound again are lost",
                      ngx_ess_exchange_slot_queue(slot), slot->number);
    }

    ngx_ess_loss_slot(slot->worker->zone, slot->number);

    /* so that this is not said again when it is made anew */
    slot->consumed = 0;

    ngx_ess_exchange_delivery_end(slot);
    ngx_ess_exchange_delivery_reset(slot);

    if (ngx_ess_exchange_former_consumed(slot)) {
        ngx_ess_exchange_former_reset(slot, 0);

    } else if (slot->state == NGX_ESS_EXCHANGE_READY) {
        slot->state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    if (ngx_current_msec - slot->consumed_at < NGX_ESS_EXCHANGE_SLOT_CANCELED) {
        slot->refused++;
        slot->consume_after = slot->consumed_at
                              + NGX_ESS_EXCHANGE_SLOT_CANCELED;
    }

    ngx_ess_exchange_kick(slot->worker);
}


/* May the loss of the queue be logged?  It may be lost again and again. */

static ngx_uint_t
ngx_ess_exchange_slot_tell(ngx_ess_exchange_slot_t *slot)
{
    if (slot->told
        && ngx_current_msec - slot->told_at < NGX_ESS_EXCHANGE_SLOT_TOLD)
    {
        return 0;
    }

    slot->told = 1;
    slot->told_at = ngx_current_msec;

    return 1;
}


void
ngx_ess_exchange_slot_reset(ngx_ess_exchange_worker_t *w, ngx_uint_t closed)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    ngx_ess_exchange_slot_drop(w);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        ngx_ess_exchange_former_reset(slot, closed);

        if (closed) {
            slot->state = NGX_ESS_EXCHANGE_UNKNOWN;

        } else if (slot->own && slot->state == NGX_ESS_EXCHANGE_READY) {
            /* looked up again, after the backoff */
            slot->state = NGX_ESS_EXCHANGE_REFUSED;
        }
    }

    if (w->consume_busy) {
        /* it would begin to consume without a prefetch limit */
        ngx_ess_amqp_op_cancel(&w->consume_op);
    }
}


void
ngx_ess_exchange_slot_drop(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        ngx_ess_exchange_delivery_reset(slot);
        slot->done_first = 0;
        slot->done_last = 0;
        ngx_ess_exchange_slot_consuming(slot, 0);
    }

    ngx_ess_exchange_delivery_drop(w);
    ngx_ess_amqp_resume(w->session);

    w->last_tag = 0;
    w->acked_tag = 0;
    w->qos_done = 0;
}
