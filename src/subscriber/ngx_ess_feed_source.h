/*
 * Replays of what the log no longer has, from the broker.  Private to
 * subscriber/.
 */


#ifndef _NGX_ESS_FEED_SOURCE_H_INCLUDED_
#define _NGX_ESS_FEED_SOURCE_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * The replay's feed gets the events after that ordinal, or, with a timestamp
 * (ms), from the first on that is not older, from the stream's source, until
 * the log has what follows.  NGX_OK or NGX_ERROR: no memory, or the stream is
 * no more.
 */
ngx_int_t ngx_ess_feed_source_start(ngx_ess_feed_t *feed, uint64_t ordinal,
    uint64_t timestamp);

/* The client has all that was read. */
void ngx_ess_feed_source_more(ngx_ess_feed_t *feed);

/* No more of it; harmless without. */
void ngx_ess_feed_source_stop(ngx_ess_feed_t *feed);


#endif /* _NGX_ESS_FEED_SOURCE_H_INCLUDED_ */
