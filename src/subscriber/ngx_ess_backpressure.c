
/*
 * Finds the subscribers that keep more frames in memory than they may.  Owns
 * nothing.  Runs in workers, for a feed that has got new frames.
 */


#include "ngx_ess_backpressure.h"


static ngx_ess_subscriber_t *ngx_ess_backpressure_last(ngx_ess_feed_t *feed);
static size_t ngx_ess_backpressure_bytes(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub);


void
ngx_ess_backpressure_check(ngx_ess_feed_t *feed, size_t max,
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

        if (ngx_ess_backpressure_bytes(feed, sub) > sub->conf->slow_buffer) {
            slow(sub);
        }
    }

    /* of an ended feed nothing is read any more: it becomes less by itself */

    while (!feed->ended && ngx_ess_frame_bytes() > max) {

        sub = ngx_ess_backpressure_last(feed);

        if (sub == NULL) {
            return;
        }

        slow(sub);
    }
}


/* The one that is furthest behind; NULL: none keeps any frame but one. */

static ngx_ess_subscriber_t *
ngx_ess_backpressure_last(ngx_ess_feed_t *feed)
{
    size_t                 bytes, most;
    ngx_queue_t           *q;
    ngx_ess_subscriber_t  *sub, *last;

    last = NULL;
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

        if (bytes > most) {
            most = bytes;
            last = sub;
        }
    }

    return last;
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
