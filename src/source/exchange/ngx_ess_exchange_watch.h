/*
 * The exchange, and whether it is still the one that the keys were bound to.
 */


#ifndef _NGX_ESS_EXCHANGE_WATCH_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_WATCH_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_watch_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);

/* Makes sure that there is a witness, when the exchange is there. */
void ngx_ess_exchange_watch(ngx_ess_exchange_worker_t *w);

/* Now and then. */
void ngx_ess_exchange_watch_tick(ngx_ess_exchange_worker_t *w);

/* 1: there is a witness, or there cannot be one. */
ngx_uint_t ngx_ess_exchange_watch_settled(ngx_ess_exchange_worker_t *w);

/* Looks after it at once. */
void ngx_ess_exchange_watch_now(ngx_ess_exchange_worker_t *w);

/* All bindings are gone: binds again, and says so. */
void ngx_ess_exchange_watch_lost(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_WATCH_H_INCLUDED_ */
