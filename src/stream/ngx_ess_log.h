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


#include "ngx_ess_zone.h"
#include "ngx_ess_wake.h"


typedef enum {
    NGX_ESS_RECORD_EVENT = 0,
    NGX_ESS_RECORD_POISON,                  /* closes those connected */
    NGX_ESS_RECORD_GONE,                    /* what it follows is: so does
                                               this */
    NGX_ESS_RECORD_LOSS                     /* here events were lost that
                                               never came to nginx */
} ngx_ess_record_type_e;


/* see ngx_ess_log_key.h */

typedef struct ngx_ess_log_keys_s  ngx_ess_log_keys_t;


typedef struct {
    ngx_ess_record_type_e    type;
    uint64_t                 seq;
    uint64_t                 ordinal;       /* of what is no event: of the one
                                               before it */
    uint64_t                 after;         /* see ngx_ess_gap.h */
    uint64_t                 timestamp;     /* ms since 1970; 0: not known */
    ngx_msec_t               arrival;       /* as ngx_current_msec */
    ngx_str_t                body;          /* in the reader's buffer */
    ngx_str_t                key;           /* likewise; empty: it has none */
} ngx_ess_record_t;


/*
 * Appends the event once to each stream (CREATING, VISIBLE, DELETING) that has
 * the routing key, or one of event->keys, or that event->streams names (the
 * index of one that is no more is set to 0); or to that of them only that
 * event->uuid names.  Marks those that care in "wake", and sets event->mark.
 * All of that is one operation: after a crash all of it happened or none.  But
 * what takes long is done in parts: NGX_BUSY then says that the mutex is to be
 * given away, and the call repeated with the same event (event->done tells how
 * far it came) before another one of its source is appended.  The mark says
 * how far as well: after a crash the event goes on there when it comes again.
 * Evicts by the zone's bounds, or the stream's own: over log_size bytes, over
 * log_count events, older than log_age; never the newest event of a log for its
 * size, never what is younger than a second but for want of room in the zone,
 * and what a worker has not seen yet not even for that, unless "force" is set.
 * The caller has checked the body against max_event.  A body that is exactly
 * POISON becomes a record of its own type.  The records of streams that have a
 * rule for keys get the event's key, or what the rule finds in it, which is
 * sought without the mutex; NGX_ESS_C_NO_KEY counts those that get none.  With
 * event->lost no record is made, but all else is as with one.  Counts
 * NGX_ESS_C_EVENTS_IN and NGX_ESS_C_EVICTED_EARLY.
 *
 * An event with an ordinal is for one stream, whose log is LIVE or FILLING and
 * has not got that ordinal or a later one, else it is not appended.  Ordinals
 * may be left out: those of what is no event in the broker; up to event->after
 * there were some.
 *
 * Returns more than 0 when there are streams for it; with 0 nothing was
 * appended (but the mark is set).  NGX_AGAIN, never with "force": the room is
 * taken by what workers are about to see; nothing more was appended.
 *
 * Takes the mutex, again and again for short times; NGX_BUSY after a thousand
 * streams or so (never with "force"): the event loop should have its turn.
 * Without "force" there are never more than NGX_ESS_LOG_IDS ids.
 */
#define NGX_ESS_LOG_HOLDS    16
#define NGX_ESS_LOG_IDS      1024

ngx_int_t ngx_ess_log_append(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_ess_event_t *event, ngx_uint_t force, ngx_ess_wake_t *wake);

/* One hold of that.  With NGX_BUSY the keys that "keys" wants are to be found
   before the next one. */
ngx_int_t ngx_ess_log_append_locked(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_ess_event_t *event, ngx_ess_log_keys_t *keys, ngx_uint_t force,
    ngx_ess_wake_t *wake);

/* Is it the body that closes those who are connected? */
ngx_uint_t ngx_ess_log_is_poison(ngx_str_t *body);

/*
 * Appends what a log of the exchange does not tell of yet, if there is any (see
 * ngx_ess_loss.h): who comes afterwards has not missed it.  Else that is done
 * before the next event.  Takes the mutex.
 */
void ngx_ess_log_losses(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref);

/* Appends a record GONE, for those who read the log; without room for it, it
   is left out.  The caller commits. */
void ngx_ess_log_end_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t stream,
    ngx_ess_wake_t *wake);


#endif /* _NGX_ESS_LOG_H_INCLUDED_ */
