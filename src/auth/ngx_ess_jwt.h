/*
 * ess_jwt: tokens at the door of a location, beside whatever else nginx has
 * for its access phase.  A module of its own in the same file, for it has a
 * context of its own in each request.
 */


#ifndef _NGX_ESS_JWT_H_INCLUDED_
#define _NGX_ESS_JWT_H_INCLUDED_


#include "ngx_ess_jwt_grant.h"


extern ngx_module_t  ngx_ess_jwt_module;


/* The subprotocol that a browser's WebSocket offers before its token. */
#define NGX_ESS_JWT_PROTOCOL  "ess.jwt"


/* 1 when the request offers it, and ess_jwt looks there. */
ngx_uint_t ngx_ess_jwt_offered(ngx_http_request_t *r);

/* 1: a request to the location of that configuration needs a token. */
ngx_uint_t ngx_ess_jwt_guards(void **loc_conf);

/* In the location that is merged grants keep what their tokens claim. */
void ngx_ess_jwt_keep(ngx_conf_t *cf);

/* When the token that let the request in ends, s since 1970; 0: never, or it
   was let in without one. */
time_t ngx_ess_jwt_expires(ngx_http_request_t *r);

/* What the token lets the request's client have, to be released by the caller.
   NGX_OK: *grant is NULL when it was let in without one; NGX_ERROR: no
   memory. */
ngx_int_t ngx_ess_jwt_grant(ngx_http_request_t *r,
    ngx_ess_jwt_grant_t **grant);


#endif /* _NGX_ESS_JWT_H_INCLUDED_ */
