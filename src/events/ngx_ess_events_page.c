
/*
 * Pages of events, in a worker.  The process counts the bytes of those that are
 * not sent yet, for slow clients could have it keep any number of them.
 */


#include "ngx_ess_events_page.h"
#include "ngx_ess_header.h"


/* bytes of all pages of a worker with which no more is read */
#define NGX_ESS_EVENTS_PAGE_HELD  (64 * 1024 * 1024)

/* beside the events */
#define NGX_ESS_EVENTS_PAGE_HEAD                                              \
    (sizeof("{\"size\":,\"from\":,\"total\":,\"next\":\"\",\"events\":[]}")   \
     + 3 * NGX_INT64_LEN + NGX_ESS_EVENTS_CURSOR)


static u_char *ngx_ess_events_page_alloc(ngx_http_request_t *r, size_t size);
static void ngx_ess_events_page_freed(void *data);
static u_char *ngx_ess_events_page_head(u_char *p,
    ngx_ess_event_log_query_t *query, ngx_ess_events_args_t *args,
    ngx_ess_events_cursor_t *cursor);
static ngx_int_t ngx_ess_events_page_link(ngx_http_request_t *r,
    ngx_ess_events_args_t *args, ngx_ess_events_cursor_t *cursor);


static size_t  ngx_ess_events_page_held;


ngx_uint_t
ngx_ess_events_page_is_full(void)
{
    return ngx_ess_events_page_held > NGX_ESS_EVENTS_PAGE_HELD;
}


ngx_int_t
ngx_ess_events_page(ngx_http_request_t *r, ngx_ess_event_log_query_t *query,
    ngx_ess_events_args_t *args, ngx_str_t *json)
{
    size_t                    size;
    u_char                   *p;
    ngx_uint_t                i, object;
    ngx_ess_events_cursor_t   cursor;

    size = NGX_ESS_EVENTS_PAGE_HEAD;

    for (i = 0; i < query->nrows; i++) {
        size += query->rows[i].body.len + 1;

        cursor.seq = query->rows[i].seq;
        cursor.time = query->rows[i].time;
    }

    p = ngx_ess_events_page_alloc(r, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;

    if (args && query->more
        && ngx_ess_events_page_link(r, args, &cursor) != NGX_OK)
    {
        return NGX_ERROR;
    }

    object = (args && (query->has_total || query->has_after));

    if (object) {
        p = ngx_ess_events_page_head(p, query, args, &cursor);
    }

    if (args) {
        *p++ = '[';
    }

    for (i = 0; i < query->nrows; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, query->rows[i].body.data, query->rows[i].body.len);
    }

    if (args) {
        *p++ = ']';
    }

    if (object) {
        *p++ = '}';
    }

    json->len = p - json->data;

    return NGX_OK;
}


static u_char *
ngx_ess_events_page_alloc(ngx_http_request_t *r, size_t size)
{
    size_t              *held;
    u_char              *p;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(size_t));
    if (cln == NULL) {
        return NULL;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NULL;
    }

    held = cln->data;
    *held = size;

    cln->handler = ngx_ess_events_page_freed;

    ngx_ess_events_page_held += size;

    return p;
}


static void
ngx_ess_events_page_freed(void *data)
{
    size_t *held = data;

    ngx_ess_events_page_held -= *held;
}


/* Up to the events. */

static u_char *
ngx_ess_events_page_head(u_char *p, ngx_ess_event_log_query_t *query,
    ngx_ess_events_args_t *args, ngx_ess_events_cursor_t *cursor)
{
    p = ngx_sprintf(p, "{\"size\":%ui,", args->size);

    if (!query->has_after) {
        p = ngx_sprintf(p, "\"from\":%uL,", args->from);
    }

    if (query->has_total) {
        p = ngx_sprintf(p, "\"total\":%uL,", query->total);
    }

    if (query->more) {
        p = ngx_cpymem(p, "\"next\":\"", 8);
        p = ngx_ess_events_cursor_write(p, cursor);
        *p++ = '"';

    } else {
        p = ngx_cpymem(p, "\"next\":null", 11);
    }

    return ngx_cpymem(p, ",\"events\":", 10);
}


static ngx_int_t
ngx_ess_events_page_link(ngx_http_request_t *r, ngx_ess_events_args_t *args,
    ngx_ess_events_cursor_t *cursor)
{
    u_char     *p;
    uintptr_t   escape;
    ngx_str_t   link;

    escape = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len,
                                NGX_ESCAPE_URI);

    p = ngx_pnalloc(r->pool, r->uri.len + escape + NGX_ESS_EVENTS_ARGS_TEXT
                             + sizeof("<?>; rel=\"next\""));
    if (p == NULL) {
        return NGX_ERROR;
    }

    link.data = p;

    *p++ = '<';
    p = (u_char *) ngx_escape_uri(p, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    *p++ = '?';
    p = ngx_ess_events_args_write(p, args, cursor);
    p = ngx_cpymem(p, ">; rel=\"next\"", 13);

    link.len = p - link.data;

    return ngx_ess_header_add(r, "Link", link.data, link.len);
}
