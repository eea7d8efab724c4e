/*
 * How a stream is found in the zone: by id, by uuid, by routing key, or as the
 * next one of a walk.  Private to stream/, with the mutex; nothing here changes
 * anything.
 */


#ifndef _NGX_ESS_LOOKUP_H_INCLUDED_
#define _NGX_ESS_LOOKUP_H_INCLUDED_


#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


/* a walk over all streams in order of id, with the mutex let go now and then */

typedef struct {
    uint64_t                 id;            /* those behind this one */

    /* the search for the first one, when "id" is gone */
    uint32_t                 buckets;       /* looked at so far; 0: begin */
    uint64_t                 least;         /* id above "id" so far */
} ngx_ess_lookup_cursor_t;


/* A stream in any state, 0: none. */
ngx_ess_seg_t ngx_ess_lookup_ref_locked(ngx_ess_zone_sh_t *sh, uint64_t id,
    uint64_t epoch);

/* The one with that id, whatever its epoch: for those who do nothing with its
   events.  A log that follows another one may get another epoch. */
ngx_ess_seg_t ngx_ess_lookup_id_locked(ngx_ess_zone_sh_t *sh, uint64_t id);

/*
 * The first stream with an id above c->id, in any state, 0: none.  NGX_AGAIN:
 * not found yet, *found is 0: unlock and call again with the same cursor.
 */
ngx_int_t ngx_ess_lookup_after_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_lookup_cursor_t *c, ngx_ess_seg_t *found);

/* Does it take part in appends, by its key?  Those that do are on the rings. */
#define ngx_ess_lookup_keyed(s)                                               \
    ((s)->kind.binds && (s)->state != NGX_ESS_STREAM_CLOSED)

/* Is it told of, and may it have subscribers? */
#define ngx_ess_lookup_listed(s)                                              \
    ((s)->state == NGX_ESS_STREAM_VISIBLE                                     \
     || (s)->state == NGX_ESS_STREAM_DELETING)

/* The streams of a key that take part in appends, in order of id: the first
   one behind "i" (0: from the start), 0: no more. */
ngx_ess_seg_t ngx_ess_lookup_key_locked(ngx_ess_zone_sh_t *sh,
    ngx_str_t *key, uint32_t hash, ngx_ess_seg_t i);

/*
 * The first of them with an id above "id", 0: none.  Is the one with that id
 * gone, or has another key, the search begins at the id *sought: 0 at first,
 * or what was found for a lower id, or not found.  NGX_AGAIN: not found yet,
 * *looks streams were looked at, and it is 0: unlock and call again with the
 * same *sought.
 */
#define NGX_ESS_LOOKUP_LOOKS  1024          /* in one hold, all in all */

ngx_int_t ngx_ess_lookup_key_after_locked(ngx_ess_zone_sh_t *sh,
    ngx_str_t *key, uint32_t hash, uint64_t id, uint64_t *sought,
    ngx_uint_t *looks, ngx_ess_seg_t *found);

/* No lock. */
uint32_t ngx_ess_lookup_key_hash(ngx_str_t *key);
uint32_t ngx_ess_lookup_uuid_hash(const u_char *uuid);

/* The one with that uuid. */
ngx_ess_seg_t ngx_ess_lookup_uuid_locked(ngx_ess_zone_sh_t *sh,
    const u_char *uuid);


#endif /* _NGX_ESS_LOOKUP_H_INCLUDED_ */
