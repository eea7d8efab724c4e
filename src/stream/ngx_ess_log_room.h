/*
 * Room in the zone: who asks for it, and which records go.
 *
 *   by age, in the zone      for want of free segments: the oldest of all
 *   by age, in the log       over log_age
 *   by size, in the log      over log_size or log_count: the oldest of its
 *
 * A stream may have bounds of its own instead of those: see ngx_ess_attr.h.
 *
 * What a worker has not seen yet stays, unless the caller insists.
 */


#ifndef _NGX_ESS_LOG_ROOM_H_INCLUDED_
#define _NGX_ESS_LOG_ROOM_H_INCLUDED_


#include "ngx_ess_log.h"


/*
 * Evicts the oldest records of the zone until "n" segments are free; with
 * room for them it does nothing, else the journal is empty.  NGX_DECLINED:
 * there never is.  NGX_AGAIN, never with "force": the next one to go has not
 * been seen.  NGX_BUSY: *evict have gone; NULL: as many as it takes.
 */
ngx_int_t ngx_ess_log_room_locked(ngx_ess_zone_t *zone, uint32_t n,
    ngx_uint_t force, ngx_uint_t *evict);

/*
 * Before a body of "len" is appended to the stream at the time "now" (ticks):
 * evicts what it pushes out of the log, *evict at most.  All may go, for the
 * new record is not there yet.
 */
void ngx_ess_log_room_bounds_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    size_t len, uint32_t now, ngx_uint_t *evict);

/* May "n" segments more be used for streams?  Evicts the oldest events for
   them, each committed; the journal is empty.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_log_room_make_locked(ngx_ess_zone_t *zone, uint32_t n);

/* 1 when events still have room beside n more segments for streams. */
ngx_uint_t ngx_ess_log_room_left_locked(ngx_ess_zone_t *zone, uint32_t n);

/* Evicts up to "max" records of the stream, each committed.  NGX_OK: its log
   is empty.  NGX_AGAIN: it is not yet. */
ngx_int_t ngx_ess_log_room_clear_locked(ngx_ess_zone_t *zone,
    ngx_ess_seg_t stream, ngx_uint_t max);

/*
 * Evicts, from the list by age, up to "max" events that are older than
 * log_age and have been seen, and as many of the streams that have an age of
 * their own.  From a timer of any worker.  Takes the mutex.
 */
void ngx_ess_log_room_expire(ngx_ess_zone_t *zone, ngx_uint_t max);


#endif /* _NGX_ESS_LOG_ROOM_H_INCLUDED_ */
