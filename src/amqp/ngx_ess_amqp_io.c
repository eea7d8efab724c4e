/*
 * Bytes of a session, in and out, and its heartbeats.  The two buffers belong
 * to the session and live as long as its connection.  Nothing here blocks;
 * what the socket does not take waits in the output buffer.  Runs in a
 * worker.
 */


#include "ngx_ess_amqp_session.h"


static ngx_int_t ngx_ess_amqp_io_read(ngx_ess_amqp_session_t *s,
    ngx_event_t *rev);
static ngx_int_t ngx_ess_amqp_io_input(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_io_input_room(ngx_ess_amqp_session_t *s,
    size_t need);
static ngx_int_t ngx_ess_amqp_io_grow(ngx_ess_amqp_session_t *s,
    ngx_buf_t *b, size_t size);
static ngx_int_t ngx_ess_amqp_io_not_amqp(ngx_ess_amqp_session_t *s);


void
ngx_ess_amqp_io_read_handler(ngx_event_t *rev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = rev->data;
    s = c->data;

    if (ngx_ess_amqp_io_read(s, rev) != NGX_OK) {
        ngx_ess_amqp_drop(s);
    }
}


static ngx_int_t
ngx_ess_amqp_io_read(ngx_ess_amqp_session_t *s, ngx_event_t *rev)
{
    size_t             slice;
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_connection_t  *c;

    c = rev->data;
    b = &s->in;

    /* what a pause left there */

    if (b->pos < b->last && ngx_ess_amqp_io_input(s) != NGX_OK) {
        return NGX_ERROR;
    }

    for (slice = 0; slice < NGX_ESS_AMQP_IN_SLICE && !s->paused; slice += n) {

        if (ngx_ess_amqp_io_input_room(s, NGX_ESS_AMQP_IN_SIZE) != NGX_OK) {
            return ngx_ess_amqp_trouble(s, "no memory");
        }

        n = c->recv(c, b->last, b->end - b->last);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            return ngx_ess_amqp_trouble(s, "the peer closed the connection"
                                        " while %s",
                                        ngx_ess_amqp_state_name(s->state));
        }

        b->last += n;
        s->received_at = ngx_current_msec;

        if (ngx_ess_amqp_io_input(s) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (slice >= NGX_ESS_AMQP_IN_SLICE && !s->paused) {

        /* others come first */
        ngx_post_event(rev, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return ngx_ess_amqp_trouble(s, "the event could not be set");
    }

    if (s->state == NGX_ESS_AMQP_OPEN) {
        if (s->handlers->batch) {
            s->handlers->batch(s);
        }
    }

    return NGX_OK;
}


/* handles all whole frames in the buffer, unless there is a pause, and moves
   the rest to its start */

static ngx_int_t
ngx_ess_amqp_io_input(ngx_ess_amqp_session_t *s)
{
    size_t                 used;
    ngx_int_t              rc;
    ngx_buf_t             *b;
    ngx_ess_amqp_frame_t   frame;

    b = &s->in;

    while (!s->paused) {

        rc = ngx_ess_amqp_codec_parse(&s->codec, &frame, b->pos,
                                      b->last - b->pos, &used);

        if (rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_ERROR) {
            return ngx_ess_amqp_io_not_amqp(s);
        }

        b->pos += used;

        if (frame.type == AMQP_FRAME_HEARTBEAT) {
            continue;
        }

        if (frame.channel == 0) {
            rc = ngx_ess_amqp_handshake(s, &frame);
            ngx_ess_amqp_codec_release(&s->codec, 0);

        } else {
            rc = ngx_ess_amqp_channel_frame(s, &frame);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_ess_amqp_io_input_room(s, s->codec.need) != NGX_OK) {
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    return NGX_OK;
}


/* The whole of the next frame will fit.  "need" was checked by the codec. */

static ngx_int_t
ngx_ess_amqp_io_input_room(ngx_ess_amqp_session_t *s, size_t need)
{
    size_t      len;
    ngx_buf_t  *b;

    b = &s->in;
    len = b->last - b->pos;

    if (len && b->pos > b->start) {
        ngx_memmove(b->start, b->pos, len);
    }

    b->pos = b->start;
    b->last = b->start + len;

    if (need <= (size_t) (b->end - b->start)) {
        return NGX_OK;
    }

    return ngx_ess_amqp_io_grow(s, b, need);
}


/* What is in the buffer moves to a new one of "size" bytes. */

static ngx_int_t
ngx_ess_amqp_io_grow(ngx_ess_amqp_session_t *s, ngx_buf_t *b, size_t size)
{
    size_t   len;
    u_char  *p;

    len = b->last - b->pos;

    p = ngx_alloc(size, &s->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (b->start) {
        ngx_memcpy(p, b->pos, len);
        ngx_free(b->start);
    }

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = p + size;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_io_not_amqp(ngx_ess_amqp_session_t *s)
{
    ngx_ess_escaped_t  e;

    if (s->state != NGX_ESS_AMQP_HEADER) {
        return ngx_ess_amqp_trouble(s, "%s", s->codec.error);
    }

    return ngx_ess_amqp_trouble(s, "%s, its answer begins with \"%V\"",
                                s->codec.error,
                                ngx_ess_escape_bytes(&e, s->in.pos,
                                    ngx_min(s->in.last - s->in.pos, 32)));
}


void
ngx_ess_amqp_io_write_handler(ngx_event_t *wev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = wev->data;
    s = c->data;

    ngx_ess_amqp_io_flush_handler(&s->flush);
}


/* at the end of the iteration, and when the socket takes bytes again */

void
ngx_ess_amqp_io_flush_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    ngx_ess_amqp_channel_abort_queued(s);

    if (s->broken) {
        ngx_ess_amqp_drop(s);
        return;
    }

    ngx_ess_amqp_channel_pump(s);

    if (s->handlers->writable && ngx_ess_amqp_is_open(s)) {
        s->handlers->writable(s);
    }

    ngx_ess_amqp_flush(s);
}


void
ngx_ess_amqp_io_flush(ngx_ess_amqp_session_t *s)
{
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_uint_t         high;
    ngx_connection_t  *c;

    c = s->peer.connection;
    b = &s->out;

    if (c == NULL || s->state < NGX_ESS_AMQP_HEADER || s->broken) {
        return;
    }

    high = b->last - b->pos >= NGX_ESS_AMQP_OUT_HIGH;

    while (b->pos < b->last) {

        n = c->send(c, b->pos, b->last - b->pos);

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        if (n == NGX_ERROR) {

            /* never from here: the caller may be in a handler */

            (void) ngx_ess_amqp_trouble(s, "sending failed");
            s->broken = 1;
            ngx_post_event(&s->flush, &ngx_posted_events);
            return;
        }

        b->pos += n;
        s->sent_at = ngx_current_msec;
    }

    if (b->pos == b->last) {

        if (b->end - b->start > 4 * NGX_ESS_AMQP_METHOD_MAX) {
            ngx_free(b->start);
            ngx_memzero(b, sizeof(ngx_buf_t));
        }

        b->pos = b->start;
        b->last = b->start;
    }

    if (high && b->last - b->pos < NGX_ESS_AMQP_OUT_HIGH) {

        /* ops were waiting for this */
        ngx_post_event(&s->flush, &ngx_posted_events);
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        s->broken = 1;
        ngx_post_event(&s->flush, &ngx_posted_events);
    }
}


ngx_int_t
ngx_ess_amqp_io_room(ngx_ess_amqp_session_t *s, size_t size)
{
    size_t      len, total;
    ngx_buf_t  *b;

    b = &s->out;
    len = b->last - b->pos;

    if (size <= (size_t) (b->end - b->last)) {
        return NGX_OK;
    }

    if (len > NGX_ESS_AMQP_OUT_MAX) {
        return NGX_ERROR;
    }

    total = b->end - b->start;

    if (len + size <= total && b->pos - b->start >= (ssize_t) total / 2) {
        ngx_memmove(b->start, b->pos, len);
        b->pos = b->start;
        b->last = b->start + len;
        return NGX_OK;
    }

    total = ngx_max(2 * total, 2 * size);

    return ngx_ess_amqp_io_grow(s, b, total);
}


ngx_int_t
ngx_ess_amqp_io_out(ngx_ess_amqp_session_t *s, const u_char *data, size_t len)
{
    if (ngx_ess_amqp_io_room(s, ngx_max(len, NGX_ESS_AMQP_METHOD_MAX))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->out.last = ngx_cpymem(s->out.last, data, len);

    ngx_post_event(&s->flush, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_io_method(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded)
{
    size_t  n;

    if (ngx_ess_amqp_io_room(s, NGX_ESS_AMQP_METHOD_MAX) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_ess_amqp_codec_method(s->out.last,
                                  ngx_min(NGX_ESS_AMQP_METHOD_MAX,
                                          s->codec.frame_max),
                                  channel, method, decoded);
    if (n == 0) {
        return NGX_ERROR;
    }

    s->out.last += n;

    ngx_post_event(&s->flush, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_io_header(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    uint64_t body_size, amqp_basic_properties_t *properties)
{
    size_t  n;

    if (ngx_ess_amqp_io_room(s, NGX_ESS_AMQP_METHOD_MAX) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_ess_amqp_codec_header(s->out.last,
                                  ngx_min(NGX_ESS_AMQP_METHOD_MAX,
                                          s->codec.frame_max),
                                  channel, body_size, properties);
    if (n == 0) {
        return NGX_ERROR;
    }

    s->out.last += n;

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_io_body(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    const u_char *data, size_t len)
{
    if (ngx_ess_amqp_io_room(s, NGX_ESS_AMQP_FRAME_OVERHEAD + len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->out.last += ngx_ess_amqp_codec_body(s->out.last, channel, data, len);

    return NGX_OK;
}


/* four times in an interval: one is sent after half of it in silence */

void
ngx_ess_amqp_io_heartbeat_handler(ngx_event_t *ev)
{
    u_char                   buf[NGX_ESS_AMQP_FRAME_OVERHEAD];
    ngx_msec_t               now;
    ngx_ess_amqp_session_t  *s;

    s = ev->data;
    now = ngx_current_msec;

    if (!s->paused && now - s->received_at > 2 * s->heartbeat) {
        (void) ngx_ess_amqp_trouble(s, "nothing came from it for %M ms,"
                                    " twice the heartbeat",
                                    now - s->received_at);
        ngx_ess_amqp_drop(s);
        return;
    }

    if (now - s->sent_at >= s->heartbeat / 2 && s->out.pos == s->out.last) {
        (void) ngx_ess_amqp_io_out(s, buf, ngx_ess_amqp_codec_heartbeat(buf));
    }

    ngx_add_timer(ev, s->heartbeat / 4);
}
