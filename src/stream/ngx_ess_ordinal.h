/*
 * Ordinals of streams: the store vouches for a block of them before any of it
 * is given to an event, so that none is given twice, whatever is lost.
 *
 *   none ── half of the block is used ──► listed ── wanted ──► told
 *    ▲                                                          │
 *    └─────────────── reserved: the store has the mark ─────────┘
 */


#ifndef _NGX_ESS_ORDINAL_H_INCLUDED_
#define _NGX_ESS_ORDINAL_H_INCLUDED_


#include "ngx_ess_zone.h"


typedef enum {
    NGX_ESS_WANT_NONE = 0,
    NGX_ESS_WANT_LISTED,                    /* on the list of those in need */
    NGX_ESS_WANT_TOLD                       /* somebody is storing a mark */
} ngx_ess_ordinal_want_e;


/*
 * A stream whose log has used half of the ordinals that the store vouches for:
 * *mark is the new one to be stored; no other worker is told of the stream
 * until ngx_ess_ordinal_reserved() (with the mark, or 0 when the store failed).
 * NGX_DECLINED: none.  Takes the mutex.
 */
ngx_int_t ngx_ess_ordinal_wanted(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t *mark);
void ngx_ess_ordinal_reserved(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t mark);


/* For stream/ alone, with the mutex; the caller commits. */

/* Puts a stream on the list of those in need of ordinals. */
void ngx_ess_ordinal_want_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i);

/* Takes it from there. */
void ngx_ess_ordinal_unwant_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_ordinal_want_e want);


#endif /* _NGX_ESS_ORDINAL_H_INCLUDED_ */
