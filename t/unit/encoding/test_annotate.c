/*
 * Annotations: which bodies are JSON objects, and where the members go.
 *
 * links: src/encoding/ngx_ess_annotate.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_annotate.h"
#include "ngx_ess_json_read.h"


/* the sanitizer guards what malloc() gives */

/* ms */
static uint64_t  now = 1700000000123;


static void
annotate(const char *body, size_t len, ngx_ess_annotate_t *a)
{
    ngx_ess_encoding_event_t  event;

    event.body.data = malloc(len ? len : 1);
    assert_non_null(event.body.data);
    memcpy(event.body.data, body, len);
    event.body.len = len;
    event.ordinal = 12;
    event.timestamp = now;

    ngx_ess_annotate(a, &event);

    free(event.body.data);
}


static void
becomes(const char *body, const char *result)
{
    char                text[4096];
    ngx_ess_annotate_t  a;

    annotate(body, strlen(body), &a);
    assert_in_range(a.at, 0, strlen(body));

    snprintf(text, sizeof(text), "%.*s%.*s%s", (int) a.at, body, (int) a.len,
             a.data, body + a.at);
    assert_string_equal(text, result);
    assert_int_equal(a.invalid, 0);
}


#define MEMBERS  "\"ess_ordinal\":12,\"ess_timestamp\":1700000000123"
#define SUFFIX   "|ordinal: 12|timestamp: 1700000000123"

static void
test_valid(void **state)
{
    becomes("", SUFFIX);
    becomes("text", "text" SUFFIX);
    becomes("[{}]", "[{}]" SUFFIX);
    becomes(" \t\r\n", " \t\r\n" SUFFIX);
    becomes("1", "1" SUFFIX);

    becomes("{}", "{" MEMBERS "}");
    becomes(" { } \n", " { " MEMBERS "} \n");
    becomes("{\"a\":1}", "{\"a\":1," MEMBERS "}");
    becomes("{\"a\":{}}", "{\"a\":{}," MEMBERS "}");
    becomes("{\"a\":[],\"b\":[[{}],{}]}", "{\"a\":[],\"b\":[[{}],{}],"
            MEMBERS "}");
    becomes("{\"\":\"}\\\"{\\u12aF\\\\\\/\\b\\f\\n\\r\\t\"}",
            "{\"\":\"}\\\"{\\u12aF\\\\\\/\\b\\f\\n\\r\\t\"," MEMBERS "}");
    becomes("{\"a\":-0.5e+3,\"b\":0,\"c\":10E1,\"d\":true,\"e\":false,"
            "\"f\":null}",
            "{\"a\":-0.5e+3,\"b\":0,\"c\":10E1,\"d\":true,\"e\":false,"
            "\"f\":null," MEMBERS "}");
    becomes("{ \"a\" : [ 1 , 2 ] }", "{ \"a\" : [ 1 , 2 ] ," MEMBERS "}");

    /* of a time that is not known */

    now = 0;
    becomes("text", "text|ordinal: 12|timestamp: null");
    becomes("{}", "{\"ess_ordinal\":12,\"ess_timestamp\":null}");
    now = 1700000000123;
}


static void
test_invalid(void **state)
{
    ngx_uint_t           i;
    ngx_ess_annotate_t   a;

    static const char  *bodies[] = {
        "{", "{{", "{]", "{}}", "{}x", "{\"a\"}", "{\"a\":}", "{a:1}",
        "{\"a\":1,}", "{,}", "{\"a\" 1}", "{\"a\":1 2}", "{\"a\":[1,]}",
        "{\"a\":[}", "{\"a\":[1}}", "{\"a\":01}", "{\"a\":1.}",
        "{\"a\":.1}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":-}",
        "{\"a\":tru}", "{\"a\":nul", "{\"a\":\"}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}", "{\"a\":\"\n\"}", "{\"a\":\"\\",
        "{\"a\":\"\\u12", "{\"a\":1}{}", "{'a':1}", "{//}", "{\"a\":1;}",
        "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"\\u0062\":2}}"
    };

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        annotate(bodies[i], strlen(bodies[i]), &a);

        if (!a.invalid || a.len) {
            fail_msg("%s is no object", bodies[i]);
        }
    }

    annotate("{\"a\":\"\0\"}", 9, &a);
    assert_int_equal(a.invalid, 1);
    annotate("{\"a\":\"\\\0\"}", 10, &a);
    assert_int_equal(a.invalid, 1);
}


/* nothing that was cut is one */

static void
test_cut(void **state)
{
    size_t               n;
    ngx_ess_annotate_t   a;

    static const char  body[] = "{\"a\":[1.5e3,{\"b\":\"\\u20ac\"},null,"
                                "[true]]}";

    for (n = 1; n < sizeof(body) - 1; n++) {
        annotate(body, n, &a);
        assert_int_equal(a.invalid, 1);
    }
}


static void
test_depth(void **state)
{
    char                 body[2 * NGX_ESS_JSON_BODY_DEPTH + 16];
    ngx_ess_annotate_t   a;

    memset(body, '[', sizeof(body));
    memcpy(body, "{\"a\":", 5);
    memset(body + 5 + NGX_ESS_JSON_BODY_DEPTH - 1, ']',
           NGX_ESS_JSON_BODY_DEPTH - 1);
    body[5 + 2 * (NGX_ESS_JSON_BODY_DEPTH - 1)] = '}';

    annotate(body, 6 + 2 * (NGX_ESS_JSON_BODY_DEPTH - 1), &a);
    assert_int_equal(a.invalid, 0);

    memset(body + 5, '[', NGX_ESS_JSON_BODY_DEPTH);
    memset(body + 5 + NGX_ESS_JSON_BODY_DEPTH, ']', NGX_ESS_JSON_BODY_DEPTH);
    body[5 + 2 * NGX_ESS_JSON_BODY_DEPTH] = '}';

    annotate(body, 6 + 2 * NGX_ESS_JSON_BODY_DEPTH, &a);
    assert_int_equal(a.invalid, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_depth)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
