
/*
 * Deliveries of the slot queues as events: what their properties say, and
 * copies of those that have to wait.  An item belongs to whoever made it; it
 * is one worker's.
 */


#include "ngx_ess_exchange_item.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_exchange_print.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_loss.h"
#include "ngx_ess_rabbitmq_key.h"
#include "ngx_ess_stream.h"


static u_char *ngx_ess_exchange_item_uuid(amqp_basic_properties_t *properties,
    u_char *uuid);
static void ngx_ess_exchange_item_keys(ngx_ess_exchange_item_t *item,
    amqp_array_t *cc);
static ngx_int_t ngx_ess_exchange_item_add_key(ngx_ess_exchange_item_t *item,
    ngx_str_t *key);
static u_char *ngx_ess_exchange_item_copy_text(ngx_str_t *text, u_char *p);
static void ngx_ess_exchange_item_too_many(ngx_ess_exchange_item_t *item);


static ngx_ess_stream_ref_t  *ngx_ess_exchange_item_nobody[1];


void
ngx_ess_exchange_item_init(ngx_ess_exchange_item_t *item,
    ngx_ess_exchange_slot_t *slot, ngx_ess_amqp_delivery_t *delivery)
{
    amqp_array_t     *cc;
    ngx_ess_event_t  *event;

    item->slot = slot;
    item->tag = delivery->delivery_tag;
    item->key = delivery->key;
    item->mark.slot = slot->number;
    item->mark.print = ngx_ess_exchange_print(&delivery->key,
                                              &delivery->raw_properties,
                                              &delivery->body,
                                          ngx_ess_exchange_slot_quorum(slot));

    event = &item->event;

    ngx_memzero(event, sizeof(ngx_ess_event_t));

    ngx_ess_rabbitmq_key(event, delivery);

    event->body = delivery->body;
    event->lost = delivery->over_size;
    event->uuid = ngx_ess_exchange_item_uuid(delivery->properties, item->uuid);
    event->timestamp = ngx_ess_amqp_property_time(delivery->properties);

    if (event->timestamp == 0) {
        event->timestamp = ngx_ess_now();
    }

    if (delivery->over_size) {
        ngx_str_null(&event->body);
    }

    cc = ngx_ess_amqp_property_array(delivery->properties, "CC");

    if (cc) {
        ngx_ess_exchange_item_keys(item, cc);
    }

    if (event->keys == NULL
        && ngx_ess_stream_slot(&item->key) != slot->number)
    {
        /* its streams get it from another slot, but of one with patterns */

        event->streams = ngx_ess_exchange_item_nobody;
    }
}


/* an event that was published for one stream only */

static u_char *
ngx_ess_exchange_item_uuid(amqp_basic_properties_t *properties, u_char *uuid)
{
    ngx_str_t  text;

    return (ngx_ess_amqp_property_text(properties,
                                       NGX_ESS_EXCHANGE_UUID_HEADER, &text)
            == NGX_OK
            && ngx_ess_stream_uuid_parse(uuid, &text) == NGX_OK)
           ? uuid : NULL;
}


/*
 * RabbitMQ puts an event into a queue once, whichever of its keys are bound;
 * what is no long string in CC is no key to it.
 */

static void
ngx_ess_exchange_item_keys(ngx_ess_exchange_item_t *item, amqp_array_t *cc)
{
    int                         i;
    ngx_str_t                   key;
    ngx_uint_t                  n;
    ngx_ess_exchange_worker_t  *w;

    w = item->slot->worker;

    n = ngx_min((ngx_uint_t) cc->num_entries + 1, NGX_ESS_EXCHANGE_ITEM_KEYS);

    item->event.keys = ngx_alloc(n * sizeof(ngx_ess_event_key_t), w->log);

    if (item->event.keys == NULL) {

        /* whose it was is not found out */

        ngx_ess_loss_slot(w->zone, item->slot->number);
        return;
    }

    (void) ngx_ess_exchange_item_add_key(item, &item->key);

    for (i = 0; i < cc->num_entries; i++) {

        if (cc->entries[i].kind != AMQP_FIELD_KIND_UTF8) {
            continue;
        }

        key.data = cc->entries[i].value.bytes.bytes;
        key.len = cc->entries[i].value.bytes.len;

        if (ngx_ess_exchange_item_add_key(item, &key) != NGX_OK) {
            ngx_ess_exchange_item_too_many(item);
            return;
        }
    }
}


