/*
 * Slot queues.
 */


#ifndef _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Names; which slots are this worker's.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_slot_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);

/* The channel of the consumers is made anew: own queues are looked up again,
   after the backoff.  With "closed" the session is gone: so are all, when there
   is one again. */
void ngx_ess_exchange_slot_reset(ngx_ess_exchange_worker_t *w,
    ngx_uint_t closed);

/* The broker says that the slot's queue or the exchange is not there; to be
   followed by a kick. */
void ngx_ess_exchange_slot_gone(ngx_ess_exchange_slot_t *slot);

/* May the loss of the queue be logged?  It may be lost again and again. */
ngx_uint_t ngx_ess_exchange_slot_tell(ngx_ess_exchange_slot_t *slot);

/* Events under way per slot. */
ngx_uint_t ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w);

/* 1: what comes to the slot is to be recognised whichever kind of queue it came
   from, or a quorum queue alone. */
ngx_uint_t ngx_ess_exchange_slot_quorum(ngx_ess_exchange_slot_t *slot);


#endif /* _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_ */
