
/*
 * Events as messages of a WebSocket: the bodies as they are, or with ordinal
 * and timestamp, and either of them deflated.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_ws.h"
#include "ngx_ess_annotate.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


static ngx_int_t ngx_ess_encoding_ws_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static size_t ngx_ess_encoding_ws_trim(ngx_str_t *body, ngx_uint_t text);
static ngx_int_t ngx_ess_encoding_ws_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
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

    p = ngx_ess_encoding_message(out, text ? NGX_ESS_WS_TEXT
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

    if (encoding->deflated && !one) {
        ngx_ess_encoding_message_deflate(out, body->len, body->len + a.len,
                                         log);
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


static ngx_int_t
ngx_ess_encoding_ws_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[sizeof("{\"ess_gap\":{\"from\":,\"to\":null}}")
                  + 2 * NGX_INT64_LEN];

    last = ngx_sprintf(text, "{\"ess_gap\":{\"from\":%uL,\"to\":", from);

    last = (to < from) ? ngx_cpymem(last, "null", 4)
                       : ngx_sprintf(last, "%uL", to);

    *last++ = '}';
    *last++ = '}';

    p = ngx_ess_encoding_message(out, NGX_ESS_WS_TEXT, 0, last - text, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, last - text);

    return NGX_OK;
}
