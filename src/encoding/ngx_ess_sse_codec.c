
/*
 * The event stream's format, written in two passes: how long, and then the
 * bytes.  Owns nothing.  Runs in workers, once for each event.
 */


#include "ngx_ess_sse_codec.h"


#define NGX_ESS_SSE_CODEC_DATA    "data: "
#define NGX_ESS_SSE_CODEC_BINARY  "event: binary\n"


static size_t ngx_ess_sse_codec_digits(uint64_t n, ngx_uint_t base);
static u_char *ngx_ess_sse_codec_line(u_char *p, u_char *last,
    u_char **next);


size_t
ngx_ess_sse_codec_len(ngx_ess_encoding_event_t *event, ngx_uint_t text)
{
    return sizeof("id: -\n") - 1
           + ngx_ess_sse_codec_digits(event->epoch, 16)
           + ngx_ess_sse_codec_digits(event->ordinal, 10)
           + (text ? 0 : sizeof(NGX_ESS_SSE_CODEC_BINARY) - 1)
           + ngx_ess_sse_codec_data_len(&event->body, text);
}


u_char *
ngx_ess_sse_codec_write(u_char *p, ngx_ess_encoding_event_t *event,
    ngx_uint_t text)
{
    p = ngx_sprintf(p, "id: %xL-%uL\n", event->epoch, event->ordinal);

    if (!text) {
        p = ngx_cpymem(p, NGX_ESS_SSE_CODEC_BINARY,
                       sizeof(NGX_ESS_SSE_CODEC_BINARY) - 1);
    }

    return ngx_ess_sse_codec_data(p, &event->body, text);
}


size_t
ngx_ess_sse_codec_data_len(ngx_str_t *body, ngx_uint_t text)
{
    size_t   len;
    u_char  *p, *last, *end, *next;

    len = 1;

    if (!text) {
        return len + sizeof(NGX_ESS_SSE_CODEC_DATA "\n") - 1
               + ngx_base64_encoded_length(body->len);
    }

    last = body->data + body->len;

    for (p = body->data; p; p = next) {
        end = ngx_ess_sse_codec_line(p, last, &next);
        len += sizeof(NGX_ESS_SSE_CODEC_DATA "\n") - 1 + (end - p);
    }

    return len;
}


u_char *
ngx_ess_sse_codec_data(u_char *p, ngx_str_t *body, ngx_uint_t text)
{
    u_char     *line, *last, *end, *next;
    ngx_str_t   base64;

    if (!text) {
        p = ngx_cpymem(p, NGX_ESS_SSE_CODEC_DATA,
                       sizeof(NGX_ESS_SSE_CODEC_DATA) - 1);

        base64.data = p;
        ngx_encode_base64(&base64, body);
        p += base64.len;

        *p++ = LF;
        *p++ = LF;

        return p;
    }

    last = body->data + body->len;

    for (line = body->data; line; line = next) {
        end = ngx_ess_sse_codec_line(line, last, &next);

        p = ngx_cpymem(p, NGX_ESS_SSE_CODEC_DATA,
                       sizeof(NGX_ESS_SSE_CODEC_DATA) - 1);
        p = ngx_cpymem(p, line, end - line);
        *p++ = LF;
    }

    *p++ = LF;

    return p;
}


u_char *
ngx_ess_sse_codec_gap(u_char *p, uint64_t epoch, uint64_t from, uint64_t to)
{
    p = ngx_sprintf(p, "event: gap\nid: %xL-%uL\ndata: {", epoch, to);

    return ngx_ess_sse_codec_range(p, from, to);
}


u_char *
ngx_ess_sse_codec_range(u_char *p, uint64_t from, uint64_t to)
{
    p = ngx_sprintf(p, "\"from\":%uL,\"to\":", from);

    p = (to < from) ? ngx_cpymem(p, "null", 4) : ngx_sprintf(p, "%uL", to);

    return ngx_cpymem(p, "}\n\n", 3);
}


size_t
ngx_ess_sse_codec_chunk_len(size_t len)
{
    return ngx_ess_sse_codec_digits(len, 16) + 2 + len + 2;
}


u_char *
ngx_ess_sse_codec_chunk(u_char *p, size_t len)
{
    return ngx_sprintf(p, "%xz" CRLF, len);
}


static size_t
ngx_ess_sse_codec_digits(uint64_t n, ngx_uint_t base)
{
    size_t  digits;

    for (digits = 1; n >= base; digits++) {
        n /= base;
    }

    return digits;
}


/* Where the line ends, and where the next one begins: NULL, if there is
   none. */

static u_char *
ngx_ess_sse_codec_line(u_char *p, u_char *last, u_char **next)
{
    while (p < last && *p != CR && *p != LF) {
        p++;
    }

    if (p == last) {
        *next = NULL;
        return p;
    }

    *next = p + 1;

    if (*p == CR && p + 1 < last && p[1] == LF) {
        (*next)++;
    }

    return p;
}
