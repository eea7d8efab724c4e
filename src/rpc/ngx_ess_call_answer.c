
/*
 * Replies as responses, in a worker: whoever answers a call chooses a status
 * and a type, which are looked at before they become a header.  All memory is
 * the request's, but that of the codec.
 */


#include "ngx_ess_amqp_property.h"
#include "ngx_ess_body.h"
#include "ngx_ess_call_answer.h"
#include "ngx_ess_header.h"
#include "ngx_ess_str.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"


static ngx_int_t ngx_ess_call_answer_status(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties);
static ngx_int_t ngx_ess_call_answer_type(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties);
static ngx_int_t ngx_ess_call_answer_coding(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties);
static ngx_int_t ngx_ess_call_answer_copy(ngx_pool_t *pool, ngx_str_t *text,
    const void *data, size_t len);
static ngx_int_t ngx_ess_call_answer_slice(ngx_ess_call_answer_t *answer);
static void ngx_ess_call_answer_event(ngx_event_t *ev);
static ngx_int_t ngx_ess_call_answer_refuse(ngx_ess_call_answer_t *answer,
    const char *detail);


/* those of HTTP that are passed on; others, such as "utf-8" of some libraries,
   are no coding of a body */

static const char  *ngx_ess_call_answer_codings[] = {
    "gzip", "deflate", "br", "zstd", "compress", NULL
};


