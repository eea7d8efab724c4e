/*
 * A message's way: its request, its tries, its reply; what becomes of it when
 * its delivery is lost, and when the worker leaves.
 *
 * links: src/rpc/ngx_ess_consume.c src/rpc/ngx_ess_consume_fail.c
 * links: src/rpc/ngx_ess_consume_finish.c src/rpc/ngx_ess_consume_turn.c
 * links: src/rpc/ngx_ess_consume_retry.c src/rpc/ngx_ess_consume_door.c
 * links: src/ngx_ess_str.c src/ngx_ess_escape.c src/ngx_ess_utf8.c
 * links: t/unit/rpc/fake_consume.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_consume.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)


static void
test_done(void **state)
{
    fake_delivers();
    ngx_unit_traced("a: request");

    ngx_unit_pass(250);
    fake_responds(0, 204);
    ngx_unit_traced("counted ack", "took 250", "a: ack", "a: freed");
}


/* Each try is a little later, and takes its turn anew. */

static void
test_tries(void **state)
{
    fake_conf.concurrency = 1;

    fake_delivers();
    fake_delivers();
    ngx_unit_traced("a: request");

    fake_responds(0, 500);
    ngx_unit_traced("counted retry", "b: request");
    fake_responds(1, 200);
    ngx_unit_traced("counted ack", "took 0", "b: ack", "b: freed");

    ngx_unit_pass(999);
    ngx_unit_traced();
    ngx_unit_pass(251);
    ngx_unit_traced("a: request");

    fake_ends(0, NGX_ESS_REQUEST_BROKEN, 200);
    ngx_unit_pass(1999);
    ngx_unit_traced("counted retry");
    ngx_unit_pass(501);
    ngx_unit_traced("a: request");

    fake_ends(0, NGX_ESS_REQUEST_TIMEOUT, 0);
    ngx_unit_traced("log: ess_consume: a message of the queue \"%V\" is dead: "
                    "\"%s\", the last status is %ui, requests: %ui, bytes: "
                    "%uL",
                    "counted dead", "a: reject", "a: freed");
}


static void
test_never_again(void **state)
{
    fake_delivers();
    fake_responds(0, 422);
    assert_int_equal(ngx_unit_trace_count("a: reject"), 1);
    assert_int_equal(ngx_unit_trace_count("retry"), 0);
    ngx_unit_trace_clear();
}


/* No sooner than the application asks for, nor than "retry_delay". */

static void
test_retry_after(void **state)
{
    fake_delivers();
    fake_messages[0]->retry_after = 5000;
    fake_responds(0, 503);
    ngx_unit_pass(4999);
    ngx_unit_traced("a: request", "counted retry");
    ngx_unit_pass(1);
    ngx_unit_traced("a: request");

    fake_messages[0]->retry_after = 0;
    fake_responds(0, 503);
    ngx_unit_pass(999);
    ngx_unit_traced("counted retry");
    ngx_unit_pass(1);
    ngx_unit_traced("a: request");
    fake_responds(0, 200);
    ngx_unit_trace_clear();

    /* a caller does not wait so long */

    fake_rpc = 1;
    fake_delivers();
    fake_messages[1]->retry_after = 300000;
    fake_responds(1, 503);
    ngx_unit_pass(1250);
    ngx_unit_traced("b: request", "counted retry", "b: request");
    fake_ends(1, NGX_ESS_REQUEST_DONE, 200);
    fake_settles(1, NGX_OK);
    ngx_unit_trace_clear();
}


static void
test_reply(void **state)
{
    ngx_uint_t  i;

    static const ngx_uint_t  statuses[] = { 200, 404, 500 };

    fake_rpc = 1;

    for (i = 0; i < 3; i++) {
        fake_delivers();
        fake_responds(i, statuses[i]);
        assert_int_equal(ngx_unit_trace_count("reply"), 1);
        assert_int_equal(ngx_unit_trace_count("ack"), 0);
        ngx_unit_trace_clear();

        ngx_unit_pass(100);
        fake_settles(i, NGX_OK);
        assert_int_equal(ngx_unit_trace_count("counted reply"), 1);
        assert_int_equal(ngx_unit_trace_count("took 100"), 1);
        assert_int_equal(ngx_unit_trace_count(": ack"), 1);
        ngx_unit_trace_clear();
    }

    /* the last try: whatever came of it */

    fake_conf.retries = 0;
    fake_delivers();
    fake_ends(3, NGX_ESS_REQUEST_TIMEOUT, 0);
    ngx_unit_traced("d: request", "d: reply");
    fake_settles(3, NGX_OK);
    ngx_unit_trace_clear();
}


