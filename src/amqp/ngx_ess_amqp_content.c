/*
 * Contents: deliveries, put together from method, header and body frames, and
 * what is published, taken apart into them.  What is half there belongs to the
 * channel; a body that comes in one frame is handed on where it lies.  Runs in
 * a worker.
 */


#include "ngx_ess_amqp_session.h"


static void ngx_ess_amqp_content_deliver(ngx_ess_amqp_channel_t *ch,
    ngx_str_t *body);
static void ngx_ess_amqp_content_return(ngx_ess_amqp_channel_t *ch);
static ngx_int_t ngx_ess_amqp_content_properties(ngx_ess_amqp_channel_t *ch,
    amqp_basic_properties_t *properties, size_t len);


ngx_int_t
ngx_ess_amqp_content_header(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame)
{
    ngx_str_t                none;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->want != NGX_ESS_AMQP_WANT_HEADER) {
        return ngx_ess_amqp_trouble(s, "it sent a content header without a"
                                    " method");
    }

    ch->properties = frame->properties;
    ch->raw = frame->raw;
    ch->body_size = frame->body_size;
    ch->received = 0;
    ch->want = NGX_ESS_AMQP_WANT_BODY;

    if (ch->body_size) {
        return NGX_OK;
    }

    ngx_str_null(&none);

    return ngx_ess_amqp_content_body(ch, &none);
}


ngx_int_t
ngx_ess_amqp_content_body(ngx_ess_amqp_channel_t *ch, ngx_str_t *body)
{
    ngx_str_t                whole;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->want != NGX_ESS_AMQP_WANT_BODY
        || body->len > ch->body_size - ch->received)
    {
        return ngx_ess_amqp_trouble(s, "it sent a body frame that belongs"
                                    " to no content");
    }

    if (body->len == ch->body_size || ch->body_size > s->max_body) {

        /* in one frame: no copy; or too large: the last one tells it from
           others */

        whole = *body;

    } else {

        if (ch->body == NULL) {
            ch->body = ngx_alloc(ch->body_size, &s->log);
            if (ch->body == NULL) {
                return ngx_ess_amqp_trouble(s, "no memory");
            }
        }

        ngx_memcpy(ch->body + ch->received, body->data, body->len);

        whole.data = ch->body;
        whole.len = ch->body_size;
    }

    ch->received += body->len;

    if (ch->received < ch->body_size) {
        return NGX_OK;
    }

    if (ch->deliver == NULL) {
        ngx_ess_amqp_content_return(ch);

    } else if (ch->handlers->delivery) {
        ngx_ess_amqp_content_deliver(ch, &whole);
    }

    ngx_ess_amqp_content_reset(ch);

    return NGX_OK;
}


static void
ngx_ess_amqp_content_deliver(ngx_ess_amqp_channel_t *ch, ngx_str_t *body)
{
    amqp_basic_deliver_t     *deliver;
    ngx_ess_amqp_delivery_t   d;

    deliver = ch->deliver;

    ngx_memzero(&d, sizeof(ngx_ess_amqp_delivery_t));

    d.delivery_tag = deliver->delivery_tag;
    d.tag = ngx_ess_amqp_content_tag(&deliver->consumer_tag);
    d.redelivered = deliver->redelivered ? 1 : 0;
    d.exchange.data = deliver->exchange.bytes;
    d.exchange.len = deliver->exchange.len;
    d.key.data = deliver->routing_key.bytes;
    d.key.len = deliver->routing_key.len;
    d.properties = ch->properties;
    d.raw_properties = ch->raw;
    d.body = *body;
    d.body_size = ch->body_size;
    d.over_size = (ch->body_size > ch->session->max_body);

    ch->handlers->delivery(ch, &d);
}


