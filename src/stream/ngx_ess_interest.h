/*
 * Interest: which process has how many subscribers on which stream.
 *
 *   none ── subscribe ──► pair ── last unsubscribe, or the process is gone ──►
 *
 * A CLOSED stream goes with the last one: see ngx_ess_table.h.
 */


#ifndef _NGX_ESS_INTEREST_H_INCLUDED_
#define _NGX_ESS_INTEREST_H_INCLUDED_


#include "ngx_ess_max_subscribers.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_zone.h"


/*
 * This process has one subscriber more on the stream.  *seq is the position
 * of the next record to come, *ordinal that of the next event, taken together
 * with it; *number counts the stream's subscribers, in order of their arrival.
 * "limit" NULL: none; with "replace" no more than the last "max" of them stay.
 * Takes the mutex.  NGX_OK; NGX_DECLINED: no such stream (only VISIBLE and
 * DELETING ones); NGX_BUSY: it has as many subscribers as it may; NGX_ERROR:
 * no room for one more process.
 */
ngx_int_t ngx_ess_interest_subscribe(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_max_subscribers_t *limit, uint64_t *seq,
    uint64_t *ordinal, uint32_t *number);

/*
 * One subscriber less; the last of a CLOSED stream frees it.  Takes the mutex.
 */
void ngx_ess_interest_unsubscribe(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* 1 when this process has subscribers on the stream.  Takes the mutex. */
ngx_uint_t ngx_ess_interest_subscribed(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* The process slots that have subscribers on the stream.  Takes the mutex. */
void ngx_ess_interest_procs(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_wake_t *procs);


/* For stream/ alone, with the mutex. */

/*
 * Ends the interest of process slot p in a stream; frees a CLOSED stream with
 * its last one.  Commits.  NGX_AGAIN: not done yet, such a stream has a long
 * log: unlock and call again.
 */
ngx_int_t ngx_ess_interest_forget_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_uint_t p);


#endif /* _NGX_ESS_INTEREST_H_INCLUDED_ */
