
/*
 * Feeds: which there are, who is on which list of theirs, and which are to be
 * read or flushed next.  A feed belongs to this file and lives as long as it
 * has subscribers.  Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_feed.h"
#include "ngx_ess_label.h"
#include "ngx_ess_wake.h"


#define NGX_ESS_FEED_BUCKETS  1024          /* at first */


typedef struct {
    ngx_ess_feed_visit_pt        visit;
    void                        *data;
} ngx_ess_feed_visitor_t;


static ngx_ess_subscriber_t *ngx_ess_feed_first_idle(ngx_ess_feed_t *feed);
static void ngx_ess_feed_first_taken(ngx_ess_subscriber_t *sub, void *data);
static ngx_ess_feed_t **ngx_ess_feed_bucket(ngx_ess_stream_ref_t *ref);
static void ngx_ess_feed_grow(void);
static ngx_ess_feed_t *ngx_ess_feed_create(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, uint64_t seq);
static void ngx_ess_feed_each_of(ngx_ess_feed_t *feed,
    ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit, void *data);
static void ngx_ess_feed_visit_lane(ngx_ess_lane_t *lane, void *data);
static void ngx_ess_feed_visit_queue(ngx_queue_t *queue,
    ngx_ess_feed_visit_pt visit, void *data);
static void ngx_ess_feed_replaced_one(ngx_ess_subscriber_t *sub, void *data);


ngx_ess_feed_worker_t  ngx_ess_feed_worker;


