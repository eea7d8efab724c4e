/*
 * How a client of several streams over Server-Sent Events enters.  Private to
 * client/.
 */


#ifndef _NGX_ESS_MULTI_ENTER_SSE_H_INCLUDED_
#define _NGX_ESS_MULTI_ENTER_SSE_H_INCLUDED_


#include "ngx_ess.h"


/* Of a location with "multi"; what a content handler returns. */
ngx_int_t ngx_ess_multi_enter_sse(ngx_http_request_t *r);


#endif /* _NGX_ESS_MULTI_ENTER_SSE_H_INCLUDED_ */
