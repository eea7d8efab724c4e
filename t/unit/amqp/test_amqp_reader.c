/*
 * Readers of RabbitMQ streams, over a fake session: what they ask the broker
 * for, what ends them, and when they are freed.
 *
 * links: src/amqp/ngx_ess_amqp_reader.c src/amqp/ngx_ess_amqp_property.c
 * links: t/unit/amqp/fake_amqp.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 * links: src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_amqp_reader.h"
#include "fake_amqp.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define NO_QUEUE   "NOT_FOUND - no queue 'abc' in vhost '/'"
#define NODE_DOWN  "NOT_FOUND - home node 'r@b' of durable queue 'abc' is "   \
                   "down or inaccessible"


/* what the handlers do besides being traced */

static enum {
    NOTHING = 0,
    CLOSE_IN_DELIVERY,
    CLOSE_IN_STARTED,
    CLOSE_IN_SYNCED,
    SYNC_IN_STARTED,
    ACK_IN_DELIVERY
} user_does;

static ngx_log_t                test_log;
static ngx_str_t                key = ngx_string("abc");
static ngx_queue_t              readers;
static ngx_ess_amqp_session_t  *session;
static ngx_ess_amqp_reader_t   *reader;     /* NULL: closed */


static void
user_close(void)
{
    ngx_ess_amqp_reader_close(reader);
    reader = NULL;
}


static void
user_started(ngx_ess_amqp_reader_t *r)
{
    ngx_unit_trace("started");

    if (user_does == CLOSE_IN_STARTED) {
        user_close();
    }

    if (user_does == SYNC_IN_STARTED) {
        ngx_ess_amqp_reader_sync(r);
    }
}


static void
user_delivery(ngx_ess_amqp_reader_t *r, uint64_t offset,
    ngx_ess_amqp_delivery_t *delivery)
{
    ngx_unit_trace("event %llu%s", (unsigned long long) offset,
                   delivery->over_size ? " too large" : "");

    if (user_does == CLOSE_IN_DELIVERY) {
        user_close();
    }

    if (user_does == ACK_IN_DELIVERY) {
        (void) ngx_ess_amqp_reader_ack(r);
    }
}


static void
user_synced(ngx_ess_amqp_reader_t *r)
{
    ngx_unit_trace("synced");

    if (user_does == CLOSE_IN_SYNCED) {
        user_close();
    }
}


static void
user_ended(ngx_ess_amqp_reader_t *r, ngx_int_t rc)
{
    assert_ptr_equal(r, reader);

    ngx_unit_trace("ended %s", rc == NGX_DECLINED ? "DECLINED"
                               : rc == NGX_ABORT ? "ABORT" : "ERROR");
    reader = NULL;
}


static const ngx_ess_amqp_reader_handlers_t  user = {
    user_started, user_delivery, user_synced, user_ended
};


/* what a user does when the session has ended */

static void
session_open(ngx_ess_amqp_session_t *s)
{
}


static void
session_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_reader_session_closed(&readers);
}


static const ngx_ess_amqp_handlers_t  session_handlers = {
    session_open, session_close, NULL, NULL, NULL, NULL
};


static int
setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    fake_init();

    user_does = NOTHING;
    reader = NULL;
    ngx_queue_init(&readers);

    session = fake_session(&session_handlers, NULL);
    fake_open();
    ngx_unit_traced("connect");

    return 0;
}


/* A reader that was closed is gone once its operation is answered. */

static int
teardown(void **state)
{
    if (reader) {
        user_close();
    }

    ngx_unit_posted();

    if (!ngx_queue_empty(&readers) || fake.channels) {
        return 1;
    }

    ngx_ess_amqp_destroy(session);
    ngx_ess_amqp_reader_session_closed(&readers);

    return ngx_unit_pending() != 0;
}


static ngx_ess_amqp_reader_t *
open_from(ngx_ess_amqp_reader_from_e from, uint64_t value)
{
    return ngx_ess_amqp_reader_open(session, &readers, &key, from, value, 10,
                                    &user, &key, &test_log);
}


/* a reader that was started, on the next channel */

static void
start(void)
{
    user_does = NOTHING;
    reader = open_from(NGX_ESS_AMQP_READER_OFFSET, 5);
    assert_non_null(reader);
    assert_ptr_equal(reader->data, &key);
    fake_answers_all(fake.opened);
    ngx_unit_trace_clear();
}


