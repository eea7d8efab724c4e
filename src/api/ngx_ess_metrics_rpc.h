/*
 * The figures of ess_consume and ess_rpc, for ess_metrics.
 */


#ifndef _NGX_ESS_METRICS_RPC_H_INCLUDED_
#define _NGX_ESS_METRICS_RPC_H_INCLUDED_


#include "ngx_ess_metrics_out.h"
#include "ngx_ess_rpc_report.h"


/* Bytes that they take at most. */
size_t ngx_ess_metrics_rpc_room(ngx_ess_rpc_figures_t *figures);

/* Writes them. */
void ngx_ess_metrics_rpc(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_figures_t *figures);


#endif /* _NGX_ESS_METRICS_RPC_H_INCLUDED_ */
