/*
 * How a queue comes to be consumed, what it is told that it waits for, and how
 * it begins anew.
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


static void
test_step_by_step(void **state)
{
    fake_consumed();
    assert_int_equal(ngx_unit_pending(), 0);
}


/* That of "dead=" is declared behind it, before any message comes. */

static void
test_queue_of_the_dead(void **state)
{
    ngx_str_set(&fake_consume[0].dead, "d");
    fake_consume[0].declare = NGX_ESS_CONSUME_TRANSIENT;
    assert_int_equal(fake_init(1), NGX_OK);

    fake_open();
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
    fake_ok(0);
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
    fake_ok(0);
    ngx_unit_traced("0: find a", "0: declare a", "0: find d", "0: declare d",
                    "1: qos 4");
}


/* All are declared on one channel; of each there is a consumer of its own. */

static void
test_two_queues(void **state)
{
    assert_int_equal(fake_init(2), NGX_OK);

    fake_open();
    ngx_unit_traced("0: find a", "0: find b");

    fake_ok(0);
    fake_ok(1);
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
    fake_ok(1);
    ngx_unit_traced("1: qos 4", "1: consume a as ess-1",
                    "log: the queue \"b\" of \"ess_consume\" is not there, "
                    "and is waited for (declare it, or add \"declare="
                    "durable\"): 404", "trouble", "a is consumed");

    /* it is well when both are */

    ngx_unit_pass(100);
    fake_ok(0);
    fake_ok(2);
    fake_ok(2);
    ngx_unit_traced("0: find b", "2: qos 4", "2: consume b as ess-2",
                    "b is consumed", "well");
}


static void
test_not_there(void **state)
{
    ngx_uint_t  i;

    static const ngx_msec_t  delays[] = {
        100, 100, 100, 100, 200, 400, 800, 800, 800
    };

    assert_int_equal(fake_init(1), NGX_OK);
    fake_open();
    ngx_unit_trace_clear();

    for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "none");
        ngx_unit_traced("log: the queue \"a\" of \"ess_consume\" is not there, "
                        "and is waited for (declare it, or add \"declare="
                        "durable\"): 404", "trouble");

        ngx_unit_pass(delays[i] - 1);
        ngx_unit_traced();
        ngx_unit_pass(1);
        ngx_unit_traced("0: find a");
    }

    /* it comes: that is said, and the next trouble begins small */

    fake_ok(0);
    fake_ok(1);
    fake_ok(1);
    ngx_unit_traced("1: qos 4", "1: consume a as ess-1", "a is consumed",
                    "well");
    fake_channels[1].handlers->canceled(&fake_channels[1], 1);
    ngx_unit_trace_clear();
    ngx_unit_pass(100);
    ngx_unit_traced("0: find a");
}


static void
test_refused(void **state)
{
    fake_consume[0].declare = NGX_ESS_CONSUME_DURABLE;
    assert_int_equal(fake_init(1), NGX_OK);
    fake_open();

    fake_answers(0, NGX_DECLINED, AMQP_ACCESS_REFUSED, "no");
    ngx_unit_traced("0: find a", "log: the queue \"a\" of \"ess_consume\" "
                    "cannot be used: 403", "trouble");
    ngx_unit_pass(100);
    fake_answers(0, NGX_DECLINED, AMQP_NOT_FOUND, "no");
    fake_answers(0, NGX_DECLINED, AMQP_ACCESS_REFUSED, "no");
    ngx_unit_traced("0: find a", "0: declare a", "log: the queue \"a\" of "
                    "\"ess_consume\" cannot be declared: 403", "trouble");

    /* to consume: on a channel of its own, which is given up */

    ngx_unit_pass(100);
    fake_ok(0);
    fake_ok(1);
    fake_answers(1, NGX_DECLINED, AMQP_ACCESS_REFUSED, "no");
    ngx_unit_traced("0: find a", "1: qos 4", "1: consume a as ess-1",
                    "log: the queue \"a\" of \"ess_consume\" cannot be "
                    "consumed: 403", "trouble", "1: close");
    ngx_unit_pass(100);
    fake_ok(0);
    ngx_unit_traced("0: find a", "2: qos 4");
}


static void
test_name_is_escaped(void **state)
{
    ngx_str_set(&fake_queues[0].name, "a\"\n");
    assert_int_equal(fake_init(1), NGX_OK);
    fake_open();
    fake_answers(0, NGX_DECLINED, AMQP_ACCESS_REFUSED, "no");
    assert_int_equal(ngx_unit_trace_count("log: the queue \"a\\x22\\x0A\" of"),
                     1);
}


static void
test_no_channel(void **state)
{
    assert_int_equal(fake_init(1), NGX_OK);

    fake_no_channel = 1;
    fake_open();
    ngx_unit_traced();
    ngx_unit_pass(99);
    fake_no_channel = 0;
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("0: find a");

    fake_no_channel = 1;
    fake_ok(0);
    ngx_unit_traced();
    fake_no_channel = 0;
    ngx_unit_pass(100);
    fake_ok(0);
    ngx_unit_traced("0: find a", "1: qos 4");
}


/* At each step; what was under way is answered, and nothing is done twice. */

static void
test_connection_is_lost(void **state)
{
    ngx_uint_t  i, k;

    assert_int_equal(fake_init(1), NGX_OK);

    for (i = 0; i < 4; i++) {
        fake_open();

        for (k = 0; k < i; k++) {
            fake_ok(k ? 1 : 0);
        }

        ngx_unit_trace_clear();
        fake_lost();
        ngx_unit_posted();

        if (i == 3) {
            ngx_unit_traced("a is not consumed");

        } else {
            assert_int_equal(ngx_unit_trace_count(":"), 0);
        }

        assert_int_equal(ngx_unit_pending(), 0);
        ngx_unit_trace_clear();
    }

    fake_open();
    ngx_unit_traced("0: find a");
}


/* And begins anew, while an operation on it is not answered yet. */

static void
test_closed_while_it_starts(void **state)
{
    assert_int_equal(fake_init(1), NGX_OK);
    fake_open();
    fake_ok(0);
    ngx_unit_trace_clear();

    fake_closes(1, 541);
    ngx_unit_trace_clear();
    ngx_unit_pass(1000);
    ngx_unit_traced();

    fake_answers(1, NGX_ABORT, 0, "");
    ngx_unit_traced("0: find a");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_step_by_step),
        TEST(test_queue_of_the_dead),
        TEST(test_two_queues),
        TEST(test_not_there),
        TEST(test_refused),
        TEST(test_name_is_escaped),
        TEST(test_no_channel),
        TEST(test_connection_is_lost),
        TEST(test_closed_while_it_starts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
