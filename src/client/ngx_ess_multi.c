
/*
 * Clients with several subscriptions: how these begin, wait and end.  They
 * belong to their client, and go with it.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_multi.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_gap.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_counter.h"


/* cells that are new, at first */
#define NGX_ESS_MULTI_NEWS  16


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
    ngx_queue_init(&multi->parked);
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
    ngx_free(multi->news);

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


void
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


ngx_int_t
ngx_ess_multi_new(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    uint32_t    *news;
    ngx_uint_t   n;

    if (multi->nnews == multi->nnews_max) {

        n = ngx_max(2 * multi->nnews, NGX_ESS_MULTI_NEWS);

        news = ngx_alloc(n * sizeof(uint32_t), multi->client->connection->log);
        if (news == NULL) {
            return NGX_ERROR;
        }

        if (multi->news) {
            ngx_memcpy(news, multi->news, multi->nnews * sizeof(uint32_t));
            ngx_free(multi->news);
        }

        multi->news = news;
        multi->nnews_max = n;
    }

    multi->news[multi->nnews++] = ngx_ess_multi_cell_number(cell);

    return NGX_OK;
}


void
ngx_ess_multi_announced(ngx_ess_multi_t *multi)
{
    ngx_uint_t             i;
    ngx_queue_t           *q;
    ngx_ess_multi_cell_t  *cell;

    for (i = 0; i < multi->nnews; i++) {
        cell = ngx_ess_multi_cell(multi->news[i]);

        /* one that has left may be another client's by now */

        if (cell->sub.fresh
            && ngx_ess_multi_client(&cell->sub) == multi->client)
        {
            cell->sub.fresh = 0;
        }
    }

    ngx_free(multi->news);

    multi->news = NULL;
    multi->nnews = 0;
    multi->nnews_max = 0;
    multi->told = 0;

    while (!ngx_queue_empty(&multi->fresh)) {
        q = ngx_queue_head(&multi->fresh);
        ngx_queue_remove(q);

        ngx_ess_multi_put(multi, ngx_queue_data(q, ngx_ess_subscriber_t,
                                                queue));
    }

    if (multi->replaced || multi->failed) {
        /* it waited for this, and waits for no socket */
        ngx_ess_multi_due_now(multi);

    } else {
        ngx_ess_multi_due(multi);
    }
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


/* Where a replay has ended the next one may be read. */

static void
ngx_ess_multi_unpark(ngx_ess_multi_t *multi)
{
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    if (ngx_queue_empty(&multi->parked)) {
        return;
    }

    q = ngx_queue_head(&multi->parked);
    feed = ngx_queue_data(q, ngx_ess_feed_t, flushing);

    ngx_queue_remove(q);
    feed->parked = 0;

    multi->replays++;

    ngx_ess_feed_want(feed, &ngx_posted_next_events);
}


void
ngx_ess_multi_park(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    if (multi->replays < NGX_ESS_MULTI_REPLAYS) {
        multi->replays++;
        return;
    }

    feed = sub->lane->feed;
    feed->parked = 1;

    ngx_queue_insert_tail(&multi->parked, &feed->flushing);
}


void
ngx_ess_multi_unparked(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    if (feed->parked) {
        feed->parked = 0;
        ngx_queue_remove(&feed->flushing);

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


uint64_t
ngx_ess_multi_place(ngx_ess_subscriber_t *sub)
{
    uint64_t  have;

    /* the end of a stream has no ordinal */

    if (sub->frame && sub->frame->ordinal) {
        return sub->frame->ordinal - 1;
    }

    have = sub->lane->feed->have;

    /* it may have come when the feed was behind */

    return sub->taken ? have : ngx_max(have, sub->have);
}


uint64_t
ngx_ess_multi_place_least(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    uint32_t               bucket;
    uint64_t               least;
    ngx_ess_multi_cell_t  *cell;

    least = NGX_ESS_GAP_ANY;
    cell = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) == group) {
            least = ngx_min(least, ngx_ess_multi_place(&cell->sub));
        }
    }

    return least;
}


uint64_t
ngx_ess_multi_place_among(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group,
    ngx_ess_subscriber_t *sub)
{
    uint64_t  least;

    if (multi->replays || !ngx_queue_empty(&multi->fresh)) {
        return ngx_ess_multi_place_least(multi, group);
    }

    least = sub->lane->feed->have;

    return group->ready ? ngx_min(least, ngx_ess_multi_place(group->ready))
                        : least;
}


void
ngx_ess_multi_count(ngx_ess_multi_t *multi, ngx_int_t n)
{
    multi->subscriptions += n;

    ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SUBSCRIPTIONS, n);
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
