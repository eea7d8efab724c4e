/*
 * What commands are made of: elements, members, numbers and texts.
 *
 * links: src/client/ngx_ess_command_json.c src/ngx_ess_json_read.c
 * links: src/ngx_ess_json_string.c src/ngx_ess_json_unique.c src/ngx_ess_str.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_command_json.h"


static ngx_ess_json_value_t
value_of(const char *text)
{
    ngx_str_t             s;
    ngx_ess_json_value_t  value;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_json_read(&s, &value, NULL), NGX_OK);

    return value;
}


static void
elements(const char *text, ngx_uint_t n)
{
    ngx_uint_t              i;
    ngx_ess_json_value_t    value, element;
    ngx_ess_command_rest_t  rest;

    value = value_of(text);
    ngx_ess_command_json_rest(&rest, &value);

    for (i = 0; i < n; i++) {
        assert_int_equal(ngx_ess_command_json_next(&rest, &element), NGX_OK);
    }

    assert_int_equal(ngx_ess_command_json_next(&rest, &element), NGX_DONE);
    assert_int_equal(ngx_ess_command_json_next(&rest, &element), NGX_DONE);
}


static void
test_elements(void **state)
{
    ngx_ess_json_value_t    element;
    ngx_ess_command_rest_t  rest;

    elements("[]", 0);
    elements("[ 1 , [2] , \"]\" ]", 3);
    elements("{\"a\":1,\"b\":2}", 1);
    elements("5", 1);

    memset(&rest, 0, sizeof(rest));
    assert_int_equal(ngx_ess_command_json_next(&rest, &element), NGX_DONE);
}


static const char *
read_a(void *data, ngx_ess_json_value_t *value)
{
    ++*(ngx_uint_t *) data;

    return (value->type == NGX_ESS_JSON_NUMBER) ? NULL : "a is a number";
}


static void
object(const char *text, const char *wrong, ngx_uint_t reads, ngx_uint_t seen)
{
    ngx_uint_t             n, bits;
    const char            *said;
    ngx_ess_json_value_t   value;

    static const ngx_ess_command_member_t  members[] = {
        { ngx_string("b"), read_a },
        { ngx_string("a"), read_a },
        { ngx_null_string, NULL }
    };

    static const ngx_ess_command_object_t  known = { members, "unknown" };

    n = 0;
    value.span.data = (u_char *) text;
    value.span.len = strlen(text);
    value.type = NGX_ESS_JSON_OBJECT;

    said = ngx_ess_command_json_object(&known, &n, &value, &bits);

    assert_int_equal(n, reads);
    assert_int_equal(bits, seen);

    if (wrong == NULL) {
        assert_null(said);

    } else {
        assert_non_null(said);
        assert_string_equal((char *) said, (char *) wrong);
    }
}


static void
test_members(void **state)
{
    object("{}", NULL, 0, 0);
    object("{\"a\":1}", NULL, 1, 2);
    object("{\"\\u0061\":1,\"b\":2}", NULL, 2, 3);
    object("{\"c\":1,\"a\":1}", "unknown", 1, 2);
    object("{\"\":1}", "unknown", 0, 0);
    object("{\"a\":\"x\",\"a\":1}", "a is a number", 1, 2);
    object("{\"a\":\"x\",\"c\":1,\"a\":1}", "unknown", 1, 2);
    object("{\"a\":1,\"a\":2,\"b\":3}", "a member is there twice", 2, 3);
}


static void
integer(const char *text, ngx_int_t rc, int64_t expected)
{
    int64_t               n;
    ngx_ess_json_value_t  value;

    value = value_of(text);
    assert_int_equal(ngx_ess_command_json_integer(&value, 1000, &n), rc);

    if (rc == NGX_OK) {
        assert_int_equal(n, expected);
    }
}


static void
test_integers(void **state)
{
    integer("0", NGX_OK, 0);
    integer("-0", NGX_OK, 0);
    integer("1000", NGX_OK, 1000);
    integer("-1000", NGX_OK, -1000);
    integer("1001", NGX_DECLINED, 0);
    integer("-1001", NGX_DECLINED, 0);
    integer("1.0", NGX_DECLINED, 0);
    integer("1e2", NGX_DECLINED, 0);
    integer("\"1\"", NGX_DECLINED, 0);
    integer("true", NGX_DECLINED, 0);
    integer("99999999999999999999999999", NGX_DECLINED, 0);
}


static void
text(const char *json, const char *expected)
{
    u_char                buf[4];
    ngx_int_t             rc;
    ngx_str_t             s;
    ngx_ess_json_value_t  value;

    s.data = buf;
    value = value_of(json);

    rc = ngx_ess_command_json_text(&value, sizeof(buf), &s);

    assert_int_equal(rc, expected ? NGX_OK : NGX_DECLINED);

    if (expected) {
        assert_int_equal(s.len, strlen(expected));
        assert_memory_equal(s.data, expected, s.len);
    }
}


static void
test_texts(void **state)
{
    char                  json[3000];
    ngx_str_t             raw;
    ngx_ess_json_value_t  value;

    text("\"a\"", "a");
    text("\"abcd\"", "abcd");
    text("\"\\u0061\\u0062\\u0063\\u0064\"", "abcd");
    text("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
    text("\"abcde\"", NULL);
    text("\"\"", NULL);
    text("\"\\ud83d\"", NULL);
    text("5", NULL);

    memset(json, 'x', sizeof(json));
    json[0] = '"';
    json[sizeof(json) - 2] = '"';
    json[sizeof(json) - 1] = '\0';
    text(json, NULL);

    value = value_of(" \"a\\n\" ");
    raw = ngx_ess_command_json_raw(&value);
    assert_int_equal(raw.len, 3);
    assert_memory_equal(raw.data, "a\\n", 3);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_texts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
