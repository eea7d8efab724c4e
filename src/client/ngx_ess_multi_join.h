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
 * Subscribes to a stream, or to further keys of it; where it is subscribed to
 * already nothing changes.  What is new is "fresh": its frames wait until
 * ngx_ess_multi_announced().  Returns as ngx_ess_subscriber_enter().
 */
ngx_int_t ngx_ess_multi_join(ngx_ess_multi_t *multi,
    ngx_ess_multi_entry_t *e);

/* How many subscriptions more that is, at most. */
ngx_uint_t ngx_ess_multi_join_more(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry);

/*
 * The subscription, which has frames, lets them go, and reads them again from
 * the log when the client takes more.  NGX_DECLINED: it cannot; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_multi_join_back(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);

/* For ngx_ess_feed_handlers_t: a replay of several keys is at the end. */
void ngx_ess_multi_join_arrived(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_MULTI_JOIN_H_INCLUDED_ */
