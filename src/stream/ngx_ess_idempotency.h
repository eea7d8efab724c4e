/*
 * Publications with an Idempotency-Key, and what they were answered, so that a
 * repeated one gets the first answer, from whatever worker.
 *
 *   begin ──► under way, of a process slot, in one life of it
 *                │      │       │
 *                │   cancel    dies ──► nobody's: the next begin takes it, or
 *                │      │               the next expiry
 *                │      ▼
 *             finish   none
 *                │
 *                ▼
 *             finished ── 5 minutes, or want of room ──► none
 *
 * An entry is a segment, taken when it is needed; so are the hash table's.  A
 * key, and what it was used for, are fingerprints of 128 bits: what has the
 * same ones is the same.  A fingerprint is of the seed as well, so that nobody
 * chooses keys for one bucket.
 */


#ifndef _NGX_ESS_IDEMPOTENCY_H_INCLUDED_
#define _NGX_ESS_IDEMPOTENCY_H_INCLUDED_


#include "ngx_ess_zone.h"


#define NGX_ESS_IDEMPOTENCY_FINGERPRINT  16

/* bytes that nobody knows, the same ones as long as the zone */
#define NGX_ESS_IDEMPOTENCY_SEED     16

/* bytes of an answer; what they mean is the caller's */
#define NGX_ESS_IDEMPOTENCY_ANSWER   184

/* a finished one is kept so long, in seconds */
#define NGX_ESS_IDEMPOTENCY_TIME     300


typedef struct {
    u_char                   key[NGX_ESS_IDEMPOTENCY_FINGERPRINT];
    u_char                   request[NGX_ESS_IDEMPOTENCY_FINGERPRINT];

    uint32_t                 accepted;      /* events; with the answer set by
                                               finish, and by begin with
                                               NGX_DONE */
    uint32_t                 len;           /* of the answer */
    u_char                   answer[NGX_ESS_IDEMPOTENCY_ANSWER];
} ngx_ess_idempotency_t;


/*
 * NGX_OK: nobody has used the key, it is under way now; it is to be finished,
 * or cancelled.  NGX_DONE: the same request was answered so.  NGX_BUSY: the
 * same one is under way.  NGX_DECLINED: the key is that of another request.
 * NGX_ABORT: there is no room, for all are under way, or the zone is full.
 * Forgets the oldest finished one for want of room, counted as
 * NGX_ESS_C_IDEMPOTENCY_EVICTED.  Takes the mutex.
 */
ngx_int_t ngx_ess_idempotency_begin(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);

/* What this process began.  Take the mutex. */
void ngx_ess_idempotency_finish(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);
void ngx_ess_idempotency_cancel(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);

/* Forgets up to "max" of those whose time is over, and of those that a dead
   process left.  From a timer of any worker.  Takes the mutex, if there are
   any, for 64 of them at a time. */
void ngx_ess_idempotency_expire(ngx_ess_zone_t *zone, ngx_uint_t max);

/* What each fingerprint of a key begins with: NGX_ESS_IDEMPOTENCY_SEED bytes of
   the zone.  No lock. */
void ngx_ess_idempotency_seed(ngx_ess_zone_t *zone, ngx_str_t *seed);

/* How many there are, and how many there may be.  No lock. */
ngx_uint_t ngx_ess_idempotency_count(ngx_ess_zone_t *zone);
ngx_uint_t ngx_ess_idempotency_max(ngx_ess_zone_t *zone);


#endif /* _NGX_ESS_IDEMPOTENCY_H_INCLUDED_ */
