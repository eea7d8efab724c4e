
/*
 * Finds the subscribers that keep more frames in memory than they may.  Owns
 * nothing.  Runs in workers, for a feed that has got new frames.
 */


#include "ngx_ess_backpressure.h"


static void ngx_ess_backpressure_each(ngx_ess_feed_t *feed, size_t max,
    ngx_ess_backpressure_pt slow);
static size_t ngx_ess_backpressure_most(ngx_ess_feed_t *feed);
static size_t ngx_ess_backpressure_bytes(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub);


void
ngx_ess_backpressure_check(ngx_ess_feed_t *feed, size_t max,
    ngx_ess_backpressure_pt slow)
{
    size_t  most, bytes;

    ngx_ess_backpressure_each(feed, (size_t) -1, slow);

    /* of an ended feed nothing is read any more: it becomes less by itself */

    while (!feed->ended) {

        bytes = ngx_ess_frame_bytes();

        if (bytes <= max) {
            return;
        }

        most = ngx_ess_backpressure_most(feed);

        if (most == 0) {
            return;
        }

        /* without those that are furthest behind as much goes as is over */

        ngx_ess_backpressure_each(feed, most - ngx_min(most, bytes - max),
                                  slow);
    }
}


/* Those that keep more than that, or than each of them may. */

static void
ngx_ess_backpressure_each(ngx_ess_feed_t *feed, size_t max,
    ngx_ess_backpressure_pt slow)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL) {
            continue;
        }

        if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {

            /* it sends the rest of this frame only */

            ngx_ess_frame_cut(&feed->frames, sub->frame);
            continue;
        }

        if (ngx_ess_backpressure_bytes(feed, sub)
            > ngx_min(sub->conf->slow_buffer, max))
        {
            slow(sub);
        }
    }
}


/* What the one that is furthest behind keeps; 0: nobody keeps any frame but
   the one that is being sent. */

static size_t
ngx_ess_backpressure_most(ngx_ess_feed_t *feed)
{
    size_t                 bytes, most;
    ngx_queue_t           *q;
    ngx_ess_subscriber_t  *sub;

    most = 0;

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL || sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
            continue;
        }

        bytes = ngx_ess_backpressure_bytes(feed, sub);
        most = ngx_max(most, bytes);
    }

    return most;
}


/* Between the frame that is being sent to it and the newest one. */

static size_t
ngx_ess_backpressure_bytes(ngx_ess_feed_t *feed, ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t  *tail;

    tail = feed->frames.tail;

    if (tail == NULL || tail == sub->frame) {
        return 0;
    }

    return tail->start - sub->frame->next->start;
}
