/*
 * Clients with several subscriptions that do not keep up.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_SLOW_H_INCLUDED_
#define _NGX_ESS_MULTI_SLOW_H_INCLUDED_


#include "ngx_ess_multi.h"


/* Closes a client that is too slow; it may be gone afterwards. */
typedef void (*ngx_ess_multi_slow_pt)(ngx_ess_client_t *client);

void ngx_ess_multi_slow_init(ngx_cycle_t *cycle, ngx_ess_multi_slow_pt close);

/* For ngx_ess_feed_handlers_t. */
void ngx_ess_multi_slow_check(void);
size_t ngx_ess_multi_slow_over(size_t over, size_t target);


#endif /* _NGX_ESS_MULTI_SLOW_H_INCLUDED_ */
