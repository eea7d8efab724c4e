/*
 * ess_metrics: one walk over the counters, as Prometheus text or JSON.
 * ess_health: may clients be sent here?
 */


#ifndef _NGX_ESS_STATUS_H_INCLUDED_
#define _NGX_ESS_STATUS_H_INCLUDED_


#include "ngx_ess.h"


/* Content handlers. */
ngx_int_t ngx_ess_status_metrics(ngx_http_request_t *r);
ngx_int_t ngx_ess_status_health(ngx_http_request_t *r);

/* The directives. */
char *ngx_ess_status_metrics_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_ess_status_health_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_ESS_STATUS_H_INCLUDED_ */
