
/*
 * The beginning of a client: its response header, and the connection taken over
 * when that was sent, with the request or without.  Runs in the worker that has
 * the connection.
 */


#include "ngx_ess_client_start.h"
#include "ngx_ess_authorize_cache.h"
#include "ngx_ess_client_event.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_nudge.h"
#include "ngx_ess_client_ping.h"
#include "ngx_ess_client_slow.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_turn.h"
#include "ngx_ess_multi.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_multi_slow.h"
#include "ngx_ess_client_request.h"
#include "ngx_ess_counter.h"


static void ngx_ess_client_start_opened(ngx_ess_client_t *client);
static ngx_int_t ngx_ess_client_start_open(ngx_ess_client_t *client);
static void ngx_ess_client_start_release(ngx_event_t *wev);
static void ngx_ess_client_start_write(ngx_http_request_t *r);
static void ngx_ess_client_start_due(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_start_flush(ngx_ess_client_t *client);
static void ngx_ess_client_start_failed(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_start_replaced(ngx_ess_subscriber_t *sub);
static void ngx_ess_client_start_abandon(ngx_ess_subscriber_t *sub);
static ngx_uint_t ngx_ess_client_start_over(ngx_uint_t max);


static const ngx_ess_feed_handlers_t  ngx_ess_client_start_fed = {
    ngx_ess_client_start_due,
    ngx_ess_client_start_failed,
    ngx_ess_client_slow,
    ngx_ess_client_slow_reclaim,
    ngx_ess_client_slow_missed,
    ngx_ess_client_start_replaced,
    ngx_ess_client_start_abandon,
    ngx_ess_multi_ready,
    ngx_ess_multi_join_arrived,
    ngx_ess_multi_taken,
    ngx_ess_multi_slow_check,
    ngx_ess_multi_slow_over
};


static const ngx_ess_drain_handlers_t  ngx_ess_client_start_drained = {
    ngx_ess_client_close_drain,
    ngx_ess_client_close_now,
    ngx_ess_client_start_over
};


ngx_int_t
ngx_ess_client_start_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_client_zone = zone;

    ngx_ess_client_max_init(cycle);
    ngx_ess_client_nudge_init(ngx_ess_client_ping_nudge, cycle->log);
    ngx_ess_wheel_init(ngx_ess_client_ping_timer, cycle->log);
    ngx_ess_drain_init(cycle, &ngx_ess_client_start_drained);
    ngx_ess_multi_init();
    ngx_ess_multi_due_init(cycle, ngx_ess_client_start_flush);
    ngx_ess_multi_slow_init(cycle, ngx_ess_client_slow_close);

    return ngx_ess_feed_turn_init(cycle, zone, &ngx_ess_client_start_fed);
}


ngx_int_t
ngx_ess_client_start(ngx_ess_client_t *client)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = client->request;
    c = client->connection;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    client->state = NGX_ESS_CLIENT_OPENING;

    ngx_ess_client_count(NGX_ESS_C_SUBSCRIBERS + client->transport->kind, 1);
    ngx_ess_client_max_join();
    ngx_ess_drain_add(client);
    ngx_ess_wheel_join();
    ngx_ess_wheel_set(&client->timer, clcf->send_timeout);

    if (clcf->tcp_nodelay && !client->filtered
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        goto failed;
    }

    /* bytes for a response, not for events without end */

    r->limit_rate = 0;
    r->limit_rate_set = 1;

    if (client->transport->start(r, ngx_ess_client_session(client))
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

    r->read_event_handler = client->filtered ? ngx_http_test_reading
                                          : ngx_http_block_reading;
    r->write_event_handler = ngx_ess_client_start_write;
    r->main->count++;

    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_DONE;

failed:

    ngx_ess_client_detach(client);

    return r->header_sent ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_ess_client_start_opened(ngx_ess_client_t *client)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = client->connection;

    /* frames go past nginx's filters, so nothing may be left in them */

    if ((r->out || c->buffered)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return;
    }

    if (r->out || c->buffered) {

        if (!client->filtered
            && ngx_handle_write_event(c->write, 0) != NGX_OK)
        {
            ngx_ess_client_close_end(client, NGX_ERROR);
        }

        return;
    }

    if (ngx_ess_client_start_open(client) == NGX_DONE) {
        return;
    }

    if (client->filtered == NULL) {

        if (client->conf->release
            && ngx_ess_client_request_releasable(client))
        {

            /* below of us nginx goes on with the request */

            c->write->handler = ngx_ess_client_start_release;
            ngx_post_event(c->write, &ngx_posted_events);

        } else {
            ngx_ess_client_request_shrink(client);
        }
    }

    (void) ngx_ess_client_flush(client);
}


static ngx_int_t
ngx_ess_client_start_open(ngx_ess_client_t *client)
{
    ngx_http_request_t  *r;

    r = client->request;

    client->state = NGX_ESS_CLIENT_OPEN;

    ngx_ess_wheel_unset(&client->timer);

    if (ngx_ess_client_ping_start(client) == NGX_DONE) {
        return NGX_DONE;
    }

    /* with filters the connection is not this stream's to read from */

    if (client->filtered == NULL) {
        r->read_event_handler = ngx_ess_client_event_request;
        ngx_post_event(client->connection->read, &ngx_posted_events);
    }

    if (client->code) {

        /* it asked for what cannot be, or a drain came by meanwhile */

        (void) ngx_ess_client_close_now(client);
        return NGX_DONE;
    }

    if (client->filtered) {
        return NGX_OK;
    }

    return ngx_ess_client_event_leftover(client);
}


static void
ngx_ess_client_start_release(ngx_event_t *wev)
{
    ngx_event_handler_pt   handler;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_ess_client_t      *client;

    c = wev->data;
    r = c->data;
    client = ngx_http_get_module_ctx(r, ngx_ess_module);

    /* the request's own, which nginx does not export */

    handler = c->read->handler;
    wev->handler = handler;

    if (client->state != NGX_ESS_CLIENT_OPEN
        || !ngx_ess_client_request_releasable(client)
        || ngx_ess_client_request_release(client) != NGX_OK)
    {
        handler(wev);
        return;
    }

    c->read->handler = ngx_ess_client_event_read;
    wev->handler = ngx_ess_client_event_write;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    ngx_ess_client_event_writable(client);
}


static void
ngx_ess_client_start_write(ngx_http_request_t *r)
{
    ngx_ess_client_t  *client;

    client = ngx_http_get_module_ctx(r, ngx_ess_module);

    /* over HTTP/3 one that leaves stops the response, for its request ended
       long ago, and only the event is marked */

    if (r->connection->error || r->connection->write->error) {
        ngx_ess_client_close_end(client, NGX_ERROR);
        return;
    }

    if (client->state == NGX_ESS_CLIENT_OPENING) {
        ngx_ess_client_start_opened(client);
        return;
    }

    ngx_ess_client_event_writable(client);
}


static void
ngx_ess_client_start_due(ngx_ess_subscriber_t *sub)
{
    ngx_ess_client_t  *client;

    client = sub->client;

    if (client->state == NGX_ESS_CLIENT_OPENING) {
        ngx_ess_feed_waiting(sub);
        return;
    }

    (void) ngx_ess_client_flush(client);
}


/* As that one. */

static void
ngx_ess_client_start_flush(ngx_ess_client_t *client)
{
    if (client->state != NGX_ESS_CLIENT_OPENING) {
        (void) ngx_ess_client_flush(client);
    }
}


static void
ngx_ess_client_start_failed(ngx_ess_subscriber_t *sub)
{
    if (sub->many) {
        ngx_ess_multi_failed(sub);
        return;
    }

    (void) ngx_ess_client_close(sub->client, NGX_ESS_CLIENT_INTERNAL,
                                "Internal error");
}


static void
ngx_ess_client_start_replaced(ngx_ess_subscriber_t *sub)
{
    if (sub->many) {
        ngx_ess_multi_replaced(sub);
        return;
    }

    (void) ngx_ess_client_close(sub->client, NGX_ESS_CLIENT_NORMAL,
                                "A newer connection has taken over");
}


static void
ngx_ess_client_start_abandon(ngx_ess_subscriber_t *sub)
{
    ngx_ess_client_close_end(ngx_ess_multi_client(sub), NGX_ERROR);
}


void
ngx_ess_client_start_exit(void)
{
    (void) ngx_ess_client_start_over((ngx_uint_t) -1);
    ngx_ess_authorize_cache_exit();
}


static ngx_uint_t
ngx_ess_client_start_over(ngx_uint_t max)
{
    ngx_uint_t         i;
    ngx_ess_client_t  *client;

    for (i = 0; i < max; i++) {

        client = ngx_ess_multi_first();

        if (client == NULL) {
            return ngx_ess_feed_end(max - i);
        }

        ngx_ess_client_close_end(client, NGX_ERROR);
    }

    return 1;
}
