
/*
 * Slot queues: their names and arguments, and what follows when one is found,
 * made, or refused.  All state is the worker's.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_loss.h"


/* ms between two lines on the loss of one slot's queue */
#define NGX_ESS_EXCHANGE_SLOT_TOLD         60000

/* the version of RabbitMQ from which on quorum queues limit deliveries */
#define NGX_ESS_EXCHANGE_SLOT_LIMITED      4


static ngx_int_t ngx_ess_exchange_slot_name(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle, ngx_uint_t number, ngx_uint_t quorum, ngx_str_t *name);
static void ngx_ess_exchange_slot_fill(ngx_ess_exchange_declared_t *d,
    void *fields, ngx_uint_t passive);
static void ngx_ess_exchange_slot_arguments(ngx_ess_exchange_slot_t *slot,
    amqp_table_t *arguments);
static void ngx_ess_exchange_slot_ready(ngx_ess_exchange_declared_t *d,
    ngx_uint_t created);
static void ngx_ess_exchange_slot_created(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_slot_failed(ngx_ess_exchange_declared_t *d,
    ngx_uint_t code, ngx_str_t *text);


static const ngx_ess_exchange_declared_type_t  ngx_ess_exchange_slot_queue = {
    AMQP_QUEUE_DECLARE_METHOD,
    "queue \"%V\" has other arguments than those configured and is used as it "
    "is: %V",
    "broker refused a slot queue",
    ngx_ess_exchange_slot_fill,
    ngx_ess_exchange_slot_ready,
    ngx_ess_exchange_slot_failed
};


ngx_int_t
ngx_ess_exchange_slot_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        slot->worker = w;
        slot->number = i;
        slot->own = ngx_ess_exchange_worker_consumes(cycle, i);

        slot->queue.type = &ngx_ess_exchange_slot_queue;
        slot->queue.worker = w;
        slot->queue.slot = slot;

        if (ngx_ess_exchange_slot_name(w, cycle, i, w->conf->quorum,
                                       &slot->queue.name)
            != NGX_OK
            || ngx_ess_exchange_slot_name(w, cycle, i, !w->conf->quorum,
                                          &slot->former.name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
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


void
ngx_ess_exchange_slot_reset(ngx_ess_exchange_worker_t *w, ngx_uint_t closed)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (closed) {
            slot->queue.state = NGX_ESS_EXCHANGE_UNKNOWN;

        } else if (slot->own && slot->queue.state == NGX_ESS_EXCHANGE_READY) {
            slot->queue.state = NGX_ESS_EXCHANGE_REFUSED;
        }
    }
}


static void
ngx_ess_exchange_slot_fill(ngx_ess_exchange_declared_t *d, void *fields,
    ngx_uint_t passive)
{
    amqp_queue_declare_t  *m = fields;

    m->queue = ngx_ess_exchange_worker_bytes(&d->name);
    m->passive = passive;
    m->durable = !passive;

    if (!passive) {
        ngx_ess_exchange_slot_arguments(d->slot, &m->arguments);
    }
}


static void
ngx_ess_exchange_slot_arguments(ngx_ess_exchange_slot_t *slot,
    amqp_table_t *arguments)
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

    arguments->entries = slot->arguments;
    arguments->num_entries = entry - slot->arguments;
}


/*
 * To look for a queue that is not there costs a channel, and a line in the
 * broker's log: so a slot with a classic queue looks for another one only
 * after quorum queues were in use, or where its own queue had to be made.
 */

static void
ngx_ess_exchange_slot_ready(ngx_ess_exchange_declared_t *d, ngx_uint_t created)
{
    ngx_uint_t       number, quorum;
    ngx_ess_zone_t  *zone;

    zone = d->worker->zone;
    number = d->slot->number;
    quorum = d->worker->conf->quorum;

    if (created && d->slot->own) {
        ngx_ess_exchange_slot_created(d->slot);
    }

    ngx_ess_broker_set_queue(zone, number, quorum, NGX_ESS_BROKER_THERE);

    if ((created || quorum)
        && ngx_ess_broker_queue(zone, number, !quorum)
           == NGX_ESS_BROKER_UNKNOWN)
    {
        ngx_ess_broker_set_queue(zone, number, !quorum, NGX_ESS_BROKER_THERE);
    }
}


static void
ngx_ess_exchange_slot_created(ngx_ess_exchange_slot_t *slot)
{
    if (slot->consumed) {
        if (ngx_ess_exchange_slot_tell(slot)) {
            ngx_log_error(NGX_LOG_WARN, slot->worker->log, 0,
                          "queue \"%V\" was gone and has been made anew, "
                          "events of slot %ui published meanwhile are lost",
                          &slot->queue.name, slot->number);
        }

        ngx_ess_loss_slot(slot->worker->zone, slot->number);
    }

    slot->worker->rebind |= (ngx_uint_t) 1 << slot->number;
}


/* What is published meanwhile may have found no queue. */

static void
ngx_ess_exchange_slot_failed(ngx_ess_exchange_declared_t *d, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_exchange_slot_t  *slot;

    slot = d->slot;

    if (slot->own && !slot->lost && code != AMQP_ACCESS_REFUSED) {
        slot->lost = 1;
        ngx_ess_loss_slot(slot->worker->zone, slot->number);
    }
}


void
ngx_ess_exchange_slot_gone(ngx_ess_exchange_slot_t *slot)
{
    if (slot->queue.state == NGX_ESS_EXCHANGE_READY) {
        slot->queue.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    ngx_ess_exchange_worker_gone(slot->worker);
}


ngx_uint_t
ngx_ess_exchange_slot_tell(ngx_ess_exchange_slot_t *slot)
{
    if (slot->told_at
        && ngx_current_msec - slot->told_at < NGX_ESS_EXCHANGE_SLOT_TOLD)
    {
        return 0;
    }

    slot->told_at = ngx_current_msec;

    return 1;
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


ngx_uint_t
ngx_ess_exchange_slot_quorum(ngx_ess_exchange_slot_t *slot)
{
    return slot->worker->conf->quorum || slot->former.found || slot->overlap;
}
