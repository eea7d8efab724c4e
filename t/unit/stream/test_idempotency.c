/*
 * Idempotency keys: their life, their time, their room, and death at each
 * write.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"
#include "ngx_ess_idempotency.h"


static ngx_ess_zone_t         *zone;
static ngx_ess_idempotency_t   ctx;


static int
setup(void **state)
{
    zone = make(1024 * 1024);

    return 0;
}


static int
teardown(void **state)
{
    done(zone);

    return 0;
}


static ngx_int_t
begin(ngx_uint_t key, ngx_uint_t request)
{
    ngx_memzero(&ctx, sizeof(ctx));

    /* any bytes, the same for the same number */

    ctx.key[0] = (u_char) (key * 7);
    ctx.key[1] = (u_char) (key >> 3);
    ngx_memcpy(&ctx.key[4], &key, sizeof(key));
    ngx_memcpy(&ctx.request[8], &request, sizeof(request));

    return ngx_ess_idempotency_begin(zone, &ctx);
}


static void
finish(ngx_uint_t key, uint32_t accepted, const char *answer)
{
    ctx.accepted = accepted;
    ctx.len = strlen(answer);
    memcpy(ctx.answer, answer, ctx.len);

    ngx_ess_idempotency_finish(zone, &ctx);
}


static void
test_life(void **state)
{
    ngx_uint_t  nfree, total, before;

    ngx_ess_zone_room(zone, &before, &total);

    assert_int_equal(begin(1, 1), NGX_OK);
    assert_int_equal(begin(1, 1), NGX_BUSY);
    assert_int_equal(begin(1, 2), NGX_DECLINED);
    assert_int_equal(begin(2, 2), NGX_OK);
    ngx_ess_idempotency_cancel(zone, &ctx);
    assert_int_equal(ngx_ess_idempotency_count(zone), 1);

    (void) begin(1, 1);
    finish(1, 7, "answer");

    assert_int_equal(begin(1, 1), NGX_DONE);
    assert_int_equal(ctx.accepted, 7);
    assert_int_equal(ctx.len, 6);
    assert_memory_equal(ctx.answer, "answer", 6);
    assert_int_equal(begin(1, 3), NGX_DECLINED);

    /* what is finished is not cancelled, nor finished again */

    (void) begin(1, 1);
    ngx_ess_idempotency_cancel(zone, &ctx);
    finish(1, 8, "other");
    assert_int_equal(begin(1, 1), NGX_DONE);
    assert_int_equal(ctx.accepted, 7);

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_true(nfree < before);

    ngx_current_msec += NGX_ESS_IDEMPOTENCY_TIME * 1000 - 20;
    ngx_ess_idempotency_expire(zone, 1000);
    assert_int_equal(begin(1, 1), NGX_DONE);

    ngx_current_msec += 40;
    ngx_ess_idempotency_expire(zone, 1000);
    assert_int_equal(ngx_ess_idempotency_count(zone), 0);

    /* all of it is free again, the tables as well */

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_int_equal(nfree, before);

    assert_int_equal(begin(1, 3), NGX_OK);
    finish(1, 1, "");

    /* found when it is over, without the timer */

    ngx_current_msec += NGX_ESS_IDEMPOTENCY_TIME * 1000 + 20;
    assert_int_equal(begin(1, 4), NGX_OK);
}


static void
test_dead_owner(void **state)
{
    assert_int_equal(begin(1, 1), NGX_OK);
    assert_int_equal(begin(2, 2), NGX_OK);
    finish(2, 1, "two");
    assert_int_equal(begin(3, 3), NGX_OK);

    /* another life of the slot */

    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);

    (void) ngx_ess_idempotency_count(zone);
    ngx_memzero(&ctx, sizeof(ctx));

    assert_int_equal(begin(1, 9), NGX_OK);
    finish(1, 5, "one");
    assert_int_equal(begin(1, 9), NGX_DONE);
    assert_int_equal(begin(2, 2), NGX_DONE);

    assert_int_equal(ngx_ess_idempotency_count(zone), 3);
    ngx_ess_idempotency_expire(zone, 1000);
    assert_int_equal(ngx_ess_idempotency_count(zone), 2);
    assert_int_equal(begin(3, 4), NGX_OK);
}


static void
test_room(void **state)
{
    ngx_uint_t  i, max, n;

    max = ngx_ess_idempotency_max(zone);
    assert_true(max >= 16 && max < 1000);

    /* the oldest go */

    for (i = 0; i < 3 * max; i++) {
        assert_int_equal(begin(i, i), NGX_OK);
        finish(i, 1, "x");
    }

    assert_int_equal(ngx_ess_idempotency_count(zone), max);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_IDEMPOTENCY_EVICTED),
                     2 * max);
    assert_int_equal(begin(2 * max, 2 * max), NGX_DONE);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    /* but none that is under way */

    for (i = 0, n = 0; i < 2 * max; i++) {
        n += (begin(100000 + i, i) == NGX_OK);
    }

    assert_int_equal(n, max);
    assert_int_equal(begin(5, 5), NGX_ABORT);
    assert_int_equal(begin(100000, 0), NGX_BUSY);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    ngx_ess_idempotency_cancel(zone, &ctx);
    assert_int_equal(begin(5, 5), NGX_OK);
}


