
/*
 * A subscriber's connection: reads what the client sends, sends what is due,
 * pings, and closes in good order.  The subscriber lives in its request's
 * pool; whoever calls something that may end it must not touch it again when
 * that returns NGX_DONE.  Runs in the worker that has the connection.
 */


#include "ngx_ess_client.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_drain.h"


/* for all clients, as nothing of it is kept */
#define NGX_ESS_CLIENT_BUFFER   16384

/* buffers read of one client before others have their turn */
#define NGX_ESS_CLIENT_READS    4

/* ms that a peer has to take our close and to answer it */
#define NGX_ESS_CLIENT_CLOSE    5000

#define NGX_ESS_CLIENT_NORMAL    1000
#define NGX_ESS_CLIENT_AWAY      1001
#define NGX_ESS_CLIENT_INTERNAL  1011
#define NGX_ESS_CLIENT_LATER     1013


static void ngx_ess_client_opened(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_write_handler(ngx_http_request_t *r);
static void ngx_ess_client_read_handler(ngx_http_request_t *r);
static ngx_int_t ngx_ess_client_read(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_input(ngx_ess_subscriber_t *sub, u_char *data,
    size_t len);
static ngx_int_t ngx_ess_client_flush(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_flushed(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_close(ngx_ess_subscriber_t *sub,
    ngx_uint_t code, const char *reason);
static ngx_int_t ngx_ess_client_closing(ngx_ess_subscriber_t *sub,
    u_char *data, size_t len);
static void ngx_ess_client_end(ngx_ess_subscriber_t *sub, ngx_int_t rc);
static void ngx_ess_client_timer(ngx_ess_wheel_entry_t *entry);
static void ngx_ess_client_ping(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_finish(ngx_ess_subscriber_t *sub, ngx_uint_t code);
static ngx_int_t ngx_ess_client_finished(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_due(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_failed(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_slow(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_abandon(ngx_ess_subscriber_t *sub);


static const ngx_ess_feed_handlers_t  ngx_ess_client_handlers = {
    ngx_ess_client_due,
    ngx_ess_client_failed,
    ngx_ess_client_slow,
    ngx_ess_client_abandon
};


static ngx_ess_zone_t  *ngx_ess_client_zone;
static u_char           ngx_ess_client_buffer[NGX_ESS_CLIENT_BUFFER];


ngx_int_t
ngx_ess_client_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_client_zone = zone;

    ngx_ess_wheel_init(ngx_ess_client_timer, cycle->log);
    ngx_ess_drain_init(cycle, ngx_ess_client_finish);

    return ngx_ess_feed_init(cycle, zone, &ngx_ess_client_handlers);
}


void
ngx_ess_client_exit(void)
{
    ngx_ess_feed_exit();
}


ngx_int_t
ngx_ess_client_start(ngx_ess_subscriber_t *sub)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = sub->request;
    c = r->connection;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    sub->state = NGX_ESS_SUBSCRIBER_OPENING;

    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIBERS, 1);
    ngx_ess_drain_add(sub);
    ngx_ess_wheel_join();
    ngx_ess_wheel_set(&sub->timer, clcf->send_timeout);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        goto failed;
    }

    sub->session = sub->feed->transport->start(r);
    if (sub->session == NULL) {
        goto failed;
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        c->write->delayed = 0;
        ngx_del_timer(c->write);
    }

    /* what the client sends is looked at when the header has been sent */

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_ess_client_write_handler;
    r->main->count++;

    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_DONE;

failed:

    ngx_ess_client_detach(sub);

    return r->header_sent ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


void
ngx_ess_client_detach(void *data)
{
    ngx_ess_subscriber_t *sub = data;

    ngx_ess_stream_ref_t  ref;

    if (sub->state == NGX_ESS_SUBSCRIBER_GONE) {
        return;
    }

    sub->state = NGX_ESS_SUBSCRIBER_GONE;

    ngx_ess_drain_remove(sub);
    ngx_ess_wheel_unset(&sub->timer);
    ngx_ess_wheel_leave();

    ref = sub->feed->ref;

    ngx_ess_feed_leave(sub);
    ngx_ess_notify_unsubscribe(ngx_ess_client_zone, &ref);

    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIBERS, -1);
}


static void
ngx_ess_client_opened(ngx_ess_subscriber_t *sub)
{
    ngx_msec_t           half;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sub->request;
    c = r->connection;

    /* frames go past nginx's filters, so nothing may be left in them */

    if ((r->out || c->buffered)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        ngx_ess_client_end(sub, NGX_ERROR);
        return;
    }

    if (r->out || c->buffered) {

        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_ess_client_end(sub, NGX_ERROR);
        }

        return;
    }

    sub->state = NGX_ESS_SUBSCRIBER_OPEN;

    ngx_ess_wheel_unset(&sub->timer);

    if (sub->ping_interval) {

        /* clients that came in one moment are not pinged in one moment */

        half = sub->ping_interval / 2;
        ngx_ess_wheel_set(&sub->timer,
                          half + (ngx_msec_t) ngx_random() % (half + 1));
    }

    r->read_event_handler = ngx_ess_client_read_handler;
    ngx_post_event(c->read, &ngx_posted_events);

    if (sub->code) {
        /* a drain came by meanwhile */
        (void) ngx_ess_client_finished(sub);
        return;
    }

    (void) ngx_ess_client_flush(sub);
}


static void
ngx_ess_client_write_handler(ngx_http_request_t *r)
{
    ngx_event_t           *wev;
    ngx_ess_subscriber_t  *sub;

    sub = ngx_http_get_module_ctx(r, ngx_ess_module);
    wev = r->connection->write;

    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {
        ngx_ess_client_opened(sub);
        return;
    }

    if (sub->blocked && wev->ready) {

        /* the client took bytes, so it lives */

        sub->heard = 1;

        (void) ngx_ess_client_flush(sub);
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_ess_client_end(sub, NGX_ERROR);
    }
}


static void
ngx_ess_client_read_handler(ngx_http_request_t *r)
{
    size_t                 len;
    u_char                *data;
    ngx_event_t           *rev;
    ngx_connection_t      *c;
    ngx_ess_subscriber_t  *sub;

    sub = ngx_http_get_module_ctx(r, ngx_ess_module);
    c = r->connection;
    rev = c->read;

    c->log->action = "reading from websocket client";

    /* what came with the request's header */

    len = r->header_in->last - r->header_in->pos;

    if (len) {
        data = r->header_in->pos;
        r->header_in->pos = r->header_in->last;

        if (ngx_ess_client_input(sub, data, len) == NGX_DONE) {
            return;
        }
    }

    if (ngx_ess_client_read(sub) == NGX_DONE) {
        return;
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_ess_client_end(sub, NGX_ERROR);
    }
}


static ngx_int_t
ngx_ess_client_read(ngx_ess_subscriber_t *sub)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = sub->request->connection;

    for (i = 0; i < NGX_ESS_CLIENT_READS && c->read->ready; i++) {

        n = c->recv(c, ngx_ess_client_buffer, NGX_ESS_CLIENT_BUFFER);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            if (sub->state < NGX_ESS_SUBSCRIBER_CLOSED && !sub->last) {
                ngx_log_error(NGX_LOG_INFO, c->log, 0,
                              "client closed connection without a "
                              "close frame");
            }

            ngx_ess_client_end(sub, NGX_ERROR);
            return NGX_DONE;
        }

        if (ngx_ess_client_input(sub, ngx_ess_client_buffer, (size_t) n)
            == NGX_DONE)
        {
            return NGX_DONE;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_client_input(ngx_ess_subscriber_t *sub, u_char *data, size_t len)
{
    ngx_ess_transport_input_t  in;

    if (sub->last) {
        /* all that matters was said */
        return NGX_OK;
    }

    sub->feed->transport->input(sub->session, data, len, &in);

    if (in.alive) {
        sub->heard = 1;
    }

    if (in.failed) {
        ngx_log_error(NGX_LOG_INFO, sub->request->connection->log, 0,
                      "client broke the protocol: %s", in.reason);

        sub->linger = 1;
    }

    if (in.failed || in.closing || in.closed) {
        sub->last = 1;
        return ngx_ess_client_closing(sub, in.out, in.out_len);
    }

    if (in.out_len && sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {
        ngx_ess_flush_control(sub, in.out, in.out_len);

        if (!sub->blocked) {
            return ngx_ess_client_flush(sub);
        }
    }

    return NGX_OK;
}


/* One send, and what follows from it.  NGX_OK, or NGX_DONE: it has ended. */

static ngx_int_t
ngx_ess_client_flush(ngx_ess_subscriber_t *sub)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = sub->request->connection;

    rc = ngx_ess_flush(ngx_ess_client_zone, sub);

    if (rc == NGX_ERROR) {
        ngx_ess_client_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    if (rc == NGX_BUSY && sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {
        sub->blocked = 0;
        ngx_ess_feed_due(sub);
        return NGX_OK;
    }

    if (rc == NGX_BUSY) {
        ngx_post_event(c->write, &ngx_posted_next_events);
    }

    sub->blocked = (rc != NGX_OK);

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_ess_client_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    if (sub->blocked) {
        ngx_ess_feed_waiting(sub);
        return NGX_OK;
    }

    return ngx_ess_client_flushed(sub);
}


static ngx_int_t
ngx_ess_client_flushed(ngx_ess_subscriber_t *sub)
{
    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {

        if (sub->last) {
            ngx_ess_client_end(sub, NGX_OK);
            return NGX_DONE;
        }

        sub->state = NGX_ESS_SUBSCRIBER_CLOSED;
        return NGX_OK;
    }

    if (sub->frame) {

        /* it got to the frame that closes */

        return ngx_ess_client_close(sub, NGX_ESS_CLIENT_NORMAL,
                                    "The stream has been deleted");
    }

    ngx_ess_feed_idle(sub);

    if (sub->state == NGX_ESS_SUBSCRIBER_FINISHING && !sub->feed->changed) {
        return ngx_ess_client_finished(sub);
    }

    return NGX_OK;
}


/* Our close.  NGX_OK, or NGX_DONE: it has ended. */

static ngx_int_t
ngx_ess_client_close(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    size_t     len;
    u_char     buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t  text;

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
        return NGX_OK;
    }

    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {
        ngx_ess_client_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    len = sub->feed->transport->close(sub->session, buf, code, &text);

    if (len == 0) {
        /* nothing to say, nothing to wait for */
        sub->last = 1;
    }

    return ngx_ess_client_closing(sub, buf, len);
}


/*
 * From here on only the rest of a frame that was begun is sent, then the
 * close; the frames behind are let go.
 */

static ngx_int_t
ngx_ess_client_closing(ngx_ess_subscriber_t *sub, u_char *data, size_t len)
{
    if (sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {

        sub->state = NGX_ESS_SUBSCRIBER_CLOSING;

        ngx_ess_drain_remove(sub);
        ngx_ess_feed_waiting(sub);

        if (sub->frame && sub->offset == 0) {
            ngx_ess_frame_release(&sub->feed->frames, sub->frame);
            sub->frame = NULL;

        } else if (sub->frame) {
            ngx_ess_frame_cut(&sub->feed->frames, sub->frame);
        }

        ngx_ess_wheel_set(&sub->timer, NGX_ESS_CLIENT_CLOSE);
    }

    if (len) {
        ngx_ess_flush_control(sub, data, len);
    }

    return ngx_ess_client_flush(sub);
}


/* rc: NGX_OK: in good order, NGX_ERROR: not. */

static void
ngx_ess_client_end(ngx_ess_subscriber_t *sub, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sub->request;
    c = r->connection;

    /*
     * Who broke the protocol may be sending on: closing with bytes unread
     * would reset the connection and take our close frame with it.
     */

    r->keepalive = 0;
    r->lingering_close = sub->linger;

    if (rc == NGX_ERROR) {
        c->error = 1;
    }

    ngx_ess_client_detach(sub);

    ngx_http_finalize_request(r, rc);

    /* for when it is no event of this connection that ends it */

    ngx_http_run_posted_requests(c);
}


static void
ngx_ess_client_timer(ngx_ess_wheel_entry_t *entry)
{
    ngx_connection_t      *c;
    ngx_ess_subscriber_t  *sub;

    sub = (ngx_ess_subscriber_t *)
              ((u_char *) entry - offsetof(ngx_ess_subscriber_t, timer));
    c = sub->request->connection;

    c->log->action = "waiting for websocket client";

    switch (sub->state) {

    case NGX_ESS_SUBSCRIBER_OPEN:
        ngx_ess_client_ping(sub);
        return;

    case NGX_ESS_SUBSCRIBER_FINISHING:
        (void) ngx_ess_client_finished(sub);
        return;

    case NGX_ESS_SUBSCRIBER_CLOSED:

        /* it has our close, and the time is up; RFC 6455, 7.1.1 */

        ngx_ess_client_end(sub, NGX_OK);
        return;

    default: /* OPENING, CLOSING */

        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");

        c->timedout = 1;
        ngx_ess_client_end(sub, NGX_ERROR);
    }
}


static void
ngx_ess_client_ping(ngx_ess_subscriber_t *sub)
{
    size_t             len;
    u_char             buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_connection_t  *c;

    c = sub->request->connection;

    if (sub->pinged) {
        sub->pinged = 0;

        if (!sub->heard) {
            ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                          "client timed out, nothing was heard for %M ms "
                          "after a ping", sub->ping_timeout);

            c->timedout = 1;
            ngx_ess_client_end(sub, NGX_ERROR);
            return;
        }

        if (sub->ping_interval > sub->ping_timeout) {
            ngx_ess_wheel_set(&sub->timer,
                              sub->ping_interval - sub->ping_timeout);
            return;
        }
    }

#if (NGX_SSL)

    /* 16k per client are too much for one that is seldom sent anything */

    if (c->ssl && !(c->buffered & NGX_SSL_BUFFERED)) {
        ngx_ssl_free_buffer(c);
    }

#endif

    sub->pinged = 1;
    sub->heard = 0;

    ngx_ess_wheel_set(&sub->timer, sub->ping_timeout);

    if (sub->out_len) {

        /* what waits for the socket will do for a ping */

        return;
    }

    len = sub->feed->transport->ping(sub->session, buf);

    if (len) {
        ngx_ess_flush_control(sub, buf, len);

        if (!sub->blocked) {
            (void) ngx_ess_client_flush(sub);
        }
    }
}


/* From a drain: the events that are there, then the close. */

static void
ngx_ess_client_finish(ngx_ess_subscriber_t *sub, ngx_uint_t code)
{
    sub->code = (uint16_t) code;

    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {
        return;
    }

    if (sub->frame == NULL && !sub->feed->changed) {
        (void) ngx_ess_client_finished(sub);
        return;
    }

    sub->state = NGX_ESS_SUBSCRIBER_FINISHING;
    ngx_ess_wheel_set(&sub->timer, NGX_ESS_CLIENT_CLOSE);
}


static ngx_int_t
ngx_ess_client_finished(ngx_ess_subscriber_t *sub)
{
    return ngx_ess_client_close(sub, sub->code,
                                sub->code == NGX_ESS_CLIENT_AWAY
                                    ? "Going away" : "Service restart");
}


static void
ngx_ess_client_due(ngx_ess_subscriber_t *sub)
{
    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {
        ngx_ess_feed_waiting(sub);
        return;
    }

    (void) ngx_ess_client_flush(sub);
}


static void
ngx_ess_client_failed(ngx_ess_subscriber_t *sub)
{
    (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_INTERNAL,
                                "Internal error");
}


static void
ngx_ess_client_slow(ngx_ess_subscriber_t *sub)
{
    ngx_log_error(NGX_LOG_INFO, sub->request->connection->log, 0,
                  "client is too slow, %uL bytes behind: closing it",
                  sub->feed->frames.bytes - sub->frame->start - sub->offset);

    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SLOW_CLOSED, 1);

    (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_LATER, "Slow client");
}


static void
ngx_ess_client_abandon(ngx_ess_subscriber_t *sub)
{
    ngx_ess_client_end(sub, NGX_ERROR);
}
