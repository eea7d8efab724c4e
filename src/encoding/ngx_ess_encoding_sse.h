/*
 * Events of an event stream, and those of several streams on one response: of
 * these all clients share what is behind a client's own lines.
 *
 *     event: prices               own: a label, or the kind of the event
 *     id: 5f3a-43,77-9            own: the client's place in each stream
 *     data: {"a":1}               shared
 */


#ifndef _NGX_ESS_ENCODING_SSE_H_INCLUDED_
#define _NGX_ESS_ENCODING_SSE_H_INCLUDED_


#include "ngx_ess_encoding.h"


/* without chunks, for HTTP/1.0 and HTTP/2, and in chunks of HTTP/1.1 ([1]) */
extern const ngx_ess_encoding_t  ngx_ess_encoding_sse[2];

/*
 * The shared part of an event or of a notice of a gap.  The chunked one has the
 * line break at the end of its chunk; what begins the chunk is the client's.
 */
extern const ngx_ess_encoding_t  ngx_ess_encoding_sse_part[2];


/* what is a client's own; label and stream are of A-Za-z0-9._~@- */

typedef struct {
    ngx_str_t                label;         /* empty: none */
    ngx_str_t                stream;        /* as the client named it */
    ngx_str_t                id;            /* its places, with this event's */
    unsigned                 chunked:1;
} ngx_ess_encoding_sse_own_t;


/*
 * Bytes before the shared part of an event or, with "gap", of a notice; writes
 * them and returns their end.  An event that is not text has the type "binary"
 * where there is no label.
 */
size_t ngx_ess_encoding_sse_own_len(ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *part, ngx_uint_t gap);
u_char *ngx_ess_encoding_sse_own(u_char *p, ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *part, ngx_uint_t gap);

/* The same of the notice that one of the streams ends: it has no shared part.
   The reason is put into JSON. */
size_t ngx_ess_encoding_sse_end_len(ngx_ess_encoding_sse_own_t *own,
    ngx_uint_t code, ngx_str_t *reason);
u_char *ngx_ess_encoding_sse_end(u_char *p, ngx_ess_encoding_sse_own_t *own,
    ngx_uint_t code, ngx_str_t *reason);


/* For others of encoding/ that are of event streams: an event with another
   body, of which they know whether it is text, and their notice of a gap. */
ngx_int_t ngx_ess_encoding_sse_event(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t text,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);
ngx_int_t ngx_ess_encoding_sse_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);


#endif /* _NGX_ESS_ENCODING_SSE_H_INCLUDED_ */
