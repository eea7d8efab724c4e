
/*
 * A client's timer: pings, and the end of our patience, with its answers, with
 * its token, with its close.  Runs in the worker that has the connection.
 */


#include "ngx_ess_client_ping.h"
#include "ngx_ess_flush.h"


#define NGX_ESS_CLIENT_PING_FAR  86400      /* s */

/* ms; of when a ping was sent so much is kept as fits into 16 bits */
#define NGX_ESS_CLIENT_PING_STEP  16

#define ngx_ess_client_ping_clock()                                           \
    ((uint16_t) (ngx_current_msec / NGX_ESS_CLIENT_PING_STEP))


static void ngx_ess_client_ping_send(ngx_ess_client_t *client);
static void ngx_ess_client_ping_sent(ngx_ess_client_t *client);
static ngx_str_t *ngx_ess_client_ping_text(ngx_ess_client_t *client);
static void ngx_ess_client_ping_say(ngx_ess_client_t *client, u_char *buf,
    size_t len);
static ngx_int_t ngx_ess_client_ping_answered(ngx_ess_client_t *client);
static ngx_uint_t ngx_ess_client_ping_lost(ngx_ess_client_t *client);


void
ngx_ess_client_ping_timer(ngx_ess_wheel_entry_t *entry)
{
    ngx_connection_t  *c;
    ngx_ess_client_t  *client;

    client = (ngx_ess_client_t *)
                 ((u_char *) entry - offsetof(ngx_ess_client_t, timer));
    c = client->connection;

    c->log->action = "waiting for subscriber";

    switch (client->state) {

    case NGX_ESS_CLIENT_OPEN:

        if (client->expires && ngx_time() >= (time_t) client->expires) {
            (void) ngx_ess_client_close(client, NGX_ESS_CLIENT_EXPIRED,
                                        "token expired");

        } else if (client->conf->ping_interval) {
            ngx_ess_client_ping_send(client);

        } else {
            ngx_ess_client_ping_wait(client, 0);
        }

        return;

    case NGX_ESS_CLIENT_CLOSED:

        /* it has our close, and the time is up; RFC 6455, 7.1.1 */

        ngx_ess_client_close_end(client, NGX_OK);
        return;

    default: /* OPENING, FINISHING with its answers, CLOSING */

        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");

        c->timedout = 1;
        ngx_ess_client_close_end(client, NGX_ERROR);
    }
}


ngx_int_t
ngx_ess_client_ping_start(ngx_ess_client_t *client)
{
    ngx_str_t   *text;
    ngx_msec_t   half;

    text = ngx_ess_client_ping_text(client);
    half = client->conf->ping_interval / 2;

    if (text == NULL || !client->conf->ping_first) {

        /* clients that came in one moment are not pinged in one moment */

        ngx_ess_client_ping_wait(client, half ? 1 + half
                                                + (ngx_msec_t) ngx_random()
                                                  % (half + 1)
                                              : 0);
        return NGX_OK;
    }

    if (half) {
        ngx_ess_client_ping_sent(client);

    } else {
        ngx_ess_client_ping_wait(client, 0);
    }

    if (ngx_ess_flush_control(client, text->data, text->len, text->len)
        != NGX_OK)
    {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return NGX_DONE;
    }

    return NGX_OK;
}


void
ngx_ess_client_ping_wait(ngx_ess_client_t *client, ngx_msec_t delay)
{
    time_t       left;
    ngx_time_t  *tp;

    if (client->expires) {
        tp = ngx_timeofday();

        /* what is far off is looked at again */

        left = ngx_min((time_t) client->expires - tp->sec,
                       NGX_ESS_CLIENT_PING_FAR);
        left = ngx_max(left * 1000 - (time_t) tp->msec, 1);

        if (delay == 0 || (ngx_msec_t) left < delay) {
            delay = (ngx_msec_t) left;
        }
    }

    if (delay) {
        ngx_ess_wheel_set(&client->timer, delay);
    }
}


