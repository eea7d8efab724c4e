/*
 * "ess_authorize": whom to ask who may subscribe.
 */


#ifndef _NGX_ESS_CONF_AUTHORIZE_H_INCLUDED_
#define _NGX_ESS_CONF_AUTHORIZE_H_INCLUDED_


#include "ngx_ess_conf.h"


/* Of a location that is created, and one that inherits.  NGX_CONF_OK, or
   NGX_CONF_ERROR: no memory. */
void ngx_ess_conf_authorize_create(ngx_ess_loc_conf_t *lcf);
char *ngx_ess_conf_authorize_merge(ngx_conf_t *cf, ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf, ngx_uint_t subscribes);

/* The directive, and its setter. */
extern ngx_ess_param_directive_t  ngx_ess_conf_authorize_directive;
char *ngx_ess_conf_authorize(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_CONF_AUTHORIZE_H_INCLUDED_ */
