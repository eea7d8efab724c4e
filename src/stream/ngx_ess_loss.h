/*
 * Events that never came to nginx, for their queue or binding was gone: which
 * streams they may have been for.  The next event of such a stream comes with
 * a gap, whose end nobody knows.
 *
 * The witness is what a source has at its broker to see by whether the broker
 * still has what the keys were bound to: see
 * source/exchange/ngx_ess_exchange_watch.c.
 */


#ifndef _NGX_ESS_LOSS_H_INCLUDED_
#define _NGX_ESS_LOSS_H_INCLUDED_


#include "ngx_ess.h"


/* All of the following take the mutex, but where it says so. */

/* Those of the slot's streams. */
void ngx_ess_loss_slot(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* Those of the streams (VISIBLE, DELETING) that have the routing key and an id
   below that; for a few hundred of them at a time.  1: there are some. */
ngx_uint_t ngx_ess_loss_key(ngx_ess_zone_t *zone, ngx_str_t *key,
    uint64_t below);

/* Those of the stream, unless it is CREATING or no more.  NGX_OK, or
   NGX_DECLINED: no such stream. */
ngx_int_t ngx_ess_loss_stream(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/*
 * Those of all streams of the exchange: all bindings are gone.  Each worker
 * may notice, one after another: *seen is the number of the loss that this
 * one knows of, and is moved on.  1: nobody had noticed before.
 */
ngx_uint_t ngx_ess_loss_exchange(ngx_ess_zone_t *zone, uint32_t *seen);

/* The number of the last one of these; no lock. */
uint32_t ngx_ess_loss_number(ngx_ess_zone_t *zone);

/* Which witness was made, by any worker, ever: a hash of what it says, 0:
   none yet.  No lock to ask. */
void ngx_ess_loss_set_witness(ngx_ess_zone_t *zone, uint32_t witness);
uint32_t ngx_ess_loss_witness(ngx_ess_zone_t *zone);


#endif /* _NGX_ESS_LOSS_H_INCLUDED_ */
