/*
 * Answers of the HTTP API, in a worker: JSON, and what is wrong as RFC 9457
 * says it.  All memory is the request's.
 */


#include "ngx_ess_header.h"
#include "ngx_ess_api_answer.h"
#include "ngx_ess_utf8.h"


/* bytes at most */
#define NGX_ESS_API_DETAIL  1024
#define NGX_ESS_API_HEAD    256             /* of a problem, with its title */


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                line;          /* status line; 4 on: the title */
} ngx_ess_api_status_t;


static ngx_str_t *ngx_ess_api_status_line(ngx_uint_t status);
static ngx_int_t ngx_ess_api_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *head, ngx_str_t *text);
static ngx_int_t ngx_ess_api_allow(ngx_http_request_t *r, ngx_uint_t methods);


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
ngx_ess_api_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *json)
{
    return ngx_ess_api_output(r, status, &ngx_ess_api_json, json);
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
    u_char      buf[NGX_ESS_API_DETAIL], start[NGX_ESS_API_HEAD], *p, *last;
    va_list     args;
    ngx_str_t  *line, head, text;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + NGX_ESS_API_DETAIL, fmt, args);
    va_end(args);

    /* what was cut, or came from elsewhere, need not be UTF-8 */

    if (!ngx_ess_utf8_valid(buf, last - buf)) {
        for (p = buf; p < last; p++) {
            if (*p >= 0x80) {
                *p = '?';
            }
        }
    }

    line = ngx_ess_api_status_line(status);

    r->headers_out.status_line = *line;

    head.data = start;
    head.len = ngx_sprintf(start, "{\"type\":\"about:blank\","
                           "\"title\":\"%*s\",\"status\":%ui,\"detail\":\"",
                           line->len - 4, line->data + 4, status)
               - start;

    text.data = buf;
    text.len = last - buf;

    return ngx_ess_api_answer(r, status, &ngx_ess_api_problem_json, &head,
                              &text);
}


ngx_int_t
ngx_ess_api_send_text(ngx_http_request_t *r, ngx_str_t *head, ngx_str_t *text)
{
    return ngx_ess_api_answer(r, NGX_HTTP_OK, &ngx_ess_api_json, head, text);
}


static ngx_int_t
ngx_ess_api_answer(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *head, ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t   json;

    json.data = ngx_pnalloc(r->pool, head->len + text->len
                            + ngx_escape_json(NULL, text->data, text->len)
                            + sizeof("\"}"));
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(json.data, head->data, head->len);
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p++ = '"';
    *p++ = '}';

    json.len = p - json.data;

    return ngx_ess_api_output(r, status, type, &json);
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
ngx_ess_api_retry_after(ngx_http_request_t *r)
{
    return ngx_ess_header_add(r, "Retry-After", "1", 1);
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
