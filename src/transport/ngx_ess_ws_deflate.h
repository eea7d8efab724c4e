/*
 * permessage-deflate (RFC 7692), without context takeover in either
 * direction: each message is deflated by itself, so what is sent to one client
 * can be sent to all, and what comes from one needs no memory between two
 * messages.  No I/O; over zlib.
 */


#ifndef _NGX_ESS_WS_DEFLATE_H_INCLUDED_
#define _NGX_ESS_WS_DEFLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct z_stream_s  ngx_ess_ws_inflate_t;


/* NGX_OK: of the offers in a line of Sec-WebSocket-Extensions the first one
   that can be accepted gets this answer, static text.  NGX_DECLINED: none
   can. */
ngx_int_t ngx_ess_ws_deflate_offer(ngx_str_t *line, ngx_str_t *answer);

/*
 * Deflates a message into "out", of "room" bytes, with the level of zlib (1 to
 * 9), which is that of the first call.  Returns the length, 0: it takes more
 * room than that, or there is no memory.
 */
size_t ngx_ess_ws_deflate(u_char *out, size_t room, u_char *data, size_t len,
    ngx_int_t level);

/* For a client's message, until it ended.  NULL: no memory. */
ngx_ess_ws_inflate_t *ngx_ess_ws_inflate_create(void);
void ngx_ess_ws_inflate_destroy(ngx_ess_ws_inflate_t *in);

/*
 * Inflates from *pos on, advances it, and writes *n bytes, at most "room", to
 * "out".  NGX_OK: there may be more to write; NGX_AGAIN: all was consumed and
 * written; NGX_ERROR: it cannot be inflated.
 */
ngx_int_t ngx_ess_ws_inflate(ngx_ess_ws_inflate_t *in, u_char **pos,
    u_char *last, u_char *out, size_t room, size_t *n);


#endif /* _NGX_ESS_WS_DEFLATE_H_INCLUDED_ */
