
/*
 * The logs: room for what comes.  The oldest records go, one after another,
 * each an operation of its own.  Runs in workers; all data is in the zone and
 * belongs to whoever holds its mutex.
 */


#include "ngx_ess_log_room.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"


static void ngx_ess_log_room_evict_locked(ngx_ess_zone_t *zone,
    ngx_ess_seg_t i);


ngx_int_t
ngx_ess_log_room_locked(ngx_ess_zone_t *zone, uint32_t n, ngx_uint_t force,
    ngx_uint_t *evict)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    if (n > sh->geo.nsegs - 1 - sh->nstatic) {
        return NGX_DECLINED;
    }

    while (sh->nfree < n) {

        if (sh->age_head == 0) {
            return NGX_DECLINED;
        }

        if (!force
            && ngx_ess_wake_unseen_locked(sh,
                                      ngx_ess_zone_record(sh, sh->age_head)))
        {
            return NGX_AGAIN;
        }

        if (evict && (*evict)-- == 0) {
            *evict = 0;
            return NGX_BUSY;
        }

        ngx_ess_log_room_evict_locked(zone, sh->age_head);
        ngx_ess_journal_commit_locked(sh);

        ngx_ess_counter_add(zone, NGX_ESS_C_EVICTED_EARLY, 1);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_log_room_make_locked(ngx_ess_zone_t *zone, uint32_t n)
{
    if (!ngx_ess_log_room_left_locked(zone, n)) {
        return NGX_DECLINED;
    }

    return ngx_ess_log_room_locked(zone, n, 1, NULL);
}


ngx_uint_t
ngx_ess_log_room_left_locked(ngx_ess_zone_t *zone, uint32_t n)
{
    uint64_t            total, event, events;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    total = sh->geo.nsegs - 1;
    event = ngx_ess_zone_record_segs(zone->max_event);
    events = ngx_max(total / 8, 2 * event);

    if (events > total / 2) {
        events = ngx_max(total / 8, event);
    }

    return events <= total && sh->nstatic + n <= total - events;
}


void
ngx_ess_log_room_bounds_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    size_t len, uint32_t now, ngx_uint_t *evict)
{
    uint32_t                age;
    ngx_ess_stream_t       *s;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    for ( /* void */ ; s->head && *evict; (*evict)--) {

        r = ngx_ess_zone_record(sh, s->head);
        age = now - r->arrival;

        if ((int32_t) age <= NGX_ESS_ZONE_SECOND) {
            return;
        }

        if (s->bytes + len <= zone->log_size
            && s->count < zone->log_count
            && (zone->log_age == 0
                || age <= zone->log_age / NGX_ESS_ZONE_TICK))
        {
            return;
        }

        if (ngx_ess_wake_unseen_locked(sh, r)) {
            return;
        }

        ngx_ess_log_room_evict_locked(zone, s->head);
        ngx_ess_journal_commit_locked(sh);
    }
}


/* The first record of its stream goes. */

static void
ngx_ess_log_room_evict_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i)
{
    ngx_ess_stream_t       *s;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    ngx_ess_zone_look();

    sh = zone->sh;
    r = ngx_ess_zone_record(sh, i);
    s = ngx_ess_zone_stream(sh, r->stream);

    ngx_ess_list_unlink_locked(sh, &ngx_ess_list_log, &s->head, &s->tail, i);
    ngx_ess_list_unlink_locked(sh, &ngx_ess_list_age, &sh->age_head,
                               &sh->age_tail, i);

    ngx_ess_journal_set32_locked(sh, &s->count, s->count - 1);

    if (ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_EVENT) {
        ngx_ess_journal_set32_locked(sh, &s->events, s->events - 1);
        ngx_ess_journal_set64_locked(sh, &s->bytes, s->bytes - r->len);
        ngx_ess_counter_add(zone, NGX_ESS_C_EVICTED, 1);
    }

    ngx_ess_zone_give_locked(sh, i, r->last,
                            ngx_ess_zone_record_segs(r->len
                                               + ngx_ess_zone_record_head(r)));
}


ngx_int_t
ngx_ess_log_room_clear_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t stream,
    ngx_uint_t max)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(zone->sh, stream);

    while (s->head) {

        if (max-- == 0) {
            return NGX_AGAIN;
        }

        ngx_ess_log_room_evict_locked(zone, s->head);
        ngx_ess_journal_commit_locked(zone->sh);
    }

    return NGX_OK;
}


void
ngx_ess_log_room_expire(ngx_ess_zone_t *zone, ngx_uint_t max)
{
    uint32_t                age;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    if (zone->log_age == 0) {
        return;
    }

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    for ( /* void */ ; max && sh->age_head; max--) {

        r = ngx_ess_zone_record(sh, sh->age_head);
        age = ngx_ess_zone_now(sh) - r->arrival;

        if ((int32_t) age <= NGX_ESS_ZONE_SECOND
            || age <= zone->log_age / NGX_ESS_ZONE_TICK
            || ngx_ess_wake_unseen_locked(sh, r))
        {
            break;
        }

        ngx_ess_log_room_evict_locked(zone, sh->age_head);
        ngx_ess_journal_commit_locked(sh);
    }

    ngx_ess_zone_unlock(zone);
}
