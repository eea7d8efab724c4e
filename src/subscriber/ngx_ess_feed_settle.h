/*
 * What was read goes to the subscribers.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_SETTLE_H_INCLUDED_
#define _NGX_ESS_FEED_SETTLE_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * What ngx_ess_feed_read_record() returned last, and the first frame, whose
 * reference is taken over (NULL: nothing new).  NGX_OK: cursors are put at it;
 * else it goes, and with NGX_DECLINED the replay's client is told that it has
 * missed something, with NGX_ERROR all are closed, for want of memory.  The
 * feed may be gone afterwards.
 */
void ngx_ess_feed_settle(ngx_ess_feed_t *feed, ngx_int_t rc,
    ngx_ess_frame_t *first);

/* The frame, whose reference is taken over, is the newest one of the lane of a
   key: the cursors of those who are at its end are put there. */
void ngx_ess_feed_settle_lane(ngx_ess_lane_t *lane, ngx_ess_frame_t *frame);


#endif /* _NGX_ESS_FEED_SETTLE_H_INCLUDED_ */
