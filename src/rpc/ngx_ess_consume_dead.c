
/*
 * A dead message as it is published: body and properties as they came, but for
 * those by which the broker would refuse it, let it expire or send it on; these
 * become headers.  All memory is the message's.  Runs in a worker.
 */


#include "ngx_ess_consume_dead.h"
#include "ngx_ess_consume_door.h"


/* of this module: why, status, attempts, queue, size, expiration, user,
   reply_to */
#define NGX_ESS_CONSUME_DEAD_HEADERS  8


static int ngx_ess_consume_dead_copy(amqp_table_entry_t *to,
    amqp_table_t *from);
static int ngx_ess_consume_dead_add(ngx_ess_consume_message_t *msg,
    amqp_table_entry_t *entry);
static ngx_uint_t ngx_ess_consume_dead_bare(ngx_ess_consume_message_t *msg);
static ngx_uint_t ngx_ess_consume_dead_is(amqp_bytes_t *key, const char *name);
static void ngx_ess_consume_dead_text(amqp_table_entry_t *entry,
    const char *name, amqp_bytes_t value);
static void ngx_ess_consume_dead_number(amqp_table_entry_t *entry,
    const char *name, int64_t value);
static void ngx_ess_consume_dead_confirmed(ngx_ess_rpc_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);


/* with "CC" and "BCC" a message goes to other queues as well, perhaps to that
   it came from */

static const struct {
    const char              *name;
    const char              *kept;          /* NULL: it is made anew */
} ngx_ess_consume_dead_replaced[] = {
    { "ess_reason", NULL },
    { "ess_status", NULL },
    { "ess_attempts", NULL },
    { "ess_queue", NULL },
    { "ess_size", NULL },
    { "ess_expiration", NULL },
    { "ess_user_id", NULL },
    { "ess_reply_to", NULL },
    { "CC", "ess_cc" },
    { "BCC", "ess_bcc" },
    { NULL, NULL }
};


ngx_int_t
ngx_ess_consume_dead(ngx_ess_consume_message_t *msg)
{
    int                       n;
    amqp_table_t              none, *from;
    amqp_table_entry_t       *entry;
    ngx_ess_rpc_publish_t    *pub;
    amqp_basic_properties_t  *p;

    msg->state = NGX_ESS_CONSUME_DYING;

    p = &msg->published;
    *p = *msg->properties;

    ngx_memzero(&none, sizeof(amqp_table_t));

    from = ((p->_flags & AMQP_BASIC_HEADERS_FLAG) && !msg->bare)
           ? &msg->properties->headers : &none;

    /* it may be published many times */

    if (msg->dead_headers == NULL) {
        msg->dead_headers = ngx_palloc(msg->pool,
                                       (from->num_entries
                                        + NGX_ESS_CONSUME_DEAD_HEADERS)
                                       * sizeof(amqp_table_entry_t));
        if (msg->dead_headers == NULL) {
            return NGX_ERROR;
        }
    }

    entry = msg->dead_headers;

    n = ngx_ess_consume_dead_copy(entry, from);
    n += ngx_ess_consume_dead_add(msg, entry + n);

    p->headers.entries = entry;
    p->headers.num_entries = n;
    p->_flags |= AMQP_BASIC_HEADERS_FLAG;

    /* in a queue of the dead nothing is to expire; and the broker refuses
       other users' names */

    p->_flags &= ~(AMQP_BASIC_EXPIRATION_FLAG|AMQP_BASIC_USER_ID_FLAG);

    if (ngx_ess_consume_dead_bare(msg)) {
        p->_flags &= ~AMQP_BASIC_REPLY_TO_FLAG;
    }

    pub = &msg->publish;
    pub->handler = ngx_ess_consume_dead_confirmed;
    pub->data = msg;
    pub->queue = msg->queue->consume->dead;
    pub->properties = p;
    pub->body = msg->body;
    pub->mandatory = 1;

    msg->in_flight = 1;

    ngx_ess_rpc_publisher_publish(pub);

    return NGX_OK;
}


