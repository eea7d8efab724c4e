
/*
 * The events of a client's connection: reads what the client sends, and sends
 * on when the socket takes more.  Runs in the worker that has the connection.
 */


#include "ngx_ess_client_event.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_counter.h"


/* buffers read of one client before others have their turn */
#define NGX_ESS_CLIENT_EVENT_READS   4


static void ngx_ess_client_event_readable(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_event_recv(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_event_input(ngx_ess_client_t *client,
    u_char *data, size_t len);
static ngx_int_t ngx_ess_client_event_limit(ngx_ess_client_t *client,
    ngx_uint_t messages, size_t bytes);


/* for all clients, as nothing of it is kept */
static u_char  ngx_ess_client_event_buffer[NGX_ESS_TRANSPORT_INPUT];


void
ngx_ess_client_event_request(ngx_http_request_t *r)
{
    ngx_ess_client_event_readable(ngx_http_get_module_ctx(r, ngx_ess_module));
}


void
ngx_ess_client_event_read(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        /* from worker_shutdown_timeout */
        ngx_ess_client_close_end(c->data, NGX_ERROR);
        return;
    }

    ngx_ess_client_event_readable(c->data);
}


static void
ngx_ess_client_event_readable(ngx_ess_client_t *client)
{
    ngx_event_t  *rev;

    rev = client->connection->read;

    client->connection->log->action = "reading from subscriber";

    if (rev->delayed && rev->timedout) {
        rev->delayed = 0;
        rev->timedout = 0;
    }

    if (ngx_ess_client_event_recv(client) == NGX_DONE) {
        return;
    }

    if (rev->ready && !rev->delayed && !client->deaf) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
    }
}


static ngx_int_t
ngx_ess_client_event_recv(ngx_ess_client_t *client)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = client->connection;

    for (i = 0;
         i < NGX_ESS_CLIENT_EVENT_READS
         && c->read->ready && !c->read->delayed && !client->deaf;
         i++)
    {

        n = c->recv(c, ngx_ess_client_event_buffer,
                    NGX_ESS_TRANSPORT_INPUT);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {

            if (client->state < NGX_ESS_CLIENT_CLOSED && !client->last
                && client->transport->answers)
            {
                ngx_log_error(NGX_LOG_INFO, c->log, 0,
                              "client closed connection without a "
                              "close frame");
            }

            ngx_ess_client_close_end(client, NGX_ERROR);
            return NGX_DONE;
        }

        if (ngx_ess_client_event_input(client, ngx_ess_client_event_buffer,
                                       (size_t) n)
            == NGX_DONE)
        {
            return NGX_DONE;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_event_leftover(ngx_ess_client_t *client)
{
    size_t      len;
    u_char     *data;
    ngx_buf_t  *b;

    b = client->request->header_in;
    len = b->last - b->pos;

    if (len == 0) {
        return NGX_OK;
    }

    data = b->pos;
    b->pos = b->last;

    return ngx_ess_client_event_input(client, data, len);
}


static ngx_int_t
ngx_ess_client_event_input(ngx_ess_client_t *client, u_char *data, size_t len)
{
    ngx_connection_t           *c;
    ngx_ess_transport_input_t   in;

    if (client->last || client->transport->input == NULL) {
        /* all that matters was said */
        return ngx_ess_client_event_limit(client, 0, len);
    }

    c = client->connection;

    ngx_memzero(&in, sizeof(ngx_ess_transport_input_t));

    if (client->many) {
        in.message = ngx_ess_v1_message;
        in.data = client;
    }

    client->transport->input(ngx_ess_client_session(client), data, len,
                             &in, c->log);

    client->heard = 1;

    if (in.failed) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0, "client broke the protocol: %s",
                      in.reason);

        client->linger = 1;
    }

    if (in.failed || in.closing) {
        client->last = 1;
        return ngx_ess_client_close_with(client, in.out, in.out_len,
                                         in.out_last);
    }

    if (in.out_len && client->state < NGX_ESS_CLIENT_CLOSING) {

        if (ngx_ess_flush_control(client, in.out, in.out_len, in.out_last)
            != NGX_OK)
        {
            ngx_ess_client_close_end(client, NGX_ERROR);
            return NGX_DONE;
        }

        if (!client->blocked && ngx_ess_client_flush(client) == NGX_DONE) {
            return NGX_DONE;
        }
    }

    return ngx_ess_client_event_limit(client, in.messages, len);
}


/* Nothing is read for a while from a client that sends too much; one that goes
   on after that is closed. */

static ngx_int_t
ngx_ess_client_event_limit(ngx_ess_client_t *client, ngx_uint_t messages,
    size_t bytes)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    rc = ngx_ess_client_rate(&client->rate, &client->conf->client_rate,
                             messages, bytes, ngx_current_msec);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    c = client->connection;

    c->read->delayed = 1;
    ngx_add_timer(c->read, NGX_ESS_CLIENT_RATE_PAUSE);

    if (rc == NGX_BUSY) {
        ngx_ess_client_count(NGX_ESS_C_FAST_PAUSED, 1);
        return NGX_OK;
    }

    if (client->state >= NGX_ESS_CLIENT_CLOSING) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "client sends more than \"ess_client_rate\" allows: "
                  "closing it");

    ngx_ess_client_count(NGX_ESS_C_FAST_CLOSED, 1);

    return ngx_ess_client_close(client, NGX_ESS_CLIENT_POLICY,
                                "Too many messages");
}


void
ngx_ess_client_event_write(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_ess_client_event_writable(c->data);
}


void
ngx_ess_client_event_writable(ngx_ess_client_t *client)
{
    ngx_event_t  *wev;

    wev = client->connection->write;

    if (client->blocked && (wev->ready || client->filtered)) {

        /* the client took bytes, so it lives */

        client->heard = 1;

        (void) ngx_ess_client_flush(client);
        return;
    }

    if (!client->filtered && ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
    }
}
