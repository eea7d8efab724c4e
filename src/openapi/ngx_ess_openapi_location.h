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

/* 1: not everybody gets in: it is internal, has a rule that denies, or asks
   for a password, a token, or a service. */
ngx_uint_t ngx_ess_openapi_location_guarded(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);


#endif /* _NGX_ESS_OPENAPI_LOCATION_H_INCLUDED_ */
