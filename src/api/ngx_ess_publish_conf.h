/*
 * The directive ess_publish.
 */


#ifndef _NGX_ESS_PUBLISH_CONF_H_INCLUDED_
#define _NGX_ESS_PUBLISH_CONF_H_INCLUDED_


#include "ngx_ess.h"


char *ngx_ess_publish_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_PUBLISH_CONF_H_INCLUDED_ */
