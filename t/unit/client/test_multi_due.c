/*
 * The queues of clients with several subscriptions: who is sent to, how many at
 * a time, and when their feeds are read.
 *
 * links: src/client/ngx_ess_multi_due.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_random.h"
#include "ngx_ess_multi_due.h"


#define TEST_CLIENTS  600


ngx_queue_t              ngx_posted_events;
ngx_queue_t              ngx_posted_next_events;

static ngx_ess_multi_t   test_multi[TEST_CLIENTS];
static ngx_ess_client_t  test_clients[TEST_CLIENTS];
static ngx_uint_t        test_flushes[TEST_CLIENTS];
static ngx_uint_t        test_flushed;
static ngx_uint_t        test_again;        /* who was sent to is due again */
static ngx_uint_t        test_leaves;       /* the one behind it leaves */
static ngx_uint_t        test_gate;
static ngx_uint_t        test_open;         /* it may be */
static ngx_uint_t        test_gated;        /* it was shut so often */
static ngx_log_t         test_log;
static ngx_cycle_t       test_cycle;


/* nginx may have been built with --with-debug */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void
ngx_ess_feed_gate(ngx_uint_t shut)
{
    assert_int_not_equal(test_gate, shut);

    test_gate = shut;
    test_gated += shut;
}


static void
test_flush(ngx_ess_client_t *client)
{
    ngx_uint_t  i;

    i = client - test_clients;

    /* it is on no queue, and feeds are not read meanwhile */
    assert_false(test_multi[i].in_due);
    assert_true(test_gate || test_open);

    test_flushes[i]++;
    test_flushed++;

    if (test_again) {
        test_again--;
        ngx_ess_multi_due(&test_multi[i]);
    }

    if (test_leaves) {
        ngx_ess_multi_due_leave(&test_multi[(i + 1) % TEST_CLIENTS]);
    }
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);

    memset(test_multi, 0, sizeof(test_multi));
    memset(test_clients, 0, sizeof(test_clients));
    memset(test_flushes, 0, sizeof(test_flushes));

    for (i = 0; i < TEST_CLIENTS; i++) {
        test_multi[i].client = &test_clients[i];
        test_clients[i].state = NGX_ESS_CLIENT_OPEN;
    }

    test_flushed = 0;
    test_again = 0;
    test_leaves = 0;
    test_gate = 0;
    test_open = 0;
    test_gated = 0;

    test_cycle.log = &test_log;
    ngx_ess_multi_due_init(&test_cycle, test_flush);

    return 0;
}


/* What is posted runs; afterwards what is for the next iteration is. */

static void
test_turn(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    while (!ngx_queue_empty(&ngx_posted_events)) {
        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }

    ngx_queue_add(&ngx_posted_events, &ngx_posted_next_events);
    ngx_queue_init(&ngx_posted_next_events);
}


static void
test_once(void **state)
{
    ngx_ess_multi_due(&test_multi[0]);
    ngx_ess_multi_due(&test_multi[0]);
    ngx_ess_multi_due_now(&test_multi[0]);
    ngx_ess_multi_due(&test_multi[1]);

    assert_int_equal(test_gate, 1);
    assert_int_equal(test_flushed, 0);

    test_turn();

    assert_int_equal(test_flushes[0], 1);
    assert_int_equal(test_flushes[1], 1);
    assert_int_equal(test_gate, 0);
    assert_int_equal(test_gated, 1);

    test_turn();
    assert_int_equal(test_flushed, 2);

    ngx_ess_multi_due(&test_multi[0]);
    test_turn();

    assert_int_equal(test_flushes[0], 2);
    assert_int_equal(test_gated, 2);
}


static void
test_who(void **state)
{
    test_clients[0].blocked = 1;
    test_clients[1].state = NGX_ESS_CLIENT_OPENING;
    test_clients[2].state = NGX_ESS_CLIENT_CLOSING;

    ngx_ess_multi_due(&test_multi[0]);
    ngx_ess_multi_due(&test_multi[1]);
    ngx_ess_multi_due(&test_multi[2]);

    assert_int_equal(test_gate, 0);
    test_turn();
    assert_int_equal(test_flushed, 0);

    ngx_ess_multi_due_now(&test_multi[0]);
    ngx_ess_multi_due_now(&test_multi[1]);
    ngx_ess_multi_due_now(&test_multi[2]);

    test_turn();
    assert_int_equal(test_flushed, 3);
}


/* A slice in each iteration, and the gate stays shut until the last one. */

