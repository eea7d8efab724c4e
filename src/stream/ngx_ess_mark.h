/*
 * What a source remembers of an event, written with the event in one operation:
 * after a crash the zone has both or neither.
 *
 * The exchange's marks are fingerprints.  A slot keeps the last ones in a ring,
 * the one of its event number n at n % nring:
 *
 *            settled         acked        appended
 *               │              │              │
 *   ...  f  f   f   f   f   f  f   f   f   f  f
 *                  └─ may come again ────────┘
 *
 * See ngx_ess_redelivery.h for what they are good for.
 */


#ifndef _NGX_ESS_MARK_H_INCLUDED_
#define _NGX_ESS_MARK_H_INCLUDED_


#include "ngx_ess_zone.h"


/* of an event: event->mark */

struct ngx_ess_mark_s {
    ngx_uint_t               slot;
    uint64_t                 print;         /* never 0 */
};


typedef struct {
    uint64_t                 appended;      /* number of the last event */
    uint64_t                 acked;         /* number of the last whose
                                               acknowledgement was sent */
    ngx_uint_t               n;
    uint64_t                *prints;        /* the last n, oldest first, that
                                               are not settled */
    uint64_t                 partial_print; /* of an event half appended, or 0:
                                               it must be appended again */
} ngx_ess_mark_recent_t;

/* how many fingerprints a slot keeps: two prefetch windows of the largest
   size */
#define NGX_ESS_MARK_RECENT  2048

/* Copies up to NGX_ESS_MARK_RECENT fingerprints to recent->prints, which the
   caller provides.  Takes the mutex. */
void ngx_ess_mark_recent(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_mark_recent_t *recent);

/* The number of the slot's last event.  Takes the mutex. */
uint64_t ngx_ess_mark_appended(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* Copies the fingerprints of what the slot has appended after that number, the
   last NGX_ESS_MARK_RECENT at most, oldest first, settled or not; returns how
   many.  Takes the mutex. */
ngx_uint_t ngx_ess_mark_prints(ngx_ess_zone_t *zone, ngx_uint_t slot,
    uint64_t after, uint64_t *prints);

/* All that the slot appended so far has been acknowledged to the broker.
   Commits. */
void ngx_ess_mark_acked_locked(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* As before; moreover the broker handles this acknowledgement before it hands
   the slot to anybody: none of them comes again. */
void ngx_ess_mark_settled_locked(ngx_ess_zone_t *zone, ngx_uint_t slot);


/* For the log, with the mutex; none of them commits. */

/* The mark's event is appended as far as the stream with that id. */
void ngx_ess_mark_half_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark,
    uint64_t id);

/* How far was it appended by whoever died meanwhile?  0: not at all. */
uint64_t ngx_ess_mark_done_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark);

/* It is appended. */
void ngx_ess_mark_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark);


#endif /* _NGX_ESS_MARK_H_INCLUDED_ */
