
/*
 * Finds the subscribers that keep more frames in memory than they may.  Owns
 * nothing.  Runs in workers, for a feed that has got new frames.
 */


#include "ngx_ess_backpressure.h"


static ngx_uint_t ngx_ess_backpressure_slow(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub);


void
ngx_ess_backpressure_check(ngx_ess_feed_t *feed, ngx_ess_backpressure_pt slow)
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

        if (ngx_ess_backpressure_slow(feed, sub)) {
            slow(sub);
        }
    }
}


static ngx_uint_t
ngx_ess_backpressure_slow(ngx_ess_feed_t *feed, ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t  *tail;

    tail = feed->frames.tail;

    if (tail == NULL || tail == sub->frame) {
        return 0;
    }

    return tail->start - sub->frame->next->start > sub->conf->slow_buffer;
}
