
/*
 * The logs: room for what comes.  The oldest records go, one after another,
 * each an operation of its own.  Runs in workers; all data is in the zone and
 * belongs to whoever holds its mutex.
 */


#include "ngx_ess_log_room.h"
#include "ngx_ess_attr.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"


/* what a log may hold */

typedef struct {
    uint64_t                 size;          /* bytes */
    uint64_t                 count;         /* records */
    uint64_t                 age;           /* ticks; 0: any */
} ngx_ess_log_room_bounds_t;


static void ngx_ess_log_room_own_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s, ngx_ess_log_room_bounds_t *bounds);
static ngx_uint_t ngx_ess_log_room_old_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_zone_record_t *r, uint64_t age);
static void ngx_ess_log_room_expire_locked(ngx_ess_zone_t *zone,
    ngx_uint_t max);
static void ngx_ess_log_room_expire_own_locked(ngx_ess_zone_t *zone,
    ngx_uint_t max);
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
    event = ngx_ess_zone_record_segs(zone->max_event + NGX_ESS_ZONE_HEAD);
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
    uint32_t                   age;
    ngx_ess_stream_t          *s;
    ngx_ess_zone_sh_t         *sh;
    ngx_ess_zone_record_t     *r;
    ngx_ess_log_room_bounds_t  bounds;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    ngx_ess_log_room_own_locked(zone, s, &bounds);

    for ( /* void */ ; s->head && *evict; (*evict)--) {

        r = ngx_ess_zone_record(sh, s->head);
        age = now - r->arrival;

        if ((int32_t) age <= NGX_ESS_ZONE_SECOND) {
            return;
        }

        if (s->bytes + len <= bounds.size
            && s->count < bounds.count
            && (bounds.age == 0 || age <= bounds.age))
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


/* The stream's own bounds, or those of ess_log. */

static void
ngx_ess_log_room_own_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s,
    ngx_ess_log_room_bounds_t *bounds)
{
    ngx_ess_attr_t  *attr;

    bounds->size = zone->log_size;
    bounds->count = zone->log_count;
    bounds->age = zone->log_age / NGX_ESS_ZONE_TICK;

    if (!(s->kind.attr & NGX_ESS_ATTR_LOG)) {
        return;
    }

    attr = ngx_ess_attr_locked(zone->sh, s);

    if (attr->log_size) {
        bounds->size = attr->log_size;
    }

    if (attr->log_count) {
        bounds->count = attr->log_count;
    }

    if (attr->log_age) {
        bounds->age = attr->log_age / NGX_ESS_ZONE_TICK;
    }
}


/* Is it older than so many ticks, and may it go? */

static ngx_uint_t
ngx_ess_log_room_old_locked(ngx_ess_zone_sh_t *sh, ngx_ess_zone_record_t *r,
    uint64_t age)
{
    uint32_t  old;

    old = ngx_ess_zone_now(sh) - r->arrival;

    return (int32_t) old > NGX_ESS_ZONE_SECOND
           && old > age
           && !ngx_ess_wake_unseen_locked(sh, r);
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

    if (sh->age_kept == i) {
        ngx_ess_journal_set32_locked(sh, &sh->age_kept, r->age_prev);
    }

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
    ngx_ess_zone_lock(zone);

    ngx_ess_log_room_expire_locked(zone, max);
    ngx_ess_log_room_expire_own_locked(zone, max);

    ngx_ess_zone_unlock(zone);
}


/* By the age that ess_log says, from the oldest one on.  Behind those that stay
   for their streams' own the next call goes on. */

static void
ngx_ess_log_room_expire_locked(ngx_ess_zone_t *zone, ngx_uint_t max)
{
    uint64_t                age;
    ngx_ess_seg_t           i, next;
    ngx_ess_attr_t         *attr;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    if (zone->log_age == 0) {
        return;
    }

    sh = zone->sh;
    age = zone->log_age / NGX_ESS_ZONE_TICK;

    i = sh->age_kept ? ngx_ess_zone_record(sh, sh->age_kept)->age_next
                     : sh->age_head;

    for ( /* void */ ; max && i; max--, i = next) {

        r = ngx_ess_zone_record(sh, i);
        next = r->age_next;

        if (!ngx_ess_log_room_old_locked(sh, r, age)) {
            break;
        }

        attr = ngx_ess_attr_locked(sh, ngx_ess_zone_stream(sh, r->stream));

        if (attr && attr->log_age) {
            ngx_ess_journal_set32_locked(sh, &sh->age_kept, i);

        } else {
            ngx_ess_log_room_evict_locked(zone, i);
        }

        ngx_ess_journal_commit_locked(sh);
    }
}


/* By ages of their own: "max" records and streams, which take turns. */

static void
ngx_ess_log_room_expire_own_locked(ngx_ess_zone_t *zone, ngx_uint_t max)
{
    uint64_t            age;
    ngx_ess_seg_t       i, first;
    ngx_ess_attr_t     *attr;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    first = sh->aged_head;

    for (i = first; i && max; i = sh->aged_head) {
        ngx_ess_zone_look();

        attr = ngx_ess_zone_attr(sh, i);
        s = ngx_ess_zone_stream(sh, attr->stream);
        age = attr->log_age / NGX_ESS_ZONE_TICK;

        while (max && s->head
               && ngx_ess_log_room_old_locked(sh,
                                              ngx_ess_zone_record(sh, s->head),
                                              age))
        {
            ngx_ess_log_room_evict_locked(zone, s->head);
            ngx_ess_journal_commit_locked(sh);
            max--;
        }

        if (max == 0) {
            return;
        }

        max--;

        if (i == sh->aged_tail) {
            return;
        }

        ngx_ess_attr_turn_locked(sh, i);
        ngx_ess_journal_commit_locked(sh);

        if (sh->aged_head == first) {
            return;
        }
    }
}
