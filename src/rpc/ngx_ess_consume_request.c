
/*
 * A message becomes a request: its address, its header, its body.  What a
 * publisher says stands behind a prefix, so that nobody takes it for nginx's
 * word or a client's.  The header's memory is that of nginx's request; the body
 * is the message's.  Runs in a worker.
 */


#include "ngx_ess_consume_header.h"
#include "ngx_ess_consume_request.h"
#include "ngx_ess_consume_retry.h"
#include "ngx_ess_header.h"
#include "ngx_ess_str.h"


#define NGX_ESS_CONSUME_REQUEST_TYPE  "application/octet-stream"


static ngx_int_t ngx_ess_consume_request_make(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);
static ngx_int_t ngx_ess_consume_request_target(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);
static ngx_int_t ngx_ess_consume_request_headers(
    ngx_ess_consume_message_t *msg, ngx_ess_request_t *req);
static ngx_int_t ngx_ess_consume_request_own(ngx_ess_request_t *req,
    ngx_ess_consume_header_t *h, const char *name, ngx_str_t *value);
static ngx_int_t ngx_ess_consume_request_number(ngx_ess_request_t *req,
    ngx_ess_consume_header_t *h, const char *name, uint64_t number);
static ngx_int_t ngx_ess_consume_request_others(
    ngx_ess_consume_message_t *msg, ngx_ess_request_t *req,
    ngx_ess_consume_header_t *h);
static ngx_int_t ngx_ess_consume_request_body(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);
static void ngx_ess_consume_request_ended(ngx_ess_request_t *req,
    ngx_http_request_t *r);
static void ngx_ess_consume_request_handler(ngx_ess_request_t *req);


/* properties that are texts */

static const struct {
    const char              *name;
    amqp_flags_t             flag;
} ngx_ess_consume_request_texts[] = {

    { "AMQP-Message-Id", AMQP_BASIC_MESSAGE_ID_FLAG },
    { "AMQP-Correlation-Id", AMQP_BASIC_CORRELATION_ID_FLAG },
    { "AMQP-Reply-To", AMQP_BASIC_REPLY_TO_FLAG },
    { "AMQP-Type", AMQP_BASIC_TYPE_FLAG },
    { "AMQP-App-Id", AMQP_BASIC_APP_ID_FLAG },
    { "AMQP-User-Id", AMQP_BASIC_USER_ID_FLAG },
    { NULL, 0 }
};


