
/*
 * Which worker makes which log follow what its source has.  Runs in workers;
 * all data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_follow.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_stream.h"


/* records freed in one hold of the mutex */
#define NGX_ESS_FOLLOW_CLEAR  256


static ngx_ess_follow_e ngx_ess_follow_state_locked(ngx_ess_zone_t *zone,
    ngx_ess_seg_t i);
static ngx_uint_t ngx_ess_follow_alive_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s);
static ngx_uint_t ngx_ess_follow_mine_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s);
static ngx_ess_seg_t ngx_ess_follow_own_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);
static void ngx_ess_follow_set_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_follow_e state, ngx_uint_t mine, ngx_ess_wake_t *wake);


ngx_ess_follow_e
ngx_ess_follow_state(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_follow_e  state;

    ngx_ess_zone_lock(zone);

    state = ngx_ess_follow_state_locked(zone,
                 ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch));

    ngx_ess_zone_unlock(zone);

    return state;
}


ngx_ess_follow_e
ngx_ess_follow_current(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_seg_t     i;
    ngx_ess_follow_e  state;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(zone->sh, ref->id);
    state = ngx_ess_follow_state_locked(zone, i);

    if (i) {
        ref->epoch = ngx_ess_zone_stream(zone->sh, i)->epoch;
    }

    ngx_ess_zone_unlock(zone);

    return state;
}


static ngx_ess_follow_e
ngx_ess_follow_state_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i)
{
    ngx_ess_stream_t  *s;

    if (i == 0) {
        return NGX_ESS_FOLLOW_MISSING;
    }

    s = ngx_ess_zone_stream(zone->sh, i);

    return (s->follow == NGX_ESS_FOLLOW_MISSING
            || ngx_ess_follow_alive_locked(zone, s))
           ? s->follow : NGX_ESS_FOLLOW_NONE;
}


/* A follower that lives, and is not of a generation that is on its way out. */

static ngx_uint_t
ngx_ess_follow_alive_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s)
{
    return s->follower
           && ngx_ess_zone_lives(zone->sh, s->follower - 1, s->follower_life)
           && ngx_ess_zone_proc(zone->sh, s->follower - 1)->generation
              >= zone->generation;
}


static ngx_uint_t
ngx_ess_follow_mine_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s)
{
    return s->follower == zone->proc + 1
           && s->follower_life == ngx_ess_zone_life(zone);
}


ngx_uint_t
ngx_ess_follow_mine(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t  mine;

    ngx_ess_zone_lock(zone);

    mine = ngx_ess_follow_own_locked(zone, ref) != 0;

    ngx_ess_zone_unlock(zone);

    return mine;
}


/* The stream, whatever its epoch, when this process is its follower. */

static ngx_ess_seg_t
ngx_ess_follow_own_locked(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    i = ngx_ess_lookup_id_locked(zone->sh, ref->id);

    if (i == 0) {
        return 0;
    }

    s = ngx_ess_zone_stream(zone->sh, i);

    if (s->state == NGX_ESS_STREAM_CLOSED
        || !ngx_ess_follow_mine_locked(zone, s))
    {
        return 0;
    }

    return i;
}


/* Tells those who care, unless "wake" is NULL, and commits. */

static void
ngx_ess_follow_set_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_follow_e state, ngx_uint_t mine, ngx_ess_wake_t *wake)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(zone->sh, i);

    ngx_ess_journal_set32_locked(zone->sh, &s->follow, state);
    ngx_ess_journal_set32_locked(zone->sh, &s->follower,
                                 mine ? zone->proc + 1 : 0);
    ngx_ess_journal_set32_locked(zone->sh, &s->follower_life,
                                 mine ? ngx_ess_zone_life(zone) : 0);

    if (wake) {
        ngx_ess_wake_mark_locked(zone->sh, i, wake);
    }

    ngx_ess_journal_commit_locked(zone->sh);
}


