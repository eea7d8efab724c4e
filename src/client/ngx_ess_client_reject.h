/*
 * Clients that are not let in: what is common to all ways to enter.  Private to
 * client/.
 */


#ifndef _NGX_ESS_CLIENT_REJECT_H_INCLUDED_
#define _NGX_ESS_CLIENT_REJECT_H_INCLUDED_


#include "ngx_ess_counter.h"
#include "ngx_ess_transport.h"


/* Counts it, and returns rc. */
ngx_int_t ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc);

/* What a content handler returns: the worker has as many clients as it may. */
ngx_int_t ngx_ess_client_reject_full(ngx_http_request_t *r);

/* The same: the worker exits, the client is to come again. */
ngx_int_t ngx_ess_client_reject_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport);


#endif /* _NGX_ESS_CLIENT_REJECT_H_INCLUDED_ */
