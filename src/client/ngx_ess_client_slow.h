/*
 * Clients that do not keep up.  Private to client/; handlers of a feed, see
 * ngx_ess_feed_handlers_t.
 */


#ifndef _NGX_ESS_CLIENT_SLOW_H_INCLUDED_
#define _NGX_ESS_CLIENT_SLOW_H_INCLUDED_


#include "ngx_ess_feed.h"


void ngx_ess_client_slow(ngx_ess_subscriber_t *sub, size_t behind);
void ngx_ess_client_slow_reclaim(ngx_ess_subscriber_t *sub);
void ngx_ess_client_slow_missed(ngx_ess_subscriber_t *sub);

/* It is, and is counted so: it is closed. */
void ngx_ess_client_slow_close(ngx_ess_client_t *client);


#endif /* _NGX_ESS_CLIENT_SLOW_H_INCLUDED_ */
