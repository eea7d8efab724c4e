
/*
 * A client's output and its end: what is sent when, what is said last, in which
 * order, and who waits for whom.  Whoever calls something that may end a client
 * must not touch it again when that returns NGX_DONE.  Runs in the worker that
 * has the connection.
 */


#include "ngx_ess_client.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_nudge.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_subscriber.h"
#include "ngx_ess_counter.h"


static ngx_int_t ngx_ess_client_flush_many(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_flushed(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_missing(ngx_ess_client_t *client);
static void ngx_ess_client_close_listen(ngx_ess_client_t *client);
static void ngx_ess_client_close_cut(ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_client_close_sent(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_close_linger(ngx_ess_client_t *client);
static ngx_uint_t ngx_ess_client_close_held(ngx_ess_client_t *client);
static void ngx_ess_client_close_request(ngx_ess_client_t *client,
    ngx_int_t rc);


ngx_ess_zone_t  *ngx_ess_client_zone;


void
ngx_ess_client_count(ngx_uint_t counter, int64_t n)
{
    ngx_ess_counter_add(ngx_ess_client_zone, counter, n);
}


ngx_int_t
ngx_ess_client_flush(ngx_ess_client_t *client)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = client->connection;

    if (client->apart) {

        if (client->many) {
            return ngx_ess_client_flush_many(client);
        }

        rc = ngx_ess_flush_filtered(ngx_ess_client_zone, client);

    } else {
        rc = ngx_ess_flush(ngx_ess_client_zone, client);
    }

    if (rc == NGX_ERROR) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    if (client->nudge && client->bytes_sent) {
        ngx_ess_client_nudge_start(client);
    }

    if (rc == NGX_BUSY && client->state < NGX_ESS_CLIENT_CLOSING) {
        client->blocked = 0;
        ngx_ess_feed_due(&client->sub);
        return NGX_OK;
    }

    if (rc == NGX_BUSY) {
        ngx_post_event(c->write, &ngx_posted_next_events);
    }

    client->blocked = (rc != NGX_OK);

    if (!client->filtered && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    if (client->blocked) {
        ngx_ess_feed_waiting(&client->sub);
        return NGX_OK;
    }

    return ngx_ess_client_flushed(client);
}


/* The same for one with several subscriptions. */

static ngx_int_t
ngx_ess_client_flush_many(ngx_ess_client_t *client)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = client->connection;

    if (client->multi->replaced && client->state < NGX_ESS_CLIENT_CLOSING) {
        ngx_ess_multi_drop_replaced(client->multi);
    }

    rc = client->filtered ? ngx_ess_flush_filtered(ngx_ess_client_zone, client)
                          : ngx_ess_multi_flush(ngx_ess_client_zone, client);

    if (rc == NGX_ERROR) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    if (client->state < NGX_ESS_CLIENT_CLOSING && client->multi->failed) {
        return ngx_ess_client_close(client, NGX_ESS_CLIENT_INTERNAL,
                                    "Internal error");
    }

    if (client->nudge && client->bytes_sent) {
        ngx_ess_client_nudge_start(client);
    }

    if (rc == NGX_BUSY) {

        if (client->state < NGX_ESS_CLIENT_CLOSING) {
            client->blocked = 0;
            ngx_ess_multi_due_now(client->multi);
            return NGX_OK;
        }

        ngx_post_event(c->write, &ngx_posted_next_events);
    }

    client->blocked = (rc != NGX_OK);

    if (!client->filtered && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    if (client->blocked) {
        ngx_ess_multi_due_wait(client->multi);
        return NGX_OK;
    }

    ngx_ess_multi_due_awake(client->multi);

    if (client->state >= NGX_ESS_CLIENT_CLOSING) {
        return ngx_ess_client_close_sent(client);
    }

    if (ngx_ess_multi_flush_more(client)) {
        /* such as the end of a subscription, which it has just got to */
        ngx_ess_multi_due_now(client->multi);
        return NGX_OK;
    }

    if (client->state == NGX_ESS_CLIENT_FINISHING) {
        return ngx_ess_client_close_now(client);
    }

    if (client->multi->finite && client->multi->subscriptions == 0) {
        return ngx_ess_client_close(client, NGX_ESS_CLIENT_NORMAL,
                                    "All streams have ended");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_client_flushed(ngx_ess_client_t *client)
{
    if (client->state >= NGX_ESS_CLIENT_CLOSING) {
        return ngx_ess_client_close_sent(client);
    }

    if (client->sub.frame) {

        /* it got to the frame that closes */

        if (client->sub.frame->type == NGX_ESS_FRAME_GONE) {
            return ngx_ess_client_missing(client);
        }

        return ngx_ess_client_close(client, NGX_ESS_CLIENT_NORMAL,
                                    "The stream has been deleted");
    }

    if (ngx_ess_feed_join_idle(&client->sub) != NGX_OK) {
        return ngx_ess_client_close(client, NGX_ESS_CLIENT_INTERNAL,
                                    "Internal error");
    }

    if (client->state == NGX_ESS_CLIENT_FINISHING
        && !client->sub.lane->feed->changed)
    {
        return ngx_ess_client_close_now(client);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_client_missing(ngx_ess_client_t *client)
{
    u_char                 *p;
    u_char                  text[sizeof("EventStream  cannot be found")
                                 + NGX_ESS_UUID_TEXT];
    ngx_ess_stream_info_t   info;

    p = ngx_cpymem(text, "EventStream ", sizeof("EventStream ") - 1);

    if (ngx_ess_stream_by_id(ngx_ess_client_zone, client->stream_id, &info)
        == NGX_OK)
    {
        p = ngx_ess_stream_uuid_text(p, info.uuid);
        *p++ = ' ';
    }

    ngx_memcpy(p, "cannot be found", sizeof("cannot be found"));

    return ngx_ess_client_close(client, NGX_ESS_CLIENT_LATER, (char *) text);
}


ngx_int_t
ngx_ess_client_close(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    size_t     len;
    u_char     buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t  text;

    if (client->state >= NGX_ESS_CLIENT_CLOSING) {
        return NGX_OK;
    }

    if (client->state == NGX_ESS_CLIENT_OPENING) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    len = client->transport->close(ngx_ess_client_session(client), buf, code,
                                   &text);

    if (len == 0 || !client->transport->answers) {
        /* there is no answer to wait for */
        client->last = 1;
    }

    return ngx_ess_client_close_with(client, buf, len, len);
}


ngx_int_t
ngx_ess_client_close_answered(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    ngx_ess_multi_drop_all(client->multi);

    if (!ngx_ess_multi_flush_more(client)) {
        return ngx_ess_client_close(client, code, reason);
    }

    client->state = NGX_ESS_CLIENT_FINISHING;
    client->code = (uint16_t) code;
    client->reason = reason;

    ngx_ess_wheel_set(&client->timer, NGX_ESS_CLIENT_CLOSE);
    ngx_ess_multi_due(client->multi);

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_close_with(ngx_ess_client_t *client, u_char *data, size_t len,
    size_t last)
{
    if (!client->many && client->sub.lane->feed->rest) {

        /* in the middle of an event nothing can be said, and the rest of it
           is not worth to be read again */

        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    if (client->state < NGX_ESS_CLIENT_CLOSING) {

        client->state = NGX_ESS_CLIENT_CLOSING;

        ngx_ess_drain_remove(client);

        if (client->many) {
            ngx_ess_multi_drop_all(client->multi);
            ngx_ess_multi_flush_cut(client->multi);
            ngx_ess_client_close_listen(client);

        } else {
            ngx_ess_client_close_cut(&client->sub);
        }

        ngx_ess_wheel_set(&client->timer, NGX_ESS_CLIENT_CLOSE);
    }

    if (len && ngx_ess_flush_control(client, data, len, last) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    return ngx_ess_client_flush(client);
}


/* What it has asked for is not done any more, and its answer to the close is
   to be heard. */

static void
ngx_ess_client_close_listen(ngx_ess_client_t *client)
{
    if (client->deaf) {
        client->deaf = 0;
        ngx_post_event(client->connection->read, &ngx_posted_next_events);
    }
}


/* It gets the rest of what was begun. */

static void
ngx_ess_client_close_cut(ngx_ess_subscriber_t *sub)
{
    sub->closed = 1;

    ngx_ess_feed_waiting(sub);

    if (sub->frame && sub->offset) {
        ngx_ess_frame_cut(&sub->lane->frames, sub->frame);

    } else if (sub->frame) {
        ngx_ess_frame_release(&sub->lane->frames, sub->frame);
        sub->frame = NULL;
    }
}


static ngx_int_t
ngx_ess_client_close_sent(ngx_ess_client_t *client)
{
    if (!client->last) {
        client->state = NGX_ESS_CLIENT_CLOSED;
        return NGX_OK;
    }

    if (client->linger && client->request == NULL) {
        return ngx_ess_client_close_linger(client);
    }

    if (ngx_ess_client_close_held(client)) {

        /* it may still make room, until the time is up */

        client->state = NGX_ESS_CLIENT_CLOSED;
        return NGX_OK;
    }

    ngx_ess_client_close_end(client, NGX_OK);

    return NGX_DONE;
}


/*
 * Who broke the protocol may be sending on: closing with bytes unread would
 * reset the connection and take our close frame with it.  What comes is read
 * and dropped, until the client has closed, too, or the time is up.
 */

static ngx_int_t
ngx_ess_client_close_linger(ngx_ess_client_t *client)
{
    if (client->state == NGX_ESS_CLIENT_CLOSED) {
        return NGX_OK;
    }

    client->state = NGX_ESS_CLIENT_CLOSED;

    if (client->connection->ssl
        || ngx_shutdown_socket(client->connection->fd, NGX_WRITE_SHUTDOWN)
           == -1)
    {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    ngx_ess_wheel_set(&client->timer, NGX_ESS_CLIENT_CLOSE);

    return NGX_OK;
}


/*
 * Over HTTP/3 nginx takes more than the client's window has room for.  It would
 * keep that, the connection and with them a worker that shuts down, for as long
 * as the client likes.
 */

static ngx_uint_t
ngx_ess_client_close_held(ngx_ess_client_t *client)
{
#if (NGX_QUIC)

    ngx_quic_stream_t  *qs;

    qs = client->connection->quic;

    return qs && qs->send_offset < qs->sent;

#else

    return 0;

#endif
}


/* From a drain: the events that are there, then the close. */

void
ngx_ess_client_close_drain(ngx_ess_client_t *client, ngx_uint_t code)
{
    client->code = (uint16_t) code;
    client->reason = (code == NGX_ESS_CLIENT_AWAY) ? "Going away"
                                                : "Service restart";

    if (client->state == NGX_ESS_CLIENT_OPENING) {

        /* when its response has begun; else with the end of the drain */

        return;
    }

    if (client->many ? !ngx_ess_multi_flush_more(client)
                     : (client->sub.frame == NULL
                        && !client->sub.lane->feed->changed))
    {
        (void) ngx_ess_client_close_now(client);
        return;
    }

    client->state = NGX_ESS_CLIENT_FINISHING;

    ngx_ess_wheel_unset(&client->timer);
    ngx_ess_drain_wait(client);
}


ngx_int_t
ngx_ess_client_close_now(ngx_ess_client_t *client)
{
    if (client->missing) {
        return ngx_ess_client_missing(client);
    }

    return ngx_ess_client_close(client, client->code, client->reason);
}


void
ngx_ess_client_close_end(ngx_ess_client_t *client, ngx_int_t rc)
{
    ngx_connection_t  *c;

    if (client->request) {
        ngx_ess_client_close_request(client, rc);
        return;
    }

    c = client->connection;

    ngx_ess_client_detach(client);
    ngx_free(client);

    ngx_http_close_connection(c);
}


static void
ngx_ess_client_close_request(ngx_ess_client_t *client, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = r->connection;

    r->keepalive = 0;
    r->lingering_close = client->linger;

    if (rc == NGX_OK && ngx_ess_client_close_held(client)) {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK && client->filtered) {

        /* the end of a stream of HTTP/2 or 3 is said by the filters */

        rc = ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    if (rc == NGX_ERROR) {
        c->error = 1;
    }

#if (NGX_HTTP_V2)

    /* that the stream is reset is queued only, and nothing else may be sent
       for long */

    if (r->stream) {
        ngx_post_event(r->stream->connection->connection->write,
                       &ngx_posted_events);
    }

#endif

    ngx_ess_client_detach(client);

    ngx_http_finalize_request(r, rc);

    /* for when it is no event of this connection that ends it */

    ngx_http_run_posted_requests(c);
}


void
ngx_ess_client_detach(void *data)
{
    ngx_ess_client_t *client = data;

    if (client->state == NGX_ESS_CLIENT_GONE) {
        return;
    }

    client->state = NGX_ESS_CLIENT_GONE;

    ngx_ess_client_max_leave();
    ngx_ess_drain_remove(client);
    ngx_ess_wheel_unset(&client->timer);
    ngx_ess_wheel_leave();

    if (client->nudged) {
        ngx_ess_client_nudge_stop(client);
    }

    ngx_ess_flush_control_drop(client);

    if (client->transport->done) {
        client->transport->done(ngx_ess_client_session(client));
    }

    if (!client->many) {
        ngx_ess_subscriber_leave(&client->sub);

    } else if (client->multi) {
        ngx_ess_client_free_multi(client);
    }

    ngx_ess_client_count(NGX_ESS_C_SUBSCRIBERS + client->transport->kind, -1);
}


void
ngx_ess_client_free_multi(ngx_ess_client_t *client)
{
    ngx_ess_multi_drop_all(client->multi);
    ngx_ess_multi_flush_drop(client->multi);
    ngx_ess_multi_due_leave(client->multi);
    ngx_ess_multi_free(client->multi);

    client->multi = NULL;
}
