/*
 * A JSON array, taken apart: each kind of element, each truncation, what is
 * refused; input lies against a guard page.
 *
 * links: src/api/ngx_ess_publish_batch.c src/ngx_ess_json.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_publish_batch.h"
#include "ngx_guard.h"


#define ROOM  65536


void ngx_unit_pool_free(void);


static u_char      *guarded;                /* the end of the usable room */
static ngx_str_t   *bodies;
static ngx_uint_t   nbodies;
static ngx_uint_t   max = 1000;
static const char  *detail;


static int
setup(void **state)
{
    guarded = ngx_unit_guard(ROOM);

    return guarded ? 0 : -1;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();
    return 0;
}


static ngx_int_t
parse(const char *data, size_t len)
{
    ngx_str_t  text;

    ngx_unit_pool_free();

    text.data = guarded - len;
    text.len = len;
    memcpy(text.data, data, len);

    detail = "";
    nbodies = 0;

    return ngx_ess_publish_batch(NULL, &text, max, &bodies, &nbodies, &detail);
}


static void
taken(const char *data, ngx_uint_t n, ...)
{
    va_list      args;
    ngx_uint_t   i;
    const char  *body;

    assert_int_equal(parse(data, strlen(data)), NGX_OK);
    assert_int_equal(nbodies, n);

    va_start(args, n);

    for (i = 0; i < n; i++) {
        body = va_arg(args, const char *);
        assert_int_equal(bodies[i].len, strlen(body));
        assert_memory_equal(bodies[i].data, body, bodies[i].len);
    }

    va_end(args);
}


static void
refused(const char *data, size_t len, const char *words)
{
    assert_int_equal(parse(data, len), NGX_DECLINED);
    assert_non_null(strstr(detail, words));
}


static void
test_taken(void **state)
{
    taken("[]", 0);
    taken(" [ ] ", 0);
    taken("[1]", 1, "1");
    taken("\xef\xbb\xbf[1]", 1, "1");
    taken("\r\n[\t1 ,2,\n3\r]", 3, "1", "2", "3");
    taken("[12345678901234567890,-1.50E+3]", 2, "12345678901234567890",
          "-1.50E+3");
    taken("[true,null , false]", 3, "true", "null", "false");
    taken("[\"\",\"a\", \"\\\"],[\"]", 3, "", "a", "\"],[");
    taken("[\"\\u20ac\\\\u0000\"]", 1, "\xe2\x82\xac\\u0000");
    taken("[{\"a]\": [1, {\"b\\\"}\": 2}]} , [[],[ ]]]", 2,
          "{\"a]\": [1, {\"b\\\"}\": 2}]}", "[[],[ ]]");
    taken("[\"\xc3\xa4\"]", 1, "\xc3\xa4");
    taken("[{\"a\":\"\\u0000\"}]", 1, "{\"a\":\"\\u0000\"}");
}


static void
test_refused(void **state)
{
    size_t  i;

    static const char  text[] = "[1, \"a\\u20ac\", {\"b\": [true]}]";

    for (i = 0; i < sizeof(text) - 1; i++) {
        refused(text, i, "not JSON");
    }

    refused("1", 1, "array");
    refused("{}", 2, "array");
    refused("\"[]\"", 4, "array");
    refused("[1] 2", 5, "follows");
    refused("[1,]", 4, "not JSON");
    refused("[\"\\u0000\"]", 10, "NUL");
    refused("[\"\\\\\\u0000\"]", 12, "NUL");
    refused("[\"\xff\"]", 5, "UTF-8");
    refused("[\"\001\"]", 5, "control");
    refused("[\001]", 3, "control");
}


static void
test_limit(void **state)
{
    max = 3;

    taken("[1,2,3]", 3, "1", "2", "3");
    taken("[[1,2,3,4],{\"a\":1,\"b\":[5,6],\"c\":2}, \",,,\\\",,\"]", 3,
          "[1,2,3,4]", "{\"a\":1,\"b\":[5,6],\"c\":2}", ",,,\",,");
    refused("[1] ,,,,", 8, "follows");
    refused("1,2,3,4", 7, "follows");
    refused("[\",,,,", 6, "not JSON");

    assert_int_equal(parse("[1,2,3,4]", 9), NGX_ABORT);
    assert_int_equal(parse("\xef\xbb\xbf [[],{},\"]\",4", 16), NGX_ABORT);

    max = 1;

    taken("[]", 0);
    taken("[[1,2]]", 1, "[1,2]");
    assert_int_equal(parse("[1,2]", 5), NGX_ABORT);

    max = 1000;
}


static void
test_deep(void **state)
{
    char    text[4000];
    size_t  i;

    for (i = 0; i < 2000; i++) {
        text[i] = '[';
        text[3999 - i] = ']';
    }

    refused(text, sizeof(text), "not JSON");

    assert_int_equal(parse(text + 1500, 1000), NGX_OK);
    assert_int_equal(nbodies, 1);
    assert_int_equal(bodies[0].len, 998);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_taken, teardown),
        cmocka_unit_test_teardown(test_refused, teardown),
        cmocka_unit_test_teardown(test_limit, teardown),
        cmocka_unit_test_teardown(test_deep, teardown),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
