/*
 * Keys of own slots that are bound again: those of w->rebind in passes, all of
 * them in rounds.
 */


#ifndef _NGX_ESS_EXCHANGE_REBIND_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_REBIND_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Goes on binding. */
void ngx_ess_exchange_rebind(ngx_ess_exchange_worker_t *w);

/* The next portion of a round; returns the ms until this is to be called
   again. */
ngx_msec_t ngx_ess_exchange_rebind_tick(ngx_ess_exchange_worker_t *w);

/* The session is gone; all operations were aborted. */
void ngx_ess_exchange_rebind_reset(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_REBIND_H_INCLUDED_ */
