/*
 * Pages of other origins, for each location where something can be changed.
 */


#ifndef _NGX_ESS_ORIGIN_H_INCLUDED_
#define _NGX_ESS_ORIGIN_H_INCLUDED_


#include "ngx_ess.h"


/*
 * 1: the request would change something and comes from a web page of another
 * origin, by "Origin" or "Sec-Fetch-Site", that is not in the location's list
 * of "ess_origin"; logged.  "any" is no list.  Who sends neither header is no
 * browser.
 */
ngx_uint_t ngx_ess_origin_is_foreign(ngx_http_request_t *r);

/* 1: it is in that list. */
ngx_uint_t ngx_ess_origin_is_listed(ngx_http_request_t *r, ngx_str_t *origin);


#endif /* _NGX_ESS_ORIGIN_H_INCLUDED_ */
