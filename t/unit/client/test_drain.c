/*
 * The drain: evenly spread whatever the number of subscribers, with those who
 * leave by themselves, and at once when there is no time for it; and the end
 * of those who do not take their close.
 *
 * links: src/client/ngx_ess_drain.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_drain.h"


#define TEST_MAX  200000


/* as much of nginx as the drain needs; it has two timers, the last one of
   which alone is cancelable */

volatile ngx_msec_t           ngx_current_msec;
ngx_rbtree_t                  ngx_event_timer_rbtree;
ngx_queue_t                   ngx_posted_next_events;

static ngx_log_t              test_log;
static ngx_cycle_t            test_cycle;
static ngx_event_t           *test_timer;
static ngx_event_t           *test_last;
static ngx_ess_client_t       test_clients[TEST_MAX];
static ngx_uint_t             test_closed;
static ngx_uint_t             test_most;    /* closed in one go */
static ngx_uint_t             test_leave;   /* with each one closed */
static ngx_uint_t             test_late;
static ngx_uint_t             test_waits;   /* who is closed waits */
static ngx_uint_t             test_over;    /* runs that end those left */


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_event_t  *ev;

    ev = ngx_rbtree_data(node, ngx_event_t, timer);

    if (ev->cancelable) {
        test_last = ev;

    } else {
        test_timer = ev;
    }
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    test_timer = NULL;
}


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


static void
test_handler(ngx_ess_client_t *client, ngx_uint_t code)
{
    ngx_uint_t  i;

    assert_int_equal(code, 1012);
    assert_int_equal(client->code, 0);

    client->code = (uint16_t) code;
    test_closed++;

    for (i = 0;
         i < test_leave && client + i + 1 < test_clients + TEST_MAX;
         i++)
    {
        ngx_ess_drain_remove(client + i + 1);
    }

    ngx_ess_drain_remove(client);

    if (test_waits) {
        ngx_ess_drain_wait(client);
    }
}


static ngx_int_t
test_handle_late(ngx_ess_client_t *client)
{
    assert_true(ngx_queue_empty(&client->drain));
    assert_int_equal(client->late, 0);

    test_late++;

    return NGX_DONE;
}


static ngx_uint_t
test_handle_over(ngx_uint_t max)
{
    assert_true(max > 0);

    return --test_over > 0;
}


static const ngx_ess_drain_handlers_t  test_handlers = {
    test_handler,
    test_handle_late,
    test_handle_over
};


static void
test_begin(ngx_uint_t n)
{
    ngx_uint_t  i;

    test_cycle.log = &test_log;
    test_timer = NULL;
    test_last = NULL;
    test_late = 0;
    test_waits = 0;
    test_over = 0;
    test_closed = 0;
    test_most = 0;
    test_leave = 0;
    ngx_current_msec = 5000;

    ngx_memzero(test_clients, sizeof(test_clients));
    ngx_ess_drain_init(&test_cycle, &test_handlers);
    ngx_queue_init(&ngx_posted_next_events);

    for (i = 0; i < TEST_MAX; i++) {
        ngx_queue_init(&test_clients[i].drain);
    }

    for (i = 0; i < n; i++) {
        ngx_ess_drain_add(&test_clients[i]);
    }
}


/* the event loop, until "end" */

static void
test_run(ngx_msec_t end)
{
    ngx_uint_t    before;
    ngx_event_t  *ev;

    while (test_timer && test_timer->timer.key <= end) {
        ev = test_timer;
        test_timer = NULL;

        ngx_current_msec = ev->timer.key;
        ev->timer_set = 0;

        before = test_closed;
        ev->handler(ev);
        test_most = ngx_max(test_most, test_closed - before);
    }

    ngx_current_msec = end;
}


static void
test_spread(void **state)
{
    ngx_uint_t  i, j, n, due;

    static const ngx_uint_t  ns[] = {
        1, 2, 3, 10, 249, 250, 251, 400, 1000, 64000, 65000, 100000, TEST_MAX
    };

    for (i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
        n = ns[i];

        test_begin(n);
        ngx_ess_drain_start(1012, 5000, 0);

        for (j = 1; j <= 10; j++) {
            test_run(5000 + j * 500);

            due = n * j / 10;

            assert_true(test_closed + n / 50 + 1 >= due);
            assert_true(test_closed <= due + n / 25 + 2);
        }

        test_run(10100);
        assert_int_equal(test_closed, n);
        assert_null(test_timer);
        assert_true(test_most <= 256);
    }
}


