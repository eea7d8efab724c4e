/*
 * Who asks for a stream that there is not.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_
#define _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_


#include "ngx_ess.h"


/*
 * A WebSocket is accepted and closed with that code, so that a browser, which
 * shows no status, learns it; no client comes into being.  Returns what the
 * content handler does; NGX_DECLINED: the code is 0, or no close can tell it,
 * so that it is for the status.
 */
ngx_int_t ngx_ess_client_unknown(ngx_http_request_t *r, ngx_uint_t code);


#endif /* _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_ */
