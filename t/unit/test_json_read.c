/*
 * The strict reader: what is JSON and what is not, in the manner of
 * JSONTestSuite; members twice; walks.  Input lies against a guard page.
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

#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"
#include "ngx_guard.h"


#define ROOM  (4 * 1024 * 1024)

#define text_of(s)  { (char *) s, sizeof(s) - 1 }


typedef struct {
    const char  *data;
    size_t       len;
} test_text_t;


static u_char  *test_end;


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


static ngx_int_t
read_text(const char *data, size_t len, ngx_ess_json_value_t *value,
    const char **detail)
{
    ngx_str_t  text;

    text.data = test_end - len;
    text.len = len;
    memcpy(text.data, data, len);

    return ngx_ess_json_read(&text, value, detail);
}


static void
test_accepted(void **state)
{
    size_t                i;
    const char           *detail;
    ngx_ess_json_value_t  value;

    static const test_text_t  texts[] = {
        text_of("[[]   ]"), text_of("[\"\"]"), text_of("[]"),
        text_of("[\"a\"]"), text_of("[false]"), text_of("[null, 1, \"1\", {}]"),
        text_of("[null]"), text_of("[1\n]"), text_of(" [1]"),
        text_of("[1,null,null,null,2]"), text_of("[2] "),
        text_of("[123e65]"), text_of("[0e+1]"), text_of("[0e1]"),
        text_of("[ 4]"), text_of("[-0.00000000000000000000000000000001]"),
        text_of("[20e1]"), text_of("[-0]"), text_of("[-123]"), text_of("[-1]"),
        text_of("[1E22]"), text_of("[1E-2]"), text_of("[1E+2]"),
        text_of("[123.456e78]"), text_of("[123.456789]"),
        text_of("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}"),
        text_of("{\"asd\":\"sdf\"}"), text_of("{}"), text_of("{\"\":0}"),
        text_of("{\"foo\\u0000bar\": 42}"),
        text_of("{ \"min\": -1.0e+28, \"max\": 1.0e+28 }"),
        text_of("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
        text_of("{\"a\":[{\"a\":1},{\"a\":1}]}"),
        text_of("[\"\\u0060\\u012a\\u12AB\"]"),
        text_of("[\"\\uD801\\udc37\"]"), text_of("[\"\\ud83d\\ude39\"]"),
        text_of("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), text_of("[\"\\\\n\"]"),
        text_of("[\"a/*b*/c/*d//e\"]"), text_of("[\"\xF4\x8F\xBF\xBF\"]"),
        text_of("[\"\xEF\xBF\xBF\"]"), text_of("[\"\\u0000\"]"),
        text_of("\" \""), text_of("[\"\xE2\x80\xA8\"]"), text_of("[\"\x7F\"]"),
        text_of("false"), text_of("42"), text_of("-0.1"), text_of("null"),
        text_of("\"asd\""), text_of("true"), text_of("\"\""),
        text_of("[\"a\"]\n"), text_of("[true]"), text_of(" [] "),
        text_of("\t\r\n []"),
        /* halves of surrogate pairs are in the grammar */
        text_of("[\"\\uDADA\"]"), text_of("[\"\\ud800\\n\"]"),
        text_of("[\"\\uDd1e\\uD834\"]"),
        text_of("[0.4e00669999999999999999999999999999999999999999999999999]")
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_text(texts[i].data, texts[i].len, &value, &detail)
            != NGX_OK)
        {
            fail_msg("%s is JSON", texts[i].data);
        }
    }
}