ngx_int_t
ngx_ess_feed_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers)
{
    ngx_ess_feed_worker_t  *w;

    w = &ngx_ess_feed_worker;

    ngx_memzero(w, sizeof(ngx_ess_feed_worker_t));

    w->zone = zone;
    w->handlers = handlers;
    w->log = cycle->log;

    w->nbuckets = NGX_ESS_FEED_BUCKETS;
    w->buckets = ngx_calloc(w->nbuckets * sizeof(ngx_ess_feed_t *),
                            cycle->log);
    if (w->buckets == NULL || ngx_ess_lane_seed(cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ess_label_init(zone);

    ngx_queue_init(&w->all);
    ngx_queue_init(&w->gated);
    ngx_queue_init(&w->reading);
    ngx_queue_init(&w->flushing);

    w->read.log = cycle->log;
    w->flush.log = cycle->log;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_feed_end(ngx_uint_t max)
{
    ngx_uint_t       i;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    for (i = 0; !ngx_queue_empty(&ngx_ess_feed_worker.all); i++) {

        if (i == max) {
            return 1;
        }

        q = ngx_queue_head(&ngx_ess_feed_worker.all);
        feed = ngx_queue_data(q, ngx_ess_feed_t, all);

        ngx_ess_feed_worker.handlers->exit(ngx_ess_feed_first(feed));
    }

    return 0;
}


ngx_ess_subscriber_t *
ngx_ess_feed_first(ngx_ess_feed_t *feed)
{
    ngx_queue_t  *q;

    q = !ngx_queue_empty(&feed->lane.idle) ? ngx_queue_head(&feed->lane.idle)
        : !ngx_queue_empty(&feed->due) ? ngx_queue_head(&feed->due)
        : !ngx_queue_empty(&feed->waiting) ? ngx_queue_head(&feed->waiting)
        : NULL;

    return q ? ngx_queue_data(q, ngx_ess_subscriber_t, queue)
             : ngx_ess_feed_first_idle(feed);
}


/* Of a key, or handed over. */

static ngx_ess_subscriber_t *
ngx_ess_feed_first_idle(ngx_ess_feed_t *feed)
{
    ngx_ess_lane_t        *lane;
    ngx_ess_subscriber_t  *sub;

    lane = ngx_ess_lane_any(feed->lanes);

    if (lane) {
        return ngx_queue_data(ngx_queue_head(&lane->idle),
                              ngx_ess_subscriber_t, queue);
    }

    sub = NULL;

    if (feed->encoding->many) {
        ngx_ess_feed_worker.handlers->taken(feed, ngx_ess_feed_first_taken,
                                            &sub);
    }

    return sub;
}


static void
ngx_ess_feed_first_taken(ngx_ess_subscriber_t *sub, void *data)
{
    ngx_ess_subscriber_t **first = data;

    *first = sub;
}


ngx_ess_feed_t *
ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, uint64_t seq, uint64_t have)
{
    ngx_ess_feed_t  *feed, **bucket;

    feed = ngx_ess_feed_find(ref, encoding);
    if (feed) {
        return feed;
    }

    feed = ngx_ess_feed_create(ref, encoding, seq);
    if (feed == NULL) {
        return NULL;
    }

    feed->have = have;

    ngx_queue_insert_tail(&ngx_ess_feed_worker.all, &feed->all);

    bucket = ngx_ess_feed_bucket(ref);

    feed->next = *bucket;
    *bucket = feed;

    if (++ngx_ess_feed_worker.nfeeds > ngx_ess_feed_worker.nbuckets) {
        ngx_ess_feed_grow();
    }

    return feed;
}


ngx_ess_feed_t *
ngx_ess_feed_find(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding)
{
    ngx_ess_feed_t  *feed;

    for (feed = *ngx_ess_feed_bucket(ref); feed; feed = feed->next) {
        if (feed->ref.id == ref->id
            && feed->ref.epoch == ref->epoch
            && feed->encoding == encoding)
        {
            return feed;
        }
    }

    return NULL;
}


/* whatever the epoch */

static ngx_ess_feed_t **
ngx_ess_feed_bucket(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_feed_worker_t  *w;

    w = &ngx_ess_feed_worker;

    return &w->buckets[ref->id & (w->nbuckets - 1)];
}


static void
ngx_ess_feed_grow(void)
{
    ngx_uint_t       i, n;
    ngx_ess_feed_t  *feed, *next, **buckets;

    n = ngx_ess_feed_worker.nbuckets * 2;

    buckets = ngx_calloc(n * sizeof(ngx_ess_feed_t *), ngx_ess_feed_worker.log);
    if (buckets == NULL) {
        /* longer chains, then */
        return;
    }

    for (i = 0; i < ngx_ess_feed_worker.nbuckets; i++) {

        for (feed = ngx_ess_feed_worker.buckets[i]; feed; feed = next) {
            next = feed->next;
            feed->next = buckets[feed->ref.id & (n - 1)];
            buckets[feed->ref.id & (n - 1)] = feed;
        }
    }

    ngx_free(ngx_ess_feed_worker.buckets);

    ngx_ess_feed_worker.buckets = buckets;
    ngx_ess_feed_worker.nbuckets = n;
}


ngx_ess_feed_t *
ngx_ess_feed_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *keys, ngx_uint_t n,
    uint64_t seq)
{
    ngx_ess_feed_t  *feed;

    feed = ngx_ess_feed_create(ref, encoding, seq);
    if (feed == NULL) {
        return NULL;
    }

    feed->replay = 1;
    ngx_queue_insert_head(&ngx_ess_feed_worker.all, &feed->all);

    if (n) {
        feed->keys = ngx_ess_feed_keys_copy(keys, n,
                                            ngx_ess_feed_worker.log);

        if (feed->keys == NULL) {
            ngx_ess_feed_free(feed);
            return NULL;
        }
    }

    return feed;
}


static ngx_ess_feed_t *
ngx_ess_feed_create(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, uint64_t seq)
{
    ngx_ess_feed_t  *feed;

    feed = ngx_calloc(sizeof(ngx_ess_feed_t), ngx_ess_feed_worker.log);
    if (feed == NULL) {
        return NULL;
    }

    feed->ref = *ref;
    feed->encoding = encoding;
    feed->seq = seq;

    if (encoding->labelled) {
        feed->label = ngx_ess_label_get(ref->id, ngx_ess_feed_worker.log);

        if (feed->label == NULL) {
            ngx_free(feed);
            return NULL;
        }
    }

    ngx_ess_lane_init(&feed->lane, feed);
    ngx_queue_init(&feed->due);
    ngx_queue_init(&feed->waiting);

    return feed;
}


void
ngx_ess_feed_free(ngx_ess_feed_t *feed)
{
    ngx_ess_feed_t  **p;

    if (!feed->replay) {
        ngx_ess_feed_set_changed(feed, 0);

        for (p = ngx_ess_feed_bucket(&feed->ref); *p != feed; p = &(*p)->next) {
            /* void */
        }

        *p = feed->next;

        ngx_ess_feed_worker.nfeeds--;
    }

    ngx_queue_remove(&feed->all);

    if (feed->in_reading) {
        ngx_queue_remove(&feed->reading);
    }

    if (feed->in_flushing) {
        ngx_queue_remove(&feed->flushing);
    }

    ngx_ess_label_release(feed->label);

    ngx_free(feed->rest);
    ngx_free(feed->keys);
    ngx_free(feed);
}


void
ngx_ess_feed_unhold(ngx_ess_feed_t *feed)
{
    if (--feed->subscribers == 0) {
        ngx_ess_feed_free(feed);
        return;
    }

    /* reading may have waited for the one that went */

    if (feed->changed) {
        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }
}


void
ngx_ess_feed_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_feed_t  *feed;

    /* of whatever epoch: to read the log of one that is over ends its feed */

    for (feed = *ngx_ess_feed_bucket(ref); feed; feed = feed->next) {

        if (feed->ref.id == ref->id) {
            ngx_ess_feed_set_changed(feed, 1);
            ngx_ess_feed_want(feed, &ngx_posted_events);
        }
    }

    /* perhaps there was none */
    ngx_post_event(&ngx_ess_feed_worker.read, &ngx_posted_events);
}


