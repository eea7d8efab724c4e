/*
 * ess_consume: a message becomes a request to a location, and its response the
 * reply.
 *
 *   delivery ──► WAITING ──► INFLATING ──► REQUEST ──► (response)
 *                  ▲  (no connection,         │
 *                  │   too much in work)      ├──► PACKING ──► REPLYING ──► ack
 *                  └── RETRY ◄────────────────┤
 *                      (after a delay)        ├──► DEAD ──► ack
 *                                             └──► reject
 *
 * One that cannot become a request is REPLYING first, if somebody waits, and
 * then dead.
 */


#ifndef _NGX_ESS_CONSUME_H_INCLUDED_
#define _NGX_ESS_CONSUME_H_INCLUDED_


#include "ngx_ess_consume_queue.h"


/* The worker's; "log": of what it logs.  NGX_OK or NGX_ERROR: no memory.  It
   ends before the queues and the publisher do. */
ngx_int_t ngx_ess_consume_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log);
void ngx_ess_consume_exit(void);

/* A ngx_ess_consume_queue_pt. */
void ngx_ess_consume_delivery(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d);

/* A ngx_ess_consume_queue_lost_pt. */
void ngx_ess_consume_lost(void);

/* A graceful shutdown has begun: what waits is given back, what is in work ends
   within its own times. */
void ngx_ess_consume_shutdown(void);


#endif /* _NGX_ESS_CONSUME_H_INCLUDED_ */
