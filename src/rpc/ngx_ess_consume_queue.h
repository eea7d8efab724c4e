/*
 * A queue that this worker consumes: a channel of its own on the consuming
 * session.  The worker owns it; a delivery is its taker's until it is settled.
 *
 *   IDLE ──► DECLARING ──► STARTING ──► CONSUMING ──► CANCELING ──► CLOSED
 *    ▲          │             │            │            (shutdown; the last
 *    └──────────┴─────────────┴────────────┘             delivery is settled)
 *      refused, the queue or the connection gone: again, with a backoff
 */


#ifndef _NGX_ESS_CONSUME_QUEUE_H_INCLUDED_
#define _NGX_ESS_CONSUME_QUEUE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_consume_conf.h"


typedef struct ngx_ess_consume_queue_s  ngx_ess_consume_queue_t;


/* what is to be settled; in its taker's memory, off all lists once it is */

typedef struct {
    ngx_queue_t                    link;
    ngx_ess_consume_queue_t       *queue;
    uint64_t                       tag;
    unsigned                       lost:1;  /* its channel is gone, and the
                                               broker gives it to somebody else:
                                               to settle it does nothing */
} ngx_ess_consume_delivery_t;


/*
 * A delivery; takes it by ngx_ess_consume_queue_take() in memory of its own, or
 * leaves it, and it is given back.  "d" is valid during the call only.
 */
typedef void (*ngx_ess_consume_queue_pt)(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d);


/* Some that were taken are lost; from an event of its own, after it. */
typedef void (*ngx_ess_consume_queue_lost_pt)(void);


typedef enum {
    NGX_ESS_CONSUME_SETTLE_ACK = 0,         /* done with */
    NGX_ESS_CONSUME_SETTLE_REJECT,          /* the broker drops it, or moves it
                                               to the queue's dead letters */
    NGX_ESS_CONSUME_SETTLE_REQUEUE          /* somebody else may have it */
} ngx_ess_consume_settle_e;


/* All queues of the configuration.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_consume_queue_init(ngx_ess_rpc_conf_t *conf,
    ngx_ess_consume_queue_pt handler, ngx_ess_consume_queue_lost_pt lost,
    ngx_log_t *log);
void ngx_ess_consume_queue_exit(void);

/* The configuration of it. */
ngx_ess_consume_conf_queue_t *ngx_ess_consume_queue_conf(
    ngx_ess_consume_queue_t *q);

/* 1: shutdown has begun. */
ngx_uint_t ngx_ess_consume_queue_leaving(ngx_ess_consume_queue_t *q);

/* Within the handler. */
void ngx_ess_consume_queue_take(ngx_ess_consume_queue_t *q,
    ngx_ess_consume_delivery_t *delivery, ngx_ess_amqp_delivery_t *d);

/* Once.  What is settled in one iteration goes to the broker together, as one
   acknowledgement where it can. */
void ngx_ess_consume_queue_settle(ngx_ess_consume_delivery_t *delivery,
    ngx_ess_consume_settle_e how);

/* The queue of "dead=" is not there (any more): it is declared again.  What
   was to be published there is to be tried again a little later. */
void ngx_ess_consume_queue_dead(ngx_ess_consume_queue_t *q);

/* Of the consuming session: its handlers. */
void ngx_ess_consume_queue_open(ngx_ess_amqp_session_t *s);
void ngx_ess_consume_queue_close(void);

/* Of all queues: nothing new is taken. */
void ngx_ess_consume_queue_shutdown(void);


#endif /* _NGX_ESS_CONSUME_QUEUE_H_INCLUDED_ */