/* Those of the publisher; how many there are. */

static int
ngx_ess_consume_dead_copy(amqp_table_entry_t *to, amqp_table_t *from)
{
    int         i, n;
    ngx_uint_t  k;

    n = 0;

    for (i = 0; i < from->num_entries; i++) {
        to[n] = from->entries[i];

        for (k = 0; ngx_ess_consume_dead_replaced[k].name; k++) {

            if (ngx_ess_consume_dead_is(&to[n].key,
                                       ngx_ess_consume_dead_replaced[k].name))
            {
                break;
            }
        }

        if (ngx_ess_consume_dead_replaced[k].name) {

            if (ngx_ess_consume_dead_replaced[k].kept == NULL) {
                continue;
            }

            to[n].key = amqp_cstring_bytes(
                                     ngx_ess_consume_dead_replaced[k].kept);
        }

        n++;
    }

    return n;
}


/* Those of this module; how many there are. */

static int
ngx_ess_consume_dead_add(ngx_ess_consume_message_t *msg,
    amqp_table_entry_t *entry)
{
    int                       n;
    amqp_basic_properties_t  *p;

    n = 0;
    p = msg->properties;

    ngx_ess_consume_dead_text(&entry[n++], "ess_reason",
                              amqp_cstring_bytes(msg->why));
    ngx_ess_consume_dead_number(&entry[n++], "ess_status",
                                (int64_t) msg->status);
    ngx_ess_consume_dead_number(&entry[n++], "ess_attempts",
                                (int64_t) msg->attempts);
    ngx_ess_consume_dead_text(&entry[n++], "ess_queue",
                            ngx_ess_consume_message_bytes(&msg->queue->name));

    if (msg->over_size) {

        /* its body was never in memory */

        ngx_ess_consume_dead_number(&entry[n++], "ess_size",
                                    (int64_t) msg->body_size);
    }

    if (p->_flags & AMQP_BASIC_EXPIRATION_FLAG) {
        ngx_ess_consume_dead_text(&entry[n++], "ess_expiration",
                                  p->expiration);
    }

    if (p->_flags & AMQP_BASIC_USER_ID_FLAG) {
        ngx_ess_consume_dead_text(&entry[n++], "ess_user_id", p->user_id);
    }

    if (ngx_ess_consume_dead_bare(msg)) {
        ngx_ess_consume_dead_text(&entry[n++], "ess_reply_to", p->reply_to);
    }

    return n;
}


/* RabbitMQ closes a channel on which that is published without a consumer for
   such replies; it takes whatever else stands there (run: 3.10). */

static ngx_uint_t
ngx_ess_consume_dead_bare(ngx_ess_consume_message_t *msg)
{
    ngx_str_t  reply_to;

    reply_to = ngx_ess_consume_message_property(msg, AMQP_BASIC_REPLY_TO_FLAG);

    return ngx_ess_consume_door_bare(&reply_to);
}


static ngx_uint_t
ngx_ess_consume_dead_is(amqp_bytes_t *key, const char *name)
{
    return key->len == ngx_strlen(name)
           && ngx_memcmp(key->bytes, name, key->len) == 0;
}


static void
ngx_ess_consume_dead_text(amqp_table_entry_t *entry, const char *name,
    amqp_bytes_t value)
{
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = AMQP_FIELD_KIND_UTF8;
    entry->value.value.bytes = value;
}


static void
ngx_ess_consume_dead_number(amqp_table_entry_t *entry, const char *name,
    int64_t value)
{
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = AMQP_FIELD_KIND_I64;
    entry->value.value.i64 = value;
}


static void
ngx_ess_consume_dead_confirmed(ngx_ess_rpc_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_consume_message_t  *msg;

    msg = pub->data;
    msg->in_flight = 0;

    msg->settled(msg, rc, text);
}
