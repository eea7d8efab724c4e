/*
 * Figures of RPC over several processes: sums that are exact, and times.
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


#define WORKERS  4
#define EACH     50000


static void
count(void)
{
    ngx_uint_t  i;

    for (i = 0; i < EACH; i++) {
        ngx_ess_rpc_figures_message(i % 2, NGX_ESS_CONSUME_ACK);
        ngx_ess_rpc_figures_message_time(3);
        ngx_ess_rpc_figures_call(NGX_ESS_CALL_REPLY);
        ngx_ess_rpc_figures_call_time(70000);
    }
}


static void
test_sums_are_exact(void **state)
{
    int                          i;
    workers_t                     w[WORKERS];
    ngx_ess_rpc_report_totals_t  t;

    for (i = 0; i < WORKERS; i++) {
        w[i] = workers_start(i, count);
    }

    for (i = 0; i < WORKERS; i++) {
        workers_killed(&w[i]);
    }

    ngx_ess_rpc_report_totals(workers_figures, &t);

    assert_int_equal(workers_outcome(0, NGX_ESS_CONSUME_ACK),
                     WORKERS * EACH / 2);
    assert_int_equal(workers_outcome(1, NGX_ESS_CONSUME_ACK),
                     WORKERS * EACH / 2);
    assert_int_equal(workers_outcome(0, NGX_ESS_CONSUME_DEAD), 0);
    assert_int_equal(t.calls[NGX_ESS_CALL_REPLY], WORKERS * EACH);
    assert_int_equal(t.message_time.buckets[1], WORKERS * EACH);
    assert_int_equal(t.message_time.sum, WORKERS * EACH * 3);
    assert_int_equal(t.call_time.buckets[NGX_ESS_RPC_FIGURES_TIMES - 1],
                     WORKERS * EACH);
}


static void
test_times(void **state)
{
    ngx_uint_t                   i;
    ngx_ess_rpc_report_totals_t  t;

    for (i = 0; i < NGX_ESS_RPC_FIGURES_TIMES - 1; i++) {
        ngx_ess_rpc_figures_call_time(ngx_ess_rpc_figures_times[i]);
        ngx_ess_rpc_figures_call_time(ngx_ess_rpc_figures_times[i] + 1);
    }

    ngx_ess_rpc_figures_call_time((ngx_msec_t) -5);

    ngx_ess_rpc_report_totals(workers_figures, &t);

    assert_int_equal(t.call_time.buckets[0], 2);

    for (i = 1; i < NGX_ESS_RPC_FIGURES_TIMES - 1; i++) {
        assert_int_equal(t.call_time.buckets[i], 2);
    }

    assert_int_equal(t.call_time.buckets[i], 1);
}


/* A worker beyond the process slots counts sums, and nothing else. */

static void
test_no_slot(void **state)
{
    ngx_ess_rpc_report_totals_t  t;

    ngx_process_slot = 300;
    ngx_ess_rpc_figures_init_process(workers_figures);

    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_in_work(1);
    ngx_ess_rpc_figures_blocked(NULL, NULL);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, NULL, NULL);
    ngx_ess_rpc_figures_call(NGX_ESS_CALL_LATE);
    ngx_ess_rpc_figures_message(100000, NGX_ESS_CONSUME_ACK);

    ngx_ess_rpc_report_totals(workers_figures, &t);
    assert_int_equal(t.in_work, 0);
    assert_int_equal(t.calls[NGX_ESS_CALL_LATE], 1);
    assert_int_equal(workers_consumers(0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_sums_are_exact, workers_setup),
        cmocka_unit_test_setup(test_times, workers_setup),
        cmocka_unit_test_setup(test_no_slot, workers_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
