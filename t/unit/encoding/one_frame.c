/*
 * One frame in an encoding.  The sanitizer guards what malloc() gives.
 */


#include "one_frame.h"


ngx_uint_t   one_frame_fail;
ngx_uint_t   one_frame_unannotated;
const char  *one_frame_key = "";

static ngx_ess_label_t  one_frame_label = { 17, ngx_string("orders") };


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    if (one_frame_fail && --one_frame_fail == 0) {
        return NULL;
    }

    return malloc(size);
}


ngx_int_t
one_frame_encode(const ngx_ess_encoding_t *encoding, ngx_uint_t one,
    const char *body, size_t len, ngx_ess_encoding_frame_t *frame)
{
    u_char                   *data;
    ngx_int_t                 rc;
    ngx_ess_encoding_event_t  event;

    data = malloc(len ? len : 1);
    assert_non_null(data);
    memcpy(data, body, len);

    event.body.data = data;
    event.body.len = len;
    event.epoch = 0xab12;
    event.ordinal = 7;
    event.timestamp = 1234567;
    event.key.data = (u_char *) one_frame_key;
    event.key.len = strlen(one_frame_key);
    event.label = encoding->labelled ? &one_frame_label : NULL;

    ngx_memzero(frame, sizeof(ngx_ess_encoding_frame_t));

    rc = encoding->encode(encoding, &event, one, frame, NULL);

    free(data);

    return rc;
}


ngx_ess_encoding_frame_t
one_frame(const ngx_ess_encoding_t *encoding, ngx_uint_t one,
    const char *body, size_t len)
{
    ngx_ess_encoding_frame_t  frame;

    assert_int_equal(one_frame_encode(encoding, one, body, len, &frame),
                     NGX_OK);
    assert_int_equal(frame.unannotated, one_frame_unannotated);

    return frame;
}


static void
one_frame_equal(ngx_ess_encoding_frame_t *frame, const char *expected,
    size_t expected_len)
{
    assert_int_equal(frame->len, expected_len);
    assert_memory_equal(frame->data, expected, expected_len);

    (void) ngx_ess_encoding_free(frame->data);
}


void
one_frame_is(const ngx_ess_encoding_t *encoding, ngx_uint_t one,
    const char *body, size_t len, const char *expected, size_t expected_len)
{
    ngx_ess_encoding_frame_t  frame;

    frame = one_frame(encoding, one, body, len);
    one_frame_equal(&frame, expected, expected_len);
}


void
one_frame_gap_is(const ngx_ess_encoding_t *encoding, uint64_t from,
    uint64_t to, const char *expected, size_t expected_len)
{
    ngx_ess_encoding_frame_t  frame;

    assert_int_equal(encoding->gap(encoding, &one_frame_label, 0xab12, from, to,
                                   &frame, NULL),
                     NGX_OK);
    one_frame_equal(&frame, expected, expected_len);
}


void
one_frame_failed(const ngx_ess_encoding_t *encoding)
{
    ngx_ess_encoding_frame_t  frame;

    one_frame_fail = 1;
    assert_int_equal(one_frame_encode(encoding, 0, "a", 1, &frame), NGX_ERROR);

    if (encoding->gap) {
        one_frame_fail = 1;
        assert_int_equal(encoding->gap(encoding, &one_frame_label, 0xab12, 3, 5,
                                       &frame, NULL),
                         NGX_ERROR);
    }
}
