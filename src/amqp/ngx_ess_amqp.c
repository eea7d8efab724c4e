/*
 * One RabbitMQ session: its life, from state to state.  Beside it: _connect.c
 * comes to a socket, _io.c moves bytes, _handshake.c talks on channel 0,
 * _channel.c on the others, _content.c puts deliveries together, _trouble.c
 * says what went wrong.  The session owns its connection, buffers and channels;
 * it lives in one worker.
 */


#include "ngx_ess_amqp_session.h"


static void ngx_ess_amqp_disconnect(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_timer_handler(ngx_event_t *ev);


static const char  *ngx_ess_amqp_states[] = {
    "waiting to connect",
    "resolving the name",
    "connecting",
    "in TLS handshake",
    "waiting for connection.start",
    "logging in",
    "opening the virtual host",
    "open"
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

    ngx_ess_amqp_trouble_init(s, log);

    s->timer.handler = ngx_ess_amqp_timer_handler;
    s->timer.data = s;
    s->timer.log = &s->log;
    s->timer.cancelable = 1;

    s->heartbeat_timer.handler = ngx_ess_amqp_io_heartbeat_handler;
    s->heartbeat_timer.data = s;
    s->heartbeat_timer.log = &s->log;
    s->heartbeat_timer.cancelable = 1;

    s->alarm_timer.handler = ngx_ess_amqp_trouble_alarm_handler;
    s->alarm_timer.data = s;
    s->alarm_timer.log = &s->log;
    s->alarm_timer.cancelable = 1;

    s->flush.handler = ngx_ess_amqp_io_flush_handler;
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


ngx_str_t *
ngx_ess_amqp_node_name(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_node_t  *node;

    node = s->conf->nodes.elts;

    return &node[s->node].name;
}


ngx_uint_t
ngx_ess_amqp_is_open(ngx_ess_amqp_session_t *s)
{
    return s->state == NGX_ESS_AMQP_OPEN && !s->broken;
}


ngx_uint_t
ngx_ess_amqp_version(ngx_ess_amqp_session_t *s)
{
    return s->version;
}


const char *
ngx_ess_amqp_state_name(ngx_ess_amqp_state_e state)
{
    return ngx_ess_amqp_states[state];
}


const char *
ngx_ess_amqp_method_name(amqp_method_number_t method)
{
    const char  *name;

    name = amqp_method_name(method);

    return name ? name : "an unknown method";
}


void
ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s)
{
    amqp_connection_close_t  close;

    if (ngx_ess_amqp_is_open(s)) {

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

    if (s->alarm_timer.timer_set) {
        ngx_del_timer(&s->alarm_timer);
    }

    if (s->flush.posted) {
        ngx_delete_posted_event(&s->flush);
    }

    s->heartbeat = 0;
    s->broken = 0;
    s->blocked = 0;
    s->alarm_told = 0;
    s->paused = 0;
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
        s->handlers->close(s);
        ngx_ess_amqp_channel_free_all(s);

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

    c->read->handler = ngx_ess_amqp_io_read_handler;
    c->write->handler = ngx_ess_amqp_io_write_handler;

    s->state = NGX_ESS_AMQP_HEADER;
    s->sent_at = ngx_current_msec;
    s->received_at = ngx_current_msec;

    if (ngx_ess_amqp_codec_init(&s->codec) != NGX_OK
        || ngx_ess_amqp_io_out(s, ngx_ess_amqp_codec_protocol,
                               NGX_ESS_AMQP_PROTOCOL_LEN)
           != NGX_OK)
    {
        (void) ngx_ess_amqp_trouble(s, "no memory");
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


/* the next attempt is due, or a time limit was reached */

static void
ngx_ess_amqp_timer_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;

    s = ev->data;

    switch (s->state) {

    case NGX_ESS_AMQP_IDLE:
        ngx_ess_amqp_connect(s);
        break;

    case NGX_ESS_AMQP_RESOLVING:
        (void) ngx_ess_amqp_trouble(s, "its name was not resolved in time");
        s->state = NGX_ESS_AMQP_IDLE;
        ngx_ess_amqp_connect_next_node(s);
        break;

    default:
        (void) ngx_ess_amqp_trouble(s, "timed out while %s",
                                    ngx_ess_amqp_state_name(s->state));
        ngx_ess_amqp_drop(s);
    }
}


void
ngx_ess_amqp_pause(ngx_ess_amqp_session_t *s)
{
    s->paused = 1;
}


void
ngx_ess_amqp_resume(ngx_ess_amqp_session_t *s)
{
    if (!s->paused) {
        return;
    }

    s->paused = 0;
    s->received_at = ngx_current_msec;

    ngx_post_event(s->peer.connection->read, &ngx_posted_events);
}


void
ngx_ess_amqp_flush(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_io_flush(s);
}
