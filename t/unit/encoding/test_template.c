/*
 * Templates: what is put in, and what is left out for want of it; what is wrong
 * with a template, and where.
 *
 * links: src/encoding/ngx_ess_template.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c t/unit/ngx_pool.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_template.h"


void ngx_unit_pool_free(void);


static struct {
    ngx_ess_label_t            label;
    ngx_ess_encoding_event_t   event;
} test;


static int
test_setup(void **state)
{
    memset(&test, 0, sizeof(test));

    test.label.number = 17;
    ngx_str_set(&test.label.name, "orders");

    test.event.epoch = 0x5f3a;
    test.event.ordinal = 43;
    test.event.timestamp = 1795871133389;
    test.event.label = &test.label;
    ngx_str_set(&test.event.key, "eu");

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static void
test_compile(ngx_ess_template_t *t, const char *text)
{
    ngx_str_t                  s;
    ngx_ess_template_error_t   error;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_template_compile(t, NULL, &s, &error), NGX_OK);
}


/* What the body becomes lies against a guard; NULL: nothing. */

static void
test_filled_bytes(const char *text, const char *body, size_t len,
    const char *expected)
{
    u_char                     *buf, *copy;
    ngx_int_t                   rc;
    ngx_ess_template_t          t;
    ngx_ess_template_values_t   values;

    test_compile(&t, text);

    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);

    test.event.body.data = copy;
    test.event.body.len = len;

    rc = ngx_ess_template_values(&t, &test.event, &values);

    if (expected == NULL) {
        assert_int_equal(rc, NGX_DECLINED);
        free(copy);
        return;
    }

    assert_int_equal(rc, NGX_OK);
    assert_int_equal(values.len, strlen(expected));

    buf = malloc(values.len ? values.len : 1);
    assert_non_null(buf);
    assert_ptr_equal(ngx_ess_template_write(buf, &t, &values),
                     buf + values.len);
    assert_memory_equal(buf, expected, values.len);

    free(buf);
    free(copy);
}


static void
test_filled(const char *text, const char *body, const char *expected)
{
    test_filled_bytes(text, body, strlen(body), expected);
}


static void
test_texts(void **state)
{
    test_filled("", "x", "");
    test_filled("hello", "x", "hello");
    test_filled("{\"type\": \"ping\"}", "x", "{\"type\": \"ping\"}");
    test_filled("$$", "x", "$");
    test_filled("$$$${body}", "x", "$${body}");
    test_filled("a$$b$$", "x", "a$b$");
    test_filled("\xc3\xa4", "x", "\xc3\xa4");

    /* what is not asked for does not matter */

    test_filled_bytes("event", "\xff", 1, "event");
}


static void
test_event(void **state)
{
    test_filled("${id}", "x", "5f3a-43");
    test_filled("${ordinal}", "x", "43");
    test_filled("${timestamp}", "x", "1795871133389");
    test_filled("[${ordinal},${id},${ordinal}]", "x", "[43,5f3a-43,43]");

    test.event.timestamp = 0;
    test_filled("${timestamp}", "x", "null");

    test.event.epoch = (uint64_t) -1;
    test.event.ordinal = 9223372036854775807;
    test.event.timestamp = 9223372036854775807;
    test_filled("${id} ${ordinal} ${timestamp}", "x",
                "ffffffffffffffff-9223372036854775807 9223372036854775807 "
                "9223372036854775807");
}


/* they are within quotes wherever somebody reads JSON */

static void
test_key_and_name(void **state)
{
    test_filled("{\"type\": \"event\", \"channel\": \"${name}\"}", "x",
                "{\"type\": \"event\", \"channel\": \"orders\"}");
    test_filled("${key}", "x", "eu");

    ngx_str_set(&test.event.key, "a\"\\\n");
    test_filled("<${key}>", "x", "<a\\\"\\\\\\n>");

    test.event.key.len = 0;
    test.event.key.data = NULL;
    ngx_str_null(&test.label.name);
    test_filled("<${key}${name}>", "x", "<>");
}


static void
test_body(void **state)
{
    test_filled("${body}", "", "");
    test_filled("${body}", "text", "text");
    test_filled("[${body},${body}]", "{\"a\":1}", "[{\"a\":1},{\"a\":1}]");
    test_filled("${body}", " 1 \n", " 1 \n");
    test_filled_bytes("${body}", "a\0", 1, "a");
    test_filled_bytes("${body}", "\xff", 1, NULL);
    test_filled_bytes("${body}", "\xc3", 1, NULL);
}


