/*
 * Who follows which RabbitMQ stream, over a fake session and a fake zone: what
 * those hear who wait for a log, whatever its state is, and what becomes of a
 * stream whose reader ends.
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



#define NO_QUEUE  "NOT_FOUND - no queue 'abc' in vhost '/'"


static void
test_who_asks_is_answered_by_the_state_of_the_log(void **state)
{
    ngx_uint_t  i;

    /* NULL: not yet */

    static struct {
        ngx_ess_follow_e   state;
        ngx_int_t          claim;
        const char        *claims;
        const char        *answer;
    } cases[] = {
        { NGX_ESS_FOLLOW_LIVE, NGX_OK, NULL, "a: OK" },
        { NGX_ESS_FOLLOW_ATTACHING, NGX_OK, NULL, NULL },
        { NGX_ESS_FOLLOW_FILLING, NGX_OK, NULL, NULL },
        { NGX_ESS_FOLLOW_NONE, NGX_OK, "claim", NULL },
        { NGX_ESS_FOLLOW_NONE, NGX_BUSY, "claim", NULL },
        { NGX_ESS_FOLLOW_NONE, NGX_DECLINED, "claim", "a: DECLINED" },

        /* it is newer than that answer: the broker is asked again */

        { NGX_ESS_FOLLOW_MISSING, NGX_OK, "claim", NULL },
        { NGX_ESS_FOLLOW_MISSING, NGX_DECLINED, "claim", "a: DECLINED" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        follow.state = cases[i].state;
        follow.claim_rc = cases[i].claim;

        (void) client_asks("a");
        ngx_unit_traced();
        ngx_unit_posted();

        assert_int_equal(ngx_unit_trace_count("claim"),
                         cases[i].claims != NULL);
        assert_int_equal(ngx_unit_trace_count("a: "),
                         cases[i].answer != NULL);

        if (cases[i].answer) {
            assert_int_equal(ngx_unit_trace_count(cases[i].answer), 1);
        }

        /* by the end of the process, everybody is */

        ngx_ess_rabbitmq_streams_exit(&streams);
        assert_int_equal(ngx_unit_trace_count("a: "), 1);
        ngx_ess_rabbitmq_streams_init(&streams);

        follow_anew();
    }
}


static void
test_while_another_worker_attaches_it_is_looked_at_often(void **state)
{
    follow.state = NGX_ESS_FOLLOW_ATTACHING;
    (void) client_waits("a");

    ngx_unit_pass(5 * POLL);
    ngx_unit_traced();

    follow.state = NGX_ESS_FOLLOW_FILLING;
    ngx_unit_pass(5 * POLL);
    ngx_unit_traced();

    follow.state = NGX_ESS_FOLLOW_LIVE;
    ngx_unit_pass(POLL);
    ngx_unit_traced("a: OK");
}


static void
test_what_another_worker_hears_is_for_all_who_asked(void **state)
{
    follow.state = NGX_ESS_FOLLOW_ATTACHING;
    (void) client_waits("a");
    (void) client_waits("b");

    follow.state = NGX_ESS_FOLLOW_MISSING;
    ngx_unit_pass(POLL);
    ngx_unit_traced("a: DECLINED", "b: DECLINED");
}


static void
test_a_worker_that_dies_while_it_attaches_is_succeeded(void **state)
{
    follow.state = NGX_ESS_FOLLOW_ATTACHING;
    (void) client_waits("a");

    follow.state = NGX_ESS_FOLLOW_NONE;
    ngx_unit_pass(POLL);
    ngx_unit_traced("claim");
}


static void
test_a_log_is_looked_at_when_the_zone_says_that_it_has_changed(void **state)
{
    ngx_ess_stream_ref_t  ref = { .id = 7 };

    follow.state = NGX_ESS_FOLLOW_NONE;
    follow.claim_rc = NGX_BUSY;
    (void) client_waits("a");
    ngx_unit_traced("claim");

    follow.state = NGX_ESS_FOLLOW_LIVE;
    ref.id = 8;
    ngx_ess_followers_changed(&streams.followers, &ref);
    ngx_unit_traced();

    ref.id = 7;
    ngx_ess_followers_changed(&streams.followers, &ref);
    ngx_unit_traced("a: OK");

    /* any may have */

    follow.state = NGX_ESS_FOLLOW_ATTACHING;
    (void) client_waits("b");
    follow.state = NGX_ESS_FOLLOW_LIVE;
    ref.id = 0;
    ngx_ess_followers_changed(&streams.followers, &ref);
    ngx_unit_traced("b: OK");
}