static void
test_without_time(void **state)
{
    test_begin(200);
    ngx_ess_drain_start(1012, 0, 0);
    assert_int_equal(test_closed, 200);
    assert_null(test_timer);

    /* in slices, all the same */

    test_begin(10000);
    ngx_ess_drain_start(1012, 0, 0);
    assert_int_equal(test_closed, 256);
    test_run(5100);
    assert_int_equal(test_closed, 10000);
    assert_null(test_timer);
}


static void
test_leaving(void **state)
{
    test_begin(10000);
    test_leave = 3;
    ngx_ess_drain_start(1012, 5000, 0);
    test_run(10100);
    assert_int_equal(test_closed, 2500);
    assert_null(test_timer);

    /* the last one goes by itself */

    test_begin(2);
    ngx_ess_drain_start(1012, 5000, 0);
    assert_int_equal(test_closed, 1);
    assert_non_null(test_timer);
    ngx_ess_drain_remove(&test_clients[1]);
    assert_null(test_timer);
}


/* the last timer goes off, and what it has posted is run */

static void
test_expire(ngx_msec_t at)
{
    ngx_event_t  *ev;

    ev = test_last;
    test_last = NULL;

    assert_int_equal(ev->timer.key, at);
    ev->timer_set = 0;
    ngx_current_msec = at;

    ev->handler(ev);

    while (ev->posted) {
        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


static void
test_end(void **state)
{
    ngx_uint_t  i;

    static const ngx_msec_t  times[] = { 0, 500, 3000, 10000 };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {

        test_begin(1000);
        test_waits = 1;
        ngx_ess_drain_start(1012, times[i], 0);
        test_run(5000 + times[i] + 100);
        assert_int_equal(test_closed, 1000);

        /* one got all that was there, and its close */

        ngx_ess_drain_remove(&test_clients[500]);

        test_expire(5000 + ngx_max(times[i], NGX_ESS_DRAIN_LEAST));
        assert_int_equal(test_late, 999);

        test_over = 3;
        test_expire(ngx_current_msec + NGX_ESS_DRAIN_PATIENCE);
        assert_int_equal(test_late, 999);
        assert_int_equal(test_over, 0);
        assert_null(test_last);
    }
}


/* "worker_shutdown_timeout" bounds all of it */

static void
test_limit(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_msec_t  time, limit, end, last, over;
    } limits[] = {
        { 3000, 60000, 3000, 3000, 3700 },
        { 3000, 5000, 3000, 3000, 3700 },
        { 30000, 5000, 4100, 4100, 4800 },
        { 3000, 1000, 600, 600, 800 },
        { 0, 1000, 0, 600, 800 },
        { 3000, 200, 0, 0, 0 },
        { 3000, 1, 0, 0, 0 },
    };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {

        test_begin(200);
        test_waits = 1;
        ngx_ess_drain_start(1012, limits[i].time, limits[i].limit);

        if (limits[i].end > 20) {
            test_run(5000 + limits[i].end * 3 / 4);
            assert_true(test_closed < 200);
        }

        test_run(5000 + limits[i].end + 2);
        assert_int_equal(test_closed, 200);

        test_expire(5000 + limits[i].last);
        assert_int_equal(test_late, 200);

        test_over = 1;
        test_expire(5000 + limits[i].over);
        assert_int_equal(test_over, 0);
        assert_null(test_last);
    }
}


static void
test_end_of_a_busy_worker(void **state)
{
    /* nobody is cut off before it was told */

    test_begin(10000);
    ngx_ess_drain_start(1012, 0, 0);
    assert_int_equal(test_closed, 256);

    test_expire(5000 + NGX_ESS_DRAIN_LEAST);
    test_expire(ngx_current_msec + NGX_ESS_DRAIN_PATIENCE);

    test_run(10000);
    assert_int_equal(test_closed, 10000);
    test_expire(5000 + NGX_ESS_DRAIN_LEAST + 2 * NGX_ESS_DRAIN_PATIENCE);

    test_over = 1;
    test_expire(ngx_current_msec + NGX_ESS_DRAIN_PATIENCE);
    assert_int_equal(test_over, 0);
    assert_null(test_last);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_without_time),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_end_of_a_busy_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
