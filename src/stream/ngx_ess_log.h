/*
 * A stream's log: a list of records, each a list of segments.
 *
 *   stream ── head ──► record ◄──► record ◄──► record ◄── tail
 *                        │           │
 *                     segment     segment         one record: a header and
 *                        │                        the first bytes in its first
 *                     segment                     segment, then the rest
 *
 * All records of the zone also hang on one list by age, whose head is the
 * first to go when the zone is full.  Positions are sequence numbers: each
 * record, also one that carries no event (POISON), has the next one of its
 * stream, from 1.  A reader's position is the number of the record that it
 * has not read yet.
 */


#ifndef _NGX_ESS_LOG_H_INCLUDED_
#define _NGX_ESS_LOG_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"
#include "ngx_ess_notify.h"


typedef enum {
    NGX_ESS_RECORD_EVENT = 0,
    NGX_ESS_RECORD_POISON,                  /* closes those connected */
    NGX_ESS_RECORD_GONE                     /* the broker's stream is: so does
                                               this */
} ngx_ess_record_type_e;


typedef struct {
    ngx_ess_record_type_e    type;
    ngx_uint_t               gap;           /* 1: some before it are gone, */
    ngx_uint_t               consecutive;   /* 1: so is what its ordinal leaves
                                               out, and "gap" is about others */
    uint64_t                 seq;
    uint64_t                 ordinal;
    uint64_t                 timestamp;     /* ms since 1970; 0: not known */
    ngx_msec_t               arrival;       /* as ngx_current_msec */
    ngx_str_t                body;          /* in the reader's buffer */
} ngx_ess_record_t;


/*
 * Appends the event once to each stream (CREATING, VISIBLE, DELETING) of the
 * slot that has the routing key, or one of event->keys, which are keys of the
 * slot, or that event->streams names (the index of one that is no more is set
 * to 0); or to that of them only that event->uuid names.  Marks those that
 * care in "wake", and adds the fingerprint to the slot's ring.  All of that is
 * one operation: after a crash all of it happened or none.  But what takes
 * long is done in parts: NGX_BUSY then says that the mutex is to be given
 * away, and the call repeated with the same event (event->done tells how far
 * it came) before another one of the slot is appended.  The slot remembers how
 * far as well: after a crash the event goes on there when it comes again.
 * Evicts by the zone's bounds: over log_size bytes, over log_count events,
 * older than log_age; never the newest event of a log for its size, never what
 * is younger than a second but for want of room in the zone, and what a worker
 * has not seen yet not even for that, unless "force" is set.  The caller has
 * checked the body against max_event.  A body that is exactly POISON becomes a
 * record of its own type.  With event->lost no record is made, but all else is
 * as with one.  Counts NGX_ESS_C_EVENTS_IN and NGX_ESS_C_EVICTED_EARLY.
 *
 * An event with an ordinal is for one stream, whose log is LIVE or FILLING and
 * has not got that ordinal or a later one, else it is left out; "slot" is then
 * NGX_ESS_SLOTS, and no fingerprint is kept.  Ordinals may be left out: those
 * of what is no event in the broker; with event->gap there were some.
 *
 * Returns more than 0 when the slot has streams for it; with 0 nothing was
 * appended (but the fingerprint).  NGX_AGAIN, never with "force": the room is
 * taken by what workers are about to see; nothing more was appended.
 */
ngx_int_t ngx_ess_log_append_locked(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_str_t *key, ngx_ess_event_t *event, uint64_t fingerprint,
    ngx_uint_t force, ngx_ess_notify_wake_t *wake);

/*
 * As above.  Takes the mutex, again and again for short times; NGX_BUSY after a
 * thousand streams or so (never with "force"): the event loop should have its
 * turn.
 */
#define NGX_ESS_LOG_HOLDS    16

ngx_int_t ngx_ess_log_append(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_str_t *key, ngx_ess_event_t *event, uint64_t fingerprint,
    ngx_uint_t force, ngx_ess_notify_wake_t *wake);

/* Is it the body that closes those who are connected? */
ngx_uint_t ngx_ess_log_is_poison(ngx_str_t *body);


