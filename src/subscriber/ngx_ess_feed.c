
/*
 * Feeds: who reads which stream, and who is flushed when: in slices, so that
 * no stream starves another.  A feed belongs to this file and lives as long
 * as it has subscribers.  Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_feed.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_source.h"
#include "ngx_ess_backpressure.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_notify.h"


/* what one run of an event handler does before others have their turn */
#define NGX_ESS_FEED_READ_SLICE   16        /* feeds */
#define NGX_ESS_FEED_FLUSH_SLICE  256       /* subscribers, of all feeds */
#define NGX_ESS_FEED_FLUSH_TURN   32        /* subscribers of one feed */

#define NGX_ESS_FEED_BUCKETS      1024      /* at first */


typedef struct {
    ngx_ess_zone_t                 *zone;
    const ngx_ess_feed_handlers_t  *handlers;
    ngx_log_t                      *log;

    ngx_ess_feed_t                **buckets;    /* of shared feeds */
    ngx_uint_t                      nbuckets;   /* a power of two */
    ngx_uint_t                      nfeeds;     /* in them */
    ngx_uint_t                      nchanged;   /* of these, with more in the
                                                   log than they have read */
    ngx_queue_t                     all;        /* feeds, replays first */

    ngx_queue_t                     reading;
    ngx_queue_t                     flushing;
    ngx_event_t                     read;
    ngx_event_t                     flush;
    ngx_uint_t                      slice;      /* within a slice of flushes */
    size_t                          limit;      /* bytes that are kept from
                                                   which on some are
                                                   reclaimed */
} ngx_ess_feed_worker_t;


static ngx_ess_feed_t *ngx_ess_feed_create(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq, ngx_uint_t replay);
static ngx_ess_feed_t *ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq, uint64_t expected);
static void ngx_ess_feed_grow(void);
static void ngx_ess_feed_free(ngx_ess_feed_t *feed);
static void ngx_ess_feed_free_shared(ngx_ess_feed_t *feed);
static void ngx_ess_feed_replaced_one(ngx_ess_subscriber_t *sub, void *data);
static void ngx_ess_feed_each_of(ngx_ess_feed_t *feed,
    ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit, void *data);
static ngx_int_t ngx_ess_feed_caught_up(ngx_ess_subscriber_t *sub);
static void ngx_ess_feed_begin(ngx_ess_feed_t *feed, uint64_t seq,
    uint64_t expected);
static ngx_ess_frame_t *ngx_ess_feed_copy(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *frame);
static ngx_ess_feed_rest_t *ngx_ess_feed_rest(ngx_ess_subscriber_t *sub);
static ngx_uint_t ngx_ess_feed_room(void);
static void ngx_ess_feed_read_handler(ngx_event_t *ev);
static void ngx_ess_feed_flush_handler(ngx_event_t *ev);
static ngx_uint_t ngx_ess_feed_flush(ngx_ess_feed_t *feed);


static ngx_ess_feed_worker_t  ngx_ess_feed;


ngx_int_t
ngx_ess_feed_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers)
{
    ngx_ess_feed_worker_t  *w;

    w = &ngx_ess_feed;

    ngx_memzero(w, sizeof(ngx_ess_feed_worker_t));

    w->zone = zone;
    w->handlers = handlers;
    w->log = cycle->log;

    w->nbuckets = NGX_ESS_FEED_BUCKETS;
    w->buckets = ngx_calloc(w->nbuckets * sizeof(ngx_ess_feed_t *),
                            cycle->log);
    if (w->buckets == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&w->all);
    ngx_queue_init(&w->reading);
    ngx_queue_init(&w->flushing);

    w->read.handler = ngx_ess_feed_read_handler;
    w->read.log = cycle->log;

    w->flush.handler = ngx_ess_feed_flush_handler;
    w->flush.log = cycle->log;

    ngx_ess_memory_init(zone, ngx_ess_conf_main(cycle)->max_memory);
    w->limit = ngx_ess_memory_max();

    ngx_ess_feed_read_init(cycle, zone, handlers);

    return NGX_OK;
}


