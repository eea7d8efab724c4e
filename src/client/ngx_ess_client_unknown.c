
/*
 * A WebSocket that is accepted to be closed, for want of a stream.  All is the
 * request's, which nginx ends, and whose connection it closes when the peer
 * has done so, or in lingering_timeout.  Runs in workers.
 */


#include "ngx_ess_client_unknown.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_ws.h"


static ngx_int_t ngx_ess_client_unknown_close(ngx_http_request_t *r,
    ngx_uint_t code);


ngx_int_t
ngx_ess_client_unknown(ngx_http_request_t *r, ngx_uint_t code)
{
    ngx_int_t  rc;

    if (code == 0 || ngx_ess_sse_check(r) == NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_ess_ws_check(r);

    return (rc == NGX_OK) ? ngx_ess_client_unknown_close(r, code) : rc;
}


static ngx_int_t
ngx_ess_client_unknown_close(ngx_http_request_t *r, ngx_uint_t code)
{
    void         *session;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static ngx_str_t  reason = ngx_string("Unknown stream");

    session = ngx_pcalloc(r->pool, ngx_ess_ws.session_size);
    if (session == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, NGX_ESS_TRANSPORT_MAX_CONTROL);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_ess_ws.start(r, session) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the peer answers; a reset for that might overtake our close */

    r->lingering_close = 1;

    b->last += ngx_ess_ws.close(session, b->pos, code, &reason);
    b->last_buf = 1;
    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
