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


/* streams that are entered, or left, in one hold of the mutex */
#define NGX_ESS_INTEREST_MANY  64


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
 * The same for "n" subscribers of one client, so many streams in a hold of the
 * mutex, and each with its own result.
 */

typedef struct {
    ngx_ess_stream_ref_t         ref;
    ngx_ess_max_subscribers_t   *limit;     /* NULL: none */
    ngx_uint_t                   again;     /* 1: it has one on the stream,
                                               which counts for both: only the
                                               positions are taken */
    /* what comes of it */
    ngx_int_t                    rc;        /* as above */
    uint64_t                     seq;
    uint64_t                     ordinal;
    uint32_t                     number;
} ngx_ess_interest_entry_t;

void ngx_ess_interest_subscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_interest_entry_t *entries, ngx_uint_t n);

/*
 * One subscriber less; the last of a CLOSED stream frees it.  Takes the mutex.
 */
void ngx_ess_interest_unsubscribe(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* The same for "n" streams, so many in a hold. */
void ngx_ess_interest_unsubscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *refs, ngx_uint_t n);

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
