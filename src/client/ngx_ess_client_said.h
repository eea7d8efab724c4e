/*
 * Where a request says that its client begins.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_SAID_H_INCLUDED_
#define _NGX_ESS_CLIENT_SAID_H_INCLUDED_


#include "ngx_ess_position.h"


/* All but "places"; the texts are the request's. */
void ngx_ess_client_said(ngx_http_request_t *r, ngx_ess_position_said_t *said);


#endif /* _NGX_ESS_CLIENT_SAID_H_INCLUDED_ */
