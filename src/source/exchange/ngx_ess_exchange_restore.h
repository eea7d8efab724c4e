/*
 * Keys that are bound again because events came back.
 */


#ifndef _NGX_ESS_EXCHANGE_RESTORE_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_RESTORE_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


void ngx_ess_exchange_restore_init(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_restore_pt handler);
void ngx_ess_exchange_restore_exit(ngx_ess_exchange_worker_t *w);

/* Is there a stream that the API lists whose key, or pattern, an event with
   this routing key is for? */
ngx_uint_t ngx_ess_exchange_restore_listed(ngx_ess_exchange_worker_t *w,
    ngx_str_t *key);

/*
 * The publication's events came back: no queue is bound for its key.  Binds
 * it, as the streams have it, and calls the handler, not from within this.
 * Those below pub->listed may have lost events.  The publication is on the
 * operation's list until then, and may be taken off it.
 * NGX_OK; NGX_DECLINED: no stream has it any more; NGX_BUSY: not now;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_exchange_restore(ngx_ess_exchange_worker_t *w,
    ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_EXCHANGE_RESTORE_H_INCLUDED_ */
