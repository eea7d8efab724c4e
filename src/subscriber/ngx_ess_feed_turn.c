
/*
 * Turns: which feeds are read, and which subscribers are flushed, in one
 * iteration of the event loop: in slices, so that no stream starves another,
 * and within the worker's memory.  Runs in workers.
 */


#include "ngx_ess_feed_turn.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"
#include "ngx_ess_feed_source.h"
#include "ngx_ess_backpressure.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wake.h"


/* what one run of an event handler does before others have their turn */
#define NGX_ESS_FEED_READ_SLICE   16        /* feeds */
#define NGX_ESS_FEED_FLUSH_SLICE  256       /* subscribers, of all feeds */
#define NGX_ESS_FEED_FLUSH_TURN   32        /* subscribers of one feed */


static void ngx_ess_feed_turn_read_handler(ngx_event_t *ev);
static ngx_queue_t *ngx_ess_feed_turn_next(ngx_uint_t n);
static void ngx_ess_feed_turn_read(ngx_ess_feed_t *feed);
static ngx_uint_t ngx_ess_feed_turn_room(void);
static void ngx_ess_feed_turn_flush_handler(ngx_event_t *ev);
static ngx_uint_t ngx_ess_feed_turn_flush(ngx_ess_feed_t *feed);


/* bytes that are kept from which on some are reclaimed */

static size_t  ngx_ess_feed_turn_limit;


ngx_int_t
ngx_ess_feed_turn_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers)
{
    if (ngx_ess_feed_init(cycle, zone, handlers) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ess_feed_worker.read.handler = ngx_ess_feed_turn_read_handler;
    ngx_ess_feed_worker.flush.handler = ngx_ess_feed_turn_flush_handler;

    ngx_ess_memory_init(zone, ngx_ess_conf_main(cycle)->max_memory);
    ngx_ess_feed_turn_limit = ngx_ess_memory_max();

    return NGX_OK;
}


/*
 * nginx would raise an alert for each connection that is left when a worker
 * is stopped during its graceful shutdown.
 */

void
ngx_ess_feed_turn_exit(void)
{
    (void) ngx_ess_feed_end((ngx_uint_t) -1);

    ngx_ess_feed_read_exit();
}


static void
ngx_ess_feed_turn_read_handler(ngx_event_t *ev)
{
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    for (n = 0; n < NGX_ESS_FEED_READ_SLICE && ngx_ess_feed_turn_room(); n++) {

        q = ngx_ess_feed_turn_next(n);

        if (q == NULL) {
            break;
        }

        feed = ngx_queue_data(q, ngx_ess_feed_t, reading);

        ngx_queue_remove(q);
        feed->in_reading = 0;

        ngx_ess_feed_turn_read(feed);
    }

    ngx_ess_feed_worker.owed = 0;

    ngx_ess_feed_read_done();

    ngx_ess_wake_progress(ngx_ess_feed_worker.nchanged == 0);

    if (ngx_ess_feed_turn_next(0)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/* The next feed, the n-th of a slice: the two kinds take turns.  NULL: none. */

static ngx_queue_t *
ngx_ess_feed_turn_next(ngx_uint_t n)
{
    ngx_uint_t              plain, many;
    ngx_ess_feed_worker_t  *w;

    w = &ngx_ess_feed_worker;

    plain = !ngx_queue_empty(&w->reading);
    many = (!w->gate || w->owed) && !ngx_queue_empty(&w->gated);

    if (many && (n % 2 || !plain)) {
        return ngx_queue_head(&w->gated);
    }

    return plain ? ngx_queue_head(&w->reading) : NULL;
}


/* The feed may be gone afterwards. */

static void
ngx_ess_feed_turn_read(ngx_ess_feed_t *feed)
{
    if (!ngx_ess_feed_may_read(feed)) {
        /* somebody was sent something since this was wanted; when that is
           done, this is wanted again */
        return;
    }

    if (feed->source) {
        ngx_ess_feed_source_more(feed);
        return;
    }

    if (feed->seq && ngx_ess_feed_read(feed) != NGX_DONE) {
        return;
    }

    if (ngx_ess_feed_source_start(feed, feed->have, 0) != NGX_OK) {
        ngx_ess_feed_settle(feed, NGX_ERROR, NULL);
    }
}


/*
 * May more be read?  Over the bound those let go whose sockets are full.  While
 * others are about to be sent what was read it is not known what they leave;
 * when nobody is, what is left cannot become less by waiting.  It is tried
 * again only when much has come, since the list of all is walked.
 */

static ngx_uint_t
ngx_ess_feed_turn_room(void)
{
    size_t  max;

    max = ngx_ess_memory_max();

    if (ngx_ess_memory_used() < max) {
        ngx_ess_feed_turn_limit = max;
        return 1;
    }

    if (ngx_ess_memory_used() >= ngx_ess_feed_turn_limit) {

        ngx_ess_backpressure_reclaim(max - max / 8);

        ngx_ess_feed_turn_limit = ngx_max(max, ngx_ess_memory_used() + max / 8);
    }

    return ngx_ess_memory_used() < max
           || ngx_queue_empty(&ngx_ess_feed_worker.flushing);
}


static void
ngx_ess_feed_turn_flush_handler(ngx_event_t *ev)
{
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_ess_feed_t  *feed;

    ngx_ess_feed_worker.slice = 1;

    for (n = 0;
         n < NGX_ESS_FEED_FLUSH_SLICE
         && !ngx_queue_empty(&ngx_ess_feed_worker.flushing);
         /* void */ )
    {
        q = ngx_queue_head(&ngx_ess_feed_worker.flushing);
        feed = ngx_queue_data(q, ngx_ess_feed_t, flushing);

        ngx_queue_remove(q);
        feed->in_flushing = 0;

        /* at least one, so that feeds whose due ones left count, too */

        n += 1 + ngx_ess_feed_turn_flush(feed);
    }

    ngx_ess_feed_worker.slice = 0;

    if (ngx_ess_memory_used() >= ngx_ess_feed_turn_limit) {
        ngx_ess_feed_reclaim();
    }

    ngx_ess_wake_progress(ngx_ess_feed_worker.nchanged == 0);

    if (!ngx_queue_empty(&ngx_ess_feed_worker.flushing)) {
        ngx_post_event(ev, &ngx_posted_next_events);
        ngx_ess_turn_yield();
    }
}


/*
 * One turn of a feed; returns how many were flushed.  Always the first one
 * that is due: whoever leaves meanwhile takes itself off the queue.  The feed
 * may be gone afterwards.
 */

static ngx_uint_t
ngx_ess_feed_turn_flush(ngx_ess_feed_t *feed)
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
        ngx_ess_feed_worker.handlers->flush(sub);
    }

    if (!ngx_queue_empty(&feed->due) && !feed->in_flushing) {
        feed->in_flushing = 1;
        ngx_queue_insert_tail(&ngx_ess_feed_worker.flushing, &feed->flushing);
    }

    ngx_ess_feed_unhold(feed);

    return n;
}
