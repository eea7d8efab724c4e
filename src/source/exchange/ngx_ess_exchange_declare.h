/*
 * The exchange itself.
 */


#ifndef _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_declare_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);

/* Looks it up, unless that was done: whoever waits for it is told. */
void ngx_ess_exchange_declare(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_ */
