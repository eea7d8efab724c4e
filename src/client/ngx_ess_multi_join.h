/*
 * How a client's further subscriptions begin.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_JOIN_H_INCLUDED_
#define _NGX_ESS_MULTI_JOIN_H_INCLUDED_


#include "ngx_ess_multi.h"


/* a subscription that is to be made */

typedef struct {
    ngx_ess_subscriber_entry_t   entry;     /* all but the encoding */

    ngx_ess_event_id_t           at;        /* the last event before those that
                                               follow */
    uint32_t                     number;    /* of the stream's label */
} ngx_ess_multi_entry_t;


/*
 * Subscribes to "n" streams, or to further keys of them; where a stream is
 * subscribed to already nothing changes.  What is new is "fresh": its frames
 * wait until ngx_ess_multi_announced().  Keys are put in another order.  Each
 * has its own result, entry.rc, as of ngx_ess_subscriber_enter().
 */
void ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *entries,
    ngx_uint_t n);

/* How many subscriptions more that is, at most.  Its keys are put in another
   order. */
ngx_uint_t ngx_ess_multi_join_more(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry);

/* For ngx_ess_feed_handlers_t: a replay of several keys is at the end. */
void ngx_ess_multi_join_arrived(ngx_ess_subscriber_t *sub);

/* A subscription of the group, or with NULL of the client itself: "fresh", and
   in no lane yet.  NULL: no memory. */
ngx_ess_multi_cell_t *ngx_ess_multi_join_cell(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);

/* It joined a lane.  NGX_ERROR: no memory; it is gone, but still counted in the
   zone. */
ngx_int_t ngx_ess_multi_join_add(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);


#endif /* _NGX_ESS_MULTI_JOIN_H_INCLUDED_ */
