/*
 * Pages of other origins, for each location where something can be changed.
 */


#ifndef _NGX_ESS_ORIGIN_H_INCLUDED_
#define _NGX_ESS_ORIGIN_H_INCLUDED_


#include "ngx_ess.h"


/* told to whoever sent a request that is */
#define NGX_ESS_ORIGIN_FOREIGN                                                \
    "the request comes from a web page of another origin; if that page may, " \
    "name its origin in \"ess_origin\" here"


/*
 * 1: the request would change something and comes from a web page of another
 * origin, by "Origin" or "Sec-Fetch-Site", that is not in the location's list
 * of "ess_origin"; logged.  "any" is no list.  Who sends neither header is no
 * browser.
 */
ngx_uint_t ngx_ess_origin_is_foreign(ngx_http_request_t *r);

/* 1: it is in that list. */
ngx_uint_t ngx_ess_origin_is_listed(ngx_http_request_t *r, ngx_str_t *origin);

/* 1: it is where the request went to, as far as can be seen: "Host", and TLS
   when it ends here. */
ngx_uint_t ngx_ess_origin_is_own(ngx_http_request_t *r, ngx_str_t *origin);

/* 1: a page of that origin may have what the location answers: it is in that
   list, or without one the location is ess_subscribe's. */
ngx_uint_t ngx_ess_origin_may_read(ngx_http_request_t *r, ngx_str_t *origin);

/* Logs and counts a page that may not, and returns 403 for nginx. */
ngx_int_t ngx_ess_origin_refuse(ngx_http_request_t *r, ngx_str_t *origin);


#endif /* _NGX_ESS_ORIGIN_H_INCLUDED_ */
