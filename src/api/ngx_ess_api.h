/*
 * The internal HTTP API: routes, bodies, errors.
 */


#ifndef _NGX_ESS_API_H_INCLUDED_
#define _NGX_ESS_API_H_INCLUDED_


#include "ngx_ess_zone.h"


/* The content handler of ess_api. */
ngx_int_t ngx_ess_api_handler(ngx_http_request_t *r);

/* The same for what is at the path, which is relative to the API. */
ngx_int_t ngx_ess_api_serve(ngx_http_request_t *r, ngx_str_t *path);

/* What follows the location's prefix, without a slash at either end.  NGX_OK;
   NGX_DECLINED: the path was rewritten to one outside of it. */
ngx_int_t ngx_ess_api_path(ngx_http_request_t *r, ngx_str_t *path);


#endif /* _NGX_ESS_API_H_INCLUDED_ */
