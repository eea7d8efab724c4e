
/*
 * A client with several subscriptions joins streams and keys, many in one hold
 * of the zone's mutex.  In the zone it counts once for each stream.  Runs in
 * the worker that has the connection.
 */


#include "ngx_ess_multi_join.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_gap.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_multi_drop.h"


/* streams that are entered together */

typedef struct {
    ngx_uint_t                   n;
    ngx_ess_multi_entry_t       *wanted[NGX_ESS_INTEREST_MANY];
    ngx_ess_multi_cell_t        *groups[NGX_ESS_INTEREST_MANY];     /* of the
                                               stream's keys; NULL: none */
    ngx_ess_subscriber_t        *subs[NGX_ESS_INTEREST_MANY];   /* all of it, or
                                               the first key, or a replay */
    ngx_ess_subscriber_entry_t   entries[NGX_ESS_INTEREST_MANY];
} ngx_ess_multi_join_t;


static ngx_uint_t ngx_ess_multi_join_has(ngx_ess_multi_join_t *join,
    ngx_ess_multi_entry_t *e);
static void ngx_ess_multi_join_enter(ngx_ess_multi_t *multi,
    ngx_ess_multi_join_t *join);
static ngx_int_t ngx_ess_multi_join_begin(ngx_ess_multi_t *multi,
    ngx_ess_multi_join_t *join, ngx_ess_multi_entry_t *e);
static ngx_int_t ngx_ess_multi_join_whole(ngx_ess_multi_t *multi,
    ngx_ess_multi_join_t *join, ngx_ess_multi_entry_t *e,
    ngx_ess_multi_cell_t *group);
static ngx_int_t ngx_ess_multi_join_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_join_t *join, ngx_ess_multi_entry_t *e,
    ngx_ess_multi_cell_t *group);
static void ngx_ess_multi_join_put(ngx_ess_multi_join_t *join,
    ngx_ess_multi_entry_t *e, ngx_ess_multi_cell_t *group,
    ngx_ess_multi_cell_t *cell);
static ngx_int_t ngx_ess_multi_join_entered(ngx_ess_multi_t *multi,
    ngx_ess_multi_join_t *join, ngx_uint_t i);
static ngx_int_t ngx_ess_multi_join_further(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_multi_group_t *group,
    ngx_ess_subscriber_t *first);
static ngx_int_t ngx_ess_multi_join_new_keys(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry, ngx_uint_t *n);
static void ngx_ess_multi_join_swap(ngx_str_t *keys, ngx_uint_t i,
    ngx_uint_t j);
static void ngx_ess_multi_join_not_replayed(ngx_ess_multi_t *multi,
    ngx_ess_feed_keys_t *new, ngx_ess_multi_cell_t *cell);
static ngx_ess_multi_cell_t *ngx_ess_multi_join_group(ngx_ess_multi_t *multi,
    ngx_ess_stream_ref_t *ref);
static uint32_t ngx_ess_multi_join_number(ngx_ess_feed_t *feed);
static void ngx_ess_multi_join_at(ngx_ess_multi_t *multi,
    ngx_ess_multi_entry_t *e, ngx_ess_subscriber_t *sub);
static void ngx_ess_multi_join_position(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_subscriber_entry_t *entry);


void
ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *entries,
    ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_ess_multi_join_t  join;

    join.n = 0;

    for (i = 0; i < n; i++) {

        if (ngx_ess_multi_join_has(&join, &entries[i])) {
            ngx_ess_multi_join_enter(multi, &join);
        }

        entries[i].entry.rc = ngx_ess_multi_join_begin(multi, &join,
                                                       &entries[i]);

        if (join.n == NGX_ESS_INTEREST_MANY) {
            ngx_ess_multi_join_enter(multi, &join);
        }
    }

    ngx_ess_multi_join_enter(multi, &join);
}


/* Where a stream comes twice, what the second one finds is the first. */