/* No two zones have the same seed. */

static void
test_seed(void **state)
{
    u_char           first[NGX_ESS_IDEMPOTENCY_SEED];
    ngx_str_t        seed;
    ngx_ess_zone_t  *other;

    ngx_ess_idempotency_seed(zone, &seed);
    assert_int_equal(seed.len, NGX_ESS_IDEMPOTENCY_SEED);
    ngx_memcpy(first, seed.data, seed.len);

    other = make(1024 * 1024);
    ngx_ess_idempotency_seed(other, &seed);
    assert_memory_not_equal(first, seed.data, seed.len);
    done(other);
}


/* More than goes in one hold. */

static void
test_expire_many(void **state)
{
    ngx_uint_t       i;
    ngx_ess_zone_t  *small;

    small = zone;
    zone = make(8 * 1024 * 1024);

    for (i = 0; i < 100; i++) {
        assert_int_equal(begin(i, i), NGX_OK);
        finish(i, 1, "x");
    }

    assert_int_equal(begin(i, i), NGX_OK);

    ngx_current_msec += NGX_ESS_IDEMPOTENCY_TIME * 1000 + 20;
    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);

    ngx_ess_idempotency_expire(zone, 10);
    assert_int_equal(ngx_ess_idempotency_count(zone), 91);
    ngx_ess_idempotency_expire(zone, 1000);
    assert_int_equal(ngx_ess_idempotency_count(zone), 0);

    done(zone);
    zone = small;
}


/* In a zone that is full of events these go. */

static void
test_full_zone(void **state)
{
    ngx_str_t              key = ngx_string("key");
    ngx_uint_t             i, nfree, total;
    ngx_ess_wake_t         wake;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info;
    u_char                 body[2000];

    create(zone, &key, &info);
    ngx_memzero(body, sizeof(body));

    zone->log_size = 10 * 1024 * 1024;

    for (i = 0; i < 2000; i++) {
        ngx_memzero(&wake, sizeof(wake));
        ngx_memzero(&event, sizeof(event));
        event.body.data = body;
        event.body.len = sizeof(body);

        (void) ngx_ess_log_append(zone, &key, &event, 1, &wake);
    }

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_true(nfree < 10);

    for (i = 0; i < 50; i++) {
        assert_int_equal(begin(i, i), NGX_OK);
        finish(i, 1, "x");
    }

    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
}


static void
one_of_each(void)
{
    (void) begin(1, 1);
    finish(1, 1, "one");
    (void) begin(2, 2);
    (void) begin(3, 3);
    ngx_ess_idempotency_cancel(zone, &ctx);
    (void) begin(1, 1);
    (void) begin(2, 2);
    finish(2, 1, "two");
    ngx_current_msec += NGX_ESS_IDEMPOTENCY_TIME * 1000 + 20;
    (void) begin(4, 4);
    finish(4, 4, "four");
    ngx_current_msec += NGX_ESS_IDEMPOTENCY_TIME * 1000 + 20;
    ngx_ess_idempotency_expire(zone, 10);
}


static void
test_each_write(void **state)
{
    int         status;
    pid_t       pid;
    ngx_uint_t  n;

    for (n = 1; n < 100000; n++) {

        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            ngx_pid = getpid();

            if (ngx_ess_process_attach(zone, 5, &ngx_unit_log) != NGX_OK) {
                abort();
            }

            one_of_each();
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);

        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);

        ngx_ess_zone_lock(zone);
        ngx_ess_zone_unlock(zone);

        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }

        assert_int_equal(WTERMSIG(status), SIGKILL);

        /* the next life owns nothing of it; all of it goes in time */

        ngx_current_msec += 2 * NGX_ESS_IDEMPOTENCY_TIME * 1000 + 40;
        ngx_ess_process_sweep(zone, &ngx_unit_log);
        ngx_ess_idempotency_expire(zone, 1000);
        assert_int_equal(ngx_ess_idempotency_count(zone), 0);
    }

    assert_true(n > 100);
    ngx_ess_process_sweep(zone, &ngx_unit_log);
}


#define test(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(test_life),
        test(test_dead_owner),
        test(test_room),
        test(test_seed),
        test(test_expire_many),
        test(test_full_zone),
        test(test_each_write),
    };

    ngx_unit_fault();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
