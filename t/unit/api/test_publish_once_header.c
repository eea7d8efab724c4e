/*
 * The header field Idempotency-Key: what is one, what is none, each length;
 * input lies against a guard page.
 *
 * links: src/api/ngx_ess_publish_once_header.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_publish_once_header.h"
#include "ngx_guard.h"


#define ROOM  1024


static u_char  *test_end;                   /* of the usable room */


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


static ngx_int_t
parse(const char *text, ngx_str_t *key)
{
    ngx_str_t      value;
    static u_char  buf[NGX_ESS_IDEMPOTENCY_KEY];

    value.len = strlen(text);
    value.data = test_end - value.len;
    memcpy(value.data, text, value.len);

    return ngx_ess_publish_once_header_parse(key, buf, &value);
}


static void
good(const char *text, const char *expected)
{
    ngx_str_t  key;

    assert_int_equal(parse(text, &key), NGX_OK);
    assert_int_equal(key.len, strlen(expected));
    assert_memory_equal(key.data, expected, key.len);
}


static void
test_keys(void **state)
{
    ngx_uint_t   i;
    ngx_str_t    key;
    const char  *wrong[] = {
        "", "\"", "\"\"", "\"a", "a\"", "\"a\" ", "\"a\";p", "\"a\"b\"", "a b",
        "a,b", "a;b", "a\\b", "\"\\", "\"\\\"", "\"\\a\"", "\"a\\\"", "\t",
        "\"\x7f\"", "\"\xc3\xa4\"", "\"a\nb\"", "\x1f"
    };

    good("a", "a");
    good("\"a\"", "a");
    good("\"a b;,'\"", "a b;,'");
    good("\"\\\\\\\"\"", "\\\"");
    good("8e03978e-40d5-43dd-bc93-6894a57f9324",
         "8e03978e-40d5-43dd-bc93-6894a57f9324");
    good("a/b+c==:*", "a/b+c==:*");
    good("~!", "~!");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (parse(wrong[i], &key) != NGX_DECLINED) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
    }
}


static void
test_lengths(void **state)
{
    size_t     n;
    char       text[ROOM];
    ngx_str_t  key;

    for (n = 1; n < 300; n++) {
        memset(text, 'k', n);
        text[n] = '\0';
        assert_int_equal(parse(text, &key), n <= 255 ? NGX_OK : NGX_DECLINED);

        text[0] = '"';
        memset(text + 1, 'k', n);
        strcpy(text + n + 1, "\"");
        assert_int_equal(parse(text, &key), n <= 255 ? NGX_OK : NGX_DECLINED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
