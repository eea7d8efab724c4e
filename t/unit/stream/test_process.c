/*
 * Process slots: sweeping what a dead worker left, generations.
 *
 * links: src/stream/ngx_ess_*.c t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


#define STREAMS  600


static ngx_ess_zone_t         *zone;
static ngx_ess_stream_info_t   streams[STREAMS];
static uint32_t                number;


static ngx_str_t *
key_of(ngx_uint_t i)
{
    static u_char     text[16];
    static ngx_str_t  k;

    k.data = text;
    k.len = snprintf((char *) text, sizeof(text), "k%d", (int) i);

    return &k;
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    zone = ngx_unit_zone(1024 * 1024);

    if (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < STREAMS; i++) {
        if (ngx_ess_table_reserve(zone, key_of(i),
                                  &ngx_unit_bound, 0, &streams[i]) != NGX_OK
            || ngx_ess_table_show(zone, &streams[i].ref) != NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


static int
teardown(void **state)
{
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    ngx_unit_free(zone);

    return faults != 0;
}


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
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_generation, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
