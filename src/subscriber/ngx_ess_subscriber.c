
/*
 * Subscriptions: from a position in a stream to a place in one of its feeds.
 * Runs in workers.
 */


#include "ngx_ess_subscriber.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"


static void ngx_ess_subscriber_enter_some(ngx_ess_subscriber_t **subs,
    ngx_ess_subscriber_entry_t *entries, ngx_uint_t n,
    ngx_ess_max_subscribers_t *limit);
static ngx_int_t ngx_ess_subscriber_join(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, uint64_t ordinal);
static ngx_int_t ngx_ess_subscriber_place(ngx_ess_stream_ref_t *ref,
    ngx_ess_position_t *pos, ngx_ess_log_place_t *place);
static ngx_uint_t ngx_ess_subscriber_source(ngx_ess_subscriber_entry_t *entry,
    ngx_ess_log_place_t *place, uint64_t *ordinal, uint64_t *timestamp);


/* Before the response header is sent: a client that has it gets all that
   follows. */

ngx_int_t
ngx_ess_subscriber_enter(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_max_subscribers_t *limit)
{
    ngx_ess_subscriber_enter_some(&sub, entry, 1, limit);

    return entry->rc;
}


void
ngx_ess_subscriber_enter_many(ngx_ess_subscriber_t **subs,
    ngx_ess_subscriber_entry_t *entries, ngx_uint_t n,
    ngx_ess_max_subscribers_t *limit)
{
    ngx_uint_t  i, some;

    for (i = 0; i < n; i += some) {
        some = ngx_min(n - i, NGX_ESS_INTEREST_MANY);
        ngx_ess_subscriber_enter_some(&subs[i], &entries[i], some, limit);
    }
}


static void
ngx_ess_subscriber_enter_some(ngx_ess_subscriber_t **subs,
    ngx_ess_subscriber_entry_t *entries, ngx_uint_t n,
    ngx_ess_max_subscribers_t *limit)
{
    ngx_uint_t                   i;
    ngx_ess_zone_t              *zone;
    ngx_ess_interest_entry_t     counted[NGX_ESS_INTEREST_MANY];
    ngx_ess_subscriber_entry_t  *entry;

    zone = ngx_ess_feed_worker.zone;

    for (i = 0; i < n; i++) {
        entry = &entries[i];

        if (entry->untold) {
            /* it has not missed what was lost before it came */
            ngx_ess_log_losses(zone, &entry->ref);
        }

        counted[i].ref = entry->ref;
        counted[i].limit = limit->max ? limit : NULL;
        counted[i].again = entry->again;
        counted[i].number = subs[i]->number;
    }

    ngx_ess_interest_subscribe_many(zone, counted, n);

    for (i = 0; i < n; i++) {
        entry = &entries[i];

        if (counted[i].rc != NGX_OK) {
            entry->rc = (counted[i].rc == NGX_DECLINED) ? NGX_DECLINED
                                                        : NGX_BUSY;
            continue;
        }

        subs[i]->seq = counted[i].seq;
        subs[i]->number = counted[i].number;
        subs[i]->follow = entry->follow;

        entry->rc = ngx_ess_subscriber_join(subs[i], entry, counted[i].ordinal);

        if (entry->rc != NGX_OK && !entry->again) {
            ngx_ess_interest_unsubscribe(zone, &entry->ref);
        }
    }
}


void
ngx_ess_subscriber_leave(ngx_ess_subscriber_t *sub)
{
    ngx_ess_stream_ref_t  ref;

    ref = sub->lane->feed->ref;

    ngx_ess_feed_leave(sub);
    ngx_ess_interest_unsubscribe(ngx_ess_feed_worker.zone, &ref);
}


static ngx_int_t
ngx_ess_subscriber_join(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, uint64_t ordinal)
{
    uint64_t             timestamp;
    ngx_int_t            rc;
    ngx_uint_t           source;
    ngx_ess_log_place_t  place;

    if (entry->live
        && ngx_ess_follow_state(ngx_ess_feed_worker.zone, &entry->ref)
           != NGX_ESS_FOLLOW_LIVE)
    {
        /* let go in the very moment */
        return NGX_BUSY;
    }

    entry->at = ordinal - 1;

    if (entry->pos.type == NGX_ESS_POSITION_NEW) {
        return (entry->nkeys > 1)
               ? NGX_OK
               : ngx_ess_feed_join(&entry->ref, entry->encoding,
                                   entry->nkeys ? entry->keys : NULL, sub,
                                   ordinal);
    }

    rc = ngx_ess_subscriber_place(&entry->ref, &entry->pos, &place);

    if (rc != NGX_OK) {
        return rc;
    }

    source = entry->follow
             && ngx_ess_subscriber_source(entry, &place, &ordinal, &timestamp);

    entry->at = source ? ordinal : (place.have == NGX_ESS_GAP_ANY) ? 0
                                                                : place.have;

    rc = ngx_ess_feed_join_replay(&entry->ref, entry->encoding, entry->keys,
                                  entry->nkeys, sub, &place);

    if (rc == NGX_OK && source) {
        rc = ngx_ess_feed_join_source(sub, &place, ordinal, timestamp);
    }

    if (rc == NGX_OK && entry->poison) {
        sub->lane->feed->live = 0;
    }

    return rc;
}


static ngx_int_t
ngx_ess_subscriber_place(ngx_ess_stream_ref_t *ref, ngx_ess_position_t *pos,
    ngx_ess_log_place_t *place)
{
    ngx_int_t        rc;
    ngx_ess_zone_t  *zone;

    zone = ngx_ess_feed_worker.zone;

    if (pos->type == NGX_ESS_POSITION_TIMESTAMP) {
        return ngx_ess_log_search_since(zone, ref, pos->timestamp, 0, place);
    }

    if (pos->type == NGX_ESS_POSITION_ORDINAL || pos->epoch == ref->epoch) {
        return ngx_ess_log_search_ordinal(zone, ref, pos->ordinal, place);
    }

    /* another epoch's: nobody knows what was between it and this log */

    rc = ngx_ess_log_search_ordinal(zone, ref, 0, place);

    place->gap.from = pos->ordinal + 1;
    place->gap.to = 0;

    return rc;
}


/* What the log does not have the broker may have: from there on it is asked.
   Of that gap nothing is said then, but that it is another epoch's. */

static ngx_uint_t
ngx_ess_subscriber_source(ngx_ess_subscriber_entry_t *entry,
    ngx_ess_log_place_t *place, uint64_t *ordinal, uint64_t *timestamp)
{
    ngx_ess_position_t  *pos;

    pos = &entry->pos;

    *ordinal = 0;
    *timestamp = 0;

    if (pos->type == NGX_ESS_POSITION_EVENT && pos->epoch != entry->ref.epoch) {
        /* of another stream: all of this one */
        return place->begin != 0;
    }

    if (pos->type == NGX_ESS_POSITION_TIMESTAMP) {
        *timestamp = ngx_max(pos->timestamp, 1);

    } else if (place->gap.from && !ngx_ess_gap_is_open(&place->gap)) {
        *ordinal = pos->ordinal;

    } else {
        return 0;
    }

    place->gap.from = 0;

    return 1;
}
