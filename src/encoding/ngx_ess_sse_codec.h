/*
 * Events as text/event-stream (WHATWG HTML, 9.2.6).  No I/O, no memory but
 * the caller's.  Private to encoding/.
 *
 * A body's line breaks, of whichever kind, each begin another data line, which
 * clients join with LF.  A body that is not valid UTF-8, and so cannot be in
 * an event stream, goes in base64, as an event of the type "binary".
 */


#ifndef _NGX_ESS_SSE_CODEC_H_INCLUDED_
#define _NGX_ESS_SSE_CODEC_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* of a notice of a gap */
#define NGX_ESS_SSE_CODEC_GAP                                                 \
    (sizeof("event: gap\nid: -\ndata: {\"from\":,\"to\":null}\n\n") - 1       \
     + 16 + 3 * NGX_INT64_LEN)


/* Bytes of the event; "text": its body is valid UTF-8. */
size_t ngx_ess_sse_codec_len(ngx_ess_encoding_event_t *event,
    ngx_uint_t text);

/* Writes them; returns their end. */
u_char *ngx_ess_sse_codec_write(u_char *p, ngx_ess_encoding_event_t *event,
    ngx_uint_t text);

/*
 * Writes the notice that the events "from" to "to" are gone; with to < from,
 * that nobody knows how many.  Whoever names its id goes on behind "to", and
 * is not told again that its id is of no event.
 */
u_char *ngx_ess_sse_codec_gap(u_char *p, uint64_t epoch, uint64_t from,
    uint64_t to);

/* Of an event, or of a notice, the bytes behind its own lines: of the body all
   data lines and the blank line, and of the notice what follows the brace. */
size_t ngx_ess_sse_codec_data_len(ngx_str_t *body, ngx_uint_t text);
u_char *ngx_ess_sse_codec_data(u_char *p, ngx_str_t *body, ngx_uint_t text);
u_char *ngx_ess_sse_codec_range(u_char *p, uint64_t from, uint64_t to);

/* Bytes of a chunk of HTTP/1.1 (RFC 9112, 7.1) with "len" bytes; writes what is
   before them: the size in hex, and a line break, as there is one behind. */
size_t ngx_ess_sse_codec_chunk_len(size_t len);
u_char *ngx_ess_sse_codec_chunk(u_char *p, size_t len);


#endif /* _NGX_ESS_SSE_CODEC_H_INCLUDED_ */
