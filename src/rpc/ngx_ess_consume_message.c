
/*
 * A message's memory: a pool, in which all of it lies, and rabbitmq-c's for the
 * decoded properties.  The worker owns it.
 */


#include "ngx_ess_consume_message.h"
#include "ngx_ess_str.h"
#include "ngx_ess_wait.h"


#define NGX_ESS_CONSUME_MESSAGE_POOL  4096


static ngx_int_t ngx_ess_consume_message_copy(ngx_ess_consume_message_t *msg,
    ngx_ess_amqp_delivery_t *d);
static ngx_int_t ngx_ess_consume_message_dup(ngx_pool_t *pool, ngx_str_t *copy,
    ngx_str_t *text);
static void ngx_ess_consume_message_expiration(ngx_ess_consume_message_t *msg);


/* properties that are texts */

static const struct {
    amqp_flags_t             flag;
    size_t                   offset;
} ngx_ess_consume_message_texts[] = {

    { AMQP_BASIC_CONTENT_TYPE_FLAG,
      offsetof(amqp_basic_properties_t, content_type) },

    { AMQP_BASIC_CONTENT_ENCODING_FLAG,
      offsetof(amqp_basic_properties_t, content_encoding) },

    { AMQP_BASIC_CORRELATION_ID_FLAG,
      offsetof(amqp_basic_properties_t, correlation_id) },

    { AMQP_BASIC_REPLY_TO_FLAG,
      offsetof(amqp_basic_properties_t, reply_to) },

    { AMQP_BASIC_EXPIRATION_FLAG,
      offsetof(amqp_basic_properties_t, expiration) },

    { AMQP_BASIC_MESSAGE_ID_FLAG,
      offsetof(amqp_basic_properties_t, message_id) },

    { AMQP_BASIC_TYPE_FLAG,
      offsetof(amqp_basic_properties_t, type) },

    { AMQP_BASIC_USER_ID_FLAG,
      offsetof(amqp_basic_properties_t, user_id) },

    { AMQP_BASIC_APP_ID_FLAG,
      offsetof(amqp_basic_properties_t, app_id) }
};


