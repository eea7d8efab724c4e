/*
 * The frame of a message of a WebSocket, plain or deflated, which all clients
 * that have its encoding share.  Private to encoding/.
 */


#ifndef _NGX_ESS_ENCODING_MESSAGE_H_INCLUDED_
#define _NGX_ESS_ENCODING_MESSAGE_H_INCLUDED_


#include "ngx_ess_encoding.h"
#include "ngx_ess_ws_codec.h"


/* In a worker: the level of zlib, and bytes of an event from which on it is
   deflated. */
void ngx_ess_encoding_message_init(ngx_int_t level, size_t min_size);

/* A message's header, and room for "len" bytes behind it: where they go, or
   NULL: no memory. */
u_char *ngx_ess_encoding_message(ngx_ess_encoding_frame_t *out,
    ngx_ess_ws_opcode_e opcode, ngx_uint_t deflated, size_t len,
    ngx_log_t *log);

/*
 * Puts the message, of "len" bytes, deflated in its own place, unless the event
 * is small, of "size" bytes, or that were longer, or there is no memory.
 */
void ngx_ess_encoding_message_deflate(ngx_ess_encoding_frame_t *out,
    size_t size, size_t len, ngx_log_t *log);


#endif /* _NGX_ESS_ENCODING_MESSAGE_H_INCLUDED_ */
