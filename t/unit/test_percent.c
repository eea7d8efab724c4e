/*
 * Percent-encoding: what is decoded, each truncation, the room; input lies
 * against a guard page.
 *
 * links: src/ngx_ess_percent.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_percent.h"
#include "ngx_guard.h"


#define ROOM  256


static u_char  *test_end;                   /* of the usable room */


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


static ngx_int_t
decode(const char *text, size_t len, size_t room, ngx_uint_t form,
    ngx_str_t *value)
{
    ngx_str_t      s;
    static u_char  buf[ROOM];

    s.len = len;
    s.data = test_end - len;

    memcpy(s.data, text, len);
    memset(buf, '!', sizeof(buf));

    value->data = NULL;
    value->len = 0;

    if (ngx_ess_percent_decode(value, buf, room, &s, form) != NGX_OK) {
        return NGX_DECLINED;
    }

    assert_ptr_equal(value->data, buf);
    assert_true(value->len <= room);
    assert_int_equal(buf[value->len], '!');

    return NGX_OK;
}


static void
good(const char *text, ngx_uint_t form, const char *expected, size_t len)
{
    ngx_str_t  value;

    assert_int_equal(decode(text, strlen(text), ROOM - 1, form, &value),
                     NGX_OK);
    assert_int_equal(value.len, len);
    assert_memory_equal(value.data, expected, len);
}


static void
test_decoded(void **state)
{
    good("", 0, "", 0);
    good("abc", 0, "abc", 3);
    good("a%2Fb", 0, "a/b", 3);
    good("a%2fb%2F", 0, "a/b/", 4);
    good("%C3%BC%20", 0, "\xc3\xbc ", 3);
    good("%00%ff", 0, "\0\xff", 2);
    good("%25%32%35", 0, "%25", 3);
    good("a+b%2B", 0, "a+b+", 4);
    good("a+b%2B", 1, "a b+", 4);
}


static void
test_malformed(void **state)
{
    ngx_uint_t   i;
    ngx_str_t    value;
    const char  *texts[] = { "%", "a%", "%2", "%g0", "%0g", "%%20", "%-1",
                             "% 1", "a%2", "%u0041", "%+1" };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(decode(texts[i], strlen(texts[i]), ROOM - 1, i & 1,
                                &value),
                         NGX_DECLINED);
    }
}


static void
test_room(void **state)
{
    size_t     n;
    ngx_str_t  value;

    for (n = 0; n < 5; n++) {
        assert_int_equal(decode("a%2Fbc", 6, n, 0, &value),
                         n < 4 ? NGX_DECLINED : NGX_OK);
    }

    assert_int_equal(decode("", 0, 0, 0, &value), NGX_OK);
}


static void
test_truncated(void **state)
{
    size_t     n;
    ngx_str_t  value;

    for (n = 0; n <= 8; n++) {
        assert_int_equal(decode("a%2F%41b", n, ROOM - 1, 0, &value),
                         (n == 2 || n == 3 || n == 5 || n == 6)
                         ? NGX_DECLINED : NGX_OK);
    }
}


static void
test_arguments(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_str_t    text;
        ngx_uint_t   query;
        ngx_uint_t   alone;
    } rows[] = {
        { ngx_string("$arg_room"), 1, 1 },
        { ngx_string("${ARG_room}"), 1, 1 },
        { ngx_string("room.$arg_room"), 1, 0 },
        { ngx_string("$arg_a$arg_b"), 1, 0 },
        { ngx_string("${arg_a}x"), 1, 0 },
        { ngx_string("$room"), 0, 1 },
        { ngx_string("$"), 0, 0 },
        { ngx_string("arg_room"), 0, 0 },
        { ngx_string(""), 0, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ngx_ess_percent_is_query(&rows[i].text),
                         rows[i].query);
        assert_int_equal(ngx_ess_percent_is_alone(&rows[i].text),
                         rows[i].alone);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_decoded),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
