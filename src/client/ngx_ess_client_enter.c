
/*
 * A client enters: from a request to a place in a stream's feed.  Runs in
 * workers.
 */


#include "ngx_ess_client_enter.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_header.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_source.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_stream_table.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_client.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_position.h"
#include "ngx_ess_request.h"


/* header names that a client chooses are compared without case */
#define NGX_ESS_CLIENT_ENTER_LAST_ID  "last-event-id"
#define NGX_ESS_CLIENT_ENTER_ORIGIN   "origin"


/* how a client enters a stream */

typedef struct {
    ngx_ess_stream_ref_t         ref;
    const ngx_ess_transport_t   *transport;
    ngx_ess_position_t           pos;
    const char                  *refused;   /* why the position is; NULL */
    unsigned                     follow:1;  /* the log follows another
                                               stream */
    unsigned                     missing:1; /* which there is not */
} ngx_ess_client_entry_t;


/* the same, while it waits for the log; in the request's pool */

typedef struct {
    ngx_ess_source_attach_t      attach;
    ngx_http_request_t          *request;
    ngx_http_cleanup_t          *cleanup;
    ngx_ess_client_entry_t       entry;
} ngx_ess_client_attach_t;


static ngx_int_t ngx_ess_client_enter_uuid(ngx_http_request_t *r, u_char *uuid);
static ngx_int_t ngx_ess_client_enter_send_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport);
static ngx_int_t ngx_ess_client_enter_admit(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf);
static ngx_int_t ngx_ess_client_enter_rejected(ngx_ess_rejected_e reason,
    ngx_int_t rc);
static ngx_int_t ngx_ess_client_enter_origin(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf);
static ngx_int_t ngx_ess_client_enter_transport(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf, const ngx_ess_transport_t **transport);
static ngx_int_t ngx_ess_client_enter_position(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_position_t *pos,
    ngx_str_t *reason);
static ngx_int_t ngx_ess_client_enter_start(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, const ngx_ess_transport_t *transport);
static ngx_int_t ngx_ess_client_enter_attach(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_client_entry_t *entry);
static void ngx_ess_client_enter_attached(ngx_ess_source_attach_t *attach,
    ngx_int_t rc);
static void ngx_ess_client_enter_attach_gone(void *data);
static ngx_int_t ngx_ess_client_enter_stream(ngx_http_request_t *r,
    ngx_ess_client_entry_t *entry);
static ngx_ess_subscriber_t *ngx_ess_client_enter_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_stream_ref_t *ref);
static ngx_int_t ngx_ess_subscriber_join(ngx_ess_subscriber_t *sub,
    ngx_ess_client_entry_t *entry);
static ngx_int_t ngx_ess_subscriber_replay(ngx_ess_subscriber_t *sub,
    ngx_ess_client_entry_t *entry, ngx_ess_log_place_t *place);
static ngx_int_t ngx_ess_subscriber_place(ngx_ess_stream_ref_t *ref,
    ngx_ess_position_t *pos, ngx_ess_log_place_t *place);
static ngx_int_t ngx_ess_client_enter_busy(ngx_http_request_t *r,
    ngx_ess_rejected_e reason);
static ngx_int_t ngx_ess_client_enter_refuse(ngx_http_request_t *r,
    ngx_int_t status, const char *name, const char *value);


static ngx_ess_zone_t  *ngx_ess_client_enter_zone;


ngx_int_t
ngx_ess_client_enter_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_client_enter_zone = zone;

    return ngx_ess_client_init(cycle, zone);
}


void
ngx_ess_client_enter_exit(void)
{
    ngx_ess_client_exit();
}


ngx_int_t
ngx_ess_client_enter_handler(ngx_http_request_t *r)
{
    u_char                      uuid[NGX_ESS_UUID_LEN];
    u_char                      text[NGX_ESS_UUID_TEXT];
    ngx_int_t                   rc;
    ngx_str_t                   name;
    ngx_ess_loc_conf_t         *lcf;
    ngx_ess_stream_info_t       info;
    const ngx_ess_transport_t  *transport;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    rc = ngx_ess_client_enter_admit(r, lcf);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ess_client_enter_uuid(r, uuid);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || ngx_ess_stream_by_uuid(ngx_ess_client_enter_zone, uuid, &info)
           != NGX_OK)
    {
        return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_STREAM,
                                             NGX_HTTP_NOT_FOUND);
    }

    (void) ngx_ess_stream_uuid_text(text, info.uuid);
    name.data = text;
    name.len = NGX_ESS_UUID_TEXT;

    if (ngx_ess_jwt_allows(r, &name) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the token is not for this stream");

        return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_CLAIM,
                                             NGX_HTTP_FORBIDDEN);
    }

    rc = ngx_ess_client_enter_transport(r, lcf, &transport);

    if (rc != NGX_OK) {
        return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_REQUEST, rc);
    }

    if (ngx_ess_drain_active()) {
        return ngx_ess_client_enter_send_away(r, transport);
    }

    return ngx_ess_client_enter_start(r, &info, transport);
}


