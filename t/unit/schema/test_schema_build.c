/*
 * What is no schema, where, and what is said of it.
 *
 * links: src/schema/ngx_ess_schema_[bfjkpsuv]*.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_date.c src/ngx_ess_percent.c
 * links: src/ngx_ess_str.c t/unit/ngx_pool.c t/unit/ngx_string.c
 * links: t/unit/ngx_regex.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "ngx_ess_schema_build.h"
#include "ngx_ess_schema_validate.h"


void ngx_unit_pool_free(void);
void ngx_unit_regex_free(void);


static ngx_log_t  test_log;


static int
teardown(void **state)
{
    ngx_unit_regex_free();
    ngx_unit_pool_free();

    return 0;
}


static void
wrong(const char *text, const char *place, const char *detail)
{
    ngx_str_t               s;
    ngx_ess_schema_wrong_t  w;

    memset(&w, 0, sizeof(w));

    s.data = (u_char *) text;
    s.len = strlen(text);

    if (ngx_ess_schema_build(NULL, &test_log, &s, &w) != NULL) {
        fail_msg("%s is a schema", text);
    }

    assert_string_equal((char *) w.place.data, place);

    if (strstr((char *) w.detail.data, detail) == NULL) {
        fail_msg("%s: %s", text, (char *) w.detail.data);
    }
}


static void
test_wrong(void **state)
{
    size_t  i;

    static const char  *const rows[][3] = {
        { "", "#", "it is not JSON" },
        { "{'a':1,'a':2}", "#", "it has a member twice" },
        { "7", "#", "a schema is an object, or true, or false" },
        { "{'properties':{'a/b~c':{'typ':'string'}}}",
          "#/properties/a~1b~0c/typ", "the keyword \"typ\" is not supported" },
        { "{'allOf':[true,{'contains':{}}]}", "#/allOf/1/contains",
          "\"contains\"" },
        { "{'allOf':[]}", "#/allOf", "a list of one schema or more" },
        { "{'type':'int'}", "#/type", "\"integer\"" },
        { "{'type':['null','null']}", "#/type", "it must be one of" },
        { "{'type':[]}", "#/type", "it must be one of" },
        { "{'enum':7}", "#/enum", "a list of values" },
        { "{'required':['a','\\u0061']}", "#/required", "there twice" },
        { "{'required':'a'}", "#/required", "a list of strings" },
        { "{'minLength':-1}", "#/minLength", "an integer from 0 on" },
        { "{'minLength':1.5}", "#/minLength", "an integer from 0 on" },
        { "{'maxItems':'1'}", "#/maxItems", "an integer from 0 on" },
        { "{'maxItems':1e16}", "#/maxItems", "an integer from 0 on" },
        { "{'multipleOf':0}", "#/multipleOf", "greater than 0" },
        { "{'multipleOf':1234567890123456789}", "#/multipleOf", "18 digits" },
        { "{'minimum':'1'}", "#/minimum", "a number" },
        { "{'uniqueItems':1}", "#/uniqueItems", "true or false" },
        { "{'pattern':'a)(b'}", "#/pattern", "a regular expression: " },
        { "{'patternProperties':{'(':true}}", "#/patternProperties/(",
          "a regular expression: " },
        { "{'format':'regex'}", "#/format", "date-time, date, email" },
        { "{'x-ess-time':'now'}", "#/x-ess-time", "\"past\" or \"future\"" },
        { "{'$schema':'http://json-schema.org/draft-07/schema#'}",
          "#/$schema", "2020-12" },
        { "{'$id':'urn:a','items':{'$id':'urn:b'}}", "#/items/$id",
          "at the top" },
        { "{'$ref':'other.json'}", "#/$ref", "a place in this file" },
        { "{'$ref':'#/$defs/a','$defs':{}}", "#", "there is no schema" },
        { "{'$ref':'#/properties','properties':{}}", "#",
          "there is no schema" },
        { "{'$ref':'#'}", "#", "it leads to itself" },
        { "{'$ref':'#/$defs/a','$defs':{'a':{'anyOf':[true,"
          "{'$ref':'#/$defs/b'}]},'b':{'$ref':'#/$defs/a'}}}",
          "#/$defs/b", "it leads to itself" },
        { "{'dependentRequired':{'a':7}}", "#/dependentRequired/a",
          "a list of strings" },
        { "{'$defs':[]}", "#/$defs", "an object of schemas" },
        { "{'title':'x','const':'\\ud800','\\ud800':7}", "#/\\ud800",
          "half of a surrogate pair" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char  text[256], *p;

        strcpy(text, rows[i][0]);

        for (p = text; *p; p++) {
            *p = (*p == '\'') ? '"' : *p;
        }

        wrong(text, rows[i][1], rows[i][2]);
    }
}


/* Loops that go down into the value end where it does. */

static void
test_recursive(void **state)
{
    ngx_str_t               s;
    ngx_ess_schema_wrong_t  w;

    memset(&w, 0, sizeof(w));
    ngx_str_set(&s, "{\"items\":{\"$ref\":\"#\"},\"properties\":{\"a\":"
                    "{\"$ref\":\"#/$defs/b\"}},\"$defs\":{\"b\":"
                    "{\"properties\":{\"c\":{\"$ref\":\"#/$defs/b\"}}}}}");

    assert_non_null(ngx_ess_schema_build(NULL, &test_log, &s, &w));
}


/* However they are found: each leads to the next one, or to the one before. */

static void
test_chain(void **state)
{
    char    text[8192], *p;
    size_t  n, i, back;

    for (back = 0; back < 2; back++) {
        for (n = 64; n <= 65; n++) {
            ngx_str_t               s;
            ngx_ess_schema_wrong_t  w;

            p = text + sprintf(text, "{\"$defs\":{\"end\":true");

            for (i = 1; i < n; i++) {
                p += sprintf(p, ",\"a%d\":{\"$ref\":\"#/$defs/", (int) i);
                p += (i == (back ? 1 : n - 1))
                     ? sprintf(p, "end\"}")
                     : sprintf(p, "a%d\"}", (int) (back ? i - 1 : i + 1));
            }

            sprintf(p, "}}");

            memset(&w, 0, sizeof(w));
            s.data = (u_char *) text;
            s.len = strlen(text);

            if (n == 64) {
                assert_non_null(ngx_ess_schema_build(NULL, &test_log, &s, &w));

            } else {
                assert_null(ngx_ess_schema_build(NULL, &test_log, &s, &w));
                assert_non_null(strstr((char *) w.detail.data, "more than 64"));
            }
        }
    }
}


/* A message has a bound. */

static void
test_long(void **state)
{
    char                    text[8192];
    size_t                  n;
    ngx_str_t               s;
    ngx_ess_schema_wrong_t  w;

    memset(&w, 0, sizeof(w));
    memset(text, '~', sizeof(text));
    memcpy(text, "{\"", 2);
    memcpy(text + 8000, "\":7}", 5);

    s.data = (u_char *) text;
    s.len = 8004;

    assert_null(ngx_ess_schema_build(NULL, &test_log, &s, &w));

    n = strlen((char *) w.place.data);
    assert_int_equal(n, w.place.len);
    assert_true(n < NGX_ESS_SCHEMA_PLACE_LEN);
    assert_true(strlen((char *) w.detail.data) < NGX_ESS_SCHEMA_DETAIL_LEN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_wrong, teardown),
        cmocka_unit_test_teardown(test_recursive, teardown),
        cmocka_unit_test_teardown(test_chain, teardown),
        cmocka_unit_test_teardown(test_long, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