void
ngx_ess_feed_changed_more(const uint32_t *more)
{
    ngx_uint_t       i, n, mask;
    ngx_ess_feed_t  *feed;

    /* bucket and bit both go by the last digits of an id, so buckets whose bits
       are not set are not looked at */

    mask = ngx_ess_feed_worker.nbuckets - 1;
    n = ngx_max(ngx_ess_feed_worker.nbuckets, 32 * NGX_ESS_WAKE_MORE);

    for (i = 0; i < n; i++) {

        if (!ngx_ess_wake_is_more(more, i)) {
            continue;
        }

        for (feed = ngx_ess_feed_worker.buckets[i & mask];
             feed;
             feed = feed->next)
        {
            if (ngx_ess_wake_is_more(more, feed->ref.id)) {
                ngx_ess_feed_set_changed(feed, 1);
                ngx_ess_feed_want(feed, &ngx_posted_events);
            }
        }
    }

    ngx_post_event(&ngx_ess_feed_worker.read, &ngx_posted_events);
}


void
ngx_ess_feed_set_changed(ngx_ess_feed_t *feed, ngx_uint_t changed)
{
    if (!feed->replay) {
        ngx_ess_feed_worker.nchanged -= feed->changed;
        ngx_ess_feed_worker.nchanged += changed;
    }

    feed->changed = changed;
}


void
ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted)
{
    if (feed->in_reading || !ngx_ess_feed_may_read(feed)) {
        return;
    }

    feed->in_reading = 1;

    if (!feed->encoding->many) {
        ngx_queue_insert_tail(&ngx_ess_feed_worker.reading, &feed->reading);

    } else {
        ngx_queue_insert_tail(&ngx_ess_feed_worker.gated, &feed->reading);

        if (ngx_ess_feed_worker.gate) {
            return;
        }
    }

    ngx_post_event(&ngx_ess_feed_worker.read, posted);
}


/*
 * A feed is read only when all that was read before has been offered to the
 * subscribers' sockets: so a long burst is taken in portions, and what is in
 * the log meanwhile is sent with fewer calls.  A replay waits until its
 * client's socket has taken it.
 */

ngx_uint_t
ngx_ess_feed_may_read(ngx_ess_feed_t *feed)
{
    return !feed->ended
           && ngx_queue_empty(&feed->due)
           && (!feed->replay
               || (!feed->parked && !ngx_queue_empty(&feed->lane.idle)));
}


void
ngx_ess_feed_gate(ngx_uint_t shut)
{
    ngx_ess_feed_worker_t  *w;

    w = &ngx_ess_feed_worker;
    w->gate = shut;

    if (!shut && !ngx_queue_empty(&w->gated)) {
        w->owed = 1;
        ngx_post_event(&w->read, &ngx_posted_next_events);
    }
}


void
ngx_ess_feed_reclaim(void)
{
    ngx_post_event(&ngx_ess_feed_worker.read, &ngx_posted_events);
}


void
ngx_ess_feed_due(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feed->due, &sub->queue);

    if (!feed->in_flushing) {
        feed->in_flushing = 1;
        ngx_queue_insert_tail(&ngx_ess_feed_worker.flushing, &feed->flushing);
    }

    /* a slice posts the rest itself, for the next iteration */

    if (!ngx_ess_feed_worker.slice) {
        ngx_post_event(&ngx_ess_feed_worker.flush, &ngx_posted_events);
    }
}


