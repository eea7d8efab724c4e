/*
 * Channels of calls: how one is opened, what is refused meanwhile, and what
 * becomes of calls when the broker closes it.
 *
 * links: src/rpc/ngx_ess_call_channel.c src/rpc/ngx_ess_call_flight.c
 * links: src/rpc/ngx_ess_call_message.c src/rpc/ngx_ess_call_pending.c
 * links: t/unit/rpc/fake_call_channels.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_call_channels.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)


static void
test_opened(void **state)
{
    ngx_ess_call_channel_open(fake_session);
    ngx_unit_traced("0: confirm", "1: is there jobs?");

    fake_call(0, FAKE_DEFAULT);
    fake_call(1, FAKE_JOBS);

    fake_ok(0);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to");
    fake_ok(1);
    ngx_unit_traced("1: confirm");
    fake_ok(0);
    ngx_unit_traced("0: a to \"\"");
    fake_ok(1);
    ngx_unit_traced("1: consume amq.rabbitmq.reply-to");

    /* until the session confirmed one there is one at a time */

    fake_ok(1);
    ngx_unit_traced();
    fake_confirms(0, 1);
    ngx_unit_traced("1: b to \"jobs\"");

    fake_replies(1, 1);
    fake_replies(0, 0);
    ngx_unit_traced("b: reply", "a: reply");
}


/* The one that there is not does not concern the other. */

static void
test_no_such_exchange(void **state)
{
    ngx_ess_call_channel_open(fake_session);
    fake_ok(0);
    fake_ok(0);
    fake_call(0, FAKE_JOBS);
    ngx_unit_trace_clear();

    fake_answers(1, NGX_DECLINED, 404, "NOT_FOUND - no exchange");
    fake_closes(1, "NOT_FOUND - no exchange");
    ngx_unit_posted();
    ngx_unit_traced("log: broker takes no calls of ess_rpc: 404 NOT_FOUND - "
                    "no exchange",
                    "a: 503 the broker takes no calls: 404 \"NOT_FOUND - no "
                    "exchange\"");

    fake_call(1, FAKE_JOBS);
    fake_call(2, FAKE_DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("0: c to \"\"", "b: 503 the broker takes no calls: 404 "
                    "\"NOT_FOUND - no exchange\"");
    fake_confirms(0, 1);
    fake_replies(0, 2);
    ngx_unit_traced("c: reply");

    /* it is looked for again, later each time */

    ngx_unit_pass(99);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: is there jobs?");
    fake_answers(1, NGX_DECLINED, 404, "NOT_FOUND");
    fake_closes(1, "NOT_FOUND");
    ngx_unit_trace_clear();
    ngx_unit_pass(199);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: is there jobs?");

    /* until it is there it is refused, then it is not */

    fake_call(3, FAKE_JOBS);
    ngx_unit_posted();
    ngx_unit_traced("d: 503 the broker takes no calls: 404 \"NOT_FOUND\"");

    fake_ok(1);
    fake_ok(1);
    fake_ok(1);
    fake_call(4, FAKE_JOBS);
    fake_replies(1, 4);
    ngx_unit_traced("1: confirm", "1: consume amq.rabbitmq.reply-to",
                    "1: e to \"jobs\"", "e: reply");
}


static void
test_cannot_be_encoded(void **state)
{
    ngx_ess_call_channel_open(fake_session);
    ngx_unit_trace_clear();

    fake_answers(1, NGX_DECLINED, 0, "whatever");
    ngx_unit_traced("log: broker takes no calls of ess_rpc: 0 it cannot be "
                    "encoded");
}


/* It was closed for a call of which nobody knows: none of them is answered. */

static void
test_closed_for_a_call(void **state)
{
    fake_opened();

    fake_call(1, FAKE_DEFAULT);
    fake_call(2, FAKE_DEFAULT);
    fake_call(3, FAKE_JOBS);
    fake_confirms(0, 2);
    ngx_unit_trace_clear();

    fake_closes(0, "PRECONDITION_FAILED");
    fake_call(4, FAKE_DEFAULT);
    ngx_unit_traced("0: confirm");
    ngx_unit_posted();
    ngx_unit_traced("c: 503 the broker refused a call: 406 "
                    "\"PRECONDITION_FAILED\"",
                    "b: 503 the broker refused a call: 406 "
                    "\"PRECONDITION_FAILED\"");

    fake_ok(0);
    fake_ok(0);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to", "0: e to \"\"");

    /* its numbers begin anew */

    fake_confirms(0, 1);
    fake_replies(0, 4);
    fake_replies(1, 3);
    ngx_unit_traced("e: reply", "d: reply");
}


/* What was done before it is void, as is the operation's answer. */

static void
test_closed_while_it_is_opened(void **state)
{
    ngx_ess_call_channel_open(fake_session);
    fake_ok(1);
    fake_ok(1);
    ngx_unit_trace_clear();

    fake_closes(1, "INTERNAL_ERROR");
    fake_closes(1, "INTERNAL_ERROR");
    ngx_unit_traced();
    fake_ok(1);
    ngx_unit_traced("1: is there jobs?");
    fake_ok(1);
    fake_ok(1);
    fake_ok(1);
    ngx_unit_traced("1: confirm", "1: consume amq.rabbitmq.reply-to");
}


static void
test_consumer_is_canceled(void **state)
{
    fake_opened();

    fake_call(1, FAKE_DEFAULT);
    fake_call(2, FAKE_JOBS);
    fake_confirms(0, 2);
    ngx_unit_trace_clear();

    fake_channels[0].handlers->canceled(&fake_channels[0], 1);
    ngx_unit_posted();
    ngx_unit_traced("0: confirm", "b: 503 the broker gives no replies any "
                    "more");
    fake_replies(1, 2);
    ngx_unit_traced("c: reply");
}


/* By its number of all channels. */

static void
test_returned(void **state)
{
    ngx_str_t  key = ngx_string("q");

    fake_opened();

    fake_call(1, FAKE_DEFAULT);
    fake_call(2, FAKE_JOBS);
    ngx_unit_trace_clear();

    fake_channels[1].handlers->returned(&fake_channels[1],
                                        fake_calls[2].serial, &key);
    ngx_unit_posted();
    ngx_unit_traced("c: 404");
    fake_replies(0, 1);
    ngx_unit_traced("b: reply");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_opened),
        TEST(test_no_such_exchange),
        TEST(test_cannot_be_encoded),
        TEST(test_closed_for_a_call),
        TEST(test_closed_while_it_is_opened),
        TEST(test_consumer_is_canceled),
        TEST(test_returned)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
