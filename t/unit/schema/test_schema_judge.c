/*
 * Which member a failure names; what is too much work fails, and in time.
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

extern size_t  ngx_unit_regex_memory;


static ngx_log_t  test_log;


static int
teardown(void **state)
{
    ngx_unit_regex_free();
    ngx_unit_pool_free();

    return 0;
}


static ngx_ess_schema_node_t *
build(const char *text)
{
    ngx_str_t                s;
    ngx_ess_schema_node_t   *node;
    ngx_ess_schema_wrong_t   wrong;

    memset(&wrong, 0, sizeof(wrong));

    s.data = (u_char *) text;
    s.len = strlen(text);

    node = ngx_ess_schema_build(NULL, &test_log, &s, &wrong);

    if (node == NULL) {
        fail_msg("at %s: %s", wrong.place.data, wrong.detail.data);
    }

    return node;
}


/* "": it is valid; "!name": the member is missing; "?": the value itself. */

static const char *
judge(const ngx_ess_schema_node_t *node, const char *text)
{
    ngx_int_t               rc;
    ngx_str_t               s;
    ngx_ess_json_value_t    value;
    ngx_ess_schema_error_t  error;

    static char  name[256];

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_json_read(&s, &value, NULL), NGX_OK);

    rc = ngx_ess_schema_validate_root(node, &value, 1700000000000, &error,
                                      &test_log);
    if (rc == NGX_OK) {
        return "";
    }

    assert_int_equal(rc, NGX_DECLINED);

    snprintf(name, sizeof(name), "%s%.*s", error.missing ? "!" : "",
             (int) error.name.len, error.name.data);

    return name[0] ? name : "?";
}


static void
test_event(void **state)
{
    char                    text[8192];
    FILE                   *f;
    size_t                  i;
    ngx_ess_schema_node_t  *node;

    static const char  *const rows[][2] = {
        { "{'type':'user','timestamp':'2023-01-01T13:45:10Z','event_id':'u',"
          "'event':{'username':'a','email':'a@b.c','operation':'read'}}", "" },
        { "{'event':{'operation':'x','location':'us','system_id':'s'},"
          "'event_id':'u','timestamp':'2006-01-13T00:00:00+01:00',"
          "'type':'system','more':[]}", "" },
        { "{'type':'system','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':{'system_id':'i','location':'jetix','operation':'read'}}",
          "location" },
        { "{'event':{'system_id':'i','location':'jetix','operation':'read'},"
          "'type':'system','timestamp':'tomorrow','event_id':'s'}",
          "timestamp" },
        { "{'type':'system','timestamp':'2206-01-13T00:00:00Z','event_id':'s',"
          "'event':{'system_id':'i','location':'us','operation':'read'}}",
          "timestamp" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':{'username':'i','email':'us','operation':'read'}}",
          "email" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':{'username':7,'email':'us','operation':'read'}}",
          "username" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':{'email':'us','operation':'read'}}", "!username" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z',"
          "'event':{'username':7}}", "!event_id" },
        { "{'timestamp':'2206-01-13T00:00:00Z'}", "!type" },
        { "{'type':'root','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':{}}", "type" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z','event_id':7,"
          "'event':{}}", "event_id" },
        { "{'type':'user','timestamp':'2006-01-13T00:00:00Z','event_id':'s',"
          "'event':'read'}", "event" },
        { "[]", "?" }
    };

    f = fopen("conf/event.schema.json", "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);

    node = build(text);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char  value[512], *p;

        strcpy(value, rows[i][0]);

        for (p = value; *p; p++) {
            *p = (*p == '\'') ? '"' : *p;
        }

        assert_string_equal(judge(node, value), rows[i][1]);
    }
}


