
/*
 * A subscriber's connection: reads what the client sends, sends what is due,
 * and pings.  It begins as a request, which may be released when its response
 * has begun; from then on the connection's events come here directly.
 * Whoever calls something that may end a subscriber must not touch it again
 * when that returns NGX_DONE.  Runs in the worker that has the connection.
 */


#include "ngx_ess_client.h"
#include "ngx_ess_stream_table.h"
#include "ngx_ess_client_close.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_feed_turn.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_request.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_drain.h"


/* for all clients, as nothing of it is kept */
#define NGX_ESS_CLIENT_BUFFER   16384

/* buffers read of one client before others have their turn */
#define NGX_ESS_CLIENT_READS    4

#define NGX_ESS_CLIENT_FAR      86400       /* s */


static void ngx_ess_client_opened(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_open(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_leftover(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_release_handler(ngx_event_t *wev);
static void ngx_ess_client_write_handler(ngx_http_request_t *r);
static void ngx_ess_client_write_event(ngx_event_t *wev);
static void ngx_ess_client_writable(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_read_handler(ngx_http_request_t *r);
static void ngx_ess_client_read_event(ngx_event_t *rev);
static void ngx_ess_client_readable(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_read(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_input(ngx_ess_subscriber_t *sub, u_char *data,
    size_t len);
static ngx_int_t ngx_ess_client_limit(ngx_ess_subscriber_t *sub,
    ngx_uint_t messages, size_t bytes);
static ngx_int_t ngx_ess_client_flushed(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_timer(ngx_ess_wheel_entry_t *entry);
static void ngx_ess_client_wait(ngx_ess_subscriber_t *sub, ngx_msec_t delay);
static void ngx_ess_client_ping(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_answered(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_due(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_failed(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_slow(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_reclaim(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_missed(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_slow_close(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_replaced(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_abandon(ngx_ess_subscriber_t *sub);


static const ngx_ess_feed_handlers_t  ngx_ess_client_handlers = {
    ngx_ess_client_due,
    ngx_ess_client_failed,
    ngx_ess_client_slow,
    ngx_ess_client_reclaim,
    ngx_ess_client_missed,
    ngx_ess_client_replaced,
    ngx_ess_client_abandon
};


static const ngx_ess_drain_handlers_t  ngx_ess_client_drained = {
    ngx_ess_client_close_drain,
    ngx_ess_client_close_late,
    ngx_ess_feed_end
};


static ngx_ess_zone_t  *ngx_ess_client_zone;
static u_char           ngx_ess_client_buffer[NGX_ESS_CLIENT_BUFFER];


ngx_int_t
ngx_ess_client_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_client_zone = zone;

    ngx_ess_request_init(cycle);
    ngx_ess_client_max_init(cycle);
    ngx_ess_wheel_init(ngx_ess_client_timer, cycle->log);
    ngx_ess_drain_init(cycle, &ngx_ess_client_drained);

    return ngx_ess_feed_turn_init(cycle, zone, &ngx_ess_client_handlers);
}


void
ngx_ess_client_exit(void)
{
    ngx_ess_feed_turn_exit();
}


ngx_int_t
ngx_ess_client_start(ngx_ess_subscriber_t *sub)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = sub->request;
    c = sub->connection;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    sub->state = NGX_ESS_SUBSCRIBER_OPENING;

    ngx_ess_shm_count(ngx_ess_client_zone,
                      NGX_ESS_C_SUBSCRIBERS + sub->feed->transport->kind, 1);
    ngx_ess_client_max_join();
    ngx_ess_drain_add(sub);
    ngx_ess_wheel_join();
    ngx_ess_wheel_set(&sub->timer, clcf->send_timeout);

    if (clcf->tcp_nodelay && !sub->filtered && ngx_tcp_nodelay(c) != NGX_OK) {
        goto failed;
    }

    /* bytes for a response, not for events without end */

    r->limit_rate = 0;
    r->limit_rate_set = 1;

    if (sub->feed->transport->start(r, ngx_ess_subscriber_session(sub))
        != NGX_OK)
    {
        goto failed;
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        c->write->delayed = 0;
        ngx_del_timer(c->write);
    }

    /* what the client sends is looked at when the header has been sent; that
       it has reset its stream is to be noticed at once */

    r->read_event_handler = sub->filtered ? ngx_http_test_reading
                                          : ngx_http_block_reading;
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

    ngx_uint_t            kind;
    ngx_ess_stream_ref_t  ref;

    if (sub->state == NGX_ESS_SUBSCRIBER_GONE) {
        return;
    }

    sub->state = NGX_ESS_SUBSCRIBER_GONE;

    ngx_ess_client_max_leave();
    ngx_ess_drain_remove(sub);
    ngx_ess_wheel_unset(&sub->timer);
    ngx_ess_wheel_leave();

    if (sub->control) {
        ngx_free(sub->control);
        sub->control = NULL;
    }

    ref = sub->feed->ref;

    kind = sub->feed->transport->kind;

    sub->feed->transport->done(ngx_ess_subscriber_session(sub));

    ngx_ess_feed_leave(sub);
    ngx_ess_notify_unsubscribe(ngx_ess_client_zone, &ref);

    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIBERS + kind, -1);
}


static void
ngx_ess_client_opened(ngx_ess_subscriber_t *sub)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sub->request;
    c = sub->connection;

    /* frames go past nginx's filters, so nothing may be left in them */

    if ((r->out || c->buffered)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return;
    }

    if (r->out || c->buffered) {

        if (!sub->filtered && ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_ess_client_close_end(sub, NGX_ERROR);
        }

        return;
    }

    if (ngx_ess_client_open(sub) == NGX_DONE) {
        return;
    }

    if (sub->filtered == NULL) {

        if (sub->conf->release && ngx_ess_request_releasable(sub)) {

            /* below of us nginx goes on with the request */

            c->write->handler = ngx_ess_client_release_handler;
            ngx_post_event(c->write, &ngx_posted_events);

        } else {
            ngx_ess_request_shrink(sub);
        }
    }

    (void) ngx_ess_client_flush(sub);
}


static ngx_int_t
ngx_ess_client_open(ngx_ess_subscriber_t *sub)
{
    ngx_msec_t           half;
    ngx_http_request_t  *r;

    r = sub->request;

    sub->state = NGX_ESS_SUBSCRIBER_OPEN;

    ngx_ess_wheel_unset(&sub->timer);

    /* clients that came in one moment are not pinged in one moment */

    half = sub->conf->ping_interval / 2;
    ngx_ess_client_wait(sub, sub->conf->ping_interval
                             ? 1 + half + (ngx_msec_t) ngx_random()
                                          % (half + 1)
                             : 0);

    /* with filters the connection is not this stream's to read from */

    if (sub->filtered == NULL) {
        r->read_event_handler = ngx_ess_client_read_handler;
        ngx_post_event(sub->connection->read, &ngx_posted_events);
    }

    if (sub->code) {

        /* it asked for what cannot be, or a drain came by meanwhile */

        (void) ngx_ess_client_close_now(sub);
        return NGX_DONE;
    }

    if (sub->filtered) {
        return NGX_OK;
    }

    return ngx_ess_client_leftover(sub);
}


/* What came with the request's header. */

static ngx_int_t
ngx_ess_client_leftover(ngx_ess_subscriber_t *sub)
{
    size_t      len;
    u_char     *data;
    ngx_buf_t  *b;

    b = sub->request->header_in;
    len = b->last - b->pos;

    if (len == 0) {
        return NGX_OK;
    }

    data = b->pos;
    b->pos = b->last;

    return ngx_ess_client_input(sub, data, len);
}


static void
ngx_ess_client_release_handler(ngx_event_t *wev)
{
    ngx_event_handler_pt   handler;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_ess_subscriber_t  *sub;

    c = wev->data;
    r = c->data;
    sub = ngx_http_get_module_ctx(r, ngx_ess_module);

    /* the request's own, which nginx does not export */

    handler = c->read->handler;
    wev->handler = handler;

    if (sub->state != NGX_ESS_SUBSCRIBER_OPEN
        || !ngx_ess_request_releasable(sub)
        || ngx_ess_request_release(sub) != NGX_OK)
    {
        handler(wev);
        return;
    }

    c->read->handler = ngx_ess_client_read_event;
    wev->handler = ngx_ess_client_write_event;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    ngx_ess_client_writable(sub);
}


static void
ngx_ess_client_write_handler(ngx_http_request_t *r)
{
    ngx_ess_subscriber_t  *sub;

    sub = ngx_http_get_module_ctx(r, ngx_ess_module);

    if (r->connection->error) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return;
    }

    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {
        ngx_ess_client_opened(sub);
        return;
    }

    ngx_ess_client_writable(sub);
}


static void
ngx_ess_client_write_event(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_ess_client_writable(c->data);
}


static void
ngx_ess_client_writable(ngx_ess_subscriber_t *sub)
{
    ngx_event_t  *wev;

    wev = sub->connection->write;

    if (sub->blocked && (wev->ready || sub->filtered)) {

        /* the client took bytes, so it lives */

        sub->heard = 1;

        (void) ngx_ess_client_flush(sub);
        return;
    }

    if (!sub->filtered && ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
    }
}


static void
ngx_ess_client_read_handler(ngx_http_request_t *r)
{
    ngx_ess_client_readable(ngx_http_get_module_ctx(r, ngx_ess_module));
}


static void
ngx_ess_client_read_event(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        /* from worker_shutdown_timeout */
        ngx_ess_client_close_end(c->data, NGX_ERROR);
        return;
    }

    ngx_ess_client_readable(c->data);
}


static void
ngx_ess_client_readable(ngx_ess_subscriber_t *sub)
{
    ngx_event_t  *rev;

    rev = sub->connection->read;

    sub->connection->log->action = "reading from subscriber";

    if (rev->delayed && rev->timedout) {
        rev->delayed = 0;
        rev->timedout = 0;
    }

    if (ngx_ess_client_read(sub) == NGX_DONE) {
        return;
    }

    if (rev->ready && !rev->delayed) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
    }
}


static ngx_int_t
ngx_ess_client_read(ngx_ess_subscriber_t *sub)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = sub->connection;

    for (i = 0;
         i < NGX_ESS_CLIENT_READS && c->read->ready && !c->read->delayed;
         i++)
    {

        n = c->recv(c, ngx_ess_client_buffer, NGX_ESS_CLIENT_BUFFER);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            if (sub->state < NGX_ESS_SUBSCRIBER_CLOSED && !sub->last
                && sub->feed->transport->answers)
            {
                ngx_log_error(NGX_LOG_INFO, c->log, 0,
                              "client closed connection without a "
                              "close frame");
            }

            ngx_ess_client_close_end(sub, NGX_ERROR);
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
    ngx_connection_t           *c;
    ngx_ess_transport_input_t   in;

    if (sub->last) {
        /* all that matters was said */
        return ngx_ess_client_limit(sub, 0, len);
    }

    c = sub->connection;

    sub->feed->transport->input(ngx_ess_subscriber_session(sub), data, len,
                                &in, c->log);

    if (in.alive) {
        sub->heard = 1;
    }

    if (in.failed) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0, "client broke the protocol: %s",
                      in.reason);

        sub->linger = 1;
    }

    if (in.failed || in.closing || in.closed) {
        sub->last = 1;
        return ngx_ess_client_close_with(sub, in.out, in.out_len);
    }

    if (in.out_len && sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {

        if (ngx_ess_flush_control(sub, in.out, in.out_len) != NGX_OK) {
            ngx_ess_client_close_end(sub, NGX_ERROR);
            return NGX_DONE;
        }

        if (!sub->blocked && ngx_ess_client_flush(sub) == NGX_DONE) {
            return NGX_DONE;
        }
    }

    return ngx_ess_client_limit(sub, in.messages, len);
}


/* Nothing is read for a while from a client that sends too much; one that goes
   on after that is closed. */

static ngx_int_t
ngx_ess_client_limit(ngx_ess_subscriber_t *sub, ngx_uint_t messages,
    size_t bytes)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    rc = ngx_ess_client_rate(&sub->rate, &sub->conf->client_rate, messages,
                             bytes, ngx_current_msec);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    c = sub->connection;

    c->read->delayed = 1;
    ngx_add_timer(c->read, NGX_ESS_CLIENT_RATE_PAUSE);

    if (rc == NGX_BUSY) {
        ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_FAST_PAUSED, 1);
        return NGX_OK;
    }

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "client sends more than \"ess_client_rate\" allows: "
                  "closing it");

    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_FAST_CLOSED, 1);

    return ngx_ess_client_close(sub, NGX_ESS_CLIENT_POLICY,
                                "Too many messages");
}


ngx_int_t
ngx_ess_client_flush(ngx_ess_subscriber_t *sub)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = sub->connection;

    rc = ngx_ess_flush(ngx_ess_client_zone, sub);

    if (rc == NGX_ERROR) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
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

    if (!sub->filtered && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
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
        return ngx_ess_client_close_sent(sub);
    }

    if (sub->frame) {

        /* it got to the frame that closes */

        if (sub->frame->type == NGX_ESS_FRAME_GONE) {
            return ngx_ess_client_missing(sub);
        }

        return ngx_ess_client_close(sub, NGX_ESS_CLIENT_NORMAL,
                                    "The stream has been deleted");
    }

    if (ngx_ess_feed_join_idle(sub) != NGX_OK) {
        return ngx_ess_client_close(sub, NGX_ESS_CLIENT_INTERNAL,
                                    "Internal error");
    }

    if (sub->state == NGX_ESS_SUBSCRIBER_FINISHING && !sub->feed->changed) {
        return ngx_ess_client_close_now(sub);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_missing(ngx_ess_subscriber_t *sub)
{
    u_char                 *p;
    u_char                  text[sizeof("EventStream  cannot be found")
                                 + NGX_ESS_UUID_TEXT];
    ngx_ess_stream_info_t   info;

    p = ngx_cpymem(text, "EventStream ", sizeof("EventStream ") - 1);

    if (ngx_ess_stream_by_id(ngx_ess_client_zone, sub->stream_id, &info)
        == NGX_OK)
    {
        p = ngx_ess_stream_uuid_text(p, info.uuid);
        *p++ = ' ';
    }

    ngx_memcpy(p, "cannot be found", sizeof("cannot be found"));

    return ngx_ess_client_close(sub, NGX_ESS_CLIENT_LATER, (char *) text);
}


static void
ngx_ess_client_timer(ngx_ess_wheel_entry_t *entry)
{
    ngx_connection_t      *c;
    ngx_ess_subscriber_t  *sub;

    sub = (ngx_ess_subscriber_t *)
              ((u_char *) entry - offsetof(ngx_ess_subscriber_t, timer));
    c = sub->connection;

    c->log->action = "waiting for subscriber";

    switch (sub->state) {

    case NGX_ESS_SUBSCRIBER_OPEN:

        if (sub->expires && ngx_time() >= (time_t) sub->expires) {
            (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_EXPIRED,
                                        "token expired");

        } else if (sub->conf->ping_interval) {
            ngx_ess_client_ping(sub);

        } else {
            ngx_ess_client_wait(sub, 0);
        }

        return;

    case NGX_ESS_SUBSCRIBER_CLOSED:

        /* it has our close, and the time is up; RFC 6455, 7.1.1 */

        ngx_ess_client_close_end(sub, NGX_OK);
        return;

    default: /* OPENING, CLOSING */

        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");

        c->timedout = 1;
        ngx_ess_client_close_end(sub, NGX_ERROR);
    }
}


/* Until the ping that is due, 0: none, or its token ends. */

static void
ngx_ess_client_wait(ngx_ess_subscriber_t *sub, ngx_msec_t delay)
{
    time_t       left;
    ngx_time_t  *tp;

    if (sub->expires) {
        tp = ngx_timeofday();

        /* what is far off is looked at again */

        left = ngx_min((time_t) sub->expires - tp->sec, NGX_ESS_CLIENT_FAR);
        left = ngx_max(left * 1000 - (time_t) tp->msec, 1);

        if (delay == 0 || (ngx_msec_t) left < delay) {
            delay = (ngx_msec_t) left;
        }
    }

    if (delay) {
        ngx_ess_wheel_set(&sub->timer, delay);
    }
}


static void
ngx_ess_client_ping(ngx_ess_subscriber_t *sub)
{
    size_t             len;
    u_char             buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_connection_t  *c;

    c = sub->connection;

    if (sub->pinged && ngx_ess_client_answered(sub) == NGX_DONE) {
        return;
    }

#if (NGX_SSL)

    /* 16k per client are too much for one that is seldom sent anything */

    if (c->ssl && !(c->buffered & NGX_SSL_BUFFERED)) {
        ngx_ssl_free_buffer(c);
    }

#endif

    sub->pinged = 1;
    sub->heard = 0;

    ngx_ess_client_wait(sub, sub->conf->ping_timeout);

    if (sub->control) {

        /* what waits for the socket will do for a ping */

        return;
    }

    len = sub->feed->transport->ping(ngx_ess_subscriber_session(sub), buf);

    if (len == 0) {
        return;
    }

    if (ngx_ess_flush_control(sub, buf, len) != NGX_OK) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return;
    }

    if (!sub->blocked) {
        (void) ngx_ess_client_flush(sub);
    }
}


/* NGX_OK: time for the next ping.  NGX_DONE: it is not, or the client has
   ended. */

static ngx_int_t
ngx_ess_client_answered(ngx_ess_subscriber_t *sub)
{
    sub->pinged = 0;

    if (!sub->heard && !sub->connection->read->delayed
        && (sub->blocked || sub->feed->transport->answers))
    {

        ngx_log_error(NGX_LOG_INFO, sub->connection->log, NGX_ETIMEDOUT,
                      "client timed out, nothing was heard for %M ms "
                      "after a ping", sub->conf->ping_timeout);

        sub->connection->timedout = 1;
        ngx_ess_client_close_end(sub, NGX_ERROR);

        return NGX_DONE;
    }

    if (sub->conf->ping_interval > sub->conf->ping_timeout) {
        ngx_ess_client_wait(sub, sub->conf->ping_interval
                                 - sub->conf->ping_timeout);
        return NGX_DONE;
    }

    return NGX_OK;
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


/*
 * Over its bound: it is closed, or it goes on from the log, which does not
 * wait for it.  Of a stream that was deleted no more comes than is there.
 */

static void
ngx_ess_client_slow(ngx_ess_subscriber_t *sub)
{
    if (sub->conf->slow_skip
        && (sub->feed->ended || ngx_ess_feed_back(sub, 1) == NGX_OK))
    {
        ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SLOW_SKIPPED, 1);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, sub->connection->log, 0,
                  "client is too slow, %uL bytes behind: closing it",
                  sub->feed->frames.bytes - sub->frame->start - sub->offset);

    ngx_ess_client_slow_close(sub);
}


/*
 * Within its bound, but the worker is over its own.  What it lets go of it gets
 * from the log when it takes more, however long that takes, as long as the log
 * has it.
 */

static void
ngx_ess_client_reclaim(ngx_ess_subscriber_t *sub)
{
    ngx_uint_t  live;

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {

        /* it was about to go, without the close in the worst case */

        ngx_ess_client_close_end(sub, NGX_ERROR);
        return;
    }

    live = !sub->feed->replay;

    switch (ngx_ess_feed_back(sub, 0)) {

    case NGX_OK:

        if (live) {
            sub->feed->strict = !sub->conf->slow_skip;
        }

        ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SLOW_RECLAIMED, 1);
        return;

    case NGX_DECLINED:

        (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_NORMAL,
                                    "The stream has been deleted");
        return;

    default: /* NGX_ERROR */

        ngx_ess_client_failed(sub);
    }
}


static void
ngx_ess_client_missed(ngx_ess_subscriber_t *sub)
{
    ngx_log_error(NGX_LOG_INFO, sub->connection->log, 0,
                  "client is too slow, what it has to get next is gone: "
                  "closing it");

    ngx_ess_client_slow_close(sub);
}


static void
ngx_ess_client_slow_close(ngx_ess_subscriber_t *sub)
{
    ngx_ess_shm_count(ngx_ess_client_zone, NGX_ESS_C_SLOW_CLOSED, 1);

    (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_LATER, "Slow client");
}


static void
ngx_ess_client_abandon(ngx_ess_subscriber_t *sub)
{
    ngx_ess_client_close_end(sub, NGX_ERROR);
}


static void
ngx_ess_client_replaced(ngx_ess_subscriber_t *sub)
{
    (void) ngx_ess_client_close(sub, NGX_ESS_CLIENT_NORMAL,
                                "A newer connection has taken over");
}
