
/*
 * Envelopes as messages of a WebSocket, plain or deflated, and as events of an
 * event stream.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_encoding_envelope.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_envelope.h"


static ngx_int_t ngx_ess_encoding_envelope_encode(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_envelope_encode_sse(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_envelope_gap(
    const ngx_ess_encoding_t *encoding, ngx_ess_label_t *label,
    uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log);


#define ngx_ess_encoding_envelope_one(...)                                    \
    { .encode = ngx_ess_encoding_envelope_encode,                             \
      .gap = ngx_ess_encoding_envelope_gap, .labelled = 1, __VA_ARGS__ }


const ngx_ess_encoding_t  ngx_ess_encoding_envelope[2][2] = {
    { ngx_ess_encoding_envelope_one(.deflated = 0),
      ngx_ess_encoding_envelope_one(.deflated = 1) },
    { ngx_ess_encoding_envelope_one(.deflated = 0, .many = 1),
      ngx_ess_encoding_envelope_one(.deflated = 1, .many = 1) }
};


const ngx_ess_encoding_t  ngx_ess_encoding_envelope_sse[2] = {
    { .encode = ngx_ess_encoding_envelope_encode_sse,
      .gap = ngx_ess_encoding_sse_gap, .labelled = 1 },
    { .encode = ngx_ess_encoding_envelope_encode_sse,
      .gap = ngx_ess_encoding_sse_gap, .labelled = 1, .chunked = 1 }
};


static ngx_int_t
ngx_ess_encoding_envelope_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char              *p;
    ngx_ess_envelope_t   e;

    ngx_ess_envelope(&e, event);

    p = ngx_ess_encoding_message(out, NGX_ESS_WS_TEXT, 0, e.len, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_envelope_write(p, &e);

    if (encoding->deflated && !one) {
        ngx_ess_encoding_message_deflate(out, e.len, e.len, log);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_envelope_encode_sse(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    ngx_int_t                  rc;
    ngx_ess_envelope_t         e;
    ngx_ess_encoding_event_t   text;

    ngx_ess_envelope(&e, event);

    text = *event;
    text.body.len = e.len;
    text.body.data = ngx_alloc(e.len, log);
    if (text.body.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_envelope_write(text.body.data, &e);

    rc = ngx_ess_encoding_sse_event(encoding, &text, 1, out, log);

    ngx_free(text.body.data);

    return rc;
}


static ngx_int_t
ngx_ess_encoding_envelope_gap(const ngx_ess_encoding_t *encoding,
    ngx_ess_label_t *label, uint64_t epoch, uint64_t from, uint64_t to,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char  *p, *last;
    u_char   text[NGX_ESS_ENVELOPE_GAP];

    last = ngx_ess_envelope_gap(text, label, from, to);

    p = ngx_ess_encoding_message(out, NGX_ESS_WS_TEXT, 0, last - text, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, last - text);

    return NGX_OK;
}
