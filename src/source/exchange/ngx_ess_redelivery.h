/*
 * Recognises redelivered events.  What a worker had appended but not
 * acknowledged comes again, first and in order, marked redelivered, followed
 * by what was delivered but never appended:
 *
 *   remembered   ...  f[P-3]  f[P-2]  f[P-1]  f[P]
 *   run                               r[1]    r[2]    r[3]    r[4]   ...
 *                                     duplicates (2)  new
 *
 * So for some k, the number of duplicates, r[1..k] equals the last k that are
 * remembered.  It is found by aligning sequences, never by looking up single
 * events, since two events with one content are two events.
 */


#ifndef _NGX_ESS_REDELIVERY_H_INCLUDED_
#define _NGX_ESS_REDELIVERY_H_INCLUDED_


#include "ngx_ess_mark.h"


typedef enum {
    NGX_ESS_REDELIVERY_HOLD = 0,            /* not known yet: keep it */
    NGX_ESS_REDELIVERY_DECIDED,             /* of all that were held and this
                                               one, the first "duplicates" are
                                               duplicates, the rest is new */
    NGX_ESS_REDELIVERY_DUPLICATE,           /* decided before: this one */
    NGX_ESS_REDELIVERY_NEW
} ngx_ess_redelivery_e;


typedef struct {
    /* what the slot remembers, oldest first, then the print of an event that
       is half appended, if there is one */
    uint64_t                 prints[NGX_ESS_MARK_RECENT + 1];
    ngx_uint_t               n;             /* without the half one */
    ngx_uint_t               half;          /* 1: prints[n] is set */
    ngx_uint_t               least;         /* never acknowledged: as many must
                                               come again */

    /* numbers of duplicates that agree with the run so far, but of which
       not all have come, ascending */
    uint16_t                 open[NGX_ESS_MARK_RECENT + 1];
    ngx_uint_t               nopen;

    /* of those all of whose duplicates have come; -1: none */
    ngx_int_t                fit;           /* the smallest from "least" on */
    ngx_int_t                most;          /* the largest */

    ngx_int_t                proven;        /* the open one for which a print
                                               speaks that is remembered only
                                               once; -1: none */
    ngx_int_t                broken;        /* how far a proven one went before
                                               it failed */

    ngx_uint_t               seen;          /* length of the run so far */
    ngx_uint_t               duplicates;    /* once decided */
    ngx_uint_t               doubt;         /* events that may come twice by
                                               this decision */
    unsigned                 decided:1;
} ngx_ess_redelivery_t;


/*
 * A run begins.  recent->prints may be r->prints.  An event that is half
 * appended is new when it comes again: it must be appended to the end.
 */
void ngx_ess_redelivery_init(ngx_ess_redelivery_t *r,
    ngx_ess_mark_recent_t *recent);

/* The next of the run. */
ngx_ess_redelivery_e ngx_ess_redelivery_push(ngx_ess_redelivery_t *r,
    uint64_t print);

/*
 * Decides with what is known.  "complete": the run is over; otherwise no more
 * can be held and the run may go on.  Returns r->duplicates, which may be
 * more than were held only when the run is not complete: push() then tells
 * the rest of them.
 */
ngx_uint_t ngx_ess_redelivery_end(ngx_ess_redelivery_t *r,
    ngx_uint_t complete);

/* 1 when more of the run must come if things are as they look */
ngx_uint_t ngx_ess_redelivery_expects(ngx_ess_redelivery_t *r);

/* The fingerprint of an event, never 0. */
uint64_t ngx_ess_redelivery_print(ngx_str_t *key, ngx_str_t *properties,
    ngx_str_t *body);


#endif /* _NGX_ESS_REDELIVERY_H_INCLUDED_ */
