/*
 * One RabbitMQ session: its life, input, output, heartbeats and log lines.
 * Connecting is in ngx_ess_amqp_connect.c, what is said on channel 0 in
 * ngx_ess_amqp_handshake.c, channels and ops in ngx_ess_amqp_channel.c.  The
 * session owns its connection, buffers and channels; it lives in one worker.
 */


#include "ngx_ess_amqp_session.h"


static ngx_int_t ngx_ess_amqp_is_new(uint32_t *seen, ngx_uint_t *n,
    uint32_t hash);
static u_char *ngx_ess_amqp_log_handler(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_ess_amqp_quiet_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);
static void ngx_ess_amqp_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_ess_amqp_read(ngx_ess_amqp_session_t *s,
    ngx_event_t *rev);
static ngx_int_t ngx_ess_amqp_input(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_input_room(ngx_ess_amqp_session_t *s,
    size_t need);
static ngx_int_t ngx_ess_amqp_not_amqp(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_write_handler(ngx_event_t *wev);
static void ngx_ess_amqp_flush_handler(ngx_event_t *ev);
static void ngx_ess_amqp_timer_handler(ngx_event_t *ev);
static void ngx_ess_amqp_heartbeat_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_amqp_room(ngx_ess_amqp_session_t *s, size_t size);
static void ngx_ess_amqp_disconnect(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_free(ngx_ess_amqp_session_t *s);


static const char  *ngx_ess_amqp_states[] = {
    "waiting to connect to",
    "resolving the name of",
    "connecting to",
    "in TLS handshake with",
    "waiting for connection.start from",
    "logging in to",
    "opening the virtual host of",
    "talking to",
    "closing the connection to"
};


ngx_ess_amqp_session_t *
ngx_ess_amqp_create(ngx_ess_amqp_conf_t *conf,
    const ngx_ess_amqp_handlers_t *handlers, void *data, size_t max_body,
    ngx_log_t *log)
{
    ngx_ess_amqp_session_t  *s;

    s = ngx_calloc(sizeof(ngx_ess_amqp_session_t)
                   + conf->nodes.nelts * sizeof(ngx_ess_amqp_resolve_t *),
                   log);
    if (s == NULL) {
        return NULL;
    }

    s->resolves = (ngx_ess_amqp_resolve_t **) &s[1];
    s->conf = conf;
    s->handlers = handlers;
    s->data = data;
    s->max_body = max_body;

    s->parent_log = log;
    s->log = *log;
    s->log.handler = ngx_ess_amqp_log_handler;
    s->log.data = s;
    s->log.action = (char *) ngx_ess_amqp_states[NGX_ESS_AMQP_IDLE];

    s->quiet_log.log_level = NGX_LOG_INFO;
    s->quiet_log.writer = ngx_ess_amqp_quiet_writer;
    s->quiet_log.wdata = s;

    s->timer.handler = ngx_ess_amqp_timer_handler;
    s->timer.data = s;
    s->timer.log = &s->log;
    s->timer.cancelable = 1;

    s->heartbeat_timer.handler = ngx_ess_amqp_heartbeat_handler;
    s->heartbeat_timer.data = s;
    s->heartbeat_timer.log = &s->log;
    s->heartbeat_timer.cancelable = 1;

    s->flush.handler = ngx_ess_amqp_flush_handler;
    s->flush.data = s;
    s->flush.log = &s->log;

    ngx_queue_init(&s->aborted);

    /* no handler is called before this returns */

    ngx_add_timer(&s->timer, 1);

    return s;
}


void *
ngx_ess_amqp_data(ngx_ess_amqp_session_t *s)
{
    return s->data;
}


ngx_log_t *
ngx_ess_amqp_log(ngx_ess_amqp_session_t *s)
{
    return &s->log;
}


ngx_uint_t
ngx_ess_amqp_is_open(ngx_ess_amqp_session_t *s)
{
    return s->state == NGX_ESS_AMQP_OPEN && !s->broken && !s->destroyed;
}


const char *
ngx_ess_amqp_state_name(ngx_ess_amqp_state_e state)
{
    return ngx_ess_amqp_states[state];
}


void
ngx_ess_amqp_shutdown(ngx_ess_amqp_session_t *s)
{
    amqp_connection_close_t  close;

    if (s->shut || s->destroyed) {
        return;
    }

    s->shut = 1;

    if (s->state != NGX_ESS_AMQP_OPEN || s->broken) {

        /* nobody was told that it was open, or it is about to be dropped */

        s->broken = 1;
        ngx_post_event(&s->flush, &ngx_posted_events);
        return;
    }

    ngx_ess_amqp_enter(s);

    ngx_memzero(&close, sizeof(amqp_connection_close_t));
    close.reply_code = AMQP_REPLY_SUCCESS;
    close.reply_text = amqp_cstring_bytes("nginx is done");

    s->state = NGX_ESS_AMQP_CLOSING;

    if (ngx_ess_amqp_out_method(s, 0, AMQP_CONNECTION_CLOSE_METHOD, &close)
        != NGX_OK)
    {
        s->broken = 1;
    }

    ngx_add_timer(&s->timer, NGX_ESS_AMQP_CLOSE_TIME);

    ngx_ess_amqp_channel_abort(s);

    if (!s->destroyed) {
        ngx_ess_amqp_flush(s);
    }

    ngx_ess_amqp_leave(s);
}


void
ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_enter(s);

    s->destroyed = 1;

    ngx_ess_amqp_leave(s);
}


void
ngx_ess_amqp_enter(ngx_ess_amqp_session_t *s)
{
    s->nested++;
}


void
ngx_ess_amqp_leave(ngx_ess_amqp_session_t *s)
{
    if (--s->nested == 0 && s->destroyed) {
        ngx_ess_amqp_free(s);
    }
}


static void
ngx_ess_amqp_free(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_disconnect(s);
    ngx_ess_amqp_connect_forget(s);
    ngx_ess_amqp_channel_free_all(s);

    if (s->channels) {
        ngx_free(s->channels);
    }

    ngx_free(s);
}


/* all that belongs to the connection but the channels */

static void
ngx_ess_amqp_disconnect(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->peer.connection;

    if (c) {
        s->peer.connection = NULL;

        /* nothing that TLS says of its end is worth a line */
        c->log = &s->quiet_log;

#if (NGX_SSL)
        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(c);
        }
#endif

        ngx_close_connection(c);
    }

    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }

    ngx_ess_amqp_codec_done(&s->codec);

    if (s->in.start) {
        ngx_free(s->in.start);
    }

    if (s->out.start) {
        ngx_free(s->out.start);
    }

    ngx_memzero(&s->in, sizeof(ngx_buf_t));
    ngx_memzero(&s->out, sizeof(ngx_buf_t));

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    if (s->heartbeat_timer.timer_set) {
        ngx_del_timer(&s->heartbeat_timer);
    }

    if (s->flush.posted) {
        ngx_delete_posted_event(&s->flush);
    }

    s->heartbeat = 0;
    s->broken = 0;
    s->blocked = 0;
}


