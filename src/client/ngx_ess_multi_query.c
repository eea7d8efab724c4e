
/*
 * From the query string of a request to a client's places in several streams.
 * What it finds lies in the request's pool.  Runs in workers.
 */


#include "ngx_ess_multi_query.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_header.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_places.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_query.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_multi_query_count(ngx_http_request_t *r,
    ngx_uint_t *n);
static ngx_int_t ngx_ess_multi_query_alloc(ngx_http_request_t *r,
    ngx_ess_multi_query_t *wanted);
static ngx_int_t ngx_ess_multi_query_streams(ngx_http_request_t *r,
    ngx_ess_jwt_grant_t *grant, ngx_ess_multi_query_t *wanted);
static ngx_int_t ngx_ess_multi_query_stream(ngx_http_request_t *r,
    ngx_ess_jwt_grant_t *grant, ngx_ess_multi_query_t *wanted, ngx_uint_t i,
    ngx_ess_query_stream_t *query);
static ngx_int_t ngx_ess_multi_query_keys(ngx_http_request_t *r,
    ngx_ess_query_stream_t *query, ngx_ess_subscriber_entry_t *entry);
static ngx_int_t ngx_ess_multi_query_text(ngx_http_request_t *r, ngx_str_t *to,
    u_char *data, size_t len);
static ngx_int_t ngx_ess_multi_query_positions(ngx_http_request_t *r,
    ngx_ess_position_said_t *said, ngx_ess_multi_query_t *wanted);
static void ngx_ess_multi_query_last_id(ngx_http_request_t *r, ngx_str_t *text,
    ngx_ess_position_t *begin, ngx_ess_multi_query_t *wanted);
static ngx_int_t ngx_ess_multi_query_from(ngx_http_request_t *r,
    ngx_str_t *from, ngx_ess_multi_query_t *wanted);
static ngx_int_t ngx_ess_multi_query_places(ngx_str_t *text,
    ngx_ess_position_t *begin, ngx_ess_multi_query_t *wanted,
    ngx_uint_t *found);
static ngx_int_t ngx_ess_multi_query_nowhere(ngx_http_request_t *r,
    ngx_str_t *reason);
static ngx_int_t ngx_ess_multi_query_failed(ngx_ess_client_t *client,
    ngx_int_t rc, ngx_str_t *stream);
static void ngx_ess_multi_query_place(ngx_ess_multi_entry_t *e,
    ngx_ess_event_id_t *place);
static ngx_int_t ngx_ess_multi_query_refuse(ngx_http_request_t *r,
    ngx_ess_rejected_e reason, ngx_uint_t status, ngx_str_t *stream,
    ngx_str_t *why);


ngx_int_t
ngx_ess_multi_query_read(ngx_http_request_t *r, ngx_ess_position_said_t *said,
    ngx_ess_multi_query_t *wanted)
{
    ngx_int_t             rc;
    ngx_ess_jwt_grant_t  *grant;

    rc = ngx_ess_multi_query_count(r, &wanted->n);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_ess_multi_query_alloc(r, wanted) != NGX_OK
        || ngx_ess_jwt_grant(r, &grant) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_ess_multi_query_streams(r, grant, wanted);

    if (grant) {
        ngx_ess_jwt_grant_release(grant);
    }

    return (rc == NGX_OK) ? ngx_ess_multi_query_positions(r, said, wanted) : rc;
}


/* How many there are; all are well-formed. */

static ngx_int_t
ngx_ess_multi_query_count(ngx_http_request_t *r, ngx_uint_t *n)
{
    ngx_int_t                rc;
    ngx_str_t                args, none, reason;
    ngx_uint_t               subscriptions;
    ngx_ess_loc_conf_t      *lcf;
    ngx_ess_query_stream_t   query;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    args = r->args;
    subscriptions = 0;
    *n = 0;

    while ((rc = ngx_ess_query_next(&args, &query, &reason)) == NGX_OK) {

        subscriptions += ngx_max(query.nkeys, 1);

        if (++*n > lcf->max_subscriptions_sse
            || subscriptions > lcf->max_subscriptions)
        {
            ngx_str_set(&reason, "those are more streams, or keys, than "
                                 "\"ess_max_subscriptions\" allows");
            break;
        }
    }

    if (rc == NGX_DONE && *n) {
        return NGX_OK;
    }

    if (rc == NGX_DONE) {
        ngx_str_set(&reason, "the query string must name the streams: "
                             "\"stream=<uuid>\", once for each");
    }

    ngx_str_null(&none);

    return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_REQUEST,
                                      (rc == NGX_OK)
                                      ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                                      : NGX_HTTP_BAD_REQUEST,
                                      &none, &reason);
}


