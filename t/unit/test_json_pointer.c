/*
 * JSON pointers: the examples of RFC 6901, indices, escapes, and what is none.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_json_pointer.h"


void ngx_unit_pool_free(void);


static ngx_int_t
find(const char *body, const char *text, ngx_ess_json_value_t *value)
{
    ngx_int_t                rc;
    ngx_str_t                s;
    const char              *detail;
    ngx_ess_json_value_t     whole, same;
    ngx_ess_json_pointer_t   pointer;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_json_pointer_compile(&pointer, NULL, &s,
                                                  &detail),
                     NGX_OK);

    s.data = (u_char *) body;
    s.len = strlen(body);

    rc = ngx_ess_json_pointer_find(&s, &pointer, value);

    if (rc != NGX_DECLINED) {

        /* going there from the value itself is the same */

        assert_int_equal(ngx_ess_json_read(&s, &whole, NULL), NGX_OK);
        assert_int_equal(ngx_ess_json_pointer_walk(&whole, &pointer, &same),
                         rc);
        assert_true(rc != NGX_OK
                    || (value->span.data == same.span.data
                        && value->span.len == same.span.len
                        && value->type == same.type));
    }

    ngx_unit_pool_free();

    return rc;
}


static void
found(const char *body, const char *text, const char *result)
{
    ngx_ess_json_value_t  value;

    if (find(body, text, &value) != NGX_OK
        || value.span.len != strlen(result)
        || memcmp(value.span.data, result, value.span.len) != 0)
    {
        fail_msg("%s of %s is not %s", text, body, result);
    }
}


static void
not_found(const char *body, const char *text)
{
    ngx_ess_json_value_t  value;

    if (find(body, text, &value) != NGX_DONE) {
        fail_msg("%s of %s is found", text, body);
    }
}


#define RFC  "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,"          \
             "\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}"

static void
test_examples(void **state)
{
    found(RFC, "", RFC);
    found(RFC, "/foo", "[\"bar\",\"baz\"]");
    found(RFC, "/foo/0", "\"bar\"");
    found(RFC, "/foo/1", "\"baz\"");
    found(RFC, "/", "0");
    found(RFC, "/a~1b", "1");
    found(RFC, "/c%d", "2");
    found(RFC, "/e^f", "3");
    found(RFC, "/g|h", "4");
    found(RFC, "/i\\j", "5");
    found(RFC, "/k\"l", "6");
    found(RFC, "/ ", "7");
    found(RFC, "/m~0n", "8");
}


static void
test_more(void **state)
{
    ngx_ess_json_value_t  value;

    found(" 5 ", "", "5");
    found("{\"a\":{\"b\":{\"c\":[[],{\"d\":\"x\"}]}}}", "/a/b/c/1/d", "\"x\"");
    found("{\"b\":{\"a\":1},\"a\":{\"b\":2}}", "/a/b", "2");
    found("{\"\\u0061\":1}", "/a", "1");
    found("{\"~1\":1,\"/\":2}", "/~01", "1");
    found("{\"0\":1}", "/0", "1");
    found("{\"01\":1}", "/01", "1");
    found("{\"-\":1}", "/-", "1");
    found("[0,1,2,3,4,5,6,7,8,9,10]", "/10", "10");
    found("{\"a\":null}", "/a", "null");
    found("{\"\":{\"\":3}}", "//", "3");

    not_found("[1,2]", "/2");
    not_found("[1,2]", "/-");
    not_found("[1,2]", "/01");
    not_found("[1,2]", "/00");
    not_found("[1,2]", "/1 ");
    not_found("[1,2]", "/-1");
    not_found("[1,2]", "/+1");
    not_found("[1,2]", "/");
    not_found("[1,2]", "/18446744073709551617");
    not_found("[1,2]", "/0/0");
    not_found("{\"a\":1}", "/b");
    not_found("{\"a\":1}", "/a/b");
    not_found("{\"a\":{\"b\":1}}", "/b");
    not_found("{\"b\":{\"a\":1},\"c\":{\"b\":1}}", "/a/b");
    not_found("1", "/a");

    /* all of the text is read */

    assert_int_equal(find("{\"a\":1,}", "/a", &value), NGX_DECLINED);
    assert_int_equal(find("{\"a\":1} x", "/a", &value), NGX_DECLINED);
    assert_int_equal(find("{\"a\":1,\"b\":01}", "/a", &value), NGX_DECLINED);
    assert_int_equal(find("{\"a\":1,\"a\":2}", "/a", &value), NGX_DECLINED);
    assert_int_equal(find("{\"a\":1,\"b\":\"\xff\"}", "/a", &value),
                     NGX_DECLINED);
    assert_int_equal(find("a text", "/a", &value), NGX_DECLINED);
}


static void
refused(const char *text, const char *why)
{
    ngx_str_t                s;
    const char              *detail;
    ngx_ess_json_pointer_t   pointer;

    s.data = (u_char *) text;
    s.len = strlen(text);
    detail = "";

    assert_int_equal(ngx_ess_json_pointer_compile(&pointer, NULL, &s,
                                                  &detail),
                     NGX_DECLINED);
    assert_string_equal(detail, why);
    ngx_unit_pool_free();
}


static void
test_refused(void **state)
{
    char  text[2 * NGX_ESS_JSON_DEPTH + 3];

    refused("a", "a JSON pointer begins with \"/\"");
    refused("#/a", "a JSON pointer begins with \"/\"");
    refused("/a~", "in a JSON pointer \"~\" is written \"~0\", and \"/\" "
            "\"~1\"");
    refused("/a~2/b", "in a JSON pointer \"~\" is written \"~0\", and \"/\" "
            "\"~1\"");
    refused("/~/0", "in a JSON pointer \"~\" is written \"~0\", and \"/\" "
            "\"~1\"");

    memset(text, '/', NGX_ESS_JSON_DEPTH + 1);
    text[NGX_ESS_JSON_DEPTH + 1] = '\0';
    refused(text, "the JSON pointer has more than 64 steps");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
