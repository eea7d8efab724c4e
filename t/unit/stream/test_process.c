/*
 * Process slots: sweeping what a dead worker left, generations.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/many_streams.c
 */


#include "many_streams.h"


static uint32_t                number;


/* whoever is gone is swept, also when another process has its id by now */

static void
test_gone(void **state)
{
    pid_t                  child;
    uint64_t               seq, next;
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info;

    ngx_pid_t              pids[] = { 0, getpid(), 1, 1, 1 };
    ngx_uint_t             stays[] = { 0, 0, 1, 1, 0 };

    child = fork();
    if (child == 0) {
        _exit(0);
    }

    assert_int_equal(waitpid(child, NULL, 0), child);
    pids[0] = child;

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_process_attach(zone, 7, &ngx_unit_log),
                         NGX_OK);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[3].ref,
                                                    NULL, &seq, &next, &number),
                         NGX_OK);
        ngx_ess_zone_proc(zone->sh, 7)->pid = pids[i];
        zone->proc = 2;

        /* 2: known to the master no more, 3: it lives, 4: it was reaped */

        ngx_memzero(&ngx_processes[7], sizeof(ngx_process_t));
        ngx_processes[7].pid = (i == 2) ? -1 : pids[i];
        ngx_processes[7].channel[0] = (i == 3) ? 5 : -1;

        if (i < 2) {
            ngx_processes[7].channel[0] = 5;
        }

        ngx_ess_process_sweep(zone, &ngx_unit_log);

        assert_int_equal(ngx_ess_stream_by_id(zone, streams[3].ref.id, &info),
                         NGX_OK);
        assert_int_equal(info.subscribers, stays[i]);
        assert_int_equal(ngx_ess_zone_proc(zone->sh, 7)->pid,
                         stays[i] ? pids[i] : 0);
        assert_int_equal(ngx_ess_zone_proc(zone->sh, 2)->pid, getpid());
    }
}


/* a reload meets the mutex of a worker that was killed and not reaped yet */

static void
test_new_generation(void **state)
{
    uint64_t         before;
    ngx_ess_zone_t  *next;

    next = ngx_unit_reload(zone);
    before = ngx_ess_zone_generation(zone);

    ngx_ess_zone_lock(zone);
    ngx_ess_journal_set64_locked(zone->sh, &zone->sh->next_id, 77);

    ngx_ess_zone_new_generation(next);

    ngx_unit_force_unlock(zone);

    ngx_ess_zone_lock(zone);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(ngx_ess_zone_generation(zone), before + 1);
    assert_int_equal(next->generation, before + 1);

    ngx_unit_free_handle(next);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_gone,
                                        many_streams_setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_new_generation,
                                        many_streams_setup,
                                        many_streams_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
