/*
 * Places and turns of replays of RabbitMQ streams, over a fake session: so
 * many read at a time, and none of them for long while others wait.
 *
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_replay.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_turn.c
 * links: src/amqp/ngx_ess_amqp_reader.c
 * links: src/amqp/ngx_ess_amqp_property.c
 * links: t/unit/amqp/fake_amqp.c t/unit/source/fake_taker.c
 * links: t/unit/source/rabbitmq/fake_replays.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_key.c t/unit/fake_key.c
 * links: src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_replays.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


/* replays that read at a time; ms and events of a turn while others wait, and
   ms between looks at who waits */
#define PLACES  128
#define TURN    5000
#define EVENTS  16384
#define TICK    250

#define HOUR    3600000


/* The channel of takers[i] is number i + 1, at first; those that wait are
   behind other ordinals, so that it can be seen whose turn it is. */

static taker_t     *takers[PLACES + 8];
static ngx_uint_t   ntakers;


/* All places are taken by those who read, and so many wait. */

static void
begin(ngx_uint_t waiting)
{
    char        name[16];
    ngx_uint_t  i;

    ntakers = PLACES + waiting;

    for (i = 0; i < ntakers; i++) {
        (void) snprintf(name, sizeof(name), "r%u", (unsigned) i);
        takers[i] = taker_start(name, i < PLACES ? 0 : i * 1000, 0);

        if (i == 0) {
            fake_open();
        }
    }

    assert_int_equal(fake.opened, PLACES);

    for (i = 1; i <= PLACES; i++) {
        fake_answers_all(i);
    }

    ngx_unit_trace_clear();
}


static void
end(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ntakers; i++) {
        if (takers[i]) {
            taker_stop(takers[i]);
            takers[i] = NULL;
        }
    }
}


static void
stop(ngx_uint_t i)
{
    taker_stop(takers[i]);
    takers[i] = NULL;
}


/* It is handed out events up to that ordinal, and has sent them. */

static void
gets(ngx_uint_t i, uint64_t ordinal)
{
    fake_sends(i + 1, ordinal - 1, 0);
    fake_batch();
    taker_more(takers[i]);
    ngx_unit_trace_clear();
}


/* The next channel is of the one that waits behind this ordinal. */

static void
is_turn_of(ngx_uint_t channel, uint64_t ordinal)
{
    char  line[64];

    assert_true(fake.opened >= channel);
    fake_answers_all(channel);

    (void) snprintf(line, sizeof(line), "%u: consume abc offset=%u",
                    (unsigned) channel, (unsigned) (ordinal - 1));
    assert_int_equal(ngx_unit_trace_count(line), 1);
}


static void
test_so_many_read_at_a_time_and_others_wait_in_line(void **state)
{
    begin(2);
    assert_int_equal(fake.channels, PLACES);

    stop(5);
    is_turn_of(PLACES + 1, 128000);
    assert_int_equal(fake.channels, PLACES);

    stop(77);
    is_turn_of(PLACES + 2, 129000);

    /* nobody waits any more */

    stop(78);
    assert_int_equal(fake.channels, PLACES - 1);
    assert_int_equal(fake.opened, PLACES + 2);

    end();
}


static void
test_who_waits_may_stop_and_nobody_gets_its_turn(void **state)
{
    begin(3);

    stop(PLACES);
    stop(PLACES + 1);
    assert_int_equal(fake.opened, PLACES);

    stop(0);
    is_turn_of(PLACES + 1, 130000);

    end();
}


static void
test_a_replay_that_has_ended_has_its_place_until_it_is_stopped(void **state)
{
    begin(1);

    fake_cancels(1);
    ngx_unit_traced("r0: ended DECLINED", "1: close");

    ngx_unit_pass(HOUR);
    assert_int_equal(fake.opened, PLACES);

    stop(0);
    is_turn_of(PLACES + 1, 128000);

    end();
}


