
/*
 * The last word on each response of a location of ours, and on what ess_jwt
 * refuses elsewhere: what nginx itself would say of a refusal in HTML becomes
 * problem details, nobody stores an answer, and it says which pages may read
 * it.  It runs right after nginx's own filter of "add_header" and "expires",
 * and before nginx's own gzip, and brotli.  A filter of another module runs
 * earlier, unless that module names a place.  Runs in workers; all memory is
 * the request's.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_cors.h"
#include "ngx_ess_header.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_ess_filter_header(ngx_http_request_t *r);
static ngx_uint_t ngx_ess_filter_is_special(ngx_http_request_t *r);
static ngx_int_t ngx_ess_filter_problem(ngx_http_request_t *r,
    ngx_ess_problem_t *problem);
static ngx_int_t ngx_ess_filter_send(ngx_http_request_t *r);
static ngx_int_t ngx_ess_filter_body(ngx_http_request_t *r, ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_ess_filter_next_header;
static ngx_http_output_body_filter_pt    ngx_ess_filter_next_body;


static ngx_http_module_t  ngx_ess_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_ess_filter_init,                   /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_ess_filter_module = {
    NGX_MODULE_V1,
    &ngx_ess_filter_module_ctx,            /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* Without a location of ours, and without ess_jwt, no response is looked at. */

static ngx_int_t
ngx_ess_filter_init(ngx_conf_t *cf)
{
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (!mcf->refuses) {
        return NGX_OK;
    }

    ngx_ess_filter_next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_ess_filter_header;

    ngx_ess_filter_next_body = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_ess_filter_body;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_filter_header(ngx_http_request_t *r)
{
    ngx_ess_problem_t   *problem;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    problem = ngx_http_get_module_ctx(r, ngx_ess_filter_module);

    if (problem && problem->status != r->err_status) {
        /* "satisfy any" let it in after all */
        problem = NULL;
    }

    if ((lcf->serves == NULL && problem == NULL) || r != r->main
        || r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        return ngx_ess_filter_next_header(r);
    }

    if (ngx_ess_filter_is_special(r)
        && ngx_ess_filter_problem(r, problem) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_header_drop(r, "Cache-Control");
    ngx_ess_header_drop(r, "Expires");

    if (ngx_ess_header_add(r, "Cache-Control", "no-store", 8) != NGX_OK
        || (lcf->serves && ngx_ess_cors_headers(r) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_ess_filter_send(r);
}


/* Is it what nginx says of a status by itself: in HTML, or with no word? */

static ngx_uint_t
ngx_ess_filter_is_special(ngx_http_request_t *r)
{
    return r->err_status >= NGX_HTTP_BAD_REQUEST
           && (r->headers_out.content_type.len == 0
               || ngx_ess_str_is(&r->headers_out.content_type, "text/html"));
}


static ngx_int_t
ngx_ess_filter_problem(ngx_http_request_t *r, ngx_ess_problem_t *problem)
{
    if (problem == NULL) {
        problem = ngx_ess_problem_default(r, r->err_status);
        if (problem == NULL) {
            return NGX_ERROR;
        }
    }

    problem->pending = 1;

    if ((r->err_status == NGX_HTTP_SERVICE_UNAVAILABLE
         || r->err_status == NGX_HTTP_TOO_MANY_REQUESTS)
        && ngx_ess_header_default(r, "Retry-After", "1", 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status_line = *ngx_ess_problem_line(r->err_status);

    if (ngx_ess_problem_is_plain(r)) {
        ngx_str_set(&r->headers_out.content_type, NGX_ESS_PROBLEM_PLAIN);

    } else {
        ngx_str_set(&r->headers_out.content_type, NGX_ESS_PROBLEM_TYPE);
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = problem->json.len;

    /* a filter before this one may have meant to compress what goes */

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    return NGX_OK;
}


/*
 * A 426 says which protocol, and in which version: HTTP/2 and later ones
 * forbid header fields that are about the connection.
 *
 * nginx has no way to say "Connection: upgrade" but with the status of a
 * switch, which the filters behind this one have no other use for; the status
 * line, and what is logged, say what it is.
 */

static ngx_int_t
ngx_ess_filter_send(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_uint_t  status;

    status = r->headers_out.status;

    if (status != NGX_ESS_PROBLEM_UPGRADE
        || r->headers_out.status_line.len == 0)
    {
        return ngx_ess_filter_next_header(r);
    }

    if (ngx_ess_header_add(r, "Sec-WebSocket-Version", "13", 2) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return ngx_ess_filter_next_header(r);
    }

    if (ngx_ess_header_add(r, "Upgrade", "websocket", 9) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;

    rc = ngx_ess_filter_next_header(r);

    r->headers_out.status = status;

    /* a filter has cleared it, and none makes chunks of a switch's body: the
       end is the connection's */

    if (r->headers_out.content_length_n == -1) {
        r->keepalive = 0;
    }

    return rc;
}


static ngx_int_t
ngx_ess_filter_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t          *b;
    ngx_uint_t          last;
    ngx_chain_t         out;
    ngx_ess_problem_t  *problem;

    problem = ngx_http_get_module_ctx(r, ngx_ess_filter_module);

    if (problem == NULL || !problem->pending || in == NULL) {
        return ngx_ess_filter_next_body(r, in);
    }

    last = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;
        b->pos = b->last;
        b->file_pos = b->file_last;
        last |= b->last_buf;
    }

    if (!last) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    problem->pending = 0;

    b->memory = 1;
    b->pos = problem->json.data;
    b->last = problem->json.data + problem->json.len;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_ess_filter_next_body(r, &out);
}
