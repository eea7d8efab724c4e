
/*
 * Subscribers: from a request to a place in a stream's feed.  A subscriber
 * lives in its request's pool and leaves with it.  Runs in workers.
 */


#include "ngx_ess_subscriber.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_stream_table.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_client.h"
#include "ngx_ess_drain.h"


static ngx_int_t ngx_ess_subscriber_uuid(ngx_http_request_t *r, u_char *uuid);
static ngx_int_t ngx_ess_subscriber_start(ngx_http_request_t *r,
    ngx_ess_stream_ref_t *ref);
static ngx_int_t ngx_ess_subscriber_refuse(ngx_http_request_t *r,
    ngx_int_t status, const char *name, const char *value);


static ngx_ess_zone_t             *ngx_ess_subscriber_zone;

static const ngx_ess_transport_t  *ngx_ess_subscriber_transport = &ngx_ess_ws;


ngx_int_t
ngx_ess_subscriber_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_subscriber_zone = zone;

    return ngx_ess_client_init(cycle, zone);
}


void
ngx_ess_subscriber_exit_process(void)
{
    ngx_ess_client_exit();
}


ngx_int_t
ngx_ess_subscriber_handler(ngx_http_request_t *r)
{
    u_char                 uuid[NGX_ESS_UUID_LEN];
    ngx_int_t              rc;
    ngx_ess_stream_info_t  info;

    if (r->method != NGX_HTTP_GET) {
        return ngx_ess_subscriber_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                         "Allow", "GET");
    }

    if (ngx_ess_subscriber_zone == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    /* a subrequest has no connection to take over */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_ess_subscriber_uuid(r, uuid);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || ngx_ess_stream_by_uuid(ngx_ess_subscriber_zone, uuid, &info)
           != NGX_OK)
    {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_ess_drain_active()) {
        r->keepalive = 0;
        return ngx_ess_subscriber_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "Retry-After", "1");
    }

    rc = ngx_ess_subscriber_transport->check(r);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_ess_subscriber_start(r, &info.ref);
}


ngx_int_t
ngx_ess_subscriber_stats(ngx_http_request_t *r,
    ngx_ess_subscriber_stats_t *stats)
{
    ngx_ess_subscriber_t  *sub;

    /* other handlers of the module have contexts of another type */

    if (r->content_handler != ngx_ess_subscriber_handler) {
        return NGX_DECLINED;
    }

    sub = ngx_http_get_module_ctx(r, ngx_ess_module);

    if (sub == NULL) {
        return NGX_DECLINED;
    }

    stats->stream_id = sub->stream_id;
    stats->events_sent = sub->events_sent;
    stats->bytes_sent = sub->bytes_sent;

    return NGX_OK;
}


void
ngx_ess_subscriber_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_feed_changed(ref);
}


void
ngx_ess_subscriber_drain(ngx_uint_t code, ngx_msec_t drain)
{
    ngx_ess_drain_start(code, drain);
}


/* NGX_OK; NGX_DECLINED: that is no uuid; NGX_ERROR. */

static ngx_int_t
ngx_ess_subscriber_uuid(ngx_http_request_t *r, u_char *uuid)
{
    u_char              *p, *last;
    ngx_str_t            text;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (lcf->subscribe_uuid) {

        if (ngx_http_complex_value(r, lcf->subscribe_uuid, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_ess_stream_uuid_parse(uuid, &text);
    }

    last = r->uri.data + r->uri.len;

    if (r->uri.len && last[-1] == '/') {
        last--;
    }

    p = last;

    while (p > r->uri.data && p[-1] != '/') {
        p--;
    }

    text.data = p;
    text.len = last - p;

    return ngx_ess_stream_uuid_parse(uuid, &text);
}


/*
 * The position in the stream is taken before the response header is sent: a
 * client that has it gets everything that comes after.
 */

static ngx_int_t
ngx_ess_subscriber_start(ngx_http_request_t *r, ngx_ess_stream_ref_t *ref)
{
    ngx_int_t              rc;
    ngx_http_cleanup_t    *cln;
    ngx_ess_loc_conf_t    *lcf;
    ngx_ess_subscriber_t  *sub;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    sub = ngx_pcalloc(r->pool, sizeof(ngx_ess_subscriber_t));
    if (sub == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_queue_init(&sub->drain);

    sub->request = r;
    sub->stream_id = ref->id;
    sub->state = NGX_ESS_SUBSCRIBER_GONE;
    sub->ping_interval = lcf->ping_interval;
    sub->ping_timeout = lcf->ping_timeout;

    cln->handler = ngx_ess_client_detach;
    cln->data = sub;

    rc = ngx_ess_notify_subscribe(ngx_ess_subscriber_zone, ref, &sub->seq);

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (rc != NGX_OK) {
        return ngx_ess_subscriber_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "Retry-After", "1");
    }

    if (ngx_ess_feed_join(ref, ngx_ess_subscriber_transport, sub) != NGX_OK) {
        ngx_ess_notify_unsubscribe(ngx_ess_subscriber_zone, ref);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, sub, ngx_ess_module);

    return ngx_ess_client_start(sub);
}


static ngx_int_t
ngx_ess_subscriber_refuse(ngx_http_request_t *r, ngx_int_t status,
    const char *name, const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);
    h->lowcase_key = NULL;

    return status;
}
