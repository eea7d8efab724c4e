
/*
 * Events of an event stream, as they are, and in chunks that are framed once
 * for all clients of HTTP/1.1.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_sse_codec.h"
#include "ngx_ess_utf8.h"


static ngx_int_t ngx_ess_encoding_sse_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static u_char *ngx_ess_encoding_sse_frame(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_frame_t *out, size_t len, ngx_log_t *log);


const ngx_ess_encoding_t  ngx_ess_encoding_sse[2] = {
    { .encode = ngx_ess_encoding_sse_encode,
      .gap = ngx_ess_encoding_sse_gap },
    { .encode = ngx_ess_encoding_sse_encode,
      .gap = ngx_ess_encoding_sse_gap, .chunked = 1 }
};


static ngx_int_t
ngx_ess_encoding_sse_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char      *p;
    ngx_uint_t   text;

    text = ngx_ess_utf8_valid(event->body.data, event->body.len);

    p = ngx_ess_encoding_sse_frame(encoding, out,
                                   ngx_ess_sse_codec_len(event, text), log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_sse_codec_write(p, event, text);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_sse_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[NGX_ESS_SSE_CODEC_GAP];

    last = ngx_ess_sse_codec_gap(text, epoch, from, to);

    p = ngx_ess_encoding_sse_frame(encoding, out, last - text, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, last - text);

    return NGX_OK;
}


/* Room for "len" bytes, with the chunk around them: where they go, or NULL: no
   memory. */

static u_char *
ngx_ess_encoding_sse_frame(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_frame_t *out, size_t len, ngx_log_t *log)
{
    out->len = encoding->chunked ? ngx_ess_sse_codec_chunk_len(len) : len;

    out->data = ngx_alloc(out->len, log);
    if (out->data == NULL) {
        return NULL;
    }

    if (!encoding->chunked) {
        return out->data;
    }

    ngx_memcpy(out->data + out->len - 2, CRLF, 2);

    return ngx_ess_sse_codec_chunk(out->data, len);
}