static void
test_a_replay_that_waits_after_a_refusal_has_its_place(void **state)
{
    begin(1);

    fake_closes(1, 541, "INTERNAL_ERROR");
    assert_int_equal(fake.channels, PLACES - 1);
    ngx_unit_trace_clear();

    ngx_unit_pass(FAKE_BACKOFF);
    assert_int_equal(fake.channels, PLACES);
    fake_answers_all(PLACES + 1);
    assert_int_equal(ngx_unit_trace_count("offset=0"), 1);

    end();
}


static void
test_a_replay_whose_taker_is_full_gives_up_its_place(void **state)
{
    begin(1);

    takers[3]->room = 1;
    fake_sends(4, 0, 0);
    assert_int_equal(fake.opened, PLACES);
    fake_batch();
    is_turn_of(PLACES + 1, 128000);

    /* and waits in line when more is wanted */

    taker_more(takers[3]);
    assert_int_equal(fake.opened, PLACES + 1);
    stop(PLACES);
    is_turn_of(PLACES + 2, 1);

    end();
}


static void
test_who_has_had_enough_of_its_turn_leaves_when_its_time_is_over(void **state)
{
    begin(1);

    gets(7, EVENTS);
    ngx_unit_pass(TURN - 1);
    ngx_unit_traced();

    ngx_unit_pass(1);
    assert_int_equal(ngx_unit_trace_count("8: close"), 1);
    assert_int_equal(ngx_unit_trace_count(": close"), 1);
    is_turn_of(PLACES + 1, 128000);

    /* it goes on where it was when there is a place */

    stop(0);
    is_turn_of(PLACES + 2, EVENTS);

    end();
}


static void
test_who_has_read_little_or_seeks_keeps_its_turn(void **state)
{
    ngx_uint_t  i;

    begin(0);

    stop(0);
    takers[0] = taker_start("seeks", 0, 100500);
    fake_answers(PLACES + 1);

    takers[ntakers++] = taker_start("waits", 128000, 0);

    for (i = 1; i < PLACES; i++) {
        gets(i, EVENTS - 1);
    }

    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    gets(9, EVENTS);
    ngx_unit_pass(TICK);
    is_turn_of(PLACES + 2, 128000);

    end();
}


static void
test_a_turn_begins_with_what_was_read_before(void **state)
{
    begin(1);

    gets(0, 2 * EVENTS);
    ngx_unit_pass(TURN);
    is_turn_of(PLACES + 1, 128000);
    stop(1);
    is_turn_of(PLACES + 2, 2 * EVENTS);
    ngx_unit_trace_clear();

    /* it has read nothing in this one */

    takers[ntakers++] = taker_start("waits", 200000, 0);
    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    fake_sends(PLACES + 2, 3 * EVENTS - 1, 0);
    fake_batch();
    taker_more(takers[0]);
    ngx_unit_pass(TICK);
    is_turn_of(PLACES + 3, 200000);

    end();
}


static void
test_nobody_leaves_between_an_event_and_its_batch(void **state)
{
    begin(1);

    fake_sends(8, EVENTS - 1, 0);
    ngx_unit_trace_clear();
    ngx_unit_pass(TURN + TICK);
    ngx_unit_traced();

    fake_batch();
    ngx_unit_traced("r7: batch at 16384");

    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_trace_count("8: close"), 1);
    is_turn_of(PLACES + 1, 128000);

    end();
}


static void
test_while_nobody_waits_nobody_leaves(void **state)
{
    ngx_uint_t  i;

    begin(0);

    for (i = 0; i < PLACES; i++) {
        gets(i, 10 * EVENTS);
    }

    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    /* then the first one does, at once */

    takers[ntakers++] = taker_start("waits", 128000, 0);
    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_trace_count(": close"), 1);
    assert_int_equal(ngx_unit_trace_count("1: close"), 1);
    is_turn_of(PLACES + 1, 128000);

    end();
}


