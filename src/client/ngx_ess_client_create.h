/*
 * How a client is made.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_CREATE_H_INCLUDED_
#define _NGX_ESS_CLIENT_CREATE_H_INCLUDED_


#include "ngx_ess_client.h"


/*
 * One without subscriptions.  "stream" is the id of the only one that it is
 * going to have, 0: there may be several.  It goes with its request.  NULL: no
 * memory.
 */
ngx_ess_client_t *ngx_ess_client_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, uint64_t stream);


#endif /* _NGX_ESS_CLIENT_CREATE_H_INCLUDED_ */
