/*
 * Channels of calls when the connection goes, the broker blocks, or there is no
 * channel or no memory.
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
test_connection_is_lost(void **state)
{
    fake_opened();

    fake_call(1, FAKE_DEFAULT);
    fake_call(2, FAKE_JOBS);
    fake_confirms(0, 2);
    ngx_unit_trace_clear();

    fake_lost();
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("b: 503 the connection to the broker ended before the "
                    "reply came",
                    "c: 503 the connection to the broker ended before the "
                    "reply came");

    fake_call(3, FAKE_JOBS);
    ngx_unit_posted();
    ngx_unit_traced("d: 503 the broker cannot be reached, nginx's error log "
                    "says why");

    fake_opened();
    fake_call(1, FAKE_JOBS);
    fake_replies(1, 1);
    ngx_unit_traced("1: b to \"jobs\"", "b: reply");
}


/* While it is refused: there is no timer for a channel that is gone. */

static void
test_connection_is_lost_in_a_backoff(void **state)
{
    ngx_ess_call_channel_open(fake_session);
    fake_answers(1, NGX_DECLINED, 404, "NOT_FOUND");
    ngx_unit_trace_clear();

    fake_lost();
    assert_int_equal(ngx_unit_pending(), 0);

    /* what was said is of the last session */

    ngx_ess_call_channel_open(fake_session);
    fake_call(0, FAKE_JOBS);
    ngx_unit_posted();
    ngx_unit_traced("0: confirm", "1: is there jobs?");
    fake_lost();
    ngx_unit_posted();
    ngx_unit_traced("a: 503 the connection to the broker ended before the "
                    "reply came");
}


/* Before the first session calls wait a little, until one could not be made. */

static void
test_cannot_connect(void **state)
{
    fake_call(0, FAKE_DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced();

    ngx_ess_call_channel_failed();
    ngx_unit_posted();
    ngx_unit_traced("a: 503 the broker cannot be reached, nginx's error log "
                    "says why");

    /* with a session it says nothing of the session */

    fake_opened();
    fake_call(1, FAKE_DEFAULT);
    ngx_ess_call_channel_failed();
    ngx_unit_posted();
    fake_replies(0, 1);
    ngx_unit_traced("0: b to \"\"", "b: reply");
}


/* What the broker has may be answered; nothing else goes there. */

static void
test_blocked(void **state)
{
    ngx_str_t  reason = ngx_string("low on memory");

    fake_opened();

    fake_call(1, FAKE_DEFAULT);
    fake_call(2, FAKE_JOBS);
    fake_confirms(0, 2);
    ngx_unit_trace_clear();

    ngx_ess_call_channel_blocked(&reason);
    fake_call(3, FAKE_DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("c: 503 the broker blocks those who publish: \"low on "
                    "memory\"",
                    "d: 503 the broker blocks those who publish: \"low on "
                    "memory\"");
    fake_replies(0, 1);
    ngx_unit_traced("b: reply");

    ngx_ess_call_channel_blocked(NULL);
    fake_call(4, FAKE_DEFAULT);
    fake_replies(0, 4);
    ngx_unit_traced("0: e to \"\"", "e: reply");

    /* the session ends, and with it the alarm, which opens nothing */

    ngx_ess_call_channel_blocked(&reason);
    fake_lost();
    ngx_ess_call_channel_blocked(NULL);
    fake_call(5, FAKE_DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("f: 503 the broker cannot be reached, nginx's error log "
                    "says why");
}


/* One is tried for again, and calls are told so. */

static void
test_channel_is_refused(void **state)
{
    fake_no_channel = 1;
    fake_call(0, FAKE_JOBS);
    ngx_ess_call_channel_open(fake_session);
    fake_call(1, FAKE_DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("a: 503 there is no memory for a channel, or the broker "
                    "allows no more of them",
                    "b: 503 there is no memory for a channel, or the broker "
                    "allows no more of them");

    ngx_unit_pass(100);
    ngx_unit_traced();
    fake_no_channel = 0;
    ngx_unit_pass(200);
    ngx_unit_traced("0: confirm", "1: is there jobs?");

    fake_ok(0);
    fake_ok(0);
    fake_call(2, FAKE_DEFAULT);
    fake_replies(0, 2);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to", "0: c to \"\"",
                    "c: reply");

    /* and not when the session is gone */

    fake_lost();
    fake_no_channel = 1;
    ngx_ess_call_channel_open(fake_session);
    fake_lost();
    ngx_unit_pass(10000);
}


static void
test_memory_is_short(void **state)
{
    ngx_ess_call_channel_exit();

    fake_no_memory = 1;
    assert_int_equal(ngx_ess_call_channel_init(&fake_conf, &fake_log),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_connection_is_lost),
        TEST(test_connection_is_lost_in_a_backoff),
        TEST(test_cannot_connect),
        TEST(test_blocked),
        TEST(test_channel_is_refused),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
