
/*
 * What clients are sent of an event: "ess_body" and "ess_annotate", and the
 * encodings that a location has by them.
 */


#ifndef _NGX_ESS_CONF_BODY_H_INCLUDED_
#define _NGX_ESS_CONF_BODY_H_INCLUDED_


#include "ngx_ess_conf.h"


/* Of a location that is created. */
void ngx_ess_conf_body_create(ngx_ess_loc_conf_t *lcf);

/*
 * Inherits, and chooses the location's encodings: the bodies as they are for
 * an operator ("plain").  NGX_CONF_OK; NGX_CONF_ERROR: they contradict each
 * other, which is logged.
 */
char *ngx_ess_conf_body_merge(ngx_conf_t *cf, ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf, ngx_uint_t plain);

/* directive setter */
char *ngx_ess_conf_body(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* the directive that has parameters only */
extern ngx_ess_param_directive_t  ngx_ess_conf_body_annotate;


#endif /* _NGX_ESS_CONF_BODY_H_INCLUDED_ */
