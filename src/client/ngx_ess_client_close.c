
/*
 * The end of a subscriber: what is said last, in which order, and who waits
 * for whom.  Whoever calls something that may end a subscriber must not touch
 * it again when that returns NGX_DONE.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_client_close.h"
#include "ngx_ess_client.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_drain.h"


static ngx_int_t ngx_ess_client_close_linger(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_close_request(ngx_ess_subscriber_t *sub,
    ngx_int_t rc);


ngx_int_t
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
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    len = sub->feed->transport->close(ngx_ess_subscriber_session(sub), buf,
                                      code, &text);

    if (len == 0 || !sub->feed->transport->answers) {
        /* there is no answer to wait for */
        sub->last = 1;
    }

    return ngx_ess_client_close_with(sub, buf, len);
}


ngx_int_t
ngx_ess_client_close_with(ngx_ess_subscriber_t *sub, u_char *data, size_t len)
{
    if (sub->feed->rest) {

        /* in the middle of an event nothing can be said, and the rest of it
           is not worth to be read again */

        ngx_ess_client_close_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    if (sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {

        sub->state = NGX_ESS_SUBSCRIBER_CLOSING;

        ngx_ess_drain_remove(sub);
        ngx_ess_feed_waiting(sub);

        if (sub->frame && sub->offset) {
            ngx_ess_frame_cut(&sub->feed->frames, sub->frame);

        } else if (sub->frame) {
            ngx_ess_frame_release(&sub->feed->frames, sub->frame);
            sub->frame = NULL;
        }

        ngx_ess_wheel_set(&sub->timer, NGX_ESS_CLIENT_CLOSE);
    }

    if (len && ngx_ess_flush_control(sub, data, len) != NGX_OK) {
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    return ngx_ess_client_flush(sub);
}


ngx_int_t
ngx_ess_client_close_sent(ngx_ess_subscriber_t *sub)
{
    if (!sub->last) {
        sub->state = NGX_ESS_SUBSCRIBER_CLOSED;
        return NGX_OK;
    }

    if (sub->linger && sub->request == NULL) {
        return ngx_ess_client_close_linger(sub);
    }

    ngx_ess_client_close_end(sub, NGX_OK);

    return NGX_DONE;
}


/*
 * Who broke the protocol may be sending on: closing with bytes unread would
 * reset the connection and take our close frame with it.  What comes is read
 * and dropped, until the client has closed, too, or the time is up.
 */

static ngx_int_t
ngx_ess_client_close_linger(ngx_ess_subscriber_t *sub)
{
    if (sub->state == NGX_ESS_SUBSCRIBER_CLOSED) {
        return NGX_OK;
    }

    sub->state = NGX_ESS_SUBSCRIBER_CLOSED;

    if (sub->connection->ssl
        || ngx_shutdown_socket(sub->connection->fd, NGX_WRITE_SHUTDOWN) == -1)
    {
        ngx_ess_client_close_end(sub, NGX_ERROR);
        return NGX_DONE;
    }

    ngx_ess_wheel_set(&sub->timer, NGX_ESS_CLIENT_CLOSE);

    return NGX_OK;
}


/* From a drain: the events that are there, then the close. */

void
ngx_ess_client_close_drain(ngx_ess_subscriber_t *sub, ngx_uint_t code)
{
    sub->code = (uint16_t) code;
    sub->reason = (code == NGX_ESS_CLIENT_AWAY) ? "Going away"
                                                : "Service restart";

    if (sub->state == NGX_ESS_SUBSCRIBER_OPENING) {

        /* when its response has begun; else with the end of the drain */

        return;
    }

    if (sub->frame == NULL && !sub->feed->changed) {
        (void) ngx_ess_client_close_now(sub);
        return;
    }

    sub->state = NGX_ESS_SUBSCRIBER_FINISHING;

    ngx_ess_wheel_unset(&sub->timer);
    ngx_ess_drain_wait(sub);
}


/* It does not take what is there: perhaps it takes the close. */

void
ngx_ess_client_close_late(ngx_ess_subscriber_t *sub)
{
    (void) ngx_ess_client_close_now(sub);
}


ngx_int_t
ngx_ess_client_close_now(ngx_ess_subscriber_t *sub)
{
    if (sub->missing) {
        return ngx_ess_client_missing(sub);
    }

    return ngx_ess_client_close(sub, sub->code, sub->reason);
}


void
ngx_ess_client_close_end(ngx_ess_subscriber_t *sub, ngx_int_t rc)
{
    ngx_connection_t  *c;

    if (sub->request) {
        ngx_ess_client_close_request(sub, rc);
        return;
    }

    c = sub->connection;

    ngx_ess_client_detach(sub);
    ngx_free(sub);

    ngx_http_close_connection(c);
}


static void
ngx_ess_client_close_request(ngx_ess_subscriber_t *sub, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sub->request;
    c = r->connection;

    r->keepalive = 0;
    r->lingering_close = sub->linger;

    if (rc == NGX_OK && sub->filtered) {

        /* the end of an HTTP/2 stream is said by the filters */

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

    ngx_ess_client_detach(sub);

    ngx_http_finalize_request(r, rc);

    /* for when it is no event of this connection that ends it */

    ngx_http_run_posted_requests(c);
}
