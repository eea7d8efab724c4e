/*
 * Deliveries of a queue: who takes them, how they are settled, and what of them
 * is lost with a channel.
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
#define REJECT   NGX_ESS_CONSUME_SETTLE_REJECT
#define REQUEUE  NGX_ESS_CONSUME_SETTLE_REQUEUE


static void
settle(ngx_uint_t i, ngx_ess_consume_settle_e how)
{
    ngx_ess_consume_queue_settle(&fake_taken[i], how);
}


static void
delivers(ngx_uint_t n)
{
    while (n--) {
        fake_delivers(1);
    }
}


/* What is settled in one iteration is one acknowledgement, where it can. */

static void
test_settled_together(void **state)
{
    fake_consumed();
    delivers(4);

    settle(1, ACK);
    settle(0, ACK);
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 2");

    settle(3, ACK);
    ngx_unit_posted();
    ngx_unit_traced("1: ack 4");

    settle(2, REJECT);
    ngx_unit_posted();
    ngx_unit_traced("1: reject 3");
}


/* It would come again at once: held for a second, and it holds up no other. */

static void
test_given_back(void **state)
{
    fake_consumed();
    fake_takes = 0;
    delivers(2);
    fake_takes = 1;
    delivers(1);
    settle(0, ACK);

    ngx_unit_pass(999);
    ngx_unit_traced("1: ack 3");
    ngx_unit_pass(1);
    ngx_unit_traced("1: requeue 1", "1: requeue 2");

    delivers(1);
    settle(1, REQUEUE);
    ngx_unit_pass(500);
    fake_takes = 0;
    delivers(1);
    ngx_unit_traced();
    ngx_unit_pass(500);
    ngx_unit_traced("1: requeue 4", "1: requeue 5");
}


static void
test_socket_is_behind(void **state)
{
    fake_consumed();
    delivers(2);

    fake_behind = 1;
    settle(0, ACK);
    settle(1, REJECT);
    ngx_unit_pass(250);
    ngx_unit_traced();

    fake_behind = 0;
    ngx_unit_pass(100);
    ngx_unit_traced("1: reject 2", "1: ack up to 1");
}


/* The broker gives them to somebody else: to settle them does nothing. */

static void
test_lost_with_the_connection(void **state)
{
    fake_consumed();
    delivers(3);
    settle(0, ACK);

    fake_lost();
    assert_true(fake_taken[1].lost);
    assert_true(fake_taken[2].lost);
    settle(1, ACK);
    ngx_unit_traced("a is not consumed");
    ngx_unit_posted();
    ngx_unit_traced("lost");

    /* the next channel's begin anew, whatever is settled late */

    fake_open();
    fake_ok(0);
    fake_ok(1);
    fake_ok(1);
    ngx_unit_trace_clear();
    delivers(1);
    settle(2, REJECT);
    settle(3, ACK);
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 1");
}


static void
test_lost_with_the_channel(void **state)
{
    fake_consumed();
    delivers(2);
    settle(0, REQUEUE);

    fake_closes(1, 406);
    assert_true(fake_taken[1].lost);
    ngx_unit_traced("log: the broker closed the channel of the queue \"%V\", "
                    "what was in work comes again: %ui messages",
                    "1: close", "a is not consumed");
    ngx_unit_posted();
    ngx_unit_traced("lost");

    ngx_unit_pass(100);
    fake_ok(0);
    fake_ok(2);
    fake_ok(2);
    ngx_unit_traced("0: find a", "2: qos 4", "2: consume a as ess-1",
                    "a is consumed", "well");
    fake_delivers(2);
    settle(2, ACK);
    ngx_unit_posted();
    ngx_unit_traced("2: ack up to 1");
}


/* Nobody was told of any that were not taken. */

static void
test_nothing_is_lost(void **state)
{
    fake_consumed();
    delivers(1);
    settle(0, ACK);
    ngx_unit_posted();

    fake_lost();
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 1", "a is not consumed");
}


static void
test_queue_is_deleted(void **state)
{
    fake_consumed();
    delivers(1);

    fake_channels[1].handlers->canceled(&fake_channels[1], 1);
    ngx_unit_traced("log: the broker canceled the consumer of the queue "
                    "\"%V\"", "1: close", "a is not consumed");
    assert_true(fake_taken[0].lost);
    ngx_unit_posted();
    ngx_unit_traced("lost");
    ngx_unit_pass(100);
    ngx_unit_traced("0: find a");
}


/* A broker that gives more than it was told, and there is no memory for it. */

static void
test_more_than_it_was_told(void **state)
{
    ngx_uint_t  i;

    fake_consumed();
    delivers(6);

    for (i = 0; i < 6; i++) {
        settle(i, ACK);
    }

    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 6");

    fake_left = 0;

    for (i = 0; i < 40 && !fake_channels[1].closed; i++) {
        delivers(1);
    }

    ngx_unit_traced("1: close", "a is not consumed");
    ngx_unit_pass(100);
    ngx_unit_traced("lost", "0: find a");
}


/* The queue of "dead=" is gone: it is looked for, once at a time. */

static void
test_queue_of_the_dead(void **state)
{
    ngx_ess_consume_queue_t  *q;

    fake_consumed();
    q = fake_channels[1].data;

    ngx_ess_consume_queue_dead(q);
    ngx_unit_traced();

    ngx_str_set(&fake_consume[0].dead, "d");
    ngx_ess_consume_queue_dead(q);
    ngx_ess_consume_queue_dead(q);
    ngx_unit_traced("0: find d");
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
    fake_ok(0);
    ngx_unit_traced("0: declare d", "well");

    ngx_ess_consume_queue_dead(q);
    fake_answers(0, NGX_DECLINED, AMQP_ACCESS_REFUSED, "no");
    ngx_unit_traced("0: find d", "log: the queue \"d\" of \"ess_consume\" "
                    "cannot be used: 403", "trouble");

    /* it goes on meanwhile, and is not asked for without a session */

    delivers(1);
    settle(0, ACK);
    ngx_unit_posted();
    ngx_unit_traced("1: ack up to 1");

    fake_lost();
    ngx_unit_trace_clear();
    ngx_ess_consume_queue_dead(q);
    ngx_unit_traced();
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; i < 3; i++) {
        fake_left = i;
        assert_int_equal(fake_init(2), NGX_ERROR);
        ngx_ess_consume_queue_exit();
    }

    fake_left = 3;
    assert_int_equal(fake_init(2), NGX_OK);
    ngx_ess_consume_queue_exit();
    ngx_ess_consume_queue_exit();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_settled_together),
        TEST(test_given_back),
        TEST(test_socket_is_behind),
        TEST(test_lost_with_the_connection),
        TEST(test_lost_with_the_channel),
        TEST(test_nothing_is_lost),
        TEST(test_queue_is_deleted),
        TEST(test_more_than_it_was_told),
        TEST(test_queue_of_the_dead),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