ngx_int_t
ngx_ess_follow_claim(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *ordinal)
{
    ngx_int_t          rc;
    ngx_uint_t         live;
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    rc = NGX_DECLINED;

    if (ngx_ess_zone_own(zone) == NULL) {
        return NGX_DECLINED;
    }

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(zone->sh, ref->id);
    if (i == 0) {
        goto done;
    }

    s = ngx_ess_zone_stream(zone->sh, i);

    if (s->state == NGX_ESS_STREAM_CLOSED || !s->kind.follows) {
        goto done;
    }

    if (ngx_ess_follow_alive_locked(zone, s)
        && !ngx_ess_follow_mine_locked(zone, s))
    {
        rc = NGX_BUSY;
        goto done;
    }

    live = (s->follow == NGX_ESS_FOLLOW_LIVE);
    *ordinal = live ? s->next_ordinal : 0;
    ref->epoch = s->epoch;

    ngx_ess_follow_set_locked(zone, i, live ? NGX_ESS_FOLLOW_LIVE
                                            : NGX_ESS_FOLLOW_ATTACHING,
                              1, NULL);
    rc = NGX_OK;

done:

    ngx_ess_zone_unlock(zone);

    return rc;
}


ngx_int_t
ngx_ess_follow_begin(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t epoch, uint64_t ordinal, uint64_t first, ngx_ess_wake_t *wake)
{
    ngx_int_t           rc;
    ngx_uint_t          fill;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    do {
        fill = 0;
        rc = NGX_DECLINED;

        ngx_ess_zone_lock(zone);

        i = ngx_ess_follow_own_locked(zone, ref);

        if (i) {
            rc = ngx_ess_log_room_clear_locked(zone, i, NGX_ESS_FOLLOW_CLEAR);
        }

        if (rc == NGX_OK) {
            s = ngx_ess_zone_stream(sh, i);
            fill = first < ordinal && !ngx_ess_pair_any_locked(sh, s);

            ngx_ess_journal_set64_locked(sh, &s->epoch,
                                         epoch ? epoch : s->epoch);
            ref->epoch = epoch ? epoch : s->epoch;

            ngx_ess_journal_set64_locked(sh, &s->next_ordinal,
                                         fill ? first : ordinal);
            ngx_ess_follow_set_locked(zone, i, fill ? NGX_ESS_FOLLOW_FILLING
                                                    : NGX_ESS_FOLLOW_LIVE,
                                      1, wake);
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    return fill ? NGX_AGAIN : rc;
}


ngx_int_t
ngx_ess_follow_live(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *wake)
{
    ngx_int_t      rc;
    ngx_ess_seg_t  i;

    rc = NGX_DECLINED;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_follow_own_locked(zone, ref);

    if (i
        && ngx_ess_zone_stream(zone->sh, i)->follow == NGX_ESS_FOLLOW_FILLING)
    {
        ngx_ess_follow_set_locked(zone, i, NGX_ESS_FOLLOW_LIVE, 1, wake);
        rc = NGX_OK;
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


ngx_int_t
ngx_ess_follow_missing(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *wake)
{
    ngx_ess_seg_t  i;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_follow_own_locked(zone, ref);

    if (i) {
        if (ngx_ess_zone_stream(zone->sh, i)->follow == NGX_ESS_FOLLOW_LIVE) {
            ngx_ess_log_end_locked(zone, i, wake);
        }

        ngx_ess_follow_set_locked(zone, i, NGX_ESS_FOLLOW_MISSING, 0, wake);
    }

    ngx_ess_zone_unlock(zone);

    return i ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_ess_follow_release(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_uint_t leaving, ngx_ess_wake_t *wake)
{
    ngx_int_t           rc;
    ngx_uint_t          interest;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    do {
        rc = NGX_OK;

        ngx_ess_zone_lock(zone);

        i = ngx_ess_follow_own_locked(zone, ref);

        if (i == 0) {
            ngx_ess_zone_unlock(zone);
            return NGX_OK;
        }

        s = ngx_ess_zone_stream(sh, i);
        interest = ngx_ess_pair_any_locked(sh, s);

        if (leaving && interest) {

            /* as if it had died: whoever claims goes on with the log */

            ngx_ess_follow_set_locked(zone, i, s->follow, 0, wake);

        } else if (interest) {
            rc = NGX_BUSY;

        } else {
            rc = ngx_ess_log_room_clear_locked(zone, i, NGX_ESS_FOLLOW_CLEAR);

            if (rc == NGX_OK) {
                ngx_ess_follow_set_locked(zone, i, NGX_ESS_FOLLOW_NONE, 0,
                                          NULL);
            }
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    return rc;
}
