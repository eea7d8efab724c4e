/*
 * Encodings for the unit tests of feeds: in words that can be read.
 */


#include "fake_feeds.h"


static ngx_int_t
feeds_frame(ngx_ess_encoding_frame_t *out, char *head, ngx_str_t *body,
    ngx_log_t *log)
{
    out->len = strlen(head) + body->len + 1;

    out->data = ngx_ess_encoding_alloc(out->len, log);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(ngx_cpymem(out->data, head, strlen(head)), body->data,
                body->len) = ';';

    return NGX_OK;
}


static ngx_int_t
feeds_encode(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    char       head[32];
    ngx_int_t  rc;

    if (encoding->strict && event->body.len && event->body.data[0] == '!') {
        return NGX_DECLINED;
    }

    assert_int_equal(event->label != NULL, encoding->labelled);

    feeds.encoded += !one;
    feeds.encoded_one += one;
    out->unannotated = (event->body.len && event->body.data[0] == '{');

    snprintf(head, sizeof(head),
             (event->timestamp == event->ordinal * 10) ? "e%d:" : "e%d@%d:",
             (int) event->ordinal, (int) event->timestamp);

    rc = feeds_frame(out, head, &event->body, log);

    if (rc == NGX_OK && encoding->deflated && !one) {
        out->data[0] = 'E';
    }

    return rc;
}


static ngx_int_t
feeds_gap(const ngx_ess_encoding_t *encoding, ngx_ess_label_t *label,
    uint64_t epoch, uint64_t from, uint64_t to, ngx_ess_encoding_frame_t *out,
    ngx_log_t *log)
{
    char       head[64];
    ngx_str_t  none;

    ngx_str_set(&none, "");
    assert_int_equal(epoch, 0xe);

    if (to < from) {
        snprintf(head, sizeof(head), "gap %d-?", (int) from);

    } else {
        snprintf(head, sizeof(head), "gap %d-%d", (int) from, (int) to);
    }

    return feeds_frame(out, head, &none, log);
}


const ngx_ess_encoding_t  feeds_plain = {
    .gap = feeds_gap,
    .encode = feeds_encode
};

const ngx_ess_encoding_t  feeds_other = {
    .gap = feeds_gap,
    .encode = feeds_encode
};

const ngx_ess_encoding_t  feeds_strict = {
    .gap = feeds_gap,
    .encode = feeds_encode,
    .strict = 1
};

const ngx_ess_encoding_t  feeds_silent = {
    .encode = feeds_encode
};

const ngx_ess_encoding_t  feeds_deflated = {
    .gap = feeds_gap,
    .encode = feeds_encode,
    .deflated = 1
};

const ngx_ess_encoding_t  feeds_many = {
    .gap = feeds_gap,
    .encode = feeds_encode,
    .labelled = 1,
    .many = 1
};
