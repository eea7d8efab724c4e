/*
 * One RabbitMQ session: its life, from state to state, and its events.  Below
 * it: _connect.c comes to a socket, _io.c moves bytes, _handshake.c talks on
 * channel 0, _channel.c on the others, _trouble.c says what went wrong.  The
 * session owns its connection, buffers and channels; it lives in one worker.
 */


#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_handshake.h"


/* ms that a connection has to last to count as a success */
#define NGX_ESS_AMQP_STABLE_TIME     5000


static void ngx_ess_amqp_event(ngx_ess_amqp_session_t *s, ngx_event_t *ev,
    ngx_event_handler_pt handler);
static void ngx_ess_amqp_disconnect(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_drop(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_start(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_timer_handler(ngx_event_t *ev);
static void ngx_ess_amqp_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_ess_amqp_frame(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);
static void ngx_ess_amqp_write_handler(ngx_event_t *wev);
static void ngx_ess_amqp_flush_handler(ngx_event_t *ev);
static void ngx_ess_amqp_heartbeat_handler(ngx_event_t *ev);


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

    s->connect.resolves = (ngx_ess_amqp_resolve_t **) &s[1];
    s->conf = conf;
    s->handlers = handlers;
    s->data = data;
    s->max_body = max_body;

    ngx_ess_amqp_trouble_init(s, log);

    s->connect.handler = ngx_ess_amqp_start;

    ngx_ess_amqp_event(s, &s->connect.timer, ngx_ess_amqp_timer_handler);
    ngx_ess_amqp_event(s, &s->io.heartbeat_timer,
                       ngx_ess_amqp_heartbeat_handler);
    ngx_ess_amqp_event(s, &s->io.flush, ngx_ess_amqp_flush_handler);

    ngx_queue_init(&s->aborted);

    /* no handler is called before this returns */

    ngx_add_timer(&s->connect.timer, 1);

    return s;
}


static void
ngx_ess_amqp_event(ngx_ess_amqp_session_t *s, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = s;
    ev->log = &s->log;
    ev->cancelable = 1;
}


void *
ngx_ess_amqp_data(ngx_ess_amqp_session_t *s)
{
    return s->data;
}


ngx_str_t *
ngx_ess_amqp_node_name(ngx_ess_amqp_session_t *s)
{
    return &ngx_ess_amqp_session_node(s)->name;
}


ngx_uint_t
ngx_ess_amqp_is_open(ngx_ess_amqp_session_t *s)
{
    return ngx_ess_amqp_session_is_open(s);
}


ngx_uint_t
ngx_ess_amqp_version(ngx_ess_amqp_session_t *s)
{
    return s->version;
}


void
ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s)
{
    amqp_connection_close_t  close;

    if (ngx_ess_amqp_session_is_open(s)) {

        ngx_memzero(&close, sizeof(amqp_connection_close_t));
        close.reply_code = AMQP_REPLY_SUCCESS;
        close.reply_text = amqp_cstring_bytes("nginx is done");

        (void) ngx_ess_amqp_io_method(s, 0, AMQP_CONNECTION_CLOSE_METHOD,
                                      &close);
        ngx_ess_amqp_flush(s);
    }

    ngx_ess_amqp_disconnect(s);
    ngx_ess_amqp_connect_forget(s);
    ngx_ess_amqp_channel_free_all(s);

    ngx_free(s);
}


/* all that belongs to the connection but the channels */

static void
ngx_ess_amqp_disconnect(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_connect_close(s);
    ngx_ess_amqp_io_close(s);
    ngx_ess_amqp_trouble_reset(s);

    s->blocked = 0;
}


/* From an event: the connection is over; what comes next follows from the
   state that it was in. */

static void
ngx_ess_amqp_drop(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_state_e  state;

    state = s->state;

    ngx_ess_amqp_disconnect(s);

    s->state = NGX_ESS_AMQP_IDLE;

    if (state == NGX_ESS_AMQP_OPEN) {

        if (ngx_current_msec - s->opened_at >= NGX_ESS_AMQP_STABLE_TIME) {
            s->connect.attempt = 0;
            ngx_ess_amqp_trouble_forget(s);
        }

        ngx_ess_amqp_op_abort(s);
        s->handlers->close(s);
        ngx_ess_amqp_channel_free_all(s);

        ngx_ess_amqp_connect_later(s);

        return;
    }

    if (state > NGX_ESS_AMQP_TLS) {
        /* the node itself, whatever addresses it has */
        s->connect.addr = NULL;
    }

    ngx_ess_amqp_connect_next(s);
}


/* the connected socket, TLS done, goes over to AMQP */

static void
ngx_ess_amqp_start(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connect.peer.connection;

    c->log = &s->log;
    c->read->log = &s->log;
    c->write->log = &s->log;
    c->pool->log = &s->log;

    c->read->handler = ngx_ess_amqp_read_handler;
    c->write->handler = ngx_ess_amqp_write_handler;

    s->state = NGX_ESS_AMQP_HEADER;

    if (ngx_ess_amqp_io_start(s) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_ess_amqp_drop(s);
        return;
    }

    /* TLS may hold bytes that no event will tell of */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


/* the next attempt is due, or a time limit was reached */

static void
ngx_ess_amqp_timer_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    if (s->state == NGX_ESS_AMQP_IDLE) {
        ngx_ess_amqp_connect(s);
        return;
    }

    (void) ngx_ess_amqp_trouble(s, "timed out while %s",
                                ngx_ess_amqp_trouble_while(s));
    ngx_ess_amqp_drop(s);
}


static void
ngx_ess_amqp_read_handler(ngx_event_t *rev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = rev->data;
    s = c->data;

    if (ngx_ess_amqp_io_read(s, ngx_ess_amqp_frame) != NGX_OK) {
        ngx_ess_amqp_drop(s);
        return;
    }

    if (s->state == NGX_ESS_AMQP_OPEN && s->handlers->batch) {
        s->handlers->batch(s);
    }
}


static ngx_int_t
ngx_ess_amqp_frame(ngx_ess_amqp_session_t *s, ngx_ess_amqp_frame_t *frame)
{
    ngx_int_t  rc;

    if (frame->channel) {
        return ngx_ess_amqp_channel_frame(s, frame);
    }

    rc = ngx_ess_amqp_handshake(s, frame);
    ngx_ess_amqp_codec_release(&s->io.codec, 0);

    return rc;
}


static void
ngx_ess_amqp_write_handler(ngx_event_t *wev)
{
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = wev->data;
    s = c->data;

    ngx_ess_amqp_flush_handler(&s->io.flush);
}


/* at the end of the iteration, and when the socket takes bytes again */

static void
ngx_ess_amqp_flush_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    ngx_ess_amqp_op_abort_queued(s);

    if (s->io.broken) {
        ngx_ess_amqp_drop(s);
        return;
    }

    ngx_ess_amqp_op_pump(s);

    if (s->handlers->writable && ngx_ess_amqp_session_is_open(s)) {
        s->handlers->writable(s);
    }

    ngx_ess_amqp_io_flush(s);
}


static void
ngx_ess_amqp_heartbeat_handler(ngx_event_t *ev)
{
    if (ngx_ess_amqp_io_heartbeat(ev->data) != NGX_OK) {
        ngx_ess_amqp_drop(ev->data);
    }
}


void
ngx_ess_amqp_pause(ngx_ess_amqp_session_t *s)
{
    s->io.paused = 1;
}


void
ngx_ess_amqp_resume(ngx_ess_amqp_session_t *s)
{
    if (!s->io.paused) {
        return;
    }

    s->io.paused = 0;
    s->io.received_at = ngx_current_msec;

    ngx_post_event(s->connect.peer.connection->read, &ngx_posted_events);
}


void
ngx_ess_amqp_flush(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_io_flush(s);
}
