/*
 * The directives of clients with several subscriptions.
 */


#ifndef _NGX_ESS_CONF_MULTI_H_INCLUDED_
#define _NGX_ESS_CONF_MULTI_H_INCLUDED_


#include "ngx_ess_conf.h"


/* ess_max_subscriptions */
extern ngx_ess_param_directive_t  ngx_ess_conf_multi_max;


/* Their fields of a location's configuration. */
void ngx_ess_conf_multi_create(ngx_ess_loc_conf_t *lcf);
void ngx_ess_conf_multi_merge(ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf);


#endif /* _NGX_ESS_CONF_MULTI_H_INCLUDED_ */
