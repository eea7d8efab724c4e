
/*
 * Clients with several subscriptions: how these begin, wait and end.  They
 * belong to their client, and go with it.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_multi.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_multi_due.h"


static void ngx_ess_multi_put(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub);
static ngx_ess_multi_cell_t *ngx_ess_multi_taken_key(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_feed_t *feed);
static void ngx_ess_multi_unpark(ngx_ess_multi_t *multi);


static ngx_queue_t  ngx_ess_multi_all;


void
ngx_ess_multi_init(void)
{
    ngx_queue_init(&ngx_ess_multi_all);
}


ngx_ess_client_t *
ngx_ess_multi_first(void)
{
    ngx_queue_t      *q;
    ngx_ess_multi_t  *multi;

    if (ngx_queue_empty(&ngx_ess_multi_all)) {
        return NULL;
    }

    q = ngx_queue_head(&ngx_ess_multi_all);
    multi = ngx_queue_data(q, ngx_ess_multi_t, all);

    return multi->client;
}


ngx_ess_multi_t *
ngx_ess_multi_create(ngx_ess_client_t *client,
    const ngx_ess_multi_kind_t *kind, const ngx_ess_encoding_t *encoding)
{
    ngx_ess_multi_t  *multi;

    multi = ngx_calloc(sizeof(ngx_ess_multi_t), client->connection->log);
    if (multi == NULL) {
        return NULL;
    }

    multi->client = client;
    multi->kind = kind;
    multi->encoding = encoding;
    multi->last = &multi->answers;

    ngx_queue_init(&multi->ready);
    ngx_queue_init(&multi->fresh);
    ngx_queue_insert_tail(&ngx_ess_multi_all, &multi->all);

    return multi;
}


void
ngx_ess_multi_free(ngx_ess_multi_t *multi)
{
    if (multi->kind->done) {
        multi->kind->done(multi);
    }

    ngx_ess_multi_table_free(&multi->table);

    ngx_queue_remove(&multi->all);
    ngx_free(multi);
}


ngx_ess_client_t *
ngx_ess_multi_client(ngx_ess_subscriber_t *sub)
{
    return sub->grouped ? ngx_ess_multi_group(sub)->client : sub->client;
}


/* It has frames. */

void
ngx_ess_multi_ready(ngx_ess_subscriber_t *sub)
{
    ngx_ess_multi_t  *multi;

    multi = ngx_ess_multi_client(sub)->multi;

    ngx_queue_remove(&sub->queue);
    sub->taken = 1;

    if (sub->fresh) {
        ngx_queue_insert_tail(&multi->fresh, &sub->queue);
        return;
    }

    ngx_ess_multi_put(multi, sub);
    ngx_ess_multi_due(multi);
}


static void
ngx_ess_multi_put(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_multi_group_t  *group;

    group = ngx_ess_multi_group(sub);

    if (group == NULL) {
        ngx_queue_insert_tail(&multi->ready, &sub->queue);
        return;
    }

    if (group->ready == NULL) {
        ngx_queue_insert_tail(&multi->ready, &group->queue);
    }

    ngx_queue_init(&sub->queue);

    sub->seq = 0;
    sub->have = 0;

    group->ready = ngx_ess_multi_heap_merge(group->ready, sub);
}


/* Out of its group's heap, if it is there. */

void
ngx_ess_multi_take(ngx_ess_subscriber_t *sub, ngx_ess_multi_group_t *group)
{
    if (!sub->taken || sub->fresh) {
        return;
    }

    group->ready = ngx_ess_multi_heap_remove(group->ready, sub);

    if (group->ready == NULL) {
        ngx_queue_remove(&group->queue);
        ngx_queue_init(&group->queue);
    }
}


void
ngx_ess_multi_take_all(ngx_ess_multi_group_t *group)
{
    ngx_ess_subscriber_t  *sub;

    if (group->ready == NULL) {
        return;
    }

    while (group->ready) {
        sub = group->ready;
        group->ready = ngx_ess_multi_heap_pop(sub);
        sub->taken = 0;
    }

    ngx_queue_remove(&group->queue);
    ngx_queue_init(&group->queue);
}


void
ngx_ess_multi_announced(ngx_ess_multi_t *multi)
{
    uint32_t               bucket;
    ngx_queue_t           *q;
    ngx_ess_multi_cell_t  *cell;

    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {
        cell->sub.fresh = 0;
    }

    while (!ngx_queue_empty(&multi->fresh)) {
        q = ngx_queue_head(&multi->fresh);
        ngx_queue_remove(q);

        ngx_ess_multi_put(multi, ngx_queue_data(q, ngx_ess_subscriber_t,
                                                queue));
    }

    ngx_ess_multi_due(multi);
}


