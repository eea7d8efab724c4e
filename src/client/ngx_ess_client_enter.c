
/*
 * A client enters: from a request to a place in a stream's feed.  Runs in
 * workers.
 */


#include "ngx_ess_client_enter.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_header.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_origin.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_source.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_subscriber.h"
#include "ngx_ess_client_authorize.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_client_demand.h"
#include "ngx_ess_client_key.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_said.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_client_unknown.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_multi_enter.h"
#include "ngx_ess_client_request.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_ws.h"


/* how a client enters a stream */

typedef struct {
    ngx_ess_subscriber_entry_t   sub;
    const ngx_ess_transport_t   *transport;
    ngx_str_t                    key;       /* whose events it gets; empty:
                                               all */
    const char                  *refused;   /* why its position is; NULL */
    ngx_ess_stream_info_t       *info;      /* with "v1", or when a back end
                                               is asked: in the pool */
    unsigned                     v1:1;      /* it speaks "ess.v1" */
    unsigned                     named:1;   /* the stream, by its name */
    unsigned                     missing:1; /* the log follows a stream that
                                               there is not */
} ngx_ess_client_entry_t;


/* the same, while it waits for the log; in the request's pool */

typedef struct {
    ngx_ess_source_attach_t      attach;
    ngx_http_request_t          *request;
    ngx_http_cleanup_t          *cleanup;
    ngx_ess_client_entry_t       entry;
} ngx_ess_client_attach_t;


