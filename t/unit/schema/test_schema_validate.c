/*
 * The test suite of JSON Schema, draft 2020-12, as it is in t/schema: groups
 * without a keyword that is not supported all pass, and the others fail to
 * compile, with the keyword's name.
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
#include <cmocka.h>
#include <dirent.h>

#include "ngx_ess_json_string.h"
#include "ngx_ess_schema_build.h"
#include "ngx_ess_schema_validate.h"


#define SUITE  "t/schema/draft2020-12"


void ngx_unit_pool_free(void);
void ngx_unit_regex_free(void);


static ngx_log_t   test_log;
static ngx_uint_t  test_groups, test_values, test_refused, test_wrong;


/* The member of that name; its value's span is empty if there is none. */

static ngx_ess_json_value_t
member(const ngx_ess_json_value_t *object, const char *name)
{
    ngx_str_t             raw, text;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  value;

    text.data = (u_char *) name;
    text.len = strlen(name);

    assert_int_equal(ngx_ess_json_read_open(&walk, object), NGX_OK);

    while (ngx_ess_json_read_next(&walk, &raw, &value) == NGX_OK) {
        if (ngx_ess_json_string_is(&raw, &text)) {
            return value;
        }
    }

    memset(&value, 0, sizeof(ngx_ess_json_value_t));

    return value;
}


static ngx_uint_t
expected_to_fail(const char *detail)
{
    size_t  i;

    static const char  *const details[] = {
        "the keyword \"contains\"", "the keyword \"minContains\"",
        "the keyword \"maxContains\"", "the keyword \"dependentSchemas\"",
        "the keyword \"propertyNames\"", "the keyword \"unevaluatedItems\"",
        "the keyword \"unevaluatedProperties\"", "the keyword \"$anchor\"",
        "the keyword \"$dynamicRef\"", "the keyword \"$dynamicAnchor\"",
        "the keyword \"contentMediaType\"",
        "the keyword \"contentEncoding\"", "the keyword \"contentSchema\"",
        "the keyword \"$vocabulary\"",
        /* other files, and schemas with names of their own */
        "it must be a place in this file", "\"$id\" must be",
        "it must be \"https://json-schema.org/draft/2020-12/schema\"",
        /* formats */
        "it must be one of date-time"
    };

    for (i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
        if (strncmp(detail, details[i], strlen(details[i])) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
run_group(const char *file, const ngx_ess_json_value_t *group)
{
    ngx_int_t                rc, want;
    ngx_str_t                name;
    ngx_ess_json_walk_t      walk;
    ngx_ess_json_value_t     schema, tests, test, data, valid, title, about;
    ngx_ess_schema_node_t   *node;
    ngx_ess_schema_error_t   error;
    ngx_ess_schema_wrong_t   wrong;

    memset(&wrong, 0, sizeof(wrong));

    title = member(group, "description");
    schema = member(group, "schema");
    tests = member(group, "tests");

    node = ngx_ess_schema_build(NULL, &test_log, &schema.span, &wrong);

    if (node == NULL) {
        if (!expected_to_fail((char *) wrong.detail.data)) {
            print_error("%s: %.*s, at %s: %s\n", file, (int) title.span.len,
                        title.span.data, wrong.place.data, wrong.detail.data);
            test_wrong++;
        }

        if (getenv("ESS_VERBOSE")) {
            printf("%s: %.*s, at %s: %s\n", file, (int) title.span.len,
                   title.span.data, wrong.place.data, wrong.detail.data);
        }

        test_refused++;

    } else {
        test_groups++;

        assert_int_equal(ngx_ess_json_read_open(&walk, &tests), NGX_OK);

        while (ngx_ess_json_read_next(&walk, &name, &test) == NGX_OK) {

            about = member(&test, "description");
            data = member(&test, "data");
            valid = member(&test, "valid");

            want = (*valid.span.data == 't') ? NGX_OK : NGX_DECLINED;

            if (memmem(about.span.data, about.span.len, "only an annotation",
                       18))
            {
                /* formats are asserted */
                want = NGX_DECLINED;
            }

            rc = ngx_ess_schema_validate_root(node, &data, 0, &error,
                                              &test_log);

            if (rc != want) {
                print_error("%s: %.*s: %.*s: %ld\n", file,
                            (int) title.span.len, title.span.data,
                            (int) about.span.len, about.span.data, (long) rc);
                test_wrong++;
            }

            test_values++;
        }
    }

    ngx_unit_regex_free();
    ngx_unit_pool_free();
}


static void
run_file(const char *file)
{
    char                   path[512];
    FILE                  *f;
    ngx_str_t              text, name;
    ngx_ess_json_walk_t    walk;
    ngx_ess_json_value_t   value, group;

    snprintf(path, sizeof(path), SUITE "/%s", file);

    f = fopen(path, "r");
    assert_non_null(f);

    text.data = malloc(1024 * 1024);
    assert_non_null(text.data);

    text.len = fread(text.data, 1, 1024 * 1024, f);
    fclose(f);

    assert_int_equal(ngx_ess_json_read(&text, &value, NULL), NGX_OK);
    assert_int_equal(ngx_ess_json_read_open(&walk, &value), NGX_OK);

    while (ngx_ess_json_read_next(&walk, &name, &group) == NGX_OK) {
        run_group(file, &group);
    }

    free(text.data);
}


static void
test_suite(void **state)
{
    DIR            *dir;
    struct dirent  *entry;

    dir = opendir(SUITE);
    assert_non_null(dir);

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            run_file(entry->d_name);
        }
    }

    closedir(dir);

    printf("%lu groups, %lu values; %lu groups have what is not supported\n",
           test_groups, test_values, test_refused);

    assert_int_equal(test_wrong, 0);
    assert_true(test_groups > 200 && test_values > 900);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_suite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
