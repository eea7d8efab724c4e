/*
 * A worker's part in RPC: two sessions with the broker, one to consume and one
 * to publish, for RabbitMQ stops reading a connection that has published during
 * an alarm.  This file puts the parts together, none of which knows it.
 *
 *   consuming session ─► consume_queue ─► consume (message ─► request ─► reply)
 *   publishing session ◄─ publisher ◄──────────┘
 *   publishing session ◄─► call ◄─ a client's request
 */


#ifndef _NGX_ESS_RPC_H_INCLUDED_
#define _NGX_ESS_RPC_H_INCLUDED_


#include "ngx_ess_rpc_conf.h"


/* Begins to connect and consume.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_rpc_init_process(ngx_cycle_t *cycle,
    ngx_ess_rpc_conf_t *conf);

/* A graceful shutdown has begun: nothing new is taken, what is in work ends,
   and its timers keep the worker until then. */
void ngx_ess_rpc_shutdown(void);

void ngx_ess_rpc_exit_process(void);


#endif /* _NGX_ESS_RPC_H_INCLUDED_ */