void
ngx_ess_amqp_drop(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t            opened;
    ngx_ess_amqp_state_e  state;

    state = s->state;
    opened = s->opened;

    ngx_ess_amqp_disconnect(s);

    s->state = NGX_ESS_AMQP_IDLE;
    s->opened = 0;

    if (opened) {

        if (ngx_current_msec - s->opened_at >= NGX_ESS_AMQP_STABLE_TIME) {
            s->attempt = 0;
            s->nfailures = 0;
            ngx_memzero(s->failures, sizeof(s->failures));
        }

        ngx_ess_amqp_channel_abort(s);

        if (!s->destroyed) {
            s->handlers->close(s);
        }

        ngx_ess_amqp_channel_free_all(s);
    }

    if (s->shut || s->destroyed) {
        return;
    }

    if (opened) {
        ngx_ess_amqp_connect_later(s);

    } else if (state <= NGX_ESS_AMQP_TLS) {
        ngx_ess_amqp_connect_next_address(s);

    } else {
        ngx_ess_amqp_connect_next_node(s);
    }
}


void
ngx_ess_amqp_start(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->peer.connection;

    c->log = &s->log;
    c->read->log = &s->log;
    c->write->log = &s->log;
    c->pool->log = &s->log;

    c->read->handler = ngx_ess_amqp_read_handler;
    c->write->handler = ngx_ess_amqp_write_handler;

    s->state = NGX_ESS_AMQP_HEADER;
    s->sent_at = ngx_current_msec;
    s->received_at = ngx_current_msec;

    if (ngx_ess_amqp_codec_init(&s->codec) != NGX_OK
        || ngx_ess_amqp_out(s, ngx_ess_amqp_codec_protocol,
                            NGX_ESS_AMQP_PROTOCOL_LEN)
           != NGX_OK)
    {
        (void) ngx_ess_amqp_failed(s, "no memory");
        ngx_ess_amqp_drop(s);
        return;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_ess_amqp_drop(s);
        return;
    }

    /* TLS may hold bytes that no event will tell of */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static void
ngx_ess_amqp_read_handler(ngx_event_t *rev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = rev->data;
    s = c->data;

    ngx_ess_amqp_enter(s);

    if (ngx_ess_amqp_read(s, rev) != NGX_OK && !s->destroyed) {
        ngx_ess_amqp_drop(s);
    }

    ngx_ess_amqp_leave(s);
}


static ngx_int_t
ngx_ess_amqp_read(ngx_ess_amqp_session_t *s, ngx_event_t *rev)
{
    size_t             slice;
    ssize_t            n;
    ngx_buf_t         *b;
    ngx_connection_t  *c;

    c = rev->data;
    b = &s->in;

    for (slice = 0; slice < NGX_ESS_AMQP_IN_SLICE; slice += n) {

        if (ngx_ess_amqp_input_room(s, NGX_ESS_AMQP_IN_SIZE) != NGX_OK) {
            return ngx_ess_amqp_failed(s, "no memory");
        }

        n = c->recv(c, b->last, b->end - b->last);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            if (s->state == NGX_ESS_AMQP_CLOSING) {
                return NGX_ERROR;
            }

            return ngx_ess_amqp_failed(s, "the peer closed the connection"
                                       " while nginx was %s it",
                                       ngx_ess_amqp_state_name(s->state));
        }

        b->last += n;
        s->received_at = ngx_current_msec;

        if (ngx_ess_amqp_input(s) != NGX_OK) {
            return NGX_ERROR;
        }

        if (s->destroyed) {
            return NGX_OK;
        }
    }

    if (slice >= NGX_ESS_AMQP_IN_SLICE) {

        /* others come first */
        ngx_post_event(rev, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return ngx_ess_amqp_failed(s, "the event could not be set");
    }

    if (slice && s->state == NGX_ESS_AMQP_OPEN) {
        s->handlers->batch(s);
    }

    return NGX_OK;
}


/* handles all whole frames in the buffer, and moves the rest to its start */

static ngx_int_t
ngx_ess_amqp_input(ngx_ess_amqp_session_t *s)
{
    size_t                 used;
    ngx_int_t              rc;
    ngx_buf_t             *b;
    ngx_ess_amqp_frame_t   frame;

    b = &s->in;

    for ( ;; ) {

        rc = ngx_ess_amqp_codec_parse(&s->codec, &frame, b->pos,
                                      b->last - b->pos, &used);

        if (rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_ERROR) {
            return ngx_ess_amqp_not_amqp(s);
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

        if (s->destroyed) {
            return NGX_OK;
        }
    }

    if (ngx_ess_amqp_input_room(s, s->codec.need) != NGX_OK) {
        return ngx_ess_amqp_failed(s, "no memory");
    }

    return NGX_OK;
}


/* The whole of the next frame will fit.  "need" was checked by the codec. */

static ngx_int_t
ngx_ess_amqp_input_room(ngx_ess_amqp_session_t *s, size_t need)
{
    u_char     *p;
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

    p = ngx_alloc(need, &s->log);
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
    b->end = p + need;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_not_amqp(ngx_ess_amqp_session_t *s)
{
    u_char     buf[32];
    ngx_str_t  text;

    if (s->state != NGX_ESS_AMQP_HEADER) {
        return ngx_ess_amqp_failed(s, "%s", s->codec.error);
    }

    ngx_ess_amqp_clean_text(&text, buf, sizeof(buf), s->in.pos,
                            s->in.last - s->in.pos);

    return ngx_ess_amqp_failed(s, "%s, its answer begins with \"%V\"",
                               s->codec.error, &text);
}


static void
ngx_ess_amqp_write_handler(ngx_event_t *wev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = wev->data;
    s = c->data;

    ngx_ess_amqp_flush_handler(&s->flush);
}


/* at the end of the iteration, and when the socket takes bytes again */

static void
ngx_ess_amqp_flush_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    ngx_ess_amqp_enter(s);

    ngx_ess_amqp_channel_abort_queued(s);

    if (s->broken && !s->destroyed) {
        ngx_ess_amqp_drop(s);
        ngx_ess_amqp_leave(s);
        return;
    }

    if (!s->destroyed && s->peer.connection) {
        ngx_ess_amqp_channel_pump(s);
    }

    if (!s->destroyed) {
        ngx_ess_amqp_flush(s);
    }

    ngx_ess_amqp_leave(s);
}


void
ngx_ess_amqp_flush(ngx_ess_amqp_session_t *s)
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

            (void) ngx_ess_amqp_failed(s, "sending failed");
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


/* "size" bytes fit behind out.last */

static ngx_int_t
ngx_ess_amqp_room(ngx_ess_amqp_session_t *s, size_t size)
{
    u_char     *p;
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

    p = ngx_alloc(total, &s->log);
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
    b->end = p + total;

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_out(ngx_ess_amqp_session_t *s, const u_char *data, size_t len)
{
    if (ngx_ess_amqp_room(s, ngx_max(len, NGX_ESS_AMQP_METHOD_MAX))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->out.last = ngx_cpymem(s->out.last, data, len);

    ngx_post_event(&s->flush, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_out_method(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded)
{
    size_t  n;

    if (ngx_ess_amqp_room(s, NGX_ESS_AMQP_METHOD_MAX) != NGX_OK) {
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


/* the next attempt is due, or a time limit was reached */

static void
ngx_ess_amqp_timer_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    ngx_ess_amqp_enter(s);

    switch (s->state) {

    case NGX_ESS_AMQP_IDLE:
        ngx_ess_amqp_connect(s);
        break;

    case NGX_ESS_AMQP_OPEN:
        break;

    case NGX_ESS_AMQP_RESOLVING:
        (void) ngx_ess_amqp_failed(s, "its name was not resolved in time");
        s->state = NGX_ESS_AMQP_IDLE;
        ngx_ess_amqp_connect_next_node(s);
        break;

    case NGX_ESS_AMQP_CLOSING:
        ngx_ess_amqp_drop(s);
        break;

    default:
        (void) ngx_ess_amqp_failed(s, "timed out while %s it",
                                   ngx_ess_amqp_state_name(s->state));
        ngx_ess_amqp_drop(s);
    }

    ngx_ess_amqp_leave(s);
}


/* four times in an interval: one is sent after half of it in silence */

static void
ngx_ess_amqp_heartbeat_handler(ngx_event_t *ev)
{
    u_char                   buf[NGX_ESS_AMQP_FRAME_OVERHEAD];
    ngx_msec_t               now;
    ngx_ess_amqp_session_t  *s;

    s = ev->data;
    now = ngx_current_msec;

    ngx_ess_amqp_enter(s);

    if (now - s->received_at > 2 * s->heartbeat) {
        (void) ngx_ess_amqp_failed(s, "nothing came from it for %M ms, twice"
                                   " the heartbeat", now - s->received_at);
        ngx_ess_amqp_drop(s);
        ngx_ess_amqp_leave(s);
        return;
    }

    if (now - s->sent_at >= s->heartbeat / 2 && s->out.pos == s->out.last) {
        (void) ngx_ess_amqp_out(s, buf, ngx_ess_amqp_codec_heartbeat(buf));
    }

    ngx_add_timer(ev, s->heartbeat / 4);

    ngx_ess_amqp_leave(s);
}


ngx_int_t
ngx_ess_amqp_failed(ngx_ess_amqp_session_t *s, const char *fmt, ...)
{
    u_char                text[NGX_ESS_AMQP_TEXT], *p;
    va_list               args;
    ngx_uint_t            level;
    ngx_ess_amqp_node_t  *node;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    node = s->conf->nodes.elts;
    node += s->node;

    level = s->shut ? NGX_LOG_INFO : NGX_LOG_ERR;

    if (ngx_ess_amqp_is_new(s->failures, &s->nfailures,
                            ngx_crc32_long(text, p - text) ^ s->node)
        == NGX_OK)
    {
        ngx_log_error(level, s->parent_log, 0, "amqp broker %V: %*s",
                      &node->name, (size_t) (p - text), text);
    }

    return NGX_ERROR;
}


void
ngx_ess_amqp_log_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    u_char                buf[NGX_ESS_AMQP_TEXT], line[NGX_ESS_AMQP_TEXT], *p;
    ngx_str_t             clean;
    ngx_msec_t            now;
    ngx_ess_amqp_node_t  *node;

    now = ngx_current_msec;

    if (s->state == NGX_ESS_AMQP_OPEN
        && now - s->opened_at >= NGX_ESS_AMQP_FORGET_TIME
        && now - s->word_at >= NGX_ESS_AMQP_FORGET_TIME)
    {
        s->nwords = 0;
        ngx_memzero(s->words, sizeof(s->words));
    }

    s->word_at = now;

    ngx_ess_amqp_clean_text(&clean, buf, sizeof(buf), text->data, text->len);

    p = ngx_slprintf(line, line + sizeof(line), "%s: %ui \"%V\"", what, code,
                     &clean);

    if (ngx_ess_amqp_is_new(s->words, &s->nwords,
                            ngx_crc32_long(line, p - line))
        == NGX_OK)
    {
        node = s->conf->nodes.elts;
        node += s->node;

        ngx_log_error(level, s->parent_log, 0, "amqp broker %V: %*s",
                      &node->name, (size_t) (p - line), line);
    }
}


/* keeps the last few; NGX_OK: it was not among them */

static ngx_int_t
ngx_ess_amqp_is_new(uint32_t *seen, ngx_uint_t *n, uint32_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_AMQP_SEEN && i < *n; i++) {
        if (seen[i] == hash) {
            return NGX_DECLINED;
        }
    }

    seen[(*n)++ % NGX_ESS_AMQP_SEEN] = hash;

    return NGX_OK;
}


void
ngx_ess_amqp_clean_text(ngx_str_t *dst, u_char *buf, size_t size, u_char *text,
    size_t len)
{
    size_t  i;

    len = ngx_min(len, size);

    for (i = 0; i < len; i++) {
        buf[i] = (text[i] < 0x20 || text[i] == 0x7f) ? '.' : text[i];
    }

    dst->data = buf;
    dst->len = len;
}


static u_char *
ngx_ess_amqp_log_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_ess_amqp_node_t     *node;
    ngx_ess_amqp_session_t  *s;

    s = log->data;

    node = s->conf->nodes.elts;
    node += s->node;

    return ngx_snprintf(buf, len, " while %s amqp broker %V",
                        ngx_ess_amqp_state_name(s->state), &node->name);
}


/*
 * What nginx logs of a failed connect or TLS handshake would be logged at
 * each retry; it is kept as the reason instead.  The line begins with time,
 * level and process: "… [error] 12#12: *3 text".
 */

static void
ngx_ess_amqp_quiet_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    u_char                  *p, *last;
    ngx_ess_amqp_session_t  *s;

    s = log->wdata;
    last = buf + len;

    p = ngx_strlchr(buf, last, '#');
    p = p ? ngx_strlchr(p, last, ' ') : NULL;
    p = p ? p + 1 : buf;

    if (p < last && *p == '*') {
        while (p < last && *p++ != ' ') { /* void */ }
    }

    while (last > p && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    s->quiet_len = ngx_min((size_t) (last - p), sizeof(s->quiet));
    ngx_memcpy(s->quiet, p, s->quiet_len);
}
