/*
 * Turns of what reads, by their contract: who begins, who yields to whom, and
 * who is on no list.
 *
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_turn.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_rabbitmq_turn.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define MAX   NGX_ESS_RABBITMQ_TURN_MAX
#define TIME  NGX_ESS_RABBITMQ_TURN_TIME
#define TICK  250
#define HOUR  3600000


typedef enum {
    STAYS = 0,                              /* it is not to yield now */
    WAITS,
    PAUSES
} yield_e;


static ngx_log_t                 log;
static ngx_ess_rabbitmq_turns_t  turns;
static ngx_ess_rabbitmq_turn_t   turn[MAX + 8];
static yield_e                   yields[MAX + 8];


static unsigned
number(ngx_ess_rabbitmq_turn_t *t)
{
    return (unsigned) (t - turn);
}


static void
begin(ngx_ess_rabbitmq_turn_t *t)
{
    assert_true(t->running);
    ngx_unit_trace("%u begins", number(t));
}


static ngx_uint_t
yield(ngx_ess_rabbitmq_turn_t *t)
{
    assert_true(t->running);

    switch (yields[number(t)]) {

    case WAITS:
        ngx_ess_rabbitmq_turn_wait(&turns, t);
        break;

    case PAUSES:
        ngx_ess_rabbitmq_turn_pause(&turns, t);
        break;

    default:
        ngx_unit_trace("%u stays", number(t));
        return 0;
    }

    ngx_unit_trace("%u yields", number(t));

    return 1;
}


static int
setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    ngx_memzero(&turns, sizeof(turns));
    ngx_memzero(turn, sizeof(turn));
    ngx_memzero(yields, sizeof(yields));

    turns.begin = begin;
    turns.yield = yield;
    ngx_ess_rabbitmq_turn_init(&turns, &log);

    return 0;
}


static int
teardown(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < MAX + 8; i++) {
        ngx_ess_rabbitmq_turn_pause(&turns, &turn[i]);
        assert_null(turn[i].queue.next);
    }

    assert_true(ngx_queue_empty(&turns.running));
    assert_true(ngx_queue_empty(&turns.waiting));
    assert_int_equal(turns.nrunning, 0);

    ngx_ess_rabbitmq_turn_close(&turns);

    return ngx_unit_pending() ? -1 : 0;
}


/* All places are taken by the first ones, and so many more wait. */

static void
fill(ngx_uint_t waiting)
{
    ngx_uint_t  i;

    for (i = 0; i < MAX + waiting; i++) {
        ngx_ess_rabbitmq_turn_wait(&turns, &turn[i]);
    }

    ngx_ess_rabbitmq_turn_open(&turns);
    assert_int_equal(ngx_unit_trace_count(" begins"), MAX);
    assert_int_equal(turns.nrunning, MAX);

    ngx_unit_trace_clear();
}


static void
test_none_begins_before_it_is_opened(void **state)
{
    ngx_ess_rabbitmq_turn_wait(&turns, &turn[0]);
    ngx_ess_rabbitmq_turn_wait(&turns, &turn[1]);
    ngx_ess_rabbitmq_turn_next(&turns);
    assert_int_equal(ngx_unit_pending(), 0);
    ngx_unit_traced();

    ngx_ess_rabbitmq_turn_open(&turns);
    ngx_unit_traced("0 begins", "1 begins");

    ngx_ess_rabbitmq_turn_wait(&turns, &turn[2]);
    ngx_unit_traced();
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced("2 begins");

    assert_int_equal(turns.nrunning, 3);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_none_begins_after_it_is_closed_and_who_runs_does(void **state)
{
    fill(1);

    ngx_ess_rabbitmq_turn_close(&turns);
    assert_int_equal(ngx_unit_pending(), 0);

    yields[0] = WAITS;
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[5]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_pass(HOUR);
    ngx_unit_traced();
    assert_int_equal(turns.nrunning, MAX - 1);
    assert_true(turn[0].running);

    ngx_ess_rabbitmq_turn_open(&turns);
    ngx_unit_traced("128 begins");
}


static void
test_a_place_that_is_free_is_for_who_has_waited_longest(void **state)
{
    fill(3);

    ngx_ess_rabbitmq_turn_pause(&turns, &turn[7]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced("128 begins");

    /* who waits again is behind all others */

    ngx_ess_rabbitmq_turn_wait(&turns, &turn[8]);
    ngx_ess_rabbitmq_turn_wait(&turns, &turn[129]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced("130 begins");

    ngx_ess_rabbitmq_turn_pause(&turns, &turn[130]);
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[128]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced("8 begins", "129 begins");
}


static void
test_who_is_paused_is_on_no_list_whatever_it_did(void **state)
{
    /* nothing yet; runs; waits; is paused */

    ngx_ess_rabbitmq_turn_pause(&turns, &turn[MAX + 1]);
    fill(1);
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[3]);
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[MAX]);
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[3]);

    assert_int_equal(turns.nrunning, MAX - 1);
    assert_true(ngx_queue_empty(&turns.waiting));
    assert_null(turn[3].queue.next);
    assert_false(turn[3].running);

    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced();
}