void
ngx_ess_multi_idle(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_int_t              rc;
    ngx_uint_t             replay, moved;
    ngx_ess_multi_cell_t  *cell;

    cell = (ngx_ess_multi_cell_t *) sub;

    replay = sub->lane->feed->replay;
    moved = (replay && sub->grouped);

    /* at the end of a replay of keys it becomes one of them */

    if (moved) {
        ngx_ess_multi_table_remove(&multi->table, cell);
    }

    sub->taken = 0;

    rc = ngx_ess_feed_join_idle(sub);

    if (moved
        && ngx_ess_multi_table_add(&multi->table, cell,
                                   multi->client->connection->log)
           != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        multi->failed = 1;
        return;
    }

    if (replay && !sub->lane->feed->replay) {
        multi->replays--;
        ngx_ess_multi_unpark(multi);
    }
}


/* Where a replay has ended another one may be read. */

static void
ngx_ess_multi_unpark(ngx_ess_multi_t *multi)
{
    uint32_t               bucket;
    ngx_ess_feed_t        *feed;
    ngx_ess_multi_cell_t  *cell;

    cell = NULL;

    while (multi->parked
           && multi->replays < NGX_ESS_MULTI_REPLAYS
           && (cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell)))
    {
        if (cell->sub.group || !cell->sub.lane->feed->parked) {
            continue;
        }

        feed = cell->sub.lane->feed;
        feed->parked = 0;

        multi->parked--;
        multi->replays++;

        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }
}


void
ngx_ess_multi_park(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    if (multi->replays < NGX_ESS_MULTI_REPLAYS) {
        multi->replays++;
        return;
    }

    sub->lane->feed->parked = 1;
    multi->parked++;
}


void
ngx_ess_multi_unparked(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    if (feed->parked) {
        multi->parked--;

    } else if (feed->replay) {
        multi->replays--;
        ngx_ess_multi_unpark(multi);
    }
}


void
ngx_ess_multi_taken(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_queue_t           *q, *next;
    ngx_ess_multi_t       *multi;
    ngx_ess_multi_cell_t  *cell;

    for (q = ngx_queue_head(&ngx_ess_multi_all);
         q != ngx_queue_sentinel(&ngx_ess_multi_all);
         q = next)
    {
        next = ngx_queue_next(q);
        multi = ngx_queue_data(q, ngx_ess_multi_t, all);

        cell = ngx_ess_multi_table_find(&multi->table, feed->ref.id, NULL);

        if (cell && cell->sub.group) {
            cell = ngx_ess_multi_taken_key(multi, &cell->group, feed);
        }

        if (cell && cell->sub.lane->feed == feed && cell->sub.taken) {
            visit(&cell->sub, data);
        }
    }
}


/* Any one of its keys that is in the feed, and was handed over. */

static ngx_ess_multi_cell_t *
ngx_ess_multi_taken_key(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group,
    ngx_ess_feed_t *feed)
{
    uint32_t               bucket;
    ngx_ess_multi_cell_t  *cell;

    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) == group
            && cell->sub.lane->feed == feed && cell->sub.taken)
        {
            break;
        }
    }

    return cell;
}


/* One of its keys: what any of them is asked, it is. */

ngx_ess_multi_cell_t *
ngx_ess_multi_member(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    uint32_t               bucket;
    ngx_ess_multi_cell_t  *cell;

    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) == group) {
            break;
        }
    }

    return cell;
}


ngx_ess_multi_cell_t *
ngx_ess_multi_replayed(ngx_ess_multi_t *multi, uint64_t id, ngx_str_t *key)
{
    uint32_t               bucket;
    ngx_ess_feed_t        *feed;
    ngx_ess_multi_cell_t  *cell;

    if (multi->replays + multi->parked == 0) {
        return NULL;
    }

    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (!cell->sub.grouped) {
            continue;
        }

        feed = cell->sub.lane->feed;

        if (feed->keys && feed->ref.id == id
            && ngx_ess_feed_keys_has(feed->keys, key))
        {
            break;
        }
    }

    return cell;
}


ngx_int_t
ngx_ess_multi_say(ngx_ess_multi_t *multi, u_char *data, size_t len)
{
    ngx_ess_multi_answer_t  *answer;

    answer = ngx_alloc(sizeof(ngx_ess_multi_answer_t),
                       multi->client->connection->log);
    if (answer == NULL) {
        ngx_ess_encoding_free(data);
        return NGX_ERROR;
    }

    answer->next = NULL;
    answer->data = data;
    answer->len = len;

    *multi->last = answer;
    multi->last = &answer->next;
    multi->said += len;

    return NGX_OK;
}