ngx_uint_t
ngx_ess_feed_end(ngx_uint_t max)
{
    ngx_uint_t       i;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    for (i = 0; !ngx_queue_empty(&ngx_ess_feed.all); i++) {

        if (i == max) {
            return 1;
        }

        q = ngx_queue_head(&ngx_ess_feed.all);
        feed = ngx_queue_data(q, ngx_ess_feed_t, all);

        ngx_ess_feed.handlers->exit(ngx_ess_feed_first(feed));
    }

    return 0;
}


ngx_ess_subscriber_t *
ngx_ess_feed_first(ngx_ess_feed_t *feed)
{
    ngx_queue_t  *q;

    q = !ngx_queue_empty(&feed->idle) ? ngx_queue_head(&feed->idle)
        : !ngx_queue_empty(&feed->due) ? ngx_queue_head(&feed->due)
        : ngx_queue_head(&feed->waiting);

    return ngx_queue_data(q, ngx_ess_subscriber_t, queue);
}


/*
 * nginx would raise an alert for each connection that is left when a worker
 * is stopped during its graceful shutdown.
 */

void
ngx_ess_feed_exit(void)
{
    (void) ngx_ess_feed_end((ngx_uint_t) -1);

    ngx_ess_feed_read_exit();
}


ngx_int_t
ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, ngx_ess_subscriber_t *sub,
    uint64_t ordinal)
{
    ngx_ess_feed_t  *feed;

    feed = ngx_ess_feed_get(ref, transport, sub->seq, ordinal);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    sub->feed = feed;
    feed->subscribers++;
    ngx_queue_insert_tail(&feed->idle, &sub->queue);

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, ngx_ess_subscriber_t *sub,
    ngx_ess_log_place_t *place)
{
    ngx_ess_feed_t   *feed;
    ngx_ess_frame_t  *frame;

    feed = ngx_ess_feed_create(ref, transport, place->seq, 1);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    feed->expected = place->expected;
    feed->last = place->last;
    feed->live = sub->seq;
    feed->follow = sub->follow;
    feed->changed = 1;
    feed->subscribers = 1;

    frame = NULL;

    if (place->gap
        && ngx_ess_feed_read_gap(feed, place->seq, place->from, place->to,
                                 &frame)
           != NGX_OK)
    {
        ngx_ess_feed_free(feed);
        return NGX_ERROR;
    }

    sub->feed = feed;
    sub->frame = frame;
    sub->seq = 0;

    ngx_queue_insert_tail(frame ? &feed->waiting : &feed->idle, &sub->queue);

    ngx_ess_feed_want(feed, &ngx_posted_next_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_replay_source(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, ngx_ess_subscriber_t *sub,
    ngx_ess_log_place_t *place, uint64_t ordinal, uint64_t timestamp)
{
    if (ngx_ess_feed_replay(ref, transport, sub, place) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_feed_source_start(sub->feed, ordinal, timestamp) != NGX_OK) {
        ngx_ess_feed_leave(sub);
        return NGX_ERROR;
    }

    if (place->gap) {
        /* that was said */
        sub->feed->expected = 0;
    }

    return NGX_OK;
}


ngx_ess_zone_t *
ngx_ess_feed_zone(void)
{
    return ngx_ess_feed.zone;
}


ngx_int_t
ngx_ess_feed_fall_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep)
{
    uint64_t              ordinal;
    ngx_uint_t            rewound;
    ngx_ess_feed_t       *feed, *old;
    ngx_ess_frame_t      *frame, *copy;
    ngx_ess_feed_rest_t  *rest;

    old = sub->feed;
    frame = sub->frame;

    ordinal = (frame->type == NGX_ESS_FRAME_GAP && frame->next)
              ? frame->next->ordinal : frame->ordinal;

    /* frames from the source have no number of the log's */

    rewound = (frame->seq == 0 || old->source);

    if (old->ended || (rewound && ordinal == 0)) {
        return NGX_DECLINED;
    }

    feed = old->replay ? old
                       : ngx_ess_feed_create(&old->ref, old->transport, 0, 1);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    rest = NULL;
    copy = NULL;

    /* a gap is not found in the log again */

    if (frame->type == NGX_ESS_FRAME_GAP || (sub->offset && keep)) {
        copy = ngx_ess_feed_copy(feed, frame);
        if (copy == NULL) {
            goto failed;
        }

    } else if (sub->offset) {
        rest = ngx_ess_feed_rest(sub);
        if (rest == NULL) {
            goto failed;
        }
    }

    ngx_ess_feed_source_stop(feed);

    feed->rest = rest;
    feed->follow = sub->follow;
    feed->rewound = rewound;

    ngx_ess_feed_begin(feed, frame->seq, ordinal);

    if (copy && copy->type == NGX_ESS_FRAME_EVENT) {
        ngx_ess_feed_begin(feed, frame->seq + 1, ordinal + 1);
    }

    ngx_ess_frame_release(&old->frames, frame);

    sub->frame = copy;
    sub->seq = 0;

    if (rest) {
        sub->offset = 0;
    }

    if (feed == old) {
        return NGX_OK;
    }

    feed->subscribers = 1;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feed->waiting, &sub->queue);

    sub->feed = feed;

    ngx_ess_feed_unhold(old);

    return NGX_OK;

failed:

    if (feed != old) {
        ngx_ess_feed_free(feed);
    }

    return NGX_ERROR;
}


