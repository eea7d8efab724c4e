/*
 * A worker leaves its queues: no consumer, then what is in work, then no
 * channel; and how long it stays for that.
 *
 * links: src/rpc/ngx_ess_consume_queue*.c src/rpc/ngx_ess_consume_acks.c
 * links: src/ngx_ess_escape.c src/ngx_ess_utf8.c
 * links: t/unit/rpc/fake_consume_session.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_consume_session.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)


#define ACK      NGX_ESS_CONSUME_SETTLE_ACK
#define REQUEUE  NGX_ESS_CONSUME_SETTLE_REQUEUE


static void
settle(ngx_uint_t i, ngx_ess_consume_settle_e how)
{
    ngx_ess_consume_queue_settle(&fake_taken[i], how);
}


/* our own channel.close was answered */

static void
closed(ngx_uint_t n)
{
    fake_channels[n].handlers->closed(&fake_channels[n]);
}


static void
test_nothing_in_work(void **state)
{
    fake_consumed();

    ngx_ess_consume_queue_shutdown();
    ngx_unit_traced("a is not consumed", "1: cancel");
    fake_ok(1);
    ngx_unit_traced("1: close");

    /* until the broker has all of it, but not for ever */

    assert_int_equal(ngx_unit_pending(), 1);
    closed(1);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_broker_says_nothing(void **state)
{
    fake_consumed();
    ngx_ess_consume_queue_shutdown();
    fake_ok(1);
    ngx_unit_trace_clear();

    ngx_unit_pass(999);
    assert_int_equal(ngx_unit_pending(), 1);
    ngx_unit_pass(1);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* What was sent ahead is given back behind the cancel; what is in work ends. */

static void
test_in_work(void **state)
{
    fake_consumed();
    fake_delivers(1);
    fake_delivers(1);

    ngx_ess_consume_queue_shutdown();
    ngx_unit_traced("a is not consumed", "1: cancel");

    fake_delivers(1);
    settle(0, REQUEUE);
    ngx_unit_posted();
    ngx_unit_traced();
    fake_ok(1);
    ngx_unit_traced("1: requeue 3", "1: requeue 1");

    ngx_unit_pass(5000);
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 1);

    settle(1, ACK);
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 2", "1: close");
    closed(1);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* "worker_shutdown_timeout": it stays no longer for what is in work. */

static void
test_shutdown_timeout(void **state)
{
    fake_core.shutdown_timeout = 3000;

    fake_consumed();
    fake_delivers(1);
    ngx_ess_consume_queue_shutdown();
    fake_ok(1);
    ngx_unit_trace_clear();

    ngx_unit_pass(3500);
    assert_int_equal(ngx_unit_pending(), 1);
    ngx_unit_pass(1000);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* RabbitMQ 3.10 does not survive that such a consumer is cancelled. */

static void
test_single_active_consumer(void **state)
{
    fake_consume[0].sac = 1;

    fake_consumed();
    fake_delivers(1);
    fake_delivers(1);

    ngx_ess_consume_queue_shutdown();
    ngx_unit_posted();
    fake_delivers(1);
    fake_delivers(1);
    settle(1, ACK);
    ngx_unit_pass(2000);
    ngx_unit_traced("a is not consumed");

    /* the others go with the channel */

    settle(0, ACK);
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 2", "1: close");
    closed(1);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_single_active_consumer_without_work(void **state)
{
    fake_consume[0].sac = 1;

    fake_consumed();
    ngx_ess_consume_queue_shutdown();
    ngx_unit_posted();
    ngx_unit_traced("a is not consumed", "1: close");
    closed(1);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* At each step before: it is left at once, and nothing is begun any more. */

static void
test_not_consumed_yet(void **state)
{
    ngx_uint_t  i, k;

    for (i = 0; i < 3; i++) {
        (void) fake_setup(state);
        assert_int_equal(fake_init(1), NGX_OK);
        fake_open();

        for (k = 0; k < i; k++) {
            fake_ok(k ? 1 : 0);
        }

        ngx_ess_consume_queue_shutdown();
        ngx_unit_trace_clear();
        assert_int_equal(ngx_unit_pending(), 0);

        if (i == 0) {
            fake_ok(0);

        } else {
            fake_answers(1, NGX_ABORT, 0, "");
        }

        ngx_unit_pass(60000);
        assert_int_equal(ngx_unit_trace_count(":"), 0);
        assert_int_equal(ngx_unit_trace_count("log"), 0);

        (void) fake_teardown(state);
    }

    /* in a backoff, and without a session */

    assert_int_equal(fake_init(1), NGX_OK);
    fake_open();
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
    ngx_unit_trace_clear();
    ngx_ess_consume_queue_shutdown();
    ngx_unit_pass(60000);
    ngx_unit_traced();
}


static void
test_connection_is_lost(void **state)
{
    fake_consumed();
    fake_delivers(1);
    ngx_ess_consume_queue_shutdown();
    ngx_unit_trace_clear();

    fake_lost();
    ngx_unit_posted();
    ngx_unit_traced("lost");
    assert_true(fake_taken[0].lost);
    assert_int_equal(ngx_unit_pending(), 0);

    /* and a new one consumes nothing */

    fake_open();
    ngx_unit_pass(60000);
    ngx_unit_traced();
}


static void
test_channel_is_closed(void **state)
{
    fake_consumed();
    fake_delivers(1);
    ngx_ess_consume_queue_shutdown();
    ngx_unit_trace_clear();

    fake_answers(1, NGX_DECLINED, 406, "closed");
    ngx_unit_traced("1: close", "lost");
    assert_int_equal(ngx_unit_pending(), 0);

    (void) fake_teardown(state);
    (void) fake_setup(state);

    /* after it was canceled, by itself */

    fake_consumed();
    fake_delivers(1);
    ngx_ess_consume_queue_shutdown();
    fake_ok(1);
    ngx_unit_trace_clear();

    fake_closes(1, 406);
    ngx_unit_posted();
    ngx_unit_traced("1: close", "lost");
    assert_int_equal(ngx_unit_pending(), 0);
}


/* It stays for the last of them. */

static void
test_two_queues(void **state)
{
    assert_int_equal(fake_init(2), NGX_OK);
    fake_open();
    fake_ok(0);
    fake_ok(0);
    fake_ok(1);
    fake_ok(1);
    fake_ok(2);
    fake_ok(2);
    fake_delivers(2);
    ngx_unit_trace_clear();

    ngx_ess_consume_queue_shutdown();
    fake_ok(1);
    fake_ok(2);
    closed(1);
    ngx_unit_traced("a is not consumed", "1: cancel", "b is not consumed",
                    "2: cancel", "1: close");
    ngx_unit_pass(3000);
    assert_int_equal(ngx_unit_pending(), 1);

    settle(0, ACK);
    ngx_unit_posted();
    closed(2);
    ngx_unit_traced("2: ack up to 1", "2: close");
    assert_int_equal(ngx_unit_pending(), 0);
}


/* The figures have it as consumed no more, but what is given back late is. */

static void
test_socket_is_behind(void **state)
{
    fake_consumed();
    fake_delivers(1);
    ngx_ess_consume_queue_shutdown();

    fake_behind = 1;
    settle(0, REQUEUE);
    fake_ok(1);
    ngx_unit_trace_clear();
    ngx_unit_pass(300);
    ngx_unit_traced();
    fake_behind = 0;
    ngx_unit_pass(100);
    ngx_unit_traced("1: requeue 1", "1: close");
    closed(1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_in_work),
        TEST(test_broker_says_nothing),
        TEST(test_in_work),
        TEST(test_shutdown_timeout),
        TEST(test_single_active_consumer),
        TEST(test_single_active_consumer_without_work),
        TEST(test_not_consumed_yet),
        TEST(test_connection_is_lost),
        TEST(test_channel_is_closed),
        TEST(test_two_queues),
        TEST(test_socket_is_behind)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
