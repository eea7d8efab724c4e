
/*
 * How subscriptions of a client with several end, one or all.  Runs in the
 * worker that has the connection.
 */


#include "ngx_ess_multi_drop.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_counter.h"


static void ngx_ess_multi_drop_cursor(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);


void
ngx_ess_multi_unsubscribe(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_uint_t              i;
    ngx_ess_feed_keys_t    *replay;
    ngx_ess_multi_cell_t   *cell, *key;
    ngx_ess_multi_group_t  *group;

    cell = ngx_ess_multi_table_find(&multi->table, id, NULL);

    if (cell == NULL) {
        return;
    }

    if (nkeys == 0) {
        ngx_ess_multi_drop(multi, cell);
        return;
    }

    if (!cell->sub.group) {
        /* it has no keys of its own */
        return;
    }

    group = &cell->group;

    for (i = 0; i < nkeys; i++) {

        key = ngx_ess_multi_table_find(&multi->table, id, &keys[i]);

        if (key == NULL) {
            key = ngx_ess_multi_replayed(multi, id, &keys[i]);
        }

        /* a replay goes with the last of its keys */

        if (key) {
            replay = key->sub.lane->feed->keys;

            if (replay == NULL
                || ngx_ess_feed_keys_drop(replay, &keys[i]) == 0)
            {
                ngx_ess_multi_drop_cursor(multi, key);
            }
        }
    }

    if (group->members == 0) {
        ngx_ess_multi_drop(multi, cell);
    }
}


/* A whole subscription: it is not counted in the zone any more. */

void
ngx_ess_multi_drop(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_ess_stream_ref_t    ref;
    ngx_ess_multi_group_t  *group;

    if (cell->sub.group) {
        group = &cell->group;

        ref.id = group->id;
        ref.epoch = group->epoch;
        ref.index = group->index;

        ngx_ess_multi_drop_members(multi, group);
        ngx_ess_multi_table_remove(&multi->table, cell);
        ngx_ess_multi_cell_free(cell);

    } else {
        ref = cell->sub.lane->feed->ref;
        ngx_ess_multi_drop_cursor(multi, cell);
    }

    ngx_ess_interest_unsubscribe(ngx_ess_client_zone, &ref);
}


void
ngx_ess_multi_drop_members(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group)
{
    uint32_t               bucket;
    ngx_ess_multi_cell_t  *cell, *next;

    ngx_ess_multi_take_all(group);

    cell = ngx_ess_multi_table_next(&multi->table, &bucket, NULL);

    for ( /* void */ ; group->members; cell = next) {
        next = ngx_ess_multi_table_next(&multi->table, &bucket, cell);

        if (ngx_ess_multi_group(&cell->sub) == group) {
            ngx_ess_multi_drop_cursor(multi, cell);
        }
    }
}


/* A whole stream, or a key of it. */

static void
ngx_ess_multi_drop_cursor(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_ess_subscriber_t   *sub;
    ngx_ess_multi_group_t  *group;

    sub = &cell->sub;
    group = ngx_ess_multi_group(sub);

    if (group) {
        ngx_ess_multi_take(sub, group);
        group->members--;
    }

    ngx_ess_multi_table_remove(&multi->table, cell);
    ngx_ess_multi_unparked(multi, sub);
    ngx_ess_feed_leave(sub);
    ngx_ess_multi_cell_free(cell);

    multi->subscriptions--;
    ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIPTIONS, -1);
}


void
ngx_ess_multi_drop_all(ngx_ess_multi_t *multi)
{
    uint32_t                bucket;
    ngx_ess_multi_cell_t   *cell;
    ngx_ess_multi_group_t  *group;

    bucket = 0;

    while (multi->table.n) {
        cell = ngx_ess_multi_table_any(&multi->table, &bucket);

        group = ngx_ess_multi_group(&cell->sub);

        ngx_ess_multi_drop(multi, group ? (ngx_ess_multi_cell_t *) group
                                        : cell);
    }
}


void
ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    ngx_ess_multi_t        *multi;
    ngx_ess_multi_group_t  *group;

    multi = ngx_ess_multi_client(sub)->multi;
    group = ngx_ess_multi_group(sub);

    if (multi->kind->end(multi, sub, code, reason) != NGX_OK) {
        multi->failed = 1;
    }

    ngx_ess_multi_drop(multi, group ? (ngx_ess_multi_cell_t *) group
                                    : (ngx_ess_multi_cell_t *) sub);

    ngx_ess_multi_due(multi);
}


/* What follows may come while others of the client are looked at, too: they end
   later. */

void
ngx_ess_multi_failed(ngx_ess_subscriber_t *sub)
{
    ngx_ess_multi_t  *multi;

    multi = ngx_ess_multi_client(sub)->multi;

    multi->failed = 1;
    ngx_ess_multi_due_now(multi);
}


void
ngx_ess_multi_replaced(ngx_ess_subscriber_t *sub)
{
    ngx_ess_multi_t        *multi;
    ngx_ess_multi_group_t  *group;

    multi = ngx_ess_multi_client(sub)->multi;
    group = ngx_ess_multi_group(sub);

    if (group) {
        group->closed = 1;

    } else {
        sub->closed = 1;
    }

    multi->replaced = 1;
    ngx_ess_multi_due_now(multi);
}


void
ngx_ess_multi_drop_replaced(ngx_ess_multi_t *multi)
{
    uint32_t               i;
    ngx_uint_t             b;
    ngx_ess_multi_cell_t  *cell;

    multi->replaced = 0;

    for (b = 0; multi->table.n && b <= multi->table.mask; b++) {

        i = multi->table.buckets[b];

        while (i) {
            cell = ngx_ess_multi_cell(i);
            i = cell->sub.next;

            if (!cell->sub.closed) {
                continue;
            }

            if (cell->sub.group) {
                cell = ngx_ess_multi_member(multi, &cell->group);
            }

            ngx_ess_multi_end(&cell->sub, NGX_ESS_CLIENT_NORMAL,
                              "A newer connection has taken over");

            /* others of this bucket may be gone as well */
            i = multi->table.buckets[b];
        }
    }
}
