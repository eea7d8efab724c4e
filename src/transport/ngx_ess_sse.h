/*
 * Server-Sent Events (WHATWG HTML, 9.2) as a transport.
 */


#ifndef _NGX_ESS_SSE_H_INCLUDED_
#define _NGX_ESS_SSE_H_INCLUDED_


#include "ngx_ess_transport.h"


#define NGX_ESS_SSE_TYPE  "text/event-stream"


extern const ngx_ess_transport_t  ngx_ess_sse;


/*
 * Does this request, which is no upgrade, accept text/event-stream?
 * NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_ess_sse_check(ngx_http_request_t *r);

/* NGX_OK, or the status to answer with: it has a body, behind which nobody
   would look for what its client sends. */
ngx_int_t ngx_ess_sse_check_body(ngx_http_request_t *r);

/* 1: the response is in chunks, and so must be what goes past nginx's
   filters. */
ngx_uint_t ngx_ess_sse_chunks(ngx_http_request_t *r);


#endif /* _NGX_ESS_SSE_H_INCLUDED_ */
