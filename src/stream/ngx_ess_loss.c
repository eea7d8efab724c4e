
/*
 * What was lost before it came to nginx.  A stream remembers which losses of
 * its slot its log tells of; one that was hit alone is set back by one.  All
 * data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_loss.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_lookup.h"


#define NGX_ESS_LOSS_STREAMS  256           /* in one hold of the mutex */


static ngx_uint_t ngx_ess_loss_key_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *key,
    uint64_t below, uint64_t *cursor, uint64_t *sought, ngx_uint_t *some);
static ngx_int_t ngx_ess_loss_stream_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);


void
ngx_ess_loss_slot(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    ngx_ess_zone_slot_t  *s;

    s = &zone->sh->slots[slot];

    ngx_ess_zone_lock(zone);

    ngx_ess_journal_set32_locked(zone->sh, &s->losses, s->losses + 1);
    ngx_ess_journal_commit_locked(zone->sh);

    ngx_ess_zone_unlock(zone);
}


ngx_uint_t
ngx_ess_loss_key(ngx_ess_zone_t *zone, ngx_str_t *key, uint64_t below)
{
    uint64_t    cursor, sought;
    ngx_uint_t  more, some;

    cursor = 0;
    sought = 0;
    some = 0;

    do {
        ngx_ess_zone_lock(zone);

        more = ngx_ess_loss_key_locked(zone->sh, key, below, &cursor, &sought,
                                       &some);

        ngx_ess_zone_unlock(zone);

    } while (more);

    return some;
}


/* Those with ids above *cursor; 1: not all of them. */

static ngx_uint_t
ngx_ess_loss_key_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *key, uint64_t below,
    uint64_t *cursor, uint64_t *sought, ngx_uint_t *some)
{
    uint32_t           hash;
    ngx_uint_t         n, looks;
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    hash = ngx_ess_lookup_key_hash(key);
    looks = NGX_ESS_LOOKUP_LOOKS;

    if (ngx_ess_lookup_key_after_locked(sh, key, hash, *cursor, sought,
                                        &looks, &i)
        == NGX_AGAIN)
    {
        return 1;
    }

    for (n = 0; i; n++) {
        s = ngx_ess_zone_stream(sh, i);

        if (s->id >= below) {
            break;
        }

        if (n == NGX_ESS_LOSS_STREAMS) {
            return 1;
        }

        if (ngx_ess_loss_stream_locked(sh, i) == NGX_OK) {
            *some = 1;
        }

        *cursor = s->id;

        i = ngx_ess_lookup_key_locked(sh, key, hash, i);
    }

    return 0;
}


ngx_int_t
ngx_ess_loss_stream(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_int_t      rc;
    ngx_ess_seg_t  i;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch);
    rc = i ? ngx_ess_loss_stream_locked(zone->sh, i) : NGX_DECLINED;

    ngx_ess_zone_unlock(zone);

    return rc;
}


static ngx_int_t
ngx_ess_loss_stream_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    if (!s->kind.binds || !ngx_ess_lookup_listed(s)) {
        return NGX_DECLINED;
    }

    ngx_ess_journal_set32_locked(sh, &s->losses,
                                 sh->slots[s->key_hash % NGX_ESS_SLOTS].losses
                                 - 1);
    ngx_ess_journal_commit_locked(sh);

    return NGX_OK;
}


ngx_uint_t
ngx_ess_loss_exchange(ngx_ess_zone_t *zone, uint32_t *seen)
{
    ngx_uint_t          i, first;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    first = (sh->exchange_losses == *seen);

    if (first) {
        ngx_ess_journal_set32_locked(sh, &sh->exchange_losses,
                                     sh->exchange_losses + 1);

        for (i = 0; i < NGX_ESS_SLOTS; i++) {
            ngx_ess_journal_set32_locked(sh, &sh->slots[i].losses,
                                         sh->slots[i].losses + 1);
        }

        ngx_ess_journal_commit_locked(sh);
    }

    *seen = sh->exchange_losses;

    ngx_ess_zone_unlock(zone);

    return first;
}


uint32_t
ngx_ess_loss_number(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->exchange_losses;
}


void
ngx_ess_loss_set_witness(ngx_ess_zone_t *zone, uint32_t witness)
{
    ngx_ess_zone_lock(zone);

    ngx_ess_journal_set32_locked(zone->sh, &zone->sh->witness, witness);
    ngx_ess_journal_commit_locked(zone->sh);

    ngx_ess_zone_unlock(zone);
}


uint32_t
ngx_ess_loss_witness(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->witness;
}
