/*
 * What stays in memory of the request that a subscriber began with.  Private
 * to client/.
 */


#ifndef _NGX_ESS_CLIENT_REQUEST_H_INCLUDED_
#define _NGX_ESS_CLIENT_REQUEST_H_INCLUDED_


#include "ngx_ess_client.h"


/* The subscriber is freed with the request, after it was logged.  NGX_OK, or
   NGX_ERROR: it is freed now or then, and must not be used. */
ngx_int_t ngx_ess_client_request_own(ngx_ess_client_t *client);

/*
 * May the whole request go?  Not when another module or a subrequest waits
 * for its end, nor over HTTP/2, whose connection it shares.
 */
ngx_uint_t ngx_ess_client_request_releasable(ngx_ess_client_t *client);

/*
 * Logs the request and frees it; the connection stays, as the subscriber's,
 * whom nobody but its own handlers frees any more, with the address that
 * realip has given it.  Only from an event handler that no request's handler
 * runs below of.  NGX_ERROR: no memory, nothing has changed.
 */
ngx_int_t ngx_ess_client_request_release(ngx_ess_client_t *client);

/*
 * Frees the buffers of the request's header; what the access log and
 * variables want of it is copied into the request's pool first, when there
 * is room.  When another module holds on to the request nothing is done, for
 * it may hold on to its header.
 */
void ngx_ess_client_request_shrink(ngx_ess_client_t *client);


#endif /* _NGX_ESS_CLIENT_REQUEST_H_INCLUDED_ */