static void
test_slices(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < TEST_CLIENTS; i++) {
        ngx_ess_multi_due(&test_multi[i]);
    }

    test_turn();
    assert_int_equal(test_flushed, 256);
    assert_int_equal(test_gate, 1);

    /* in order; and who comes meanwhile is behind them */
    assert_int_equal(test_flushes[255], 1);
    ngx_ess_multi_due(&test_multi[0]);

    test_turn();
    assert_int_equal(test_flushed, 512);
    assert_int_equal(test_gate, 1);
    assert_int_equal(test_flushes[0], 1);

    test_turn();
    assert_int_equal(test_flushed, TEST_CLIENTS + 1);
    assert_int_equal(test_flushes[0], 2);
    assert_int_equal(test_gate, 0);
    assert_int_equal(test_gated, 1);
}


/* However many are always due, feeds are read now and then. */

static void
test_gate_opens(void **state)
{
    ngx_uint_t  i;

    test_again = 1000000;
    test_open = 1;

    for (i = 0; i < 3; i++) {
        ngx_ess_multi_due(&test_multi[i]);
    }

    for (i = 1; i < 64; i++) {
        test_turn();
        assert_int_equal(test_gate, 1);
    }

    test_turn();
    assert_int_equal(test_gate, 0);

    /* until nobody is due, and somebody is again */

    test_again = 100;
    test_turn();
    assert_int_equal(test_gated, 1);
    assert_true(ngx_queue_empty(&ngx_posted_events));

    ngx_ess_multi_due(&test_multi[0]);
    assert_int_equal(test_gated, 2);
    test_turn();
    assert_int_equal(test_gate, 0);
}


/* Nor does one that is due again each time it is sent to keep it shut. */

static void
test_gate_opens_for_one(void **state)
{
    ngx_uint_t  i;

    test_again = 1000000;
    test_open = 1;

    ngx_ess_multi_due(&test_multi[0]);

    for (i = 0; i < 64; i++) {
        test_turn();
    }

    assert_int_equal(test_gate, 0);
    assert_int_equal(test_gated, 1);
}


/* One that is always due does not keep the loop. */

static void
test_due_again(void **state)
{
    test_again = 1000;

    ngx_ess_multi_due(&test_multi[0]);
    ngx_ess_multi_due(&test_multi[1]);

    test_turn();
    assert_int_equal(test_flushed, 256);
    assert_int_equal(test_flushes[0], 128);

    while (test_gate) {
        test_turn();
    }

    assert_int_equal(test_flushed, 1002);
    assert_true(ngx_queue_empty(&ngx_posted_events));
}


/* Those who leave are not sent to, though they were due. */

static void
test_leave(void **state)
{
    ngx_uint_t  i;

    test_leaves = 1;

    for (i = 0; i < 100; i++) {
        ngx_ess_multi_due(&test_multi[i]);
    }

    test_turn();
    assert_int_equal(test_flushed, 50);

    for (i = 0; i < 100; i++) {
        assert_int_equal(test_flushes[i], i % 2 == 0);
    }

    /* all of them, before it runs: the gate opens nevertheless */

    ngx_ess_multi_due(&test_multi[0]);
    ngx_ess_multi_due_leave(&test_multi[0]);
    ngx_ess_multi_due_leave(&test_multi[0]);

    assert_int_equal(test_multi[0].in_due, 0);

    test_turn();
    assert_int_equal(test_flushed, 50);
    assert_int_equal(test_gate, 0);
}


static ngx_uint_t
test_waiting(void)
{
    ngx_uint_t        n;
    ngx_queue_t      *q;
    ngx_ess_multi_t  *multi;

    n = 0;

    for (q = ngx_queue_head(&ngx_ess_multi_due_waiting);
         q != ngx_queue_sentinel(&ngx_ess_multi_due_waiting);
         q = ngx_queue_next(q))
    {
        multi = ngx_queue_data(q, ngx_ess_multi_t, waiting);
        assert_true(multi->waits);
        n++;
    }

    return n;
}


static void
test_wait(void **state)
{
    ngx_uint_t  i, step, n;

    for (step = 0; step < 10000; step++) {
        i = random_below(20);

        switch (random_below(3)) {
        case 0:
            ngx_ess_multi_due_wait(&test_multi[i]);
            assert_true(test_multi[i].waits);
            break;

        case 1:
            ngx_ess_multi_due_awake(&test_multi[i]);
            assert_false(test_multi[i].waits);
            break;

        default:
            ngx_ess_multi_due_leave(&test_multi[i]);
            assert_false(test_multi[i].waits);
        }

        for (i = 0, n = 0; i < 20; i++) {
            n += test_multi[i].waits;
        }

        assert_int_equal(test_waiting(), n);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_once, test_setup),
        cmocka_unit_test_setup(test_who, test_setup),
        cmocka_unit_test_setup(test_slices, test_setup),
        cmocka_unit_test_setup(test_gate_opens, test_setup),
        cmocka_unit_test_setup(test_gate_opens_for_one, test_setup),
        cmocka_unit_test_setup(test_due_again, test_setup),
        cmocka_unit_test_setup(test_leave, test_setup),
        cmocka_unit_test_setup(test_wait, test_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
