/*
 * Half-made streams that a dead worker left.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include <sys/wait.h>

#include "one_zone.h"


static ngx_str_t  key = ngx_string("abc");
static ngx_str_t  other = ngx_string("def");


static void
test_orphans(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;

    zone = make(1024 * 1024);
    create(zone, &key, &info);

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        if (ngx_ess_process_attach(zone, 5, &ngx_unit_log) == NGX_OK
            && ngx_ess_table_delete_begin(zone, &info.ref) == NGX_OK
            && ngx_ess_table_reserve(zone, &other,
                                     &ngx_unit_bound, 0, NULL, &info) == NGX_OK
            && ngx_ess_stream_unbind_begin(zone, &key) == NGX_DECLINED
            && ngx_ess_pending_orphan(zone, &info) == NGX_DECLINED)
        {
            _exit(0);
        }

        _exit(1);
    }

    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);

    /* gone, but nobody found out yet */
    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_DECLINED);

    ngx_ess_process_sweep(zone, &ngx_unit_log);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_CREATING);
    ngx_ess_table_remove(zone, &info.ref);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_DELETING);
    ngx_ess_table_remove(zone, &info.ref);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_DECLINED);
    assert_int_equal(zone->sh->nstreams, 0);

    /* a new life in the same process slot does not own what the last left */

    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, NULL,
                                           &info), NGX_OK);
    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    done(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_orphans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
