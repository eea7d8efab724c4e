/*
 * Who asks for a stream that there is not.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_
#define _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Accepts a WebSocket and closes it with that code: a browser shows a script
 * no status, but the code.  It makes no client.  Returns what the content
 * handler returns.  NGX_DECLINED: the code is 0, or the request is not one for
 * a WebSocket: the caller answers with a status.
 */
ngx_int_t ngx_ess_client_unknown(ngx_http_request_t *r, ngx_uint_t code);


#endif /* _NGX_ESS_CLIENT_UNKNOWN_H_INCLUDED_ */
