/*
 * Gaps: events that a reader did not get, and never will.
 *
 *      have            after
 *        │               │
 *   .. 3 │ 4    5    6   │ 7          7 comes next: 4 to 6 are gone
 *
 * A record and a position say "after", the ordinal of the last event that the
 * stream ever had before them, whether that is still there or not.  A reader
 * says "have", the ordinal of the event that it has, or that it began after.
 * What is gone is (have, after].  Ordinals may be sparse: where the stream has
 * 3 and 7 only, 7 comes after 3, and nothing is gone.
 *
 * No lock, no memory.
 */


#ifndef _NGX_ESS_GAP_H_INCLUDED_
#define _NGX_ESS_GAP_H_INCLUDED_


#include "ngx_ess.h"


typedef struct {
    uint64_t                 from;          /* ordinals; 0: there is no gap */
    uint64_t                 to;            /* below "from": nobody knows how
                                               many are gone */
} ngx_ess_gap_t;


/* of a reader that is not told of what is before its next event */
#define NGX_ESS_GAP_ANY      ((uint64_t) -1)

#define ngx_ess_gap_is_open(gap)  ((gap)->to < (gap)->from)


/* Sets "gap"; 1: there is one. */
ngx_uint_t ngx_ess_gap(ngx_ess_gap_t *gap, uint64_t have, uint64_t after);

/* The same of events that were lost before they got an ordinal, at that place:
   nobody knows how many.  Who has not got what is before it is told of that
   only. */
ngx_uint_t ngx_ess_gap_loss(ngx_ess_gap_t *gap, uint64_t have, uint64_t after);

/* Sets the gap of a reader that asks for what comes after an ordinal that the
   stream, whose last one is "end", has not had. */
ngx_uint_t ngx_ess_gap_beyond(ngx_ess_gap_t *gap, uint64_t have, uint64_t end);


#endif /* _NGX_ESS_GAP_H_INCLUDED_ */