static void
ngx_ess_client_ping_send(ngx_ess_client_t *client)
{
    u_char             buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t         *text;
    ngx_connection_t  *c;

    c = client->connection;

    if (client->pinged && ngx_ess_client_ping_answered(client) == NGX_DONE) {
        return;
    }

#if (NGX_SSL)

    /* 16k per client are too much for one that is seldom sent anything */

    if (c->ssl && !(c->buffered & NGX_SSL_BUFFERED)) {
        ngx_ssl_free_buffer(c);
    }

#endif

    ngx_ess_client_ping_sent(client);

    if (client->control) {

        /* what waits for the socket will do for a ping */

        return;
    }

    text = ngx_ess_client_ping_text(client);

    if (text) {
        ngx_ess_client_ping_say(client, text->data, text->len);
        return;
    }

    ngx_ess_client_ping_say(
        client, buf,
        client->transport->ping(ngx_ess_client_session(client), buf));
}


static void
ngx_ess_client_ping_sent(ngx_ess_client_t *client)
{
    client->pinged = 1;
    client->pinged_at = ngx_ess_client_ping_clock();
    client->heard = 0;

    ngx_ess_client_ping_wait(client, client->conf->ping_timeout);
}


/* A message in place of a ping, to which there is no answer; NULL: none, as for
   who speaks ess.v1. */

static ngx_str_t *
ngx_ess_client_ping_text(ngx_ess_client_t *client)
{
    return (client->transport->answers && !client->many
            && client->conf->ping_text.len)
           ? &client->conf->ping_text : NULL;
}


void
ngx_ess_client_ping_nudge(ngx_ess_client_t *client)
{
    u_char  buf[NGX_ESS_TRANSPORT_MAX_CONTROL];

    if (client->state >= NGX_ESS_CLIENT_CLOSING
        || client->blocked
        || client->control)
    {
        /* more is on its way */

        return;
    }

    ngx_ess_client_ping_say(
        client, buf,
        client->transport->nudge(ngx_ess_client_session(client), buf));
}


static void
ngx_ess_client_ping_say(ngx_ess_client_t *client, u_char *buf, size_t len)
{
    if (len == 0) {
        return;
    }

    if (ngx_ess_flush_control(client, buf, len, len) != NGX_OK) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return;
    }

    if (!client->blocked) {
        (void) ngx_ess_client_flush(client);
    }
}


/* NGX_OK: time for the next ping.  NGX_DONE: it is not, or the client has
   ended. */

static ngx_int_t
ngx_ess_client_ping_answered(ngx_ess_client_t *client)
{
    client->pinged = 0;

    /* what it sends may not have been read yet */

    if (!client->heard && !client->connection->read->delayed
        && (client->blocked
            || (client->transport->answers && !client->deaf
                && ngx_ess_client_ping_text(client) == NULL)
            || ngx_ess_client_ping_lost(client)))
    {
        ngx_log_error(NGX_LOG_INFO, client->connection->log, NGX_ETIMEDOUT,
                      "client timed out, nothing was heard for %M ms "
                      "after a ping", client->conf->ping_timeout);

        client->connection->timedout = 1;
        ngx_ess_client_close_end(client, NGX_ERROR);

        return NGX_DONE;
    }

    if (client->conf->ping_interval > client->conf->ping_timeout) {
        ngx_ess_client_ping_wait(client, client->conf->ping_interval
                                 - client->conf->ping_timeout);
        return NGX_DONE;
    }

    return NGX_OK;
}


/*
 * Is a peer that does not answer gone?  Its system acknowledges what it was
 * sent, and tells of a window that is shut, also when the peer itself is slow.
 * So it is gone when nothing came from there since the ping, although the
 * system has sent something again since then, or has asked for the window
 * twice.  Without TCP nobody knows.
 */

static ngx_uint_t
ngx_ess_client_ping_lost(ngx_ess_client_t *client)
{
#if (NGX_LINUX)

    socklen_t        len;
    ngx_msec_t       since;
    struct tcp_info  ti;

    len = sizeof(struct tcp_info);
    ngx_memzero(&ti, len);

    if (getsockopt(client->connection->fd, IPPROTO_TCP, TCP_INFO, &ti, &len)
        == -1)
    {
        return 0;
    }

    /* a long timeout is more than the clock has */

    since = (uint16_t) (ngx_ess_client_ping_clock() - client->pinged_at);
    since = ngx_max(since * NGX_ESS_CLIENT_PING_STEP,
                    client->conf->ping_timeout);

    return ti.tcpi_last_ack_recv >= since
           && ((ti.tcpi_unacked && ti.tcpi_retransmits)
               || ti.tcpi_probes > 1);

#else

    return 0;

#endif
}
