/*
 * The client's side of a subscriber: its connection, from the response header
 * to the close.  Private to subscriber/.
 */


#ifndef _NGX_ESS_CLIENT_H_INCLUDED_
#define _NGX_ESS_CLIENT_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


ngx_int_t ngx_ess_client_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone);
void ngx_ess_client_exit(void);

/*
 * The subscriber joined its feed and was counted in the zone.  Sends the
 * response header and takes the connection over.  NGX_DONE: the content
 * handler returns that, too; or what it returns instead.
 */
ngx_int_t ngx_ess_client_start(ngx_ess_subscriber_t *sub);

/* Off all lists; harmless the second time.  A cleanup handler. */
void ngx_ess_client_detach(void *data);


#endif /* _NGX_ESS_CLIENT_H_INCLUDED_ */
