
/*
 * Server-Sent Events as a transport: a response without end, in chunks for
 * clients of HTTP/1.1, and without for the others.  Owns nothing.  Runs in the
 * worker that has the connection; sends nothing itself but the response header
 * and what comes with it.
 */


#include "ngx_ess_accept.h"
#include "ngx_ess_header.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_sse.h"


/* ms after which a client whose connection broke comes back: some time from
   here on, so that not all come at once */
#define NGX_ESS_SSE_RETRY         1000
#define NGX_ESS_SSE_RETRY_JITTER  2000

#define NGX_ESS_SSE_HELLO_LEN     (sizeof("retry: \n") - 1 + NGX_INT_T_LEN)


typedef struct {
    unsigned                 chunked:1;     /* the response is */
} ngx_ess_sse_session_t;


static ngx_int_t ngx_ess_sse_start(ngx_http_request_t *r, void *session);
static ngx_int_t ngx_ess_sse_headers(ngx_http_request_t *r);
static ngx_int_t ngx_ess_sse_hello(ngx_http_request_t *r);
static size_t ngx_ess_sse_ping(void *session, u_char *buf);
static size_t ngx_ess_sse_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason);


const ngx_ess_transport_t  ngx_ess_sse = {
    NGX_ESS_TRANSPORT_SSE,
    sizeof(ngx_ess_sse_session_t),
    0,                                     /* answers */
    ngx_ess_sse_start,
    NULL,                                  /* done */
    NULL,                                  /* input */
    ngx_ess_sse_ping,
    NULL,                                  /* nudge */
    ngx_ess_sse_close
};


ngx_int_t
ngx_ess_sse_check(ngx_http_request_t *r)
{
    /* others are not for a WebSocket, and to be ignored: RFC 9110, 7.8 */

    return (!ngx_ess_header_lists(r, "upgrade", "websocket")
            && ngx_ess_accept_named(r, NGX_ESS_SSE_TYPE))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_ess_sse_check_body(ngx_http_request_t *r)
{
    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "request for an event stream with a body");

    return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_REQUEST,
                                  "a request for an event stream has no body");
}


ngx_uint_t
ngx_ess_sse_chunks(ngx_http_request_t *r)
{
    return r->http_version == NGX_HTTP_VERSION_11;
}


static ngx_int_t
ngx_ess_sse_start(ngx_http_request_t *r, void *session)
{
    ngx_ess_sse_session_t *s = session;

    ngx_int_t  rc;

    if (s) {
        s->chunked = ngx_ess_sse_chunks(r);
    }

    if (ngx_ess_sse_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, NGX_ESS_SSE_TYPE);
    r->headers_out.content_type_len = sizeof(NGX_ESS_SSE_TYPE) - 1;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_length_n = -1;

    /* an event stream is UTF-8 by definition */

    r->headers_out.override_charset = NULL;

    /* frames go past the filters, so nobody would find the next request */

    r->keepalive = 0;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_sse_hello(r);
}


/*
 * nginx's gzip filter asks the request, others ask whether there is an encoding
 * already.  There is: the line is on no list, and so is never sent.  What
 * pages may read it and that nobody stores it the filter of ours says.
 */

static ngx_int_t
ngx_ess_sse_headers(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    r->gzip_tested = 1;
    r->gzip_ok = 0;

    h = ngx_pcalloc(r->pool, sizeof(ngx_table_elt_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Content-Encoding");
    ngx_str_set(&h->value, "identity");
    r->headers_out.content_encoding = h;

    return ngx_ess_header_add(r, "X-Accel-Buffering", "no", 2);
}


/*
 * The first bytes make proxies pass the header on.  They end without a blank
 * line, which is that of the first event: many clients hand on what a blank
 * line ends, also when it has no data.
 */

static ngx_int_t
ngx_ess_sse_hello(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_uint_t    retry;
    ngx_chain_t   out;

    b = ngx_create_temp_buf(r->pool, NGX_ESS_SSE_HELLO_LEN);
    if (b == NULL) {
        return NGX_ERROR;
    }

    retry = NGX_ESS_SSE_RETRY
            + (ngx_uint_t) ngx_random() % NGX_ESS_SSE_RETRY_JITTER;

    b->last = ngx_sprintf(b->pos, "retry: %ui\n", retry);
    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    return (ngx_http_output_filter(r, &out) == NGX_ERROR) ? NGX_ERROR
                                                          : NGX_OK;
}


/* A comment, without a blank line, as above. */

static size_t
ngx_ess_sse_ping(void *session, u_char *buf)
{
    ngx_ess_sse_session_t *s = session;

    if (s->chunked) {
        ngx_memcpy(buf, "2" CRLF ":\n" CRLF, 7);

        return 7;
    }

    ngx_memcpy(buf, ":\n", 2);

    return 2;
}


static size_t
ngx_ess_sse_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_ess_sse_session_t *s = session;

    if (!s->chunked) {
        return 0;
    }

    ngx_memcpy(buf, "0" CRLF CRLF, 5);

    return 5;
}
