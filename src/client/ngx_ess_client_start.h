/*
 * The beginning of a client.  Private to client/, but for the worker's
 * beginning.
 */


#ifndef _NGX_ESS_CLIENT_START_H_INCLUDED_
#define _NGX_ESS_CLIENT_START_H_INCLUDED_


#include "ngx_ess_client.h"


/* In a worker: clients may come. */
ngx_int_t ngx_ess_client_start_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone);

/*
 * The client's subscription joined its feed and was counted in the zone.  Sends
 * the response header and takes the connection over.  NGX_DONE: the content
 * handler returns that, too; or what it returns instead.
 */
ngx_int_t ngx_ess_client_start(ngx_ess_client_t *client);

/* The worker exits: those end that are not in a feed. */
void ngx_ess_client_start_exit(void);


#endif /* _NGX_ESS_CLIENT_START_H_INCLUDED_ */