ngx_int_t
ngx_ess_consume_request(ngx_ess_consume_message_t *msg)
{
    ngx_int_t                rc;
    ngx_ess_request_t       *req;
    ngx_ess_request_conf_t  *conf;
    ngx_ess_consume_conf_t  *consume;

    consume = msg->queue->consume;
    conf = &msg->request_conf;

    conf->handler = ngx_ess_consume_request_handler;
    conf->ended = ngx_ess_consume_request_ended;
    conf->data = msg;
    conf->ctx = consume->ctx;
    conf->timeout = consume->timeout;
    conf->max = consume->max_reply;

    msg->status = 0;
    msg->retry_after = NGX_TIMER_INFINITE;
    ngx_str_null(&msg->coding);

    req = ngx_ess_request_create(conf, msg->log);
    if (req == NULL) {
        return NGX_ERROR;
    }

    msg->attempts++;

    rc = ngx_ess_consume_request_make(msg, req);

    if (rc != NGX_OK) {
        msg->attempts--;

        ngx_ess_request_abort(req, NULL);
        return rc;
    }

    msg->request = req;

    ngx_ess_request_run(req);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_request_make(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req)
{
    /* with the header, of which the address may be made */

    if (ngx_ess_consume_request_headers(msg, req) != NGX_OK
        || ngx_ess_consume_request_body(msg, req) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_consume_request_target(msg, req);
}


static ngx_int_t
ngx_ess_consume_request_target(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req)
{
    ngx_str_t                uri;
    ngx_ess_consume_conf_t  *consume;

    consume = msg->queue->consume;

    if (consume->uri == NULL) {
        uri = consume->location->name;

    } else if (ngx_http_complex_value(req->request, consume->uri, &uri)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_request_target(req, &consume->method, &uri);
}


static ngx_int_t
ngx_ess_consume_request_headers(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req)
{
    ngx_str_t                  text;
    ngx_uint_t                 i;
    ngx_ess_consume_header_t   h;
    amqp_basic_properties_t   *p;

    p = msg->properties;

    ngx_memzero(&h, sizeof(ngx_ess_consume_header_t));

    if (ngx_ess_consume_request_own(req, &h, "AMQP-Queue", &msg->queue->name)
        != NGX_OK
        || ngx_ess_consume_request_number(req, &h, "AMQP-Attempt",
                                          msg->attempts)
           != NGX_OK
        || ngx_ess_consume_request_number(req, &h, "AMQP-Redelivered",
                                          msg->redelivered)
           != NGX_OK
        || ngx_ess_consume_request_own(req, &h, "AMQP-Exchange",
                                       &msg->exchange)
           != NGX_OK
        || ngx_ess_consume_request_own(req, &h, "AMQP-Routing-Key", &msg->key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((p->_flags & AMQP_BASIC_TIMESTAMP_FLAG)
        && ngx_ess_consume_request_number(req, &h, "AMQP-Timestamp",
                                          p->timestamp)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; ngx_ess_consume_request_texts[i].name; i++) {

        text = ngx_ess_consume_message_property(msg,
                                      ngx_ess_consume_request_texts[i].flag);

        if (ngx_ess_consume_request_own(req, &h,
                                        ngx_ess_consume_request_texts[i].name,
                                        &text)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!msg->unpacked) {
        text = ngx_ess_consume_message_property(msg,
                                            AMQP_BASIC_CONTENT_ENCODING_FLAG);

        if (ngx_ess_consume_request_own(req, &h, "AMQP-Content-Encoding",
                                        &text)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ess_consume_request_others(msg, req, &h);
}


/* A header of this module's, if its value may become one. */

static ngx_int_t
ngx_ess_consume_request_own(ngx_ess_request_t *req,
    ngx_ess_consume_header_t *h, const char *name, ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  key;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    if (!ngx_ess_consume_header_fits(h, key.len, value)) {
        return NGX_OK;
    }

    rc = ngx_ess_request_header(req, &key, value);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_ess_consume_request_number(ngx_ess_request_t *req,
    ngx_ess_consume_header_t *h, const char *name, uint64_t number)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(req->request->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%uL", number) - value.data;

    return ngx_ess_consume_request_own(req, h, name, &value);
}


/* Those that the publisher made up. */

static ngx_int_t
ngx_ess_consume_request_others(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req, ngx_ess_consume_header_t *h)
{
    u_char     *p;
    ngx_str_t   name, value;

    if (!(msg->properties->_flags & AMQP_BASIC_HEADERS_FLAG)) {
        return NGX_OK;
    }

    h->table = &msg->properties->headers;

    while (ngx_ess_consume_header_next(h)) {

        name.len = h->prefix.len + h->name.len;
        value.len = h->value.len;

        p = ngx_pnalloc(req->request->pool, name.len + value.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        name.data = p;
        p = ngx_cpymem(p, h->prefix.data, h->prefix.len);
        p = ngx_cpymem(p, h->name.data, h->name.len);

        value.data = p;
        ngx_memcpy(p, h->value.data, value.len);

        if (ngx_ess_request_header(req, &name, &value) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_request_body(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req)
{
    ngx_str_t  type;

    type = ngx_ess_consume_message_property(msg, AMQP_BASIC_CONTENT_TYPE_FLAG);

    if (type.len == 0 || !ngx_ess_header_is_clean(type.data, type.len)) {
        ngx_str_set(&type, NGX_ESS_CONSUME_REQUEST_TYPE);
    }

    return ngx_ess_request_body(req, &type, &msg->text);
}


/* What of the response's header counts. */

static void
ngx_ess_consume_request_ended(ngx_ess_request_t *req, ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *h;
    ngx_ess_consume_message_t  *msg;

    msg = req->conf->data;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0) {
                continue;
            }

            if (ngx_ess_str_is(&h[i].key, "Retry-After")) {
                msg->retry_after = ngx_ess_consume_retry_after(&h[i].value,
                                                               ngx_time());

            } else if (ngx_ess_str_is(&h[i].key, "Content-Encoding")
                       && h[i].value.len <= NGX_ESS_MAX_KEY)
            {
                msg->coding.data = msg->coding_buf;
                msg->coding.len = h[i].value.len;
                ngx_memcpy(msg->coding.data, h[i].value.data,
                           h[i].value.len);
            }
        }
    }
}


static void
ngx_ess_consume_request_handler(ngx_ess_request_t *req)
{
    ngx_ess_consume_message_t  *msg;

    msg = req->conf->data;

    msg->end = req->end;
    msg->status = req->status;

    msg->responded(msg);
}


ngx_ess_consume_message_t *
ngx_ess_consume_request_message(ngx_http_request_t *r)
{
    ngx_ess_request_t  *req;

    req = ngx_ess_request_of(r);

    return (req && req->conf->handler == ngx_ess_consume_request_handler)
           ? req->conf->data : NULL;
}