ngx_ess_consume_message_t *
ngx_ess_consume_message_create(ngx_ess_consume_conf_queue_t *queue,
    ngx_ess_amqp_delivery_t *d, ngx_log_t *log)
{
    ngx_pool_t                 *pool;
    ngx_ess_consume_message_t  *msg;

    pool = ngx_create_pool(NGX_ESS_CONSUME_MESSAGE_POOL, log);
    if (pool == NULL) {
        return NULL;
    }

    msg = ngx_pcalloc(pool, sizeof(ngx_ess_consume_message_t));
    if (msg == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    msg->pool = pool;
    msg->log = log;
    msg->queue = queue;
    msg->since = ngx_current_msec;

    init_amqp_pool(&msg->decoded, 1024);

    if (ngx_ess_consume_message_copy(msg, d) != NGX_OK) {
        ngx_ess_consume_message_free(msg);
        return NULL;
    }

    msg->text = msg->body;
    msg->redelivered = d->redelivered;
    msg->rpc = (ngx_ess_consume_message_property(msg,
                                              AMQP_BASIC_REPLY_TO_FLAG).len
                != 0);

    ngx_ess_consume_message_expiration(msg);

    msg->event.data = msg;
    msg->event.log = log;
    msg->timer.data = msg;
    msg->timer.log = log;

    return msg;
}


static ngx_int_t
ngx_ess_consume_message_copy(ngx_ess_consume_message_t *msg,
    ngx_ess_amqp_delivery_t *d)
{
    ngx_str_t  raw;

    msg->body_size = d->body_size;
    msg->over_size = d->over_size;

    if (ngx_ess_consume_message_dup(msg->pool, &raw, &d->raw_properties)
        != NGX_OK
        || ngx_ess_consume_message_dup(msg->pool, &msg->exchange, &d->exchange)
           != NGX_OK
        || ngx_ess_consume_message_dup(msg->pool, &msg->key, &d->key) != NGX_OK
        || (!d->over_size
            && ngx_ess_consume_message_dup(msg->pool, &msg->body, &d->body)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    msg->properties = ngx_ess_amqp_codec_raw(&raw, &msg->decoded);

    return msg->properties ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ess_consume_message_dup(ngx_pool_t *pool, ngx_str_t *copy, ngx_str_t *text)
{
    copy->len = text->len;
    copy->data = ngx_pnalloc(pool, text->len + 1);

    if (copy->data == NULL) {
        return NGX_ERROR;
    }

    if (text->len) {
        ngx_memcpy(copy->data, text->data, text->len);
    }

    return NGX_OK;
}


/* Milliseconds as text; what is none the broker does not take. */

static void
ngx_ess_consume_message_expiration(ngx_ess_consume_message_t *msg)
{
    ngx_int_t  ms;
    ngx_str_t  text;

    text = ngx_ess_consume_message_property(msg, AMQP_BASIC_EXPIRATION_FLAG);

    ms = ngx_atoi(text.data, text.len);

    if (ms != NGX_ERROR) {
        msg->expires = 1;
        msg->expiration = (ngx_msec_t) ms;
    }
}


void
ngx_ess_consume_message_free(ngx_ess_consume_message_t *msg)
{
    ngx_pool_t         *pool;
    ngx_ess_request_t  *req;

    if (msg->in_flight) {
        ngx_ess_rpc_publisher_cancel(&msg->publish);
    }

    if (msg->inflate) {
        ngx_ess_inflate_destroy(msg->inflate);
    }

    if (msg->gzip) {
        ngx_ess_gzip_destroy(msg->gzip);
    }

    ngx_ess_wait_clear(&msg->event);
    ngx_ess_wait_clear(&msg->timer);

    empty_amqp_pool(&msg->decoded);

    pool = msg->pool;
    req = msg->request;

    /* nginx's request may go on for a while, with the body */

    if (req) {
        ngx_ess_request_abort(req, pool);

    } else {
        ngx_destroy_pool(pool);
    }
}


ngx_uint_t
ngx_ess_consume_message_expired(ngx_ess_consume_message_t *msg)
{
    return msg->expires
           && (ngx_msec_t) (ngx_current_msec - msg->since) > msg->expiration;
}


/* What has no flag the decoder leaves as it is. */

ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    ngx_str_t      text;
    ngx_uint_t     i, n;
    amqp_bytes_t  *bytes;

    ngx_str_null(&text);

    n = sizeof(ngx_ess_consume_message_texts)
        / sizeof(ngx_ess_consume_message_texts[0]);

    for (i = 0; i < n; i++) {

        if (ngx_ess_consume_message_texts[i].flag != flag
            || !(msg->properties->_flags & flag))
        {
            continue;
        }

        bytes = (amqp_bytes_t *) ((u_char *) msg->properties
                                  + ngx_ess_consume_message_texts[i].offset);

        text.data = bytes->bytes;
        text.len = bytes->len;
    }

    return text;
}


ngx_uint_t
ngx_ess_consume_message_packed(ngx_ess_consume_message_t *msg)
{
    ngx_str_t  coding;

    switch (msg->queue->consume->unpack) {

    case NGX_ESS_RPC_GZIP:
        return 1;

    case NGX_ESS_RPC_AUTO:
        coding = ngx_ess_consume_message_property(msg,
                                            AMQP_BASIC_CONTENT_ENCODING_FLAG);

        return ngx_ess_str_is(&coding, "gzip")
               || ngx_ess_str_is(&coding, "x-gzip");

    default:
        return 0;
    }
}


const char *
ngx_ess_consume_message_why(ngx_ess_consume_message_t *msg)
{
    switch (msg->end) {

    case NGX_ESS_REQUEST_TIMEOUT:
        return NGX_ESS_CONSUME_WHY_TIMEOUT;

    case NGX_ESS_REQUEST_TOO_LARGE:
        return NGX_ESS_CONSUME_WHY_RESPONSE;

    case NGX_ESS_REQUEST_DONE:

        if (msg->status) {
            return NGX_ESS_CONSUME_WHY_STATUS;
        }

        /* fall through */

    default:
        return NGX_ESS_CONSUME_WHY_BROKEN;
    }
}