static void
test_json(void **state)
{
    static const char  body[] =
        "{ \"a\" : {\"b\":[1, 1.50 ,\"x\\u0041\"]}, \"\":null,"
        " \"c/d\" : true, \"m~n\":\"\" }";

    test_filled("${json:/a/b/1}", body, "1.50");
    test_filled("${json:/a/b/2}", body, "\"x\\u0041\"");
    test_filled("${json:/a/b}", body, "[1, 1.50 ,\"x\\u0041\"]");
    test_filled("${json:/}", body, "null");
    test_filled("${json:/c~1d}${json:/m~0n}", body, "true\"\"");
    test_filled("${json:}", "  [1 ,2] ", "[1 ,2]");
    test_filled("${json:/a}-${json:/b}-${json:/a}", "{\"a\":1,\"b\":2}",
                "1-2-1");

    test_filled("${json:/x}", body, NULL);
    test_filled("${json:/a/b/3}", body, NULL);
    test_filled("${ordinal} ${json:/a/c}", body, NULL);
    test_filled("${json:/a}", "{\"a\":1", NULL);
    test_filled("${json:/a}", "text", NULL);
    test_filled("${json:}", "", NULL);
    test_filled_bytes("${json:/a}", "{\"a\":\"\xff\"}", 9, NULL);

    /* one that nobody can tell */

    test_filled("${json:/a}", "{\"a\":1,\"a\":2}", NULL);
}


/* a body that it would take long to read is left out, unread */

static void
test_work(void **state)
{
    ngx_ess_template_t         t;
    ngx_ess_template_values_t  values;

    test_compile(&t, "${json:/a}${json:/b}${json:/a}");
    assert_int_equal(t.npointers, 2);

    test.event.body.data = (u_char *) 1;
    test.event.body.len = NGX_ESS_TEMPLATE_READ / 2 + 1;

    assert_int_equal(ngx_ess_template_values(&t, &test.event, &values),
                     NGX_DECLINED);

    /* nobody reads it without pointers */

    test_compile(&t, "${ordinal}");
    assert_int_equal(ngx_ess_template_values(&t, &test.event, &values),
                     NGX_OK);
}


static void
test_wrong(const char *text, size_t at, const char *detail)
{
    ngx_str_t                  s;
    ngx_ess_template_t         t;
    ngx_ess_template_error_t   error;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_template_compile(&t, NULL, &s, &error),
                     NGX_DECLINED);
    assert_int_equal(error.at, at);
    assert_non_null(strstr(error.detail, detail));
}


static void
test_errors(void **state)
{
    test_wrong("$", 1, "none of nginx's variables");
    test_wrong("a$", 2, "\"$$\"");
    test_wrong("cost: 5$ or $body", 8, "${body}");
    test_wrong("$arg_user", 1, "none of nginx's variables");
    test_wrong("a ${body", 3, "without a \"}\"");
    test_wrong("${", 1, "without a \"}\"");
    test_wrong("${}", 1, "${ordinal}");
    test_wrong("${bodyx}", 1, "${ordinal}");
    test_wrong("${Body}", 1, "${ordinal}");
    test_wrong("$${body}${host}", 9, "${ordinal}");
    test_wrong("${json}", 1, "${json:/pointer}");
    test_wrong("${body:/a}", 1, "${json:/pointer}");
    test_wrong("${json:a}", 1, "begins with \"/\"");
    test_wrong("${json:/a~2}", 1, "~0");
    test_wrong("\xff", 1, "UTF-8");
}


static void
test_places(void **state)
{
    char                 text[17 * 12 + 1];
    ngx_uint_t           i;
    ngx_ess_template_t   t;

    for (i = 0, text[0] = '\0'; i < NGX_ESS_TEMPLATE_PLACES; i++) {
        strcat(text, "${ordinal}:");
    }

    test_compile(&t, text);
    assert_int_equal(t.nplaces, NGX_ESS_TEMPLATE_PLACES);

    strcat(text, "${id}");
    test_wrong(text, NGX_ESS_TEMPLATE_PLACES * 11 + 1, "at most 16");
}


static void
test_named(void **state)
{
    ngx_ess_template_t  t;

    test_compile(&t, "${key}");
    assert_int_equal(t.named, 0);

    test_compile(&t, "${name}${key}");
    assert_int_equal(t.named, 1);
}


#define TEST(f)  cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_texts),
        TEST(test_event),
        TEST(test_key_and_name),
        TEST(test_body),
        TEST(test_json),
        TEST(test_work),
        TEST(test_errors),
        TEST(test_places),
        TEST(test_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
