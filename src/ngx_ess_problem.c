
/*
 * Problem details: the sentences, and the JSON around them.  Runs in workers;
 * all memory is the request's.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_json.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_utf8.h"


/* bytes at most */
#define NGX_ESS_PROBLEM_DETAIL  1024
#define NGX_ESS_PROBLEM_HEAD    256         /* up to the detail */


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                line;          /* status line; 4 on: the title */
    const char              *detail;        /* when nobody has a better one */
} ngx_ess_problem_status_t;


static ngx_int_t ngx_ess_problem_keep(ngx_http_request_t *r,
    ngx_uint_t status, const char *fmt, va_list args);
static u_char *ngx_ess_problem_head(ngx_http_request_t *r, ngx_uint_t status,
    u_char *p);
static ngx_ess_problem_status_t *ngx_ess_problem_status(ngx_uint_t status);


/* what nginx, its modules and this one refuse with */

static ngx_ess_problem_status_t  ngx_ess_problem_statuses[] = {

    { 400, ngx_string("400 Bad Request"),
      "the request is malformed" },

    { 401, ngx_string("401 Unauthorized"),
      "the request needs credentials, of the kind that \"WWW-Authenticate\" "
      "names, or other ones than it has" },

    { 403, ngx_string("403 Forbidden"),
      "the server's access rules do not let this request in" },

    { 404, ngx_string("404 Not Found"),
      "there is nothing at this address" },

    { 405, ngx_string("405 Method Not Allowed"),
      "this address does not take the request's method" },

    { 406, ngx_string("406 Not Acceptable"),
      "there is nothing here of a type that the request accepts" },

    { 408, ngx_string("408 Request Timeout"),
      "the request did not come in time" },

    { 409, ngx_string("409 Conflict"),
      "the request does not fit what is there" },

    { 411, ngx_string("411 Length Required"),
      "the request needs a \"Content-Length\"" },

    { 412, ngx_string("412 Precondition Failed"),
      "a condition of the request does not hold: send it without \"If-Match\" "
      "and \"If-Unmodified-Since\"" },

    { 413, ngx_string("413 Content Too Large"),
      "the body is larger than the server's \"client_max_body_size\" allows "
      "here" },

    { 414, ngx_string("414 URI Too Long"),
      "the address is too long" },

    { 415, ngx_string("415 Unsupported Media Type"),
      "the body is of a type that is not taken here" },

    { 416, ngx_string("416 Range Not Satisfiable"),
      "there are no ranges of this: send the request without \"Range\"" },

    { 421, ngx_string("421 Misdirected Request"),
      "the connection was made to another host name: make a new one" },

    { 422, ngx_string("422 Unprocessable Content"),
      "the request cannot be carried out" },

    { 426, ngx_string("426 Upgrade Required"),
      "the request has to be one for a WebSocket" },

    { 429, ngx_string("429 Too Many Requests"),
      "the server's limits let fewer requests in: try again later" },

    { 500, ngx_string("500 Internal Server Error"),
      "the server failed; its error log says why" },

    { 501, ngx_string("501 Not Implemented"),
      "the server cannot read such a request" },

    { 502, ngx_string("502 Bad Gateway"),
      "the server behind this one answered nothing that can be passed on" },

    { 503, ngx_string("503 Service Unavailable"),
      "the server's limits let fewer requests in, or it has no room: try again "
      "a little later" },

    { 504, ngx_string("504 Gateway Timeout"),
      "the server behind this one did not answer in time" },

    { 507, ngx_string("507 Insufficient Storage"),
      "the server has no room for this" },

    { 0, ngx_null_string,
      "the server refused the request" }
};


ngx_int_t
ngx_ess_problem_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    va_list    args;
    ngx_int_t  rc;

    va_start(args, fmt);
    rc = ngx_ess_problem_keep(r, status, fmt, args);
    va_end(args);

    return rc;
}


ngx_int_t
ngx_ess_problem_retry(ngx_http_request_t *r, const char *fmt, ...)
{
    va_list    args;
    ngx_int_t  rc;

    if (ngx_ess_header_add(r, "Retry-After", "1", 1) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    va_start(args, fmt);
    rc = ngx_ess_problem_keep(r, NGX_HTTP_SERVICE_UNAVAILABLE, fmt, args);
    va_end(args);

    return rc;
}


static ngx_int_t
ngx_ess_problem_keep(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, va_list args)
{
    ngx_ess_problem_t  *problem;

    problem = ngx_pcalloc(r->pool, sizeof(ngx_ess_problem_t));

    if (problem == NULL
        || ngx_ess_problem_json(r, status, fmt, args, &problem->json)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    problem->status = status;
    ngx_http_set_ctx(r, problem, ngx_ess_filter_module);

    return status;
}


ngx_int_t
ngx_ess_problem_json(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, va_list args, ngx_str_t *json)
{
    u_char      buf[NGX_ESS_PROBLEM_DETAIL], start[NGX_ESS_PROBLEM_HEAD];
    u_char     *p, *last;
    ngx_str_t   head, text;

    last = ngx_vslprintf(buf, buf + NGX_ESS_PROBLEM_DETAIL, fmt, args);

    /* what was cut, or came from elsewhere, need not be UTF-8 */

    if (!ngx_ess_utf8_valid(buf, last - buf)) {
        for (p = buf; p < last; p++) {
            if (*p >= 0x80) {
                *p = '?';
            }
        }
    }

    head.data = start;
    head.len = ngx_ess_problem_head(r, status, start) - start;
    text.data = buf;
    text.len = last - buf;

    return ngx_ess_json_text(r->pool, &head, &text, json);
}


/* Up to the detail. */

static u_char *
ngx_ess_problem_head(ngx_http_request_t *r, ngx_uint_t status, u_char *p)
{
    ngx_str_t  *line;

    if (ngx_ess_problem_is_plain(r)) {
        return ngx_sprintf(p, "{\"detail\":\"");
    }

    line = ngx_ess_problem_line(status);

    p = ngx_sprintf(p, "{\"type\":\"about:blank\",");

    if (line->len) {
        p = ngx_sprintf(p, "\"title\":\"%*s\",", line->len - 4,
                        line->data + 4);
    }

    return ngx_sprintf(p, "\"status\":%ui,\"detail\":\"", status);
}


ngx_uint_t
ngx_ess_problem_is_plain(ngx_http_request_t *r)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    return lcf->serves && lcf->serves->plain;
}


ngx_ess_problem_t *
ngx_ess_problem_default(ngx_http_request_t *r, ngx_uint_t status)
{
    if (ngx_ess_problem_refuse(r, status, "%s",
                               ngx_ess_problem_status(status)->detail)
        != (ngx_int_t) status)
    {
        return NULL;
    }

    return ngx_http_get_module_ctx(r, ngx_ess_filter_module);
}


ngx_str_t *
ngx_ess_problem_line(ngx_uint_t status)
{
    return &ngx_ess_problem_status(status)->line;
}


static ngx_ess_problem_status_t *
ngx_ess_problem_status(ngx_uint_t status)
{
    ngx_ess_problem_status_t  *row;

    for (row = ngx_ess_problem_statuses; row->status; row++) {
        if (row->status == status) {
            break;
        }
    }

    return row;
}
