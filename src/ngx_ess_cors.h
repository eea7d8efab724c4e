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

/* Adds to a response, whatever its status, what lets the page read it that may;
   takes away what others said of that.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_cors_headers(ngx_http_request_t *r);


#endif /* _NGX_ESS_CORS_H_INCLUDED_ */
