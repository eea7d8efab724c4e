
/*
 * Calls as they are published, in a worker.  All memory is the call's.
 */


#include "ngx_ess_call_message.h"


static void ngx_ess_call_message_property(amqp_basic_properties_t *properties,
    amqp_flags_t flag, amqp_bytes_t *field, ngx_str_t *value);
static void ngx_ess_call_message_header(amqp_table_t *headers,
    const char *name, ngx_str_t *value);


/* The message's id ends with its number, by which a returned one is known. */

ngx_int_t
ngx_ess_call_message_send(ngx_ess_call_message_t *m,
    ngx_ess_amqp_channel_t *channel, ngx_str_t *exchange)
{
    u_char                    id[2 * NGX_INT64_LEN + 1];
    u_char                    expiration[NGX_INT_T_LEN];
    ngx_str_t                 value;
    ngx_msec_t                waited;
    amqp_table_entry_t        headers[2];
    amqp_basic_publish_t      publish;
    amqp_basic_properties_t   properties;

    ngx_memzero(&publish, sizeof(amqp_basic_publish_t));

    publish.exchange = ngx_ess_call_message_bytes(exchange);
    publish.routing_key = ngx_ess_call_message_bytes(&m->queue);
    publish.mandatory = 1;

    ngx_memzero(&properties, sizeof(amqp_basic_properties_t));

    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG
                        |AMQP_BASIC_REPLY_TO_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_NONPERSISTENT;
    properties.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");

    waited = ngx_current_msec - m->since;

    value.data = expiration;
    value.len = ngx_sprintf(expiration, "%M",
                            waited < m->timeout ? m->timeout - waited : 1)
                - expiration;
    ngx_ess_call_message_property(&properties, AMQP_BASIC_EXPIRATION_FLAG,
                                  &properties.expiration, &value);

    value.data = m->pending.id;
    value.len = NGX_ESS_CALL_PENDING_ID;
    ngx_ess_call_message_property(&properties, AMQP_BASIC_CORRELATION_ID_FLAG,
                                  &properties.correlation_id, &value);

    value.data = id;
    value.len = ngx_sprintf(id, "%P-%uL", ngx_pid, m->serial) - id;
    ngx_ess_call_message_property(&properties, AMQP_BASIC_MESSAGE_ID_FLAG,
                                  &properties.message_id, &value);

    ngx_ess_call_message_property(&properties, AMQP_BASIC_CONTENT_TYPE_FLAG,
                                  &properties.content_type, &m->type);
    ngx_ess_call_message_property(&properties, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                                  &properties.content_encoding, &m->coding);

    properties.headers.entries = headers;

    ngx_ess_call_message_header(&properties.headers, "traceparent",
                                &m->traceparent);
    ngx_ess_call_message_header(&properties.headers, "tracestate",
                                &m->tracestate);

    if (properties.headers.num_entries) {
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    }

    return ngx_ess_amqp_publish(channel, &publish, &properties, &m->body);
}


static void
ngx_ess_call_message_property(amqp_basic_properties_t *properties,
    amqp_flags_t flag, amqp_bytes_t *field, ngx_str_t *value)
{
    if (value->len) {
        properties->_flags |= flag;
        *field = ngx_ess_call_message_bytes(value);
    }
}


static void
ngx_ess_call_message_header(amqp_table_t *headers, const char *name,
    ngx_str_t *value)
{
    amqp_table_entry_t  *h;

    if (value->len == 0) {
        return;
    }

    h = &headers->entries[headers->num_entries++];

    h->key = amqp_cstring_bytes(name);
    h->value.kind = AMQP_FIELD_KIND_UTF8;
    h->value.value.bytes = ngx_ess_call_message_bytes(value);
}
