/*
 * The figures of the module itself, as rows.
 */


#ifndef _NGX_ESS_METRICS_ROWS_H_INCLUDED_
#define _NGX_ESS_METRICS_ROWS_H_INCLUDED_


#include "ngx_ess_metric.h"


extern const ngx_ess_metric_t  ngx_ess_metrics_rows[];

/* where there is "ess_authorize" */
extern const ngx_ess_metric_t  ngx_ess_metrics_rows_authorize[];


#endif /* _NGX_ESS_METRICS_ROWS_H_INCLUDED_ */