static void
test_refused(void **state)
{
    size_t                i;
    const char           *detail;
    ngx_ess_json_value_t  value;

    static const test_text_t  texts[] = {
        text_of("[1 true]"), text_of("[a\xe5]"), text_of("[\"\": 1]"),
        text_of("[\"\"],"), text_of("[,1]"), text_of("[1,,2]"),
        text_of("[\"x\",,]"), text_of("[\"x\"]]"), text_of("[\"\",]"),
        text_of("[\"x\""), text_of("[x"), text_of("[3[4]]"), text_of("[\xff]"),
        text_of("[1:2]"), text_of("[,]"), text_of("[-]"), text_of("[   , \"\"]"),
        text_of("[\"a\",\n4\n,1,"), text_of("[1,]"), text_of("[1,,]"),
        text_of("[\"\va\"\\f]"), text_of("[*]"), text_of("[\"\""),
        text_of("[1,"), text_of("[1,\n1\n,1"), text_of("[{}"),
        text_of("[fals]"), text_of("[nul]"), text_of("[tru]"),
        text_of("[++1234]"), text_of("[+1]"), text_of("[+Inf]"),
        text_of("[-01]"), text_of("[-1.0.]"), text_of("[-2.]"),
        text_of("[-NaN]"), text_of("[.-1]"), text_of("[.2e-3]"),
        text_of("[0.1.2]"), text_of("[0.3e+]"), text_of("[0.3e]"),
        text_of("[0.e1]"), text_of("[0E+]"), text_of("[0E]"),
        text_of("[1.0e+]"), text_of("[1.0e-]"), text_of("[1.0e]"),
        text_of("[1 000.0]"), text_of("[1eE2]"), text_of("[2.e+3]"),
        text_of("[2.e-3]"), text_of("[2.e3]"), text_of("[9.e+]"),
        text_of("[1+2]"), text_of("[0x1]"), text_of("[0x42]"),
        text_of("[Infinity]"), text_of("[0e+-1]"), text_of("[-123.123foo]"),
        text_of("[123\xe5]"), text_of("[1e1\xe5]"), text_of("[0\xe5]"),
        text_of("[-Infinity]"), text_of("[-foo]"), text_of("[- 1]"),
        text_of("[-012]"), text_of("[-.123]"), text_of("[-1x]"),
        text_of("[1ea]"), text_of("[1.]"), text_of("[.123]"),
        text_of("[1.2a-3]"), text_of("[012]"), text_of("[\"x\", truth]"),
        text_of("{[: \"x\"}\n"), text_of("{\"x\", null}"),
        text_of("{\"x\"::\"b\"}"), text_of("{\xF0\x9F\x87\xA8}"),
        text_of("{\"a\":\"a\" 123}"), text_of("{key: 'value'}"),
        text_of("{\"\xB9\":\"0\",}"), text_of("{\"a\" b}"), text_of("{:\"b\"}"),
        text_of("{\"a\" \"b\"}"), text_of("{\"a\":"), text_of("{\"a\""),
        text_of("{1:1}"), text_of("{9999E9999:1}"),
        text_of("{null:null,null:null}"), text_of("{\"id\":0,,,,,}"),
        text_of("{'a':0}"), text_of("{\"id\":0,}"),
        text_of("{\"a\":\"b\"}/**/"), text_of("{\"a\":\"b\"}//"),
        text_of("{\"a\":\"b\",,\"c\":\"d\"}"), text_of("{a: \"b\"}"),
        text_of("{\"a\":\"a"), text_of("{ \"foo\" : \"bar\", \"a\" }"),
        text_of("{\"a\":\"b\"}#"), text_of(" "), text_of(""),
        text_of("[\"\\uD800\\u\"]"), text_of("[\"\\uD800\\u1\"]"),
        text_of("[\"\\uD800\\u1x\"]"), text_of("[\xc3\xa9]"),
        text_of("[\"\\\0\"]"), text_of("[\"\\x00\"]"),
        text_of("[\"\\\\\\\"]"), text_of("[\"\\\t\"]"),
        text_of("[\"\\\xF0\x9F\x8C\x80\"]"), text_of("[\"\\\"]"),
        text_of("[\"\\u00A\"]"), text_of("[\"\\uD834\\uDd\"]"),
        text_of("[\"\\uD800\\uD800\\x\"]"), text_of("[\"\\u\xe5\"]"),
        text_of("[\"\\a\"]"), text_of("[\"\\uqqqq\"]"),
        text_of("[\"\\\xe5\"]"), text_of("[\\u0020\"asd\"]"),
        text_of("[\\n]"), text_of("\""), text_of("['single quote']"),
        text_of("abc"), text_of("[\"\\"), text_of("[\"a\0a\"]"),
        text_of("[\"new\nline\"]"), text_of("[\"\t\"]"), text_of("\"\\UA66D\""),
        text_of("\"\"x"), text_of("[\xe2\x81\xa0]"), text_of("\xEF\xBB\xBF"),
        text_of("<.>"), text_of("[<null>]"), text_of("[1]x"), text_of("]"),
        text_of("[True]"), text_of("1]"), text_of("{\"x\": true,"),
        text_of("[][]"), text_of("{}}"), text_of("{\"\":"), text_of("{"),
        text_of("[\"asd]"), text_of("[\f]"), text_of("2@"), text_of("{}a\":\"b"),
        text_of("\xEF\xBB\xBF{}"), text_of("1 2"), text_of("-"), text_of("tru"),
        text_of("01"), text_of("1."), text_of("[1"), text_of("{\"a\":1]"),
        text_of("[1}"),
        /* UTF-8 */
        text_of("[\"\xff\"]"), text_of("[\"\xed\xa0\x80\"]"),
        text_of("[\"\xc0\xaf\"]"), text_of("[\"\xe6\x97\xa5\xd1\x88\xfa\"]"),
        text_of("{\"\xff\":1}"),
        /* members twice */
        text_of("{\"a\":\"b\",\"a\":\"c\"}"), text_of("{\"\":1,\"\":1}"),
        text_of("{\"a\":1,\"b\":{\"c\":2,\"c\":3}}"),
        text_of("[{\"a\":1},{\"b\":1,\"c\":[{}],\"b\":2}]"),
        text_of("{\"a\":1,\"\\u0061\":2}"), text_of("{\"\\u0061\":1,\"a\":2}"),
        text_of("{\"\\u002f\":1,\"\\/\":2}"), text_of("{\"/\":1,\"\\/\":2}"),
        text_of("{\"\xe2\x82\xac!\":1,\"\\u20aC!\":2}"),
        text_of("{\"\xf0\x9f\x98\xb9\":1,\"\\ud83d\\ude39\":2}"),
        text_of("{\"0123456789abcdef\":1,\"01\\u003234567\\u00389abcdef\":2}"),
        text_of("{\"\\ud800\":1,\"\\uD800\":2}")
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        detail = NULL;

        if (read_text(texts[i].data, texts[i].len, &value, &detail)
            != NGX_DECLINED || detail == NULL)
        {
            fail_msg("%s is no JSON", texts[i].data);
        }
    }
}