/* It is to read on with that record, which is to bring that event. */

static void
ngx_ess_feed_begin(ngx_ess_feed_t *feed, uint64_t seq, uint64_t expected)
{
    feed->seq = seq;
    feed->last = 0;
    feed->expected = expected;
    feed->gap = 0;

    ngx_ess_feed_set_changed(feed, 1);
}


/* Alone on its list, so that what is behind it goes. */

static ngx_ess_frame_t *
ngx_ess_feed_copy(ngx_ess_feed_t *feed, ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t            *copy;
    ngx_ess_frames_t            frames;
    ngx_ess_transport_frame_t   data;

    data.len = frame->len;
    data.data = ngx_alloc(frame->len, ngx_ess_feed.log);
    if (data.data == NULL) {
        return NULL;
    }

    ngx_memcpy(data.data, frame->data, frame->len);

    ngx_memzero(&frames, sizeof(ngx_ess_frames_t));

    copy = ngx_ess_frame_append(&frames, frame->type, frame->seq, &data,
                                  ngx_ess_feed.log);
    if (copy == NULL) {
        return NULL;
    }

    copy->ordinal = frame->ordinal;
    copy->timestamp = frame->timestamp;
    copy->start = feed->frames.bytes;

    feed->frames.bytes += frames.bytes;

    return copy;
}


static ngx_ess_feed_rest_t *
ngx_ess_feed_rest(ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t      *frame;
    ngx_ess_feed_rest_t  *rest;

    frame = sub->frame;

    rest = ngx_alloc(sizeof(ngx_ess_feed_rest_t), ngx_ess_feed.log);
    if (rest == NULL) {
        return NULL;
    }

    rest->ordinal = frame->ordinal;
    rest->timestamp = frame->timestamp;
    rest->len = frame->len;
    rest->sent = sub->offset;
    rest->hash = ngx_ess_feed_read_hash(frame->data, sub->offset);

    return rest;
}


void
ngx_ess_feed_leave(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->feed;

    ngx_queue_remove(&sub->queue);

    if (sub->frame) {
        ngx_ess_frame_release(&feed->frames, sub->frame);
        sub->frame = NULL;
    }

    sub->feed = NULL;

    ngx_ess_feed_unhold(feed);
}


void
ngx_ess_feed_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t       i;
    ngx_ess_feed_t  *feed;

    /* of whatever epoch: to read the log of one that is over ends its feed */

    if (ref->id) {
        feed = ngx_ess_feed.buckets[ref->id & (ngx_ess_feed.nbuckets - 1)];

        for ( /* void */ ; feed; feed = feed->next) {
            if (feed->ref.id == ref->id) {
                ngx_ess_feed_set_changed(feed, 1);
                ngx_ess_feed_want(feed, &ngx_posted_events);
            }
        }

        /* perhaps there was none */
        ngx_post_event(&ngx_ess_feed.read, &ngx_posted_events);

        return;
    }

    for (i = 0; i < ngx_ess_feed.nbuckets; i++) {
        for (feed = ngx_ess_feed.buckets[i]; feed; feed = feed->next) {
            ngx_ess_feed_set_changed(feed, 1);
            ngx_ess_feed_want(feed, &ngx_posted_events);
        }
    }

    ngx_post_event(&ngx_ess_feed.read, &ngx_posted_events);
}


