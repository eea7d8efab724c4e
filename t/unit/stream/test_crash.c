/*
 * A worker dies at each write that it makes under the zone's mutex.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/crash_*.c
 *
 * A child does a random mix of operations on a small zone that is always
 * full, and is killed at its n-th write, n = 1, 2, ...; what it was about to
 * do stands in a model in shared memory.  Then the zone must be sound, and the
 * operation under way must have happened or not, nothing between; the next
 * child goes on with that zone.
 */


#include "crash_ops.h"


#define CRASHES     1200       /* ESS_CRASHES in the environment: more */
#define OPS         600
#define PROCS       14


static uint32_t  number;


static void
child_run(ngx_uint_t attach)
{
    ngx_uint_t  i;

    ngx_pid = getpid();

    if (ngx_ess_process_attach(zone, attach, &ngx_unit_log) != NGX_OK) {
        abort();
    }

    model_sync();

    for (i = 0; i < OPS; i++) {
        model->ops++;

        crash_op();

        model_sync();
        ngx_current_msec += 20;
    }

    if (rnd(2)) {
        ngx_ess_process_detach(zone);
        model_sync();
    }
}


/* A child that dies after n writes; 1: it did. */

static int
run_child(ngx_uint_t n, ngx_uint_t attach)
{
    int    status;
    pid_t  pid;

    *ngx_unit_faults = n;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        if (attach == NGX_ESS_PROCS) {
            ngx_pid = getpid();
            ngx_ess_zone_lock(zone);
            ngx_ess_zone_unlock(zone);

        } else {
            child_run(attach);
        }

        _exit(ngx_unit_alerts ? 1 : 0);
    }

    assert_true(waitpid(pid, &status, 0) == pid);

    *ngx_unit_faults = 0;
    ngx_unit_force_unlock(zone);

    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return 0;
    }

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);

    return 1;
}


static void
test_crash(void **state)
{
    ngx_uint_t  n, crashes, killed, again;

    zone = ngx_unit_zone(1024 * 1024);
    zone->log_size = 200000;
    killed = 0;
    again = 0;
    crashes = getenv("ESS_CRASHES") ? atoi(getenv("ESS_CRASHES")) : CRASHES;

    for (n = 1; n <= crashes; n++) {
        seed = n * 1000003;

        /* the attach comes first; the model must be there before it */

        model_sync();

        killed += run_child((n % 3) ? n : n * 7, rnd(PROCS));
        ngx_current_msec += 500;

        if (n % 4 == 0) {
            /* who repairs dies, too */
            again += run_child(1 + rnd(20), NGX_ESS_PROCS);
        }

        ngx_ess_zone_lock(zone);
        ngx_ess_zone_unlock(zone);

        if (ngx_ess_zone_check(zone, &ngx_unit_log)) {
            fail_msg("n = %d", (int) n);
        }

        check_model();
    }

    assert_true(killed > crashes / 2);
    assert_true(again > 0);
    assert_true(model->followed > crashes / 20);
    assert_true(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY) > crashes);

    ngx_unit_free(zone);
}


/* One operation, killed at each of its writes in turn. */

static void
test_each_write(void **state)
{
    int                    status;
    pid_t                  pid;
    uint64_t               seq, next;
    ngx_uint_t             i, n;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info;
    ngx_ess_wake_t         wake;
    u_char                 body[2000];

    zone = ngx_unit_zone(1024 * 1024);
    zone->log_count = 3;

    ngx_ess_zone_new_generation(zone);
    assert_int_equal(ngx_ess_process_attach(zone, 1, &ngx_unit_log), NGX_OK);

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, &keys[2],
                                               &ngx_unit_bound, 0, NULL, &info),
                         NGX_OK);
        assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL,
                                                    &seq, &next, &number),
                         NGX_OK);
    }

    for (n = 1; /* void */ ; n++) {

        ngx_memzero(&wake, sizeof(wake));
        model_sync();

        model->appending = 3;
        model->event++;
        make_body(model->event, body, sizeof(body));

        ngx_memzero(&event, sizeof(ngx_ess_event_t));

        event.body.data = body;
        event.body.len = sizeof(body);
        event.timestamp = model->event;

        ngx_current_msec += 1200;
        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            ngx_pid = getpid();
            ngx_ess_zone_lock(zone);
            (void) ngx_unit_append_locked(zone,
                                          ngx_ess_stream_slot(&keys[2]),
                                          &keys[2], &event, 5, 1,
                                          &wake);
            ngx_ess_zone_unlock(zone);
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);
        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);

        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
        check_model();

        if (WIFEXITED(status)) {
            break;
        }
    }

    /* journal, count and store of some twenty words for each stream */
    assert_true(n > 5 * 3 * 15);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_write),
        cmocka_unit_test(test_crash),
    };

    ngx_unit_fault();

    if (crash_model_make() != 0) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