static void
test_details(void **state)
{
    const char            *detail;
    ngx_ess_json_value_t   value;

    (void) read_text("{\"a\":1,\"a\":2}", 13, &value, &detail);
    assert_string_equal(detail, "it has a member twice");
    (void) read_text("\"\n\"", 3, &value, &detail);
    assert_string_equal(detail, "it contains a control character");
    (void) read_text("1 2", 3, &value, &detail);
    assert_string_equal(detail, "something follows the value");
    (void) read_text("\"\xff\"", 3, &value, &detail);
    assert_string_equal(detail, "it is not valid UTF-8");
    (void) read_text("x", 1, &value, &detail);
    assert_string_equal(detail, "it is not JSON");
    assert_int_equal(read_text("x", 1, &value, NULL), NGX_DECLINED);

    assert_int_equal(read_text(" {\"a\": 1} ", 10, &value, NULL), NGX_OK);
    assert_int_equal(value.type, NGX_ESS_JSON_OBJECT);
    assert_int_equal(value.span.len, 8);
    assert_memory_equal(value.span.data, "{\"a\": 1}", 8);
}


/* every text that was cut is refused, and none reads behind its end */

static void
test_cut(void **state)
{
    size_t                n;
    ngx_ess_json_value_t  value;

    static const char  body[] = "{\"a\":[1.5e3,{\"b\":\"\\u20ac\\n and more\"},"
                                "null,[true,false,-0.5E-2]],\"c\\td\":\"\"}";

    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_int_equal(read_text(body, n, &value, NULL), NGX_DECLINED);
    }

    assert_int_equal(read_text(body, n, &value, NULL), NGX_OK);
}


/* a quote, a backslash or a control character at each place of a string, with
   bytes around it that differ from these by a bit */

