
/*
 * Feeds: reads new records of a stream from the zone, encodes each once, and
 * sees to it that every subscriber is flushed, in slices, so that no stream
 * starves another.  A feed belongs to this file and lives as long as it has
 * subscribers.  Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_feed.h"
#include "ngx_ess_log.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_backpressure.h"


/* of the buffer that records are copied into */
#define NGX_ESS_FEED_BUFFER       (256 * 1024)
#define NGX_ESS_FEED_RECORDS      256

/* what one run of an event handler does before others have their turn */
#define NGX_ESS_FEED_READ_SLICE   16        /* feeds */
#define NGX_ESS_FEED_FLUSH_SLICE  256       /* subscribers, of all feeds */
#define NGX_ESS_FEED_FLUSH_TURN   32        /* subscribers of one feed */

#define NGX_ESS_FEED_BUCKETS      1024      /* at first */


typedef struct {
    ngx_ess_zone_t                 *zone;
    const ngx_ess_feed_handlers_t  *handlers;
    ngx_log_t                      *log;

    ngx_ess_feed_t                **buckets;
    ngx_uint_t                      nbuckets;   /* a power of two */
    ngx_uint_t                      nfeeds;
    ngx_queue_t                     all;

    ngx_queue_t                     reading;
    ngx_queue_t                     flushing;
    ngx_event_t                     read;
    ngx_event_t                     flush;
    ngx_uint_t                      slice;      /* within a slice of flushes */

    u_char                         *buffer;
    size_t                          size;       /* of the buffer */
    ngx_ess_record_t                records[NGX_ESS_FEED_RECORDS];
} ngx_ess_feed_worker_t;


static ngx_ess_feed_t *ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq);
static void ngx_ess_feed_grow(void);
static void ngx_ess_feed_unhold(ngx_ess_feed_t *feed);
static void ngx_ess_feed_free(ngx_ess_feed_t *feed);
static void ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted);
static void ngx_ess_feed_read_handler(ngx_event_t *ev);
static void ngx_ess_feed_read(ngx_ess_feed_t *feed);
static ngx_int_t ngx_ess_feed_read_log(ngx_ess_feed_t *feed, ngx_uint_t *n,
    uint64_t *lost);
static ngx_int_t ngx_ess_feed_buffer(size_t size);
static void ngx_ess_feed_buffer_free(void);
static ngx_ess_frame_t *ngx_ess_feed_append(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record);
static void ngx_ess_feed_distribute(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_cursor(ngx_ess_subscriber_t *sub,
    ngx_ess_frame_t *frame);
static void ngx_ess_feed_failed(ngx_ess_feed_t *feed);
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

    return NGX_OK;
}


/*
 * nginx would raise an alert for each connection that is left when a worker
 * is stopped during its graceful shutdown.
 */

void
ngx_ess_feed_exit(void)
{
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    while (!ngx_queue_empty(&ngx_ess_feed.all)) {
        q = ngx_queue_head(&ngx_ess_feed.all);
        feed = ngx_queue_data(q, ngx_ess_feed_t, all);

        q = !ngx_queue_empty(&feed->idle) ? ngx_queue_head(&feed->idle)
            : !ngx_queue_empty(&feed->due) ? ngx_queue_head(&feed->due)
            : ngx_queue_head(&feed->waiting);

        ngx_ess_feed.handlers->exit(ngx_queue_data(q, ngx_ess_subscriber_t,
                                                   queue));
    }

    ngx_ess_feed_buffer_free();
}


static void
ngx_ess_feed_buffer_free(void)
{
    if (ngx_ess_feed.buffer) {
        ngx_free(ngx_ess_feed.buffer);
        ngx_ess_feed.buffer = NULL;
        ngx_ess_feed.size = 0;
    }
}


ngx_int_t
ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = ngx_ess_feed_get(ref, transport, sub->seq);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    sub->feed = feed;
    feed->subscribers++;
    ngx_queue_insert_tail(&feed->idle, &sub->queue);

    return NGX_OK;
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
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    if (ref->id == 0) {

        for (q = ngx_queue_head(&ngx_ess_feed.all);
             q != ngx_queue_sentinel(&ngx_ess_feed.all);
             q = ngx_queue_next(q))
        {
            feed = ngx_queue_data(q, ngx_ess_feed_t, all);
            feed->changed = 1;
            ngx_ess_feed_want(feed, &ngx_posted_events);
        }

        return;
    }

    feed = ngx_ess_feed.buckets[ref->id & (ngx_ess_feed.nbuckets - 1)];

    /* of whatever epoch: to read the log of one that is over ends its feed */

    for ( /* void */ ; feed; feed = feed->next) {
        if (feed->ref.id == ref->id) {
            feed->changed = 1;
            ngx_ess_feed_want(feed, &ngx_posted_events);
        }
    }
}


