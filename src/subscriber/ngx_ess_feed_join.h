/*
 * Who comes to a feed, catches up, and leaves.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_JOIN_H_INCLUDED_
#define _NGX_ESS_FEED_JOIN_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * The subscriber, which was counted in the zone, joins the feed of the
 * stream, as idle, wanting records from sub->seq on, which is where the event
 * "ordinal" is to come.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_ess_subscriber_t *sub,
    uint64_t ordinal);

/*
 * The same with a replay from "place" on: first the notice of its gap, if it
 * has one and the encoding can say so, then what is in the log.  sub->seq is
 * the first record that was not there when it came.
 */
ngx_int_t ngx_ess_feed_join_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_ess_subscriber_t *sub,
    ngx_ess_log_place_t *place);

/*
 * The same, but after the gap it gets the events after the ordinal, or from the
 * timestamp (ms) on, from the stream's source, before those of the log.
 */
ngx_int_t ngx_ess_feed_join_source(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_ess_subscriber_t *sub,
    ngx_ess_log_place_t *place, uint64_t ordinal, uint64_t timestamp);

/*
 * The subscriber was sent all frames: it is idle.  With a replay that is at the
 * end of the log it moves to the shared feed.  NGX_ERROR: no memory for that.
 */
ngx_int_t ngx_ess_feed_join_idle(ngx_ess_subscriber_t *sub);

/* It leaves; the feed is freed with its last subscriber. */
void ngx_ess_feed_leave(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_FEED_JOIN_H_INCLUDED_ */
