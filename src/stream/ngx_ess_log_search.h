/*
 * Where in a log somebody begins to read: searches by ordinal, by timestamp and
 * by number.
 */


#ifndef _NGX_ESS_LOG_SEARCH_H_INCLUDED_
#define _NGX_ESS_LOG_SEARCH_H_INCLUDED_


#include "ngx_ess_gap.h"
#include "ngx_ess_log.h"


/* where somebody begins to read */

typedef struct {
    uint64_t                 seq;           /* as ngx_ess_log_read() takes */
    ngx_ess_seg_t            last;          /* them */
    ngx_ess_gap_t            gap;           /* of what was asked for */
    uint64_t                 have;          /* behind it: see ngx_ess_gap.h */
    uint64_t                 begin;         /* events up to this ordinal are not
                                               in the log */
} ngx_ess_log_place_t;

/*
 * The first event, or POISON, after that ordinal.  An ordinal beyond the end
 * is the end, with a gap.  Takes the mutex, for a thousand records at a time;
 * it looks at a hundred or two, or more where timestamps are in no order.
 * NGX_OK or NGX_DECLINED: no such stream.
 */
ngx_int_t ngx_ess_log_search_ordinal(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t ordinal, ngx_ess_log_place_t *place);

/*
 * The first event, in the order of the log, whose timestamp is that or later,
 * or that has none and at least the ordinal "undated", else the end.  When it
 * is the first one that is there, events that are gone may have been asked
 * for, too: a gap.  As above.
 */
ngx_int_t ngx_ess_log_search_since(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t timestamp, uint64_t undated,
    ngx_ess_log_place_t *place);


/* For the log and those who read it; all need the mutex. */

/* Before the record of number s->next_seq, whose type is set, is linked: writes
   its number and timestamp (0: not known), and what searches need. */
void ngx_ess_log_search_range_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_zone_record_t *r, uint64_t timestamp);

/* The record with that number, at or behind the first one; 0: the log's end. */
ngx_ess_seg_t ngx_ess_log_search_seq_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, uint64_t seq);

/* Does what r says about its range cover what p says of its own?  For the
   checker. */
ngx_uint_t ngx_ess_log_search_covers(ngx_ess_zone_record_t *r,
    ngx_ess_zone_record_t *p);


#endif /* _NGX_ESS_LOG_SEARCH_H_INCLUDED_ */
