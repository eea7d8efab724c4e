
/*
 * What becomes of the frames that were read: the subscribers' cursors are put
 * at them.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_feed_settle.h"
#include "ngx_ess_backpressure.h"


/* bytes that come to lanes of keys before all who wait are looked at: there may
   be many, of other keys */
#define NGX_ESS_FEED_SETTLE_CHECK  (16 * 1024)


static void ngx_ess_feed_settle_distribute(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_settle_idle(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_settle_queue(ngx_queue_t *queue,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_settle_ready(ngx_ess_lane_t *lane,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_settle_cursor(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub, ngx_ess_frame_t *frame);
static void ngx_ess_feed_settle_failed(ngx_ess_feed_t *feed);
static void ngx_ess_feed_settle_failed_one(ngx_ess_subscriber_t *sub,
    void *data);


void
ngx_ess_feed_settle(ngx_ess_feed_t *feed, ngx_int_t rc,
    ngx_ess_frame_t *first)
{
    if (rc == NGX_OK) {
        ngx_ess_feed_settle_distribute(feed, first);
        return;
    }

    ngx_ess_frame_release(&feed->lane.frames, first);

    if (rc == NGX_DECLINED) {
        ngx_ess_feed_worker.handlers->missed(ngx_ess_feed_first(feed));

    } else if (rc == NGX_ERROR) {
        ngx_ess_feed_settle_failed(feed);
    }
}


/* Puts cursors at what is new, NULL: nothing. */

static void
ngx_ess_feed_settle_distribute(ngx_ess_feed_t *feed, ngx_ess_frame_t *first)
{
    ngx_ess_feed_hold(feed);

    if (feed->encoding->many) {
        ngx_ess_feed_settle_ready(&feed->lane, first);
        ngx_ess_feed_worker.handlers->kept();

    } else {
        ngx_ess_feed_settle_idle(feed, first);
    }

    /* what is read for one client has a bound of its own, and no more of it is
       read until the client has it */

    if (!feed->replay
        && (first || feed->unchecked >= NGX_ESS_FEED_SETTLE_CHECK))
    {
        feed->unchecked = 0;
        ngx_ess_backpressure_check(feed);
    }

    ngx_ess_frame_release(&feed->lane.frames, first);

    /* if there is more, and nobody to be sent this first, it is read on */

    ngx_ess_feed_unhold(feed);
}


static void
ngx_ess_feed_settle_idle(ngx_ess_feed_t *feed, ngx_ess_frame_t *first)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feed->lane.idle);
         q != ngx_queue_sentinel(&feed->lane.idle);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        ngx_ess_feed_settle_cursor(feed, sub, first);

        /* with a replay also to learn that it is at the end */

        if (sub->frame || (feed->replay && !feed->changed)) {
            ngx_ess_feed_due(sub);
        }
    }

    if (first == NULL) {
        return;
    }

    /* among them are those whose socket is full of what is no frame: control
       frames, or the end of a frame in the buffer of TLS */

    ngx_ess_feed_settle_queue(&feed->waiting, first);

    if (feed->replay) {
        /* its source does not ask whether somebody is due */
        ngx_ess_feed_settle_queue(&feed->due, first);
    }
}


/* Of these, those who have no frame. */

static void
ngx_ess_feed_settle_queue(ngx_queue_t *queue, ngx_ess_frame_t *first)
{
    ngx_queue_t           *q;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL && !sub->closed) {
            ngx_ess_feed_settle_cursor(sub->lane->feed, sub, first);
        }
    }
}


/* The same for those with "many": nobody waits. */

static void
ngx_ess_feed_settle_ready(ngx_ess_lane_t *lane, ngx_ess_frame_t *first)
{
    ngx_queue_t           *q, *next;
    ngx_ess_feed_t        *feed;
    ngx_ess_subscriber_t  *sub;

    feed = lane->feed;

    for (q = ngx_queue_head(&lane->idle);
         q != ngx_queue_sentinel(&lane->idle);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        ngx_ess_feed_settle_cursor(feed, sub, first);

        if (sub->frame || (feed->replay && !feed->changed)) {
            ngx_ess_feed_worker.handlers->ready(sub);
        }
    }
}


void
ngx_ess_feed_settle_lane(ngx_ess_lane_t *lane, ngx_ess_frame_t *frame)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    if (lane->feed->encoding->many) {
        ngx_ess_feed_settle_ready(lane, frame);
        goto done;
    }

    for (q = ngx_queue_head(&lane->idle);
         q != ngx_queue_sentinel(&lane->idle);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        ngx_ess_feed_settle_cursor(lane->feed, sub, frame);

        if (sub->frame) {
            ngx_ess_feed_due(sub);
        }
    }

done:

    ngx_ess_frame_release(&lane->frames, frame);
}


/* For one at the end: the cursor is put at the first frame that it wants. */

static void
ngx_ess_feed_settle_cursor(ngx_ess_feed_t *feed, ngx_ess_subscriber_t *sub,
    ngx_ess_frame_t *frame)
{
    /* a feed may be behind a subscriber that joined lately, and begin a gap
       before it */

    while (frame
           && (frame->seq < sub->seq
               || (frame->type == NGX_ESS_FRAME_GAP
                   && frame->ordinal - 1 <= sub->have)))
    {
        frame = frame->next;
    }

    if (frame == NULL) {
        return;
    }

    sub->frame = frame;
    sub->offset = 0;
    ngx_ess_frame_hold(frame);

    if (feed->rest) {
        sub->offset = feed->rest->sent;

        ngx_free(feed->rest);
        feed->rest = NULL;
    }
}


/* No memory: better a closed connection than a silent hole. */

static void
ngx_ess_feed_settle_failed(ngx_ess_feed_t *feed)
{
    ngx_log_error(NGX_LOG_CRIT, ngx_ess_feed_worker.log, 0,
                  "stream %uL: no memory for its events, closing its "
                  "subscribers", feed->ref.id);

    ngx_ess_feed_hold(feed);
    ngx_ess_feed_visit(feed, ngx_ess_feed_settle_failed_one, NULL);
    ngx_ess_feed_unhold(feed);
}


static void
ngx_ess_feed_settle_failed_one(ngx_ess_subscriber_t *sub, void *data)
{
    ngx_ess_feed_worker.handlers->failed(sub);
}
