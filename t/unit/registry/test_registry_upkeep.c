/*
 * What a worker does for the registry by itself: dead workers' streams, and a
 * store that is another one than before.
 *
 * links: src/registry/ngx_ess_registry.c src/registry/ngx_ess_registry_op.c
 * links: src/registry/ngx_ess_registry_undo.c
 * links: src/registry/ngx_ess_registry_upkeep.c src/ngx_ess_escape.c
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/registry/fake_registry.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "fake_registry.h"


static void
test_what_a_dead_worker_left_is_undone(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_stream_info_t  i;

    created();

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        _exit(ngx_ess_process_attach(zone, 5, &ngx_unit_log) != NGX_OK
              || ngx_ess_table_delete_begin(zone, &info.ref) != NGX_OK
              || ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, NULL, &i)
                 != NGX_OK);
    }

    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);

    ngx_ess_registry_upkeep_tick();
    assert_int_equal(waiting(), 0);

    ngx_ess_process_sweep(zone, &ngx_unit_log);
    ngx_ess_registry_upkeep_tick();
    assert_int_equal(waiting(), 2);

    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(zone->sh->nstreams, 1);

    ngx_ess_registry_upkeep_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(zone->sh->nstreams, 0);
    assert_int_equal(calls, 0);
}


static void
test_replaced_worker_adopts_nothing(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_stream_info_t  i;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        _exit(ngx_ess_process_attach(zone, 5, &ngx_unit_log) != NGX_OK
              || ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, NULL, &i)
                 != NGX_OK);
    }

    assert_true(waitpid(pid, &status, 0) == pid);

    ngx_ess_process_sweep(zone, &ngx_unit_log);
    zone->generation--;
    ngx_ess_registry_upkeep_tick();

    /* its store may be another one than that of today */
    assert_int_equal(waiting(), 0);

    zone->generation++;
    ngx_ess_registry_upkeep_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
}


static void
test_another_store_gets_all_streams_and_a_mark_each(void **state)
{
    created();
    created();

    ngx_ess_registry_upkeep_save_all();
    assert_int_equal(waiting(), 2);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);
    assert_int_equal(waiting(), 0);

    /* what failed is saved later */

    ngx_ess_registry_upkeep_tick();
    assert_int_equal(waiting(), 1);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);

    ngx_ess_registry_upkeep_tick();
    assert_int_equal(waiting(), 0);
}


static void
test_stream_that_is_deleted_while_it_is_saved(void **state)
{
    created();

    ngx_ess_registry_upkeep_save_all();
    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);

    /* the row could have been written behind the removal */
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(waiting(), 0);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

    const struct CMUnitTest  tests[] = {
        t(test_what_a_dead_worker_left_is_undone),
        t(test_replaced_worker_adopts_nothing),
        t(test_another_store_gets_all_streams_and_a_mark_each),
        t(test_stream_that_is_deleted_while_it_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
