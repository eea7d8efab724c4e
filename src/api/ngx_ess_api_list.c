/*
 * GET of all streams, in a worker: taken from the table and sent a part at a
 * time, as fast as the client reads and never more than a part in one
 * iteration of the event loop.  The state and its one buffer are the
 * request's.
 */


#include "ngx_ess_percent.h"
#include "ngx_ess_api_list.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_api_streams.h"
#include "ngx_ess_turn.h"


/* streams taken under the zone's mutex at a time */
#define NGX_ESS_API_LIST_PART    64

#define NGX_ESS_API_LIST_BUFFER  32768


typedef struct {
    ngx_http_request_t      *request;       /* whose it is */
    uint64_t                 after;         /* the last id sent */
    uint64_t                 left;          /* of ?limit= */
    ngx_str_t                search;        /* a part of the routing key, or of
                                               the name, or the id, or the
                                               uuid; len 0: all */
    ngx_ess_api_stream_e     what;
    ngx_buf_t                buf;           /* of the part; empty: it was
                                               sent */
    ngx_chain_t              out;
    unsigned                 started:1;
    unsigned                 comma:1;
    unsigned                 done:1;        /* the last part was sent */
} ngx_ess_api_list_t;


static ngx_int_t ngx_ess_api_list_search(ngx_http_request_t *r,
    ngx_ess_api_list_t *list);
static ngx_uint_t ngx_ess_api_list_finds(ngx_str_t *search,
    ngx_ess_stream_info_t *info);
static ngx_ess_api_list_t *ngx_ess_api_list_create(ngx_http_request_t *r);
static ngx_ess_api_list_t *ngx_ess_api_list_find(ngx_http_request_t *r);
static void ngx_ess_api_list_cleanup(void *data);
static void ngx_ess_api_list_writer(ngx_http_request_t *r);
static ngx_int_t ngx_ess_api_list_part(ngx_http_request_t *r,
    ngx_ess_api_list_t *list);
static void ngx_ess_api_list_render(ngx_http_request_t *r,
    ngx_ess_api_list_t *list);
static void ngx_ess_api_list_wait(ngx_http_request_t *r);


/* of use during one call only */
static ngx_ess_stream_info_t  ngx_ess_api_list_infos[NGX_ESS_API_LIST_PART];


