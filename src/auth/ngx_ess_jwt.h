/*
 * ess_jwt: tokens at the door of a location, beside whatever else nginx has
 * for its access phase.  A module of its own in the same file, for it has a
 * context of its own in each request.
 */


#ifndef _NGX_ESS_JWT_H_INCLUDED_
#define _NGX_ESS_JWT_H_INCLUDED_


#include "ngx_ess.h"


extern ngx_module_t  ngx_ess_jwt_module;


/* The subprotocol that a browser's WebSocket offers before its token. */
#define NGX_ESS_JWT_PROTOCOL  "ess.jwt"


/* 1 when the request offers it, and ess_jwt looks there. */
ngx_uint_t ngx_ess_jwt_offered(ngx_http_request_t *r);

/* When the token that let the request in ends, s since 1970; 0: never, or it
   was let in without one. */
time_t ngx_ess_jwt_expires(ngx_http_request_t *r);

/* May it read the stream?  NGX_OK; NGX_DECLINED: the token's claim does not
   list it. */
ngx_int_t ngx_ess_jwt_allows(ngx_http_request_t *r, ngx_str_t *uuid);


#endif /* _NGX_ESS_JWT_H_INCLUDED_ */
