/*
 * The life of a replay of a RabbitMQ stream, over a fake session: pauses, what
 * the broker refuses, a connection that is lost, no memory, and those who stop
 * in each state.
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


#define NO_QUEUE   "NOT_FOUND - no queue 'abc' in vhost '/'"

/* ms that nothing is acknowledged before the place is given up */
#define HELD        120000

/* ms until the socket is asked again */
#define RETRY       500

#define HOUR        3600000


/*
 * What happens to one replay behind ordinal 5, in letters; the last channel
 * that was opened is its own:
 *
 *   o  the session is open        e  an event comes, 6 the first time
 *   1  one answer                 b  the batch
 *   a  all answers                m  more is wanted
 *   r  a refusal, for now         F  the taker is full with the next event
 *   c  the broker closes the      H  two minutes pass, a hair less
 *      channel                    h  a hair
 *   l  the connection is lost     w  a second passes
 */

static uint64_t  offset;


static void
happens(taker_t *taker, const char *what)
{
    for ( /* void */ ; *what; what++) {
        switch (*what) {

        case 'o':
            fake_open();
            break;

        case '1':
            fake_answers(fake.opened);
            break;

        case 'a':
            fake_answers_all(fake.opened);
            break;

        case 'r':
            fake_refuses(fake.opened, 541, "INTERNAL_ERROR");
            break;

        case 'c':
            fake_closes(fake.opened, 406, "PRECONDITION_FAILED");
            break;

        case 'l':
            fake_lost();
            ngx_unit_posted();
            break;

        case 'e':
            fake_sends(fake.opened, offset++, 0);
            ngx_unit_posted();
            break;

        case 'b':
            fake_batch();
            break;

        case 'm':
            taker_more(taker);
            ngx_unit_posted();
            break;

        case 'F':
            taker->room = 1;
            break;

        case 'H':
            ngx_unit_pass(HELD - 1);
            break;

        case 'h':
            ngx_unit_pass(1);
            break;

        case 'w':
            ngx_unit_pass(FAKE_BACKOFF);
            break;

        default:
            fail_msg("what is \"%c\"?", *what);
        }
    }
}


static taker_t *
begins(const char *what)
{
    taker_t  *taker;

    offset = 5;

    taker = taker_start("a", 5, 0);
    happens(taker, what);
    ngx_unit_trace_clear();

    return taker;
}


/* as if it had never been, for the next case of a table */

static void
anew(void)
{
    assert_int_equal(taker_teardown(NULL), 0);
    assert_int_equal(taker_setup(NULL), 0);
}


/* the states of a replay, by what happened */

static const char  *states[] = {
    "",                                     /* waits for the session */
    "o",                                    /* basic.qos is under way */
    "o1",                                   /* basic.consume is */
    "oa",                                   /* it reads */
    "oae",                                  /* an event is handed out */
    "oaeb",                                 /* until its taker has sent it */
    "oaebe",                                /* and one more */
    "oaebm",                                /* acknowledged */
    "oaFe",                                 /* its taker is full */
    "oaFeb",                                /* it is paused */
    "oaebHh",                               /* so it is, after two minutes */
    "oaFebm",                               /* it reads again */
    "or", "o1r", "oac", "oaec",             /* waits, after a refusal */
    "orw", "oacwa",                         /* tries again, goes on */
    "ol", "o1l", "oal", "oael", "oaebl",    /* waits for the session again */
    "oaFel", "oaFebl", "orl", "oacl",
    "orlw",
    "oalo", "oaebloa"                       /* it is there */
};

#define STATES  (sizeof(states) / sizeof(states[0]))


static void
test_who_stops_hears_of_nothing_more_in_each_state(void **state)
{
    taker_t    *a;
    ngx_uint_t  i, had;

    for (i = 0; i < STATES; i++) {
        a = begins(states[i]);
        had = fake.channels;

        taker_stop(a);
        assert_int_equal(taker_replays, 0);
        assert_int_equal(fake.channels, 0);
        assert_int_equal(ngx_unit_trace_count(": close"), had);
        ngx_unit_posted();
        assert_int_equal(ngx_unit_pending(), 0);

        if (fake.is_open) {
            fake_batch();
            fake_lost();
        }

        ngx_unit_trace_clear();
        fake_open();
        ngx_unit_pass(HOUR);
        fake_batch();
        ngx_unit_traced();

        anew();
    }
}


