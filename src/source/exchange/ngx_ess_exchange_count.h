/*
 * A slot's queue when its former queue is left: how many events it has yet to
 * send.
 */


#ifndef _NGX_ESS_EXCHANGE_COUNT_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_COUNT_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* What the broker said of the slot's queue, in the state COUNT; NULL: it
   refused.  NGX_OK, or NGX_AGAIN: it is to be asked again. */
ngx_int_t ngx_ess_exchange_count(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok);

/* After the consumers had their turn: where a queue was counted, makes sure
   that what it had sent by then has arrived. */
void ngx_ess_exchange_count_barrier(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_COUNT_H_INCLUDED_ */
