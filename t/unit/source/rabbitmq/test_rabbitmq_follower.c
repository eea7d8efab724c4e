/*
 * Making a log follow its RabbitMQ stream, over a fake session and a fake zone:
 * how the end of a stream is found and the log filled, where it goes on, and
 * what is appended.
 *
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_streams.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_follower.c
 * links: src/source/ngx_ess_follower.c t/unit/source/fake_follow.c
 * links: src/amqp/ngx_ess_amqp_reader.c src/amqp/ngx_ess_amqp_property.c
 * links: src/ngx_ess_escape.c
 * links: t/unit/amqp/fake_amqp.c t/unit/source/rabbitmq/fake_streams.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_key.c t/unit/fake_key.c
 * links: src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_streams.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


static void
test_an_empty_stream_is_followed_from_its_first_event_on(void **state)
{
    (void) client_waits("a");
    ngx_unit_traced("claim");

    fake_open();
    fake_answers(1);
    fake_answers(1);
    ngx_unit_traced("1: open", "1: qos 10", "1: consume abc last",
                    "1: consume abc next as ess-1");

    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10", "begin 1 from 1", "wake",
                    "a: OK");

    /* without a timestamp it is from now */

    fake_sends(1, 0, 0);
    fake_sends(1, 1, 5000);
    fake_batch();
    ngx_unit_traced("append 1 at 777000", "append 2 at 5000", "wake",
                    "1: ack 2");
}


static void
test_an_empty_stream_whose_first_events_are_gone_has_a_gap(void **state)
{
    (void) client_waits("a");
    fake_open();
    fake_answers_all(1);
    ngx_unit_trace_clear();

    fake_sends(1, 3, 5000);
    fake_sends(1, 4, 5000);
    ngx_unit_traced("append 4 gap at 5000", "append 5 at 5000");
}


static void
test_a_log_is_filled_with_the_newest_events_before_it_is_live(void **state)
{
    ngx_uint_t  i;

    (void) client_waits("a");
    fake_open();
    fake_answers(1);
    fake_answers(1);
    ngx_unit_trace_clear();

    /* of the last chunk only its end counts */

    fake_sends(1, 20, 0);
    fake_sends(1, 21, 0);
    ngx_unit_traced();
    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10", "1: ack 2",
                    "begin 23 from 13", "1: close", "2: open", "2: qos 10");
    fake_answers_all(2);
    ngx_unit_traced("2: consume abc offset=11");

    fake_sends(2, 11, 0);
    fake_sends(2, 12, 0);
    fake_sends(2, 14, 6000);
    ngx_unit_traced("append 13 at 0", "append 15 at 6000");

    for (i = 15; i < 21; i++) {
        fake_sends(2, i, 0);
    }

    ngx_unit_trace_clear();
    fake_sends(2, 21, 0);
    ngx_unit_traced("append 22 at 0", "live", "a: OK");

    fake_sends(2, 22, 0);
    fake_batch();
    ngx_unit_traced("append 23 at 777000", "wake", "2: ack 11");
}


static void
test_filling_that_brings_nothing_for_long_begins_anew(void **state)
{
    (void) client_waits("a");
    fake_open();
    fake_answers(1);
    fake_answers(1);
    fake_sends(1, 20, 0);
    fake_answers_all(1);
    fake_answers_all(2);
    fake_sends(2, 15, 0);
    ngx_unit_trace_clear();

    ngx_unit_pass(SILENT - 1);
    ngx_unit_traced();
    ngx_unit_pass(1);
    fake_answers(3);
    ngx_unit_traced("2: close", "3: open", "3: qos 10", "3: consume abc last");
}


static void
test_a_log_that_somebody_reads_is_not_filled(void **state)
{
    follow.begin_rc = NGX_OK;
    (void) client_waits("a");
    fake_open();
    fake_answers(1);
    fake_answers(1);
    fake_sends(1, 20, 0);
    ngx_unit_trace_clear();

    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10", "1: ack 1",
                    "begin 22 from 12", "wake", "a: OK");
    fake_sends(1, 21, 1000);
    ngx_unit_traced("append 22 at 1000");
}


static void
test_one_that_is_succeeded_while_it_seeks_or_fills_stops(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        follow.begin_rc = i ? NGX_AGAIN : NGX_DECLINED;
        follow.live_rc = NGX_DECLINED;

        (void) client_waits("a");
        fake_open();
        fake_answers(1);
        fake_answers(1);
        fake_sends(1, 0, 0);
        follow.state = NGX_ESS_FOLLOW_LIVE;
        fake_answers_all(1);

        if (i) {
            assert_int_equal(ngx_unit_trace_count("a: OK"), 0);
            fake_answers_all(2);
            fake_sends(2, 0, 0);
            assert_int_equal(ngx_unit_trace_count("live"), 1);
        }

        /* the other one's log is as good */

        assert_int_equal(ngx_unit_trace_count("a: OK"), 1);
        assert_int_equal(fake.channels, 0);

        follow_anew();
    }
}


