
/*
 * A client with several subscriptions joins streams and keys.  In the zone it
 * counts once for each stream.  Runs in the worker that has the connection.
 */


#include "ngx_ess_multi_join.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_gap.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_counter.h"


static ngx_int_t ngx_ess_multi_join_whole(ngx_ess_multi_t *multi,
    ngx_ess_multi_entry_t *e, ngx_ess_multi_cell_t *group);
static ngx_int_t ngx_ess_multi_join_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_entry_t *e, ngx_ess_multi_cell_t *cell);
static ngx_int_t ngx_ess_multi_join_further(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_multi_group_t *group,
    ngx_ess_subscriber_t *first);
static ngx_uint_t ngx_ess_multi_join_new_keys(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry);
static ngx_ess_multi_cell_t *ngx_ess_multi_join_group(ngx_ess_multi_t *multi,
    ngx_ess_stream_ref_t *ref);
static ngx_ess_multi_cell_t *ngx_ess_multi_join_cell(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);
static ngx_int_t ngx_ess_multi_join_enter(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell, ngx_ess_subscriber_entry_t *entry);
static ngx_int_t ngx_ess_multi_join_add(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);
static uint32_t ngx_ess_multi_join_number(ngx_ess_feed_t *feed);
static void ngx_ess_multi_join_joined(ngx_ess_multi_entry_t *e,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_subscriber_t *sub);
static void ngx_ess_multi_join_at(ngx_ess_multi_entry_t *e,
    ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_multi_join_back_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);
static ngx_uint_t ngx_ess_multi_join_all_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_str_t *keys);
static void ngx_ess_multi_join_position(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_subscriber_entry_t *entry);
static uint64_t ngx_ess_multi_join_place(ngx_ess_subscriber_t *sub);


ngx_int_t
ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *e)
{
    ngx_ess_multi_cell_t  *cell;

    e->entry.encoding = multi->encoding;

    cell = ngx_ess_multi_table_find(&multi->table, e->entry.ref.id, NULL);

    if (cell && !cell->sub.group) {
        /* of all events there are no more */
        ngx_ess_multi_join_at(e, &cell->sub);
        return NGX_OK;
    }

    return e->entry.nkeys ? ngx_ess_multi_join_keys(multi, e, cell)
                          : ngx_ess_multi_join_whole(multi, e, cell);
}


ngx_uint_t
ngx_ess_multi_join_more(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry)
{
    ngx_str_t             *key;
    ngx_uint_t             n;
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_table_find(&multi->table, entry->ref.id, NULL);

    if (cell && !cell->sub.group) {
        return 0;
    }

    if (cell == NULL || entry->nkeys == 0) {
        return ngx_max(1, entry->nkeys);
    }

    n = entry->nkeys;

    for (key = entry->keys; key < entry->keys + entry->nkeys; key++) {

        if (ngx_ess_multi_table_find(&multi->table, entry->ref.id, key)
            || ngx_ess_multi_replayed(multi, entry->ref.id, key))
        {
            n--;
        }
    }

    return n;
}


/* Who had some keys, and wants all of it, goes on where these are. */

static ngx_int_t
ngx_ess_multi_join_whole(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *e,
    ngx_ess_multi_cell_t *group)
{
    ngx_int_t              rc;
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_join_cell(multi, NULL);
    if (cell == NULL) {
        return NGX_ERROR;
    }

    if (group) {
        ngx_ess_multi_join_position(multi, &group->group, &e->entry);
    }

    rc = ngx_ess_multi_join_enter(multi, cell, &e->entry);

    if (rc != NGX_OK) {
        ngx_ess_multi_cell_free(cell);
        return rc;
    }

    ngx_ess_multi_join_joined(e, &e->entry, &cell->sub);

    if (ngx_ess_multi_join_add(multi, cell) != NGX_OK) {
        ngx_ess_interest_unsubscribe(ngx_ess_client_zone, &e->entry.ref);
        return NGX_ERROR;
    }

    /* last: where replays of keys end it may be this one that is read */

    if (group) {
        ngx_ess_multi_drop(multi, group);
    }

    return NGX_OK;
}


/* The least place of any of them, also of one that is behind with a replay, or
   has frames that nobody was told of. */

