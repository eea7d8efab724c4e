/*
 * What becomes of a slow reader.  Private to subscriber/.
 */


#ifndef _NGX_ESS_BACKPRESSURE_H_INCLUDED_
#define _NGX_ESS_BACKPRESSURE_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


typedef void (*ngx_ess_backpressure_pt)(ngx_ess_subscriber_t *sub);


/*
 * After frames were appended: calls "slow" for each subscriber whose socket
 * is full and that keeps more than conf->slow_buffer bytes in memory: between
 * the frame that is being sent to it and the newest one, without these two,
 * so that an event of any size gets through.  Then, when all frames of this
 * worker are more than "max" bytes, for as many as it takes of those that are
 * furthest behind.  O(waiting subscribers).  The caller holds the feed;
 * subscribers may be gone afterwards.
 */
void ngx_ess_backpressure_check(ngx_ess_feed_t *feed, size_t max,
    ngx_ess_backpressure_pt slow);


#endif /* _NGX_ESS_BACKPRESSURE_H_INCLUDED_ */
