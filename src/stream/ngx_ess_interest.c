
/*
 * Who has subscribers on which stream.  Runs in workers; all data is in the
 * zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_interest.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_table.h"


/* records freed in one hold of the mutex */
#define NGX_ESS_INTEREST_CLEAR  256


static ngx_int_t ngx_ess_interest_subscribe_locked(ngx_ess_zone_t *zone,
    ngx_ess_interest_entry_t *entry, ngx_ess_wake_t *wake);
static void ngx_ess_interest_count_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s, ngx_ess_pair_t *pair);
static ngx_int_t ngx_ess_interest_unsubscribe_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);
static ngx_ess_pair_t *ngx_ess_interest_new_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s);
static void ngx_ess_interest_drop_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i, ngx_ess_pair_t *pair);
static void ngx_ess_interest_drop_more_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);


ngx_int_t
ngx_ess_interest_subscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_max_subscribers_t *limit, uint64_t *seq, uint64_t *ordinal,
    uint32_t *number)
{
    ngx_ess_interest_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_ess_interest_entry_t));

    entry.ref = *ref;
    entry.limit = limit;

    ngx_ess_interest_subscribe_many(zone, &entry, 1);

    *seq = entry.seq;
    *ordinal = entry.ordinal;
    *number = entry.number;

    return entry.rc;
}


void
ngx_ess_interest_subscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_interest_entry_t *entries, ngx_uint_t n)
{
    ngx_uint_t      i;
    ngx_ess_wake_t  wake;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    for (i = 0; i < n; /* void */ ) {

        ngx_ess_zone_lock(zone);

        do {
            entries[i].rc = ngx_ess_interest_subscribe_locked(zone, &entries[i],
                                                              &wake);
        } while (++i < n && i % NGX_ESS_INTEREST_MANY);

        ngx_ess_zone_unlock(zone);
    }

    ngx_ess_wake_procs(zone, &wake);
}


static ngx_int_t
ngx_ess_interest_subscribe_locked(ngx_ess_zone_t *zone,
    ngx_ess_interest_entry_t *entry, ngx_ess_wake_t *wake)
{
    ngx_ess_seg_t       i;
    ngx_ess_pair_t     *pair;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    if (ngx_ess_zone_own(zone) == NULL) {
        return NGX_ERROR;
    }

    i = ngx_ess_lookup_ref_locked(sh, entry->ref.id, entry->ref.epoch);
    if (i == 0) {
        return NGX_DECLINED;
    }

    s = ngx_ess_zone_stream(sh, i);

    if (!ngx_ess_lookup_listed(s)) {
        return NGX_DECLINED;
    }

    if (!entry->again) {

        /* this may evict, each record by itself: before anything is changed */

        pair = ngx_ess_pair_find_locked(sh, s, zone->proc);

        if (pair == NULL) {
            pair = ngx_ess_interest_new_locked(zone, s);
            if (pair == NULL) {
                return NGX_ERROR;
            }
        }

        if (entry->limit
            && ngx_ess_max_subscribers_admit_locked(sh, i, entry->limit, wake)
               != NGX_OK)
        {
            ngx_ess_interest_drop_more_locked(sh, s);
            ngx_ess_journal_commit_locked(sh);

            return NGX_BUSY;
        }

        entry->number = (uint32_t) s->last_subscriber + 1;

        ngx_ess_interest_count_locked(zone, s, pair);
    }

    entry->seq = s->next_seq;
    entry->ordinal = s->next_ordinal;

    return NGX_OK;
}


/* Commits. */

static void
ngx_ess_interest_count_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s,
    ngx_ess_pair_t *pair)
{
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_process_t  *proc;

    sh = zone->sh;
    proc = ngx_ess_zone_own(zone);

    ngx_ess_journal_set64_locked(sh, &s->last_subscriber,
                                 s->last_subscriber + 1);

    if (pair->count == 0) {
        ngx_ess_journal_set32_locked(sh, &pair->proc, zone->proc);
        ngx_ess_journal_set32_locked(sh, &proc->npairs, proc->npairs + 1);
    }

    ngx_ess_journal_set32_locked(sh, &pair->count, pair->count + 1);
    ngx_ess_journal_commit_locked(sh);
}


ngx_uint_t
ngx_ess_interest_subscribed(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t          subscribed;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(sh, ref->id);
    subscribed = i && ngx_ess_pair_find_locked(sh,
                                               ngx_ess_zone_stream(sh, i),
                                               zone->proc);
    ngx_ess_zone_unlock(zone);

    return subscribed;
}


void
ngx_ess_interest_procs(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *procs)
{
    ngx_uint_t          p;
    ngx_ess_seg_t       i, ext;
    ngx_ess_pair_t     *pair;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    ngx_memzero(procs, sizeof(ngx_ess_wake_t));

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(sh, ref->id);

    if (i) {
        s = ngx_ess_zone_stream(sh, i);

        for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
             pair;
             pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
        {
            p = ngx_ess_pair_proc(pair);
            procs->procs[p / 64] |= (uint64_t) 1 << (p % 64);
        }
    }

    ngx_ess_zone_unlock(zone);
}


void
ngx_ess_interest_unsubscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_interest_unsubscribe_many(zone, ref, 1);
}