/*
 * The worker exits: the client is to come again, over another connection.  An
 * EventSource does so when its events end, and never again after an error.
 */

static ngx_int_t
ngx_ess_client_enter_send_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport)
{
    r->keepalive = 0;

    if (transport->answers) {
        return ngx_ess_client_enter_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "Retry-After", "1");
    }

    if (transport->start(r, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_send_special(r, NGX_HTTP_LAST);
}


static ngx_int_t
ngx_ess_client_enter_admit(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf)
{
    if (r->method != NGX_HTTP_GET) {
        return ngx_ess_client_enter_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                           "Allow", "GET");
    }

    if (ngx_ess_client_enter_zone == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    /* a subrequest has no connection to take over */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_ess_client_enter_origin(r, lcf);
}


/*
 * Browsers name the origin of the page that connects, and let no script
 * choose it.  Who sends none is no browser.
 */

static ngx_int_t
ngx_ess_client_enter_origin(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf)
{
    ngx_str_t         *origin;
    ngx_uint_t         i;
    ngx_table_elt_t   *h;
    ngx_ess_escaped_t  text;

    if (lcf->origins == NULL) {
        return NGX_OK;
    }

    h = ngx_ess_header_find(r, NGX_ESS_CLIENT_ENTER_ORIGIN, NULL);

    if (h == NULL) {
        return NGX_OK;
    }

    origin = lcf->origins->elts;

    for (i = 0; i < lcf->origins->nelts; i++) {
        if (origin[i].len == h->value.len
            && ngx_strncasecmp(origin[i].data, h->value.data, h->value.len)
               == 0)
        {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "origin \"%V\" is not among those of \"ess_origin\"",
                  ngx_ess_escape(&text, &h->value));

    return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_ORIGIN,
                                         NGX_HTTP_FORBIDDEN);
}


static ngx_int_t
ngx_ess_client_enter_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    ngx_ess_shm_count(ngx_ess_client_enter_zone, NGX_ESS_C_REJECTED + reason,
                      1);

    return rc;
}


static ngx_int_t
ngx_ess_client_enter_transport(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf,
    const ngx_ess_transport_t **transport)
{
    if (ngx_ess_sse_check(r) != NGX_OK) {
        if (ngx_ess_ws_deflates(r)) {
            *transport = lcf->annotate ? &ngx_ess_ws_annotated_deflated
                                       : &ngx_ess_ws_deflated;
        } else {
            *transport = lcf->annotate ? &ngx_ess_ws_annotated : &ngx_ess_ws;
        }

        return ngx_ess_ws_check(r);
    }

    /* what a client sends is not looked for where a body ends */

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "request for an event stream with a body");
        return NGX_HTTP_BAD_REQUEST;
    }

    *transport = (r->http_version == NGX_HTTP_VERSION_11)
                 ? &ngx_ess_sse_chunked : &ngx_ess_sse;

    return NGX_OK;
}


/* NGX_OK; NGX_DECLINED: no such position can be, "reason" says why. */