static void
test_a_log_goes_on_from_the_last_event_that_is_known(void **state)
{
    ngx_uint_t  i;

    static struct {
        uint64_t     ordinal;       /* the next one */
        const char  *from;
        int64_t      offset;        /* of the first one that comes */
        const char  *append;
    } cases[] = {
        { 11, "offset=9", 9, NULL },
        { 11, "offset=9", 5, NULL },
        { 11, "offset=9", 10, "append 11 at 1000" },
        { 11, "offset=9", 14, "append 15 gap at 1000" },
        { 1, "offset=0", 0, "append 1 at 1000" },
        { 1, "offset=0", 3, "append 4 gap at 1000" },
        { 2, "offset=0", 0, NULL },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        follow.claim_ordinal = cases[i].ordinal;

        (void) client_waits("a");
        fake_open();
        fake_answers_all(1);
        assert_int_equal(ngx_unit_trace_count(cases[i].from), 1);
        assert_int_equal(ngx_unit_trace_count("a: OK"), 1);
        ngx_unit_trace_clear();

        fake_sends(1, cases[i].offset, 1000);

        if (cases[i].append) {
            ngx_unit_traced(cases[i].append);
        } else {
            ngx_unit_traced();
        }

        follow_anew();
    }
}


static void
test_if_the_last_event_does_not_come_the_end_is_looked_for(void **state)
{
    ngx_uint_t  i;

    static struct {
        int64_t      last;          /* offset of it; -1: there is none */
        const char  *begin;         /* NULL: it is the same stream */
    } cases[] = {
        { 9, NULL },
        { 3, "begin 5 from 5" },
        { 30, "begin 32 from 32" },
        { -1, "begin 1 from 1" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        follow.claim_ordinal = 11;
        (void) client_waits("a");
        fake_open();
        fake_answers_all(1);
        ngx_unit_trace_clear();

        ngx_unit_pass(SILENT);
        ngx_unit_traced("1: consume abc next as ess-1");
        fake_answers_all(1);
        ngx_unit_traced("1: cancel ess-1", "1: qos 10", "1: close", "2: open",
                        "2: qos 10");
        fake_answers(2);
        fake_answers(2);

        if (cases[i].last >= 0) {
            fake_sends(2, cases[i].last, 0);
        }

        fake_answers_all(2);
        assert_int_equal(ngx_unit_trace_count("begin"),
                         cases[i].begin != NULL);
        assert_int_equal(ngx_unit_trace_count("it was made anew"),
                         cases[i].begin != NULL);

        if (cases[i].begin) {
            assert_int_equal(ngx_unit_trace_count(cases[i].begin), 1);
        }

        follow_anew();
    }
}


static void
test_a_last_event_that_is_only_late_changes_nothing(void **state)
{
    follow.claim_ordinal = 11;
    (void) client_waits("a");
    fake_open();
    fake_answers_all(1);
    ngx_unit_pass(SILENT);
    ngx_unit_trace_clear();

    fake_sends(1, 9, 0);
    fake_answers_all(1);
    ngx_unit_traced("1: cancel ess-1", "1: qos 10", "1: ack 1");
    ngx_unit_pass(10 * SILENT);
    ngx_unit_traced();
}


static void
test_what_is_too_large_leaves_a_gap_before_the_next_event(void **state)
{
    fake_event_t  large = { .offset = 10, .large = 1 };

    follows(11);
    fake_delivers(1, &large);
    fake_sends(1, 11, 1000);
    fake_sends(1, 12, 1000);
    ngx_unit_traced("too large", "append 12 gap at 1000", "append 13 at 1000");
}


static void
test_what_was_too_large_is_no_gap_of_a_stream_that_is_made_anew(void **state)
{
    fake_event_t  large = { .offset = 10, .large = 1 };

    follows(11);
    fake_delivers(1, &large);
    fake_lost();
    fake_open();
    fake_answers_all(2);

    /* the last event that is known does not come: there are two only */

    ngx_unit_pass(SILENT);
    fake_answers_all(2);
    fake_answers(3);
    fake_answers(3);
    fake_sends(3, 1, 1000);
    fake_answers_all(3);
    assert_int_equal(ngx_unit_trace_count("begin 3 from 3"), 1);
    ngx_unit_trace_clear();

    fake_sends(3, 2, 1000);
    ngx_unit_traced("append 3 at 1000");
}


static void
test_without_room_in_the_zone_the_broker_keeps_the_rest(void **state)
{
    ngx_uint_t  i;

    static ngx_int_t  rcs[] = { NGX_AGAIN, NGX_BUSY };

    for (i = 0; i < 2; i++) {
        follows(11);

        fake_sends(1, 10, 1000);
        follow.append_rc = rcs[i];
        fake_sends(1, 11, 1000);
        fake_sends(1, 12, 1000);
        ngx_unit_traced("append 11 at 1000", "append 12 at 1000", "1: close");

        follow.append_rc = 1;
        ngx_unit_pass(ROOM);
        fake_answers_all(2);
        ngx_unit_traced("2: open", "2: qos 10", "2: consume abc offset=10");

        fake_sends(2, 10, 1000);
        fake_sends(2, 11, 1000);
        ngx_unit_traced("append 12 at 1000");

        follow_anew();
    }
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, follow_setup, follow_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_an_empty_stream_is_followed_from_its_first_event_on),
        TEST(test_an_empty_stream_whose_first_events_are_gone_has_a_gap),
        TEST(test_a_log_is_filled_with_the_newest_events_before_it_is_live),
        TEST(test_filling_that_brings_nothing_for_long_begins_anew),
        TEST(test_a_log_that_somebody_reads_is_not_filled),
        TEST(test_one_that_is_succeeded_while_it_seeks_or_fills_stops),
        TEST(test_a_log_goes_on_from_the_last_event_that_is_known),
        TEST(test_if_the_last_event_does_not_come_the_end_is_looked_for),
        TEST(test_a_last_event_that_is_only_late_changes_nothing),
        TEST(test_what_is_too_large_leaves_a_gap_before_the_next_event),
        TEST(test_what_was_too_large_is_no_gap_of_a_stream_that_is_made_anew),
        TEST(test_without_room_in_the_zone_the_broker_keeps_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