void
ngx_ess_feed_idle(ngx_ess_subscriber_t *sub)
{
    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->feed->idle, &sub->queue);
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
ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, uint64_t seq)
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

    feed->next = *bucket;
    *bucket = feed;

    ngx_queue_insert_tail(&ngx_ess_feed.all, &feed->all);

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


/*
 * While a subscriber's handler runs, which may end it, the feed is held as
 * if there was one subscriber more.
 */

static void
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
    ngx_ess_feed_t  **p;

    p = &ngx_ess_feed.buckets[feed->ref.id & (ngx_ess_feed.nbuckets - 1)];

    while (*p != feed) {
        p = &(*p)->next;
    }

    *p = feed->next;

    ngx_ess_feed.nfeeds--;

    ngx_queue_remove(&feed->all);

    if (feed->in_reading) {
        ngx_queue_remove(&feed->reading);
    }

    if (feed->in_flushing) {
        ngx_queue_remove(&feed->flushing);
    }

    ngx_free(feed);
}


/*
 * A feed is read only when all that was read before has been offered to the
 * subscribers' sockets: so a long burst is taken in portions, and what is in
 * the log meanwhile is sent with fewer calls.  The rest of a burst waits for
 * the next iteration, for ngx_posted_events is run until it is empty.
 */

static void
ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted)
{
    if (feed->in_reading || feed->ended || !ngx_queue_empty(&feed->due)) {
        return;
    }

    feed->in_reading = 1;
    ngx_queue_insert_tail(&ngx_ess_feed.reading, &feed->reading);

    ngx_post_event(&ngx_ess_feed.read, posted);
}


