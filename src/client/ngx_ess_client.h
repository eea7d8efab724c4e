/*
 * The client's side of a subscriber: its connection, from the response header
 * to the close.  Private to subscriber/.
 */


#ifndef _NGX_ESS_CLIENT_H_INCLUDED_
#define _NGX_ESS_CLIENT_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


/* ms that a peer has to take our close and to answer it */
#define NGX_ESS_CLIENT_CLOSE     5000

/* status codes of a WebSocket close; a transport without them just ends */
#define NGX_ESS_CLIENT_NORMAL    1000
#define NGX_ESS_CLIENT_AWAY      1001
#define NGX_ESS_CLIENT_PROTOCOL  1002
#define NGX_ESS_CLIENT_POLICY    1008
#define NGX_ESS_CLIENT_INTERNAL  1011
#define NGX_ESS_CLIENT_RESTART   1012
#define NGX_ESS_CLIENT_LATER     1013
#define NGX_ESS_CLIENT_EXPIRED   3000       /* the registry's "Unauthorized" */


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

/* Closes, for the broker has no stream for it.  NGX_OK, or NGX_DONE: it has
   ended. */
ngx_int_t ngx_ess_client_missing(ngx_ess_subscriber_t *sub);

/* One send, and what follows from it.  NGX_OK, or NGX_DONE: it has ended. */
ngx_int_t ngx_ess_client_flush(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_CLIENT_H_INCLUDED_ */
