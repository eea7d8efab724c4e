/*
 * Events as messages of a WebSocket.
 */


#ifndef _NGX_ESS_ENCODING_WS_H_INCLUDED_
#define _NGX_ESS_ENCODING_WS_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* the bodies as they are, or with ordinal and timestamp ([1]); and either with
   permessage-deflate ([][1], RFC 7692) */
extern const ngx_ess_encoding_t  ngx_ess_encoding_ws[2][2];


/* In a worker: the level of zlib, and bytes of an event from which on it is
   deflated. */
void ngx_ess_encoding_ws_init(ngx_int_t level, size_t min_size);


#endif /* _NGX_ESS_ENCODING_WS_H_INCLUDED_ */
