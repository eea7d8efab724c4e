/*
 * Reading the log for a feed.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_READ_H_INCLUDED_
#define _NGX_ESS_FEED_READ_H_INCLUDED_


#include "ngx_ess_feed.h"


/*
 * Reads what is new, as far as one buffer goes, encodes it and puts the
 * subscribers' cursors at it; feed->changed says afterwards whether there is
 * more.  NGX_DONE: nothing was read, for the stream's source has what comes
 * next.  NGX_OK: the feed may be gone.
 */
ngx_int_t ngx_ess_feed_read(ngx_ess_feed_t *feed);

/* Appends what the record is to the clients: an event, the gap before it, a
   close.  *first holds the first frame of several calls.  NGX_OK; NGX_ERROR:
   no memory; NGX_DECLINED: it is not what feed->rest asks for. */
ngx_int_t ngx_ess_feed_read_record(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_frame_t **first);

/* Of the end of what a client has of a frame; see ngx_ess_feed_rest_t. */
uint32_t ngx_ess_feed_read_hash(u_char *data, size_t len);

/* The buffer is given back as far as it was made for a large event; or
   all of it. */
void ngx_ess_feed_read_done(void);
void ngx_ess_feed_read_exit(void);

/*
 * Appends the notice of a gap before the record with the number "seq", when
 * the encoding has words for it: *frame, if NULL, is set to the frame, with a
 * reference for the caller.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_feed_read_gap(ngx_ess_feed_t *feed, uint64_t seq,
    ngx_ess_gap_t *gap, ngx_ess_frame_t **frame);


#endif /* _NGX_ESS_FEED_READ_H_INCLUDED_ */