ngx_int_t
ngx_ess_api_list(ngx_http_request_t *r, ngx_ess_api_target_t *target)
{
    ngx_int_t            rc;
    ngx_ess_api_list_t  *list;

    list = ngx_ess_api_list_create(r);
    if (list == NULL) {
        return NGX_ERROR;
    }

    list->left = (uint64_t) -1;

    if (ngx_ess_api_page(r, &list->left, &list->after) != NGX_OK) {
        return ngx_ess_api_problem(r, 400, "\"limit\" takes a number from 1 "
                                   "on, \"after\" an id or 0");
    }

    if (ngx_ess_api_list_search(r, list) != NGX_OK) {
        return ngx_ess_api_problem(r, 400, "\"details\" must be 0 or 1, "
                                   "\"search\" at most %d bytes, "
                                   "percent-encoded",
                                   NGX_ESS_MAX_KEY);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ess_api_send_header(r, NGX_HTTP_OK, -1);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (r == r->main && !r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_ess_api_list_writer;
    r->main->count++;

    ngx_ess_api_list_writer(r);

    return NGX_DONE;
}


static ngx_int_t
ngx_ess_api_list_search(ngx_http_request_t *r, ngx_ess_api_list_t *list)
{
    u_char      *p;
    ngx_str_t    value;
    ngx_uint_t   details;

    details = 0;

    if (ngx_ess_api_flag(r, "details", &details) != NGX_OK) {
        return NGX_ERROR;
    }

    list->what = details ? NGX_ESS_API_STREAM_ALL : NGX_ESS_API_STREAM_LISTED;

    if (ngx_http_arg(r, (u_char *) "search", 6, &value) != NGX_OK) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_percent_decode(&list->search, p, value.len, &value, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return (list->search.len <= NGX_ESS_MAX_KEY) ? NGX_OK : NGX_ERROR;
}


/* Whether the search finds the stream: by a part of its routing key or of its
   name, its id or its uuid. */

static ngx_uint_t
ngx_ess_api_list_finds(ngx_str_t *search, ngx_ess_stream_info_t *info)
{
    size_t  i;
    u_char  text[NGX_ESS_UUID_TEXT + NGX_INT64_LEN];

    if (search->len == 0) {
        return 1;
    }

    for (i = 0; i + search->len <= info->key_len; i++) {
        if (ngx_strncasecmp(info->key + i, search->data, search->len) == 0) {
            return 1;
        }
    }

    for (i = 0; i + search->len <= info->name_len; i++) {
        if (ngx_strncasecmp(info->name + i, search->data, search->len) == 0) {
            return 1;
        }
    }

    if (search->len == NGX_ESS_UUID_TEXT) {
        (void) ngx_ess_stream_uuid_text(text, info->uuid);
        return ngx_strncasecmp(text, search->data, search->len) == 0;
    }

    return (size_t) (ngx_sprintf(text, "%uL", info->ref.id) - text)
           == search->len
           && ngx_memcmp(text, search->data, search->len) == 0;
}


/*
 * The module's context of a request is a subscriber's, which the variables
 * look at; so the state is found by its cleanup handler.  Subrequests have
 * their main request's pool: there may be several.
 */

static ngx_ess_api_list_t *
ngx_ess_api_list_create(ngx_http_request_t *r)
{
    size_t               size;
    ngx_ess_api_list_t  *list;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_ess_api_list_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_ess_api_list_cleanup;

    list = cln->data;
    ngx_memzero(list, sizeof(ngx_ess_api_list_t));

    list->request = r;
    list->out.buf = &list->buf;

    size = NGX_ESS_API_LIST_BUFFER + ngx_ess_api_stream_size(r);

    list->buf.start = ngx_palloc(r->pool, size);
    if (list->buf.start == NULL) {
        return NULL;
    }

    list->buf.end = list->buf.start + size;

    return list;
}


static ngx_ess_api_list_t *
ngx_ess_api_list_find(ngx_http_request_t *r)
{
    ngx_ess_api_list_t  *list;
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler != ngx_ess_api_list_cleanup) {
            continue;
        }

        list = cln->data;

        if (list->request == r) {
            return list;
        }
    }

    return NULL;
}


static void
ngx_ess_api_list_cleanup(void *data)
{
    /* all of the state is the pool's */
}


static void
ngx_ess_api_list_writer(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_event_t         *wev;
    ngx_connection_t    *c;
    ngx_ess_api_list_t  *list;

    c = r->connection;
    wev = c->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out while the streams were listed");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    list = ngx_ess_api_list_find(r);

    if (list == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (wev->delayed) {
        ngx_ess_api_list_wait(r);
        return;
    }

    rc = ngx_ess_api_list_part(r, list);

    if (rc == NGX_ERROR || list->done) {

        /* what is still buffered nginx's own writer sends */

        ngx_http_finalize_request(r, rc);
        return;
    }

    /* delayed: by limit_rate, whose timer must stay */

    if (ngx_buf_size(&list->buf) || r->buffered || c->buffered
        || wev->delayed)
    {
        ngx_ess_api_list_wait(r);
        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    /* the next part after all others had their turn */

    ngx_ess_turn_next(wev);
}


/* Sends what waits, and another part when nothing is left of the last. */

static ngx_int_t
ngx_ess_api_list_part(ngx_http_request_t *r, ngx_ess_api_list_t *list)
{
    ngx_chain_t  *out;

    out = NULL;

    if (ngx_buf_size(&list->buf) == 0) {
        ngx_ess_api_list_render(r, list);

        out = &list->out;
    }

    return ngx_http_output_filter(r, out);
}


static void
ngx_ess_api_list_render(ngx_http_request_t *r, ngx_ess_api_list_t *list)
{
    size_t                  size;
    u_char                 *p;
    ngx_buf_t              *b;
    ngx_uint_t              i, n, max;
    ngx_ess_stream_info_t  *infos;

    b = &list->buf;
    p = b->start;
    infos = ngx_ess_api_list_infos;
    size = ngx_ess_api_stream_size(r) + sizeof(",]}");

    if (!list->started) {
        list->started = 1;
        p = ngx_cpymem(p, "{\"event_streams\":[",
                       sizeof("{\"event_streams\":[") - 1);
    }

    max = list->search.len ? NGX_ESS_API_LIST_PART
                           : ngx_min(list->left, NGX_ESS_API_LIST_PART);
    n = 0;

    if (list->left) {
        n = ngx_ess_stream_list(ngx_ess_api_zone(r), list->after, infos, max);
    }

    for (i = 0; i < n && list->left && (size_t) (b->end - p) >= size; i++) {

        list->after = infos[i].ref.id;

        if (!ngx_ess_api_list_finds(&list->search, &infos[i])) {
            continue;
        }

        if (list->comma) {
            *p++ = ',';
        }

        p = ngx_ess_api_stream_json(p, r, &infos[i], list->what);

        list->comma = 1;
        list->left--;
    }

    /* fewer than asked for: there are no more */

    if (list->left == 0 || (i == n && n < max)) {
        *p++ = ']';
        *p++ = '}';

        list->done = 1;
        b->last_buf = (r == r->main) ? 1 : 0;
        b->last_in_chain = 1;
    }

    b->pos = b->start;
    b->last = p;

    /* of a part the search may find none; an empty buffer is no memory */

    b->temporary = (p != b->start);

    /* else a short part could wait for the next one, which waits for it */

    b->flush = 1;
}


static void
ngx_ess_api_list_wait(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    /* a subrequest whose turn has not come is called when it comes */

    if (r->connection->data != r) {
        return;
    }

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}
