/*
 * A JSON array, taken apart: each kind of element, each truncation, what is
 * refused; input lies against a guard page.
 *
 * links: src/api/ngx_ess_publish_batch.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_publish_batch.h"
#include "ngx_guard.h"


#define ROOM  (4 * 1024 * 1024)


void ngx_unit_pool_free(void);


static u_char      *guarded;                /* the end of the usable room */
static ngx_str_t   *bodies;
static ngx_uint_t   nbodies;
static ngx_uint_t   max = 1000;
static size_t       max_event = ROOM;
static ngx_uint_t   large;
static ngx_uint_t   steps;
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
    ngx_int_t                rc;
    ngx_ess_publish_batch_t  batch;

    ngx_unit_pool_free();
    memset(&batch, 0, sizeof(batch));

    batch.list.text.data = guarded - len;
    batch.list.text.len = len;
    batch.max = max;
    batch.max_event = max_event;

    memcpy(batch.list.text.data, data, len);

    steps = 0;

    do {
        rc = ngx_ess_publish_batch_step(&batch);
        steps++;

        assert_true(batch.list.pos <= len);
        assert_true(rc != NGX_AGAIN || batch.list.pos >= steps * 256 * 1024);
    } while (rc == NGX_AGAIN);

    detail = batch.detail ? batch.detail : "";
    bodies = batch.events.elts;
    nbodies = batch.events.nelts;
    large = batch.large;

    return rc;
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

    refused("", 0, "not JSON");
    refused(" ", 1, "not JSON");
    refused("hello", 5, "not JSON");
    refused("1", 1, "array");
    refused(" \r\n\t\"", 5, "array");
    refused("\xef\xbb\xbf{", 4, "array");
    refused("\xef\xbb", 2, "not JSON");
    refused("{}", 2, "array");
    refused("\"[]\"", 4, "array");
    refused("[1] 2", 5, "follows");
    refused("[1,]", 4, "not JSON");
    refused("[,1]", 4, "not JSON");
    refused("[1 2]", 5, "not JSON");
    refused("[1}", 3, "not JSON");
    refused("[01]", 4, "not JSON");
    refused("[tru]", 5, "not JSON");
    refused("[\"\\ud800\"]", 10, "not JSON");
    refused("[[\"\001\"]]", 7, "control");
    refused("[{\"a\":\"\n\"}]", 11, "control");
    refused("[1\001]", 4, "control");
    refused("\001", 1, "control");
    refused("[[\"\xed\xa0\x80\"]]", 9, "UTF-8");
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
    refused("1,2,3,4", 7, "array");
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
too_large(const char *data)
{
    large = 0;
    assert_int_equal(parse(data, strlen(data)), NGX_ABORT);
    assert_int_equal(large, 1);
}


static void
test_large(void **state)
{
    char    text[64];
    size_t  i;

    max_event = 4;

    taken("[1234,\"abcd\" , [12], true, \"\\n\\n\\n\\n\"]", 5, "1234", "abcd",
          "[12]", "true", "\n\n\n\n");
    taken("[\"\\u0061\\u0062\\u0063\\u0064\"]", 1, "abcd");

    too_large("[12345]");
    too_large("[1,false]");
    too_large("[1,\"abcde\"");
    too_large("[1,\"\\u20ac\\u20ac\"");
    too_large("[1,[1,2],");

    /* which is said before it is parsed */

    too_large("[[[[[[[[[[");
    too_large("[{\"\":1");
    too_large("[1,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

    refused("[tru\"}", 6, "not JSON");
    refused("[1,[1", 5, "not JSON");
    refused("[1,\"aaaaaaaa", 12, "not JSON");

    /* wherever the window of the scanner ends */

    for (i = 0; i < 48; i++) {
        memset(text, ' ', sizeof(text));
        text[0] = '[';
        text[1] = '[';
        memcpy(text + 2 + i, "\"\\u0061\",false", 14);
        text[16 + i] = '\0';
        too_large(text);
    }

    max_event = ROOM;

    assert_int_equal(parse("[1,2", 4), NGX_DECLINED);
    assert_int_equal(large, 0);
}


static void
test_slices(void **state)
{
    char    *text;
    size_t   i, size;

    size = 3 * 1024 * 1024;

    text = malloc(size);
    assert_non_null(text);

    /* white space */

    memset(text, ' ', size);
    text[0] = '[';
    text[size / 2] = '7';
    text[size - 1] = ']';

    assert_int_equal(parse(text, size), NGX_OK);
    assert_int_equal(nbodies, 1);
    assert_int_equal(steps, 12);

    /* several events, and some that are larger than a slice */

    memset(text, ' ', size);

    for (i = 0; i < size; i += size / 16) {
        text[i] = i ? ',' : '[';
        text[i + 1] = '7';
    }

    assert_int_equal(parse(text, size), NGX_DECLINED);

    text[size - 1] = ']';

    assert_int_equal(parse(text, size), NGX_OK);
    assert_int_equal(nbodies, 16);
    assert_int_equal(steps, 12);

    memset(text, 'x', size);
    memcpy(text, "[\"", 2);
    memcpy(text + size / 2, "\",\"", 3);
    memcpy(text + size - 2, "\"]", 2);

    assert_int_equal(parse(text, size), NGX_OK);
    assert_int_equal(nbodies, 2);
    assert_int_equal(bodies[1].len, size / 2 - 5);
    assert_int_equal(steps, 3);

    free(text);
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
        cmocka_unit_test_teardown(test_large, teardown),
        cmocka_unit_test_teardown(test_slices, teardown),
        cmocka_unit_test_teardown(test_deep, teardown),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