static void
test_nobody_is_asked_while_nobody_waits(void **state)
{
    fill(0);
    assert_int_equal(ngx_unit_pending(), 0);

    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    /* or once who waited does not any more */

    ngx_ess_rabbitmq_turn_wait(&turns, &turn[MAX]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_ess_rabbitmq_turn_pause(&turns, &turn[MAX]);
    ngx_unit_pass(HOUR);
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_nobody_is_asked_before_its_time_is_over(void **state)
{
    fill(1);
    yields[0] = WAITS;

    ngx_unit_pass(TIME - 1);
    ngx_unit_traced();
    ngx_unit_pass(TICK);
    ngx_unit_traced("0 yields", "128 begins");

    /* nor is who began later */

    ngx_ess_rabbitmq_turn_pause(&turns, &turn[MAX]);
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_traced("0 begins");

    ngx_ess_rabbitmq_turn_wait(&turns, &turn[MAX]);
    ngx_unit_trace_clear();
    ngx_ess_rabbitmq_turn_next(&turns);
    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_trace_count("stays"), MAX - 1);
    assert_int_equal(ngx_unit_trace_count("0 yields"), 0);
    ngx_unit_trace_clear();
}


static void
test_as_many_yield_as_wait_the_longest_first(void **state)
{
    fill(2);

    yields[1] = WAITS;
    yields[2] = PAUSES;
    yields[3] = WAITS;

    ngx_unit_pass(TIME);
    ngx_unit_traced("0 stays", "1 yields", "2 yields", "128 begins",
                    "129 begins");

    /* who yielded waits itself now, if it is not paused */

    ngx_unit_pass(TICK);
    ngx_unit_traced("0 stays", "3 yields", "1 begins");
    assert_false(turn[2].running);
    assert_null(turn[2].queue.next);
}


static void
test_all_may_stay_and_are_asked_again(void **state)
{
    fill(1);

    ngx_unit_pass(TIME);
    assert_int_equal(ngx_unit_trace_count("stays"), MAX);
    ngx_unit_trace_clear();

    ngx_unit_pass(TICK - 1);
    ngx_unit_traced();

    yields[MAX - 1] = PAUSES;
    ngx_unit_pass(1);
    assert_int_equal(ngx_unit_trace_count("stays"), MAX - 1);
    assert_int_equal(ngx_unit_trace_count("127 yields"), 1);
    assert_int_equal(ngx_unit_trace_count("128 begins"), 1);
    ngx_unit_trace_clear();
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_none_begins_before_it_is_opened),
        TEST(test_none_begins_after_it_is_closed_and_who_runs_does),
        TEST(test_a_place_that_is_free_is_for_who_has_waited_longest),
        TEST(test_who_is_paused_is_on_no_list_whatever_it_did),
        TEST(test_nobody_is_asked_while_nobody_waits),
        TEST(test_nobody_is_asked_before_its_time_is_over),
        TEST(test_as_many_yield_as_wait_the_longest_first),
        TEST(test_all_may_stay_and_are_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
