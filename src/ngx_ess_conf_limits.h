/*
 * What streams keep, and how many of them are made on demand: ess_log,
 * ess_created, and the parameter create= of those who make them.
 */


#ifndef _NGX_ESS_CONF_LIMITS_H_INCLUDED_
#define _NGX_ESS_CONF_LIMITS_H_INCLUDED_


#include "ngx_ess_conf.h"


/* The setter of "create=", in a location; and its "expected". */
const char *ngx_ess_conf_create(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);

#define NGX_ESS_CONF_CREATE  "\"create=exchange\" or \"create=stream\""

/* After all directives: what is to be made has a source. */
ngx_int_t ngx_ess_conf_create_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);


/* the directives that have parameters only */
extern ngx_ess_param_directive_t  ngx_ess_conf_log;
extern ngx_ess_param_directive_t  ngx_ess_conf_created;


#endif /* _NGX_ESS_CONF_LIMITS_H_INCLUDED_ */