static void
ngx_ess_multi_join_position(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_subscriber_entry_t *entry)
{
    uint32_t               bucket;
    uint64_t               least;
    ngx_ess_multi_cell_t  *cell;

    if (entry->pos.type != NGX_ESS_POSITION_NEW) {
        return;
    }

    least = NGX_ESS_GAP_ANY;
    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) == group) {
            least = ngx_min(least, ngx_ess_multi_join_place(&cell->sub));
        }
    }

    if (least != NGX_ESS_GAP_ANY) {
        entry->pos.type = NGX_ESS_POSITION_ORDINAL;
        entry->pos.ordinal = least;
    }
}


/* Ordinal of the last event before those that it gets next. */

static uint64_t
ngx_ess_multi_join_place(ngx_ess_subscriber_t *sub)
{
    return sub->frame ? sub->frame->ordinal - 1 : sub->lane->feed->have;
}


/* From now on each key is a subscription; from a position on one of them all
   reads the log, until it is at the end. */

static ngx_int_t
ngx_ess_multi_join_keys(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *e,
    ngx_ess_multi_cell_t *cell)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n, old;
    ngx_ess_multi_cell_t        *first;
    ngx_ess_multi_group_t       *group;
    ngx_ess_subscriber_entry_t   entry;

    n = ngx_ess_multi_join_new_keys(multi, &e->entry);
    old = (cell != NULL);

    if (n == 0) {
        ngx_ess_multi_join_at(e, &ngx_ess_multi_member(multi, &cell->group)
                                  ->sub);
        return NGX_OK;
    }

    if (!old) {
        cell = ngx_ess_multi_join_group(multi, &e->entry.ref);
        if (cell == NULL) {
            return NGX_ERROR;
        }
    }

    group = &cell->group;
    rc = NGX_ERROR;

    first = ngx_ess_multi_join_cell(multi, group);
    if (first == NULL) {
        goto failed;
    }

    entry = e->entry;
    entry.nkeys = (entry.pos.type == NGX_ESS_POSITION_NEW) ? 1 : n;
    entry.again = old;

    rc = ngx_ess_multi_join_enter(multi, first, &entry);

    if (rc != NGX_OK) {
        ngx_ess_multi_cell_free(first);
        goto failed;
    }

    if (old) {
        first->sub.number = group->number;

    } else {
        group->number = first->sub.number;
    }

    ngx_ess_multi_join_joined(e, &entry, &first->sub);

    /* those that are there now are in its lane, or its replay has them */

    if (ngx_ess_multi_join_add(multi, first) != NGX_OK) {

        if (!old) {
            ngx_ess_interest_unsubscribe(ngx_ess_client_zone, &entry.ref);
        }

        rc = NGX_ERROR;
        goto failed;
    }

    e->entry.nkeys = n;

    if (entry.pos.type == NGX_ESS_POSITION_NEW
        && ngx_ess_multi_join_further(multi, &e->entry, group, &first->sub)
           != NGX_OK)
    {
        multi->failed = 1;
    }

    return NGX_OK;

failed:

    if (!old) {
        ngx_ess_multi_table_remove(&multi->table, cell);
        ngx_ess_multi_cell_free(cell);
    }

    return rc;
}


/* The others, where the first one is. */

