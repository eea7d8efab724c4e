/*
 * What a browser is told about pages of other origins (CORS, of the Fetch
 * standard).  Which those are ngx_ess_origin.h says.
 */


#ifndef _NGX_ESS_CORS_H_INCLUDED_
#define _NGX_ESS_CORS_H_INCLUDED_


#include "ngx_ess.h"


/* A phase's handler, before any access rule: answers a preflight for a location
   of ours, and leaves all else alone. */
ngx_int_t ngx_ess_cors_preflight(ngx_http_request_t *r);

/* When the origin may read it, a response of any status says so; this replaces
   what other modules said.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_cors_headers(ngx_http_request_t *r);


#endif /* _NGX_ESS_CORS_H_INCLUDED_ */