/* A pattern of any slot may match the key; but a key itself is of one slot. */

static ngx_int_t
ngx_ess_exchange_item_add_key(ngx_ess_exchange_item_t *item, ngx_str_t *key)
{
    ngx_uint_t                slot;
    ngx_ess_event_key_t       k;
    ngx_ess_exchange_slot_t  *s;

    s = item->slot;
    slot = ngx_ess_stream_event_key(&k, key);

    if (slot != s->number && !s->worker->conf->topic) {
        return NGX_OK;
    }

    if (item->event.nkeys == NGX_ESS_EXCHANGE_ITEM_KEYS) {
        return NGX_DECLINED;
    }

    item->event.keys[item->event.nkeys++] = k;

    return NGX_OK;
}


/* once a second */

static void
ngx_ess_exchange_item_too_many(ngx_ess_exchange_item_t *item)
{
    ngx_ess_escaped_t  e;

    static time_t      last;

    if (last == ngx_time()) {
        return;
    }

    last = ngx_time();

    ngx_log_error(NGX_LOG_ERR, item->slot->worker->log, 0,
                  "event with routing key \"%V\" has too many keys in CC, "
                  "only %d were looked at",
                  ngx_ess_escape(&e, &item->key), NGX_ESS_EXCHANGE_ITEM_KEYS);
}


void
ngx_ess_exchange_item_done(ngx_ess_exchange_item_t *item)
{
    if (item->event.keys) {
        ngx_free(item->event.keys);
    }
}


size_t
ngx_ess_exchange_item_size(ngx_ess_exchange_item_t *item)
{
    size_t      size;
    ngx_uint_t  i;

    size = sizeof(ngx_ess_exchange_item_t)
           + item->event.nkeys * sizeof(ngx_ess_event_key_t)
           + item->key.len + item->event.key.len + item->event.headers.len
           + item->event.body.len;

    for (i = 0; i < item->event.nkeys; i++) {
        size += item->event.keys[i].key.len;
    }

    return size;
}


/* To "p", where it is its own then; returns what is behind it. */

static u_char *
ngx_ess_exchange_item_copy_text(ngx_str_t *text, u_char *p)
{
    if (text->len) {
        ngx_memcpy(p, text->data, text->len);
    }

    text->data = p;

    return p + text->len;
}


ngx_ess_exchange_item_t *
ngx_ess_exchange_item_copy(ngx_ess_exchange_item_t *item)
{
    u_char                   *p;
    size_t                    size;
    ngx_uint_t                i;
    ngx_ess_event_key_t      *keys;
    ngx_ess_exchange_item_t  *copy;

    size = ngx_ess_exchange_item_size(item);

    copy = ngx_alloc(size, item->slot->worker->log);
    if (copy == NULL) {
        return NULL;
    }

    *copy = *item;
    copy->size = size;

    if (copy->event.uuid) {
        copy->event.uuid = copy->uuid;
    }

    p = (u_char *) copy + sizeof(ngx_ess_exchange_item_t);

    if (copy->event.keys) {
        keys = (ngx_ess_event_key_t *) p;
        copy->event.keys = keys;

        p += copy->event.nkeys * sizeof(ngx_ess_event_key_t);

        for (i = 0; i < copy->event.nkeys; i++) {
            keys[i] = item->event.keys[i];
            keys[i].key.data = p;
            p = ngx_cpymem(p, item->event.keys[i].key.data, keys[i].key.len);
        }
    }

    copy->key.data = p;
    p = ngx_cpymem(p, item->key.data, item->key.len);
    copy->event.routing_key = copy->key;

    p = ngx_ess_exchange_item_copy_text(&copy->event.key, p);
    p = ngx_ess_exchange_item_copy_text(&copy->event.headers, p);

    copy->event.body.data = p;

    if (item->event.body.len) {
        ngx_memcpy(p, item->event.body.data, item->event.body.len);
    }

    return copy;
}
