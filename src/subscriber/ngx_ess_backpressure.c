
/*
 * Finds the subscribers that keep more frames in memory than they may.  Owns
 * nothing.  Runs in workers.
 */


#include "ngx_ess_backpressure.h"
#include "ngx_ess_memory.h"


/* bytes; who keeps no more is left alone whatever others keep: to read it
   again would cost more than it takes */
#define NGX_ESS_BACKPRESSURE_LITTLE  4096


static size_t ngx_ess_backpressure_over(size_t over, size_t target);
static size_t ngx_ess_backpressure_kept(ngx_ess_subscriber_t *sub);


void
ngx_ess_backpressure_check(ngx_ess_feed_t *feed)
{
    ngx_queue_t           *q, *next_q;
    ngx_ess_frame_t       *next, *tail;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = next_q)
    {
        next_q = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL) {
            continue;
        }

        next = sub->frame->next;
        tail = sub->lane->frames.tail;

        if (sub->closed) {

            /* it sends the rest of this frame only */

            ngx_ess_frame_cut(&sub->lane->frames, sub->frame);

        } else if (next && next != tail) {
            ngx_ess_feed_worker.handlers->slow(sub, tail->start - next->start);
        }
    }
}


void
ngx_ess_backpressure_reclaim(size_t target)
{
    size_t  most;

    while (ngx_ess_memory_used() > target) {

        most = ngx_ess_backpressure_over((size_t) -1, target);

        if (most <= NGX_ESS_BACKPRESSURE_LITTLE) {
            return;
        }

        /* what is shared goes with the last of those that keep it: so not the
           one that keeps most, but all that keep much */

        (void) ngx_ess_backpressure_over(most / 2, target);
    }
}


/* Those who keep more let go, as long as it is too much; returns the most that
   one of the others keeps. */

static size_t
ngx_ess_backpressure_over(size_t over, size_t target)
{
    size_t                 kept, most;
    ngx_queue_t           *f, *q, *next;
    ngx_ess_feed_t        *feed;
    ngx_ess_subscriber_t  *sub;

    most = ngx_ess_feed_worker.handlers->over
           ? ngx_ess_feed_worker.handlers->over(over, target) : 0;

    f = ngx_queue_head(&ngx_ess_feed_worker.all);

    while (f != ngx_queue_sentinel(&ngx_ess_feed_worker.all)
           && ngx_ess_memory_used() > target)
    {

        feed = ngx_queue_data(f, ngx_ess_feed_t, all);

        ngx_ess_feed_hold(feed);

        for (q = ngx_queue_head(&feed->waiting);
             q != ngx_queue_sentinel(&feed->waiting);
             q = next)
        {
            next = ngx_queue_next(q);
            sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

            kept = ngx_ess_backpressure_kept(sub);

            if (kept > over) {
                ngx_ess_feed_worker.handlers->reclaim(sub);

            } else {
                most = ngx_max(most, kept);
            }
        }

        f = ngx_queue_next(f);

        ngx_ess_feed_unhold(feed);
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

    return sub->lane->frames.bytes - sub->frame->start;
}
