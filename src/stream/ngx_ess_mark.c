
/*
 * What the zone remembers of the slots' queues: which events were appended, and
 * acknowledged, last.  Runs in workers; all data is in the zone and belongs to
 * whoever holds its mutex.
 */


#include "ngx_ess_mark.h"
#include "ngx_ess_journal.h"


static void ngx_ess_mark_prints_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t slot,
    ngx_uint_t n, uint64_t *prints);


void
ngx_ess_mark_half_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark,
    uint64_t id)
{
    ngx_ess_zone_slot_t  *slot;

    slot = &sh->slots[mark->slot];

    ngx_ess_journal_set64_locked(sh, &slot->partial_print, mark->print);
    ngx_ess_journal_set64_locked(sh, &slot->partial_id, id);
}


uint64_t
ngx_ess_mark_done_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark)
{
    ngx_ess_zone_slot_t  *slot;

    slot = &sh->slots[mark->slot];

    return (slot->partial_print == mark->print) ? slot->partial_id : 0;
}


void
ngx_ess_mark_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_mark_t *mark)
{
    uint64_t              n;
    ngx_ess_zone_slot_t  *slot;

    slot = &sh->slots[mark->slot];

    n = slot->appended + 1;

    ngx_ess_journal_set64_locked(sh,
                                 ngx_ess_zone_ring(sh, mark->slot)
                                 + n % sh->geo.nring,
                                 mark->print);
    ngx_ess_journal_set64_locked(sh, &slot->appended, n);
    ngx_ess_journal_set64_locked(sh, &slot->partial_print, 0);
    ngx_ess_journal_set64_locked(sh, &slot->partial_id, 0);
}


void
ngx_ess_mark_recent(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_mark_recent_t *recent)
{
    ngx_ess_zone_sh_t    *sh;
    ngx_ess_zone_slot_t  *s;

    sh = zone->sh;
    s = &sh->slots[slot];

    ngx_ess_zone_lock(zone);

    recent->appended = s->appended;
    recent->acked = s->acked;
    recent->partial_print = s->partial_print;
    recent->n = ngx_min(s->appended - s->settled, sh->geo.nring);

    ngx_ess_mark_prints_locked(sh, slot, recent->n, recent->prints);

    ngx_ess_zone_unlock(zone);
}


ngx_uint_t
ngx_ess_mark_prints(ngx_ess_zone_t *zone, ngx_uint_t slot, uint64_t after,
    uint64_t *prints)
{
    ngx_uint_t          n;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    n = ngx_min(sh->slots[slot].appended - after,
                ngx_min(sh->geo.nring, NGX_ESS_MARK_RECENT));

    ngx_ess_mark_prints_locked(sh, slot, n, prints);

    ngx_ess_zone_unlock(zone);

    return n;
}


/* the last n */

static void
ngx_ess_mark_prints_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t slot, ngx_uint_t n,
    uint64_t *prints)
{
    uint64_t     first;
    uint64_t    *ring;
    ngx_uint_t   i;

    ring = ngx_ess_zone_ring(sh, slot);
    first = sh->slots[slot].appended - n + 1;

    for (i = 0; i < n; i++) {
        prints[i] = ring[(first + i) % sh->geo.nring];
    }
}


uint64_t
ngx_ess_mark_appended(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    uint64_t  appended;

    ngx_ess_zone_lock(zone);

    appended = zone->sh->slots[slot].appended;

    ngx_ess_zone_unlock(zone);

    return appended;
}


void
ngx_ess_mark_acked_locked(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    ngx_ess_zone_slot_t  *s;

    s = &zone->sh->slots[slot];

    ngx_ess_journal_set64_locked(zone->sh, &s->acked, s->appended);
    ngx_ess_journal_commit_locked(zone->sh);
}


void
ngx_ess_mark_settled_locked(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    ngx_ess_zone_slot_t  *s;

    s = &zone->sh->slots[slot];

    ngx_ess_journal_set64_locked(zone->sh, &s->settled, s->appended);
    ngx_ess_mark_acked_locked(zone, slot);
}
