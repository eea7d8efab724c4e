/*
 * Strings and numbers that some readers of JSON refuse; input lies against a
 * guard page.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 * links: t/unit/ngx_pool.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_json_portable.h"
#include "ngx_ess_json_read.h"
#include "ngx_guard.h"


#define ROOM  (64 * 1024)


static u_char     *guarded;                 /* the end of the usable room */
static ngx_uint_t  was_read;                /* the last one is JSON */


static int
setup(void **state)
{
    guarded = ngx_unit_guard(ROOM);

    return guarded ? 0 : -1;
}


/* Of what is not, its reader says that it is to be looked at. */

static ngx_int_t
portable_bytes(const char *data, size_t len)
{
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_ess_json_read_t  j;

    text.data = guarded - len;
    text.len = len;

    memcpy(text.data, data, len);

    rc = ngx_ess_json_portable(&text);

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.p = text.data;
    j.last = text.data + len;
    j.max_depth = 1;

    was_read = (ngx_ess_json_read_value(&j) == NGX_OK && j.p == j.last);

    assert_true(!was_read || rc == NGX_OK || j.special);

    return rc;
}


static ngx_uint_t
portable(const char *text)
{
    size_t     len;
    ngx_int_t  rc;

    /* no truncation reads beyond its end */

    for (len = 0; len < strlen(text); len++) {
        (void) portable_bytes(text, len);
    }

    rc = portable_bytes(text, len);

    assert_true(was_read);

    return rc == NGX_OK;
}


static void
test_strings(void **state)
{
    assert_true(portable("\"\""));
    assert_true(portable("{\"a\":\"\\u0001 \\\\u0000 \\\"\"}"));
    assert_true(portable("[\"\\ud83d\\ude00\", \"\\uD83D\\uDE00\"]"));
    assert_true(portable("\"\\ud7ff\\ue000\""));

    assert_false(portable("\"\\u0000\""));
    assert_false(portable("{\"a\\u0000\":1}"));
    assert_false(portable("\"\\\\\\u0000\""));
    assert_false(portable("\"\\ud800\""));
    assert_false(portable("\"\\udc00\""));
    assert_false(portable("\"\\ude00\\ud83d\""));
    assert_false(portable("\"\\ud83d \\ude00\""));
    assert_false(portable("\"\\ud83d\\n\""));
    assert_false(portable("\"\\ud83d\\ud83d\\ude00\""));
}


static void
test_numbers(void **state)
{
    assert_true(portable("0"));
    assert_true(portable("-0.0e999999999999999999999"));
    assert_true(portable("123456789012345678901234567890"));
    assert_true(portable("1e308"));
    assert_true(portable("1e-400"));
    assert_true(portable("1E-99999999999999999999"));
    assert_true(portable("0.0000001e+314"));
    assert_true(portable("1.7976931348623157e308"));
    assert_true(portable("17976931348623157E+292"));
    assert_true(portable("\"1e400\""));

    assert_false(portable("1e309"));
    assert_false(portable("-1e400"));
    assert_false(portable("[0,1E99999999999999999999999]"));
    assert_false(portable("1.7976931348623159e308"));
    assert_false(portable("0.0000001e+317"));
    assert_false(portable("{\"a\":1.8e+308}"));
}


static void
test_long_numbers(void **state)
{
    char  text[4096];

    memset(text, '9', sizeof(text));

    assert_int_equal(portable_bytes(text, 308), NGX_OK);
    assert_int_equal(portable_bytes(text, 309), NGX_DECLINED);
    assert_int_equal(portable_bytes(text, sizeof(text)), NGX_DECLINED);

    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[4095] = '9';

    assert_int_equal(portable_bytes(text, sizeof(text)), NGX_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_long_numbers),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
