/*
 * Envelopes: whose event it is, and its body as what it is; what is written is
 * as long as was said.
 *
 * links: src/encoding/ngx_ess_envelope.c src/ngx_ess_json_*.c
 * links: t/unit/ngx_pool.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_envelope.h"


static ngx_ess_label_t  test_label = { 17, ngx_null_string };


/* The body lies between guards, and so does what is written. */

static void
test_written(const char *key, uint64_t timestamp, const char *body, size_t len,
    const char *expected)
{
    u_char                    *buf;
    ngx_ess_envelope_t         e;
    ngx_ess_encoding_event_t   event;

    memset(&event, 0, sizeof(event));

    event.body.data = malloc(len ? len : 1);
    assert_non_null(event.body.data);
    memcpy(event.body.data, body, len);

    event.body.len = len;
    event.epoch = 0x5f3a;
    event.ordinal = 43;
    event.timestamp = timestamp;
    event.key.data = (u_char *) key;
    event.key.len = strlen(key);
    event.label = &test_label;

    ngx_ess_envelope(&e, &event);

    assert_int_equal(e.len, strlen(expected));

    buf = malloc(e.len);
    assert_non_null(buf);
    assert_ptr_equal(ngx_ess_envelope_write(buf, &e), buf + e.len);
    assert_memory_equal(buf, expected, e.len);

    free(buf);
    free(event.body.data);
}


#define WRITTEN(body, expected)                                               \
    test_written("", 1795871133389, body, sizeof(body) - 1,                   \
                 "{\"s\":17,\"id\":\"5f3a-43\",\"t\":1795871133389,"          \
                 expected "}")


static void
test_json(void **state)
{
    WRITTEN("{\"a\":1}", "\"data\":{\"a\":1}");
    WRITTEN("{ \"a\" : 1.50 }", "\"data\":{ \"a\" : 1.50 }");
    WRITTEN(" \r\n\t[1, 2]\n ", "\"data\":[1, 2]");
    WRITTEN("0", "\"data\":0");
    WRITTEN("-1e9", "\"data\":-1e9");
    WRITTEN("null", "\"data\":null");
    WRITTEN("\"text\\u0000\"", "\"data\":\"text\\u0000\"");
    WRITTEN("\"\xe2\x80\xa8\"", "\"data\":\"\xe2\x80\xa8\"");
}


static void
test_text(void **state)
{
    WRITTEN("", "\"text\":\"\"");
    WRITTEN(" ", "\"text\":\" \"");
    WRITTEN("hello", "\"text\":\"hello\"");
    WRITTEN("a\"b\\c", "\"text\":\"a\\\"b\\\\c\"");
    WRITTEN("\x01\x1f\x7f", "\"base64\":\"AR9/\"");
    WRITTEN("a\0b", "\"base64\":\"YQBi\"");
    WRITTEN("\xe2\x80\xa8\xf0\x9f\x98\x80",
            "\"text\":\"\xe2\x80\xa8\xf0\x9f\x98\x80\"");

    /* nearly JSON */

    WRITTEN("{\"a\":1", "\"text\":\"{\\\"a\\\":1\"");
    WRITTEN("1 2", "\"text\":\"1 2\"");
    WRITTEN("01", "\"text\":\"01\"");
    WRITTEN("{\"a\":\"\t\"}", "\"text\":\"{\\\"a\\\":\\\"\\t\\\"}\"");
}


static void
test_base64(void **state)
{
    WRITTEN("\x01\x02\x03\xff", "\"base64\":\"AQID/w==\"");
    WRITTEN("\"\xff\"", "\"base64\":\"Iv8i\"");
    WRITTEN("\xed\xa0\x80", "\"base64\":\"7aCA\"");
}


static void
test_key(void **state)
{
    test_written("eu", 5, "x", 1,
                 "{\"s\":17,\"id\":\"5f3a-43\",\"t\":5,\"key\":\"eu\","
                 "\"text\":\"x\"}");
    test_written("a\"\\\x1f", 5, "1", 1,
                 "{\"s\":17,\"id\":\"5f3a-43\",\"t\":5,"
                 "\"key\":\"a\\\"\\\\\\u001F\",\"data\":1}");
    test_written("\xc3\xa4", 5, "\xff", 1,
                 "{\"s\":17,\"id\":\"5f3a-43\",\"t\":5,\"key\":\"\xc3\xa4\","
                 "\"base64\":\"/w==\"}");
}


/* nobody shall take an unknown time for one */

static void
test_no_time(void **state)
{
    test_written("", 0, "1", 1,
                 "{\"s\":17,\"id\":\"5f3a-43\",\"t\":null,\"data\":1}");
}


static void
test_longest(void **state)
{
    u_char                     buf[256];
    ngx_ess_label_t            label;
    ngx_ess_envelope_t         e;
    ngx_ess_encoding_event_t   event;

    static const char  expected[] =
        "{\"s\":4294967295,\"id\":\"ffffffffffffffff-9223372036854775807\","
        "\"t\":9223372036854775807,\"text\":\"\"}";

    memset(&event, 0, sizeof(event));

    label.number = (uint32_t) -1;
    event.label = &label;
    event.epoch = (uint64_t) -1;
    event.ordinal = 9223372036854775807;
    event.timestamp = 9223372036854775807;

    /* a body without bytes may have no place either */

    ngx_ess_envelope(&e, &event);

    assert_int_equal(e.len, sizeof(expected) - 1);
    assert_ptr_equal(ngx_ess_envelope_write(buf, &e), buf + e.len);
    assert_memory_equal(buf, expected, e.len);
}


static void
test_gap_is(uint64_t from, uint64_t to, const char *expected)
{
    size_t   len;
    u_char  *buf;

    len = strlen(expected);
    assert_true(len <= NGX_ESS_ENVELOPE_GAP);

    buf = malloc(len);
    assert_non_null(buf);
    assert_ptr_equal(ngx_ess_envelope_gap(buf, &test_label, from, to),
                     buf + len);
    assert_memory_equal(buf, expected, len);
    free(buf);
}


static void
test_gap(void **state)
{
    test_gap_is(46, 50, "{\"s\":17,\"gap\":{\"from\":46,\"to\":50}}");
    test_gap_is(46, 45, "{\"s\":17,\"gap\":{\"from\":46,\"to\":null}}");
    test_gap_is(1, 9223372036854775807,
                "{\"s\":17,\"gap\":{\"from\":1,\"to\":9223372036854775807}}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_no_time),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
