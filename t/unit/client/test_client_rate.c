/*
 * What a client may send: bursts, a rate that is kept to, pauses, the end of
 * a client that goes on, and one that had been quiet.
 *
 * links: src/client/ngx_ess_client_rate.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "ngx_ess_client_rate.h"


#define TEST_NOW  123456789


static const ngx_ess_client_rate_conf_t  test_conf = { 100, 262144 };


static void
test_burst(void **state)
{
    ngx_uint_t             i;
    ngx_ess_client_rate_t  rate;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));

    for (i = 0; i < 1000; i++) {
        assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1, 6,
                                             TEST_NOW),
                         NGX_OK);
    }

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1, 6, TEST_NOW),
                     NGX_BUSY);
}


static void
test_bytes(void **state)
{
    ngx_uint_t             i;
    ngx_ess_client_rate_t  rate;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));

    for (i = 0; i < 160; i++) {
        assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 0, 16384,
                                             TEST_NOW),
                         NGX_OK);
    }

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 0, 16384,
                                         TEST_NOW),
                     NGX_BUSY);
}


static void
test_steady(void **state)
{
    ngx_uint_t             i;
    ngx_ess_client_rate_t  rate;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));

    /* for an hour, a message each 10 ms */

    for (i = 0; i < 360000; i++) {
        assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1, 2621,
                                             TEST_NOW + 10 * i),
                         NGX_OK);
        assert_false(rate.paused);
    }
}


static void
test_goes_on(void **state)
{
    ngx_msec_t             now;
    ngx_ess_client_rate_t  rate;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));
    now = TEST_NOW;

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 2700, 0, now),
                     NGX_BUSY);

    now += NGX_ESS_CLIENT_RATE_PAUSE;

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 100, 0, now),
                     NGX_OK);
    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1, 0, now),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1, 0, now),
                     NGX_DECLINED);
}


static void
test_quiet_again(void **state)
{
    ngx_msec_t             now;
    ngx_ess_client_rate_t  rate;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));
    now = TEST_NOW;

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 1100, 0, now),
                     NGX_BUSY);

    now += 4000;

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 0, 1, now),
                     NGX_OK);
    assert_true(rate.paused);

    now += 1000;

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 0, 1, now),
                     NGX_OK);
    assert_false(rate.paused);

    assert_int_equal(ngx_ess_client_rate(&rate, &test_conf, 501, 0, now),
                     NGX_BUSY);
}


static void
test_off(void **state)
{
    ngx_ess_client_rate_t       rate;
    ngx_ess_client_rate_conf_t  conf;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));
    ngx_memzero(&conf, sizeof(ngx_ess_client_rate_conf_t));

    assert_int_equal(ngx_ess_client_rate(&rate, &conf, 1000000000,
                                         (size_t) 1 << 40, TEST_NOW),
                     NGX_OK);
    assert_int_equal(ngx_ess_client_rate(&rate, &conf, 1, 1, TEST_NOW),
                     NGX_OK);
}


static void
test_extremes(void **state)
{
    ngx_ess_client_rate_t       rate;
    ngx_ess_client_rate_conf_t  conf;

    conf.messages = 1;
    conf.bytes = 8192;

    ngx_memzero(&rate, sizeof(ngx_ess_client_rate_t));

    /* at the very end of the clock of 64 bits, and all that one read holds */

    assert_int_equal(ngx_ess_client_rate(&rate, &conf, 16384, 16384,
                                         (ngx_msec_t) 1 << 53),
                     NGX_BUSY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_quiet_again),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_extremes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