static void
ngx_ess_amqp_content_return(ngx_ess_amqp_channel_t *ch)
{
    uint64_t   number;
    ngx_str_t  key;

    if (ch->handlers->returned == NULL) {
        return;
    }

    number = (ch->properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
             ? ngx_ess_amqp_content_tag(&ch->properties->message_id) : 0;

    key.data = ch->returned->routing_key.bytes;
    key.len = ch->returned->routing_key.len;

    ch->handlers->returned(ch, number, &key);
}


/* nothing of a content is kept */

void
ngx_ess_amqp_content_reset(ngx_ess_amqp_channel_t *ch)
{
    if (ch->body) {
        ngx_free(ch->body);
        ch->body = NULL;
    }

    ch->want = NGX_ESS_AMQP_WANT_METHOD;
    ch->deliver = NULL;
    ch->returned = NULL;
    ch->properties = NULL;
    ngx_str_null(&ch->raw);
}


/* "ess-7" is 7; what has no number is 0 */

ngx_uint_t
ngx_ess_amqp_content_tag(amqp_bytes_t *tag)
{
    size_t     n;
    u_char    *p;
    ngx_int_t  number;

    p = (u_char *) tag->bytes + tag->len;

    for (n = 0; n < tag->len && p[-1] >= '0' && p[-1] <= '9'; n++) {
        p--;
    }

    number = ngx_atoi(p, n);

    return number == NGX_ERROR ? 0 : (ngx_uint_t) number;
}


ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch,
    amqp_basic_publish_t *publish, amqp_basic_properties_t *properties,
    ngx_str_t *body)
{
    size_t                   sent, n, max, unsent;
    ngx_int_t                rc;
    ngx_buf_t               *out;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->state != NGX_ESS_AMQP_CH_OPEN
        || !ngx_ess_amqp_session_is_open(s)
        || s->blocked
        || s->io.out.last - s->io.out.pos >= NGX_ESS_AMQP_OUT_HIGH)
    {
        return NGX_AGAIN;
    }

    max = s->io.codec.frame_max - NGX_ESS_AMQP_FRAME_OVERHEAD;
    n = body->len / max + 1;

    if (ngx_ess_amqp_io_room(s, 2 * NGX_ESS_AMQP_METHOD_MAX + body->len
                                + n * NGX_ESS_AMQP_FRAME_OVERHEAD)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = &s->io.out;
    unsent = out->last - out->pos;

    if (ngx_ess_amqp_io_method(s, ch->number, AMQP_BASIC_PUBLISH_METHOD,
                               publish)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_ess_amqp_content_properties(ch, properties, body->len);

    if (rc != NGX_OK) {

        /* no method without its content */

        out->last = out->pos + unsent;
        return rc;
    }

    for (sent = 0; sent < body->len; sent += n) {
        n = ngx_min(body->len - sent, max);

        out->last += ngx_ess_amqp_codec_body(out->last, ch->number,
                                             body->data + sent, n);
    }

    return NGX_OK;
}


/* The header, and room for the body; seldom is it larger than a method. */

static ngx_int_t
ngx_ess_amqp_content_properties(ngx_ess_amqp_channel_t *ch,
    amqp_basic_properties_t *properties, size_t len)
{
    size_t                   n, max;
    ngx_buf_t               *out;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;
    out = &s->io.out;
    max = s->io.codec.frame_max;

    n = ngx_ess_amqp_codec_header(out->last,
                                  ngx_min(NGX_ESS_AMQP_METHOD_MAX, max),
                                  ch->number, len, properties);

    if (n == 0 && max > NGX_ESS_AMQP_METHOD_MAX) {

        if (ngx_ess_amqp_io_room(s, max + len
                                    + (len / (max - NGX_ESS_AMQP_FRAME_OVERHEAD)
                                       + 1) * NGX_ESS_AMQP_FRAME_OVERHEAD)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = ngx_ess_amqp_codec_header(out->last, max, ch->number, len,
                                      properties);
    }

    out->last += n;

    return n ? NGX_OK : NGX_DECLINED;
}
