/*
 * Locations of a server, when its configuration has been read: which one nginx
 * would take, and who gets in.
 */


#ifndef _NGX_ESS_OPENAPI_LOCATION_H_INCLUDED_
#define _NGX_ESS_OPENAPI_LOCATION_H_INCLUDED_


#include "ngx_ess.h"


/* That for a path, of those without a regular expression; NULL: there is
   none. */
ngx_http_core_loc_conf_t *ngx_ess_openapi_location(
    const ngx_http_core_srv_conf_t *server, const ngx_str_t *path);

/* what a request may meet before a location serves it, as bits */
#define NGX_ESS_OPENAPI_UNAUTHORIZED  1     /* 401 */
#define NGX_ESS_OPENAPI_FORBIDDEN     2     /* 403 */
#define NGX_ESS_OPENAPI_CLOSED        4     /* it lets nobody in */


/* Of requests with that method, NGX_HTTP_GET and so on; 0: it lets everybody
   in.  "limit_except" is looked at; "internal" is not. */
ngx_uint_t ngx_ess_openapi_location_doors(ngx_conf_t *cf,
    const ngx_http_core_loc_conf_t *clcf, ngx_uint_t method);


#endif /* _NGX_ESS_OPENAPI_LOCATION_H_INCLUDED_ */