void
ngx_ess_feed_replaced(ngx_ess_stream_ref_t *ref, uint64_t first)
{
    uint32_t  number;

    number = (uint32_t) first;

    ngx_ess_feed_each(ref, ngx_ess_feed_replaced_one, &number);
}


static void
ngx_ess_feed_replaced_one(ngx_ess_subscriber_t *sub, void *data)
{
    uint32_t *first = data;

    if ((int32_t) (sub->number - *first) < 0) {
        ngx_ess_feed.handlers->replaced(sub);
    }
}


void
ngx_ess_feed_each(ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_queue_t     *q, *next_q;
    ngx_ess_feed_t  *feed, *next;

    feed = ngx_ess_feed.buckets[ref->id & (ngx_ess_feed.nbuckets - 1)];

    for ( /* void */ ; feed; feed = next) {
        next = feed->next;
        ngx_ess_feed_each_of(feed, ref, visit, data);
    }

    for (q = ngx_queue_head(&ngx_ess_feed.all);
         q != ngx_queue_sentinel(&ngx_ess_feed.all);
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
    ngx_uint_t    i;
    ngx_queue_t  *q, *next, *queue;

    ngx_queue_t  *queues[] = { &feed->idle, &feed->due, &feed->waiting };

    if (feed->ref.id != ref->id || feed->ref.epoch != ref->epoch) {
        return;
    }

    ngx_ess_feed_hold(feed);

    for (i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        queue = queues[i];

        for (q = ngx_queue_head(queue);
             q != ngx_queue_sentinel(queue);
             q = next)
        {
            next = ngx_queue_next(q);
            visit(ngx_queue_data(q, ngx_ess_subscriber_t, queue), data);
        }
    }

    ngx_ess_feed_unhold(feed);
}


void
ngx_ess_feed_set_changed(ngx_ess_feed_t *feed, ngx_uint_t changed)
{
    if (feed->changed == changed) {
        return;
    }

    feed->changed = changed;

    if (feed->replay) {
        return;
    }

    if (changed) {
        ngx_ess_feed.nchanged++;

    } else {
        ngx_ess_feed.nchanged--;
    }
}


ngx_int_t
ngx_ess_feed_idle(ngx_ess_subscriber_t *sub)
{
    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->feed->idle, &sub->queue);

    if (sub->feed->replay && !sub->feed->ended) {
        return ngx_ess_feed_caught_up(sub);
    }

    return NGX_OK;
}


/*
 * The client has all that its replay has read.  At the end of the log it
 * joins those who are there, unless they are further on meanwhile.
 */

static ngx_int_t
ngx_ess_feed_caught_up(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed, *replay;

    replay = sub->feed;

    if (replay->changed) {
        ngx_ess_feed_want(replay, &ngx_posted_next_events);
        return NGX_OK;
    }

    feed = ngx_ess_feed_get(&replay->ref, replay->transport, replay->seq,
                            replay->expected);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    if (feed->seq > replay->seq || feed->ended
        || (feed->seq < replay->seq && replay->gap))
    {
        replay->changed = 1;
        ngx_ess_feed_want(replay, &ngx_posted_next_events);
        return NGX_OK;
    }

    if (feed->seq == replay->seq && replay->expected
        && replay->expected < feed->expected)
    {
        /* who comes now misses what the others never asked for */
        feed->expected = replay->expected;
    }

    feed->gap |= replay->gap;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feed->idle, &sub->queue);

    sub->feed = feed;
    sub->seq = replay->seq;

    if (feed->subscribers++ == 0) {

        /* nobody told it of what came since the replay read */

        feed->last = replay->last;

        ngx_ess_feed_set_changed(feed, 1);
        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }

    ngx_ess_feed_unhold(replay);

    return NGX_OK;
}


void
ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub)
{
    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->feed->waiting, &sub->queue);
}