static ngx_int_t
ngx_ess_multi_query_alloc(ngx_http_request_t *r,
    ngx_ess_multi_query_t *wanted)
{
    u_char      *p;
    ngx_uint_t   n;

    n = wanted->n;

    p = ngx_pcalloc(r->pool, n * (sizeof(ngx_ess_multi_sse_stream_t)
                                  + sizeof(ngx_ess_multi_entry_t)
                                  + sizeof(ngx_str_t) + sizeof(ngx_uint_t)));
    if (p == NULL) {
        return NGX_ERROR;
    }

    wanted->streams = (ngx_ess_multi_sse_stream_t *) p;
    wanted->entries = (ngx_ess_multi_entry_t *) (wanted->streams + n);
    wanted->sources = (ngx_str_t *) (wanted->entries + n);
    wanted->kinds = (ngx_uint_t *) (wanted->sources + n);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_multi_query_streams(ngx_http_request_t *r, ngx_ess_jwt_grant_t *grant,
    ngx_ess_multi_query_t *wanted)
{
    ngx_int_t                rc;
    ngx_str_t                args, reason;
    ngx_uint_t               i;
    ngx_ess_query_stream_t   query;

    args = r->args;

    for (i = 0;
         i < wanted->n && ngx_ess_query_next(&args, &query, &reason) == NGX_OK;
         i++)
    {
        rc = ngx_ess_multi_query_stream(r, grant, wanted, i, &query);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_multi_query_stream(ngx_http_request_t *r, ngx_ess_jwt_grant_t *grant,
    ngx_ess_multi_query_t *wanted, ngx_uint_t i,
    ngx_ess_query_stream_t *query)
{
    ngx_str_t                    why;
    ngx_uint_t                   j;
    ngx_ess_loc_conf_t          *lcf;
    ngx_ess_stream_info_t        info;
    ngx_ess_command_error_t      error;
    ngx_ess_multi_sse_stream_t  *stream;
    ngx_ess_subscriber_entry_t  *entry;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    stream = &wanted->streams[i];
    entry = &wanted->entries[i].entry;

    if (ngx_ess_multi_query_text(r, &stream->label, query->label.data,
                               query->label.len)
        != NGX_OK
        || ngx_ess_multi_query_text(r, &stream->stream, query->stream.data,
                                  query->stream.len)
           != NGX_OK
        || ngx_ess_multi_query_keys(r, query, entry) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_ess_multi_admit(lcf, grant, &stream->stream, entry->keys,
                            entry->nkeys, &info, &error)
        != NGX_OK)
    {
        return ngx_ess_multi_query_refuse(r,
                               (error.code == NGX_HTTP_NOT_FOUND)
                               ? NGX_ESS_REJECTED_STREAM
                               : (error.code == NGX_HTTP_SERVICE_UNAVAILABLE)
                               ? NGX_ESS_REJECTED_CREATED
                               : NGX_ESS_REJECTED_CLAIM,
                               error.code, &stream->stream, &error.message);
    }

    for (j = 0; j < i; j++) {
        if (wanted->streams[j].id == info.ref.id) {
            ngx_str_set(&why, "it is there twice: one \"stream=\" has all of "
                              "its keys behind it");
            return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_REQUEST,
                                              NGX_HTTP_BAD_REQUEST,
                                              &stream->stream, &why);
        }
    }

    stream->id = info.ref.id;

    ngx_ess_multi_admit_entry(lcf, &info, entry);

    wanted->kinds[i] = info.kind.source;

    if (entry->follow
        && ngx_ess_multi_query_text(r, &wanted->sources[i], info.key,
                                  info.key_len)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_multi_query_keys(ngx_http_request_t *r, ngx_ess_query_stream_t *query,
    ngx_ess_subscriber_entry_t *entry)
{
    u_char      buf[NGX_ESS_QUERY_KEY];
    ngx_str_t   key, rest;
    ngx_uint_t  i;

    if (query->nkeys == 0) {
        return NGX_OK;
    }

    entry->keys = ngx_palloc(r->pool, query->nkeys * sizeof(ngx_str_t));
    if (entry->keys == NULL) {
        return NGX_ERROR;
    }

    rest = query->keys;

    while (ngx_ess_query_key(&rest, buf, &key)) {

        for (i = 0; i < entry->nkeys; i++) {
            if (ngx_ess_str_equal(&entry->keys[i], &key)) {
                break;
            }
        }

        if (i < entry->nkeys) {
            continue;
        }

        if (ngx_ess_multi_query_text(r, &entry->keys[i], key.data, key.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        entry->nkeys++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_multi_query_text(ngx_http_request_t *r, ngx_str_t *to, u_char *data,
    size_t len)
{
    to->len = len;
    to->data = ngx_pnalloc(r->pool, len ? len : 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, data, len);

    return NGX_OK;
}


/* What a browser brings back wins over the query, as it is newer. */

static ngx_int_t
ngx_ess_multi_query_positions(ngx_http_request_t *r,
    ngx_ess_position_said_t *said, ngx_ess_multi_query_t *wanted)
{
    ngx_int_t            rc;
    ngx_str_t            from, reason;
    ngx_uint_t           i;
    ngx_table_elt_t     *h;
    ngx_ess_position_t   begin;

    said->places = &from;
    rc = ngx_ess_position_parse(said, &begin, &reason);

    h = ngx_ess_header_find(r, "last-event-id", NULL);

    if (h && h->value.len) {

        if (rc != NGX_OK || begin.type == NGX_ESS_POSITION_EVENT) {
            begin.type = NGX_ESS_POSITION_NEW;
        }

        ngx_ess_multi_query_last_id(r, &h->value, &begin, wanted);

        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return ngx_ess_multi_query_nowhere(r, &reason);
    }

    if (begin.type == NGX_ESS_POSITION_EVENT) {
        return ngx_ess_multi_query_from(r, &from, wanted);
    }

    for (i = 0; i < wanted->n; i++) {
        wanted->entries[i].entry.pos = begin;
    }

    return NGX_OK;
}


/* Whatever it is, it is not refused: an EventSource would never come back. */

static void
ngx_ess_multi_query_last_id(ngx_http_request_t *r, ngx_str_t *text,
    ngx_ess_position_t *begin, ngx_ess_multi_query_t *wanted)
{
    ngx_uint_t          found;
    ngx_ess_escaped_t   escaped;

    if (ngx_ess_multi_query_places(text, begin, wanted, &found) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "\"Last-Event-ID: %V\" has no place in each of %ui "
                      "streams", ngx_ess_escape(&escaped, text), wanted->n);
    }
}


static ngx_int_t
ngx_ess_multi_query_from(ngx_http_request_t *r, ngx_str_t *from,
    ngx_ess_multi_query_t *wanted)
{
    u_char              buf[NGX_ESS_PLACES_LEN];
    ngx_str_t           text, reason;
    ngx_uint_t          found;
    ngx_ess_position_t  begin;

    found = 0;
    ngx_memzero(&begin, sizeof(ngx_ess_position_t));

    if (ngx_ess_percent_decode(&text, buf, sizeof(buf), from, 0) == NGX_OK
        && ngx_ess_multi_query_places(&text, &begin, wanted, &found) == NGX_OK)
    {
        return NGX_OK;
    }

    reason.data = buf;
    reason.len = (found ? ngx_sprintf(buf, "from has %ui places for %ui "
                                      "streams: they are in the order of "
                                      "\"stream=\"", found, wanted->n)
                        : ngx_sprintf(buf, "from must be the id of an event, "
                                      "with a place in each stream, such as "
                                      "from=5f3a-17,77-9"))
                 - buf;

    return ngx_ess_multi_query_nowhere(r, &reason);
}


/* A place of no epoch is one that was not known: that stream begins as it
   would have then. */

static ngx_int_t
ngx_ess_multi_query_places(ngx_str_t *text, ngx_ess_position_t *begin,
    ngx_ess_multi_query_t *wanted, ngx_uint_t *found)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_ess_position_t  *p, pos[NGX_ESS_PLACES_MAX];

    rc = ngx_ess_places_parse(text, pos, wanted->n, found);

    for (i = 0; i < wanted->n; i++) {
        p = &pos[i];

        wanted->entries[i].entry.pos = (rc == NGX_OK && p->epoch == 0
                                        && p->ordinal == 0)
                                       ? *begin : *p;
    }

    return rc;
}


static ngx_int_t
ngx_ess_multi_query_nowhere(ngx_http_request_t *r, ngx_str_t *reason)
{
    ngx_str_t  none;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "invalid position in the streams: %V", reason);

    ngx_str_null(&none);

    return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_POSITION,
                                      NGX_HTTP_BAD_REQUEST, &none, reason);
}


ngx_int_t
ngx_ess_multi_query_join(ngx_ess_client_t *client,
    ngx_ess_multi_query_t *wanted)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_ess_event_id_t   place;

    if (ngx_ess_multi_sse_create(client, wanted->streams, wanted->n)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_ess_multi_join(client->multi, wanted->entries, wanted->n);

    for (i = 0; i < wanted->n; i++) {

        rc = wanted->entries[i].entry.rc;

        if (rc != NGX_OK) {
            ngx_ess_client_free_multi(client);

            return ngx_ess_multi_query_failed(client, rc,
                                              &wanted->streams[i].stream);
        }

        ngx_ess_multi_query_place(&wanted->entries[i], &place);
        ngx_ess_multi_sse_place(client, i, &place);
    }

    ngx_ess_multi_announced(client->multi);

    return NGX_OK;
}


/* Since it was admitted. */

static ngx_int_t
ngx_ess_multi_query_failed(ngx_ess_client_t *client, ngx_int_t rc,
    ngx_str_t *stream)
{
    ngx_str_t            why;
    ngx_http_request_t  *r;

    r = client->request;

    if (rc == NGX_DECLINED) {
        ngx_str_set(&why, "it was deleted");
        return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_STREAM,
                                          NGX_HTTP_NOT_FOUND, stream, &why);
    }

    if (rc == NGX_BUSY && client->conf->limit.max) {
        ngx_str_set(&why, "it has as many clients as "
                          "\"ess_max_subscribers\" allows: try again a "
                          "little later");
        return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_LIMIT,
                                          NGX_HTTP_TOO_MANY_REQUESTS, stream,
                                          &why);
    }

    if (rc == NGX_BUSY) {
        ngx_str_set(&why, "the server has no room for it now");
        return ngx_ess_multi_query_refuse(r, NGX_ESS_REJECTED_LIMIT,
                                          NGX_HTTP_SERVICE_UNAVAILABLE, stream,
                                          &why);
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* Where it is before its first event, and before a gap that it is told of; no
   epoch: nobody knows. */

static void
ngx_ess_multi_query_place(ngx_ess_multi_entry_t *e, ngx_ess_event_id_t *place)
{
    ngx_ess_position_t  *pos;

    pos = &e->entry.pos;

    *place = e->at;

    if (pos->type == NGX_ESS_POSITION_EVENT && pos->epoch) {
        place->epoch = pos->epoch;
        place->ordinal = pos->ordinal;

    } else if (pos->type == NGX_ESS_POSITION_ORDINAL) {
        place->ordinal = pos->ordinal;

    } else if (place->ordinal == NGX_ESS_GAP_ANY) {
        place->epoch = 0;
        place->ordinal = 0;
    }
}


/* With the stream in front, if it is about one. */

static ngx_int_t
ngx_ess_multi_query_refuse(ngx_http_request_t *r, ngx_ess_rejected_e reason,
    ngx_uint_t status, ngx_str_t *stream, ngx_str_t *why)
{
    ngx_ess_client_count(NGX_ESS_C_REJECTED + reason, 1);

    if ((status == NGX_HTTP_TOO_MANY_REQUESTS
         || status == NGX_HTTP_SERVICE_UNAVAILABLE)
        && ngx_ess_header_add(r, "Retry-After", "1", 1) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return stream->len
           ? ngx_ess_problem_refuse(r, status, "stream \"%V\": %V", stream,
                                    why)
           : ngx_ess_problem_refuse(r, status, "%V", why);
}
