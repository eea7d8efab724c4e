/*
 * The walk over the streams that an event is for.  Private to stream/, with the
 * mutex.
 */


#ifndef _NGX_ESS_LOG_WALK_H_INCLUDED_
#define _NGX_ESS_LOG_WALK_H_INCLUDED_


#include "ngx_ess_zone.h"


/*
 * The streams that an event is for, in order of their ids: those
 * that event->streams names, else those of event->keys, else those of the key.
 */

typedef struct {
    ngx_ess_zone_sh_t       *sh;
    ngx_ess_event_t         *event;
    ngx_str_t               *key;
    uint32_t                 hash;
    ngx_uint_t               next;          /* of event->streams */
} ngx_ess_log_walk_t;

/* The first one with an id above "done", 0: none.  NGX_AGAIN: not found yet,
   unlock and call again with the same event. */
ngx_int_t ngx_ess_log_walk_first_locked(ngx_ess_log_walk_t *walk,
    uint64_t done, ngx_ess_seg_t *first);

/* The one behind "i", which the walk gave last; 0: no more. */
ngx_ess_seg_t ngx_ess_log_walk_next_locked(ngx_ess_log_walk_t *walk,
    ngx_ess_seg_t i);


#endif /* _NGX_ESS_LOG_WALK_H_INCLUDED_ */
