/*
 * What becomes of a client that does not keep up: within its bound nothing,
 * beyond it the end or a way back to the log, as its location says.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_client_slow.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_trace.h"
#include "ngx_ess_client.h"
#include "ngx_ess_client_slow.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_feed_back.h"


#define TEST_BOUND  4096


static ngx_log_t           test_log;
static ngx_connection_t    test_connection;
static ngx_ess_loc_conf_t  test_conf;
static ngx_ess_feed_t      test_feed;
static ngx_ess_frame_t     test_frame;
static ngx_ess_client_t    test_client;
static ngx_int_t           test_back;       /* what the way back returns */


ngx_int_t
ngx_ess_feed_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep)
{
    ngx_unit_trace("back %d", (int) keep);

    return test_back;
}


ngx_int_t
ngx_ess_client_close(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    ngx_unit_trace("close %d %s", (int) code, reason);

    return NGX_DONE;
}


void
ngx_ess_client_close_end(ngx_ess_client_t *client, ngx_int_t rc)
{
    ngx_unit_trace("end");
}


void
ngx_ess_client_count(ngx_uint_t counter, int64_t n)
{
    switch (counter) {

    case NGX_ESS_C_SLOW_CLOSED:
        ngx_unit_trace("closed");
        return;

    case NGX_ESS_C_SLOW_SKIPPED:
        ngx_unit_trace("skipped");
        return;

    default:
        assert_int_equal(counter, NGX_ESS_C_SLOW_RECLAIMED);
        ngx_unit_trace("reclaimed");
    }
}


static int
test_setup(void **state)
{
    ngx_memzero(&test_conf, sizeof(ngx_ess_loc_conf_t));
    ngx_memzero(&test_feed, sizeof(ngx_ess_feed_t));
    ngx_memzero(&test_client, sizeof(ngx_ess_client_t));

    test_conf.slow_buffer = TEST_BOUND;
    test_connection.log = &test_log;

    test_client.sub.client = &test_client;
    test_feed.lane.feed = &test_feed;
    test_client.sub.lane = &test_feed.lane;
    test_client.sub.frame = &test_frame;
    test_client.connection = &test_connection;
    test_client.conf = &test_conf;
    test_client.state = NGX_ESS_CLIENT_OPEN;
    test_back = NGX_OK;

    return 0;
}


static void
test_bound(void **state)
{
    ngx_ess_client_slow(&test_client.sub, TEST_BOUND);
    ngx_unit_traced();

    ngx_ess_client_slow(&test_client.sub, TEST_BOUND + 1);
    ngx_unit_traced("closed", "close 1013 Slow client");
}


static void
test_skip(void **state)
{
    test_conf.slow_skip = 1;

    ngx_ess_client_slow(&test_client.sub, TEST_BOUND + 1);
    ngx_unit_traced("back 1", "skipped");

    test_back = NGX_ERROR;
    ngx_ess_client_slow(&test_client.sub, TEST_BOUND + 1);
    ngx_unit_traced("back 1", "closed", "close 1013 Slow client");

    /* no more comes than is there */

    test_feed.ended = 1;
    ngx_ess_client_slow(&test_client.sub, TEST_BOUND + 1);
    ngx_unit_traced("skipped");
}


static void
test_reclaim(void **state)
{
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("back 0", "reclaimed");
    assert_int_equal(test_feed.strict, 1);

    test_conf.slow_skip = 1;
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("back 0", "reclaimed");
    assert_int_equal(test_feed.strict, 0);

    test_back = NGX_DECLINED;
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("back 0", "close 1000 The stream has been deleted");

    test_back = NGX_ERROR;
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("back 0", "close 1011 Internal error");

    /* a replay is as strict as it was */

    test_back = NGX_OK;
    test_feed.replay = 1;
    test_feed.strict = 1;
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("back 0", "reclaimed");
    assert_int_equal(test_feed.strict, 1);

    test_client.state = NGX_ESS_CLIENT_CLOSING;
    ngx_ess_client_slow_reclaim(&test_client.sub);
    ngx_unit_traced("end");
}


static void
test_missed(void **state)
{
    ngx_ess_client_slow_missed(&test_client.sub);
    ngx_unit_traced("closed", "close 1013 Slow client");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_bound, test_setup),
        cmocka_unit_test_setup(test_skip, test_setup),
        cmocka_unit_test_setup(test_reclaim, test_setup),
        cmocka_unit_test_setup(test_missed, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