static ngx_int_t
ngx_ess_multi_join_further(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_multi_group_t *group,
    ngx_ess_subscriber_t *first)
{
    ngx_uint_t             i;
    ngx_ess_multi_cell_t  *cell;

    for (i = 1; i < entry->nkeys; i++) {

        if (ngx_ess_multi_table_find(&multi->table, entry->ref.id,
                                     &entry->keys[i]))
        {
            /* it came twice */
            continue;
        }

        cell = ngx_ess_multi_join_cell(multi, group);
        if (cell == NULL) {
            return NGX_ERROR;
        }

        cell->sub.seq = first->seq;
        cell->sub.number = first->number;
        cell->sub.follow = first->follow;

        if (ngx_ess_feed_join(&entry->ref, entry->encoding, &entry->keys[i],
                              &cell->sub, first->have + 1)
            != NGX_OK)
        {
            ngx_ess_multi_cell_free(cell);
            return NGX_ERROR;
        }

        if (ngx_ess_multi_join_add(multi, cell) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Of its keys only those that are new, and each once, are left. */

static ngx_uint_t
ngx_ess_multi_join_new_keys(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry)
{
    ngx_str_t   *keys;
    ngx_uint_t   i, n;

    keys = entry->keys;
    n = 0;

    for (i = 0; i < entry->nkeys; i++) {

        if (ngx_ess_multi_table_find(&multi->table, entry->ref.id, &keys[i])
            == NULL
            && ngx_ess_multi_replayed(multi, entry->ref.id, &keys[i]) == NULL)
        {
            keys[n++] = keys[i];
        }
    }

    return n;
}


static ngx_ess_multi_cell_t *
ngx_ess_multi_join_group(ngx_ess_multi_t *multi, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_cell_create(multi->client->connection->log);
    if (cell == NULL) {
        return NULL;
    }

    ngx_queue_init(&cell->group.queue);

    cell->group.client = multi->client;
    cell->group.id = ref->id;
    cell->group.epoch = ref->epoch;
    cell->group.index = ref->index;
    cell->group.group = 1;

    if (ngx_ess_multi_table_add(&multi->table, cell,
                                multi->client->connection->log)
        != NGX_OK)
    {
        ngx_ess_multi_cell_free(cell);
        return NULL;
    }

    return cell;
}


/* Of the group, or of the client itself; in no lane yet. */

static ngx_ess_multi_cell_t *
ngx_ess_multi_join_cell(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_cell_create(multi->client->connection->log);
    if (cell == NULL) {
        return NULL;
    }

    cell->sub.fresh = 1;

    if (group) {
        cell->sub.client = (ngx_ess_client_t *) group;
        cell->sub.grouped = 1;
        cell->sub.keyed = 1;

    } else {
        cell->sub.client = multi->client;
    }

    return cell;
}


static ngx_int_t
ngx_ess_multi_join_enter(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell,
    ngx_ess_subscriber_entry_t *entry)
{
    ngx_int_t  rc;

    rc = ngx_ess_subscriber_enter(&cell->sub, entry,
                                  &multi->client->conf->limit);

    if (rc == NGX_OK && cell->sub.lane->feed->replay) {
        ngx_ess_multi_park(multi, &cell->sub);
    }

    return rc;
}


/* It is in a lane.  NGX_ERROR: no memory; it is gone, but still counted in the
   zone. */

static ngx_int_t
ngx_ess_multi_join_add(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_ess_multi_group_t  *group;

    group = ngx_ess_multi_group(&cell->sub);

    if (ngx_ess_multi_table_add(&multi->table, cell,
                                multi->client->connection->log)
        != NGX_OK)
    {
        ngx_ess_multi_unparked(multi, &cell->sub);
        ngx_ess_feed_leave(&cell->sub);
        ngx_ess_multi_cell_free(cell);

        return NGX_ERROR;
    }

    if (group) {
        group->members++;
    }

    multi->subscriptions++;
    ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIPTIONS, 1);

    return NGX_OK;
}


/* Where the encoding has none, nobody asks for it. */

static uint32_t
ngx_ess_multi_join_number(ngx_ess_feed_t *feed)
{
    return feed->label ? feed->label->number : 0;
}


static void
ngx_ess_multi_join_joined(ngx_ess_multi_entry_t *e,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_subscriber_t *sub)
{
    e->number = ngx_ess_multi_join_number(sub->lane->feed);
    e->at.epoch = entry->ref.epoch;
    e->at.ordinal = entry->at;
}


/* One that is there: it goes on where it is. */

static void
ngx_ess_multi_join_at(ngx_ess_multi_entry_t *e, ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    e->number = ngx_ess_multi_join_number(feed);
    e->at.epoch = feed->ref.epoch;
    e->at.ordinal = ngx_ess_multi_join_place(sub);
}


void
ngx_ess_multi_join_arrived(ngx_ess_subscriber_t *sub)
{
    ngx_uint_t              i, n;
    ngx_str_t              *keys;
    ngx_ess_multi_t        *multi;
    ngx_ess_multi_cell_t   *cell;
    ngx_ess_multi_group_t  *group;

    multi = ngx_ess_multi_client(sub)->multi;
    group = ngx_ess_multi_group(sub);

    keys = sub->lane->feed->keys->keys;
    n = sub->lane->feed->keys->n;

    for (i = 1; i < n; i++) {

        if (ngx_ess_multi_table_find(&multi->table, group->id, &keys[i])
            || (keys[i].len == keys[0].len
                && ngx_memcmp(keys[i].data, keys[0].data, keys[0].len) == 0))
        {
            /* it came twice */
            continue;
        }

        cell = ngx_ess_multi_join_cell(multi, group);

        if (cell == NULL) {
            multi->failed = 1;
            return;
        }

        cell->sub.fresh = 0;
        cell->sub.number = sub->number;
        cell->sub.follow = sub->follow;

        if (ngx_ess_feed_join_arrived(sub, &keys[i], &cell->sub) != NGX_OK) {
            ngx_ess_multi_cell_free(cell);
            multi->failed = 1;
            return;
        }

        if (ngx_ess_multi_join_add(multi, cell) != NGX_OK) {
            multi->failed = 1;
            return;
        }
    }

    if (ngx_ess_feed_join_arrived(sub, &keys[0], sub) != NGX_OK) {
        multi->failed = 1;
    }
}


/* Keys are merged, so all of them go back to where the first one is. */

ngx_int_t
ngx_ess_multi_join_back(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_int_t   rc;
    ngx_uint_t  replay;

    if (cell->sub.group) {
        return ngx_ess_multi_join_back_keys(multi, &cell->group);
    }

    replay = cell->sub.lane->feed->replay;

    rc = ngx_ess_feed_back(&cell->sub, 0);

    if (rc == NGX_OK && !replay) {
        ngx_ess_multi_park(multi, &cell->sub);
    }

    return rc;
}


static ngx_int_t
ngx_ess_multi_join_back_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group)
{
    ngx_str_t             *keys;
    ngx_int_t              rc;
    ngx_uint_t             n;
    ngx_ess_frame_t       *frame;
    ngx_ess_log_place_t    place;
    ngx_ess_stream_ref_t   ref;
    ngx_ess_multi_cell_t  *cell;

    frame = group->ready->frame;

    /* a gap is not found in the log again, nor what the source had */

    if (frame == NULL
        || frame->type != NGX_ESS_FRAME_EVENT
        || frame->seq == 0)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&place, sizeof(ngx_ess_log_place_t));

    place.seq = frame->seq;
    place.have = frame->ordinal - 1;

    ref.id = group->id;
    ref.epoch = group->epoch;
    ref.index = group->index;

    rc = NGX_ERROR;
    cell = NULL;

    n = ngx_ess_multi_join_all_keys(multi, group, NULL);

    keys = ngx_alloc(n * sizeof(ngx_str_t), multi->client->connection->log);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_multi_join_all_keys(multi, group, keys);

    cell = ngx_ess_multi_join_cell(multi, group);

    if (cell) {
        cell->sub.fresh = 0;
        cell->sub.number = group->number;

        rc = ngx_ess_feed_join_replay(&ref, multi->encoding, keys, n,
                                      &cell->sub, &place);
    }

    /* its feed has copies of the keys */

    ngx_free(keys);

    if (rc != NGX_OK) {

        if (cell) {
            ngx_ess_multi_cell_free(cell);
        }

        return rc;
    }

    ngx_ess_multi_drop_members(multi, group);
    ngx_ess_multi_park(multi, &cell->sub);

    return ngx_ess_multi_join_add(multi, cell);
}


/* Returns how many there are, and what they are, if asked. */

static ngx_uint_t
ngx_ess_multi_join_all_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_str_t *keys)
{
    uint32_t               bucket;
    ngx_uint_t             k, n;
    ngx_ess_feed_keys_t   *replay;
    ngx_ess_multi_cell_t  *cell;

    n = 0;
    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) != group) {
            continue;
        }

        replay = cell->sub.lane->feed->keys;

        for (k = 0; k < (replay ? replay->n : 1); k++, n++) {

            if (keys == NULL) {
                continue;
            }

            if (replay) {
                keys[n] = replay->keys[k];

            } else {
                ngx_ess_multi_lane_key(cell->sub.lane, &keys[n]);
            }
        }
    }

    return n;
}