static void
test_words(void **state)
{
    char                  text[40];
    size_t                len, at;
    ngx_uint_t            fill;
    ngx_ess_json_value_t  value;

    static const u_char  fills[] = { 'a', '!', '#', '[', ']', ' ', 0x7f };

    for (fill = 0; fill < sizeof(fills); fill++) {
        for (len = 1; len < 30; len++) {
            for (at = 0; at < len; at++) {
                memset(text, fills[fill], sizeof(text));
                text[0] = '"';
                text[len + 1] = '"';

                assert_int_equal(read_text(text, len + 2, &value, NULL),
                                 NGX_OK);

                text[at + 1] = 0x1f;
                assert_int_equal(read_text(text, len + 2, &value, NULL),
                                 NGX_DECLINED);

                text[at + 1] = '"';
                assert_int_equal(read_text(text, len + 2, &value, NULL),
                                 NGX_DECLINED);
                assert_int_equal(read_text(text, at + 2, &value, NULL),
                                 NGX_OK);

                text[at + 1] = '\\';

                if (fills[fill] != '!' || at + 1 == len) {
                    continue;
                }

                text[at + 2] = 'n';
                assert_int_equal(read_text(text, len + 2, &value, NULL),
                                 NGX_OK);
                text[at + 1] = (char) 0xff;
                assert_int_equal(read_text(text, len + 2, &value, NULL),
                                 NGX_DECLINED);
            }
        }
    }
}


static void
test_depth(void **state)
{
    char                  text[2 * NGX_ESS_JSON_DEPTH + 2];
    ngx_ess_json_value_t  value;

    memset(text, '[', NGX_ESS_JSON_DEPTH);
    memset(text + NGX_ESS_JSON_DEPTH, ']', NGX_ESS_JSON_DEPTH);
    assert_int_equal(read_text(text, 2 * NGX_ESS_JSON_DEPTH, &value, NULL),
                     NGX_OK);

    memset(text, '[', NGX_ESS_JSON_DEPTH + 1);
    memset(text + NGX_ESS_JSON_DEPTH + 1, ']', NGX_ESS_JSON_DEPTH + 1);
    assert_int_equal(read_text(text, 2 * NGX_ESS_JSON_DEPTH + 2, &value, NULL),
                     NGX_DECLINED);
}


/* each name of few and some more members is found again, as it is and with
   escapes; another one that is like it is not */

static void
test_few_members(void **state)
{
    char                   text[2048];
    size_t                 len;
    ngx_uint_t             i, n, again, escaped;
    const char            *p;
    ngx_ess_json_value_t   value;

    static const char  *names[] = {
        "", "a", "b", "aa", "1234567", "12345678", "12345679", "123456780",
        "123456781", "1234567890abcdef0", "1234567890abcdeF0",
        "1234567890abcdef", "12345"
    };

    for (n = 1; n < 13; n++) {
        for (again = 0; again <= n; again++) {
            for (escaped = 0; escaped < 2; escaped++) {

                len = sprintf(text, "[{\"%s\":0},{", names[again]);

                for (i = 0; i < n; i++) {
                    len += sprintf(text + len, "\"%s\":{\"%s\":0},", names[i],
                                   names[i]);
                }

                text[len++] = '"';

                for (p = names[again]; *p; p++) {
                    len += sprintf(text + len, escaped ? "\\u%04x" : "%c", *p);
                }

                len += sprintf(text + len, "\":1},{\"\":1}]");

                assert_int_equal(read_text(text, len, &value, NULL),
                                 again < n ? NGX_DECLINED : NGX_OK);
            }
        }
    }
}


/* exact up to 8,192 members, each of which is found again */

static void
test_many_members(void **state)
{
    char                  *text;
    size_t                 len;
    ngx_uint_t             i, n, again;
    ngx_ess_json_value_t   value;

    text = malloc(ROOM);
    assert_non_null(text);

    for (n = 8190; n; n /= 2) {
        for (again = 0; again <= n; again += n / 8 + 1) {
            len = sprintf(text, "{\"x\":{");

            for (i = 0; i < n - 1; i++) {
                len += sprintf(text + len, "\"member%lu\":%lu,", i, i);
            }

            len += sprintf(text + len, "\"z\":{}}");
            assert_int_equal(read_text(text, len, &value, NULL),
                             NGX_DECLINED);
            len += sprintf(text + len, "}");
            assert_int_equal(read_text(text, len, &value, NULL), NGX_OK);

            if (again < n - 1) {
                len -= 2;
                len += sprintf(text + len, ",\"member%lu\":1}}", again);
                assert_int_equal(read_text(text, len, &value, NULL),
                                 NGX_DECLINED);
            }
        }
    }

    /* more of them are not looked at, and do no harm */

    len = sprintf(text, "{");

    for (i = 0; i < 8192; i++) {
        len += sprintf(text + len, "\"%lu\":{},", i);
    }

    len += sprintf(text + len, "\"more\":{\"a\":1},\"more\":{\"b\":1}}");
    assert_int_equal(read_text(text, len, &value, NULL), NGX_OK);
    assert_int_equal(read_text("{\"a\":1,\"a\":1}", 13, &value, NULL),
                     NGX_DECLINED);

    free(text);
}


