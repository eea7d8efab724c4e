
/*
 * Finds the subscribers that keep more frames in memory than they may.  Owns
 * nothing.  Runs in workers.
 */


#include "ngx_ess_backpressure.h"
#include "ngx_ess_memory.h"


/* bytes; who keeps no more is left alone whatever others keep: to read it
   again would cost more than it takes */
#define NGX_ESS_BACKPRESSURE_LITTLE  4096


static size_t ngx_ess_backpressure_behind(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub);
static size_t ngx_ess_backpressure_most(ngx_queue_t *feeds);
static size_t ngx_ess_backpressure_kept(ngx_ess_subscriber_t *sub);
static void ngx_ess_backpressure_reclaim_over(ngx_queue_t *feeds, size_t over,
    size_t target, ngx_ess_backpressure_pt reclaim);


void
ngx_ess_backpressure_check(ngx_ess_feed_t *feed,
    ngx_ess_backpressure_slow_pt slow)
{
    size_t                 behind;
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

        if (sub->closed) {

            /* it sends the rest of this frame only */

            ngx_ess_frame_cut(&feed->frames, sub->frame);
            continue;
        }

        behind = ngx_ess_backpressure_behind(feed, sub);

        if (behind) {
            slow(sub, behind);
        }
    }
}


/* Between the frame that is being sent to it and the newest one. */

static size_t
ngx_ess_backpressure_behind(ngx_ess_feed_t *feed, ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t  *tail;

    tail = feed->frames.tail;

    if (tail == NULL || tail == sub->frame) {
        return 0;
    }

    return tail->start - sub->frame->next->start;
}


void
ngx_ess_backpressure_reclaim(ngx_queue_t *feeds, size_t target,
    ngx_ess_backpressure_pt reclaim)
{
    size_t  most;

    while (ngx_ess_memory_used() > target) {

        most = ngx_ess_backpressure_most(feeds);

        if (most <= NGX_ESS_BACKPRESSURE_LITTLE) {
            return;
        }

        /* what is shared goes with the last of those that keep it: so not the
           one that keeps most, but all that keep much */

        ngx_ess_backpressure_reclaim_over(feeds, most / 2, target, reclaim);
    }
}


static size_t
ngx_ess_backpressure_most(ngx_queue_t *feeds)
{
    size_t                 kept, most;
    ngx_queue_t           *f, *q;
    ngx_ess_feed_t        *feed;
    ngx_ess_subscriber_t  *sub;

    most = 0;

    for (f = ngx_queue_head(feeds);
         f != ngx_queue_sentinel(feeds);
         f = ngx_queue_next(f))
    {
        feed = ngx_queue_data(f, ngx_ess_feed_t, all);

        for (q = ngx_queue_head(&feed->waiting);
             q != ngx_queue_sentinel(&feed->waiting);
             q = ngx_queue_next(q))
        {
            sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

            kept = ngx_ess_backpressure_kept(sub);
            most = ngx_max(most, kept);
        }
    }

    return most;
}


/* The frame that is being sent to it, and those behind it. */

static size_t
ngx_ess_backpressure_kept(ngx_ess_subscriber_t *sub)
{
    if (sub->frame == NULL) {
        return 0;
    }

    if (sub->closed) {
        return sizeof(ngx_ess_frame_t) + sub->frame->len;
    }

    return sub->feed->frames.bytes - sub->frame->start;
}


static void
ngx_ess_backpressure_reclaim_over(ngx_queue_t *feeds, size_t over,
    size_t target, ngx_ess_backpressure_pt reclaim)
{
    ngx_queue_t           *f, *q, *next;
    ngx_ess_feed_t        *feed;
    ngx_ess_subscriber_t  *sub;

    f = ngx_queue_head(feeds);

    while (f != ngx_queue_sentinel(feeds) && ngx_ess_memory_used() > target) {

        feed = ngx_queue_data(f, ngx_ess_feed_t, all);

        ngx_ess_feed_hold(feed);

        for (q = ngx_queue_head(&feed->waiting);
             q != ngx_queue_sentinel(&feed->waiting);
             q = next)
        {
            next = ngx_queue_next(q);
            sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

            if (ngx_ess_backpressure_kept(sub) > over) {
                reclaim(sub);
            }
        }

        f = ngx_queue_next(f);

        ngx_ess_feed_unhold(feed);
    }
}
