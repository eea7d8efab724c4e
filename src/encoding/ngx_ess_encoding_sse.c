
/*
 * Events of an event stream, as they are, and in chunks that are framed once
 * for all clients of HTTP/1.1; parts of events, and what each client has before
 * them.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_sse_codec.h"
#include "ngx_ess_utf8.h"


/* before the data of an event that is not text: a comment, which clients pass
   over, and by which ngx_ess_encoding_sse_own() knows it */
#define NGX_ESS_ENCODING_SSE_BASE64  ": base64\n"

#define NGX_ESS_ENCODING_SSE_END     "\"code\":,\"reason\":\"\"}\n\n"


static ngx_int_t ngx_ess_encoding_sse_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_part_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_sse_part_gap(
    const ngx_ess_encoding_t *encoding, ngx_ess_label_t *label,
    uint64_t epoch, uint64_t from, uint64_t to, ngx_ess_encoding_frame_t *out,
    ngx_log_t *log);
static u_char *ngx_ess_encoding_sse_part_frame(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_frame_t *out,
    size_t len, ngx_log_t *log);
static void ngx_ess_encoding_sse_type(ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *part, ngx_uint_t gap, ngx_str_t *type);
static size_t ngx_ess_encoding_sse_lines_len(ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *type);
static u_char *ngx_ess_encoding_sse_lines(u_char *p,
    ngx_ess_encoding_sse_own_t *own, ngx_str_t *type);
static size_t ngx_ess_encoding_sse_whose_len(ngx_ess_encoding_sse_own_t *own);
static u_char *ngx_ess_encoding_sse_whose(u_char *p,
    ngx_ess_encoding_sse_own_t *own);
static size_t ngx_ess_encoding_sse_end_size(ngx_ess_encoding_sse_own_t *own,
    ngx_uint_t code, ngx_str_t *reason);
static u_char *ngx_ess_encoding_sse_frame(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_frame_t *out, size_t len, ngx_log_t *log);


const ngx_ess_encoding_t  ngx_ess_encoding_sse[2] = {
    { .encode = ngx_ess_encoding_sse_encode,
      .gap = ngx_ess_encoding_sse_gap },
    { .encode = ngx_ess_encoding_sse_encode,
      .gap = ngx_ess_encoding_sse_gap, .chunked = 1 }
};


const ngx_ess_encoding_t  ngx_ess_encoding_sse_part[2] = {
    { .encode = ngx_ess_encoding_sse_part_encode,
      .gap = ngx_ess_encoding_sse_part_gap, .many = 1 },
    { .encode = ngx_ess_encoding_sse_part_encode,
      .gap = ngx_ess_encoding_sse_part_gap, .chunked = 1, .many = 1 }
};


static ngx_int_t
ngx_ess_encoding_sse_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    return ngx_ess_encoding_sse_event(encoding, event,
                                      ngx_ess_utf8_valid(event->body.data,
                                                         event->body.len),
                                      out, log);
}


ngx_int_t
ngx_ess_encoding_sse_event(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t text,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p;

    p = ngx_ess_encoding_sse_frame(encoding, out,
                                   ngx_ess_sse_codec_len(event, text), log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_sse_codec_write(p, event, text);

    return NGX_OK;
}


ngx_int_t
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

    out->data = ngx_ess_encoding_alloc(out->len, log);
    if (out->data == NULL) {
        return NULL;
    }

    if (!encoding->chunked) {
        return out->data;
    }

    ngx_memcpy(out->data + out->len - 2, CRLF, 2);

    return ngx_ess_sse_codec_chunk(out->data, len);
}


static ngx_int_t
ngx_ess_encoding_sse_part_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char     *p;
    size_t      len;
    ngx_uint_t  text;

    text = ngx_ess_utf8_valid(event->body.data, event->body.len);

    len = text ? 0 : sizeof(NGX_ESS_ENCODING_SSE_BASE64) - 1;

    p = ngx_ess_encoding_sse_part_frame(encoding, out, len
                     + ngx_ess_sse_codec_data_len(&event->body, text), log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, NGX_ESS_ENCODING_SSE_BASE64, len);

    (void) ngx_ess_sse_codec_data(p, &event->body, text);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_sse_part_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[NGX_ESS_SSE_CODEC_GAP];

    last = ngx_ess_sse_codec_range(text, from, to);

    p = ngx_ess_encoding_sse_part_frame(encoding, out, last - text, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, last - text);

    return NGX_OK;
}


static u_char *
ngx_ess_encoding_sse_part_frame(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_frame_t *out, size_t len, ngx_log_t *log)
{
    out->len = len + (encoding->chunked ? 2 : 0);

    out->data = ngx_ess_encoding_alloc(out->len, log);

    if (out->data && encoding->chunked) {
        ngx_memcpy(out->data + len, CRLF, 2);
    }

    return out->data;
}