static void
test_it_sets_the_prefetch_then_consumes_from_where_it_is_told(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_ess_amqp_reader_from_e   from;
        uint64_t                     value;
        const char                  *line;
    } cases[] = {
        { NGX_ESS_AMQP_READER_LAST, 77, "1: consume abc last" },
        { NGX_ESS_AMQP_READER_OFFSET, 0, "1: consume abc offset=0" },
        { NGX_ESS_AMQP_READER_OFFSET, 5, "1: consume abc offset=5" },
        { NGX_ESS_AMQP_READER_OFFSET, 1ULL << 40,
          "1: consume abc offset=1099511627776" },
        { NGX_ESS_AMQP_READER_TIMESTAMP, 0, "1: consume abc timestamp=0" },
        { NGX_ESS_AMQP_READER_TIMESTAMP, 60, "1: consume abc timestamp=60" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake.opened = 0;

        reader = open_from(cases[i].from, cases[i].value);
        ngx_unit_posted();
        ngx_unit_traced("1: open", "1: qos 10");

        fake_answers(1);
        ngx_unit_traced(cases[i].line);

        fake_answers(1);
        ngx_unit_traced("started");

        user_close();
        ngx_unit_posted();
        ngx_unit_traced("1: close");
    }
}


static void
test_it_is_not_opened_without_memory_a_channel_or_a_name(void **state)
{
    ngx_str_t  name;
    u_char     text[NGX_ESS_MAX_KEY + 1];

    fake.no_memory = 1;
    assert_null(open_from(NGX_ESS_AMQP_READER_LAST, 0));
    fake.no_memory = 0;

    fake.no_channel = 1;
    assert_null(open_from(NGX_ESS_AMQP_READER_LAST, 0));
    fake.no_channel = 0;

    ngx_memset(text, 'k', sizeof(text));
    name.data = text;
    name.len = sizeof(text);
    assert_null(ngx_ess_amqp_reader_open(session, &readers, &name,
                                         NGX_ESS_AMQP_READER_LAST, 0, 10,
                                         &user, NULL, &test_log));
    assert_true(ngx_queue_empty(&readers));
    ngx_unit_traced();

    /* the longest one that there is; the name need not stay */

    name.len--;
    reader = ngx_ess_amqp_reader_open(session, &readers, &name,
                                      NGX_ESS_AMQP_READER_LAST, 0, 10, &user,
                                      NULL, &test_log);
    assert_non_null(reader);
    ngx_memzero(text, sizeof(text));
    fake_answers(1);
    assert_int_equal(ngx_unit_trace_count("1: consume kkkkkkkkkkkkkkkkkk"), 1);
    ngx_unit_trace_clear();
}


static void
test_it_hands_on_each_event_with_its_offset(void **state)
{
    fake_event_t  large = { .offset = 9, .large = 1 };

    start();
    fake_sends(1, 4, 0);
    fake_sends(1, 5, 1000);
    fake_delivers(1, &large);
    fake_sends(1, 8589934595, 0);
    ngx_unit_traced("event 4", "event 5", "event 9 too large",
                    "event 8589934595");
}


static void
test_an_event_without_an_offset_is_an_error(void **state)
{
    fake_event_t  bare = { .bare = 1 };

    start();
    fake_delivers(1, &bare);
    ngx_unit_traced("ended ERROR", "1: close");
}


static void
test_it_acknowledges_all_that_came_once(void **state)
{
    start();

    assert_int_equal(ngx_ess_amqp_reader_ack(reader), NGX_OK);
    ngx_unit_traced();

    fake_sends(1, 5, 0);
    fake_sends(1, 6, 0);
    assert_int_equal(ngx_ess_amqp_reader_ack(reader), NGX_OK);
    assert_int_equal(ngx_ess_amqp_reader_ack(reader), NGX_OK);
    ngx_unit_traced("event 5", "event 6", "1: ack 2");

    fake_sends(1, 7, 0);
    fake.behind = 1;
    assert_int_equal(ngx_ess_amqp_reader_ack(reader), NGX_ERROR);
    fake.behind = 0;
    assert_int_equal(ngx_ess_amqp_reader_ack(reader), NGX_OK);
    ngx_unit_traced("event 7", "1: ack 3");

    user_does = ACK_IN_DELIVERY;
    fake_sends(1, 8, 0);
    ngx_unit_traced("event 8", "1: ack 4");
}


static void
test_sync_asks_twice_and_is_answered_behind_what_was_there(void **state)
{
    fake_event_t  of_sync = { .offset = 7, .tag = 1 };

    user_does = SYNC_IN_STARTED;
    reader = open_from(NGX_ESS_AMQP_READER_TIMESTAMP, 60);
    fake_answers(1);
    fake_answers(1);
    ngx_unit_traced("1: open", "1: qos 10", "1: consume abc timestamp=60",
                    "started", "1: consume abc next as ess-1");

    fake_answers(1);
    ngx_unit_traced("1: cancel ess-1");

    /* what the second consumer gets is nobody's, but it is acknowledged */

    fake_sends(1, 5, 0);
    fake_delivers(1, &of_sync);
    ngx_unit_traced("event 5");

    fake_answers(1);
    ngx_unit_traced("1: qos 10");
    fake_answers(1);
    ngx_unit_traced("1: ack 2", "synced");
}


