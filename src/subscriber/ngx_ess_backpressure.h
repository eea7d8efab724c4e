/*
 * What becomes of a slow reader.  Private to subscriber/.
 */


#ifndef _NGX_ESS_BACKPRESSURE_H_INCLUDED_
#define _NGX_ESS_BACKPRESSURE_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * After frames were appended: calls the handler "slow" for each subscriber
 * whose socket is full and that keeps bytes in memory, with their number:
 * between the frame that is being sent to it and the newest one, without these
 * two, so that an event of any size gets through.  O(waiting subscribers).  The
 * caller holds the feed; subscribers may be gone afterwards.
 */
void ngx_ess_backpressure_check(ngx_ess_feed_t *feed);

/*
 * Calls the handler "reclaim", which makes it keep nothing but what is small,
 * for the subscribers whose sockets are full, of all feeds: for those that keep
 * most first, until this worker keeps no more than "target" bytes, or nobody
 * keeps much.  O(feeds and waiting subscribers), a few times.  Subscribers and
 * feeds may be gone afterwards.
 */
void ngx_ess_backpressure_reclaim(size_t target);


#endif /* _NGX_ESS_BACKPRESSURE_H_INCLUDED_ */
