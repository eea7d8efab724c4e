/*
 * What the files of a worker's queues share: their state, and no function of
 * weight.  Private to them.  None calls one above it:
 *
 *   consume_queue (the seam, deliveries) ► _leave ► _start ► _declare, acks
 */


#ifndef _NGX_ESS_CONSUME_QUEUE_WORKER_H_INCLUDED_
#define _NGX_ESS_CONSUME_QUEUE_WORKER_H_INCLUDED_


#include "ngx_ess_consume_acks.h"
#include "ngx_ess_consume_queue.h"
#include "ngx_ess_consume_queue_declare.h"
#include "ngx_ess_wait.h"


typedef enum {
    NGX_ESS_CONSUME_QUEUE_IDLE = 0,         /* no connection, or a backoff */
    NGX_ESS_CONSUME_QUEUE_DECLARING,        /* it, and that of "dead=" */
    NGX_ESS_CONSUME_QUEUE_STARTING,         /* qos, consume */
    NGX_ESS_CONSUME_QUEUE_CONSUMING,
    NGX_ESS_CONSUME_QUEUE_CANCELING,        /* leaving: the rest is settled */
    NGX_ESS_CONSUME_QUEUE_CLOSED            /* left */
} ngx_ess_consume_queue_state_e;


struct ngx_ess_consume_queue_s {
    ngx_ess_consume_conf_queue_t *conf;
    ngx_ess_consume_queue_state_e state;
    ngx_ess_amqp_channel_t  *channel;       /* NULL: none */
    ngx_ess_amqp_channel_t  *closing;       /* by us, when we leave */

    ngx_ess_consume_queue_declare_t name;
    ngx_ess_consume_queue_declare_t dead;
    ngx_ess_amqp_op_t        op;            /* qos, consume, cancel */
    u_char                   tag[sizeof("ess-") + NGX_INT_T_LEN];

    ngx_queue_t              unsettled;     /* of ngx_ess_consume_delivery_t,
                                               by tag */
    ngx_uint_t               nunsettled;
    ngx_ess_consume_acks_t   acks;
    uint64_t                 left;          /* when we leave: the first one
                                               that is left to the broker; 0:
                                               none */

    ngx_event_t              turn;          /* posted, or a timer */
    ngx_event_t              settle;        /* the same: acks are sent */
    ngx_event_t              back;          /* a timer: until then nothing is
                                               given back, but when we leave */
    ngx_uint_t               attempt;

    unsigned                 busy:1;        /* "op" is not answered */
    unsigned                 taken:1;       /* the delivery at hand */
    unsigned                 told:1;        /* it was logged what is wrong */
    unsigned                 counted:1;     /* as consumed, by the figures */
};


typedef struct {
    ngx_log_t               *log;
    ngx_ess_consume_queue_pt handler;
    ngx_ess_consume_queue_lost_pt lost;
    const ngx_ess_amqp_channel_handlers_t *handlers;    /* of the channels */
    ngx_ess_amqp_session_t  *session;       /* NULL: no connection */
    ngx_ess_amqp_channel_t  *admin;
    ngx_ess_consume_queue_t *queues;
    ngx_uint_t               n;
    ngx_event_t              lose;          /* posted: deliveries are lost */
    ngx_event_t              leave;         /* keeps the worker */
    ngx_msec_t               left_at;
    unsigned                 leaving:1;
} ngx_ess_consume_queue_worker_t;


extern ngx_ess_consume_queue_worker_t  ngx_ess_consume_queue_worker;


static ngx_inline void
ngx_ess_consume_queue_worker_event(ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data)
{
    ev->handler = handler;
    ev->data = data;
    ev->log = ngx_ess_consume_queue_worker.log;
    ev->cancelable = 1;
}


#endif /* _NGX_ESS_CONSUME_QUEUE_WORKER_H_INCLUDED_ */
