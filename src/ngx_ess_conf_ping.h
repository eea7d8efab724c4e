
/*
 * "ess_ping": when clients are pinged, and with what.
 */


#ifndef _NGX_ESS_CONF_PING_H_INCLUDED_
#define _NGX_ESS_CONF_PING_H_INCLUDED_


#include "ngx_ess_conf.h"


/* Of a location that is created, and one that inherits. */
void ngx_ess_conf_ping_create(ngx_ess_loc_conf_t *lcf);
void ngx_ess_conf_ping_merge(ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf);

/* directive setter */
char *ngx_ess_conf_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_CONF_PING_H_INCLUDED_ */
