
/*
 * How subscriptions of a client with several end, one or all.  Runs in the
 * worker that has the connection.
 */


#include "ngx_ess_multi_drop.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_multi_due.h"


static void ngx_ess_multi_drop_keys(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t n);
static void ngx_ess_multi_drop_replayed(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell, ngx_ess_feed_keys_t *gone);
static void ngx_ess_multi_drop_read(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);
static void ngx_ess_multi_drop(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell, ngx_ess_multi_left_t *left);
static void ngx_ess_multi_drop_members(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_uint_t live);
static void ngx_ess_multi_drop_cursor(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);


void
ngx_ess_multi_unsubscribe(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t nkeys, ngx_ess_multi_left_t *left)
{
    ngx_uint_t             i, n;
    ngx_ess_multi_cell_t  *cell, *key;

    cell = ngx_ess_multi_table_find(&multi->table, id, NULL);

    if (cell == NULL) {
        return;
    }

    if (nkeys == 0) {
        ngx_ess_multi_drop(multi, cell, left);
        return;
    }

    if (!cell->sub.group) {
        /* it has no keys of its own */
        return;
    }

    n = 0;

    for (i = 0; i < nkeys; i++) {

        key = ngx_ess_multi_table_find(&multi->table, id, &keys[i]);

        if (key) {
            ngx_ess_multi_drop_cursor(multi, key);

        } else {
            keys[n++] = keys[i];
        }
    }

    if (n) {
        ngx_ess_multi_drop_keys(multi, id, keys, n);
    }

    if (cell->group.members == 0) {
        ngx_ess_multi_drop(multi, cell, left);
    }
}


/* Out of replays: each of these is looked at once, and not once for each key,
   for a client may have many of either. */

static void
ngx_ess_multi_drop_keys(ngx_ess_multi_t *multi, uint64_t id, ngx_str_t *keys,
    ngx_uint_t n)
{
    ngx_ess_feed_keys_t   *gone;
    ngx_ess_multi_cell_t  *cell, *next;

    cell = ngx_ess_multi_table_replay(&multi->table, id, NULL);

    if (cell == NULL) {
        return;
    }

    gone = ngx_ess_feed_keys_copy(keys, n, multi->client->connection->log);

    if (gone == NULL) {
        multi->failed = 1;
        return;
    }

    for ( /* void */ ; cell; cell = next) {
        next = ngx_ess_multi_table_replay(&multi->table, id, cell);
        ngx_ess_multi_drop_replayed(multi, cell, gone);
    }

    ngx_free(gone);
}


/* A replay goes with the last of its keys. */

static void
ngx_ess_multi_drop_replayed(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell,
    ngx_ess_feed_keys_t *gone)
{
    ngx_uint_t            i, n;
    ngx_ess_feed_keys_t  *keys;

    keys = cell->sub.lane->feed->keys;
    n = keys->n;

    for (i = n; i; i--) {
        if (ngx_ess_feed_keys_has(gone, &keys->keys[i - 1])) {
            (void) ngx_ess_feed_keys_drop(keys, &keys->keys[i - 1]);
        }
    }

    if (keys->n == n) {
        return;
    }

    ngx_ess_multi_count(multi, (ngx_int_t) (keys->n - n));

    if (keys->n == 0) {
        ngx_ess_multi_drop_cursor(multi, cell);

    } else if (cell->sub.frame) {
        ngx_ess_multi_drop_read(multi, cell);
    }
}


/* What was read may be of keys that it has no more: it is read again. */

static void
ngx_ess_multi_drop_read(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_uint_t  merged;

    merged = !cell->sub.fresh;

    if (merged) {
        ngx_ess_multi_take(&cell->sub, ngx_ess_multi_group(&cell->sub));
    }

    if (ngx_ess_feed_back(&cell->sub, 0) == NGX_ERROR) {
        multi->failed = 1;
    }

    if (merged) {
        ngx_ess_multi_put(multi, &cell->sub);
    }
}


/* A whole subscription. */