static void
test_reply_is_not_taken(void **state)
{
    fake_rpc = 1;

    fake_delivers();
    fake_responds(0, 200);
    fake_settles(0, NGX_DECLINED);
    ngx_unit_traced("a: request", "a: reply", "counted gone", "took 0",
                    "a: ack", "a: freed");

    fake_delivers();
    fake_responds(1, 200);
    fake_settles(1, NGX_ERROR);
    ngx_unit_traced("b: request", "b: reply",
                    "log: ess_consume: the reply to a message of the queue "
                    "\"%V\" was refused: %V",
                    "log: ess_consume: a message of the queue \"%V\" is dead: "
                    "\"%s\", the last status is %ui, requests: %ui, bytes: "
                    "%uL",
                    "counted dead", "b: reject", "b: freed");

    /* no memory to pack it, now and later */

    fake_delivers();
    fake_responds(2, 200);
    fake_settles(2, NGX_ABORT);
    ngx_unit_traced("c: request", "c: reply", "c: requeue", "c: freed");

    fake_delivers();
    fake_no_memory = 1;
    fake_responds(3, 200);
    ngx_unit_traced("d: request", "d: reply", "d: requeue", "d: freed");
}


static void
test_expired(void **state)
{
    fake_rpc = 1;
    fake_expiration = 500;
    fake_conf.concurrency = 1;

    /* while it waits for its turn */

    fake_delivers();
    fake_delivers();
    ngx_unit_pass(501);
    fake_responds(0, 200);
    ngx_unit_traced("a: request", "a: reply", "counted expired", "b: ack",
                    "b: freed");
    fake_settles(0, NGX_OK);
    ngx_unit_trace_clear();

    /* before its next try: it is not kept for longer */

    fake_delivers();
    ngx_unit_pass(200);
    fake_responds(2, 503);
    ngx_unit_traced("c: request", "counted retry");
    ngx_unit_pass(300);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("counted expired", "c: ack", "c: freed");

    /* nobody waits for a reply: it is work to be done all the same */

    fake_rpc = 0;
    fake_delivers();
    ngx_unit_pass(1000);
    fake_responds(3, 503);
    ngx_unit_pass(1250);
    ngx_unit_traced("d: request", "counted retry", "d: request");
    fake_responds(3, 200);
    ngx_unit_trace_clear();
}


static void
test_no_connection(void **state)
{
    fake_room = 0;
    fake_delivers();
    ngx_unit_pass(1000);
    ngx_unit_traced();
    fake_room = 1;
    ngx_unit_pass(50);
    ngx_unit_traced("a: request");

    /* a request's end makes room */

    fake_request = NGX_ERROR;
    fake_delivers();
    ngx_unit_traced("b: request");
    fake_request = NGX_OK;
    fake_responds(0, 200);
    ngx_unit_traced("counted ack", "took 1050", "a: ack", "a: freed",
                    "b: request");
    fake_responds(1, 200);
    ngx_unit_trace_clear();
}


static void
turn(void)
{
    ngx_event_t  *ev;

    ev = ngx_queue_data(ngx_queue_head(&ngx_posted_next_events), ngx_event_t,
                        queue);
    ngx_delete_posted_event(ev);
    ev->handler(ev);
    ngx_unit_posted();
}


