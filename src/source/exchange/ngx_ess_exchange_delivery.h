/*
 * Deliveries of the slot queues on their way into the logs.
 */


#ifndef _NGX_ESS_EXCHANGE_DELIVERY_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_DELIVERY_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* After the slots. */
void ngx_ess_exchange_delivery_init(ngx_ess_exchange_worker_t *w);

/* Of the consuming channel's handlers. */
void ngx_ess_exchange_delivery_take(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery);

/* Wakes and acknowledges. */
void ngx_ess_exchange_delivery_batch(ngx_ess_exchange_worker_t *w);

/* As before; the channel is closed in good order right after it. */
void ngx_ess_exchange_delivery_last(ngx_ess_exchange_worker_t *w);

/* The slot's consumer is gone: neither will more come from it, nor what is held
   once more. */
void ngx_ess_exchange_delivery_end(ngx_ess_exchange_slot_t *slot);

/* 1: all that came for the slot was appended. */
ngx_uint_t ngx_ess_exchange_delivery_idle(ngx_ess_exchange_slot_t *slot);

/* The channel is gone, or the worker leaves: what was not acknowledged will
   come again. */
void ngx_ess_exchange_delivery_drop(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_DELIVERY_H_INCLUDED_ */