static void
test_names(void **state)
{
    size_t  i;

    static const char  *const rows[][3] = {
        { "{'properties':{'a':{'items':{'type':'string'}}}}", "{'a':[1]}",
          "a" },
        { "{'additionalProperties':false,'properties':{'a':true}}",
          "{'a':1,'b':2}", "b" },
        { "{'patternProperties':{'^x':{'type':'null'}}}", "{'xy':2}", "xy" },
        { "{'required':['b','a'],'properties':{'a':true,'c':{'type':'null'}}}",
          "{'c':1}", "!a" },
        { "{'required':['b']}", "{}", "!b" },
        { "{'dependentRequired':{'a':['b']}}", "{'a':1}", "!b" },
        { "{'dependentRequired':{'a':['b']}}", "{}", "" },
        { "{'anyOf':[{'properties':{'k':{'const':1}},'required':['k']},"
          "{'properties':{'k':{'const':2},'v':{'properties':{'w':false}}}}]}",
          "{'k':2,'v':{'w':1}}", "w" },
        { "{'oneOf':[{'type':'string'},{'type':'null'}]}", "7", "?" },
        { "{'properties':{'a':{'oneOf':[{'minimum':1},{'minimum':2}]}}}",
          "{'a':3}", "a" },
        { "{'properties':{'a':{'not':{'type':'null'}}}}", "{'a':null}", "a" },
        { "{'properties':{'a':{'minItems':2}}}", "{'a':[{'b':1}]}", "a" },
        { "{'properties':{'a':{'x-ess-time':'future'}}}",
          "{'a':'2020-01-01T00:00:00Z'}", "a" },
        { "{'properties':{'a':{'x-ess-time':'future'}}}",
          "{'a':'2120-01-01T00:00:00Z'}", "" },
        { "{'uniqueItems':true}", "[1,'1',[1,{'a':1,'b':2}],{},"
          "[1.0,{'b':2e0,'a':10e-1}]]", "?" },
        { "{'enum':[{'a':[1,2]}]}", "{'a':[1.0,2]}", "" },
        { "{'enum':[{'a':[1,2]}]}", "{'a':[2,1]}", "?" },
        { "{'pattern':'^a\\\\u0062$'}", "'ab'", "" },
        { "{'pattern':'^a\\\\u0062$'}", "'ab\\n'", "?" },
        { "{'pattern':'b'}", "'a\\u0062c'", "" },
        { "{'maxLength':2}", "'\\ud83d\\ude00\xc3\xa4'", "" },
        { "{'maxLength':1}", "'\\ud83d\\ude00\xc3\xa4'", "?" },
        { "{'minimum':9007199254740993}", "9007199254740992", "?" },
        { "{'minimum':9007199254740993}", "9007199254740993", "" },
        { "{'multipleOf':0.01}", "19.99", "" },
        { "{'type':'integer'}", "1.0", "" },
        { "{'type':'integer'}", "1.5", "?" },
        { "{'type':'integer'}", "1e400", "" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char  schema[256], value[256], *p;

        strcpy(schema, rows[i][0]);
        strcpy(value, rows[i][1]);

        for (p = schema; *p; p++) {
            *p = (*p == '\'') ? '"' : *p;
        }

        for (p = value; *p; p++) {
            *p = (*p == '\'') ? '"' : *p;
        }

        if (strcmp(judge(build(schema), value), rows[i][2]) != 0) {
            fail_msg("%s: %s: %s", schema, value, judge(build(schema), value));
        }
    }
}


/* The time that it takes, in ms. */

static double
judge_time(const ngx_ess_schema_node_t *node, const char *text,
    const char *name)
{
    struct timespec  from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    assert_string_equal(judge(node, text), name);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

    return (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6;
}


/* With a sanitizer it is some ten times what it is without. */

static void
test_bounded(void **state)
{
    char    *text, *p;
    int      i;
    double   ms;

    ngx_ess_schema_node_t  *node;

    text = malloc(70000);
    assert_non_null(text);

    /* a pattern that would take for ever, on one string and on many */

    node = build("{\"items\":{\"pattern\":\"^(a+)+$\"}}");

    ms = judge_time(node, "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"]", "?");
    assert_true(ms < 1000);

    for (p = text, i = 0; i < 3000; i++) {
        p += sprintf(p, "%c\"aaaaaaaaaaaaaaab\"", i ? ',' : '[');
    }

    strcpy(p, "]");
    ms = judge_time(node, text, "?");
    assert_true(ms < 5000);

    /* loops that give nothing back */

    node = build("{\"items\":{\"pattern\":\"\\\\s+$\"}}");

    memset(text, ' ', 60000);
    text[0] = '[';
    text[1] = '"';
    strcpy(text + 60000, "x\"]");
    ms = judge_time(node, text, "?");
    assert_true(ms < 3000);

    memset(text, ' ', 60000);
    text[0] = '[';
    text[1] = '"';
    strcpy(text + 50, "x  \"]");
    ms = judge_time(node, text, "");
    assert_true(ms < 100);

    /* schemas that multiply */

    node = build("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"allOf\":["
                 "{\"$ref\":\"#/$defs/b\"},{\"$ref\":\"#/$defs/b\"}]},"
                 "\"b\":{\"items\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},"
                 "{\"$ref\":\"#/$defs/a\"},false]}},\"c\":true}}");

    memset(text, '[', 60);
    memset(text + 60, ']', 60);
    text[120] = '\0';

    ms = judge_time(node, text, "?");
    assert_true(ms < 2000);

    /* what is legitimate, and large */

    node = build("{\"uniqueItems\":true,\"items\":{\"type\":\"object\","
                 "\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":"
                 "\"integer\",\"minimum\":0,\"anyOf\":[{\"maximum\":7},"
                 "{\"minimum\":8}]},\"s\":{\"pattern\":\"^[a-z]+$\"}}}}");

    for (p = text, i = 0; i < 3000; i++) {
        p += sprintf(p, "%c{\"n\":%d,\"s\":\"abc\"}", i ? ',' : '[', i);
    }

    strcpy(p, "]");
    ms = judge_time(node, text, "");
    assert_true(ms < 2000);

    free(text);
}


/* Patterns that come back to many places, with much to keep for each. */

static void
test_memory(void **state)
{
    char         *text, *p;
    int           i, k;
    const char   *verdict;

    ngx_ess_schema_node_t  *node;

    static const char *const  patterns[] = {
        "^(?:a|b)*$", "^(a|b)*c?$", "^((a+)+)*$", "^(?:(?=a)a|b)*$",
        "^(?:(?:(?:(?:a|b)|c)|d)|e)*$", "(a)?(?1)*(?R)?c", "^(a(?1)?)$",
    };

    text = malloc(70000);
    assert_non_null(text);

    memset(text, 'a', 65536);
    text[0] = text[65535] = '"';
    text[65536] = '\0';

    for (i = 0; i < (int) (sizeof(patterns) / sizeof(patterns[0])); i++) {
        char  schema[128];

        snprintf(schema, sizeof(schema), "{\"pattern\":\"%s\"}",
                 patterns[i]);
        ngx_unit_regex_memory = 0;
        (void) judge(build(schema), text);
        assert_true(ngx_unit_regex_memory <= 17 * 1024 * 1024);
    }

    /* a hundred groups, each with its place in each step */

    p = malloc(4096);
    assert_non_null(p);
    k = sprintf(p, "{\"pattern\":\"^(?:x");

    for (i = 0; i < 100; i++) {
        k += sprintf(p + k, "|(%c)", 'z' - i % 26);
    }

    sprintf(p + k, ")*$\"}");
    node = build(p);

    ngx_unit_regex_memory = 0;
    verdict = judge(node, text);
    assert_string_equal(verdict, "?");
    assert_true(ngx_unit_regex_memory > 1024 * 1024);
    assert_true(ngx_unit_regex_memory <= 17 * 1024 * 1024);

    /* what is short has room */

    text[1000] = '"';
    text[1001] = '\0';
    assert_string_equal(judge(node, text), "");

    free(p);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_memory, teardown),
        cmocka_unit_test_teardown(test_event, teardown),
        cmocka_unit_test_teardown(test_names, teardown),
        cmocka_unit_test_teardown(test_bounded, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
