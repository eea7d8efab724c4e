/*
 * Events of an event stream.
 */


#ifndef _NGX_ESS_ENCODING_SSE_H_INCLUDED_
#define _NGX_ESS_ENCODING_SSE_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* without chunks, for HTTP/1.0 and HTTP/2, and in chunks of HTTP/1.1 ([1]) */
extern const ngx_ess_encoding_t  ngx_ess_encoding_sse[2];


#endif /* _NGX_ESS_ENCODING_SSE_H_INCLUDED_ */