static ngx_int_t ngx_ess_client_enter_admit(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf);
static ngx_int_t ngx_ess_client_enter_unknown(ngx_http_request_t *r);
static ngx_int_t ngx_ess_client_enter_origin(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf);
static ngx_int_t ngx_ess_client_enter_transport(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf, ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_client_enter_position(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_position_t *pos,
    ngx_str_t *reason);
static ngx_int_t ngx_ess_client_enter_start(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_client_enter_authorize(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_client_enter_authorized(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_ess_client_enter_attach(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry);
static void ngx_ess_client_enter_attached(ngx_ess_source_attach_t *attach,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_client_enter_attach_gone(void *data);
static ngx_int_t ngx_ess_client_enter_v1(ngx_ess_client_t *client,
    ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_client_enter_keep(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_client_enter_stream(ngx_http_request_t *r,
    ngx_ess_client_entry_t *entry);


ngx_int_t
ngx_ess_client_enter_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_ess_loc_conf_t      *lcf;
    ngx_ess_stream_info_t    info;
    ngx_ess_client_named_t   named;
    ngx_ess_client_entry_t   entry;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    rc = ngx_ess_client_enter_admit(r, lcf);

    if (rc != NGX_OK) {
        return rc;
    }

    if (lcf->subscribe_multi) {
        return ngx_ess_multi_enter(r);
    }

    ngx_memzero(&entry, sizeof(ngx_ess_client_entry_t));

    rc = ngx_ess_client_key(r, &entry.key);

    if (rc != NGX_OK) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_REQUEST, rc);
    }

    rc = ngx_ess_client_stream(r, entry.key.len ? &entry.key : NULL, &named,
                               &info);

    if (rc == NGX_OK || rc == NGX_DECLINED) {
        rc = ngx_ess_client_demand(r, rc, &named, &info,
                                   ngx_ess_client_enter_handler);
    }

    if (rc == NGX_DECLINED) {
        return ngx_ess_client_enter_unknown(r);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    entry.named = named.named;

    rc = ngx_ess_client_key_fits(r, &entry.key, &info);

    if (rc == NGX_OK) {
        rc = ngx_ess_client_enter_transport(r, lcf, &entry);
    }

    if (rc != NGX_OK) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_REQUEST, rc);
    }

    if (ngx_ess_drain_active()) {
        return ngx_ess_client_reject_away(r, entry.transport);
    }

    return ngx_ess_client_enter_start(r, &info, &entry);
}


static ngx_int_t
ngx_ess_client_enter_admit(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf)
{
    if (r->method != NGX_HTTP_GET) {

        if (ngx_ess_header_add(r, "Allow", "GET", 3) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_ess_problem_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                      "an event stream takes the method GET "
                                      "only");
    }

    if (ngx_ess_client_zone == NULL) {
        return ngx_ess_problem_retry(r, "\"ess_zone\" has no room for this "
                                     "worker; make it larger");
    }

    /* a subrequest has no connection to take over, nor has a request without a
       client, which has the version of HTTP that knows no headers */

    if (r != r->main || r->http_version < NGX_HTTP_VERSION_10) {
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_ess_client_enter_origin(r, lcf);
}


/* No uuid, or none of a stream. */

static ngx_int_t
ngx_ess_client_enter_unknown(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    rc = ngx_ess_client_unknown(r, lcf->subscribe_unknown);

    if (rc != NGX_DECLINED) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_STREAM, rc);
    }

    return ngx_ess_client_rejected(NGX_ESS_REJECTED_STREAM,
               ngx_ess_problem_refuse(r, NGX_HTTP_NOT_FOUND,
                                      "there is no stream at this address: "
                                      "its uuid is wrong, or it was deleted"));
}


/*
 * Browsers name the origin of the page that connects, and let no script
 * choose it.  Who sends none is no browser.  A page of the location's own host
 * may see what an operator's sees.
 */

static ngx_int_t
ngx_ess_client_enter_origin(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf)
{
    ngx_table_elt_t  *h;

    h = ngx_ess_header_find(r, "origin", NULL);

    if (h == NULL
        || ngx_ess_origin_may_read(r, &h->value)
        || (lcf->handler != ngx_ess_client_enter_handler
            && ngx_ess_origin_is_own(r, &h->value)))
    {
        return NGX_OK;
    }

    return ngx_ess_origin_refuse(r, &h->value);
}


static ngx_int_t
ngx_ess_client_enter_transport(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf,
    ngx_ess_client_entry_t *entry)
{
    if (ngx_ess_sse_check(r) != NGX_OK) {
        entry->transport = &ngx_ess_ws;
        entry->v1 = ngx_ess_ws_speaks_v1(r);
        entry->sub.encoding = lcf->encodings[NGX_ESS_TRANSPORT_WEBSOCKET]
                                            [ngx_ess_ws_deflates(r)];

        return ngx_ess_ws_check(r);
    }

    entry->transport = &ngx_ess_sse;
    entry->sub.encoding = lcf->encodings[NGX_ESS_TRANSPORT_SSE]
                                        [ngx_ess_sse_chunks(r)];

    return ngx_ess_sse_check_body(r);
}


/* NGX_OK; NGX_DECLINED: no such position can be, "reason" says why. */

static ngx_int_t
ngx_ess_client_enter_position(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    ngx_int_t           rc;
    ngx_table_elt_t    *h;
    ngx_ess_escaped_t   text;

    ngx_ess_position_said_t  said;

    h = NULL;

    if (!transport->answers) {
        h = ngx_ess_header_find(r, "last-event-id", NULL);
    }

    if (h && h->value.len) {

        if (ngx_ess_position_event(&h->value, pos) != NGX_OK) {
            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "\"Last-Event-ID: %V\" is the id of no event here",
                          ngx_ess_escape(&text, &h->value));
        }

        return NGX_OK;
    }

    ngx_ess_client_said(r, &said);

    rc = ngx_ess_position_parse(&said, pos, reason);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "invalid position in the stream: %V", reason);

        return ngx_ess_client_rejected(NGX_ESS_REJECTED_POSITION, rc);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_enter_stats(ngx_http_request_t *r,
    ngx_ess_client_stats_t *stats)
{
    ngx_ess_client_t  *client;

    /* other handlers of the module have contexts of another type */

    if (r->content_handler != ngx_ess_client_enter_handler) {
        return NGX_DECLINED;
    }

    client = ngx_http_get_module_ctx(r, ngx_ess_module);

    if (client == NULL) {
        return NGX_DECLINED;
    }

    stats->stream_id = client->stream_id;
    stats->events_sent = client->events_sent;
    stats->bytes_sent = client->bytes_sent;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_client_enter_start(ngx_http_request_t *r, ngx_ess_stream_info_t *info,
    ngx_ess_client_entry_t *entry)
{
    ngx_int_t            rc;
    ngx_str_t            reason;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (ngx_ess_client_max_reached()) {
        return ngx_ess_client_reject_full(r);
    }

    if (entry->v1 && ngx_ess_client_enter_keep(r, info, entry) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    entry->sub.ref = info->ref;
    entry->sub.follow = info->kind.follows;

    entry->sub.untold = info->untold;
    entry->sub.poison = (lcf->subscribe_poison && info->kind.follows);

    rc = ngx_ess_client_enter_position(r, entry->transport, &entry->sub.pos,
                                       &reason);

    if (rc == NGX_OK && lcf->authorize) {
        return ngx_ess_client_enter_authorize(r, info, entry);
    }

    if (rc == NGX_OK) {
        return entry->sub.follow
               ? ngx_ess_client_enter_attach(r, info, entry)
               : ngx_ess_client_enter_stream(r, entry);
    }

    if (!entry->transport->answers) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_REQUEST,
                                      "invalid position in the stream: %V",
                                      &reason);
    }

    /* a browser shows the reason of a close, but no status */

    entry->refused = (char *) reason.data;

    return ngx_ess_client_enter_stream(r, entry);
}


/* A back end is asked first. */

static ngx_int_t
ngx_ess_client_enter_authorize(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry)
{
    ngx_ess_client_entry_t      *copy;
    ngx_ess_client_authorize_t  *wait;

    copy = ngx_palloc(r->pool, sizeof(ngx_ess_client_entry_t));
    wait = ngx_pcalloc(r->pool, sizeof(ngx_ess_client_authorize_t));

    if (copy == NULL || wait == NULL
        || ngx_ess_client_enter_keep(r, info, entry) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *copy = *entry;

    wait->request = r;
    wait->transport = entry->transport;
    wait->enter = ngx_ess_client_enter_authorized;
    wait->data = copy;

    if (ngx_ess_client_authorize_begin(wait) != NGX_OK
        || ngx_ess_authorize_add(wait->question, info, &entry->key,
                                 entry->key.len ? 1 : 0)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_ess_client_authorize_ask(wait);
}


static ngx_int_t
ngx_ess_client_enter_authorized(ngx_http_request_t *r, void *data)
{
    ngx_ess_client_entry_t *entry = data;

    return entry->sub.follow
           ? ngx_ess_client_enter_attach(r, entry->info, entry)
           : ngx_ess_client_enter_stream(r, entry);
}


/* The log may have to be made to follow the broker's stream first. */

static ngx_int_t
ngx_ess_client_enter_attach(ngx_http_request_t *r, ngx_ess_stream_info_t *info,
    ngx_ess_client_entry_t *entry)
{
    ngx_ess_client_attach_t  *wait;

    wait = ngx_pcalloc(r->pool, sizeof(ngx_ess_client_attach_t)
                                + info->key_len);
    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->request = r;
    wait->entry = *entry;

    wait->attach.handler = ngx_ess_client_enter_attached;
    wait->attach.data = wait;
    wait->attach.source = info->kind.source;
    wait->attach.ref = info->ref;
    wait->attach.log = ngx_cycle->log;
    wait->attach.key.len = info->key_len;
    wait->attach.key.data = (u_char *) (wait + 1);
    ngx_memcpy(wait->attach.key.data, info->key, info->key_len);

    wait->cleanup = ngx_ess_wait(r, ngx_ess_client_enter_attach_gone, wait);
    if (wait->cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;
    ngx_ess_client_max_join();

    ngx_ess_source_attach(ngx_ess_client_zone, &wait->attach);

    return NGX_DONE;
}


static void
ngx_ess_client_enter_attach_gone(void *data)
{
    ngx_ess_client_attach_t *wait = data;

    ngx_ess_client_max_leave();
    ngx_ess_source_attach_cancel(&wait->attach);
}


static void
ngx_ess_client_enter_attached(ngx_ess_source_attach_t *attach, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_http_request_t       *r;
    ngx_ess_client_entry_t   *entry;
    ngx_ess_client_attach_t  *wait;

    wait = attach->data;
    r = wait->request;
    entry = &wait->entry;

    wait->cleanup->handler = NULL;
    ngx_ess_client_max_leave();

    if (rc != NGX_OK) {
        (void) ngx_ess_client_rejected(NGX_ESS_REJECTED_SOURCE, rc);
    }

    if (ngx_ess_drain_active()) {
        rc = ngx_ess_client_reject_away(r, entry->transport);

    } else if (rc == NGX_OK) {
        entry->sub.ref = attach->ref;

        if (entry->info) {
            entry->info->ref = attach->ref;
        }

        rc = ngx_ess_client_enter_stream(r, entry);

    } else if (rc != NGX_BUSY && entry->transport->answers) {
        entry->missing = 1;
        rc = ngx_ess_client_enter_stream(r, entry);

    } else {
        rc = ngx_ess_problem_retry(r, "%V", text);
    }

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_client_enter_stream(ngx_http_request_t *r,
    ngx_ess_client_entry_t *entry)
{
    ngx_int_t          rc;
    ngx_ess_client_t  *client;

    client = ngx_ess_client_create(r, entry->transport,
                                         entry->sub.ref.id);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (entry->refused) {
        client->code = NGX_ESS_CLIENT_PROTOCOL;
        client->reason = entry->refused;
    }

    if (entry->missing) {
        client->code = NGX_ESS_CLIENT_LATER;
        client->missing = 1;
    }

    if (client->code) {
        entry->sub.pos.type = NGX_ESS_POSITION_NEW;
    }

    client->nudge = (entry->sub.pos.type != NGX_ESS_POSITION_NEW
                     && entry->transport->nudge);

    entry->sub.live = (entry->sub.follow && client->code == 0);
    entry->sub.keys = &entry->key;
    entry->sub.nkeys = (entry->key.len != 0);

    rc = entry->v1 ? ngx_ess_client_enter_v1(client, entry)
                   : ngx_ess_subscriber_enter(&client->sub, &entry->sub,
                                              &client->conf->limit);

    if (rc == NGX_DECLINED) {
        return ngx_ess_client_enter_unknown(r);
    }

    if (rc == NGX_BUSY) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_LIMIT,
                   ngx_ess_problem_retry(r, "the stream has as many clients "
                                         "as \"ess_max_subscribers\" allows: "
                                         "try again a little later"));
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, client, ngx_ess_module);

    return ngx_ess_client_start(client);
}


/* It may name more streams later, but for a location of one. */

static ngx_int_t
ngx_ess_client_enter_v1(ngx_ess_client_t *client,
    ngx_ess_client_entry_t *entry)
{
    ngx_ess_v1_begin_t  begin;

    ngx_memzero(&begin, sizeof(ngx_ess_v1_begin_t));

    if (client->code == 0) {
        begin.info = entry->info;
        begin.pos = entry->sub.pos;
        begin.key = entry->key;
        begin.named = entry->named;
        begin.only = (client->conf->subscribe_key
                      || client->conf->subscribe_name);
    }

    return ngx_ess_v1_create(client, &begin);
}


static ngx_int_t
ngx_ess_client_enter_keep(ngx_http_request_t *r, ngx_ess_stream_info_t *info,
    ngx_ess_client_entry_t *entry)
{
    entry->info = ngx_palloc(r->pool, sizeof(ngx_ess_stream_info_t));

    if (entry->info == NULL) {
        return NGX_ERROR;
    }

    *entry->info = *info;

    return NGX_OK;
}
