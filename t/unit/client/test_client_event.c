/*
 * The events of a client's connection: what is read of it and how much, what
 * its transport makes of that, and when it is sent more.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_client_event.c src/client/ngx_ess_client_rate.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_trace.c t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_client_event.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, fake_client_setup,                  \
                                    fake_client_teardown)


/* It has sent that, over a request. */

static void
test_read(const char *in)
{
    fake.in = in;
    fake.read.ready = 1;

    ngx_ess_client_event_request(&fake.request);
}


static void
test_input(void **state)
{
    test_read("");
    ngx_unit_traced();
    assert_false(fake.client->heard);

    test_read("hello");
    ngx_unit_traced("input hello");
    assert_true(fake.client->heard);

    /* the same over its own handlers */

    fake_release();
    fake.in = "hi";
    fake.read.ready = 1;
    ngx_ess_client_event_read(&fake.read);
    ngx_unit_traced("input hi");
}


static void
test_answer(void **state)
{
    fake.input.out = (u_char *) "pong";
    fake.input.out_len = 4;

    test_read("x");
    ngx_unit_traced("input x", "control pong", "flush");

    /* with what waits for the socket; after our close there is no answer */

    fake.client->blocked = 1;
    test_read("x");
    ngx_unit_traced("input x", "control pong");

    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    test_read("x");
    ngx_unit_traced("input x");

    fake.client->state = NGX_ESS_CLIENT_OPEN;
    fake.control = NGX_ERROR;
    test_read("x");
    ngx_unit_traced("input x", "control pong", "break");
}


/* the flush has ended it: nothing is read any more */

static void
test_ended(void **state)
{
    fake.input.out = (u_char *) "pong";
    fake.input.out_len = 4;
    fake.done = NGX_DONE;

    test_read("x");
    ngx_unit_traced("input x", "control pong", "flush");
    assert_true(ngx_queue_empty(&ngx_posted_next_events));
}


static void
test_closing(void **state)
{
    fake.input.closing = 1;
    fake.input.out = (u_char *) "pongbye";
    fake.input.out_len = 7;
    fake.input.out_last = 3;

    test_read("x");
    ngx_unit_traced("input x", "close with pongbye, bye");
    assert_true(fake.client->last);
    assert_false(fake.client->linger);

    /* all that matters was said */

    test_read("more");
    ngx_unit_traced();
}


static void
test_failed(void **state)
{
    fake.input.failed = 1;
    fake.input.reason = "why";

    test_read("x");
    ngx_unit_traced("input x", "close with , ");
    assert_true(fake.client->last);
    assert_true(fake.client->linger);
}


static void
test_gone(void **state)
{
    test_read(NULL);
    ngx_unit_traced("break");

    /* from worker_shutdown_timeout */

    fake_release();
    fake.connection.close = 1;
    ngx_ess_client_event_read(&fake.read);
    ngx_unit_traced("break");
}


/* What else is there waits; also in the kernel, whichever events it has. */

static void
test_deaf(void **state)
{
    fake.client->deaf = 1;
    fake.handled = NGX_ERROR;

    test_read("x");
    ngx_unit_traced("break");
    assert_true(ngx_queue_empty(&ngx_posted_next_events));
}


static void
test_handle_failed(void **state)
{
    fake.handled = NGX_ERROR;

    test_read("");
    ngx_unit_traced("break");

    ngx_ess_client_event_writable(fake.client);
    ngx_unit_traced("break");
}


/* four buffers, then others have their turn */

static void
test_turns(void **state)
{
    static char  text[5 * 16384 + 1];

    memset(text, 'x', sizeof(text) - 1);

    test_read(text);
    assert_int_equal(ngx_unit_trace_count("input"), 4);
    assert_false(ngx_queue_empty(&ngx_posted_next_events));
    ngx_unit_trace_clear();
}


/* a pause for who sends too much, then the end */

static void
test_rate(void **state)
{
    fake.conf.client_rate.messages = 1;
    fake.input.messages = 11;

    test_read("x");
    ngx_unit_traced("input x");
    assert_true(fake.read.delayed);
    assert_true(fake.read.timer_set);
    assert_int_equal(fake.counters[NGX_ESS_C_FAST_PAUSED], 1);

    /* it is not read from meanwhile */

    test_read("x");
    ngx_unit_traced();

    ngx_del_timer(&fake.read);
    fake.read.timedout = 1;
    test_read("x");
    ngx_unit_traced("input x", "close 1008 Too many messages");
    assert_int_equal(fake.counters[NGX_ESS_C_FAST_CLOSED], 1);

    /* once */

    ngx_del_timer(&fake.read);
    fake.read.timedout = 1;
    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    test_read("x");
    ngx_unit_traced("input x");
}


/* bytes count also when nobody looks at them any more */

static void
test_rate_bytes(void **state)
{
    fake.conf.client_rate.bytes = 1;
    fake.client->last = 1;

    test_read("xxxxxxxxxxx");
    ngx_unit_traced();
    assert_true(fake.read.delayed);
    assert_int_equal(fake.counters[NGX_ESS_C_FAST_PAUSED], 1);
}


/* what came with the request's header, once */

static void
test_leftover(void **state)
{
    ngx_buf_t  b;

    ngx_memzero(&b, sizeof(ngx_buf_t));
    fake.request.header_in = &b;

    assert_int_equal(ngx_ess_client_event_leftover(fake.client), NGX_OK);
    ngx_unit_traced();

    b.pos = (u_char *) "left";
    b.last = b.pos + 4;
    assert_int_equal(ngx_ess_client_event_leftover(fake.client), NGX_OK);
    ngx_unit_traced("input left");
    assert_int_equal(ngx_ess_client_event_leftover(fake.client), NGX_OK);
    ngx_unit_traced();

    b.pos -= 4;
    fake.input.closing = 1;
    fake.done = NGX_DONE;
    assert_int_equal(ngx_ess_client_event_leftover(fake.client), NGX_DONE);
    ngx_unit_traced("input left", "close with , ");
}


static void
test_writable(void **state)
{
    /* nobody waits for it */

    ngx_ess_client_event_writable(fake.client);
    ngx_unit_traced();

    fake.client->blocked = 1;
    fake_release();
    ngx_ess_client_event_write(&fake.write);
    ngx_unit_traced("flush");
    assert_true(fake.client->heard);

    fake.write.ready = 0;
    ngx_ess_client_event_writable(fake.client);
    ngx_unit_traced();

    /* with filters the connection says nothing about the stream */

    fake.client->filtered = (ngx_ess_filtered_t *) &fake;
    ngx_ess_client_event_writable(fake.client);
    ngx_unit_traced("flush");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_input),
        TEST(test_answer),
        TEST(test_ended),
        TEST(test_closing),
        TEST(test_failed),
        TEST(test_gone),
        TEST(test_deaf),
        TEST(test_handle_failed),
        TEST(test_turns),
        TEST(test_rate),
        TEST(test_rate_bytes),
        TEST(test_leftover),
        TEST(test_writable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