ngx_int_t
ngx_ess_call_answer(ngx_ess_call_answer_t *answer, ngx_ess_amqp_delivery_t *d)
{
    ngx_int_t  rc;

    if (d->body_size > answer->conf->max_reply || d->over_size) {
        return ngx_ess_call_answer_refuse(answer, "the reply is larger than "
                                          "\"max_reply\" of \"ess_rpc\" "
                                          "allows");
    }

    rc = ngx_ess_call_answer_status(answer, d->properties);

    if (rc == NGX_OK) {
        rc = ngx_ess_call_answer_type(answer, d->properties);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_call_answer_coding(answer, d->properties);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_call_answer_copy(answer->request->pool, &answer->body,
                                      d->body.data, d->body.len);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (answer->conf->unpack == NGX_ESS_RPC_NONE
        || (answer->conf->unpack == NGX_ESS_RPC_AUTO
            && !ngx_ess_str_is(&answer->coding, "gzip")))
    {
        return NGX_OK;
    }

    ngx_str_null(&answer->coding);

    /* what has no body has nothing to be unpacked either */

    if (answer->body.len == 0) {
        return NGX_OK;
    }

    answer->inflate = ngx_ess_inflate_create(&answer->body, 1,
                                             answer->conf->max_reply);
    if (answer->inflate == NULL) {
        return NGX_ERROR;
    }

    answer->event.handler = ngx_ess_call_answer_event;
    answer->event.data = answer;
    answer->event.log = ngx_cycle->log;

    return ngx_ess_call_answer_slice(answer);
}


/* By the header "http_status", a number or its digits; without one by the
   type, as aio-pika sets it. */

static ngx_int_t
ngx_ess_call_answer_status(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties)
{
    uint64_t   number;
    ngx_int_t  n;
    ngx_str_t  text;

    answer->status = NGX_HTTP_OK;

    if ((properties->_flags & AMQP_BASIC_TYPE_FLAG)
        && properties->type.len == 5
        && ngx_memcmp(properties->type.bytes, "error", 5) == 0)
    {
        answer->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(properties->_flags & AMQP_BASIC_HEADERS_FLAG)
        || ngx_ess_amqp_property_find(&properties->headers, "http_status")
           == NULL)
    {
        return NGX_OK;
    }

    if (ngx_ess_amqp_property_number(properties, "http_status", &number)
        != NGX_OK)
    {
        number = 0;

        if (ngx_ess_amqp_property_text(properties, "http_status", &text)
            == NGX_OK)
        {
            n = ngx_atoi(text.data, text.len);
            number = (n == NGX_ERROR) ? 0 : (uint64_t) n;
        }
    }

    if (number < 200 || number > 599) {
        return ngx_ess_call_answer_refuse(answer, "the reply's header "
                                          "\"http_status\" is no number from "
                                          "200 to 599");
    }

    answer->status = (ngx_uint_t) number;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_call_answer_type(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties)
{
    amqp_bytes_t  *type;

    type = &properties->content_type;

    if (!(properties->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG)
        || type->len == 0)
    {
        ngx_str_set(&answer->type, "application/octet-stream");
        return NGX_OK;
    }

    if (!ngx_ess_header_is_clean(type->bytes, type->len)) {
        return ngx_ess_call_answer_refuse(answer, "the reply's content_type "
                                          "has control characters");
    }

    return ngx_ess_call_answer_copy(answer->request->pool, &answer->type,
                                    type->bytes, type->len);
}


static ngx_int_t
ngx_ess_call_answer_coding(ngx_ess_call_answer_t *answer,
    amqp_basic_properties_t *properties)
{
    ngx_str_t     value;
    const char  **coding;

    if (!(properties->_flags & AMQP_BASIC_CONTENT_ENCODING_FLAG)) {
        return NGX_OK;
    }

    value.data = properties->content_encoding.bytes;
    value.len = properties->content_encoding.len;

    for (coding = ngx_ess_call_answer_codings; *coding; coding++) {
        if (ngx_ess_str_is(&value, *coding)) {
            answer->coding.data = (u_char *) *coding;
            answer->coding.len = ngx_strlen(*coding);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_call_answer_copy(ngx_pool_t *pool, ngx_str_t *text, const void *data,
    size_t len)
{
    text->data = ngx_pnalloc(pool, len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    if (len) {
        ngx_memcpy(text->data, data, len);
    }

    text->data[len] = '\0';
    text->len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_call_answer_slice(ngx_ess_call_answer_t *answer)
{
    ngx_int_t  rc;

    rc = ngx_ess_inflate_step(answer->inflate, &answer->detail);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(&answer->event);
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_inflate_take(answer->inflate, answer->request->pool,
                                  &answer->body);
    }

    ngx_ess_inflate_destroy(answer->inflate);
    answer->inflate = NULL;

    if (rc == NGX_ABORT) {
        return ngx_ess_call_answer_refuse(answer, "the reply is, inflated, "
                                          "larger than \"max_reply\" of "
                                          "\"ess_rpc\" allows");
    }

    if (rc == NGX_DECLINED) {
        return ngx_ess_call_answer_refuse(answer, "the reply is not gzip, or "
                                          "broken");
    }

    return rc;
}


static void
ngx_ess_call_answer_event(ngx_event_t *ev)
{
    ngx_int_t               rc;
    ngx_ess_call_answer_t  *answer;

    ngx_ess_turn_begin(ev);

    answer = ev->data;
    rc = ngx_ess_call_answer_slice(answer);

    if (rc != NGX_AGAIN) {
        answer->handler(answer, rc);
    }
}


static ngx_int_t
ngx_ess_call_answer_refuse(ngx_ess_call_answer_t *answer, const char *detail)
{
    answer->detail = detail;

    return NGX_DECLINED;
}


/* What is behind the type, such as a charset, is no part of it for
   "gzip_types" and the like. */

ngx_int_t
ngx_ess_call_answer_send(ngx_ess_call_answer_t *answer)
{
    u_char              *p;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = answer->request;

    r->headers_out.status = answer->status;
    r->headers_out.content_length_n = answer->body.len;
    r->headers_out.content_type = answer->type;
    r->headers_out.content_type_lowcase = NULL;

    p = ngx_strlchr(answer->type.data, answer->type.data + answer->type.len,
                    ';');

    r->headers_out.content_type_len = p ? (size_t) (p - answer->type.data)
                                        : answer->type.len;

    if (answer->coding.len) {
        r->headers_out.content_encoding =
                           ngx_ess_header_push(r, "Content-Encoding",
                                               answer->coding.data,
                                               answer->coding.len);

        if (r->headers_out.content_encoding == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_ess_body_send(r, &answer->body);
}


void
ngx_ess_call_answer_cancel(ngx_ess_call_answer_t *answer)
{
    if (answer->inflate) {
        ngx_ess_wait_clear(&answer->event);

        ngx_ess_inflate_destroy(answer->inflate);
        answer->inflate = NULL;
    }
}