static ngx_int_t
ngx_ess_client_enter_position(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    h = NULL;

    if (!transport->answers) {
        h = ngx_ess_header_find(r, NGX_ESS_CLIENT_ENTER_LAST_ID, NULL);
    }

    if (h && h->value.len) {
        rc = ngx_ess_position_event(&h->value, pos, reason);

    } else {
        rc = ngx_ess_position_parse(&r->args, pos, reason);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "invalid position in the stream: %V", reason);

        return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_POSITION, rc);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_enter_stats(ngx_http_request_t *r,
    ngx_ess_client_stats_t *stats)
{
    ngx_ess_subscriber_t  *sub;

    /* other handlers of the module have contexts of another type */

    if (r->content_handler != ngx_ess_client_enter_handler) {
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


/* NGX_OK; NGX_DECLINED: that is no uuid; NGX_ERROR. */

static ngx_int_t
ngx_ess_client_enter_uuid(ngx_http_request_t *r, u_char *uuid)
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


static ngx_int_t
ngx_ess_client_enter_start(ngx_http_request_t *r, ngx_ess_stream_info_t *info,
    const ngx_ess_transport_t *transport)
{
    ngx_int_t               rc;
    ngx_str_t               reason;
    ngx_ess_client_entry_t  entry;

    if (ngx_ess_client_max_reached()) {

        /* nor does it keep the connection from others */

        r->keepalive = 0;

        return ngx_ess_client_enter_busy(r, NGX_ESS_REJECTED_CLIENTS);
    }

    ngx_memzero(&entry, sizeof(ngx_ess_client_entry_t));

    entry.ref = info->ref;
    entry.transport = transport;
    entry.follow = (info->source == NGX_ESS_SOURCE_STREAM);

    rc = ngx_ess_client_enter_position(r, transport, &entry.pos, &reason);

    if (rc == NGX_OK) {
        return entry.follow ? ngx_ess_client_enter_attach(r, info, &entry)
                            : ngx_ess_client_enter_stream(r, &entry);
    }

    if (!transport->answers) {
        return NGX_HTTP_BAD_REQUEST;
    }

    /* a browser shows the reason of a close, but no status */

    entry.refused = (char *) reason.data;
    entry.pos.type = NGX_ESS_POSITION_NEW;

    return ngx_ess_client_enter_stream(r, &entry);
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

    ngx_ess_source_attach(&wait->attach);

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
ngx_ess_client_enter_attached(ngx_ess_source_attach_t *attach, ngx_int_t rc)
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
        (void) ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_SOURCE, rc);
    }

    if (ngx_ess_drain_active()) {
        rc = ngx_ess_client_enter_send_away(r, entry->transport);

    } else if (rc == NGX_OK) {
        rc = ngx_ess_client_enter_stream(r, entry);

    } else if (rc == NGX_BUSY) {
        rc = ngx_ess_client_enter_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "Retry-After", "1");

    } else if (entry->transport->answers) {
        entry->missing = 1;
        rc = ngx_ess_client_enter_stream(r, entry);

    } else {
        rc = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_client_enter_stream(ngx_http_request_t *r,
    ngx_ess_client_entry_t *entry)
{
    ngx_int_t              rc;
    ngx_ess_subscriber_t  *sub;

    sub = ngx_ess_client_enter_create(r, entry->transport, &entry->ref);
    if (sub == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sub->follow = entry->follow;

    if (entry->refused) {
        sub->code = NGX_ESS_CLIENT_PROTOCOL;
        sub->reason = entry->refused;
    }

    if (entry->missing) {
        sub->code = NGX_ESS_CLIENT_LATER;
        sub->missing = 1;
        entry->pos.type = NGX_ESS_POSITION_NEW;
    }

    rc = ngx_ess_subscriber_join(sub, entry);

    if (rc == NGX_DECLINED) {
        return ngx_ess_client_enter_rejected(NGX_ESS_REJECTED_STREAM,
                                             NGX_HTTP_NOT_FOUND);
    }

    if (rc == NGX_BUSY) {
        return ngx_ess_client_enter_busy(r, NGX_ESS_REJECTED_LIMIT);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, sub, ngx_ess_module);

    return ngx_ess_client_start(sub);
}


static ngx_ess_subscriber_t *
ngx_ess_client_enter_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_subscriber_t  *sub;

    sub = ngx_calloc(sizeof(ngx_ess_subscriber_t) + transport->session_size,
                     r->connection->log);
    if (sub == NULL) {
        return NULL;
    }

    ngx_queue_init(&sub->drain);

    sub->request = r;
    sub->connection = r->connection;
    sub->conf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    sub->stream_id = ref->id;
    sub->since = (uint32_t) ngx_time();
    sub->expires = (uint32_t) ngx_min(ngx_ess_jwt_expires(r),
                                      (time_t) NGX_MAX_UINT32_VALUE);
    sub->state = NGX_ESS_SUBSCRIBER_GONE;

    if (ngx_ess_request_own(sub) != NGX_OK) {
        return NULL;
    }

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        sub->filtered = ngx_ess_flush_filtered_create(r);
        if (sub->filtered == NULL) {
            return NULL;
        }
    }

    return sub;
}


/*
 * What comes from now on is taken together with the interest in it, before
 * the response header is sent: a client that has it gets all that follows.
 * NGX_DECLINED: no such stream.  NGX_BUSY: no room for one more process, or no
 * more subscribers than these.
 */