/* events that were evicted before they could be read */

typedef struct {
    uint64_t                 events;        /* how many, 0: none */
    uint64_t                 to;            /* ordinal of the last of them */
} ngx_ess_log_lost_t;


/*
 * Copies up to *n records from position *seq on into buf (bodies) and records
 * (whose body points into buf), sets *n to how many and *seq to what comes
 * next, *lost to what is gone.
 * *last is where the record before *seq is: 0 (not known), or what the call
 * that set *seq left there; without it, it is searched.  Takes the mutex.
 *
 * NGX_OK: the reader is at the end.  NGX_AGAIN: more is there.  NGX_DONE: at
 * the end of a stream that was deleted.  NGX_DECLINED: no such stream.
 * NGX_BUSY: the next body does not fit into an empty buf, *n is 0 and *need
 * says how much it takes.
 */
ngx_int_t ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need);


/* where somebody begins to read */

typedef struct {
    uint64_t                 seq;           /* as ngx_ess_log_read() takes */
    ngx_ess_seg_t            last;          /* them */
    ngx_uint_t               gap;           /* 1: the events "from" to "to" are
                                               gone; with to < from nobody
                                               knows how many */
    uint64_t                 from;          /* ordinals */
    uint64_t                 to;
    uint64_t                 first;         /* ordinal of the first event that
                                               is there, or will be */
    uint64_t                 expected;      /* ordinal behind the one before
                                               it, or "to"; 0: not known */
} ngx_ess_log_place_t;

/*
 * The first event after that ordinal.  An ordinal beyond the end is the end,
 * with a gap.  Takes the mutex, for a thousand records at a time; it looks at a
 * hundred or two, or more where timestamps are in no order.  NGX_OK or
 * NGX_DECLINED: no such stream.
 */
ngx_int_t ngx_ess_log_after_ordinal(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, uint64_t ordinal, ngx_ess_log_place_t *place);

/*
 * The first event, in the order of the log, whose timestamp is that or later,
 * or that has none and at least the ordinal "undated", else the end.  When it
 * is the first one that is there, events that are gone may have been asked
 * for, too: a gap.  As above.
 */
ngx_int_t ngx_ess_log_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place);

/*
 * Evicts, from the list by age, up to "max" events that are older than
 * log_age and have been seen.  From a timer of any worker.  Takes the mutex.
 */
void ngx_ess_log_expire(ngx_ess_zone_t *zone, ngx_uint_t max);


/* Redeliveries: what the zone remembers of a slot.  See ngx_ess_redelivery.h */

typedef struct {
    uint64_t                 appended;      /* number of the last event */
    uint64_t                 acked;         /* number of the last whose
                                               acknowledgement was sent */
    ngx_uint_t               n;
    uint64_t                *prints;        /* the last n, oldest first, that
                                               are not settled */
    uint64_t                 partial_print; /* of an event half appended, or 0:
                                               it must be appended again */
} ngx_ess_log_recent_t;

/* how many fingerprints a slot keeps: two prefetch windows of the largest
   size */
#define NGX_ESS_LOG_RECENT   2048

/* Copies up to NGX_ESS_LOG_RECENT fingerprints to recent->prints, which the
   caller provides.  Takes the mutex. */
void ngx_ess_log_recent(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_log_recent_t *recent);

/* The number of the slot's last event.  Takes the mutex. */
uint64_t ngx_ess_log_appended(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* Copies the fingerprints of what the slot has appended after that number, the
   last NGX_ESS_LOG_RECENT at most, oldest first, settled or not; returns how
   many.  Takes the mutex. */
ngx_uint_t ngx_ess_log_prints(ngx_ess_zone_t *zone, ngx_uint_t slot,
    uint64_t after, uint64_t *prints);

/* All that the slot appended so far has been acknowledged to the broker. */
void ngx_ess_log_acked_locked(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* As before; moreover the broker handles this acknowledgement before it hands
   the slot to anybody: none of them comes again. */
void ngx_ess_log_settled_locked(ngx_ess_zone_t *zone, ngx_uint_t slot);


#endif /* _NGX_ESS_LOG_H_INCLUDED_ */
