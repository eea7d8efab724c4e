
/*
 * Half-made streams: a list in the zone, so that what a dead worker was about
 * to do with a stream is found by another one.  Runs in workers; all data is in
 * the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_pending.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"


/* streams looked at in one hold of the mutex */
#define NGX_ESS_PENDING_LOOK  1024

#define ngx_ess_pending_is(s)                                                 \
    ((s)->state == NGX_ESS_STREAM_CREATING                                    \
     || (s)->state == NGX_ESS_STREAM_DELETING)


static void ngx_ess_pending_own_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s);
static ngx_int_t ngx_ess_pending_orphan_locked(ngx_ess_zone_t *zone,
    uint64_t *id, ngx_ess_stream_info_t *info);


void
ngx_ess_pending_add_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_stream_state_e state)
{
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    ngx_ess_journal_set32_locked(sh, &s->state, state);
    ngx_ess_pending_own_locked(zone, s);

    ngx_ess_list_push_locked(sh, &ngx_ess_list_pending, &sh->pending, i);
}


void
ngx_ess_pending_drop_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    if (ngx_ess_pending_is(ngx_ess_zone_stream(sh, i))) {
        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_pending, &sh->pending,
                                   NULL, i);
    }
}


ngx_ess_seg_t
ngx_ess_pending_mine_locked(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    i = ngx_ess_lookup_id_locked(zone->sh, ref->id);
    if (i == 0) {
        return 0;
    }

    s = ngx_ess_zone_stream(zone->sh, i);

    return (ngx_ess_pending_is(s)
            && s->owner == zone->proc
            && s->incarnation == ngx_ess_zone_life(zone))
           ? i : 0;
}


static void
ngx_ess_pending_own_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s)
{
    ngx_ess_journal_set32_locked(zone->sh, &s->owner, zone->proc);
    ngx_ess_journal_set32_locked(zone->sh, &s->incarnation,
                                 ngx_ess_zone_life(zone));
}


ngx_int_t
ngx_ess_pending_orphan(ngx_ess_zone_t *zone, ngx_ess_stream_info_t *info)
{
    uint64_t   id;
    ngx_int_t  rc;

    id = 0;

    do {
        ngx_ess_zone_lock(zone);

        rc = ngx_ess_pending_orphan_locked(zone, &id, info);

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    return rc;
}


/* NGX_AGAIN: not yet; *id is the last one that was looked at. */

static ngx_int_t
ngx_ess_pending_orphan_locked(ngx_ess_zone_t *zone, uint64_t *id,
    ngx_ess_stream_info_t *info)
{
    ngx_uint_t          n;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    i = sh->pending;

    if (*id) {

        /* when it is half-made no more, the next call begins anew */

        i = ngx_ess_lookup_id_locked(sh, *id);

        if (i == 0 || !ngx_ess_pending_is(ngx_ess_zone_stream(sh, i))) {
            return NGX_DECLINED;
        }
    }

    for (n = 0; i && n < NGX_ESS_PENDING_LOOK; n++, i = s->pending_next) {
        ngx_ess_zone_look();

        s = ngx_ess_zone_stream(sh, i);
        *id = s->id;

        /* a new worker in the same process slot does not own what the last
           one left there */

        if (!ngx_ess_zone_lives(sh, s->owner, s->incarnation)) {
            ngx_ess_pending_own_locked(zone, s);
            ngx_ess_journal_commit_locked(sh);

            ngx_ess_stream_info_locked(sh, i, info);
            return NGX_OK;
        }
    }

    return i ? NGX_AGAIN : NGX_DECLINED;
}