static void
test_a_log_without_a_follower_is_followed_if_it_has_subscribers(void **state)
{
    follow.state = NGX_ESS_FOLLOW_LIVE;
    (void) client_waits("a");
    ngx_unit_traced("a: OK");

    follow.subscribed = 1;
    ngx_unit_pass(10 * TICK);
    ngx_unit_traced();

    follow.state = NGX_ESS_FOLLOW_NONE;
    ngx_unit_pass(TICK);
    ngx_unit_traced("claim");
}


static void
test_a_stream_of_another_worker_without_subscribers_is_forgotten(void **state)
{
    follow.state = NGX_ESS_FOLLOW_LIVE;
    (void) client_waits("a");
    ngx_unit_pass(TICK);
    assert_int_equal(ngx_unit_pending(), 0);

    follow.state = NGX_ESS_FOLLOW_NONE;
    ngx_unit_pass(10 * TICK);
    ngx_unit_traced("a: OK");
}


static void
test_all_who_ask_while_it_attaches_are_answered_in_order(void **state)
{
    client_t  *a, *c;

    a = client_waits("a");
    fake_open();
    (void) client_waits("b");
    c = client_asks("c");
    client_cancel(c);
    a->other = client_waits("d");
    fake_answers_all(1);

    assert_int_equal(ngx_unit_trace_count(": OK"), 2);
    assert_int_equal(ngx_unit_trace_count("a: OK"), 1);
    assert_int_equal(ngx_unit_trace_count("b: OK"), 1);
    ngx_unit_trace_clear();

    /* now it follows: at once */

    (void) client_waits("e");
    ngx_unit_traced("e: OK");
}


static void
test_an_answered_client_may_ask_again_from_its_handler(void **state)
{
    client_t  *a;

    follow.state = NGX_ESS_FOLLOW_LIVE;
    a = client_asks("a");
    a->again = 2;
    ngx_unit_posted();
    ngx_unit_traced("a: OK", "a: OK", "a: OK");
}


static void
test_a_stream_that_the_broker_does_not_have_is_missing(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        (void) client_waits("a");
        fake_open();

        if (i % 2) {
            fake_answers(1);
        }

        ngx_unit_trace_clear();

        /* as long as it was never there, any refusal counts */

        if (i < 2) {
            fake_refuses(1, 404, NO_QUEUE);
        } else {
            fake_refuses(1, 540, "NOT_IMPLEMENTED");
        }

        assert_int_equal(ngx_unit_trace_count("there is no %s"), 1);
        assert_int_equal(ngx_unit_trace_count("missing"), 1);
        assert_int_equal(ngx_unit_trace_count("wake"), 1);
        assert_int_equal(ngx_unit_trace_count("a: DECLINED"), 1);
        assert_int_equal(fake.channels, 0);

        follow_anew();
    }
}


static void
test_a_stream_that_is_deleted_while_it_is_followed_is_missing(void **state)
{
    follows(11);
    fake_sends(1, 10, 1000);
    fake_cancels(1);
    ngx_unit_traced("append 11 at 1000",
                    "log: there is no %s \"%V\"", "missing",
                    "wake", "1: close");

    /* it is not asked for again until somebody asks */

    follow.state = NGX_ESS_FOLLOW_MISSING;
    ngx_unit_pass(10 * TICK);
    ngx_unit_traced();

    follow.claim_ordinal = 0;
    (void) client_waits("b");
    fake_answers(2);
    ngx_unit_traced("claim", "2: open", "2: qos 10", "2: consume abc last");
}


