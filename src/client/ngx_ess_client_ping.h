/*
 * When a client is pinged, and when it has been waited for long enough.
 * Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_PING_H_INCLUDED_
#define _NGX_ESS_CLIENT_PING_H_INCLUDED_


#include "ngx_ess_client.h"


/* The wheel's handler: client->timer is due. */
void ngx_ess_client_ping_timer(ngx_ess_wheel_entry_t *entry);

/* A client is open: waits for its first ping, or queues it, where there is a
   text to begin with.  NGX_DONE: it has ended; else NGX_OK. */
ngx_int_t ngx_ess_client_ping_start(ngx_ess_client_t *client);

/* The nudges' handler: a ping without an answer, for who may have something
   unread. */
void ngx_ess_client_ping_nudge(ngx_ess_client_t *client);

/* Waits until the ping that is due in "delay" ms, 0: none is, or until the
   client's token ends. */
void ngx_ess_client_ping_wait(ngx_ess_client_t *client, ngx_msec_t delay);


#endif /* _NGX_ESS_CLIENT_PING_H_INCLUDED_ */
