/*
 * Text from outside in a log line: each byte alone, then texts around the
 * length at which they are cut.
 *
 * links: src/ngx_ess_escape.c
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_escape.h"


static void
test_each_byte(void **state)
{
    int                ch;
    char               expected[8];
    u_char             byte;
    ngx_str_t         *text;
    ngx_ess_escaped_t  e;

    for (ch = 0; ch < 256; ch++) {
        byte = ch;
        text = ngx_ess_escape_bytes(&e, &byte, 1);

        snprintf(expected, sizeof(expected),
                 (ch < 0x20 || ch > 0x7e || ch == '"' || ch == '\\')
                 ? "\\x%02X" : "%c", ch);

        assert_int_equal(text->len, strlen(expected));
        assert_memory_equal(text->data, expected, text->len);
    }
}


static void
test_nothing(void **state)
{
    ngx_ess_escaped_t  e;

    assert_int_equal(ngx_ess_escape_bytes(&e, NULL, 0)->len, 0);
}


static void
test_a_line_of_its_own(void **state)
{
    ngx_str_t          key = ngx_string("evil\r\n2026/01/01 [alert] \"x\"");
    ngx_str_t         *text;
    ngx_ess_escaped_t  e;

    static const char  expected[] =
        "evil\\x0D\\x0A2026/01/01 [alert] \\x22x\\x22";

    text = ngx_ess_escape(&e, &key);

    assert_int_equal(text->len, sizeof(expected) - 1);
    assert_memory_equal(text->data, expected, text->len);
}


/* all of it or the mark, never a part of an escape, never beyond the buffer */

static void
test_too_long(void **state)
{
    size_t             len, plain;
    u_char             data[2 * NGX_ESS_ESCAPED_SIZE];
    ngx_str_t         *text;
    ngx_ess_escaped_t  e;

    for (plain = 0; plain < 8; plain++) {

        memset(data, '\n', sizeof(data));
        memset(data, 'a', plain);

        for (len = plain; len < sizeof(data); len++) {
            text = ngx_ess_escape_bytes(&e, data, len);

            if (plain + 4 * (len - plain) <= NGX_ESS_ESCAPED_SIZE) {
                assert_int_equal(text->len, plain + 4 * (len - plain));
                continue;
            }

            assert_true(text->len <= NGX_ESS_ESCAPED_SIZE);
            assert_true(text->len > NGX_ESS_ESCAPED_SIZE - 7);
            assert_memory_equal(text->data + text->len - 3, "...", 3);
            assert_int_equal((text->len - 3 - plain) % 4, 0);
        }
    }

    memset(data, 'a', sizeof(data));

    text = ngx_ess_escape_bytes(&e, data, NGX_ESS_ESCAPED_SIZE);
    assert_memory_equal(text->data + text->len - 4, "aaaa", 4);

    text = ngx_ess_escape_bytes(&e, data, NGX_ESS_ESCAPED_SIZE + 1);
    assert_int_equal(text->len, NGX_ESS_ESCAPED_SIZE);
    assert_memory_equal(text->data + text->len - 4, "a...", 4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_byte),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_a_line_of_its_own),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
