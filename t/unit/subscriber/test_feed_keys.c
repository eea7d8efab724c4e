/*
 * Keys of a replay.
 *
 * links: src/subscriber/ngx_ess_feed_keys.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_feed_keys.h"


#define TEST_KEYS  1000


static ngx_uint_t  test_fail;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_fail ? NULL : malloc(size);
}


static ngx_str_t
test_key(char *text, ngx_uint_t i)
{
    ngx_str_t  key;

    key.len = (size_t) snprintf(text, 16, "%u", (unsigned) i);
    key.data = (u_char *) text;

    return key;
}


static void
test_those_are_found_and_no_others(void **state)
{
    char                  text[16];
    ngx_str_t             key;
    ngx_uint_t            i;
    ngx_ess_feed_keys_t  *copy;

    static char       texts[TEST_KEYS][16];
    static ngx_str_t  keys[TEST_KEYS];

    for (i = 0; i < TEST_KEYS; i++) {
        keys[i] = test_key(texts[i], i * 7 % TEST_KEYS * 2);
    }

    test_fail = 0;
    copy = ngx_ess_feed_keys_copy(keys, TEST_KEYS, NULL);
    assert_non_null(copy);
    ngx_memzero(texts, sizeof(texts));

    for (i = 0; i < TEST_KEYS * 2; i++) {
        key = test_key(text, i);
        assert_int_equal(ngx_ess_feed_keys_has(copy, &key), i % 2 == 0);
    }

    key.len = 0;
    assert_false(ngx_ess_feed_keys_has(copy, &key));

    free(copy);
}


/* Each once; what is dropped is found no more, and all others are. */

static void
test_drop(void **state)
{
    char                  text[16];
    ngx_str_t             key;
    ngx_uint_t            i, j;
    ngx_ess_feed_keys_t  *copy;

    static char       texts[3 * TEST_KEYS][16];
    static ngx_str_t  keys[3 * TEST_KEYS];

    for (i = 0; i < 3 * TEST_KEYS; i++) {
        keys[i] = test_key(texts[i], i % TEST_KEYS);
    }

    test_fail = 0;
    copy = ngx_ess_feed_keys_copy(keys, 3 * TEST_KEYS, NULL);
    assert_non_null(copy);
    assert_int_equal(copy->n, TEST_KEYS);

    for (i = 0; i < TEST_KEYS; i++) {
        key = test_key(text, i * 7 % TEST_KEYS);
        assert_int_equal(ngx_ess_feed_keys_drop(copy, &key), 1);
        assert_int_equal(ngx_ess_feed_keys_drop(copy, &key), 0);
        assert_int_equal(copy->n, TEST_KEYS - 1 - i);

        for (j = 0; j < TEST_KEYS; j += 13) {
            key = test_key(text, j * 7 % TEST_KEYS);
            assert_int_equal(ngx_ess_feed_keys_has(copy, &key), j > i);
        }
    }

    free(copy);
}


static void
test_without_memory(void **state)
{
    ngx_str_t  key = ngx_string("a");

    test_fail = 1;
    assert_null(ngx_ess_feed_keys_copy(&key, 1, NULL));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_those_are_found_and_no_others),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
