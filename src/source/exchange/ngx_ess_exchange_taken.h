/*
 * Slots whose queues others may still consume, when "queues=" was changed: the
 * state TAKEN of ngx_ess_exchange_former.c.
 */


#ifndef _NGX_ESS_EXCHANGE_TAKEN_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_TAKEN_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* The former queue is there: the state begins. */
void ngx_ess_exchange_taken(ngx_ess_exchange_slot_t *slot);

/* The queue that is to be looked up now; NULL: none yet. */
ngx_str_t *ngx_ess_exchange_taken_due(ngx_ess_exchange_slot_t *slot);

/* It was there.  The state may end: it is BOUND then. */
void ngx_ess_exchange_taken_answered(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok);


#endif /* _NGX_ESS_EXCHANGE_TAKEN_H_INCLUDED_ */
