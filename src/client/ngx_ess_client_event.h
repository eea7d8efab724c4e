/*
 * The events of a client's connection.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_EVENT_H_INCLUDED_
#define _NGX_ESS_CLIENT_EVENT_H_INCLUDED_


#include "ngx_ess_client.h"


/* The request's handler of reads, while there is one. */
void ngx_ess_client_event_request(ngx_http_request_t *r);

/* The connection's own handlers, when the request was released. */
void ngx_ess_client_event_read(ngx_event_t *rev);
void ngx_ess_client_event_write(ngx_event_t *wev);

/* The socket takes more, perhaps. */
void ngx_ess_client_event_writable(ngx_ess_client_t *client);

/* Takes what came with the request's header.  NGX_OK, or NGX_DONE: the client
   has ended. */
ngx_int_t ngx_ess_client_event_leftover(ngx_ess_client_t *client);


#endif /* _NGX_ESS_CLIENT_EVENT_H_INCLUDED_ */