static void
test_as_many_leave_as_wait_those_first_who_read_longest(void **state)
{
    begin(2);

    gets(40, EVENTS);
    gets(30, EVENTS);
    gets(20, EVENTS);

    ngx_unit_pass(TURN);
    assert_int_equal(ngx_unit_trace_count(": close"), 2);
    assert_int_equal(ngx_unit_trace_count("21: close"), 1);
    assert_int_equal(ngx_unit_trace_count("31: close"), 1);
    is_turn_of(PLACES + 1, 128000);
    is_turn_of(PLACES + 2, 129000);
    ngx_unit_trace_clear();

    /* now these two wait: the third one is next */

    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_trace_count(": close"), 1);
    assert_int_equal(ngx_unit_trace_count("41: close"), 1);
    is_turn_of(PLACES + 3, EVENTS);

    end();
}


static void
test_who_does_not_send_leaves_when_as_long_as_a_turn_is_over(void **state)
{
    begin(1);

    ngx_unit_pass(TURN);
    fake_sends(3, 0, 0);
    fake_batch();
    ngx_unit_trace_clear();

    ngx_unit_pass(TURN - TICK);
    ngx_unit_traced();
    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_trace_count(": close"), 1);
    assert_int_equal(ngx_unit_trace_count("3: close"), 1);
    is_turn_of(PLACES + 1, 128000);
    ngx_unit_trace_clear();

    /* it is not in line before more is wanted */

    stop(0);
    assert_int_equal(fake.opened, PLACES + 1);
    taker_more(takers[2]);
    is_turn_of(PLACES + 2, 1);

    end();
}


static void
test_who_waits_is_first_after_the_connection_was_lost(void **state)
{
    ngx_uint_t  i;

    begin(2);

    fake_lost();
    ngx_unit_posted();
    assert_int_equal(fake.channels, 0);
    ngx_unit_trace_clear();

    fake_open();
    assert_int_equal(fake.channels, PLACES);
    is_turn_of(PLACES + 1, 128000);
    is_turn_of(PLACES + 2, 129000);

    for (i = PLACES + 3; i <= 2 * PLACES; i++) {
        fake_answers_all(i);
    }

    assert_int_equal(ngx_unit_trace_count("offset=0"), PLACES - 2);

    end();
}


static void
test_turns_while_the_connection_is_lost_change_nothing(void **state)
{
    begin(2);

    gets(0, EVENTS);
    fake_lost();
    ngx_unit_posted();
    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    fake_open();
    assert_int_equal(fake.channels, PLACES);
    is_turn_of(PLACES + 1, 128000);
    is_turn_of(PLACES + 2, 129000);

    end();
}


static void
test_a_place_is_free_at_once_for_who_stops_in_its_batch(void **state)
{
    begin(2);

    takers[0]->stop_batch = 1;
    takers[PLACES - 1]->stop_batch = 1;

    fake_sends(1, 0, 0);
    fake_sends(PLACES, 0, 0);
    fake_batch();

    takers[0] = NULL;
    takers[PLACES - 1] = NULL;

    assert_int_equal(fake.channels, PLACES);
    is_turn_of(PLACES + 1, 128000);
    is_turn_of(PLACES + 2, 129000);

    end();
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, taker_setup, taker_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_so_many_read_at_a_time_and_others_wait_in_line),
        TEST(test_who_waits_may_stop_and_nobody_gets_its_turn),
        TEST(test_a_replay_that_has_ended_has_its_place_until_it_is_stopped),
        TEST(test_a_replay_that_waits_after_a_refusal_has_its_place),
        TEST(test_a_replay_whose_taker_is_full_gives_up_its_place),
        TEST(test_who_has_had_enough_of_its_turn_leaves_when_its_time_is_over),
        TEST(test_who_has_read_little_or_seeks_keeps_its_turn),
        TEST(test_a_turn_begins_with_what_was_read_before),
        TEST(test_nobody_leaves_between_an_event_and_its_batch),
        TEST(test_while_nobody_waits_nobody_leaves),
        TEST(test_as_many_leave_as_wait_those_first_who_read_longest),
        TEST(test_who_does_not_send_leaves_when_as_long_as_a_turn_is_over),
        TEST(test_who_waits_is_first_after_the_connection_was_lost),
        TEST(test_turns_while_the_connection_is_lost_change_nothing),
        TEST(test_a_place_is_free_at_once_for_who_stops_in_its_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
