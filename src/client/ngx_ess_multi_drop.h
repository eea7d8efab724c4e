/*
 * How subscriptions of a client with several end.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_DROP_H_INCLUDED_
#define _NGX_ESS_MULTI_DROP_H_INCLUDED_


#include "ngx_ess_multi.h"


/* Of a stream: those keys, or with 0 all of it; what is not there is none. */
void ngx_ess_multi_unsubscribe(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t nkeys);

/* All of it; the cell is the group's, if there is one. */
void ngx_ess_multi_drop(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell);

/* All of the group's keys, but not the group. */
void ngx_ess_multi_drop_members(ngx_ess_multi_t *multi,
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
