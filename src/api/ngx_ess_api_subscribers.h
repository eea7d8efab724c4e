/*
 * Clients of a stream over HTTP: listed, closed.
 */


#ifndef _NGX_ESS_API_SUBSCRIBERS_H_INCLUDED_
#define _NGX_ESS_API_SUBSCRIBERS_H_INCLUDED_


#include "ngx_ess_api_request.h"


/* route handlers; return what a content handler returns */
ngx_int_t ngx_ess_api_subscribers_list(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_subscribers_close(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);


#endif /* _NGX_ESS_API_SUBSCRIBERS_H_INCLUDED_ */
