/*
 * The timer wheel: when entries are due, many rounds, removal while it turns,
 * a long pause, and the end of ngx_msec_t, which an nginx of 32 bits sees
 * every 49 days.
 *
 * links: src/client/ngx_ess_wheel.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_wheel.h"


#define TEST_ENTRIES  1000


typedef struct test_entry_s  test_entry_t;

struct test_entry_s {
    ngx_ess_wheel_entry_t    entry;
    ngx_msec_t               set;
    ngx_msec_t               delay;
    ngx_uint_t               fired;
    test_entry_t            *unset;         /* by its handler */
    ngx_msec_t               again;         /* set again by its handler */
};


/* as much of nginx as the wheel needs; it has one timer */

volatile ngx_msec_t    ngx_current_msec;
ngx_rbtree_t           ngx_event_timer_rbtree;
ngx_queue_t            ngx_posted_events;
ngx_queue_t            ngx_posted_next_events;

static ngx_log_t       test_log;
static ngx_event_t    *test_timer;
static ngx_msec_t      test_late;           /* that the event loop may be */
static test_entry_t    test_entries[TEST_ENTRIES];


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    test_timer = ngx_rbtree_data(node, ngx_event_t, timer);
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
test_set(test_entry_t *e, ngx_msec_t delay)
{
    e->set = ngx_current_msec;
    e->delay = delay;

    ngx_ess_wheel_set(&e->entry, delay);
}


static void
test_handler(ngx_ess_wheel_entry_t *entry)
{
    ngx_msec_t     passed;
    test_entry_t  *e;

    e = (test_entry_t *) entry;
    e->fired++;

    passed = ngx_current_msec - e->set;

    assert_true(passed >= e->delay);
    assert_true(passed <= e->delay + 1000 + test_late);

    if (e->unset) {
        ngx_ess_wheel_unset(&e->unset->entry);
    }

    if (e->again) {
        test_set(e, e->again);
    }
}


/* the event loop, for some time */

static void
test_run(ngx_msec_t time)
{
    ngx_msec_t    end;
    ngx_event_t  *ev;

    end = ngx_current_msec + time;

    while (test_timer
           && (ngx_msec_int_t) (test_timer->timer.key - end) <= 0)
    {
        ev = test_timer;

        if ((ngx_msec_int_t) (ev->timer.key - ngx_current_msec) > 0) {
            ngx_current_msec = ev->timer.key;
        }

        test_timer = NULL;
        ev->timer_set = 0;
        ev->handler(ev);

        while (!ngx_queue_empty(&ngx_posted_next_events)) {
            ev = ngx_queue_data(ngx_queue_head(&ngx_posted_next_events),
                                ngx_event_t, queue);
            ngx_delete_posted_event(ev);
            ev->handler(ev);
        }
    }

    ngx_current_msec = end;
}


static void
test_begin(ngx_msec_t now)
{
    ngx_current_msec = now;
    test_timer = NULL;
    test_late = 0;

    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);
    ngx_memzero(test_entries, sizeof(test_entries));

    ngx_ess_wheel_init(test_handler, &test_log);
    ngx_ess_wheel_join();
}


static void
test_fired(ngx_uint_t n, ngx_uint_t times)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        assert_int_equal(test_entries[i].fired, times);
    }
}


static void
test_due(void **state)
{
    ngx_uint_t  i, n;

    static const ngx_msec_t  delays[] = {
        0, 1, 999, 1000, 1001, 2500, 62999, 63000, 63001, 64000, 64001, 65000,
        127999, 128000, 128001, 1000000, 86400000
    };

    n = sizeof(delays) / sizeof(delays[0]);

    test_begin(1234567);

    for (i = 0; i < n; i++) {
        test_set(&test_entries[i], delays[i]);
    }

    test_run(86402000);
    test_fired(n, 1);
}


static void
test_many(void **state)
{
    ngx_uint_t  i;

    /* far more than are looked at in one go, set at all times */

    test_begin(999);
    srandom(1);

    for (i = 0; i < TEST_ENTRIES; i++) {
        test_set(&test_entries[i], random() % 200000);
        test_run(random() % 300);
    }

    test_run(400000);
    test_fired(TEST_ENTRIES, 1);
}


static void
test_again(void **state)
{
    test_begin(5000);

    test_entries[0].again = 30000;
    test_set(&test_entries[0], 1000);

    test_run(1000000);

    assert_in_range(test_entries[0].fired, 30, 34);
}


static void
test_removal(void **state)
{
    ngx_uint_t  i;

    /* of the next one, of those behind the slice, of itself */

    test_begin(5000);

    for (i = 0; i < TEST_ENTRIES; i++) {
        test_set(&test_entries[i], 3000);
    }

    for (i = 0; i < TEST_ENTRIES / 2; i++) {
        test_entries[i].unset = &test_entries[TEST_ENTRIES - 1 - i];
    }

    test_entries[0].unset = &test_entries[0];
    ngx_ess_wheel_unset(&test_entries[TEST_ENTRIES - 1].entry);

    test_run(200000);

    test_fired(TEST_ENTRIES / 2, 1);

    for (i = TEST_ENTRIES / 2; i < TEST_ENTRIES; i++) {
        assert_int_equal(test_entries[i].fired, 0);
    }
}


static void
test_pause(void **state)
{
    ngx_uint_t  i;

    /* a process that was stopped for five minutes */

    test_begin(5000);
    test_late = 300000;

    for (i = 0; i < TEST_ENTRIES; i++) {
        test_set(&test_entries[i], i * 1000);
    }

    ngx_current_msec += 300000;
    test_run(1000);

    test_fired(300, 1);
    assert_int_equal(test_entries[400].fired, 0);

    test_run(1000000);
    test_fired(TEST_ENTRIES, 1);
}


static void
test_leave(void **state)
{
    test_begin(5000);
    test_set(&test_entries[0], 1000);

    ngx_ess_wheel_unset(&test_entries[0].entry);
    ngx_ess_wheel_leave();
    assert_null(test_timer);

    test_run(100000);

    ngx_ess_wheel_join();
    test_set(&test_entries[0], 1000);
    test_run(2000);
    test_fired(1, 1);
}


static void
test_wrap(void **state)
{
    ngx_uint_t  i;

    test_begin((ngx_msec_t) -30500);

    for (i = 0; i < TEST_ENTRIES; i++) {
        test_set(&test_entries[i], i * 100);
    }

    test_run(102000);
    test_fired(TEST_ENTRIES, 1);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_removal),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
