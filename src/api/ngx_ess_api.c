/*
 * The HTTP API's routes and answers, in a worker.  The routes are relative to
 * the location's prefix, clcf->name; ess_api is therefore refused in named
 * locations and in those with a regular expression.  Within the location a
 * rewrite may change the path, but it must keep the prefix.  All memory is
 * the request's.
 */


#include "ngx_ess_header.h"
#include "ngx_ess_origin.h"
#include "ngx_ess_str.h"
#include "ngx_ess_api.h"
#include "ngx_ess_api_body.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_counter.h"


#define NGX_ESS_API_DETAIL  1024


typedef ngx_int_t (*ngx_ess_api_handler_pt)(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);


typedef struct {
    ngx_uint_t               method;        /* GET: HEAD as well */
    ngx_str_t                path;          /* "{id}": id or uuid; "{sid}":
                                               of a subscriber */
    ngx_ess_api_handler_pt   handler;
} ngx_ess_api_route_t;


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                line;          /* status line; 4 on: the title */
} ngx_ess_api_status_t;


static ngx_uint_t ngx_ess_api_match(ngx_ess_api_route_t *route,
    ngx_str_t *path, ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_target(ngx_str_t *segment,
    ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_subscriber(ngx_str_t *segment,
    ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_id(ngx_str_t *segment, uint64_t *id);
static ngx_int_t ngx_ess_api_number(ngx_str_t *text, uint64_t *number);
static ngx_int_t ngx_ess_api_allow(ngx_http_request_t *r, ngx_uint_t methods);
static ngx_int_t ngx_ess_api_copy(ngx_http_request_t *r, ngx_buf_t *b,
    u_char *p, size_t size);
static ngx_int_t ngx_ess_api_version(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
static ngx_str_t *ngx_ess_api_status_line(ngx_uint_t status);


static ngx_ess_api_route_t  ngx_ess_api_routes[] = {
    { NGX_HTTP_GET, ngx_string(""), ngx_ess_api_list },
    { NGX_HTTP_POST, ngx_string(""), ngx_ess_api_streams_create },
    { NGX_HTTP_GET, ngx_string("version"), ngx_ess_api_version },
    { NGX_HTTP_GET, ngx_string("{id}"), ngx_ess_api_streams_get },
    { NGX_HTTP_DELETE, ngx_string("{id}"), ngx_ess_api_streams_delete },
    { NGX_HTTP_GET, ngx_string("{id}/subscribers"),
      ngx_ess_api_subscribers_list },
    { NGX_HTTP_DELETE, ngx_string("{id}/subscribers/{sid}"),
      ngx_ess_api_subscribers_close }
};


/* what the API answers when something is wrong */

static ngx_ess_api_status_t  ngx_ess_api_statuses[] = {
    { 400, ngx_string("400 Bad Request") },
    { 403, ngx_string("403 Forbidden") },
    { 404, ngx_string("404 Not Found") },
    { 405, ngx_string("405 Method Not Allowed") },
    { 409, ngx_string("409 Conflict") },
    { 413, ngx_string("413 Content Too Large") },
    { 415, ngx_string("415 Unsupported Media Type") },
    { 422, ngx_string("422 Unprocessable Content") },
    { 500, ngx_string("500 Internal Server Error") },
    { 503, ngx_string("503 Service Unavailable") },
    { 507, ngx_string("507 Insufficient Storage") }
};


static ngx_str_t  ngx_ess_api_json = ngx_string("application/json");
static ngx_str_t  ngx_ess_api_problem_json =
    ngx_string("application/problem+json");


ngx_int_t
ngx_ess_api_handler(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_ess_api_path(r, &path) != NGX_OK) {
        return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"",
                                   &r->uri);
    }

    return ngx_ess_api_serve(r, &path);
}


ngx_int_t
ngx_ess_api_serve(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_int_t             rc;
    ngx_uint_t            i, n, method, methods;
    ngx_ess_api_route_t  *route;
    ngx_ess_api_target_t  target;

    if (ngx_ess_api_zone(r) == NULL) {
        return ngx_ess_api_problem(r, 500, "ess_zone is not configured");
    }

    rc = ngx_ess_api_slot(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_ess_api_origin(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    methods = 0;
    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;
    n = sizeof(ngx_ess_api_routes) / sizeof(ngx_ess_api_route_t);

    for (i = 0; i < n; i++) {
        route = &ngx_ess_api_routes[i];

        if (!ngx_ess_api_match(route, path, &target)) {
            continue;
        }

        if (route->method == method) {
            return route->handler(r, &target);
        }

        methods |= route->method;
    }

    if (methods == 0) {
        return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"",
                                   &r->uri);
    }

    return ngx_ess_api_not_allowed(r, methods);
}


ngx_int_t
ngx_ess_api_slot(ngx_http_request_t *r)
{
    if (ngx_ess_api_zone(r)->proc == NGX_ESS_PROCS) {
        return ngx_ess_api_problem(r, 503, "\"ess_zone\" has no room for this "
                                   "worker; make it larger");
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_api_origin(ngx_http_request_t *r)
{
    if (ngx_ess_origin_is_foreign(r)) {
        ngx_ess_counter_add(ngx_ess_api_zone(r), NGX_ESS_C_CROSS_ORIGIN, 1);

        return ngx_ess_api_problem(r, 403, "the request comes from a web page "
                                   "of another origin; if that page may, name "
                                   "its origin in \"ess_origin\" here");
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_api_not_allowed(ngx_http_request_t *r, ngx_uint_t methods)
{
    if (ngx_ess_api_allow(r, methods) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_ess_api_send(r, NGX_HTTP_NO_CONTENT, NULL);
    }

    return ngx_ess_api_problem(r, 405, "\"%V\" does not take the method %V",
                               &r->uri, &r->method_name);
}


ngx_int_t
ngx_ess_api_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_str_t                 *name;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    name = &clcf->name;

    if (r->uri.len < name->len
        || ngx_strncmp(r->uri.data, name->data, name->len) != 0)
    {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + name->len;
    path->len = r->uri.len - name->len;

    if (path->len && name->len && name->data[name->len - 1] != '/') {

        /* "/streams" is no prefix of "/streams2" */

        if (path->data[0] != '/') {
            return NGX_DECLINED;
        }

        path->data++;
        path->len--;
    }

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_api_match(ngx_ess_api_route_t *route, ngx_str_t *path,
    ngx_ess_api_target_t *target)
{
    ngx_str_t   want, have, w, h;
    ngx_uint_t  more;

    want = route->path;
    have = *path;

    do {
        more = ngx_ess_str_cut(&want, '/', &w);

        if (ngx_ess_str_cut(&have, '/', &h) != more) {
            return 0;
        }

        if (w.len && w.data[0] == '{') {

            if (!((w.data[1] == 'i') ? ngx_ess_api_target(&h, target)
                                     : ngx_ess_api_subscriber(&h, target)))
            {
                return 0;
            }

        } else if (h.len != w.len || ngx_strncmp(h.data, w.data, w.len) != 0) {
            return 0;
        }

    } while (more);

    return 1;
}


static ngx_uint_t
ngx_ess_api_target(ngx_str_t *segment, ngx_ess_api_target_t *target)
{
    target->id = 0;

    if (segment->len == NGX_ESS_UUID_TEXT) {
        return ngx_ess_stream_uuid_parse(target->uuid, segment) == NGX_OK;
    }

    return ngx_ess_api_id(segment, &target->id);
}


static ngx_uint_t
ngx_ess_api_subscriber(ngx_str_t *segment, ngx_ess_api_target_t *target)
{
    uint64_t  number;

    if (!ngx_ess_api_id(segment, &number) || number > NGX_MAX_UINT32_VALUE) {
        return 0;
    }

    target->subscriber = (uint32_t) number;

    return 1;
}


/* There is one way to write an id. */

static ngx_uint_t
ngx_ess_api_id(ngx_str_t *segment, uint64_t *id)
{
    return segment->len && segment->data[0] != '0'
           && ngx_ess_api_number(segment, id) == NGX_OK;
}


/* 19 digits are below 2^64, and ids are in the store's signed numbers. */

static ngx_int_t
ngx_ess_api_number(ngx_str_t *text, uint64_t *number)
{
    size_t    i;
    uint64_t  n;

    if (text->len == 0 || text->len > 19) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return NGX_ERROR;
        }

        n = n * 10 + (text->data[i] - '0');
    }

    *number = n;

    return NGX_OK;
}


ngx_int_t
ngx_ess_api_page(ngx_http_request_t *r, uint64_t *limit, uint64_t *after)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK
        && (ngx_ess_api_number(&value, limit) != NGX_OK || *limit == 0))
    {
        return NGX_ERROR;
    }

    if (ngx_http_arg(r, (u_char *) "after", 5, &value) == NGX_OK) {
        return ngx_ess_api_number(&value, after);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_allow(ngx_http_request_t *r, ngx_uint_t methods)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(r->pool, sizeof("GET, HEAD, POST, DELETE, OPTIONS"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    if (methods & NGX_HTTP_GET) {
        p = ngx_cpymem(p, "GET, HEAD, ", sizeof("GET, HEAD, ") - 1);
    }

    if (methods & NGX_HTTP_POST) {
        p = ngx_cpymem(p, "POST, ", sizeof("POST, ") - 1);
    }

    if (methods & NGX_HTTP_DELETE) {
        p = ngx_cpymem(p, "DELETE, ", sizeof("DELETE, ") - 1);
    }

    p = ngx_cpymem(p, "OPTIONS", sizeof("OPTIONS") - 1);

    value.len = p - value.data;

    return ngx_ess_header_add(r, "Allow", value.data, value.len);
}


static ngx_int_t
ngx_ess_api_version(ngx_http_request_t *r, ngx_ess_api_target_t *target)
{
    static ngx_str_t  json =
        ngx_string("{\"protocol\":\"WEBSOCKET\",\"category\":\"WEBSOCKET\","
                   "\"name\":\"NGINX ESS\","
                   "\"version\":\"" NGX_ESS_VERSION "\"}");

    return ngx_ess_api_send(r, NGX_HTTP_OK, &json);
}


ngx_int_t
ngx_ess_api_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *json)
{
    return ngx_ess_api_output(r, status, &ngx_ess_api_json, json);
}


ngx_int_t
ngx_ess_api_send_header(ngx_http_request_t *r, ngx_uint_t status,
    off_t content_length)
{
    if (ngx_ess_header_add(r, "Cache-Control", "no-store", 8) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = content_length;

    if (r->headers_out.content_type.len == 0) {
        r->headers_out.content_type = ngx_ess_api_json;
        r->headers_out.content_type_len = ngx_ess_api_json.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_ess_api_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char      buf[NGX_ESS_API_DETAIL], *p, *last;
    size_t      len;
    va_list     args;
    ngx_str_t  *line, json;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + NGX_ESS_API_DETAIL, fmt, args);
    va_end(args);

    /* what was cut, or came from elsewhere, need not be UTF-8 */

    if (!ngx_ess_api_body_utf8(buf, last - buf)) {
        for (p = buf; p < last; p++) {
            if (*p >= 0x80) {
                *p = '?';
            }
        }
    }

    line = ngx_ess_api_status_line(status);

    len = sizeof("{\"type\":\"about:blank\",\"title\":\"\",\"status\":,"
                 "\"detail\":\"\"}") - 1
          + line->len + NGX_INT_T_LEN + (last - buf)
          + ngx_escape_json(NULL, buf, last - buf);

    json.data = ngx_pnalloc(r->pool, len);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(json.data, "{\"type\":\"about:blank\",\"title\":\"%*s\","
                    "\"status\":%ui,\"detail\":\"",
                    line->len - 4, line->data + 4, status);
    p = (u_char *) ngx_escape_json(p, buf, last - buf);
    *p++ = '"';
    *p++ = '}';

    json.len = p - json.data;

    r->headers_out.status_line = *line;

    return ngx_ess_api_output(r, status, &ngx_ess_api_problem_json, &json);
}


ngx_int_t
ngx_ess_api_output(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *text)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_ess_api_send_header(r, status, text ? (off_t) text->len : 0);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (text == NULL) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_str_t *
ngx_ess_api_status_line(ngx_uint_t status)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_ess_api_statuses) / sizeof(ngx_ess_api_status_t);

    for (i = 0; i < n - 1; i++) {
        if (ngx_ess_api_statuses[i].status == status) {
            break;
        }
    }

    return &ngx_ess_api_statuses[i].line;
}


ngx_int_t
ngx_ess_api_retry_after(ngx_http_request_t *r, ngx_uint_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", seconds) - value.data;

    return ngx_ess_header_add(r, "Retry-After", value.data, value.len);
}


ngx_int_t
ngx_ess_api_input(ngx_http_request_t *r, size_t max, ngx_str_t *text)
{
    off_t         len;
    size_t        size;
    ngx_chain_t  *cl;

    text->data = NULL;
    text->len = 0;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    size = (size_t) ngx_min(len, (off_t) max);

    if (size == 0) {
        return NGX_OK;
    }

    text->data = ngx_pnalloc(r->pool, size);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    for (cl = r->request_body->bufs; cl && text->len < size; cl = cl->next) {
        len = ngx_min(ngx_buf_size(cl->buf), (off_t) (size - text->len));

        if (ngx_ess_api_copy(r, cl->buf, text->data + text->len, (size_t) len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        text->len += (size_t) len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_copy(ngx_http_request_t *r, ngx_buf_t *b, u_char *p, size_t size)
{
    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);
        return NGX_OK;
    }

    if (!b->in_file || size == 0) {
        return NGX_OK;
    }

    if (ngx_read_file(b->file, p, size, b->file_pos) != (ssize_t) size) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "ess: the request body cannot be read from \"%V\"",
                      &b->file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_ess_zone_t *
ngx_ess_api_zone(ngx_http_request_t *r)
{
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    return mcf->zone;
}


ngx_int_t
ngx_ess_api_url(ngx_http_request_t *r, ngx_str_t *url)
{
    u_char              *p;
    ngx_str_t           *value;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    value = &lcf->public_url;

    p = ngx_pnalloc(r->pool, value->len + 1
                    + ngx_escape_json(NULL, value->data, value->len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    p = (u_char *) ngx_escape_json(p, value->data, value->len);

    if (value->len && value->data[value->len - 1] != '/') {
        *p++ = '/';
    }

    url->len = p - url->data;

    return NGX_OK;
}


size_t
ngx_ess_api_stream_size(ngx_str_t *url)
{
    return sizeof("\"id\":,\"location\":\"\",\"routing_key\":\"\","
                  "\"source\":\"stream\","
                  "\"subscribers\":,\"events\":,\"bytes\":,"
                  "\"first_ordinal\":null,\"last_ordinal\":null") - 1
           + 6 * NGX_INT64_LEN + url->len + NGX_ESS_UUID_TEXT
           + NGX_ESS_MAX_KEY * (sizeof("\\u001f") - 1);
}


u_char *
ngx_ess_api_stream_json(u_char *p, ngx_str_t *url,
    ngx_ess_stream_info_t *info, ngx_ess_api_stream_e what)
{
    p = ngx_sprintf(p, "\"id\":%uL,\"location\":\"%V", info->ref.id, url);
    p = ngx_ess_stream_uuid_text(p, info->uuid);
    *p++ = '"';

    if (what == NGX_ESS_API_STREAM_CREATED) {
        return p;
    }

    p = ngx_cpymem(p, ",\"routing_key\":\"",
                   sizeof(",\"routing_key\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, info->key, info->key_len);
    *p++ = '"';

    if (info->kind.source == NGX_ESS_SOURCE_STREAM) {
        p = ngx_cpymem(p, ",\"source\":\"stream\"",
                       sizeof(",\"source\":\"stream\"") - 1);
    }

    if (what == NGX_ESS_API_STREAM_LISTED) {
        return p;
    }

    p = ngx_sprintf(p, ",\"subscribers\":%uL,\"events\":%uL,\"bytes\":%uL,",
                    info->subscribers, info->events, info->bytes);

    if (info->unknown) {
        return ngx_sprintf(p, "\"first_ordinal\":null,\"last_ordinal\":null");
    }

    return ngx_sprintf(p, "\"first_ordinal\":%uL,\"last_ordinal\":%uL",
                       info->first_ordinal, info->last_ordinal);
}