static void
test_sync_may_be_asked_again_once_it_was_answered(void **state)
{
    ngx_uint_t  i;

    start();

    for (i = 0; i < 3; i++) {
        ngx_ess_amqp_reader_sync(reader);
        fake_answers_all(1);
        ngx_unit_traced("1: consume abc next as ess-1", "1: cancel ess-1",
                        "1: qos 10", "synced");
    }
}


/* so many of its operations are answered before it is refused one */

static void
refused_after(ngx_uint_t answered, ngx_uint_t code, const char *text)
{
    user_does = SYNC_IN_STARTED;
    reader = open_from(NGX_ESS_AMQP_READER_OFFSET, 5);

    while (answered--) {
        fake_answers(fake.opened);
    }

    ngx_unit_trace_clear();
    fake_refuses(fake.opened, code, text);
}


static void
test_a_refusal_is_an_error_unless_the_queue_is_missing(void **state)
{
    ngx_uint_t  i, op;

    static struct {
        ngx_uint_t   code;
        const char  *text;
        const char  *log;
        const char  *line;
    } cases[] = {
        { 404, NO_QUEUE, NULL, "ended DECLINED" },
        { 404, "not_found - NO QUEUE", NULL, "ended DECLINED" },
        { 404, NODE_DOWN, "404", "ended ERROR" },
        { 404, "no queu", "404", "ended ERROR" },
        { 404, "", "404", "ended ERROR" },
        { 403, "ACCESS_REFUSED - no queue", "403", "ended ERROR" },
        { 405, "RESOURCE_LOCKED", "405", "ended ERROR" },
        { 406, "PRECONDITION_FAILED", "406", "ended ERROR" },
        { 540, "NOT_IMPLEMENTED", "540", "ended ERROR" },
        { 541, "INTERNAL_ERROR", "541", "ended ERROR" },
    };

    /* qos, consume, and the consume, cancel and qos of sync */

    for (op = 0; op < 5; op++) {
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

            refused_after(op, cases[i].code, cases[i].text);

            assert_int_equal(ngx_unit_trace_count("log: "),
                             cases[i].log != NULL);

            if (cases[i].log) {
                assert_int_equal(ngx_unit_trace_count(cases[i].log), 1);
            }

            assert_int_equal(ngx_unit_trace_count("ended"), 1);
            assert_int_equal(ngx_unit_trace_count(cases[i].line), 1);
            assert_int_equal(ngx_unit_trace_count(": close"), 1);
            assert_null(reader);
            assert_true(ngx_queue_empty(&readers));
            ngx_unit_trace_clear();
        }
    }
}


static void
test_a_method_that_cannot_be_encoded_is_an_error(void **state)
{
    fake.no_method = 1;
    reader = open_from(NGX_ESS_AMQP_READER_OFFSET, 5);
    ngx_unit_traced("1: open", "1: qos 10");

    ngx_unit_posted();
    ngx_unit_traced("log: broker refused a reader of a stream: 0",
                    "ended ERROR", "1: close");
}


static void
test_a_cancel_of_the_broker_says_that_the_stream_is_gone(void **state)
{
    start();
    fake_sends(1, 5, 0);
    fake_cancels(1);
    ngx_unit_traced("event 5", "ended DECLINED", "1: close");
}


static void
test_a_channel_that_the_broker_closes_is_an_error(void **state)
{
    start();
    fake_closes(1, 406, "PRECONDITION_FAILED - delivery acknowledgement "
                        "timed out");
    ngx_unit_traced("ended ERROR", "1: close");
}


/* In each state: with so many operations answered. */

static void
test_the_end_of_the_session_aborts_it_once_in_each_state(void **state)
{
    ngx_uint_t  n, answered;

    for (answered = 0; answered <= 5; answered++) {
        user_does = SYNC_IN_STARTED;
        reader = open_from(NGX_ESS_AMQP_READER_LAST, 0);

        for (n = 0; n < answered; n++) {
            fake_answers(fake.opened);
        }

        ngx_unit_trace_clear();
        fake_lost();
        ngx_unit_posted();
        ngx_unit_traced("ended ABORT");
        assert_true(ngx_queue_empty(&readers));

        fake_open();
    }
}


