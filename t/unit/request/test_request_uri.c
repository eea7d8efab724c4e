/*
 * The URI of a request without a client: what locations match, what goes into
 * a request line, and what is refused; input lies against a guard page.
 *
 * links: src/request/ngx_ess_request_uri.c t/unit/ngx_string.c
 * links: t/unit/ngx_pool.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_request_uri.h"
#include "ngx_guard.h"


#define ROOM  256


void ngx_unit_pool_free(void);


static u_char                 *test_end;    /* of the usable room */
static ngx_ess_request_uri_t   test_uri;


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static ngx_int_t
make(const char *text, size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = test_end - len;
    memcpy(s.data, text, len);

    return ngx_ess_request_uri(&test_uri, NULL, &s);
}


static void
is(ngx_str_t *s, const char *expected)
{
    assert_int_equal(s->len, strlen(expected));
    assert_memory_equal(s->data, expected, s->len);
}


static void
good(const char *text, const char *path, const char *args,
    const char *unparsed)
{
    assert_int_equal(make(text, strlen(text)), NGX_OK);

    is(&test_uri.path, path);
    is(&test_uri.args, args);
    is(&test_uri.unparsed, unparsed);
}


static void
bad(const char *text)
{
    assert_int_equal(make(text, strlen(text)), NGX_DECLINED);
}


static void
test_taken(void **state)
{
    good("/", "/", "", "/");
    good("/a/b", "/a/b", "", "/a/b");
    good("/a/b/", "/a/b/", "", "/a/b/");
    good("/a?b=c&d", "/a", "b=c&d", "/a?b=c&d");
    good("/a?", "/a", "", "/a");
    good("/a?b?c", "/a", "b?c", "/a?b?c");
    good("/.a/..b/c./d..", "/.a/..b/c./d..", "", "/.a/..b/c./d..");
    good("/...", "/...", "", "/...");
}


static void
test_decoded(void **state)
{
    good("/a%20b", "/a b", "", "/a%20b");
    good("/a b", "/a b", "", "/a%20b");
    good("/%c3%BC", "/\xc3\xbc", "", "/%C3%BC");
    good("/a%3Fb", "/a?b", "", "/a%3Fb");
    good("/a%2Fb", "/a/b", "", "/a/b");
    good("/a\\b\"<>#;", "/a\\b\"<>#;", "", "/a%5Cb%22%3C%3E%23;");

    /* arguments are left as they are, but for what breaks a line */

    good("/a?b=%20%2e&c=/../", "/a", "b=%20%2e&c=/../",
         "/a?b=%20%2e&c=/../");
    good("/a?b c#d", "/a", "b%20c%23d", "/a?b%20c%23d");
}


static void
test_percent_sign(void **state)
{
    good("/100%", "/100%", "", "/100%25");
    good("/1%zz", "/1%zz", "", "/1%25zz");
    good("/1%2", "/1%2", "", "/1%252");
    good("/%25", "/%", "", "/%25");
}


static void
test_slashes(void **state)
{
    good("//a///b//", "/a/b/", "", "/a/b/");
    good("/a%2F%2fb", "/a/b", "", "/a/b");
}


static void
test_refused(void **state)
{
    bad("");
    bad("a");
    bad("?a");
    bad("%2Fa");
    bad("http://a/");

    bad("/.");
    bad("/..");
    bad("/a/..");
    bad("/a/../b");
    bad("/a/./b");
    bad("/a//../b");
    bad("/a/%2e%2E/b");
    bad("/a%2f..%2fb");
    bad("/a/..?b");

    bad("/a\nb");
    bad("/a%0d%0ab");
    bad("/a%00");
    bad("/a\x7f");
    bad("/a?b\r\nX: y");

    assert_int_equal(make("/a\0b", 4), NGX_DECLINED);
    assert_int_equal(make("/a?\0", 4), NGX_DECLINED);
}


static void
test_truncated(void **state)
{
    size_t       len;
    const char  *text = "/a%20b/%C3%BC//c?d=%20 e";

    for (len = 1; len <= strlen(text); len++) {
        assert_int_equal(make(text, len), NGX_OK);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_taken, teardown),
        cmocka_unit_test_teardown(test_decoded, teardown),
        cmocka_unit_test_teardown(test_percent_sign, teardown),
        cmocka_unit_test_teardown(test_slashes, teardown),
        cmocka_unit_test_teardown(test_refused, teardown),
        cmocka_unit_test_teardown(test_truncated, teardown),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
