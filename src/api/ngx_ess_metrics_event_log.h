/*
 * The figures of event logs, for ess_metrics.
 */


#ifndef _NGX_ESS_METRICS_EVENT_LOG_H_INCLUDED_
#define _NGX_ESS_METRICS_EVENT_LOG_H_INCLUDED_


#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_metrics_out.h"


/* Bytes that they take at most; "logs": of ngx_ess_event_log_t *. */
size_t ngx_ess_metrics_event_log_room(ngx_array_t *logs);

/* Writes them. */
void ngx_ess_metrics_event_log(ngx_ess_metrics_out_t *out, ngx_array_t *logs);


#endif /* _NGX_ESS_METRICS_EVENT_LOG_H_INCLUDED_ */
