/*
 * Answers that are kept: by whom, whose and about what, for how long, and how
 * many of them.
 *
 * links: src/client/ngx_ess_authorize_cache.c src/ngx_ess_str.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_authorize_cache.h"


static ngx_cycle_t                test_cycle;
static ngx_uint_t                 test_blocks;
static ngx_ess_authorize_conf_t   test_conf, test_other;
static u_char                     test_uuid[NGX_ESS_UUID_LEN];
static ngx_str_t                  test_sub = ngx_string("\"u\"");
static ngx_str_t                  test_key = ngx_string("eu");
static ngx_str_t                  test_none = ngx_null_string;

volatile ngx_cycle_t  *ngx_cycle = &test_cycle;
volatile ngx_msec_t    ngx_current_msec;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    test_blocks++;

    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


static int
test_setup(void **state)
{
    test_conf.cache = 1000;
    test_other.cache = 1000;
    ngx_current_msec = (ngx_msec_t) -500;
    test_blocks = 0;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_ess_authorize_cache_exit();
    ngx_ess_authorize_cache_exit();

    return 0;
}


/* -1: it is not known */

static int
known(ngx_ess_authorize_conf_t *conf, ngx_str_t *sub, ngx_str_t *key)
{
    ngx_uint_t  allowed;

    return (ngx_ess_authorize_cache_find(conf, sub, test_uuid, key, &allowed)
            == NGX_OK)
           ? (int) allowed : -1;
}


static void
test_kept(void **state)
{
    ngx_str_t  sub = ngx_string("\"v\"");

    assert_int_equal(known(&test_conf, &test_sub, &test_key), -1);

    ngx_ess_authorize_cache_add(&test_conf, &test_sub, test_uuid, &test_key,
                                1);
    ngx_ess_authorize_cache_add(&test_conf, &test_sub, test_uuid, &test_none,
                                0);

    assert_int_equal(known(&test_conf, &test_sub, &test_key), 1);
    assert_int_equal(known(&test_conf, &test_sub, &test_none), 0);
    assert_int_equal(known(&test_other, &test_sub, &test_key), -1);
    assert_int_equal(known(&test_conf, &sub, &test_key), -1);
    assert_int_equal(known(&test_conf, &test_none, &test_key), -1);

    test_uuid[0] = 1;
    assert_int_equal(known(&test_conf, &test_sub, &test_key), -1);
    test_uuid[0] = 0;

    /* a later answer counts, and from then on */

    ngx_current_msec += 600;
    ngx_ess_authorize_cache_add(&test_conf, &test_sub, test_uuid, &test_key,
                                0);
    assert_int_equal(known(&test_conf, &test_sub, &test_key), 0);

    ngx_current_msec += 399;
    assert_int_equal(known(&test_conf, &test_sub, &test_none), 0);
    ngx_current_msec += 1;
    assert_int_equal(known(&test_conf, &test_sub, &test_none), -1);
    assert_int_equal(known(&test_conf, &test_sub, &test_key), 0);
}


static void
test_not_kept(void **state)
{
    u_char     text[NGX_ESS_AUTHORIZE_CACHE_SUBJECT + 1];
    ngx_str_t  sub = { sizeof(text), text };

    memset(text, 'x', sizeof(text));

    ngx_ess_authorize_cache_add(&test_conf, &test_none, test_uuid, &test_key,
                                1);
    ngx_ess_authorize_cache_add(&test_conf, &sub, test_uuid, &test_key, 1);

    test_conf.cache = 0;
    ngx_ess_authorize_cache_add(&test_conf, &test_sub, test_uuid, &test_key,
                                1);
    assert_int_equal(test_blocks, 0);
}


static void
test_bounded(void **state)
{
    ngx_str_t   key;
    uint32_t    i;
    ngx_uint_t  found;

    key.data = (u_char *) &i;
    key.len = sizeof(i);

    for (i = 0; i < NGX_ESS_AUTHORIZE_CACHE_MAX + 100; i++) {
        ngx_ess_authorize_cache_add(&test_conf, &test_sub, test_uuid, &key,
                                    i & 1);
    }

    for (i = 0, found = 0; i < NGX_ESS_AUTHORIZE_CACHE_MAX + 100; i++) {
        if (i < 100) {
            assert_int_equal(known(&test_conf, &test_sub, &key), -1);
        } else {
            found += (known(&test_conf, &test_sub, &key) == (int) (i & 1));
        }
    }

    assert_int_equal(found, NGX_ESS_AUTHORIZE_CACHE_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(test_not_kept, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_bounded, test_setup,
                                        test_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