void
ngx_ess_feed_due(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->feed;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feed->due, &sub->queue);

    if (!feed->in_flushing) {
        feed->in_flushing = 1;
        ngx_queue_insert_tail(&ngx_ess_feed.flushing, &feed->flushing);
    }

    /* a slice posts the rest itself, for the next iteration */

    if (!ngx_ess_feed.slice) {
        ngx_post_event(&ngx_ess_feed.flush, &ngx_posted_events);
    }
}


static ngx_ess_feed_t *
ngx_ess_feed_create(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq, ngx_uint_t replay)
{
    ngx_ess_feed_t  *feed;

    feed = ngx_calloc(sizeof(ngx_ess_feed_t), ngx_ess_feed.log);
    if (feed == NULL) {
        return NULL;
    }

    feed->ref = *ref;
    feed->transport = transport;
    feed->seq = seq;

    ngx_queue_init(&feed->idle);
    ngx_queue_init(&feed->due);
    ngx_queue_init(&feed->waiting);

    if (replay) {
        feed->replay = 1;
        ngx_queue_insert_head(&ngx_ess_feed.all, &feed->all);

    } else {
        ngx_queue_insert_tail(&ngx_ess_feed.all, &feed->all);
    }

    return feed;
}


/* The shared feed; one that is new has no subscriber yet. */

static ngx_ess_feed_t *
ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq, uint64_t expected)
{
    ngx_ess_feed_t  *feed, **bucket;

    bucket = &ngx_ess_feed.buckets[ref->id & (ngx_ess_feed.nbuckets - 1)];

    for (feed = *bucket; feed; feed = feed->next) {
        if (feed->ref.id == ref->id
            && feed->ref.epoch == ref->epoch
            && feed->transport == transport)
        {
            return feed;
        }
    }

    feed = ngx_ess_feed_create(ref, transport, seq, 0);
    if (feed == NULL) {
        return NULL;
    }

    feed->expected = expected;

    feed->next = *bucket;
    *bucket = feed;

    if (++ngx_ess_feed.nfeeds > ngx_ess_feed.nbuckets) {
        ngx_ess_feed_grow();
    }

    return feed;
}


static void
ngx_ess_feed_grow(void)
{
    ngx_uint_t        i, n;
    ngx_ess_feed_t   *feed, *next, **buckets;

    n = ngx_ess_feed.nbuckets * 2;

    buckets = ngx_calloc(n * sizeof(ngx_ess_feed_t *), ngx_ess_feed.log);
    if (buckets == NULL) {
        /* longer chains, then */
        return;
    }

    for (i = 0; i < ngx_ess_feed.nbuckets; i++) {

        for (feed = ngx_ess_feed.buckets[i]; feed; feed = next) {
            next = feed->next;
            feed->next = buckets[feed->ref.id & (n - 1)];
            buckets[feed->ref.id & (n - 1)] = feed;
        }
    }

    ngx_free(ngx_ess_feed.buckets);

    ngx_ess_feed.buckets = buckets;
    ngx_ess_feed.nbuckets = n;
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


static void
ngx_ess_feed_free(ngx_ess_feed_t *feed)
{
    ngx_ess_feed_source_stop(feed);

    if (feed->rest) {
        ngx_free(feed->rest);
    }

    if (!feed->replay) {
        ngx_ess_feed_free_shared(feed);
    }

    ngx_queue_remove(&feed->all);

    if (feed->in_reading) {
        ngx_queue_remove(&feed->reading);
    }

    if (feed->in_flushing) {
        ngx_queue_remove(&feed->flushing);
    }

    ngx_free(feed);
}


static void
ngx_ess_feed_free_shared(ngx_ess_feed_t *feed)
{
    ngx_ess_feed_t  **p;

    ngx_ess_feed_set_changed(feed, 0);

    p = &ngx_ess_feed.buckets[feed->ref.id & (ngx_ess_feed.nbuckets - 1)];

    while (*p != feed) {
        p = &(*p)->next;
    }

    *p = feed->next;

    ngx_ess_feed.nfeeds--;
}


/*
 * A feed is read only when all that was read before has been offered to the
 * subscribers' sockets: so a long burst is taken in portions, and what is in
 * the log meanwhile is sent with fewer calls.  A replay waits until its
 * client's socket has taken it.
 */

void
ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted)
{
    if (feed->in_reading || feed->ended || !ngx_queue_empty(&feed->due)) {
        return;
    }

    if (feed->replay && !ngx_queue_empty(&feed->waiting)) {
        return;
    }

    if (feed->source) {
        ngx_ess_feed_source_more(feed);
        return;
    }

    feed->in_reading = 1;
    ngx_queue_insert_tail(&ngx_ess_feed.reading, &feed->reading);

    ngx_post_event(&ngx_ess_feed.read, posted);
}