static ngx_uint_t
ngx_ess_multi_join_has(ngx_ess_multi_join_t *join, ngx_ess_multi_entry_t *e)
{
    ngx_uint_t  i;

    for (i = 0; i < join->n; i++) {
        if (join->entries[i].ref.id == e->entry.ref.id) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_ess_multi_join_enter(ngx_ess_multi_t *multi, ngx_ess_multi_join_t *join)
{
    ngx_uint_t  i;

    ngx_ess_subscriber_enter_many(join->subs, join->entries, join->n,
                                  &multi->client->conf->limit);

    for (i = 0; i < join->n; i++) {
        join->wanted[i]->entry.rc = ngx_ess_multi_join_entered(multi, join, i);
    }

    join->n = 0;
}


/* NGX_OK: it is there, or among those that are to be entered. */

static ngx_int_t
ngx_ess_multi_join_begin(ngx_ess_multi_t *multi, ngx_ess_multi_join_t *join,
    ngx_ess_multi_entry_t *e)
{
    ngx_ess_multi_cell_t  *cell;

    e->entry.encoding = multi->encoding;

    cell = ngx_ess_multi_table_find(&multi->table, e->entry.ref.id, NULL);

    if (cell && !cell->sub.group) {
        /* of all events there are no more */
        ngx_ess_multi_join_at(multi, e, &cell->sub);
        return NGX_OK;
    }

    return e->entry.nkeys ? ngx_ess_multi_join_keys(multi, join, e, cell)
                          : ngx_ess_multi_join_whole(multi, join, e, cell);
}


ngx_uint_t
ngx_ess_multi_join_more(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry)
{
    ngx_uint_t             n;
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_table_find(&multi->table, entry->ref.id, NULL);

    if (cell && !cell->sub.group) {
        return 0;
    }

    if (cell == NULL || entry->nkeys == 0) {
        return ngx_max(1, entry->nkeys);
    }

    return (ngx_ess_multi_join_new_keys(multi, entry, &n) == NGX_OK)
           ? n : entry->nkeys;
}


/* Who had some keys, and wants all of it, goes on where these are, and counts
   as before. */

static ngx_int_t
ngx_ess_multi_join_whole(ngx_ess_multi_t *multi, ngx_ess_multi_join_t *join,
    ngx_ess_multi_entry_t *e, ngx_ess_multi_cell_t *group)
{
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_join_cell(multi, NULL);
    if (cell == NULL) {
        return NGX_ERROR;
    }

    if (group) {
        ngx_ess_multi_join_position(multi, &group->group, &e->entry);
        e->entry.again = 1;
    }

    ngx_ess_multi_join_put(join, e, group, cell);

    return NGX_OK;
}


/* From now on each key is a subscription; from a position on one of them all
   reads the log, until it is at the end. */

static ngx_int_t
ngx_ess_multi_join_keys(ngx_ess_multi_t *multi, ngx_ess_multi_join_t *join,
    ngx_ess_multi_entry_t *e, ngx_ess_multi_cell_t *group)
{
    ngx_uint_t             n;
    ngx_ess_multi_cell_t  *cell;

    if (group) {

        if (ngx_ess_multi_join_new_keys(multi, &e->entry, &n) != NGX_OK) {
            return NGX_ERROR;
        }

        if (n == 0) {
            cell = ngx_ess_multi_member(multi, &group->group);

            ngx_ess_multi_join_at(multi, e, &cell->sub);

            e->at.ordinal = ngx_ess_multi_place_among(multi, &group->group,
                                                      &cell->sub);
            return NGX_OK;
        }

        e->entry.nkeys = n;
        e->entry.again = 1;

    } else {
        group = ngx_ess_multi_join_group(multi, &e->entry.ref);
        if (group == NULL) {
            return NGX_ERROR;
        }
    }

    cell = ngx_ess_multi_join_cell(multi, &group->group);

    if (cell) {
        ngx_ess_multi_join_put(join, e, group, cell);
        return NGX_OK;
    }

    if (!e->entry.again) {
        ngx_ess_multi_drop_group(multi, &group->group);
    }

    return NGX_ERROR;
}


static void
ngx_ess_multi_join_put(ngx_ess_multi_join_t *join, ngx_ess_multi_entry_t *e,
    ngx_ess_multi_cell_t *group, ngx_ess_multi_cell_t *cell)
{
    ngx_ess_subscriber_entry_t  *entry;

    if (e->entry.again) {
        cell->sub.number = group->group.number;
    }

    join->wanted[join->n] = e;
    join->groups[join->n] = group;
    join->subs[join->n] = &cell->sub;

    entry = &join->entries[join->n++];
    *entry = e->entry;

    if (entry->nkeys && entry->pos.type == NGX_ESS_POSITION_NEW) {
        /* the others follow */
        entry->nkeys = 1;
    }
}


/* It joined a lane, or entry->rc says why not. */

static ngx_int_t
ngx_ess_multi_join_entered(ngx_ess_multi_t *multi, ngx_ess_multi_join_t *join,
    ngx_uint_t i)
{
    ngx_int_t                    rc;
    ngx_ess_multi_cell_t        *cell, *group;
    ngx_ess_multi_entry_t       *e;
    ngx_ess_subscriber_entry_t  *entry;

    e = join->wanted[i];
    entry = &join->entries[i];
    group = join->groups[i];
    cell = (ngx_ess_multi_cell_t *) join->subs[i];

    rc = entry->rc;

    if (rc != NGX_OK) {
        ngx_ess_multi_cell_free(cell);
        goto failed;
    }

    e->number = ngx_ess_multi_join_number(cell->sub.lane->feed);
    e->at.epoch = entry->ref.epoch;
    e->at.ordinal = entry->at;

    if (cell->sub.lane->feed->replay) {
        ngx_ess_multi_park(multi, &cell->sub);
    }

    if (cell->sub.grouped && entry->again) {
        /* of the other keys there may be events before */

        multi->told = 1;
        e->at.ordinal = ngx_min(entry->at,
                                ngx_ess_multi_place_among(multi, &group->group,
                                                          &cell->sub));
    }

    if (cell->sub.grouped && !entry->again) {
        group->group.number = cell->sub.number;
        group->group.follow = cell->sub.follow;
    }

    if (ngx_ess_multi_join_add(multi, cell) != NGX_OK) {

        if (!entry->again) {
            ngx_ess_interest_unsubscribe(ngx_ess_client_zone, &entry->ref);
        }

        rc = NGX_ERROR;
        goto failed;
    }

    if (!cell->sub.grouped) {

        /* last: where replays of keys end it may be this one that is read */

        if (group) {
            ngx_ess_multi_drop_group(multi, &group->group);
        }

    } else if (entry->pos.type == NGX_ESS_POSITION_NEW
               && ngx_ess_multi_join_further(multi, &e->entry, &group->group,
                                             &cell->sub)
                  != NGX_OK)
    {
        multi->failed = 1;
    }

    return NGX_OK;

failed:

    if (group && !entry->again) {
        ngx_ess_multi_drop_group(multi, &group->group);
    }

    return rc;
}


static void
ngx_ess_multi_join_position(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_subscriber_entry_t *entry)
{
    uint64_t  least;

    if (entry->pos.type != NGX_ESS_POSITION_NEW) {
        return;
    }

    least = ngx_ess_multi_place_least(multi, group);

    if (least != NGX_ESS_GAP_ANY) {
        entry->pos.type = NGX_ESS_POSITION_ORDINAL;
        entry->pos.ordinal = least;
    }
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


/* Its keys that are new, *n of them, come first. */

static ngx_int_t
ngx_ess_multi_join_new_keys(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry, ngx_uint_t *n)
{
    ngx_uint_t             i;
    ngx_ess_feed_keys_t   *new;
    ngx_ess_multi_cell_t  *cell;

    *n = 0;

    for (i = 0; i < entry->nkeys; i++) {

        if (ngx_ess_multi_table_find(&multi->table, entry->ref.id,
                                     &entry->keys[i])
            == NULL)
        {
            ngx_ess_multi_join_swap(entry->keys, i, (*n)++);
        }
    }

    cell = ngx_ess_multi_table_replay(&multi->table, entry->ref.id, NULL);

    if (*n == 0 || cell == NULL) {
        return NGX_OK;
    }

    new = ngx_ess_feed_keys_copy(entry->keys, *n,
                                 multi->client->connection->log);
    if (new == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_multi_join_not_replayed(multi, new, cell);

    for (i = 0, *n = 0; i < entry->nkeys; i++) {

        if (ngx_ess_feed_keys_has(new, &entry->keys[i])) {
            ngx_ess_multi_join_swap(entry->keys, i, (*n)++);
        }
    }

    ngx_free(new);

    return NGX_OK;
}


static void
ngx_ess_multi_join_swap(ngx_str_t *keys, ngx_uint_t i, ngx_uint_t j)
{
    ngx_str_t  key;

    key = keys[i];
    keys[i] = keys[j];
    keys[j] = key;
}


/* Each replay is looked at once, and not once for each key: see
   ngx_ess_multi_drop.c. */

static void
ngx_ess_multi_join_not_replayed(ngx_ess_multi_t *multi,
    ngx_ess_feed_keys_t *new, ngx_ess_multi_cell_t *cell)
{
    uint64_t              id;
    ngx_uint_t            i;
    ngx_ess_feed_keys_t  *replayed;

    id = cell->sub.lane->feed->ref.id;

    while (cell) {
        replayed = cell->sub.lane->feed->keys;

        for (i = 0; i < replayed->n; i++) {
            (void) ngx_ess_feed_keys_drop(new, &replayed->keys[i]);
        }

        cell = ngx_ess_multi_table_replay(&multi->table, id, cell);
    }
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


ngx_ess_multi_cell_t *
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


ngx_int_t
ngx_ess_multi_join_add(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_ess_multi_group_t  *group;

    group = ngx_ess_multi_group(&cell->sub);

    if ((cell->sub.fresh && ngx_ess_multi_new(multi, cell) != NGX_OK)
        || ngx_ess_multi_table_add(&multi->table, cell,
                                   multi->client->connection->log)
           != NGX_OK)
    {
        ngx_ess_multi_unparked(multi, &cell->sub);
        ngx_ess_feed_leave(&cell->sub);

        cell->sub.fresh = 0;
        ngx_ess_multi_cell_free(cell);

        return NGX_ERROR;
    }

    if (group) {
        group->members++;
    }

    ngx_ess_multi_count(multi, (ngx_int_t) ngx_ess_multi_each(cell));

    return NGX_OK;
}


/* Where the encoding has none, nobody asks for it. */

static uint32_t
ngx_ess_multi_join_number(ngx_ess_feed_t *feed)
{
    return feed->label ? feed->label->number : 0;
}


/* One that is there: it goes on where it is, but not before it was said where
   that is. */

static void
ngx_ess_multi_join_at(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *e,
    ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;
    multi->told = 1;

    e->number = ngx_ess_multi_join_number(feed);
    e->at.epoch = feed->ref.epoch;
    e->at.ordinal = ngx_ess_multi_place(sub);
}


void
ngx_ess_multi_join_arrived(ngx_ess_subscriber_t *sub)
{
    ngx_str_t              *key;
    ngx_ess_multi_t        *multi;
    ngx_ess_feed_keys_t    *keys;
    ngx_ess_multi_cell_t   *cell;
    ngx_ess_multi_group_t  *group;

    multi = ngx_ess_multi_client(sub)->multi;
    group = ngx_ess_multi_group(sub);

    keys = sub->lane->feed->keys;

    while (keys->n > 1) {

        cell = ngx_ess_multi_join_cell(multi, group);

        if (cell == NULL) {
            multi->failed = 1;
            return;
        }

        cell->sub.fresh = 0;
        cell->sub.number = sub->number;
        cell->sub.follow = sub->follow;

        key = &keys->keys[keys->n - 1];

        if (ngx_ess_feed_join_arrived(sub, key, &cell->sub) != NGX_OK) {
            ngx_ess_multi_cell_free(cell);
            multi->failed = 1;
            return;
        }

        keys->n--;
        ngx_ess_multi_count(multi, -1);

        if (ngx_ess_multi_join_add(multi, cell) != NGX_OK) {
            multi->failed = 1;
            return;
        }
    }

    if (ngx_ess_feed_join_arrived(sub, &keys->keys[0], sub) != NGX_OK) {
        multi->failed = 1;
    }
}
