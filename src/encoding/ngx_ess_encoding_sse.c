
/*
 * Events of an event stream, as they are, and in chunks that are framed once
 * for all clients of HTTP/1.1.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_sse_codec.h"
#include "ngx_ess_ws_codec.h"


static ngx_int_t ngx_ess_encoding_sse_encode(ngx_ess_encoding_event_t *event,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_encode_chunked(
    ngx_ess_encoding_event_t *event, ngx_ess_encoding_frame_t *out,
    ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_gap(uint64_t epoch, uint64_t from,
    uint64_t to, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_gap_chunked(uint64_t epoch,
    uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);


const ngx_ess_encoding_t  ngx_ess_encoding_sse = {
    ngx_ess_encoding_sse_encode,
    ngx_ess_encoding_sse_encode,
    ngx_ess_encoding_sse_gap
};


const ngx_ess_encoding_t  ngx_ess_encoding_sse_chunked = {
    ngx_ess_encoding_sse_encode_chunked,
    ngx_ess_encoding_sse_encode_chunked,
    ngx_ess_encoding_sse_gap_chunked
};


static ngx_int_t
ngx_ess_encoding_sse_encode(ngx_ess_encoding_event_t *event,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    ngx_uint_t  text;

    text = ngx_ess_ws_codec_is_text(&event->body);

    out->len = ngx_ess_sse_codec_len(event, text);
    out->data = ngx_alloc(out->len, log);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_sse_codec_write(out->data, event, text);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_sse_encode_chunked(ngx_ess_encoding_event_t *event,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    size_t       len;
    u_char      *p;
    ngx_uint_t   text;

    text = ngx_ess_ws_codec_is_text(&event->body);
    len = ngx_ess_sse_codec_len(event, text);

    out->len = ngx_ess_sse_codec_chunk_len(len);
    out->data = ngx_alloc(out->len, log);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_ess_sse_codec_chunk(out->data, len);
    p = ngx_ess_sse_codec_write(p, event, text);

    *p++ = CR;
    *p++ = LF;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_sse_gap(uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    out->data = ngx_alloc(NGX_ESS_SSE_CODEC_GAP, log);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = ngx_ess_sse_codec_gap(out->data, epoch, from, to) - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_sse_gap_chunked(uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[NGX_ESS_SSE_CODEC_GAP];

    last = ngx_ess_sse_codec_gap(text, epoch, from, to);

    out->data = ngx_alloc(NGX_ESS_SSE_CODEC_GAP + NGX_ESS_SSE_CODEC_CHUNK,
                          log);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_ess_sse_codec_chunk(out->data, last - text);
    p = ngx_cpymem(p, text, last - text);

    *p++ = CR;
    *p++ = LF;

    out->len = p - out->data;

    return NGX_OK;
}