void
ngx_ess_feed_reclaim(void)
{
    ngx_post_event(&ngx_ess_feed.read, &ngx_posted_events);
}


/*
 * May more be read?  Over the bound those let go whose sockets are full.  While
 * others are about to be sent what was read it is not known what they leave;
 * when nobody is, what is left cannot become less by waiting.  It is tried
 * again only when much has come, since the list of all is walked.
 */

static ngx_uint_t
ngx_ess_feed_room(void)
{
    size_t  max;

    max = ngx_ess_memory_max();

    if (ngx_ess_memory_used() < max) {
        ngx_ess_feed.limit = max;
        return 1;
    }

    if (ngx_ess_memory_used() >= ngx_ess_feed.limit) {

        ngx_ess_backpressure_reclaim(&ngx_ess_feed.all, max - max / 8,
                                     ngx_ess_feed.handlers->reclaim);

        ngx_ess_feed.limit = ngx_max(max, ngx_ess_memory_used() + max / 8);
    }

    return ngx_ess_memory_used() < max
           || ngx_queue_empty(&ngx_ess_feed.flushing);
}


static void
ngx_ess_feed_read_handler(ngx_event_t *ev)
{
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    for (n = 0; n < NGX_ESS_FEED_READ_SLICE && ngx_ess_feed_room(); n++) {

        if (ngx_queue_empty(&ngx_ess_feed.reading)) {
            break;
        }

        q = ngx_queue_head(&ngx_ess_feed.reading);
        feed = ngx_queue_data(q, ngx_ess_feed_t, reading);

        ngx_queue_remove(q);
        feed->in_reading = 0;

        ngx_ess_feed_read(feed);
    }

    ngx_ess_feed_read_done();

    ngx_ess_notify_progress(ngx_ess_feed.nchanged == 0);

    if (!ngx_queue_empty(&ngx_ess_feed.reading)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


static void
ngx_ess_feed_flush_handler(ngx_event_t *ev)
{
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    ngx_ess_feed.slice = 1;

    for (n = 0;
         n < NGX_ESS_FEED_FLUSH_SLICE
         && !ngx_queue_empty(&ngx_ess_feed.flushing);
         /* void */ )
    {
        q = ngx_queue_head(&ngx_ess_feed.flushing);
        feed = ngx_queue_data(q, ngx_ess_feed_t, flushing);

        ngx_queue_remove(q);
        feed->in_flushing = 0;

        /* at least one, so that feeds whose due ones left count, too */

        n += 1 + ngx_ess_feed_flush(feed);
    }

    ngx_ess_feed.slice = 0;

    if (ngx_ess_memory_used() >= ngx_ess_feed.limit) {
        ngx_ess_feed_reclaim();
    }

    ngx_ess_notify_progress(ngx_ess_feed.nchanged == 0);

    if (!ngx_queue_empty(&ngx_ess_feed.flushing)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/*
 * One turn of a feed; returns how many were flushed.  Always the first one
 * that is due: whoever leaves meanwhile takes itself off the queue.  The feed
 * may be gone afterwards.
 */

static ngx_uint_t
ngx_ess_feed_flush(ngx_ess_feed_t *feed)
{
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_ess_subscriber_t  *sub;

    ngx_ess_feed_hold(feed);

    for (n = 0;
         n < NGX_ESS_FEED_FLUSH_TURN && !ngx_queue_empty(&feed->due);
         n++)
    {
        q = ngx_queue_head(&feed->due);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed.handlers->flush(sub);
    }

    if (!ngx_queue_empty(&feed->due) && !feed->in_flushing) {
        feed->in_flushing = 1;
        ngx_queue_insert_tail(&ngx_ess_feed.flushing, &feed->flushing);
    }

    ngx_ess_feed_unhold(feed);

    return n;
}
