/*
 * Which texts have one hash, and which have another; what the hash of the form
 * is, for it is kept in databases.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/sha.h>
#include "ngx_ess_json_canonical.h"


static ngx_uint_t  test_no_memory;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_no_memory ? NULL : malloc(size);
}


static void
read_text(const char *s, ngx_ess_json_value_t *value)
{
    ngx_str_t    text;
    const char  *detail;

    text.data = (u_char *) s;
    text.len = strlen(s);

    if (ngx_ess_json_read(&text, value, &detail) != NGX_OK) {
        fail_msg("%s: %s", s, detail);
    }
}


static void
hash_of(const char *s, u_char hash[NGX_ESS_JSON_CANONICAL_HASH])
{
    ngx_log_t             log;
    ngx_ess_json_value_t  value;

    memset(&log, 0, sizeof(ngx_log_t));
    read_text(s, &value);

    assert_int_equal(ngx_ess_json_canonical_hash(&value, hash, &log), NGX_OK);
}


/* in each row what says the same */

static const char  *const  rows[][5] = {
    { "null", " null " },
    { "true" },
    { "false" },
    { "0", "-0", "0.0", "0e1" },
    { "1", "1.0", "1e0", "10e-1", "0.1E+1" },
    { "-1", "-1.00" },
    { "1e400", "10e399" },
    { "1e99999999999999999999" },
    { "1e99999999999999999998" },
    { "12.5", "125e-1", "0.0125e3" },
    { "\"\"" },
    { "\"1\"", "\"\\u0031\"" },
    { "\"a\\nb\\\"\\\\/\"", "\"\\u0061\\u000Ab\\u0022\\u005c\\/\"" },
    { "\"\\u0000\"" },
    { "\"\\\\u0000\"" },
    { "\"\xf0\x9f\x98\x80\xc3\xa4\"", "\"\\ud83d\\uDE00\\u00E4\"" },
    { "[]", "[ ]" },
    { "{}", "{ }" },
    { "[1,2]", "[ 1.0 , 2e0 ]" },
    { "[2,1]" },
    { "[[1],2]" },
    { "[1,[2]]" },
    { "[\"1,2\"]" },
    { "{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}", "{\"\\u0062\":2,\"a\":1e0}" },
    { "{\"a\":2,\"b\":1}" },
    { "{\"a\":1}" },
    { "{\"a\":{\"c\":1,\"b\":[{\"e\":1,\"d\":2}]}}",
      "{\"a\":{\"b\":[{\"d\":2,\"e\":1}],\"c\":1}}" },
    { "{\"j\":1,\"i\":2,\"h\":3,\"g\":4,\"f\":5,\"e\":6,\"d\":7,\"c\":8,\"b\":9}",
      "{\"b\":9,\"c\":8,\"d\":7,\"e\":6,\"f\":5,\"g\":4,\"h\":3,\"i\":2,\"j\":1}",
      "{\"h\":3,\"i\":2,\"f\":5,\"e\":6,\"d\":7,\"c\":8,\"b\":9,\"j\":1,\"g\":4}" },
    { "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"\\u0061\":2,\"\\u0061b\":1}" }
};


static void
test_same_and_other(void **state)
{
    size_t                i, j;
    u_char                one[16], two[16];
    ngx_ess_json_value_t  a, b;

    const size_t  n = sizeof(rows) / sizeof(rows[0]);

    for (i = 0; i < n * 5; i++) {
        for (j = 0; j < n * 5; j++) {

            if (rows[i / 5][i % 5] == NULL || rows[j / 5][j % 5] == NULL) {
                continue;
            }

            hash_of(rows[i / 5][i % 5], one);
            hash_of(rows[j / 5][j % 5], two);

            if ((memcmp(one, two, 16) == 0) != (i / 5 == j / 5)) {
                fail_msg("%s and %s", rows[i / 5][i % 5], rows[j / 5][j % 5]);
            }

            read_text(rows[i / 5][i % 5], &a);
            read_text(rows[j / 5][j % 5], &b);

            assert_int_equal(ngx_ess_json_canonical_same(&a, &b),
                             i / 5 == j / 5 && a.type < NGX_ESS_JSON_ARRAY);
        }
    }
}


/* It is kept for years. */

static void
test_form(void **state)
{
    u_char  hash[16], md[SHA256_DIGEST_LENGTH];

    static const char  text[] = "{\"b\":1.50,\"a\":[100,\"\\u0041\\n\", null],"
                                "\"\\\"\":-0}";
    static const char  form[] = "{\"\\\"\":0,\"a\":[1e2,\"A\\u000a\",null],"
                                "\"b\":15e-1}";

    SHA256((const u_char *) form, strlen(form), md);
    hash_of(text, hash);

    assert_memory_equal(hash, md, 16);
}


/* More than the buffer, in one piece and in many. */

static void
test_long(void **state)
{
    char     text[8192], *p;
    size_t   i;
    u_char   hash[16], md[SHA256_DIGEST_LENGTH];

    memset(text, 'x', 2000);
    text[0] = text[1999] = '"';
    text[2000] = '\0';

    SHA256((u_char *) text, 2000, md);
    hash_of(text, hash);
    assert_memory_equal(hash, md, 16);

    p = text;

    for (i = 0; i < 1000; i++) {
        *p++ = i ? ',' : '[';
        p += sprintf(p, "\"%c\"", 'a' + (int) (i % 26));
    }

    strcpy(p, "]");

    SHA256((u_char *) text, strlen(text), md);
    hash_of(text, hash);
    assert_memory_equal(hash, md, 16);
}


static void
test_no_memory_is_told(void **state)
{
    u_char                hash[16];
    ngx_log_t             log;
    ngx_ess_json_value_t  value;

    memset(&log, 0, sizeof(ngx_log_t));
    read_text("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
              "\"i\":1}", &value);

    test_no_memory = 1;
    assert_int_equal(ngx_ess_json_canonical_hash(&value, hash, &log),
                     NGX_ERROR);
    test_no_memory = 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_same_and_other),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_no_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
