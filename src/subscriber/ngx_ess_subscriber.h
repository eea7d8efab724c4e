/*
 * Subscriptions: how one begins and ends.
 */


#ifndef _NGX_ESS_SUBSCRIBER_H_INCLUDED_
#define _NGX_ESS_SUBSCRIBER_H_INCLUDED_


#include "ngx_ess_feed.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_position.h"


/* how a subscription begins */

typedef struct {
    ngx_ess_stream_ref_t         ref;
    const ngx_ess_encoding_t    *encoding;
    ngx_ess_position_t           pos;
    ngx_str_t                   *keys;
    ngx_uint_t                   nkeys;     /* 0: of all events */
    unsigned                     follow:1;  /* the log follows another
                                               stream, */
    unsigned                     live:1;    /* and must do so now */
    unsigned                     untold:1;  /* the log does not tell of a
                                               loss yet */
    unsigned                     poison:1;  /* that of the past closes it */
    unsigned                     again:1;   /* its client has a subscription of
                                               the stream, which counts for
                                               both */

    /* what comes of it */
    ngx_int_t                    rc;
    uint64_t                     at;        /* ordinal of the last event before
                                               those that follow; where that is
                                               not known yet, 0 */
} ngx_ess_subscriber_entry_t;


/*
 * Counts the subscription in the zone, together with which it is taken what
 * comes from now on, and joins a feed.  "limit" is that of the stream's
 * subscribers.  Of several keys without a position it is only counted, and
 * sub->lane is NULL: its client has a subscriber in the lane of each key, see
 * ngx_ess_feed_join(), from sub->seq and entry->at + 1 on.  NGX_DECLINED: no
 * such stream.  NGX_BUSY: no room for one more process, no more subscribers
 * than these, or the log follows its stream no more.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_subscriber_enter(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_max_subscribers_t *limit);

/* The same for "n" of one client, many in a hold of the zone's mutex, and each
   with its own result, entry->rc. */
void ngx_ess_subscriber_enter_many(ngx_ess_subscriber_t **subs,
    ngx_ess_subscriber_entry_t *entries, ngx_uint_t n,
    ngx_ess_max_subscribers_t *limit);

/* It ends.  Once; what counts with another one of its client leaves its lane
   only, by ngx_ess_feed_leave(). */
void ngx_ess_subscriber_leave(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_SUBSCRIBER_H_INCLUDED_ */
