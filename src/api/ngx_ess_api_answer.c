/*
 * Answers of the HTTP API, in a worker: JSON, and what is wrong as RFC 9457
 * says it.  All memory is the request's.
 */


#include "ngx_ess_body.h"
#include "ngx_ess_header.h"
#include "ngx_ess_api_answer.h"
#include "ngx_ess_json.h"
#include "ngx_ess_problem.h"


static ngx_int_t ngx_ess_api_allow(ngx_http_request_t *r, ngx_uint_t methods);


static ngx_str_t  ngx_ess_api_json = ngx_string("application/json");
static ngx_str_t  ngx_ess_api_problem_json = ngx_string(NGX_ESS_PROBLEM_TYPE);


ngx_int_t
ngx_ess_api_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *json)
{
    return ngx_ess_api_output(r, status, &ngx_ess_api_json, json);
}


ngx_int_t
ngx_ess_api_output(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *text)
{
    return ngx_ess_body_answer(r, status, type, text);
}


ngx_int_t
ngx_ess_api_send_header(ngx_http_request_t *r, ngx_uint_t status,
    off_t content_length)
{
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
    va_list    args;
    ngx_int_t  rc;
    ngx_str_t  json;

    va_start(args, fmt);
    rc = ngx_ess_problem_json(r, status, fmt, args, &json);
    va_end(args);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status_line = *ngx_ess_problem_line(status);

    return ngx_ess_api_output(r, status, &ngx_ess_api_problem_json, &json);
}


ngx_int_t
ngx_ess_api_send_text(ngx_http_request_t *r, ngx_str_t *head, ngx_str_t *text)
{
    ngx_str_t  json;

    if (ngx_ess_json_text(r->pool, head, text, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_api_send(r, NGX_HTTP_OK, &json);
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
