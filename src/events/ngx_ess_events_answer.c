
/*
 * Answers of ess_events, in a worker.  Their texts are those of the services
 * whose clients come here, to the byte.  All memory is the request's.
 */


#include "ngx_ess_body.h"
#include "ngx_ess_events_answer.h"
#include "ngx_ess_header.h"
#include "ngx_ess_json.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_utf8.h"


/* bytes of a text at most, but for an id in it */
#define NGX_ESS_EVENTS_ANSWER_TEXT  256


static ngx_str_t  ngx_ess_events_answer_json =
    ngx_string(NGX_ESS_PROBLEM_PLAIN);


ngx_int_t
ngx_ess_events_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json)
{
    r->headers_out.status_line = *ngx_ess_problem_line(status);

    return ngx_ess_body_answer(r, status, &ngx_ess_events_answer_json, json);
}


ngx_int_t
ngx_ess_events_answer_detail(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text, const char *head)
{
    size_t      i, len;
    u_char     *p;
    ngx_str_t   start, all, json;

    len = ngx_strlen(head) + (text ? text->len : 0);

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    all.data = p;
    all.len = len;

    p = ngx_cpymem(p, head, ngx_strlen(head));

    if (text) {
        ngx_memcpy(p, text->data, text->len);
    }

    if (!ngx_ess_utf8_valid(all.data, len)) {
        for (i = 0; i < len; i++) {
            if (all.data[i] >= 0x80) {
                all.data[i] = '?';
            }
        }
    }

    ngx_str_set(&start, "{\"detail\":\"");

    if (ngx_ess_json_text(r->pool, &start, &all, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_events_answer(r, status, &json);
}


ngx_int_t
ngx_ess_events_answer_wrong(ngx_http_request_t *r, const char *fmt, ...)
{
    u_char     *p;
    va_list     args;
    ngx_str_t   json;

    json.data = ngx_pnalloc(r->pool, NGX_ESS_EVENTS_ANSWER_TEXT
                                     + sizeof("{\"detail\":[\"\"]}"));
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(json.data, "{\"detail\":[\"", 12);

    va_start(args, fmt);
    p = ngx_vslprintf(p, p + NGX_ESS_EVENTS_ANSWER_TEXT, fmt, args);
    va_end(args);

    p = ngx_cpymem(p, "\"]}", 3);

    json.len = p - json.data;

    return ngx_ess_events_answer(r, NGX_HTTP_BAD_REQUEST, &json);
}


ngx_int_t
ngx_ess_events_answer_args(ngx_http_request_t *r,
    const ngx_ess_events_args_t *args)
{
    u_char      *p;
    ngx_str_t    json;
    ngx_uint_t   i;
    const char  *wrong;

    /* each text is static, and short */

    json.data = ngx_pnalloc(r->pool, NGX_ESS_EVENTS_ARGS_N * 256);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(json.data, "{\"detail\":[", 11);

    for (i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        wrong = args->values[i].wrong;

        if (wrong) {
            p = ngx_sprintf(p, "%s\"%s found in ('query', '%V')\"",
                            (p[-1] == '[') ? "" : ",", wrong,
                            &ngx_ess_events_args_names[i]);
        }
    }

    p = ngx_cpymem(p, "]}", 2);

    json.len = p - json.data;

    return ngx_ess_events_answer(r, NGX_HTTP_BAD_REQUEST, &json);
}


ngx_int_t
ngx_ess_events_answer_retry(ngx_http_request_t *r, const char *text)
{
    if (ngx_ess_header_add(r, "Retry-After", "1", 1) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_events_answer_detail(r, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                        text);
}


ngx_int_t
ngx_ess_events_answer_rc(ngx_http_request_t *r, ngx_int_t rc)
{
    return (rc == NGX_ERROR && !r->header_sent)
           ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


ngx_int_t
ngx_ess_events_answer_allow(ngx_http_request_t *r, ngx_uint_t collection)
{
    return collection
           ? ngx_ess_header_add(r, "Allow", "GET, HEAD, POST, OPTIONS",
                                sizeof("GET, HEAD, POST, OPTIONS") - 1)
           : ngx_ess_header_add(r, "Allow", "GET, HEAD, OPTIONS",
                                sizeof("GET, HEAD, OPTIONS") - 1);
}