static void
test_a_reader_that_is_closed_hears_of_nothing_more_in_each_state(void **state)
{
    ngx_uint_t  n, answered, then;

    /* then: its operation is aborted by its channel, or by the session */

    for (then = 0; then < 3; then++) {
        for (answered = 0; answered <= 5; answered++) {

            user_does = SYNC_IN_STARTED;
            reader = open_from(NGX_ESS_AMQP_READER_LAST, 0);

            for (n = 0; n < answered; n++) {
                fake_answers(fake.opened);
            }

            ngx_unit_trace_clear();
            user_close();
            assert_int_equal(fake.channels, 0);
            assert_int_equal(ngx_unit_trace_count(": close"), 1);
            ngx_unit_trace_clear();

            switch (then) {

            case 0:
                ngx_unit_posted();
                break;

            case 1:
                fake_lost();
                ngx_unit_posted();
                fake_open();
                break;

            default:
                ngx_ess_amqp_destroy(session);
                ngx_ess_amqp_reader_session_closed(&readers);
                ngx_unit_traced("destroy");

                session = fake_session(&session_handlers, NULL);
                fake_open();
                ngx_unit_traced("connect");
            }

            assert_true(ngx_queue_empty(&readers));
            ngx_unit_traced();
        }
    }
}


static void
test_it_may_be_closed_from_within_its_handlers(void **state)
{
    user_does = CLOSE_IN_STARTED;
    reader = open_from(NGX_ESS_AMQP_READER_LAST, 0);
    fake_answers(1);
    fake_answers(1);
    ngx_unit_traced("1: open", "1: qos 10", "1: consume abc last", "started",
                    "1: close");

    start();
    user_does = CLOSE_IN_DELIVERY;
    fake_sends(2, 5, 0);
    fake_sends(2, 6, 0);
    ngx_unit_traced("event 5", "2: close");

    start();
    ngx_ess_amqp_reader_sync(reader);
    user_does = CLOSE_IN_SYNCED;
    fake_answers_all(3);
    ngx_unit_traced("3: consume abc next as ess-1", "3: cancel ess-1",
                    "3: qos 10", "synced", "3: close");

    /* while sync is under way */

    start();
    ngx_ess_amqp_reader_sync(reader);
    user_does = CLOSE_IN_DELIVERY;
    fake_sends(4, 5, 0);
    ngx_unit_posted();
    ngx_unit_traced("4: consume abc next as ess-1", "event 5", "4: close");
}


static void
test_readers_of_one_session_end_alone_or_with_it(void **state)
{
    ngx_ess_amqp_reader_t  *first;

    start();
    first = reader;
    start();

    fake_cancels(2);
    ngx_unit_traced("ended DECLINED", "2: close");

    fake_sends(1, 5, 0);
    ngx_unit_traced("event 5");

    reader = first;
    fake_lost();
    ngx_unit_traced("ended ABORT");
    fake_open();
}


static void
test_it_ends_when_the_session_is_destroyed_in_each_state(void **state)
{
    ngx_uint_t  n, answered;

    for (answered = 0; answered <= 5; answered++) {
        user_does = SYNC_IN_STARTED;
        reader = open_from(NGX_ESS_AMQP_READER_LAST, 0);

        for (n = 0; n < answered; n++) {
            fake_answers(fake.opened);
        }

        ngx_unit_trace_clear();
        ngx_ess_amqp_destroy(session);
        ngx_ess_amqp_reader_session_closed(&readers);
        ngx_unit_posted();
        ngx_unit_traced("destroy", "ended ABORT");
        assert_true(ngx_queue_empty(&readers));

        session = fake_session(&session_handlers, NULL);
        fake_open();
        ngx_unit_traced("connect");
    }
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_it_sets_the_prefetch_then_consumes_from_where_it_is_told),
        TEST(test_it_is_not_opened_without_memory_a_channel_or_a_name),
        TEST(test_it_hands_on_each_event_with_its_offset),
        TEST(test_an_event_without_an_offset_is_an_error),
        TEST(test_it_acknowledges_all_that_came_once),
        TEST(test_sync_asks_twice_and_is_answered_behind_what_was_there),
        TEST(test_sync_may_be_asked_again_once_it_was_answered),
        TEST(test_a_refusal_is_an_error_unless_the_queue_is_missing),
        TEST(test_a_method_that_cannot_be_encoded_is_an_error),
        TEST(test_a_cancel_of_the_broker_says_that_the_stream_is_gone),
        TEST(test_a_channel_that_the_broker_closes_is_an_error),
        TEST(test_the_end_of_the_session_aborts_it_once_in_each_state),
        TEST(test_a_reader_that_is_closed_hears_of_nothing_more_in_each_state),
        TEST(test_it_may_be_closed_from_within_its_handlers),
        TEST(test_readers_of_one_session_end_alone_or_with_it),
        TEST(test_it_ends_when_the_session_is_destroyed_in_each_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
