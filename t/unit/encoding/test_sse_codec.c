/*
 * Event streams: what is written is as long as was said, and a client reads
 * from it what went in.
 *
 * links: src/encoding/ngx_ess_sse_codec.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_sse_codec.h"


static void
written(const char *body, size_t len, ngx_uint_t text, const char *expected,
    size_t expected_len)
{
    size_t                      n;
    u_char                     *buf;
    ngx_ess_encoding_event_t   event;

    event.body.data = malloc(len ? len : 1);
    assert_non_null(event.body.data);
    memcpy(event.body.data, body, len);
    event.body.len = len;
    event.epoch = 0xab12;
    event.ordinal = 9223372036854775807;
    event.timestamp = 1;

    n = ngx_ess_sse_codec_len(&event, text);
    assert_int_equal(n, expected_len);

    /* vsprintf() ends the first line with a zero, too */

    buf = malloc(n + 1);
    assert_non_null(buf);
    assert_ptr_equal(ngx_ess_sse_codec_write(buf, &event, text), buf + n);
    assert_memory_equal(buf, expected, n);

    free(buf);
    free(event.body.data);
}


#define ID  "id: ab12-9223372036854775807\n"

#define WRITTEN(body, text, expected)                                         \
    written(body, sizeof(body) - 1, text, expected, sizeof(expected) - 1)

static void
test_event(void **state)
{
    WRITTEN("", 1, ID "data: \n\n");
    WRITTEN("text", 1, ID "data: text\n\n");
    WRITTEN("a\nb", 1, ID "data: a\ndata: b\n\n");
    WRITTEN("a\rb", 1, ID "data: a\ndata: b\n\n");
    WRITTEN("a\r\nb", 1, ID "data: a\ndata: b\n\n");
    WRITTEN("a\n\rb", 1, ID "data: a\ndata: \ndata: b\n\n");
    WRITTEN("\n", 1, ID "data: \ndata: \n\n");
    WRITTEN("\r", 1, ID "data: \ndata: \n\n");
    WRITTEN("\r\n", 1, ID "data: \ndata: \n\n");
    WRITTEN("a\0b", 1, ID "data: a\0b\n\n");
    WRITTEN(": no comment", 1, ID "data: : no comment\n\n");
    WRITTEN("\xff\n", 0, ID "event: binary\ndata: /wo=\n\n");
    WRITTEN("\xff\xfe\xfd", 0, ID "event: binary\ndata: //79\n\n");
}


static void
test_small_id(void **state)
{
    u_char                      buf[64];
    ngx_ess_encoding_event_t   event;

    static const char  expected[] = "id: 0-1\ndata: x\n\n";

    event.body.data = (u_char *) "x";
    event.body.len = 1;
    event.epoch = 0;
    event.ordinal = 1;

    assert_int_equal(ngx_ess_sse_codec_len(&event, 1), sizeof(expected) - 1);
    assert_ptr_equal(ngx_ess_sse_codec_write(buf, &event, 1),
                     buf + sizeof(expected) - 1);
    assert_memory_equal(buf, expected, sizeof(expected) - 1);
}


static void
test_gap(void **state)
{
    u_char  buf[NGX_ESS_SSE_CODEC_GAP + 1], *last;

    static const char  known[] = "event: gap\nid: a-9\n"
                                 "data: {\"from\":7,\"to\":9}\n\n";
    static const char  unknown[] = "event: gap\nid: a-6\n"
                                   "data: {\"from\":7,\"to\":null}\n\n";

    last = ngx_ess_sse_codec_gap(buf, 10, 7, 9);
    assert_int_equal(last - buf, sizeof(known) - 1);
    assert_memory_equal(buf, known, sizeof(known) - 1);

    last = ngx_ess_sse_codec_gap(buf, 10, 7, 6);
    assert_int_equal(last - buf, sizeof(unknown) - 1);
    assert_memory_equal(buf, unknown, sizeof(unknown) - 1);

    last = ngx_ess_sse_codec_gap(buf, (uint64_t) -1, (uint64_t) -1 >> 1,
                                 (uint64_t) -1 >> 1);
    assert_in_range(last - buf, 1, NGX_ESS_SSE_CODEC_GAP);
}


static void
test_chunk(void **state)
{
    size_t  i;
    u_char  buf[16 + 2 + 1];

    static const size_t  sizes[] = { 1, 9, 10, 15, 16, 255, 256, 4096,
                                     1048576 };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(ngx_ess_sse_codec_chunk(buf, sizes[i]) - buf
                         + sizes[i] + 2,
                         ngx_ess_sse_codec_chunk_len(sizes[i]));
        assert_int_equal(strtoul((char *) buf, NULL, 16), sizes[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_small_id),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_chunk)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
