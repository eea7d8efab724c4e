/*
 * What a location serves.
 */


#ifndef _NGX_ESS_CONF_SERVE_H_INCLUDED_
#define _NGX_ESS_CONF_SERVE_H_INCLUDED_


#include "ngx_ess_conf.h"


/* The location serves what the directive says, and nothing else: for its
   setter, which returns what this returns. */
char *ngx_ess_conf_serve(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_http_handler_pt handler);

/* The same for what has paths below the location's prefix. */
char *ngx_ess_conf_serve_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_http_handler_pt handler);


#endif /* _NGX_ESS_CONF_SERVE_H_INCLUDED_ */