static void
test_one_that_is_followed_is_read_again_after_a_refusal(void **state)
{
    ngx_uint_t  i;

    follows(11);
    fake_sends(1, 10, 1000);
    fake_closes(1, 406, "PRECONDITION_FAILED");
    ngx_unit_traced("append 11 at 1000", "1: close");

    for (i = 0; i < 3; i++) {
        assert_int_equal(fake.attempt, i);
        ngx_unit_pass(FAKE_BACKOFF);
        fake_refuses(fake.opened, 541, "INTERNAL_ERROR");
    }

    ngx_unit_trace_clear();
    ngx_unit_pass(FAKE_BACKOFF);
    fake_answers_all(5);
    ngx_unit_traced("5: open", "5: qos 10", "5: consume abc offset=10");
}


static void
test_without_memory_or_a_channel_it_is_tried_again(void **state)
{
    fake_open();
    fake.no_channel = 1;
    (void) client_waits("a");
    ngx_unit_traced("claim");

    fake.no_channel = 0;
    ngx_unit_pass(FAKE_BACKOFF);
    ngx_unit_traced("1: open", "1: qos 10");
}


static void
test_without_memory_for_the_stream_the_time_limit_tells(void **state)
{
    client_t  *a;

    fake.no_memory = 1;
    a = client_waits("a");
    ngx_unit_pass(2000);
    ngx_unit_traced();
    client_cancel(a);
}