size_t
ngx_ess_encoding_sse_own_len(ngx_ess_encoding_sse_own_t *own, ngx_str_t *part,
    ngx_uint_t gap)
{
    size_t     len;
    ngx_str_t  type;

    ngx_ess_encoding_sse_type(own, part, gap, &type);

    len = ngx_ess_encoding_sse_lines_len(own, &type)
          + (gap ? ngx_ess_encoding_sse_whose_len(own) : 0);

    if (!own->chunked) {
        return len;
    }

    return ngx_ess_sse_codec_chunk_len(len + part->len - 2) - part->len;
}


u_char *
ngx_ess_encoding_sse_own(u_char *p, ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *part, ngx_uint_t gap)
{
    ngx_str_t  type;

    ngx_ess_encoding_sse_type(own, part, gap, &type);

    if (own->chunked) {
        p = ngx_ess_sse_codec_chunk(p,
                      ngx_ess_encoding_sse_lines_len(own, &type)
                      + (gap ? ngx_ess_encoding_sse_whose_len(own) : 0)
                      + part->len - 2);
    }

    p = ngx_ess_encoding_sse_lines(p, own, &type);

    return gap ? ngx_ess_encoding_sse_whose(p, own) : p;
}


/* A label is an event's only: notices have names of their own. */

static void
ngx_ess_encoding_sse_type(ngx_ess_encoding_sse_own_t *own, ngx_str_t *part,
    ngx_uint_t gap, ngx_str_t *type)
{
    *type = own->label;

    if (gap) {
        ngx_str_set(type, "gap");

    } else if (type->len == 0 && part->data[0] == ':') {
        ngx_str_set(type, "binary");
    }
}


static size_t
ngx_ess_encoding_sse_lines_len(ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *type)
{
    return (type->len ? sizeof("event: \n") - 1 + type->len : 0)
           + sizeof("id: \n") - 1 + own->id.len;
}


static u_char *
ngx_ess_encoding_sse_lines(u_char *p, ngx_ess_encoding_sse_own_t *own,
    ngx_str_t *type)
{
    if (type->len) {
        p = ngx_cpymem(p, "event: ", sizeof("event: ") - 1);
        p = ngx_cpymem(p, type->data, type->len);
        *p++ = LF;
    }

    p = ngx_cpymem(p, "id: ", sizeof("id: ") - 1);
    p = ngx_cpymem(p, own->id.data, own->id.len);
    *p++ = LF;

    return p;
}


/* What begins the data of a notice. */

static size_t
ngx_ess_encoding_sse_whose_len(ngx_ess_encoding_sse_own_t *own)
{
    return sizeof("data: {\"stream\":\"\",") - 1 + own->stream.len
           + (own->label.len ? sizeof("\"label\":\"\",") - 1 + own->label.len
                             : 0);
}


static u_char *
ngx_ess_encoding_sse_whose(u_char *p, ngx_ess_encoding_sse_own_t *own)
{
    p = ngx_sprintf(p, "data: {\"stream\":\"%V\",", &own->stream);

    return own->label.len ? ngx_sprintf(p, "\"label\":\"%V\",", &own->label)
                          : p;
}


size_t
ngx_ess_encoding_sse_end_len(ngx_ess_encoding_sse_own_t *own, ngx_uint_t code,
    ngx_str_t *reason)
{
    size_t  len;

    len = ngx_ess_encoding_sse_end_size(own, code, reason);

    return own->chunked ? ngx_ess_sse_codec_chunk_len(len) : len;
}


u_char *
ngx_ess_encoding_sse_end(u_char *p, ngx_ess_encoding_sse_own_t *own,
    ngx_uint_t code, ngx_str_t *reason)
{
    ngx_str_t  type;

    ngx_str_set(&type, "end");

    if (own->chunked) {
        p = ngx_ess_sse_codec_chunk(p,
                       ngx_ess_encoding_sse_end_size(own, code, reason));
    }

    p = ngx_ess_encoding_sse_lines(p, own, &type);
    p = ngx_ess_encoding_sse_whose(p, own);

    p = ngx_sprintf(p, "\"code\":%ui,\"reason\":\"", code);
    p = (u_char *) ngx_escape_json(p, reason->data, reason->len);
    p = ngx_cpymem(p, "\"}\n\n", 4);

    return own->chunked ? ngx_cpymem(p, CRLF, 2) : p;
}


static size_t
ngx_ess_encoding_sse_end_size(ngx_ess_encoding_sse_own_t *own, ngx_uint_t code,
    ngx_str_t *reason)
{
    u_char     digits[NGX_INT_T_LEN];
    ngx_str_t  type;

    ngx_str_set(&type, "end");

    return ngx_ess_encoding_sse_lines_len(own, &type)
           + ngx_ess_encoding_sse_whose_len(own)
           + sizeof(NGX_ESS_ENCODING_SSE_END) - 1
           + (ngx_sprintf(digits, "%ui", code) - digits)
           + reason->len
           + ngx_escape_json(NULL, reason->data, reason->len);
}
