
/*
 * Events as messages of a WebSocket: the bodies as they are, or with ordinal
 * and timestamp, and either of them deflated.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_ws.h"
#include "ngx_ess_annotate.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"
#include "ngx_ess_ws_codec.h"


static ngx_int_t ngx_ess_encoding_ws_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static size_t ngx_ess_encoding_ws_trim(ngx_str_t *body, ngx_uint_t text);
static void ngx_ess_encoding_ws_shorten(ngx_ess_encoding_frame_t *out,
    size_t len, ngx_log_t *log);
static u_char *ngx_ess_encoding_ws_message(ngx_ess_encoding_frame_t *out,
    ngx_ess_ws_opcode_e opcode, ngx_uint_t deflated, size_t len,
    ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_ws_gap(const ngx_ess_encoding_t *encoding,
    uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);


#define ngx_ess_encoding_ws_both(...)                                         \
    {                                                                         \
        { .encode = ngx_ess_encoding_ws_encode, __VA_ARGS__ },                \
        { .encode = ngx_ess_encoding_ws_encode, .deflated = 1, __VA_ARGS__ }  \
    }


const ngx_ess_encoding_t
    ngx_ess_encoding_ws[NGX_ESS_ENCODING_WS_KINDS][2] = {
    ngx_ess_encoding_ws_both(.gap = NULL),
    ngx_ess_encoding_ws_both(.annotated = 1, .gap = ngx_ess_encoding_ws_gap),
    ngx_ess_encoding_ws_both(.annotated = 1),
    ngx_ess_encoding_ws_both(.annotated = 1, .gap = ngx_ess_encoding_ws_gap,
                             .strict = 1),
    ngx_ess_encoding_ws_both(.annotated = 1, .strict = 1)
};


/* of ess_deflate */
static ngx_int_t  ngx_ess_encoding_ws_level;
static size_t     ngx_ess_encoding_ws_min_size;


void
ngx_ess_encoding_ws_init(ngx_int_t level, size_t min_size)
{
    ngx_ess_encoding_ws_level = level;
    ngx_ess_encoding_ws_min_size = min_size;
}


static ngx_int_t
ngx_ess_encoding_ws_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char              *p;
    ngx_str_t           *body;
    ngx_uint_t           text;
    ngx_ess_annotate_t   a;

    body = &event->body;
    text = ngx_ess_utf8_valid(body->data, body->len);

    if (encoding->strict && ngx_ess_encoding_ws_trim(body, text) == 0) {
        return NGX_DECLINED;
    }

    a.at = body->len;
    a.len = 0;
    a.invalid = 0;

    if (text && encoding->annotated) {
        ngx_ess_annotate(&a, event);

        if (a.invalid && encoding->strict) {
            return NGX_DECLINED;
        }
    }

    p = ngx_ess_encoding_ws_message(out, text ? NGX_ESS_WS_TEXT
                                              : NGX_ESS_WS_BINARY,
                                    0, body->len + a.len, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->unannotated = a.invalid;

    if (body->len) {
        ngx_memcpy(p, body->data, a.at);
        ngx_memcpy(p + a.at + a.len, body->data + a.at, body->len - a.at);
    }

    ngx_memcpy(p + a.at, a.data, a.len);

    if (encoding->deflated && !one
        && body->len >= ngx_ess_encoding_ws_min_size)
    {
        ngx_ess_encoding_ws_shorten(out, body->len + a.len, log);
    }

    return NGX_OK;
}


/*
 * What is left of the body for who looks at its first byte to tell an object
 * from a text: no white space before an object.  Its length; 0: it is neither.
 */

static size_t
ngx_ess_encoding_ws_trim(ngx_str_t *body, ngx_uint_t text)
{
    u_char  *p, *last;

    if (!text) {
        return 0;
    }

    last = body->data + body->len;
    p = ngx_ess_str_space(body->data, last);

    if (p < last && *p == '{') {
        body->data = p;
        body->len = last - p;
    }

    return body->len;
}


/* Puts the message, of "len" bytes, deflated in its own place, unless that were
   longer, or there is no memory. */

static void
ngx_ess_encoding_ws_shorten(ngx_ess_encoding_frame_t *out, size_t len,
    ngx_log_t *log)
{
    u_char                    *p, *message;
    ngx_ess_ws_opcode_e        opcode;
    ngx_ess_encoding_frame_t   plain;

    opcode = out->data[0] & NGX_ESS_WS_OPCODE;

    p = ngx_alloc(len, log);
    if (p == NULL) {
        return;
    }

    len = ngx_ess_ws_deflate(p, len, out->data + out->len - len, len,
                             ngx_ess_encoding_ws_level);

    if (len) {
        plain = *out;
        message = ngx_ess_encoding_ws_message(out, opcode, 1, len, log);

        if (message) {
            ngx_memcpy(message, p, len);
            ngx_free(plain.data);

        } else {
            *out = plain;
        }
    }

    ngx_free(p);
}


/* A message's header, and room for "len" bytes behind it: where they go, or
   NULL: no memory. */

static u_char *
ngx_ess_encoding_ws_message(ngx_ess_encoding_frame_t *out,
    ngx_ess_ws_opcode_e opcode, ngx_uint_t deflated, size_t len,
    ngx_log_t *log)
{
    u_char  header[NGX_ESS_WS_MAX_HEADER];
    size_t  n;

    n = ngx_ess_ws_codec_header(header, opcode, deflated, len);

    out->len = n + len;
    out->data = ngx_alloc(out->len, log);
    if (out->data == NULL) {
        return NULL;
    }

    return ngx_cpymem(out->data, header, n);
}


static ngx_int_t
ngx_ess_encoding_ws_gap(const ngx_ess_encoding_t *encoding, uint64_t epoch,
    uint64_t from, uint64_t to, ngx_ess_encoding_frame_t *out,
    ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[sizeof("{\"ess_gap\":{\"from\":,\"to\":null}}")
                  + 2 * NGX_INT64_LEN];

    last = ngx_sprintf(text, "{\"ess_gap\":{\"from\":%uL,\"to\":", from);

    last = (to < from) ? ngx_cpymem(last, "null", 4)
                       : ngx_sprintf(last, "%uL", to);

    *last++ = '}';
    *last++ = '}';

    p = ngx_ess_encoding_ws_message(out, NGX_ESS_WS_TEXT, 0, last - text, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, last - text);

    return NGX_OK;
}
