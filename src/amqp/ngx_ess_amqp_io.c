/*
 * Bytes of a session, in and out, and its heartbeats.  The two buffers belong
 * to the session and live as long as its connection.  Nothing here blocks;
 * what the socket does not take waits in the output buffer.  Runs in a
 * worker.
 */


#include "ngx_ess_amqp_session.h"


/* unsent bytes at which a send fails */
#define NGX_ESS_AMQP_OUT_MAX         (2 * 1024 * 1024)

/* what is read before others get their turn */
#define NGX_ESS_AMQP_IN_SLICE        (256 * 1024)


static ngx_int_t ngx_ess_amqp_io_out(ngx_ess_amqp_session_t *s,
    const u_char *data, size_t len);
static ngx_int_t ngx_ess_amqp_io_input(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_io_frame_pt handler);
static ngx_int_t ngx_ess_amqp_io_not_amqp(ngx_ess_amqp_session_t *s);


ngx_int_t
ngx_ess_amqp_io_start(ngx_ess_amqp_session_t *s)
{
    ngx_buf_t  *b;

    s->io.sent_at = ngx_current_msec;
    s->io.received_at = ngx_current_msec;

    b = &s->io.in;

    b->start = ngx_alloc(NGX_ESS_AMQP_FRAME_MAX, &s->log);
    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + NGX_ESS_AMQP_FRAME_MAX;

    if (b->start == NULL
        || ngx_ess_amqp_codec_init(&s->io.codec) != NGX_OK
        || ngx_ess_amqp_io_out(s, ngx_ess_amqp_codec_protocol,
                               NGX_ESS_AMQP_PROTOCOL_LEN)
           != NGX_OK)
    {
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    return NGX_OK;
}


void
ngx_ess_amqp_io_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_codec_done(&s->io.codec);

    if (s->io.in.start) {
        ngx_free(s->io.in.start);
    }

    if (s->io.out.start) {
        ngx_free(s->io.out.start);
    }

    ngx_memzero(&s->io.in, sizeof(ngx_buf_t));
    ngx_memzero(&s->io.out, sizeof(ngx_buf_t));

    if (s->io.heartbeat_timer.timer_set) {
        ngx_del_timer(&s->io.heartbeat_timer);
    }

    if (s->io.flush.posted) {
        ngx_delete_posted_event(&s->io.flush);
    }

    s->io.heartbeat = 0;
    s->io.broken = 0;
    s->io.paused = 0;
}


ngx_int_t
ngx_ess_amqp_io_read(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_io_frame_pt handler)
{
    size_t             slice;
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_connection_t  *c;

    c = s->connect.peer.connection;
    b = &s->io.in;

    slice = 0;

    for ( ;; ) {

        /* what came, or at first what a pause left there */

        if (ngx_ess_amqp_io_input(s, handler) != NGX_OK) {
            return NGX_ERROR;
        }

        if (slice >= NGX_ESS_AMQP_IN_SLICE || s->io.paused) {
            break;
        }

        /* the whole of the next frame will fit */

        if (b->pos > b->start) {
            b->last = ngx_movemem(b->start, b->pos, b->last - b->pos);
            b->pos = b->start;
        }

        n = c->recv(c, b->last, b->end - b->last);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            return ngx_ess_amqp_trouble(s, "the peer closed the connection"
                                        " while %s",
                                        ngx_ess_amqp_trouble_while(s));
        }

        b->last += n;
        slice += n;
        s->io.received_at = ngx_current_msec;
    }

    if (slice >= NGX_ESS_AMQP_IN_SLICE && !s->io.paused) {

        /* others come first */
        ngx_post_event(c->read, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return ngx_ess_amqp_trouble(s, "the event could not be set");
    }

    return NGX_OK;
}


/* handles all whole frames in the buffer, unless there is a pause */

