/*
 * WebSocket (RFC 6455) as a transport.
 */


#ifndef _NGX_ESS_WS_H_INCLUDED_
#define _NGX_ESS_WS_H_INCLUDED_


#include "ngx_ess_transport.h"


extern const ngx_ess_transport_t  ngx_ess_ws;


/* the subprotocol of many streams over one connection */
#define NGX_ESS_WS_V1  "ess.v1"


/* In a worker: 1: permessage-deflate is on. */
void ngx_ess_ws_init(ngx_uint_t deflate);

/*
 * Is this request one for WebSocket, and well-formed?  NGX_OK, or the HTTP
 * status to answer with (headers for it set on r).
 */
ngx_int_t ngx_ess_ws_check(ngx_http_request_t *r);

/* 1 when the request offers permessage-deflate in a way that can be accepted,
   and it is on. */
ngx_uint_t ngx_ess_ws_deflates(ngx_http_request_t *r);

/* 1 when the request offers the subprotocol "ess.v1", which is chosen then,
   whatever else it offers. */
ngx_uint_t ngx_ess_ws_speaks_v1(ngx_http_request_t *r);

/* NGX_OK when it does, or the HTTP status to answer with. */
ngx_int_t ngx_ess_ws_check_v1(ngx_http_request_t *r);


#endif /* _NGX_ESS_WS_H_INCLUDED_ */
