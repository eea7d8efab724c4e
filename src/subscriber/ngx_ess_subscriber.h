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
    unsigned                     follow:1;  /* the log follows another
                                               stream, */
    unsigned                     live:1;    /* and must do so now */
    unsigned                     untold:1;  /* the log does not tell of a
                                               loss yet */
    unsigned                     poison:1;  /* that of the past closes it */
} ngx_ess_subscriber_entry_t;


/*
 * Counts the subscription in the zone, together with which it is taken what
 * comes from now on, and joins a feed.  "limit" is that of the stream's
 * subscribers.  NGX_DECLINED: no such stream.  NGX_BUSY: no room for one more
 * process, no more subscribers than these, or the log follows its stream no
 * more.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_subscriber_enter(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_max_subscribers_t *limit);

/* It ends.  Once. */
void ngx_ess_subscriber_leave(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_SUBSCRIBER_H_INCLUDED_ */
