/*
 * What the figures of RPC say, in any worker, of all of them.
 */


#ifndef _NGX_ESS_RPC_REPORT_H_INCLUDED_
#define _NGX_ESS_RPC_REPORT_H_INCLUDED_


#include "ngx_ess_rpc_figures.h"


/* bytes of what is said */
#define NGX_ESS_RPC_REPORT_WHY    1024

/* ms for which no worker need consume a queue, or one need not publish: a
   reload, a session that broke and is made again */
#define NGX_ESS_RPC_REPORT_GRACE  2000


/* of times: by bucket, and their sum in ms */

typedef struct {
    uint64_t                 buckets[NGX_ESS_RPC_FIGURES_TIMES];
    uint64_t                 sum;
} ngx_ess_rpc_report_histogram_t;


typedef struct {
    uint64_t                 in_work;       /* of workers that are there */
    uint64_t                 in_flight;     /* the same */
    uint64_t                 blocked;       /* such workers */
    uint64_t                 calls[NGX_ESS_CALL_OUTCOMES];
    ngx_ess_rpc_report_histogram_t message_time;
    ngx_ess_rpc_report_histogram_t call_time;
} ngx_ess_rpc_report_totals_t;


/*
 * NGX_DECLINED: a queue of this configuration is consumed by none, or a
 * worker's publishing session is in trouble and not blocked, for longer than
 * the grace; "why" says so, in "buf" of NGX_ESS_RPC_REPORT_WHY bytes.
 */
ngx_int_t ngx_ess_rpc_report_healthy(ngx_ess_rpc_figures_t *figures,
    u_char *buf, ngx_str_t *why);

/* 1: the broker blocks those who publish; "why" says so, likewise, with the
   reason that it gave first. */
ngx_uint_t ngx_ess_rpc_report_blocked(ngx_ess_rpc_figures_t *figures,
    u_char *buf, ngx_str_t *why);

/* Queues that this configuration consumes; of one its name, workers that
   consume it, and how often that became of its messages. */
ngx_uint_t ngx_ess_rpc_report_queues(ngx_ess_rpc_figures_t *figures);
ngx_str_t *ngx_ess_rpc_report_name(ngx_ess_rpc_figures_t *figures,
    ngx_uint_t i);
ngx_uint_t ngx_ess_rpc_report_consumers(ngx_ess_rpc_figures_t *figures,
    ngx_uint_t i);
uint64_t ngx_ess_rpc_report_outcome(ngx_ess_rpc_figures_t *figures,
    ngx_uint_t i, ngx_ess_consume_outcome_e outcome);

/* Locations with ess_rpc. */
ngx_uint_t ngx_ess_rpc_report_calls(ngx_ess_rpc_figures_t *figures);

void ngx_ess_rpc_report_totals(ngx_ess_rpc_figures_t *figures,
    ngx_ess_rpc_report_totals_t *totals);


#endif /* _NGX_ESS_RPC_REPORT_H_INCLUDED_ */
