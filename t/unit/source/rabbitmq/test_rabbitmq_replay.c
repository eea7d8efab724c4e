/*
 * What a replay of a RabbitMQ stream hands out, over a fake session: events
 * behind an ordinal, and from a point in time.
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


/* by the test of what is in an event */

static ngx_ess_event_t  taken;
static u_char           body[8];


/* "4 5L 6@1000": their offsets, L: over max_event, @: a timestamp */

static void
sends(ngx_uint_t channel, const char *events)
{
    char          *end;
    const char    *p;
    fake_event_t   event;

    for (p = events; *p; p = end + strspn(end, " ")) {
        ngx_memzero(&event, sizeof(fake_event_t));

        event.offset = strtoull(p, &end, 10);
        assert_ptr_not_equal(end, p);

        if (*end == 'L') {
            event.large = 1;
            end++;
        }

        if (*end == '@') {
            event.timestamp = strtoull(end + 1, &end, 10);
        }

        fake_delivers(channel, &event);
    }
}


static void
test_the_first_replay_connects_and_reads_when_the_session_is_open(void **state)
{
    taker_t  *a;

    a = taker_start("a", 5, 0);
    ngx_unit_traced("connect");
    assert_int_equal(taker_replays, 1);

    fake_open();
    ngx_unit_traced("1: open", "1: qos 10");
    assert_int_equal(taker_sessions, 1);

    fake_answers(1);
    ngx_unit_traced("1: consume abc offset=4");

    /* no more is asked for: by an ordinal nothing is sought */

    fake_answers(1);
    ngx_unit_traced();

    sends(1, "4 5 6");
    ngx_unit_traced("a: event 6", "a: event 7");
    fake_batch();
    ngx_unit_traced("a: batch at 7");

    taker_more(a);
    ngx_unit_traced("1: ack 3");

    taker_stop(a);
    ngx_unit_traced("1: close");
    assert_int_equal(taker_replays, 0);
}


