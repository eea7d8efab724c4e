/*
 * Do events come from the exchange?  Figures of it, and of what shares its
 * session.
 */


#ifndef _NGX_ESS_EXCHANGE_HEALTH_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_HEALTH_H_INCLUDED_


#include "ngx_ess_metric.h"


/* Of the row: see ngx_ess_source_t. */
extern const ngx_ess_metric_t  ngx_ess_exchange_metrics[];
ngx_int_t ngx_ess_exchange_health(ngx_ess_zone_t *zone, u_char *buf,
    ngx_str_t *why);


#endif /* _NGX_ESS_EXCHANGE_HEALTH_H_INCLUDED_ */