static void
test_the_process_may_end_before_who_reads_stops(void **state)
{
    taker_t    *a;
    ngx_uint_t  i;

    for (i = 0; i < STATES; i++) {
        a = begins(states[i]);

        ngx_ess_rabbitmq_replay_exit();
        ngx_unit_posted();
        ngx_unit_traced("destroy");

        taker_stop(a);
        ngx_unit_traced();
        assert_int_equal(taker_replays, 0);
        assert_int_equal(ngx_unit_pending(), 0);

        anew();
    }
}


/* The first thing that is asked for from then on; NULL: nothing, until more is
   wanted. */

static void
test_a_connection_that_was_lost_is_gone_on_with_in_each_state(void **state)
{
    taker_t     *a;
    ngx_uint_t   i, n;

    static struct {
        const char  *state;
        const char  *from;
        const char  *more;
    } cases[] = {
        { "o", "offset=4", NULL },
        { "o1", "offset=4", NULL },
        { "oa", "offset=4", NULL },
        { "or", "offset=4", NULL },
        { "oac", "offset=4", NULL },
        { "oae", NULL, "offset=5" },        /* it has that to send */
        { "oaeb", NULL, "offset=5" },
        { "oaeeb", NULL, "offset=6" },
        { "oaebm", "offset=5", NULL },
        { "oaFe", NULL, "offset=5" },
        { "oaFeb", NULL, "offset=5" },
        { "oaFebm", "offset=5", NULL },
        { "oaebHh", NULL, "offset=5" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = begins(cases[i].state);

        fake_lost();
        ngx_unit_posted();
        assert_int_equal(fake.channels, 0);

        n = fake.opened;
        fake_open();
        ngx_unit_pass(FAKE_BACKOFF);

        if (cases[i].from == NULL) {
            assert_int_equal(fake.opened, n);
            taker_more(a);
        }

        assert_int_equal(fake.opened, n + 1);
        fake_answers_all(n + 1);
        assert_int_equal(ngx_unit_trace_count(cases[i].from ? cases[i].from
                                              : cases[i].more), 1);

        /* what is known is not handed out again */

        ngx_unit_trace_clear();
        fake_sends(n + 1, offset - 1, 0);
        ngx_unit_traced();
        fake_sends(n + 1, offset, 0);
        assert_int_equal(ngx_unit_trace_count("a: event"), 1);
        assert_int_equal(ngx_unit_trace_count("gap"), 0);

        taker_stop(a);
        anew();
    }
}


static void
test_what_was_handed_out_is_a_batch_before_the_connection_is_gone(void **state)
{
    taker_t  *a;

    a = begins("oae");
    fake_lost();
    ngx_unit_traced("a: batch at 6");

    /* it may stop then, too */

    fake_open();
    taker_stop(a);

    a = begins("aeb");
    a->stop_batch = 1;
    happens(a, "e");
    fake_lost();
    ngx_unit_traced("a: event 7", "a: batch at 7");
    assert_int_equal(taker_replays, 0);
}


static void
test_a_missing_stream_ends_it_and_other_refusals_are_tried_again(void **state)
{
    taker_t    *a;
    ngx_uint_t  i, answered, stop;

    static struct {
        ngx_uint_t   code;
        const char  *text;
        ngx_uint_t   ends;
    } cases[] = {
        { 404, NO_QUEUE, 1 },
        { 404, "NOT_FOUND - home node is down", 0 },
        { 403, "ACCESS_REFUSED", 0 },
        { 405, "RESOURCE_LOCKED", 0 },
        { 406, "PRECONDITION_FAILED", 0 },
        { 530, "NOT_ALLOWED", 0 },
        { 540, "NOT_IMPLEMENTED", 0 },
        { 541, "INTERNAL_ERROR", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (answered = 0; answered < 2; answered++) {
            for (stop = 0; stop < 2; stop++) {

                a = begins(answered ? "o1" : "o");
                a->stop_ended = stop;

                fake_refuses(1, cases[i].code, cases[i].text);
                assert_int_equal(ngx_unit_trace_count("a: ended DECLINED"),
                                 cases[i].ends);
                assert_int_equal(fake.channels, 0);
                ngx_unit_trace_clear();

                ngx_unit_pass(FAKE_BACKOFF - 1);
                ngx_unit_traced();
                ngx_unit_pass(1);

                if (cases[i].ends) {
                    ngx_unit_traced();

                } else {
                    ngx_unit_traced("2: open", "2: qos 10");
                    fake_answers(2);
                    ngx_unit_traced("2: consume abc offset=4");
                }

                if (!(cases[i].ends && stop)) {
                    taker_stop(a);
                }

                anew();
            }
        }
    }
}


static void
test_a_stream_that_is_deleted_meanwhile_ends_it(void **state)
{
    taker_t    *a;
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        a = begins("oae");
        a->stop_ended = i;

        fake_cancels(1);
        ngx_unit_traced("a: ended DECLINED", "1: close");

        ngx_unit_pass(HOUR);
        assert_int_equal(fake.opened, 1);

        if (i == 0) {
            taker_stop(a);
        }

        anew();
    }
}


static void
test_each_refusal_in_a_row_is_waited_for_longer(void **state)
{
    taker_t    *a;
    ngx_uint_t  i;

    a = begins("o");

    for (i = 0; i < 5; i++) {
        fake_refuses(fake.opened, 541, "INTERNAL_ERROR");
        assert_int_equal(fake.attempt, i);
        ngx_unit_pass(FAKE_BACKOFF);
    }

    fake_answers_all(fake.opened);
    fake_closes(fake.opened, 541, "INTERNAL_ERROR");
    assert_int_equal(fake.attempt, 0);

    taker_stop(a);
}


static void
test_a_channel_that_the_broker_closes_is_opened_again(void **state)
{
    taker_t  *a;

    a = begins("oae");
    fake_closes(1, 406, "PRECONDITION_FAILED");
    ngx_unit_traced("1: close");

    fake_batch();
    ngx_unit_traced("a: batch at 6");

    ngx_unit_pass(FAKE_BACKOFF);
    fake_answers(2);
    ngx_unit_traced("2: open", "2: qos 10", "2: consume abc offset=5");

    taker_stop(a);
}


static void
test_without_memory_for_a_session_the_next_one_makes_it(void **state)
{
    taker_t  *a, *b;

    fake.no_session = 1;
    a = taker_start("a", 5, 0);
    ngx_unit_traced("no memory");
    ngx_unit_pass(HOUR);
    taker_more(a);
    ngx_unit_traced();

    fake.no_session = 0;
    b = taker_start("b", 7, 0);
    fake_open();
    ngx_unit_traced("connect", "1: open", "1: qos 10", "2: open",
                    "2: qos 10");

    taker_stop(a);
    taker_stop(b);
}


static void
test_one_that_stops_while_there_is_no_session(void **state)
{
    fake.no_session = 1;
    taker_stop(taker_start("a", 5, 0));
    ngx_unit_traced("no memory");
}


static void
test_without_memory_it_does_not_start(void **state)
{
    ngx_ess_source_replay_t  replay;

    fake.no_memory = 1;
    assert_int_equal(ngx_ess_rabbitmq_replay_start(&replay), NGX_ERROR);
    assert_int_equal(taker_replays, 0);
    fake.no_memory = 0;
}


static void
test_without_memory_or_a_channel_it_tries_again(void **state)
{
    taker_t  *a;

    a = begins("");
    fake.no_memory = 1;
    happens(a, "o");
    assert_int_equal(fake.attempt, 0);

    fake.no_memory = 0;
    fake.no_channel = 1;
    ngx_unit_pass(FAKE_BACKOFF);
    assert_int_equal(fake.attempt, 1);
    ngx_unit_traced();

    fake.no_channel = 0;
    ngx_unit_pass(FAKE_BACKOFF - 1);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: open", "1: qos 10");

    taker_stop(a);
}


static void
test_a_taker_that_is_full_gets_no_more_until_it_wants_it(void **state)
{
    taker_t  *a;

    a = begins("oa");
    a->room = 2;
    happens(a, "eeeee");
    ngx_unit_traced("a: event 6", "a: event 7", "1: close");

    fake_batch();
    ngx_unit_traced("a: batch at 7");

    /* it has no channel, no timer, and no place meanwhile */

    assert_int_equal(ngx_unit_pending(), 0);
    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    taker_more(a);
    fake_answers_all(2);
    ngx_unit_traced("2: open", "2: qos 10", "2: consume abc offset=6");

    offset = 6;
    happens(a, "eee");
    ngx_unit_traced("a: event 8", "a: event 9");

    taker_stop(a);
}


static void
test_a_taker_that_is_full_may_want_more_in_its_batch(void **state)
{
    taker_t  *a;

    a = begins("oaF");
    a->more_batch = 1;
    happens(a, "eb");
    ngx_unit_traced("a: event 6", "1: close", "a: batch at 6", "2: open",
                    "2: qos 10");
    taker_stop(a);
}


static void
test_a_taker_that_is_slow_loses_its_channel_after_two_minutes(void **state)
{
    taker_t  *a;

    a = begins("oaeb");
    happens(a, "H");
    ngx_unit_traced();
    happens(a, "h");
    ngx_unit_traced("1: close");

    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    taker_more(a);
    fake_answers_all(2);
    ngx_unit_traced("2: open", "2: qos 10", "2: consume abc offset=5");

    /* with each acknowledgement the time begins anew */

    happens(a, "ebHmHebHm");
    assert_int_equal(fake.channels, 1);
    happens(a, "ebHh");
    assert_int_equal(fake.channels, 0);

    taker_stop(a);
}


static void
test_a_socket_that_is_behind_is_asked_again(void **state)
{
    taker_t  *a;

    a = begins("oaeb");
    fake.behind = 1;
    happens(a, "m");
    ngx_unit_pass(10 * RETRY);
    ngx_unit_traced();

    fake.behind = 0;
    ngx_unit_pass(RETRY - 1);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: ack 1");

    ngx_unit_pass(HOUR);
    ngx_unit_traced();

    /* or stops meanwhile */

    happens(a, "eb");
    fake.behind = 1;
    happens(a, "m");
    taker_stop(a);
    assert_int_equal(ngx_unit_pending(), 1);
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, taker_setup, taker_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_who_stops_hears_of_nothing_more_in_each_state),
        TEST(test_the_process_may_end_before_who_reads_stops),
        TEST(test_a_connection_that_was_lost_is_gone_on_with_in_each_state),
        TEST(test_what_was_handed_out_is_a_batch_before_the_connection_is_gone),
        TEST(test_a_missing_stream_ends_it_and_other_refusals_are_tried_again),
        TEST(test_a_stream_that_is_deleted_meanwhile_ends_it),
        TEST(test_each_refusal_in_a_row_is_waited_for_longer),
        TEST(test_a_channel_that_the_broker_closes_is_opened_again),
        TEST(test_without_memory_for_a_session_the_next_one_makes_it),
        TEST(test_one_that_stops_while_there_is_no_session),
        TEST(test_without_memory_it_does_not_start),
        TEST(test_without_memory_or_a_channel_it_tries_again),
        TEST(test_a_taker_that_is_full_gets_no_more_until_it_wants_it),
        TEST(test_a_taker_that_is_full_may_want_more_in_its_batch),
        TEST(test_a_taker_that_is_slow_loses_its_channel_after_two_minutes),
        TEST(test_a_socket_that_is_behind_is_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