static void
test_inflated(void **state)
{
    fake_packed = 1;
    fake_slices = 2;

    fake_delivers();
    ngx_unit_traced();
    turn();
    ngx_unit_traced();
    turn();
    ngx_unit_traced("inflated", "a: request");

    /* once */

    fake_responds(0, 500);
    ngx_unit_pass(1250);
    ngx_unit_traced("counted retry", "a: request");
    fake_responds(0, 200);
    ngx_unit_trace_clear();

    /* no memory, now and later */

    fake_slices = 0;
    fake_inflated = NGX_ERROR;
    fake_delivers();
    ngx_unit_traced("inflated");
    fake_inflated = NGX_OK;
    fake_no_memory = 1;
    ngx_unit_pass(50);
    ngx_unit_traced();
    fake_no_memory = 0;
    fake_slices = 0;
    ngx_unit_pass(50);
    ngx_unit_traced("inflated", "b: request");
    fake_responds(1, 200);
    ngx_unit_trace_clear();
}


static void
test_not_taken(void **state)
{
    fake_no_memory = 1;
    fake_delivers();
    ngx_unit_pass(1000);
    ngx_unit_traced();
}


/* What is only kept here goes; a request ends by itself, and its end is
   nobody's. */

static void
test_lost(void **state)
{
    fake_conf.concurrency = 2;
    fake_rpc = 1;

    fake_delivers();
    fake_delivers();
    fake_delivers();
    fake_responds(1, 503);
    fake_responds(2, 200);
    fake_delivers();
    fake_delivers();
    ngx_unit_trace_clear();

    /* a, d: requests, b: is to be tried again, c: its reply is published, e:
       waits */

    fake_lost();
    ngx_unit_traced("b: freed", "c: freed", "e: freed");

    fake_delivers();
    ngx_unit_traced();
    fake_responds(0, 200);
    ngx_unit_traced("a: freed", "f: request");
    fake_responds(3, 500);
    ngx_unit_traced("d: freed");
    fake_responds(5, 200);
    fake_settles(5, NGX_OK);
    ngx_unit_trace_clear();
}


/* What is not begun goes to others; what is published has five seconds. */

static void
test_shutdown(void **state)
{
    fake_conf.concurrency = 2;
    fake_rpc = 1;

    fake_delivers();
    fake_responds(0, 200);
    fake_delivers();
    fake_responds(1, 503);
    fake_delivers();
    fake_delivers();
    fake_delivers();
    ngx_unit_trace_clear();

    fake_leaving = 1;
    ngx_ess_consume_shutdown();
    ngx_unit_traced("b: requeue", "b: freed", "e: requeue", "e: freed");

    /* one that is done is answered; a failed one is somebody else's */

    fake_responds(2, 503);
    ngx_unit_traced("c: requeue", "c: freed");
    fake_responds(3, 200);
    ngx_unit_traced("d: reply");

    ngx_unit_pass(4999);
    ngx_unit_traced();
    fake_settles(3, NGX_OK);
    ngx_unit_traced("counted reply", "took 4999", "d: ack", "d: freed");
    ngx_unit_pass(1);
    ngx_unit_traced("a: requeue", "a: freed");

    /* none is taken any more */

    fake_delivers();
    ngx_unit_traced();
}


/* That the end of the worker cut it off is no failure, even of the last try. */

static void
test_cut_off(void **state)
{
    fake_conf.retries = 0;

    fake_delivers();
    fake_leaving = 1;
    ngx_ess_consume_shutdown();
    fake_ends(0, NGX_ESS_REQUEST_BROKEN, 0);
    ngx_unit_traced("a: request", "a: requeue", "a: freed");
}


/* In the middle of anything. */

static void
test_exit(void **state)
{
    fake_conf.concurrency = 2;
    fake_rpc = 1;

    fake_delivers();
    fake_responds(0, 200);
    fake_delivers();
    fake_responds(1, 503);
    fake_delivers();
    fake_delivers();
    fake_delivers();
    ngx_unit_trace_clear();

    ngx_ess_consume_exit();
    ngx_unit_traced("a: requeue", "a: freed", "b: requeue", "b: freed",
                    "c: requeue", "c: freed", "d: requeue", "d: freed",
                    "e: requeue", "e: freed");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_done),
        TEST(test_tries),
        TEST(test_never_again),
        TEST(test_retry_after),
        TEST(test_reply),
        TEST(test_reply_is_not_taken),
        TEST(test_expired),
        TEST(test_no_connection),
        TEST(test_inflated),
        TEST(test_not_taken),
        TEST(test_lost),
        TEST(test_shutdown),
        TEST(test_cut_off),
        TEST(test_exit)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
