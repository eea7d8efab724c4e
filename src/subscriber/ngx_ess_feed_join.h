/*
 * Who comes to a feed, catches up, and leaves.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_JOIN_H_INCLUDED_
#define _NGX_ESS_FEED_JOIN_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * The subscriber joins the feed of the stream, in the lane of the key (NULL: of
 * the whole stream), as idle, wanting records from sub->seq on, which is where
 * the event "ordinal" is to come.  Its client was counted in the zone, and that
 * once whatever its keys: see ngx_ess_subscriber.h.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *key,
    ngx_ess_subscriber_t *sub, uint64_t ordinal);

/*
 * The same with a replay from "place" on, of the "n" keys (0: of all events):
 * first the notice of its gap, if it has one and the encoding can say so, then
 * what is in the log.  sub->seq is the first record that was not there when it
 * came.
 */
ngx_int_t ngx_ess_feed_join_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *keys, ngx_uint_t n,
    ngx_ess_subscriber_t *sub, ngx_ess_log_place_t *place);

/*
 * After that: after the gap it gets the events after the ordinal, or from the
 * timestamp (ms) on, from the stream's source, before those of the log.
 * NGX_ERROR: no memory; it has left.
 */
ngx_int_t ngx_ess_feed_join_source(ngx_ess_subscriber_t *sub,
    ngx_ess_log_place_t *place, uint64_t ordinal, uint64_t timestamp);

/*
 * The subscriber was sent all frames: it is idle.  With a replay that is at the
 * end of the log it moves to the shared feed; of several keys "arrived" is
 * called, and it may be gone.  NGX_ERROR: no memory for that.
 */
ngx_int_t ngx_ess_feed_join_idle(ngx_ess_subscriber_t *sub);

/*
 * In "arrived": a subscriber joins the lane of the key where the replay is that
 * has arrived; "sub" may be the replay's own, the last time.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_feed_join_arrived(ngx_ess_subscriber_t *arrived,
    ngx_str_t *key, ngx_ess_subscriber_t *sub);

/* It leaves; its lane is freed with its last subscriber, and so is the feed.
   sub->queue is in some queue, if only in its own. */
void ngx_ess_feed_leave(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_FEED_JOIN_H_INCLUDED_ */
