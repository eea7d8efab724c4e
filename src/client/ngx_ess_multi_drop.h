/*
 * How subscriptions of a client with several end.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_DROP_H_INCLUDED_
#define _NGX_ESS_MULTI_DROP_H_INCLUDED_


#include "ngx_ess_interest.h"
#include "ngx_ess_multi.h"


/* streams that were left, but are counted in the zone still; n 0: none */

typedef struct {
    ngx_uint_t                   n;
    ngx_ess_stream_ref_t         refs[NGX_ESS_INTEREST_MANY];   /* "n" */
} ngx_ess_multi_left_t;


/*
 * Of a stream: those keys, or with 0 all of it; what is not there is none.  The
 * keys are put in another order.  When all are done, ngx_ess_multi_left()
 * follows.
 */
void ngx_ess_multi_unsubscribe(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t nkeys, ngx_ess_multi_left_t *left);

/* They are counted no more.  Takes the mutex, once for all of them. */
void ngx_ess_multi_left(ngx_ess_multi_left_t *left);

/* The group with all its keys; in the zone it stays counted. */
void ngx_ess_multi_drop_group(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);

/* The group's keys that are at the end of the stream, and that the client knows
   of, but not the group. */
void ngx_ess_multi_drop_live(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);

/* All that the client has. */
void ngx_ess_multi_drop_all(ngx_ess_multi_t *multi);

/* Ends the subscription that it is, or belongs to, and says so. */
void ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason);

/* For ngx_ess_feed_handlers_t: what ends ends later, for others of the client
   may be looked at, too. */
void ngx_ess_multi_failed(ngx_ess_subscriber_t *sub);
void ngx_ess_multi_replaced(ngx_ess_subscriber_t *sub);

/* Those that were replaced end now. */
void ngx_ess_multi_drop_replaced(ngx_ess_multi_t *multi);


#endif /* _NGX_ESS_MULTI_DROP_H_INCLUDED_ */
