/*
 * What the figures of RPC say: of workers that are killed, of queues that
 * nobody consumes, of a broker that is away or blocks.
 *
 * links: src/rpc/ngx_ess_rpc_figures.c src/rpc/ngx_ess_rpc_memory.c
 * links: src/rpc/ngx_ess_rpc_report.c src/ngx_ess_escape.c
 * links: src/ngx_ess_trouble.c t/unit/rpc/workers.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "workers.h"


static void
consume_both(void)
{
    ngx_str_t  host, reason;

    ngx_str_set(&host, "localhost:5672");
    ngx_str_set(&reason, "low on memory");

    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_consuming(1, 1);
    ngx_ess_rpc_figures_in_work(3);
    ngx_ess_rpc_figures_in_flight(1);
    ngx_ess_rpc_figures_blocked(&host, &reason);
}


static void
consume_one(void)
{
    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_in_work(5);
    ngx_ess_rpc_figures_in_work(-1);
}


static void
idle(void)
{
}


static void
test_the_killed_are_not_counted(void **state)
{
    workers_t                     a, b, c;
    ngx_ess_rpc_report_totals_t  t;

    a = workers_start(0, consume_both);
    b = workers_start(1, consume_one);

    ngx_ess_rpc_report_totals(workers_figures, &t);
    assert_int_equal(t.in_work, 7);
    assert_int_equal(t.in_flight, 1);
    assert_int_equal(t.blocked, 1);
    assert_int_equal(workers_consumers(0), 2);
    assert_int_equal(workers_consumers(1), 1);
    assert_null(workers_unhealthy());

    workers_killed(&a);

    ngx_ess_rpc_report_totals(workers_figures, &t);
    assert_int_equal(t.in_work, 4);
    assert_int_equal(t.in_flight, 0);
    assert_int_equal(t.blocked, 0);
    assert_int_equal(workers_consumers(0), 1);
    assert_int_equal(workers_consumers(1), 0);

    /* who follows in its slot finds that nobody consumes it any more */

    assert_null(workers_unhealthy());
    c = workers_start(0, idle);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE;
    assert_null(workers_unhealthy());
    ngx_current_msec += 10;
    assert_string_equal(workers_unhealthy(),
                        "queue \"b\" is consumed by no worker");

    workers_killed(&b);
    assert_int_equal(workers_consumers(0), 0);
    assert_string_equal(workers_unhealthy(),
                        "queue \"b\" is consumed by no worker");
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;
    assert_string_equal(workers_unhealthy(),
                        "queue \"a\" and 1 more are consumed by no worker");
    workers_killed(&c);
}


/* In the configuration again: its workers have their time, and as ever there is
   none for a queue that stays. */

static void
test_a_queue_that_comes_back(void **state)
{
    static const char  *one[] = { "a" };
    static const char  *both[] = { "a", "b" };

    workers_cycle(1, one);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    workers_cycle(2, both);
    assert_string_equal(workers_unhealthy(),
                        "queue \"a\" is consumed by no worker");

    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;
    assert_string_equal(workers_unhealthy(),
                        "queue \"a\" and 1 more are consumed by no worker");
}


/* 1: the broker blocks those who publish */

static ngx_uint_t
blocked(ngx_str_t *why)
{
    return ngx_ess_rpc_report_blocked(workers_figures, workers_buf, why);
}


static void
test_what_is_said(void **state)
{
    ngx_str_t   host, text, why;
    ngx_uint_t  i;
    u_char      big[1000];

    static const char  *strange[] = { "a\"\n\xff" };

    workers_cycle(1, strange);
    ngx_ess_rpc_figures_init_process(workers_figures);

    assert_null(workers_unhealthy());
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    ngx_str_set(&host, "localhost:5672");
    ngx_str_set(&text, "NOT_FOUND - no queue");
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, &host, &text);

    workers_begins(workers_unhealthy(),
                   "queue \"a\\x22\\x0A\\xFF\" is consumed by no worker: "
                   "localhost:5672: NOT_FOUND - no queue, since 2023");

    ngx_ess_rpc_figures_consuming(workers_queue[0].figures, 1);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, NULL, NULL);
    assert_null(workers_unhealthy());

    /* away, blocked, away again */

    ngx_str_set(&text, "connect\nrefused");
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING, &host, &text);
    assert_null(workers_unhealthy());
    workers_time.sec += 3;
    workers_begins(workers_unhealthy(), "a worker cannot publish: "
                   "localhost:5672: connect.refused, since 2023");

    assert_int_equal(blocked(&why), 0);
    ngx_str_set(&text, "low on memory");
    ngx_ess_rpc_figures_blocked(&host, &text);
    assert_null(workers_unhealthy());
    assert_int_equal(blocked(&why), 1);
    workers_buf[why.len] = '\0';
    assert_string_equal(workers_buf, "the broker blocks those who publish: "
                        "\"low on memory\"");
    ngx_ess_rpc_figures_blocked(NULL, NULL);
    assert_int_equal(blocked(&why), 0);

    /* the longest that there is */

    memset(big, '"', sizeof(big));
    text.data = big;
    text.len = sizeof(big);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING, &text, &text);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, &text, &text);
    assert_non_null(workers_unhealthy());

    ngx_ess_rpc_figures_blocked(&text, &text);
    assert_int_equal(blocked(&why), 1);
    assert_in_range(why.len, NGX_ESS_TROUBLE_TEXT, NGX_ESS_RPC_REPORT_WHY);
    ngx_ess_rpc_figures_blocked(NULL, NULL);

    workers_queue[0].name.data = big;
    workers_queue[0].name.len = 255;
    ngx_ess_rpc_figures_consuming(workers_queue[0].figures, 0);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    for (i = 0; i < 3; i++) {
        assert_non_null(workers_unhealthy());
    }

    workers_time.sec -= 3;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_the_killed_are_not_counted, workers_setup),
        cmocka_unit_test_setup(test_a_queue_that_comes_back, workers_setup),
        cmocka_unit_test_setup(test_what_is_said, workers_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
