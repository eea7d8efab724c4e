/*
 * Consumers of the slots' queues.
 */


#ifndef _NGX_ESS_EXCHANGE_CONSUMER_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_CONSUMER_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Starts the next consumer, if one is to be started and none is under way. */
void ngx_ess_exchange_consumer(ngx_ess_exchange_worker_t *w);

/* 1 while consumers are still to be started without having been refused, or
   having to wait until others have left their queues */
ngx_uint_t ngx_ess_exchange_consumer_starting(ngx_ess_exchange_worker_t *w);

/* 1: the slot's consumer is being started */
ngx_uint_t ngx_ess_exchange_consumer_asked(ngx_ess_exchange_slot_t *slot);

/* Tells the broker the prefetch on the channel of consumers.  Those that there
   are keep theirs; what they were sent before comes before the answer.  To be
   called when w->consumer.sent is NULL; the handler clears it. */
void ngx_ess_exchange_consumer_limit(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_op_t *op, ngx_ess_amqp_op_pt handler, void *data);

/* The broker ended the consumer that there is: its queue is gone. */
void ngx_ess_exchange_consumer_canceled(ngx_ess_exchange_slot_t *slot);

/* The channel is closed: nothing is kept of what came on it. */
void ngx_ess_exchange_consumer_drop(ngx_ess_exchange_worker_t *w);

/* The channel is gone with what was under way on it. */
void ngx_ess_exchange_consumer_reset(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_CONSUMER_H_INCLUDED_ */
