/*
 * Events as JSON objects that say whose they are: the form of the subprotocol
 * "ess.v1", and of "ess_body envelope".
 */


#ifndef _NGX_ESS_ENCODING_ENVELOPE_H_INCLUDED_
#define _NGX_ESS_ENCODING_ENVELOPE_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* messages of a WebSocket: of clients with one subscription, and of those with
   several ([1]); and with permessage-deflate ([][1]) */
extern const ngx_ess_encoding_t  ngx_ess_encoding_envelope[2][2];

/* events of an event stream, and in chunks of HTTP/1.1 ([1]) */
extern const ngx_ess_encoding_t  ngx_ess_encoding_envelope_sse[2];


#endif /* _NGX_ESS_ENCODING_ENVELOPE_H_INCLUDED_ */