static ngx_int_t
ngx_ess_subscriber_join(ngx_ess_subscriber_t *sub,
    ngx_ess_client_entry_t *entry)
{
    uint64_t               ordinal;
    ngx_int_t              rc;
    ngx_ess_log_place_t    place;
    ngx_ess_stream_ref_t  *ref;

    ref = &entry->ref;

    rc = ngx_ess_notify_subscribe(ngx_ess_client_enter_zone, ref,
                                  sub->conf->limit.max ? &sub->conf->limit
                                                       : NULL,
                                  &sub->seq, &ordinal, &sub->number);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_DECLINED : NGX_BUSY;
    }

    if (entry->follow && !entry->missing && !entry->refused
        && ngx_ess_follow_state(ngx_ess_client_enter_zone, ref)
           != NGX_ESS_FOLLOW_LIVE)
    {
        /* let go in the very moment */
        rc = NGX_BUSY;

    } else if (entry->pos.type == NGX_ESS_POSITION_NEW) {
        rc = ngx_ess_feed_join(ref, entry->transport, sub, ordinal);

    } else {
        rc = ngx_ess_subscriber_place(ref, &entry->pos, &place);

        if (rc == NGX_OK && entry->follow) {
            rc = ngx_ess_subscriber_replay(sub, entry, &place);

        } else if (rc == NGX_OK) {
            rc = ngx_ess_feed_join_replay(ref, entry->transport, sub, &place);
        }
    }

    if (rc != NGX_OK) {
        ngx_ess_notify_unsubscribe(ngx_ess_client_enter_zone, ref);
    }

    return rc;
}


/* What the log does not have the broker may have. */

static ngx_int_t
ngx_ess_subscriber_replay(ngx_ess_subscriber_t *sub,
    ngx_ess_client_entry_t *entry, ngx_ess_log_place_t *place)
{
    uint64_t             ordinal, timestamp;
    ngx_ess_position_t  *pos;

    pos = &entry->pos;
    ordinal = 0;
    timestamp = 0;

    if (pos->type == NGX_ESS_POSITION_TIMESTAMP) {
        timestamp = ngx_max(pos->timestamp, 1);
        place->gap = 0;

    } else if (pos->type == NGX_ESS_POSITION_EVENT
               && pos->epoch != entry->ref.epoch)
    {
        /* of another stream: all of this one */

        if (place->first == 1) {
            return ngx_ess_feed_join_replay(&entry->ref, entry->transport, sub,
                                            place);
        }

    } else if (place->gap && place->from <= place->to) {
        ordinal = pos->ordinal;
        place->gap = 0;

    } else {
        return ngx_ess_feed_join_replay(&entry->ref, entry->transport, sub,
                                        place);
    }

    return ngx_ess_feed_join_source(&entry->ref, entry->transport, sub,
                                    place, ordinal, timestamp);
}


static ngx_int_t
ngx_ess_subscriber_place(ngx_ess_stream_ref_t *ref, ngx_ess_position_t *pos,
    ngx_ess_log_place_t *place)
{
    ngx_int_t  rc;

    if (pos->type == NGX_ESS_POSITION_TIMESTAMP) {
        return ngx_ess_log_search_since(ngx_ess_client_enter_zone, ref,
                                        pos->timestamp, 0, place);
    }

    if (pos->type == NGX_ESS_POSITION_ORDINAL || pos->epoch == ref->epoch) {
        return ngx_ess_log_search_ordinal(ngx_ess_client_enter_zone, ref,
                                          pos->ordinal, place);
    }

    /* another epoch's: nobody knows what was between it and this log */

    rc = ngx_ess_log_search_ordinal(ngx_ess_client_enter_zone, ref, 0, place);

    place->gap = 1;
    place->from = pos->ordinal + 1;
    place->to = 0;

    return rc;
}


/* There are as many as may be. */

static ngx_int_t
ngx_ess_client_enter_busy(ngx_http_request_t *r, ngx_ess_rejected_e reason)
{
    ngx_int_t  rc;

    rc = ngx_ess_client_enter_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                     "Retry-After", "1");

    return ngx_ess_client_enter_rejected(reason, rc);
}


static ngx_int_t
ngx_ess_client_enter_refuse(ngx_http_request_t *r, ngx_int_t status,
    const char *name, const char *value)
{
    if (ngx_ess_header_add(r, name, value, ngx_strlen(value)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return status;
}
