/*
 * Streams made on demand: how many there may be, how many an address may make
 * a second, and when they go.  What is known of their use costs no store an
 * event: whoever looks for old ones sees that a log grew, or who subscribes.
 *
 *   find ── NGX_DECLINED ──► ngx_ess_table_reserve(), with limits ──► VISIBLE
 *    │                                                          ▲       │
 *   used: it stays for a while                                  │     expire
 *                                                  show ────────┴── DELETING
 */


#ifndef _NGX_ESS_CREATED_H_INCLUDED_
#define _NGX_ESS_CREATED_H_INCLUDED_


#include "ngx_ess_stream.h"


/* The address's part of the limits: of IPv6 the first half counts, unless IPv4
   is mapped to it.  No lock. */
void ngx_ess_created_address(ngx_ess_zone_t *zone, struct sockaddr *sockaddr,
    ngx_ess_created_limits_t *limits);

/*
 * NGX_OK: the stream of that name, made on demand or not, which counts as used.
 * NGX_BUSY: it is being made, or goes.  NGX_DECLINED: there is none.  Takes the
 * mutex.
 */
ngx_int_t ngx_ess_created_find(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info);

/* How many there are, in any state.  No lock. */
ngx_uint_t ngx_ess_created_number(ngx_ess_zone_t *zone);


/*
 * A walk over all streams made on demand: the next one that had neither a
 * subscriber nor an event for "idle" ms is DELETING, owned by this process.
 * NGX_OK: that one; NGX_AGAIN: call again; NGX_DECLINED: that was all.
 * "cursor" is 0 at first.  Takes the mutex, for a bounded time.
 */
ngx_int_t ngx_ess_created_expire(ngx_ess_zone_t *zone, ngx_msec_t idle,
    uint32_t *cursor, ngx_ess_stream_info_t *info);

/* 1: nobody has begun such a walk for "period" ms, and this process is to do
   it.  No lock: two may do it at once, which costs time only. */
ngx_uint_t ngx_ess_created_due(ngx_ess_zone_t *zone, ngx_msec_t period);


/* For stream/ alone, with the mutex; the caller commits. */

/* May there be another one?  NGX_AGAIN: there are so many already.  NGX_BUSY:
   the address made as many as it may. */
ngx_int_t ngx_ess_created_admit_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits);

/* The address made one. */
void ngx_ess_created_count_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits);


#endif /* _NGX_ESS_CREATED_H_INCLUDED_ */
