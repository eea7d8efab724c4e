/*
 * ess_health: may clients be sent here?
 */


#ifndef _NGX_ESS_HEALTH_H_INCLUDED_
#define _NGX_ESS_HEALTH_H_INCLUDED_


#include "ngx_ess.h"


/* The content handler. */
ngx_int_t ngx_ess_health(ngx_http_request_t *r);

/* The directive. */
char *ngx_ess_health_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_HEALTH_H_INCLUDED_ */
