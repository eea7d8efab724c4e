/*
 * Events as messages of a WebSocket.
 */


#ifndef _NGX_ESS_ENCODING_WS_H_INCLUDED_
#define _NGX_ESS_ENCODING_WS_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* the bodies as they are, or with ordinal and timestamp: of the latter all
   there are, or only text that is not empty, and JSON where it begins as an
   object does; and either with notices of gaps, or without */
#define NGX_ESS_ENCODING_WS_KINDS  5

#define ngx_ess_encoding_ws_kind(annotated, strict, gaps)                     \
    ((annotated) ? 1 + ((strict) ? 2 : 0) + ((gaps) ? 0 : 1) : 0)


/* of each kind, and with permessage-deflate ([][1], RFC 7692) */
extern const ngx_ess_encoding_t
    ngx_ess_encoding_ws[NGX_ESS_ENCODING_WS_KINDS][2];


#endif /* _NGX_ESS_ENCODING_WS_H_INCLUDED_ */