static void
test_a_connection_that_was_lost_is_gone_on_with_in_each_state(void **state)
{
    ngx_uint_t  i, n;

    static struct {
        uint64_t     ordinal;       /* that the zone has; 0: none */
        ngx_uint_t   answers;
        ngx_uint_t   chunk;         /* the last one comes, and it is filled */
        const char  *from;
    } cases[] = {
        { 0, 0, 0, "consume abc last" },
        { 0, 1, 0, "consume abc last" },
        { 0, 2, 0, "consume abc last" },
        { 0, 2, 1, "consume abc last" },
        { 11, 0, 0, "offset=9" },
        { 11, 1, 0, "offset=9" },
        { 11, 2, 0, "offset=9" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        follow.claim_ordinal = cases[i].ordinal;
        (void) client_waits("a");
        fake_open();

        for (n = 0; n < cases[i].answers; n++) {
            fake_answers(1);
        }

        if (cases[i].chunk) {
            fake_sends(1, 20, 0);
            fake_answers_all(1);
            fake_answers_all(2);
            fake_sends(2, 12, 0);
        }

        fake_lost();
        ngx_unit_posted();
        assert_int_equal(fake.channels, 0);
        ngx_unit_trace_clear();

        n = fake.opened;
        ngx_unit_pass(TICK);
        assert_int_equal(fake.opened, n);

        fake_open();
        fake_answers(n + 1);
        assert_int_equal(ngx_unit_trace_count(cases[i].from), 1);

        follow_anew();
    }
}


static void
test_a_log_is_let_go_of_when_it_had_no_subscribers_for_a_while(void **state)
{
    follows(11);

    ngx_unit_pass(2 * IDLE);
    ngx_unit_traced();

    follow.subscribed = 0;
    ngx_unit_pass(IDLE - TICK);
    ngx_unit_traced();

    /* not if one came just then */

    follow.release_rc = NGX_BUSY;
    ngx_unit_pass(TICK);
    ngx_unit_traced("release");

    follow.release_rc = NGX_OK;
    ngx_unit_pass(TICK);
    ngx_unit_traced("release", "1: close");
    ngx_unit_posted();
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_one_that_was_succeeded_stops_within_a_tick(void **state)
{
    follows(11);

    follow.mine = 0;
    follow.state = NGX_ESS_FOLLOW_LIVE;
    ngx_unit_pass(TICK);
    ngx_unit_traced("1: close");

    /* and follows again when that one is gone */

    follow.state = NGX_ESS_FOLLOW_NONE;
    follow.claim_ordinal = 20;
    ngx_unit_pass(TICK);
    fake_answers(2);
    ngx_unit_traced("claim", "2: open", "2: qos 10",
                    "2: consume abc offset=18");
}


static void
test_a_session_that_opens_reads_only_what_this_worker_follows(void **state)
{
    /* another one does by now */

    follows(11);
    follow.mine = 0;
    follow.state = NGX_ESS_FOLLOW_LIVE;
    ngx_unit_pass(TICK);
    fake_lost();
    fake_open();
    assert_int_equal(fake.channels, 0);

    /* the broker has no such stream */

    follow_anew();
    follows(11);
    fake_cancels(1);
    follow.state = NGX_ESS_FOLLOW_MISSING;
    fake_lost();
    fake_open();
    assert_int_equal(fake.channels, 0);

    /* it is to be tried again a little later */

    follow_anew();
    follows(11);
    fake_closes(1, 541, "INTERNAL_ERROR");
    fake_lost();
    fake_open();
    assert_int_equal(fake.channels, 0);
    ngx_unit_pass(FAKE_BACKOFF);
    assert_int_equal(fake.channels, 1);
}


static void
test_a_client_that_was_answered_may_still_be_canceled(void **state)
{
    client_t  *a;

    follow.state = NGX_ESS_FOLLOW_LIVE;
    a = client_asks("a");
    a->keep = 1;
    ngx_unit_posted();
    ngx_unit_traced("a: OK");

    (void) client_asks("b");
    client_cancel(a);
    ngx_unit_posted();
    ngx_unit_traced("b: OK");
}


static void
test_at_the_end_logs_are_left_to_others_and_who_waits_is_busy(void **state)
{
    follows(11);
    ngx_ess_amqp_destroy(streams.session);
    ngx_ess_rabbitmq_streams_exit(&streams);
    ngx_unit_traced("destroy", "release leaving", "wake");

    assert_int_equal(follow_setup(NULL), 0);
    (void) client_waits("a");
    fake_open();
    (void) client_asks("b");
    ngx_unit_trace_clear();

    ngx_ess_amqp_destroy(streams.session);
    ngx_ess_rabbitmq_streams_exit(&streams);
    ngx_unit_traced("destroy", "a: BUSY", "b: BUSY", "release leaving",
                    "wake");
    assert_int_equal(ngx_unit_pending(), 0);

    assert_int_equal(follow_setup(NULL), 0);
}


static void
test_a_batch_wakes_and_acknowledges_what_came(void **state)
{
    follows(11);

    fake_batch();
    ngx_unit_traced();

    fake_sends(1, 10, 1000);
    fake.behind = 1;
    fake_batch();
    ngx_unit_traced("append 11 at 1000", "wake");

    /* with the next one, if the socket is behind */

    fake.behind = 0;
    fake_batch();
    ngx_unit_traced("wake", "1: ack 2");
    fake_batch();
    ngx_unit_traced();
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, follow_setup, follow_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_who_asks_is_answered_by_the_state_of_the_log),
        TEST(test_while_another_worker_attaches_it_is_looked_at_often),
        TEST(test_what_another_worker_hears_is_for_all_who_asked),
        TEST(test_a_worker_that_dies_while_it_attaches_is_succeeded),
        TEST(test_a_log_is_looked_at_when_the_zone_says_that_it_has_changed),
        TEST(test_a_log_without_a_follower_is_followed_if_it_has_subscribers),
        TEST(test_a_stream_of_another_worker_without_subscribers_is_forgotten),
        TEST(test_all_who_ask_while_it_attaches_are_answered_in_order),
        TEST(test_an_answered_client_may_ask_again_from_its_handler),
        TEST(test_a_stream_that_the_broker_does_not_have_is_missing),
        TEST(test_a_stream_that_is_deleted_while_it_is_followed_is_missing),
        TEST(test_one_that_is_followed_is_read_again_after_a_refusal),
        TEST(test_without_memory_or_a_channel_it_is_tried_again),
        TEST(test_without_memory_for_the_stream_the_time_limit_tells),
        TEST(test_a_connection_that_was_lost_is_gone_on_with_in_each_state),
        TEST(test_a_log_is_let_go_of_when_it_had_no_subscribers_for_a_while),
        TEST(test_one_that_was_succeeded_stops_within_a_tick),
        TEST(test_a_session_that_opens_reads_only_what_this_worker_follows),
        TEST(test_a_client_that_was_answered_may_still_be_canceled),
        TEST(test_at_the_end_logs_are_left_to_others_and_who_waits_is_busy),
        TEST(test_a_batch_wakes_and_acknowledges_what_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
