/*
 * Memory of RPC's figures: rows that are kept over reloads and used again,
 * and who is behind a process id.
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
test_rows_are_kept(void **state)
{
    ngx_uint_t  i;
    char        name[100][8];

    static const char  *other[] = { "c", "b", "a\"\n" };
    static const char  *back[] = { "a", "c" };
    static const char  *many[100];

    ngx_ess_rpc_figures_message(workers_queue[0].figures,
                                NGX_ESS_CONSUME_DEAD);
    ngx_ess_rpc_figures_message(workers_queue[1].figures,
                                NGX_ESS_CONSUME_RETRY);

    workers_cycle(3, other);
    assert_int_equal(ngx_ess_rpc_report_queues(workers_figures), 3);
    assert_int_equal(ngx_ess_rpc_report_calls(workers_figures), 2);
    assert_int_equal(workers_outcome(1, NGX_ESS_CONSUME_RETRY), 1);
    assert_int_equal(workers_outcome(0, NGX_ESS_CONSUME_DEAD), 0);

    ngx_ess_rpc_figures_init_process(workers_figures);
    ngx_ess_rpc_figures_message(workers_queue[0].figures, NGX_ESS_CONSUME_GONE);

    workers_cycle(2, back);
    assert_int_equal(workers_outcome(0, NGX_ESS_CONSUME_DEAD), 1);
    assert_int_equal(workers_outcome(1, NGX_ESS_CONSUME_GONE), 1);

    /* another size: all begins anew */

    for (i = 0; i < 100; i++) {
        sprintf(name[i], "q%d", (int) i);
        many[i] = name[i];
    }

    many[99] = "a";

    workers_cycle(100, many);
    assert_int_equal(workers_outcome(99, NGX_ESS_CONSUME_DEAD), 0);

    for (i = 0; i < 100; i++) {
        ngx_ess_rpc_figures_init_process(workers_figures);
        ngx_ess_rpc_figures_message(workers_queue[i].figures,
                                    NGX_ESS_CONSUME_ACK);
        assert_int_equal(workers_outcome(i, NGX_ESS_CONSUME_ACK), 1);
    }
}


/* Other names at each reload: rows are found for them for ever. */

static void
test_rows_are_used_again(void **state)
{
    int          i, k;
    char         name[31][16];
    const char  *names[31];

    for (i = 0; i < 20; i++) {

        for (k = 0; k < 31; k++) {
            sprintf(name[k], "%d of %d", k, k ? i : 0);
            names[k] = name[k];
        }

        workers_cycle(31, names);
        ngx_ess_rpc_figures_init_process(workers_figures);

        for (k = 0; k < 31; k++) {
            assert_int_equal(workers_outcome(k, NGX_ESS_CONSUME_ACK),
                             k ? 0 : i);
            ngx_ess_rpc_figures_message(workers_queue[k].figures,
                                        NGX_ESS_CONSUME_ACK);
        }
    }
}


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


/* Its process id is another process's by now: of this one, and of one that
   nginx has reaped. */

static void
test_ids_that_are_used_again(void **state)
{
    workers_t  a;

    a = workers_start(0, consume_both);
    assert_int_equal(workers_consumers(1), 1);

    ngx_processes[0].channel[0] = -1;
    assert_int_equal(workers_consumers(1), 0);
    ngx_processes[0].channel[0] = 0;
    assert_int_equal(workers_consumers(1), 1);

    ngx_pid = a.pid;
    assert_int_equal(workers_consumers(1), 0);
    ngx_pid = getpid();

    workers_killed(&a);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_rows_are_kept, workers_setup),
        cmocka_unit_test_setup(test_rows_are_used_again, workers_setup),
        cmocka_unit_test_setup(test_ids_that_are_used_again, workers_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