static void
ngx_ess_multi_drop(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell,
    ngx_ess_multi_left_t *left)
{
    ngx_ess_stream_ref_t    ref;
    ngx_ess_multi_group_t  *group;

    if (cell->sub.group) {
        group = &cell->group;

        ref.id = group->id;
        ref.epoch = group->epoch;
        ref.index = group->index;

        ngx_ess_multi_drop_group(multi, group);

    } else {
        ref = cell->sub.lane->feed->ref;
        ngx_ess_multi_drop_cursor(multi, cell);
    }

    if (left->n == NGX_ESS_INTEREST_MANY) {
        ngx_ess_multi_left(left);
    }

    left->refs[left->n++] = ref;
}


void
ngx_ess_multi_left(ngx_ess_multi_left_t *left)
{
    ngx_ess_interest_unsubscribe_many(ngx_ess_client_zone, left->refs,
                                      left->n);
    left->n = 0;
}


void
ngx_ess_multi_drop_group(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    ngx_ess_multi_cell_t  *cell;

    cell = (ngx_ess_multi_cell_t *) group;

    if (group->members) {
        ngx_ess_multi_drop_members(multi, group, 0);
    }

    ngx_ess_multi_table_remove(&multi->table, cell);
    ngx_ess_multi_cell_free(cell);
}


void
ngx_ess_multi_drop_live(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    ngx_ess_multi_drop_members(multi, group, 1);
}


static void
ngx_ess_multi_drop_members(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_uint_t live)
{
    uint32_t               bucket;
    ngx_ess_multi_cell_t  *cell, *next;

    cell = ngx_ess_multi_table_next(&multi->table, &bucket, NULL);

    for ( /* void */ ; cell && group->members; cell = next) {
        next = ngx_ess_multi_table_next(&multi->table, &bucket, cell);

        if (ngx_ess_multi_group(&cell->sub) == group
            && !(live && (cell->sub.fresh || cell->sub.lane->feed->replay)))
        {
            ngx_ess_multi_drop_cursor(multi, cell);
        }
    }
}


/* A whole stream, or a key of it, or a replay of some. */

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

    ngx_ess_multi_count(multi, -(ngx_int_t) ngx_ess_multi_each(cell));

    ngx_ess_multi_table_remove(&multi->table, cell);
    ngx_ess_multi_unparked(multi, sub);
    ngx_ess_feed_leave(sub);

    sub->fresh = 0;
    ngx_ess_multi_cell_free(cell);
}


/* Groups last, without keys: who looks for those of one walks the table. */

void
ngx_ess_multi_drop_all(ngx_ess_multi_t *multi)
{
    uint32_t               bucket;
    ngx_uint_t             groups;
    ngx_ess_multi_cell_t  *cell, *next;
    ngx_ess_multi_left_t   left;

    left.n = 0;

    for (groups = 0; groups < 2; groups++) {

        cell = ngx_ess_multi_table_next(&multi->table, &bucket, NULL);

        for ( /* void */ ; cell; cell = next) {
            next = ngx_ess_multi_table_next(&multi->table, &bucket, cell);

            if (cell->sub.grouped) {
                ngx_ess_multi_drop_cursor(multi, cell);

            } else if (!cell->sub.group || groups) {
                ngx_ess_multi_drop(multi, cell, &left);
            }
        }
    }

    ngx_ess_multi_left(&left);
}


void
ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    ngx_ess_multi_t        *multi;
    ngx_ess_multi_left_t    left;
    ngx_ess_multi_group_t  *group;

    multi = ngx_ess_multi_client(sub)->multi;
    group = ngx_ess_multi_group(sub);

    if (multi->kind->end(multi, sub, code, reason) != NGX_OK) {
        multi->failed = 1;
    }

    left.n = 0;

    ngx_ess_multi_drop(multi, group ? (ngx_ess_multi_cell_t *) group
                                    : (ngx_ess_multi_cell_t *) sub, &left);
    ngx_ess_multi_left(&left);

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

    if (multi->nnews) {
        /* not before the answer to what it may be a part of */
        return;
    }

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
