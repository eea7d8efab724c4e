/*
 * Turns: in which order they come, how many at once, and who has left.
 *
 * links: src/ngx_ess_turn.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define N  4


typedef struct {
    ngx_event_t  event;
    char         name;
    ngx_uint_t   slices;            /* so many */
    ngx_uint_t   slow;              /* each takes so many tenths of a ms */
    ngx_event_t *clears;            /* takes that one's turn back */
} slicer_t;


ngx_queue_t  ngx_posted_next_events;

static slicer_t   slicers[N];
static ngx_log_t  quiet;


static void
handler(ngx_event_t *ev)
{
    slicer_t         *s = ev->data;
    struct timespec   begin, now;

    ngx_ess_turn_begin(ev);
    ngx_unit_trace("%c", s->name);

    if (s->slow) {
        (void) clock_gettime(CLOCK_MONOTONIC, &begin);

        do {
            (void) clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((now.tv_sec - begin.tv_sec) * 1000000000L
                 + now.tv_nsec - begin.tv_nsec < (long) s->slow * 100000);
    }

    if (s->clears) {
        ngx_ess_wait_clear(s->clears);
    }

    if (--s->slices) {
        ngx_ess_turn_next(ev);
    }
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(slicers, 0, sizeof(slicers));

    for (i = 0; i < N; i++) {
        slicers[i].event.handler = handler;
        slicers[i].event.data = &slicers[i];
        slicers[i].event.log = &quiet;
        slicers[i].name = 'a' + i;
        slicers[i].slices = 1;
    }

    return 0;
}


static int
teardown(void **state)
{
    return ngx_unit_pending() != 0
           || !ngx_queue_empty(&ngx_posted_next_events);
}


static void
begin(ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_ess_turn_next(&slicers[i].event);
    }
}


/* One turn of the event loop. */

static void
turn(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    q = ngx_queue_head(&ngx_posted_next_events);
    assert_ptr_not_equal(q, ngx_queue_sentinel(&ngx_posted_next_events));

    ev = ngx_queue_data(q, ngx_event_t, queue);

    ngx_delete_posted_event(ev);
    ev->handler(ev);
}


static void
test_nothing_is_done_from_within(void **state)
{
    begin(1);
    ngx_unit_traced();

    /* a worker waits for timers */

    assert_int_equal(ngx_unit_pending(), 1);

    turn();
    ngx_unit_traced("a");
}


static void
test_one_turn_has_time_for_one_that_is_slow(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        slicers[i].slow = 6;
        slicers[i].slices = 2;
    }

    begin(3);

    turn();
    ngx_unit_traced("a");
    turn();
    ngx_unit_traced("b");
    turn();
    ngx_unit_traced("c");
    turn();
    ngx_unit_traced("a");
    turn();
    turn();
    ngx_unit_traced("b", "c");
}


static void
test_a_turn_is_short_beside_a_burst(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        slicers[i].slow = 2;
    }

    begin(3);

    ngx_ess_turn_yield();
    turn();
    ngx_unit_traced("a");

    ngx_ess_turn_yield();
    turn();
    ngx_unit_traced("b");

    turn();
    ngx_unit_traced("c");
}


static void
test_many_that_are_quick_have_theirs_in_order(void **state)
{
    slicers[1].slices = 3;
    begin(3);

    /* in one turn, unless somebody else has the processor meanwhile */

    while (!ngx_queue_empty(&ngx_posted_next_events)) {
        turn();
    }

    ngx_unit_traced("a", "b", "c", "b", "b");
}


static void
test_a_turn_is_taken_back(void **state)
{
    slicers[0].clears = &slicers[2].event;
    begin(4);

    /* it waits already */

    ngx_ess_turn_next(&slicers[1].event);
    ngx_ess_wait_clear(&slicers[3].event);

    while (!ngx_queue_empty(&ngx_posted_next_events)) {
        turn();
    }

    ngx_unit_traced("a", "b");

    /* nobody is left when it comes */

    begin(1);
    ngx_ess_wait_clear(&slicers[0].event);
    turn();
    ngx_unit_traced();
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_is_done_from_within),
        TEST(test_one_turn_has_time_for_one_that_is_slow),
        TEST(test_a_turn_is_short_beside_a_burst),
        TEST(test_many_that_are_quick_have_theirs_in_order),
        TEST(test_a_turn_is_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
