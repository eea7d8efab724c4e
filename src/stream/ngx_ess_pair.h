/*
 * Pairs: the processes that have subscribers on a stream, and how many each.
 * The first ones are in the stream itself, the others in further segments.
 * Private to stream/, with the mutex.
 */


#ifndef _NGX_ESS_PAIR_H_INCLUDED_
#define _NGX_ESS_PAIR_H_INCLUDED_


#include "ngx_ess_zone_layout.h"


/* The pair behind "pair" (NULL: the first one) that is in use; *ext is kept
   between the calls.  NULL: no more. */
ngx_ess_pair_t *ngx_ess_pair_next_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_pair_t *pair, ngx_ess_seg_t *ext);

/* The first place for another one; NULL: all are in use. */
ngx_ess_pair_t *ngx_ess_pair_unused_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);

/* That of process slot p; NULL: it has no subscribers. */
ngx_ess_pair_t *ngx_ess_pair_find_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_uint_t p);

/* Has any process an interest in the stream? */
ngx_uint_t ngx_ess_pair_any_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);

/* The stream's subscribers, without those that newer ones have replaced. */
uint64_t ngx_ess_pair_count_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);


#endif /* _NGX_ESS_PAIR_H_INCLUDED_ */
