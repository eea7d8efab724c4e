/*
 * Queues that slots had when "queues=" of ess_amqp was set otherwise.
 */


#ifndef _NGX_ESS_EXCHANGE_FORMER_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_FORMER_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


void ngx_ess_exchange_former_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_former_exit(ngx_ess_exchange_worker_t *w);

/* What can be done now: looks for former queues of own slots, counts the queue
   that took the place of one. */
void ngx_ess_exchange_former(ngx_ess_exchange_worker_t *w);

/* Own slots that are consumed from former queues, a bit each. */
ngx_uint_t ngx_ess_exchange_former_bound(ngx_ess_exchange_worker_t *w);

/* All keys of these were bound to the slots' queues since then, and unbound
   from the former ones. */
void ngx_ess_exchange_former_unbound(ngx_ess_exchange_worker_t *w,
    ngx_uint_t slots);

/* The slot's consumer is gone. */
void ngx_ess_exchange_former_canceled(ngx_ess_exchange_slot_t *slot);

/* All are, with the consuming channel, or with the session. */
void ngx_ess_exchange_former_reset(ngx_ess_exchange_worker_t *w,
    ngx_uint_t closed);

/* A channel was closed in good order: perhaps that of former consumers. */
void ngx_ess_exchange_former_closed(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_channel_t *ch);


#endif /* _NGX_ESS_EXCHANGE_FORMER_H_INCLUDED_ */
