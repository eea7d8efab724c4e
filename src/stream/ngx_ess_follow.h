/*
 * Logs that follow another one, which a source has, a RabbitMQ stream: one
 * worker at a time, the follower, appends what the broker has, and the ordinal
 * of an event is its offset there and one.  A source that has epochs gives the
 * stream that of what is followed; what has the stream's name with another one
 * finds no log any more to read, and may only let go.
 *
 *             claim               begin              live
 *     NONE ──────────► ATTACHING ───────► FILLING ───────► LIVE
 *      ▲ ▲                 │ │               │             │ │
 *      │ └──── release ────┘ └──── missing ──┴─────────────┘ │
 *      │                              ▼                      │
 *      │           (claim) ◄─────  MISSING                   │
 *      └──────────────────── release ────────────────────────┘
 *
 * What is appended while it is FILLING came before: nobody reads it yet.
 * A follower that died, or that belongs to an older generation than the one
 * who claims, is succeeded by whoever claims first: the log is LIVE all the
 * time then, and goes on where it ends.  Two who append for a while do no
 * harm, for an ordinal is appended once.
 */


#ifndef _NGX_ESS_FOLLOW_H_INCLUDED_
#define _NGX_ESS_FOLLOW_H_INCLUDED_


#include "ngx_ess_wake.h"


typedef enum {
    NGX_ESS_FOLLOW_NONE = 0,
    NGX_ESS_FOLLOW_ATTACHING,               /* the source is being asked */
    NGX_ESS_FOLLOW_FILLING,                 /* with the newest that it has */
    NGX_ESS_FOLLOW_LIVE,                    /* all that comes is appended */
    NGX_ESS_FOLLOW_MISSING                  /* the source has none */
} ngx_ess_follow_e;


/* All of the following take the mutex. */

/*
 * The state of a stream's log; with a follower that is no more, or is being
 * replaced, NGX_ESS_FOLLOW_NONE.  Of a stream that is no more, or that has
 * another epoch, MISSING.
 */
ngx_ess_follow_e ngx_ess_follow_state(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* The same whatever the stream's epoch: that is put into the ref. */
ngx_ess_follow_e ngx_ess_follow_current(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/*
 * This process is to be the follower.  NGX_OK: it is, and continues with
 * *ordinal in the epoch that is put into the ref, or, with 0, finds out where
 * the end is.  NGX_BUSY: another one is.  NGX_DECLINED: no such stream.
 */
ngx_int_t ngx_ess_follow_claim(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t *ordinal);

/*
 * All events up to ordinal - 1 were before, all later ones are appended from
 * now on: the log, which is emptied, is LIVE, and those who have an interest
 * are marked.  The stream, and the ref, have that epoch from now on; 0: the one
 * that they have.  NGX_OK; NGX_DECLINED: this process is not the follower any
 * more.  NGX_AGAIN, only with first < ordinal, and when nobody has an interest:
 * it is FILLING, events from "first" on are to be appended until
 * ngx_ess_follow_live(), which returns NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_ess_follow_begin(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t epoch, uint64_t ordinal,
    uint64_t first, ngx_ess_wake_t *wake);
ngx_int_t ngx_ess_follow_live(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *wake);

/* The broker has no such stream (any more): so subscribers of a LIVE log are
   told behind its last event.  As above. */
ngx_int_t ngx_ess_follow_missing(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_wake_t *wake);

/*
 * This process is the follower no longer.  NGX_OK: the log is empty and
 * follows no more.  NGX_BUSY: somebody has an interest, nothing was changed;
 * with "leaving" the log stays as it is, for the next one who claims, and
 * those with an interest are marked.
 */
ngx_int_t ngx_ess_follow_release(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_uint_t leaving,
    ngx_ess_wake_t *wake);

/* 1 while this process is the follower. */
ngx_uint_t ngx_ess_follow_mine(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);


#endif /* _NGX_ESS_FOLLOW_H_INCLUDED_ */