static void
ngx_ess_feed_read_handler(ngx_event_t *ev)
{
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    for (n = 0;
         n < NGX_ESS_FEED_READ_SLICE && !ngx_queue_empty(&ngx_ess_feed.reading);
         n++)
    {
        q = ngx_queue_head(&ngx_ess_feed.reading);
        feed = ngx_queue_data(q, ngx_ess_feed_t, reading);

        ngx_queue_remove(q);
        feed->in_reading = 0;

        ngx_ess_feed_read(feed);
    }

    if (ngx_ess_feed.size > NGX_ESS_FEED_BUFFER) {
        ngx_ess_feed_buffer_free();
    }

    if (!ngx_queue_empty(&ngx_ess_feed.reading)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/* The feed may be gone afterwards. */

static void
ngx_ess_feed_read(ngx_ess_feed_t *feed)
{
    uint64_t           lost;
    ngx_int_t          rc;
    ngx_uint_t         i, n;
    ngx_ess_frame_t   *first, *frame;
    ngx_ess_record_t   end;

    feed->changed = 0;

    rc = ngx_ess_feed_read_log(feed, &n, &lost);

    if (rc == NGX_ERROR) {
        ngx_ess_feed_failed(feed);
        return;
    }

    if (lost) {
        ngx_log_error(NGX_LOG_WARN, ngx_ess_feed.log, 0,
                      "stream %uL: %uL events were evicted before they could "
                      "be sent to %ui subscribers", feed->ref.id, lost,
                      feed->subscribers);
        ngx_ess_shm_count(ngx_ess_feed.zone, NGX_ESS_C_EVENTS_LOST,
                          (int64_t) lost);
    }

    if (rc == NGX_AGAIN) {
        feed->changed = 1;
    }

    if (rc == NGX_DONE || rc == NGX_DECLINED) {
        feed->ended = 1;
    }

    first = NULL;

    for (i = 0; i < n + feed->ended; i++) {

        if (i == n) {
            ngx_memzero(&end, sizeof(ngx_ess_record_t));
            end.type = NGX_ESS_RECORD_POISON;
            end.seq = (uint64_t) -1;
        }

        frame = ngx_ess_feed_append(feed, i < n ? &ngx_ess_feed.records[i]
                                                : &end);
        if (frame == NULL) {

            if (first) {
                ngx_ess_frame_release(&feed->frames, first);
            }

            ngx_ess_feed_failed(feed);
            return;
        }

        if (first == NULL) {
            first = frame;

        } else {
            /* the one before it holds it */
            ngx_ess_frame_release(&feed->frames, frame);
        }
    }

    if (first) {
        ngx_ess_feed_distribute(feed, first);

    } else if (feed->changed) {
        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }
}


/* NGX_ERROR: no memory; else what ngx_ess_log_read() returned. */

static ngx_int_t
ngx_ess_feed_read_log(ngx_ess_feed_t *feed, ngx_uint_t *n, uint64_t *lost)
{
    size_t      need;
    uint64_t    gone;
    ngx_int_t   rc;

    need = NGX_ESS_FEED_BUFFER;
    *lost = 0;

    for ( ;; ) {

        if (ngx_ess_feed.size < need
            && ngx_ess_feed_buffer(need) != NGX_OK)
        {
            return NGX_ERROR;
        }

        *n = NGX_ESS_FEED_RECORDS;
        gone = 0;

        rc = ngx_ess_log_read(ngx_ess_feed.zone, &feed->ref, &feed->seq,
                              &feed->last, ngx_ess_feed.buffer,
                              ngx_ess_feed.size, ngx_ess_feed.records, n,
                              &gone, &need);

        *lost += gone;

        if (rc == NGX_DECLINED) {
            *n = 0;
        }

        if (rc != NGX_BUSY) {
            return rc;
        }

        if (need <= ngx_ess_feed.size) {
            ngx_log_error(NGX_LOG_ALERT, ngx_ess_feed.log, 0,
                          "stream %uL: a record of %uz bytes was refused by a "
                          "buffer of %uz", feed->ref.id, need,
                          ngx_ess_feed.size);
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_ess_feed_buffer(size_t size)
{
    ngx_ess_feed_buffer_free();

    ngx_ess_feed.buffer = ngx_alloc(size, ngx_ess_feed.log);
    if (ngx_ess_feed.buffer == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_feed.size = size;

    return NGX_OK;
}


static ngx_ess_frame_t *
ngx_ess_feed_append(ngx_ess_feed_t *feed, ngx_ess_record_t *record)
{
    ngx_ess_frame_type_e       type;
    ngx_ess_transport_frame_t  data;

    data.data = NULL;
    data.len = 0;

    type = NGX_ESS_FRAME_CLOSE;

    if (record->type == NGX_ESS_RECORD_EVENT) {
        type = NGX_ESS_FRAME_EVENT;

        if (feed->transport->encode(&record->body, record->ordinal,
                                    record->timestamp, &data,
                                    ngx_ess_feed.log)
            != NGX_OK)
        {
            return NULL;
        }
    }

    return ngx_ess_frame_append(&feed->frames, type, record->seq, &data,
                                ngx_ess_feed.log);
}


/* Takes over the reference to "first".  The feed may be gone afterwards. */

static void
ngx_ess_feed_distribute(ngx_ess_feed_t *feed, ngx_ess_frame_t *first)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feed->idle);
         q != ngx_queue_sentinel(&feed->idle);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        ngx_ess_feed_cursor(sub, first);

        if (sub->frame) {
            ngx_ess_feed_due(sub);
        }
    }

    /* among them are those whose socket is full of what is no frame: control
       frames, or the end of a frame in the buffer of TLS */

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL && sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {
            ngx_ess_feed_cursor(sub, first);
        }
    }

    feed->subscribers++;

    ngx_ess_backpressure_check(feed, ngx_ess_feed.handlers->slow);

    ngx_ess_frame_release(&feed->frames, first);
    ngx_ess_feed_unhold(feed);
}


/* For one at the end: the cursor is put at the first frame that it wants. */

static void
ngx_ess_feed_cursor(ngx_ess_subscriber_t *sub, ngx_ess_frame_t *frame)
{
    /* a feed may be behind a subscriber that joined lately */

    while (frame && frame->seq < sub->seq) {
        frame = frame->next;
    }

    if (frame) {
        sub->frame = frame;
        ngx_ess_frame_hold(frame);
    }
}


/* No memory: better a closed connection than a silent hole. */

static void
ngx_ess_feed_failed(ngx_ess_feed_t *feed)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    ngx_log_error(NGX_LOG_CRIT, ngx_ess_feed.log, 0,
                  "stream %uL: no memory for its events, closing its "
                  "subscribers", feed->ref.id);

    feed->subscribers++;

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed.handlers->failed(sub);
    }

    /* these move on to waiting, or are gone */

    while (!ngx_queue_empty(&feed->due)) {
        q = ngx_queue_head(&feed->due);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed.handlers->failed(sub);
    }

    while (!ngx_queue_empty(&feed->idle)) {
        q = ngx_queue_head(&feed->idle);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed.handlers->failed(sub);
    }

    ngx_ess_feed_unhold(feed);
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

    feed->subscribers++;

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