void
ngx_ess_feed_put(ngx_ess_subscriber_t *sub, ngx_ess_lane_t *lane,
    ngx_queue_t *queue)
{
    ngx_ess_lane_t  *old;

    old = sub->lane;

    if (queue) {

        if (old) {
            ngx_queue_remove(&sub->queue);
        }

        ngx_queue_insert_tail(queue, &sub->queue);
    }

    sub->lane = lane;
    sub->many = lane->feed->encoding->many;

    ngx_ess_lane_hold(lane);
    ngx_ess_feed_hold(lane->feed);

    if (old) {
        ngx_ess_feed_drop(old);
    }
}


void
ngx_ess_feed_drop(ngx_ess_lane_t *lane)
{
    ngx_ess_feed_t  *feed;

    feed = lane->feed;

    ngx_ess_lane_release(&feed->lanes, lane);
    ngx_ess_feed_unhold(feed);
}


void
ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub)
{
    ngx_queue_t     *queue;
    ngx_ess_lane_t  *lane;

    lane = sub->lane;

    queue = (lane->key_len && sub->frame == NULL && !sub->closed)
            ? &lane->idle : &lane->feed->waiting;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(queue, &sub->queue);
}


void
ngx_ess_feed_each(ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_queue_t     *q, *next_q;
    ngx_ess_feed_t  *feed, *next;

    feed = *ngx_ess_feed_bucket(ref);

    for ( /* void */ ; feed; feed = next) {
        next = feed->next;
        ngx_ess_feed_each_of(feed, ref, visit, data);
    }

    for (q = ngx_queue_head(&ngx_ess_feed_worker.all);
         q != ngx_queue_sentinel(&ngx_ess_feed_worker.all);
         q = next_q)
    {
        next_q = ngx_queue_next(q);
        feed = ngx_queue_data(q, ngx_ess_feed_t, all);

        if (!feed->replay) {
            break;
        }

        ngx_ess_feed_each_of(feed, ref, visit, data);
    }
}


static void
ngx_ess_feed_each_of(ngx_ess_feed_t *feed, ngx_ess_stream_ref_t *ref,
    ngx_ess_feed_visit_pt visit, void *data)
{
    if (feed->ref.id == ref->id && feed->ref.epoch == ref->epoch) {
        ngx_ess_feed_hold(feed);
        ngx_ess_feed_visit(feed, visit, data);
        ngx_ess_feed_unhold(feed);
    }
}


void
ngx_ess_feed_visit(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_ess_feed_visit_end(feed, visit, data);

    if (feed->encoding->many) {
        ngx_ess_feed_worker.handlers->taken(feed, visit, data);
    }
}


void
ngx_ess_feed_visit_end(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_ess_feed_visitor_t  visitor;

    visitor.visit = visit;
    visitor.data = data;

    ngx_ess_feed_visit_queue(&feed->lane.idle, visit, data);
    ngx_ess_feed_visit_queue(&feed->due, visit, data);
    ngx_ess_feed_visit_queue(&feed->waiting, visit, data);
    ngx_ess_lane_each(&feed->lanes, ngx_ess_feed_visit_lane, &visitor);
}


static void
ngx_ess_feed_visit_lane(ngx_ess_lane_t *lane, void *data)
{
    ngx_ess_feed_visitor_t *visitor = data;

    ngx_ess_feed_visit_queue(&lane->idle, visitor->visit, visitor->data);
}


static void
ngx_ess_feed_visit_queue(ngx_queue_t *queue, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue);
         q = next)
    {
        next = ngx_queue_next(q);
        visit(ngx_queue_data(q, ngx_ess_subscriber_t, queue), data);
    }
}


void
ngx_ess_feed_replaced(ngx_ess_stream_ref_t *ref, uint64_t first)
{
    ngx_ess_feed_each(ref, ngx_ess_feed_replaced_one, &first);
}


static void
ngx_ess_feed_replaced_one(ngx_ess_subscriber_t *sub, void *data)
{
    uint64_t *first = data;

    if ((int32_t) (sub->number - (uint32_t) *first) < 0) {
        ngx_ess_feed_worker.handlers->replaced(sub);
    }
}