static void
walked(const char *text, const char *result)
{
    char                  out[512];
    size_t                len;
    ngx_str_t             name;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  value, item;

    assert_int_equal(read_text(text, strlen(text), &value, NULL), NGX_OK);
    assert_int_equal(ngx_ess_json_read_open(&walk, &value), NGX_OK);

    len = 0;
    out[0] = '\0';

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {
        len += snprintf(out + len, sizeof(out) - len, "%.*s=%.*s(%d) ",
                        (int) name.len, name.data ? (char *) name.data : "",
                        (int) item.span.len, item.span.data, item.type);
    }

    assert_string_equal(out, result);
    assert_int_equal(ngx_ess_json_read_next(&walk, &name, &item), NGX_DONE);
}


static void
test_walk(void **state)
{
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  value;

    walked("{}", "");
    walked("[ ]", "");
    walked(" { \"a\" : 1 , \"\\u0062\" : [ 2, {\"x\":3} ] } ",
           "a=1(2) \\u0062=[ 2, {\"x\":3} ](4) ");
    walked("[null,true,-0.5,\"a,\\\"]\",[],{}]",
           "=null(0) =true(1) =-0.5(2) =\"a,\\\"]\"(3) =[](4) ={}(5) ");

    assert_int_equal(read_text("1", 1, &value, NULL), NGX_OK);
    assert_int_equal(ngx_ess_json_read_open(&walk, &value), NGX_DECLINED);
}


static void
string_is(const char *raw, size_t raw_len, const char *text, size_t len)
{
    u_char     buf[64];
    ngx_str_t  r, t, wanted;

    r.data = memcpy(test_end - raw_len, raw, raw_len);
    r.len = raw_len;
    wanted.data = (u_char *) text;
    wanted.len = len;

    assert_int_equal(ngx_ess_json_string_text(&r, buf, &t), NGX_OK);
    assert_int_equal(t.len, len);
    assert_memory_equal(t.data, text, len);
    assert_int_equal(ngx_ess_json_string_is(&r, &wanted), 1);

    wanted.data = (u_char *) "other";
    wanted.len = 5;
    assert_int_equal(ngx_ess_json_string_is(&r, &wanted), 0);

    if (raw_len != len) {
        assert_int_equal(ngx_ess_json_string_is(&r, &r), 0);
    }
}


static void
test_strings(void **state)
{
    u_char     buf[64];
    ngx_str_t  raw, text;

    string_is("", 0, "", 0);
    string_is("abc", 3, "abc", 3);
    string_is("a\\u0062c\\n\\\\\\/\\\"", 16, "abc\n\\/\"", 7);
    string_is("\\u20AC\xe2\x82\xac", 9, "\xe2\x82\xac\xe2\x82\xac", 6);
    string_is("\\ud83d\\ude39", 12, "\xf0\x9f\x98\xb9", 4);
    string_is("a\\u0000b", 8, "a\0b", 3);
    string_is("\\u00e9\\b\\f\\r\\t", 14, "\xc3\xa9\b\f\r\t", 6);

    ngx_str_set(&raw, "x\\ud83dx");
    assert_int_equal(ngx_ess_json_string_text(&raw, buf, &text), NGX_DECLINED);
    ngx_str_set(&raw, "\\ude39\\ud83d");
    assert_int_equal(ngx_ess_json_string_text(&raw, buf, &text), NGX_DECLINED);

    /* in place */

    ngx_memcpy(buf, "a\\u0062\\nc", 10);
    raw.data = buf;
    raw.len = 10;
    assert_int_equal(ngx_ess_json_string_text(&raw, buf, &text), NGX_OK);
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.data, "ab\nc", 4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_few_members),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_strings)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
