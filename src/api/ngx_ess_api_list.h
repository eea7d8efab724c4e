/*
 * All streams over HTTP, page by page.
 */


#ifndef _NGX_ESS_API_LIST_H_INCLUDED_
#define _NGX_ESS_API_LIST_H_INCLUDED_


#include "ngx_ess_api_request.h"


/* route handler; returns what a content handler returns */
ngx_int_t ngx_ess_api_list(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);


#endif /* _NGX_ESS_API_LIST_H_INCLUDED_ */
