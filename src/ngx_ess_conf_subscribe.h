/*
 * The directives of those who subscribe: what each takes, and the setters of
 * those that take more than parameters.
 */


#ifndef _NGX_ESS_CONF_SUBSCRIBE_H_INCLUDED_
#define _NGX_ESS_CONF_SUBSCRIBE_H_INCLUDED_


#include "ngx_ess_conf.h"


extern ngx_ess_param_directive_t  ngx_ess_conf_subscribe_deflate;
extern ngx_ess_param_directive_t  ngx_ess_conf_subscribe_slow;
extern ngx_ess_param_directive_t  ngx_ess_conf_subscribe_rate;
extern ngx_ess_param_directive_t  ngx_ess_conf_subscribe_clients;
extern ngx_ess_param_directive_t  ngx_ess_conf_subscribe_max;


/* When all is read: do locations that let clients name streams say who may?
   NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_conf_subscribe_check(ngx_conf_t *cf);

char *ngx_ess_conf_subscribe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_ess_conf_subscribe_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_ESS_CONF_SUBSCRIBE_H_INCLUDED_ */
