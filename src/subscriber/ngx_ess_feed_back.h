/*
 * What a client lets go of, it reads again.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_BACK_H_INCLUDED_
#define _NGX_ESS_FEED_BACK_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * The subscriber, which waits for its socket at a frame, lets go of that and
 * those behind it, and reads on from its cursor with a replay, when its socket
 * takes more.  What it has in part it gets the rest of: with "keep" the frame
 * stays until then, else the event is read again, and to miss it closes the
 * client.  The notice of a gap stays in either case.  One with "many" stays
 * with its client, which says by ngx_ess_feed_join_idle() that it has that
 * frame, or, without a frame, that its socket takes more.  NGX_DECLINED: the
 * stream is deleted, there is nothing to be read again; NGX_ERROR: no memory;
 * nothing has changed then.
 */
ngx_int_t ngx_ess_feed_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep);


#endif /* _NGX_ESS_FEED_BACK_H_INCLUDED_ */