void
ngx_ess_interest_unsubscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *refs, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i, held;

    for (i = 0; i < n; /* void */ ) {

        ngx_ess_zone_lock(zone);

        for (held = 0; i < n && held < NGX_ESS_INTEREST_MANY; held++) {

            rc = ngx_ess_interest_unsubscribe_locked(zone, &refs[i]);

            if (rc != NGX_AGAIN) {
                i++;
            }

            if (rc != NGX_OK) {
                /* that took long */
                break;
            }
        }

        ngx_ess_zone_unlock(zone);
    }
}


/* NGX_AGAIN: not done yet, unlock and call again.  NGX_DONE: done, records were
   freed. */

static ngx_int_t
ngx_ess_interest_unsubscribe_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref)
{
    ngx_int_t           rc;
    ngx_uint_t          closed;
    ngx_ess_seg_t       i;
    ngx_ess_pair_t     *pair;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    i = ngx_ess_lookup_id_locked(sh, ref->id);

    pair = i ? ngx_ess_pair_find_locked(sh, ngx_ess_zone_stream(sh, i),
                                        zone->proc)
             : NULL;

    if (pair == NULL) {
        return NGX_OK;
    }

    if (pair->count == 1) {
        closed = (ngx_ess_zone_stream(sh, i)->state == NGX_ESS_STREAM_CLOSED);

        rc = ngx_ess_interest_forget_locked(zone, i, zone->proc);

        return (rc == NGX_OK && closed) ? NGX_DONE : rc;
    }

    ngx_ess_journal_set32_locked(sh, &pair->count, pair->count - 1);
    ngx_ess_journal_commit_locked(sh);

    return NGX_OK;
}


ngx_int_t
ngx_ess_interest_forget_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_uint_t p)
{
    ngx_uint_t          last;
    ngx_ess_seg_t       ext;
    ngx_ess_pair_t     *pair;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    pair = ngx_ess_pair_find_locked(sh, s, p);
    if (pair == NULL) {
        return NGX_OK;
    }

    last = 0;

    if (s->state == NGX_ESS_STREAM_CLOSED
        && ngx_ess_pair_next_locked(sh, s, NULL, &ext) == pair
        && ngx_ess_pair_next_locked(sh, s, pair, &ext) == NULL)
    {
        last = 1;

        /* the interest stays until the log is empty, so that whoever sweeps
           after this process goes on */

        if (ngx_ess_log_room_clear_locked(zone, i, NGX_ESS_INTEREST_CLEAR)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    ngx_ess_interest_drop_locked(sh, i, pair);

    if (last) {
        ngx_ess_table_free_locked(sh, i);
    }

    ngx_ess_journal_commit_locked(sh);

    return NGX_OK;
}


/* A place for one pair more, 0 still; NULL: no room. */

static ngx_ess_pair_t *
ngx_ess_interest_new_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s)
{
    ngx_ess_seg_t       i, last;
    ngx_ess_pair_t     *pair;
    ngx_ess_pairs_t    *ext;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    pair = ngx_ess_pair_unused_locked(sh, s);
    if (pair) {
        return pair;
    }

    if (ngx_ess_log_room_make_locked(zone, 1) != NGX_OK) {
        return NULL;
    }

    i = ngx_ess_zone_take_locked(sh, 1, &last);
    ext = ngx_ess_zone_ext(sh, i);

    ngx_ess_zone_fault();

    ngx_memzero((u_char *) ext + NGX_ESS_ZONE_LINK, NGX_ESS_ZONE_REST);

    ngx_ess_journal_set32_locked(sh, &ext->link, s->ext);
    ngx_ess_journal_set32_locked(sh, &s->ext, i);
    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic + 1);

    return &ext->pairs[0];
}


static void
ngx_ess_interest_drop_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_pair_t *pair)
{
    ngx_ess_process_t  *proc;

    proc = ngx_ess_zone_proc(sh, ngx_ess_pair_proc(pair));

    if (pair->proc & NGX_ESS_PAIR_DIRTY) {
        ngx_ess_wake_undirty_locked(sh, proc, i);
    }

    ngx_ess_journal_set32_locked(sh, &pair->proc, 0);
    ngx_ess_journal_set32_locked(sh, &pair->count, 0);
    ngx_ess_journal_set32_locked(sh, &proc->npairs, proc->npairs - 1);

    ngx_ess_interest_drop_more_locked(sh, ngx_ess_zone_stream(sh, i));
}


/* Frees the further segment that the last drop left without a pair. */

static void
ngx_ess_interest_drop_more_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    ngx_uint_t        n;
    ngx_ess_seg_t     i;
    ngx_ess_seg_t    *p;
    ngx_ess_pairs_t  *ext;

    for (p = &s->ext; *p; p = &ext->link) {
        i = *p;
        ext = ngx_ess_zone_ext(sh, i);

        for (n = 0; n < NGX_ESS_PAIRS_MORE; n++) {
            if (ext->pairs[n].count) {
                break;
            }
        }

        if (n == NGX_ESS_PAIRS_MORE) {
            ngx_ess_journal_set32_locked(sh, p, ext->link);
            ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic - 1);
            ngx_ess_zone_give_locked(sh, i, i, 1);
            return;
        }
    }
}