static void
test_it_reads_from_the_last_event_that_is_known_or_the_first_one(void **state)
{
    char        line[64];
    taker_t    *a;
    ngx_uint_t  i;

    static struct {
        uint64_t      ordinal;
        const char   *from;
    } cases[] = {
        { 0, "offset=0" },
        { 1, "offset=0" },
        { 2, "offset=1" },
        { 1ULL << 40, "offset=1099511627775" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = taker_start("a", cases[i].ordinal, 0);

        if (i == 0) {
            fake_open();
        }

        ngx_unit_trace_clear();
        fake_answers(fake.opened);

        (void) snprintf(line, sizeof(line), "%u: consume abc %s",
                        (unsigned) fake.opened, cases[i].from);
        ngx_unit_traced(line);

        taker_stop(a);
        ngx_unit_trace_clear();
    }
}


static void
test_events_are_handed_out_in_order_each_once_with_their_gaps(void **state)
{
    taker_t    *a;
    ngx_uint_t  i;

    static struct {
        const char   *what;
        uint64_t      ordinal;
        const char   *events;
        const char   *got;
    } cases[] = {
        { "the known one comes again", 5, "4 5 6", "6 7" },
        { "nothing is new", 5, "4", "" },
        { "the chunk begins before it", 5, "0 1 2 3 4 5 6", "6 7" },
        { "only what was before", 5, "2 3", "" },
        { "the known one is gone, no other", 5, "5 6", "6 7" },
        { "some behind it are gone", 5, "7 8", "8g 9" },
        { "they are gone long ago", 5, "1000 1001", "1001g 1002" },
        { "offsets are left out behind it", 5, "4 7 8", "8 9" },
        { "or behind what is before it", 5, "2 7", "8" },
        { "all, from the first one", 0, "0 1 2", "1 2 3" },
        { "the first ones are gone", 0, "3 4", "4g 5" },
        { "offsets are left out later", 0, "0 5 9", "1 6 10" },
        { "one twice", 5, "4 5 5 6", "6 7" },
        { "offsets go back", 5, "4 5 3 6", "6 7" },
        { "one is too large", 5, "4 5L 6 7", "7g 8" },
        { "some are", 5, "4 5L 6L 7 8L 9 10", "8g 10g 11" },
        { "the first one that is new", 5, "5L 6", "7g" },
        { "the very first one", 0, "0L 1", "2g" },
        { "the known one is", 5, "4L 5", "6" },
        { "one of before is", 5, "2L 3 4 5", "6" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = taker_reads("a", cases[i].ordinal);
        sends(fake.opened, cases[i].events);

        if (strcmp(a->got, cases[i].got) != 0) {
            fail_msg("%s: \"%s\"", cases[i].what, a->got);
        }

        taker_stop(a);
    }

    ngx_unit_trace_clear();
}


static ngx_int_t
take(ngx_ess_source_replay_t *replay, ngx_ess_event_t *event)
{
    taken = *event;

    assert_true(event->body.len < sizeof(body));
    ngx_memcpy(body, event->body.data, event->body.len);

    return NGX_OK;
}


static void
test_an_event_has_its_body_and_when_it_was_published(void **state)
{
    taker_t                    *a;
    fake_event_t                event = { .offset = 5, .timestamp = 1234,
                                          .body = "hello" };
    ngx_ess_source_replay_handlers_t   handlers;

    a = taker_reads("a", 5);
    handlers = *a->replay.handlers;
    handlers.event = take;
    a->replay.handlers = &handlers;

    fake_delivers(1, &event);
    assert_int_equal(taken.ordinal, 6);
    assert_int_equal(taken.timestamp, 1234);
    assert_int_equal(taken.body.len, 5);
    assert_memory_equal(body, "hello", 5);

    event.offset++;
    event.timestamp = 0;
    fake_delivers(1, &event);
    assert_int_equal(taken.ordinal, 7);
    assert_int_equal(taken.timestamp, 0);

    taker_stop(a);
}


static void
test_a_batch_says_how_far_it_came_and_whether_there_is_a_gap(void **state)
{
    taker_t  *a;

    a = taker_reads("a", 5);

    fake_batch();
    sends(1, "4");
    fake_batch();
    ngx_unit_traced();

    sends(1, "5");
    fake_batch();
    ngx_unit_traced("a: event 6", "a: batch at 6");
    fake_batch();
    ngx_unit_traced();

    sends(1, "6 7L");
    fake_batch();
    ngx_unit_traced("a: event 7", "a: batch at 8 gap");

    sends(1, "8L");
    fake_batch();
    ngx_unit_traced("a: batch at 9 gap");

    sends(1, "9");
    fake_batch();
    ngx_unit_traced("a: event 10 gap", "a: batch at 10");

    taker_stop(a);
    ngx_unit_traced("1: close");
}


static void
test_what_was_handed_out_is_acknowledged_when_more_is_wanted(void **state)
{
    taker_t  *a;

    a = taker_reads("a", 0);

    taker_more(a);
    ngx_unit_traced();

    sends(1, "0 1");
    fake_batch();
    sends(1, "2");
    fake_batch();
    ngx_unit_trace_clear();

    taker_more(a);
    ngx_unit_traced("1: ack 3");
    taker_more(a);
    ngx_unit_traced();

    /* at once */

    a->more_batch = 1;
    sends(1, "3 4");
    fake_batch();
    ngx_unit_traced("a: event 4", "a: event 5", "a: batch at 5", "1: ack 5");

    taker_stop(a);
    ngx_unit_traced("1: close");
}


/* One that looks for a point in time; its channel is number fake.opened. */

static taker_t *
seeks(const char *name, uint64_t timestamp)
{
    taker_t  *taker;

    taker = taker_start(name, 0, timestamp);

    if (!fake.is_open) {
        fake_open();
    }

    fake_answers(fake.opened);
    fake_answers(fake.opened);

    return taker;
}


static void
test_a_point_in_time_is_sought_from_a_while_before_it(void **state)
{
    taker_t  *a;

    a = taker_start("a", 0, 100500);
    fake_open();
    fake_answers(1);
    ngx_unit_traced("connect", "1: open", "1: qos 10",
                    "1: consume abc timestamp=40");

    fake_answers(1);
    ngx_unit_traced("1: consume abc next as ess-1");

    sends(1, "7@100000 8@100499 9@100500 10@90000 11");
    ngx_unit_traced("a: event 10", "a: event 11", "a: event 12");
    fake_batch();
    ngx_unit_traced("a: batch at 12");

    /* that something was there is no news any more */

    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10", "1: ack 5");

    taker_stop(a);
    ngx_unit_traced("1: close");
}


static void
test_the_time_is_asked_for_in_seconds_and_not_before_1970(void **state)
{
    char        line[64];
    taker_t    *a;
    ngx_uint_t  i;

    static struct {
        uint64_t   timestamp;
        unsigned   before;
    } cases[] = {
        { 1, 0 },
        { 999, 0 },
        { 59999, 0 },
        { 60000, 0 },
        { 61000, 1 },
        { 100999, 40 },
        { 1700000000123, 1699999940 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = seeks("a", cases[i].timestamp);

        (void) snprintf(line, sizeof(line), "consume abc timestamp=%u",
                        cases[i].before);
        assert_int_equal(ngx_unit_trace_count(line), 1);
        assert_int_equal(ngx_unit_trace_count("consume abc timestamp="), 1);

        taker_stop(a);
        ngx_unit_trace_clear();
    }
}


static void
test_all_from_the_first_event_that_is_not_older_is_handed_out(void **state)
{
    taker_t    *a;
    ngx_uint_t  i;

    /* from 100500 on */

    static struct {
        const char   *what;
        const char   *events;
        const char   *got;
    } cases[] = {
        { "older ones are not", "7@1000 8@100499 9@100500 10@100501",
          "10 11" },
        { "older ones behind it are", "7@100500 8@1000 9", "8 9 10" },
        { "the very first one", "7@100600", "8" },
        { "undated ones count", "7 8@1000 9", "8 9 10" },
        { "and those behind older ones", "7@1000 8@100499 9 10@1000",
          "10 11" },
        { "all may be older", "7@1000 8@100499", "" },
        { "the first one of all", "0@100500 1", "1 2" },
        { "one before it is too large", "7@1 8L@1 9@100500", "10g" },
        { "offsets are left out", "7@1 20@100500 30", "21 31" },
        { "one comes twice", "7@1 8@100500 8@100500", "9" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = seeks("a", 100500);
        sends(fake.opened, cases[i].events);

        if (strcmp(a->got, cases[i].got) != 0) {
            fail_msg("%s: \"%s\"", cases[i].what, a->got);
        }

        assert_int_equal(a->replay.found, cases[i].got[0] != '\0');

        taker_stop(a);
        ngx_unit_posted();
        ngx_unit_trace_clear();
    }
}


static void
test_nothing_that_new_ends_it(void **state)
{
    taker_t     *a;
    ngx_uint_t   stop;

    for (stop = 0; stop < 2; stop++) {
        a = seeks("a", 100500);
        a->stop_ended = stop;

        fake_answers_all(fake.opened);
        assert_int_equal(ngx_unit_trace_count("ended"), 1);
        assert_int_equal(ngx_unit_trace_count("a: ended DONE"), 1);
        assert_int_equal(fake.channels, 0);
        ngx_unit_trace_clear();

        ngx_unit_pass(3600 * 1000);
        fake_batch();
        ngx_unit_traced();

        if (stop == 0) {
            taker_stop(a);
        }

        assert_int_equal(taker_replays, 0);
    }
}


static void
test_what_is_too_old_is_acknowledged_at_once(void **state)
{
    taker_t  *a;

    a = seeks("a", 100500);
    sends(1, "7@1000 8@2000");
    ngx_unit_trace_clear();

    fake_batch();
    ngx_unit_traced("1: ack 2", "a: batch at 9 none");

    sends(1, "9@3000");
    fake_batch();
    ngx_unit_traced("1: ack 3", "a: batch at 10 none");

    /* the end of what there is does not end it: something was there */

    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10");

    sends(1, "10@100500");
    fake_batch();
    ngx_unit_traced("a: event 11", "a: batch at 11");
    taker_more(a);
    ngx_unit_traced("1: ack 4");

    taker_stop(a);
}


static void
test_a_search_that_was_cut_off_goes_on_where_it_was(void **state)
{
    taker_t  *a;

    a = seeks("a", 100500);
    ngx_unit_trace_clear();

    fake_lost();
    fake_open();
    fake_answers(2);
    ngx_unit_traced("2: open", "2: qos 10", "2: consume abc timestamp=40");
    fake_answers(2);

    sends(2, "7@1000 8@1000");
    fake_batch();
    ngx_unit_trace_clear();

    /* what was seen is not sought again, though it was handed to nobody */

    fake_lost();
    fake_open();
    fake_answers(3);
    ngx_unit_traced("3: open", "3: qos 10", "3: consume abc offset=8");
    fake_answers(3);
    ngx_unit_traced();

    sends(3, "8@1000 9@2000 10 11@1000");
    fake_batch();
    ngx_unit_traced("a: event 11", "a: event 12", "a: batch at 12");

    fake_lost();
    taker_stop(a);
}


static void
test_two_replays_of_one_stream_have_a_channel_each(void **state)
{
    taker_t  *a, *b;

    a = taker_reads("a", 5);
    b = taker_reads("b", 0);

    sends(1, "4 5");
    sends(2, "0 1 2");
    fake_batch();
    ngx_unit_traced("a: event 6", "b: event 1", "b: event 2", "b: event 3",
                    "a: batch at 6", "b: batch at 3");

    taker_more(b);
    ngx_unit_traced("2: ack 3");

    taker_stop(a);
    ngx_unit_traced("1: close");

    sends(2, "3");
    fake_batch();
    ngx_unit_traced("b: event 4", "b: batch at 4");

    fake_cancels(2);
    ngx_unit_traced("b: ended DECLINED", "2: close");
    taker_stop(b);
}


static void
test_a_replay_may_stop_from_its_batch_while_others_go_on(void **state)
{
    taker_t  *a, *b, *c;

    a = taker_reads("a", 0);
    b = taker_reads("b", 0);
    c = taker_reads("c", 0);

    a->stop_batch = 1;
    c->stop_batch = 1;

    sends(1, "0");
    sends(2, "0");
    sends(3, "0");
    ngx_unit_trace_clear();

    fake_batch();
    ngx_unit_traced("a: batch at 1", "1: close", "b: batch at 1",
                    "c: batch at 1", "3: close");

    assert_int_equal(taker_replays, 1);
    taker_stop(b);
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, taker_setup, taker_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_the_first_replay_connects_and_reads_when_the_session_is_open),
        TEST(test_it_reads_from_the_last_event_that_is_known_or_the_first_one),
        TEST(test_events_are_handed_out_in_order_each_once_with_their_gaps),
        TEST(test_an_event_has_its_body_and_when_it_was_published),
        TEST(test_a_batch_says_how_far_it_came_and_whether_there_is_a_gap),
        TEST(test_what_was_handed_out_is_acknowledged_when_more_is_wanted),
        TEST(test_a_point_in_time_is_sought_from_a_while_before_it),
        TEST(test_the_time_is_asked_for_in_seconds_and_not_before_1970),
        TEST(test_all_from_the_first_event_that_is_not_older_is_handed_out),
        TEST(test_nothing_that_new_ends_it),
        TEST(test_what_is_too_old_is_acknowledged_at_once),
        TEST(test_a_search_that_was_cut_off_goes_on_where_it_was),
        TEST(test_two_replays_of_one_stream_have_a_channel_each),
        TEST(test_a_replay_may_stop_from_its_batch_while_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