static ngx_int_t
ngx_ess_amqp_io_input(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_io_frame_pt handler)
{
    size_t                 used;
    ngx_int_t              rc;
    ngx_buf_t             *b;
    ngx_ess_amqp_frame_t   frame;

    b = &s->io.in;

    while (!s->io.paused) {

        rc = ngx_ess_amqp_codec_parse(&s->io.codec, &frame, b->pos,
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

        if (handler(s, &frame) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_io_not_amqp(ngx_ess_amqp_session_t *s)
{
    ngx_ess_escaped_t  e;

    if (s->state != NGX_ESS_AMQP_HEADER) {
        return ngx_ess_amqp_trouble(s, "%s", s->io.codec.error);
    }

    return ngx_ess_amqp_trouble(s, "%s, its answer begins with \"%V\"",
                                s->io.codec.error,
                                ngx_ess_escape_bytes(&e, s->io.in.pos,
                                    ngx_min(s->io.in.last - s->io.in.pos, 32)));
}


void
ngx_ess_amqp_io_flush(ngx_ess_amqp_session_t *s)
{
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_uint_t         high;
    ngx_connection_t  *c;

    c = s->connect.peer.connection;
    b = &s->io.out;

    if (c == NULL || s->state < NGX_ESS_AMQP_HEADER || s->io.broken) {
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
            s->io.broken = 1;
            ngx_post_event(&s->io.flush, &ngx_posted_events);
            return;
        }

        b->pos += n;
        s->io.sent_at = ngx_current_msec;
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
        ngx_post_event(&s->io.flush, &ngx_posted_events);
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        s->io.broken = 1;
        ngx_post_event(&s->io.flush, &ngx_posted_events);
    }
}


ngx_int_t
ngx_ess_amqp_io_room(ngx_ess_amqp_session_t *s, size_t size)
{
    size_t      len, total;
    u_char     *p;
    ngx_buf_t  *b;

    b = &s->io.out;
    len = b->last - b->pos;

    if (size <= (size_t) (b->end - b->last)) {
        return NGX_OK;
    }

    if (len > NGX_ESS_AMQP_OUT_MAX) {
        return NGX_ERROR;
    }

    total = b->end - b->start;

    if (len + size <= total && b->pos - b->start >= (ssize_t) total / 2) {
        p = b->start;
        ngx_memmove(p, b->pos, len);

    } else {
        total = ngx_max(2 * total, 2 * size);

        p = ngx_alloc(total, &s->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (b->start) {
            ngx_memcpy(p, b->pos, len);
            ngx_free(b->start);
        }
    }

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = p + total;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_io_out(ngx_ess_amqp_session_t *s, const u_char *data, size_t len)
{
    if (ngx_ess_amqp_io_room(s, ngx_max(len, NGX_ESS_AMQP_METHOD_MAX))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->io.out.last = ngx_cpymem(s->io.out.last, data, len);

    ngx_post_event(&s->io.flush, &ngx_posted_events);

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

    n = ngx_ess_amqp_codec_method(s->io.out.last,
                                  ngx_min(NGX_ESS_AMQP_METHOD_MAX,
                                          s->io.codec.frame_max),
                                  channel, method, decoded);
    if (n == 0) {
        return NGX_ERROR;
    }

    s->io.out.last += n;

    ngx_post_event(&s->io.flush, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_io_answer(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded)
{
    if (ngx_ess_amqp_io_method(s, channel, method, decoded) != NGX_OK) {
        return ngx_ess_amqp_trouble(s, "%s could not be sent",
                                    ngx_ess_amqp_codec_name(method));
    }

    return NGX_OK;
}


/* one is sent after half of an interval in silence */

ngx_int_t
ngx_ess_amqp_io_heartbeat(ngx_ess_amqp_session_t *s)
{
    u_char      buf[NGX_ESS_AMQP_FRAME_OVERHEAD];
    ngx_msec_t  now;

    now = ngx_current_msec;

    if (!s->io.paused && now - s->io.received_at > 2 * s->io.heartbeat) {
        return ngx_ess_amqp_trouble(s, "nothing came from it for %M ms,"
                                    " twice the heartbeat",
                                    now - s->io.received_at);
    }

    if (now - s->io.sent_at >= s->io.heartbeat / 2
        && s->io.out.pos == s->io.out.last)
    {
        (void) ngx_ess_amqp_io_out(s, buf, ngx_ess_amqp_codec_heartbeat(buf));
    }

    ngx_add_timer(&s->io.heartbeat_timer, s->io.heartbeat / 4);

    return NGX_OK;
}
