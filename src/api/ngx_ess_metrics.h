/*
 * ess_metrics: one walk over the counters, as Prometheus text or JSON.
 */


#ifndef _NGX_ESS_METRICS_H_INCLUDED_
#define _NGX_ESS_METRICS_H_INCLUDED_


#include "ngx_ess_param.h"


/* The content handler. */
ngx_int_t ngx_ess_metrics_handler(ngx_http_request_t *r);

/* The directive, and its setter. */
extern ngx_ess_param_directive_t  ngx_ess_metrics_directive;
char *ngx_ess_metrics_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_ESS_METRICS_H_INCLUDED_ */
