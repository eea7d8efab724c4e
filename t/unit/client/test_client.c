/*
 * A client's output and its end: who waits for whom, what is said last, and
 * who frees.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_client.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_stream.h"


static ngx_int_t        test_flush;         /* what a send returns */
static ngx_int_t        test_idle;
static ngx_int_t        test_stream;
static ngx_uint_t       test_more;          /* is to be sent */
static ngx_ess_multi_t  test_multi;
static ngx_ess_frame_t  test_frame;


ngx_int_t
ngx_ess_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ngx_unit_trace("send");

    return test_flush;
}


ngx_int_t
ngx_ess_flush_filtered(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ngx_unit_trace("send by filters");

    return test_flush;
}


ngx_int_t
ngx_ess_feed_join_idle(ngx_ess_subscriber_t *sub)
{
    ngx_unit_trace("idle");

    return test_idle;
}


void
ngx_ess_frame_cut(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    ngx_unit_trace("cut");
}


void
ngx_ess_frame_release(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    ngx_unit_trace("release");
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    assert_int_equal(id, 1);

    return test_stream;
}


u_char *
ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid)
{
    return ngx_cpymem(text, "0123456789abcdef0123456789abcdef",
                      NGX_ESS_UUID_TEXT);
}


/* one with several subscriptions */

void
ngx_ess_multi_drop_all(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("drop all");
}


ngx_uint_t
ngx_ess_multi_flush_more(ngx_ess_client_t *client)
{
    return test_more;
}


ngx_int_t
ngx_ess_multi_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ngx_unit_trace("send many");

    return test_flush;
}


void
ngx_ess_multi_flush_cut(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("cut all");
}


void
ngx_ess_multi_flush_drop(ngx_ess_multi_t *multi)
{
}


void
ngx_ess_multi_due(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("due many");
}


void
ngx_ess_multi_due_awake(ngx_ess_multi_t *multi)
{
}


void
ngx_ess_multi_due_leave(ngx_ess_multi_t *multi)
{
}


void
ngx_ess_multi_free(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("free all");
}


static int
test_setup(void **state)
{
    test_more = 0;
    test_flush = NGX_OK;
    test_idle = NGX_OK;
    test_stream = NGX_OK;
    ngx_memzero(&test_frame, sizeof(ngx_ess_frame_t));

    return fake_client_setup(state);
}


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)

#define DETACHED  "one less", "drain remove", "no timer", "wheel leave",      \
                  "done", "leave"


static void
test_output(void **state)
{
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle");
    assert_false(fake.client->blocked);

    /* others have their turn */

    test_flush = NGX_BUSY;
    fake.client->blocked = 1;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "due");
    assert_false(fake.client->blocked);

    test_flush = NGX_AGAIN;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "waiting");
    assert_true(fake.client->blocked);

    fake.client->apart = 1;
    fake.client->filtered = (ngx_ess_filtered_t *) &fake;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send by filters", "waiting");
}


/* Who is to be closed gets its answers first, if it takes them. */

static void
test_close_answered(void **state)
{
    fake.client->many = 1;
    fake.client->apart = 1;
    fake.client->multi = &test_multi;

    test_more = 1;
    assert_int_equal(ngx_ess_client_close_answered(fake.client, 1003, "why"),
                     NGX_OK);
    ngx_unit_traced("drop all", "timer 5000", "due many");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_FINISHING);

    test_more = 0;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send many", "say close 1003 why", "drain remove",
                    "drop all", "cut all", "timer 5000", "control C",
                    "send many");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSED);

    ngx_ess_client_close_end(fake.client, NGX_OK);
    ngx_unit_trace_clear();
}


/* For want of memory: it is told, if it can be. */

static void
test_failed(void **state)
{
    fake.client->many = 1;
    fake.client->apart = 1;
    fake.client->multi = &test_multi;
    test_multi.failed = 1;

    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send many", "say close 1011 Internal error",
                    "drain remove", "drop all", "cut all", "timer 5000",
                    "control C", "send many");

    test_multi.failed = 0;
    test_flush = NGX_ERROR;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_DONE);
    ngx_unit_trace_clear();
}


/* who named a place is nudged after the first bytes of the stream; that ends
   with the client */

static void
test_nudge(void **state)
{
    fake.client->nudge = 1;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle");

    fake.client->bytes_sent = 1;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "nudge", "idle");
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle");

    fake.client->nudged = 1;
    ngx_ess_client_close_end(fake.client, NGX_OK);
    ngx_unit_traced("one less", "drain remove", "no timer", "wheel leave",
                    "no nudge", "done", "leave", "finalize 0");
}


/* a broken connection; the request's owner frees it */

static void
test_broken(void **state)
{
    test_flush = NGX_ERROR;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_DONE);
    ngx_unit_traced("send", DETACHED, "finalize -1");
    assert_true(fake.connection.error);
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_GONE);
    assert_int_equal(fake.counters[NGX_ESS_C_SUBSCRIBERS], -1);

    /* harmless the second time */

    ngx_ess_client_detach(fake.client);
    ngx_unit_traced();
}


static void
test_broken_event(void **state)
{
    fake_release();
    fake.handled = NGX_ERROR;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_DONE);
    ngx_unit_traced("send", DETACHED, "close connection");
}


static void
test_no_memory(void **state)
{
    test_idle = NGX_ERROR;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle", "say close 1011 Internal error",
                    "drain remove", "waiting", "timer 5000", "control C",
                    "send");
}


/* it got to a frame that closes */

static void
test_deleted(void **state)
{
    test_frame.type = NGX_ESS_FRAME_CLOSE;
    fake.client->sub.frame = &test_frame;

    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "say close 1000 The stream has been deleted",
                    "drain remove", "waiting", "release", "timer 5000",
                    "control C", "send");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSED);
    assert_null(fake.client->sub.frame);
}


static void
test_missing(void **state)
{
    test_frame.type = NGX_ESS_FRAME_GONE;
    fake.client->sub.frame = &test_frame;

    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "say close 1013 EventStream "
                    "0123456789abcdef0123456789abcdef cannot be found",
                    "drain remove", "waiting", "release", "timer 5000",
                    "control C", "send");
}


static void
test_missing_at_first(void **state)
{
    test_stream = NGX_DECLINED;
    fake.client->missing = 1;

    assert_int_equal(ngx_ess_client_close_now(fake.client), NGX_OK);
    ngx_unit_traced("say close 1013 EventStream cannot be found",
                    "drain remove", "waiting", "timer 5000", "control C",
                    "send");
}


/* in the middle of a frame its rest goes first */

static void
test_close(void **state)
{
    test_flush = NGX_AGAIN;
    fake.client->sub.frame = &test_frame;
    fake.client->sub.offset = 1;

    assert_int_equal(ngx_ess_client_close(fake.client, 1008, "why"), NGX_OK);
    ngx_unit_traced("say close 1008 why", "drain remove", "waiting", "cut",
                    "timer 5000", "control C", "send", "waiting");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSING);
    assert_true(fake.client->sub.closed);
    assert_false(fake.client->last);

    /* once */

    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_OK);
    ngx_unit_traced();

    /* more goes in the next turn, not at once */

    test_flush = NGX_BUSY;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "waiting");
    assert_false(ngx_queue_empty(&ngx_posted_next_events));
    assert_true(fake.client->blocked);

    /* it was sent; the peer's answer comes */

    test_flush = NGX_OK;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSED);
}


/* nobody answers */

static void
test_close_last(void **state)
{
    fake.client->transport = &fake_sse;

    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced("say close 1000 ", "drain remove", "waiting", "timer 5000",
                    "control C", "send", DETACHED, "finalize 0");
    assert_false(fake.connection.error);
}


/* a transport that has said goodbye */

static void
test_close_silent(void **state)
{
    fake.close = "";

    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced("say close 1000 ", "drain remove", "waiting", "timer 5000",
                    "send", DETACHED, "finalize 0");
}


static void
test_close_filtered(void **state)
{
    fake.client->apart = 1;
    fake.client->filtered = (ngx_ess_filtered_t *) &fake;
    fake.close = "";

    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced("say close 1000 ", "drain remove", "waiting", "timer 5000",
                    "send by filters", "last", DETACHED, "finalize 0");
}


/* before its response has begun nothing can be said, nor within an event */

static void
test_close_opening(void **state)
{
    fake.client->state = NGX_ESS_CLIENT_OPENING;
    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced(DETACHED, "finalize -1");
}


static void
test_close_rest(void **state)
{
    ngx_ess_feed_rest_t  rest;

    fake.feed.rest = &rest;
    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced("say close 1000 ", DETACHED, "finalize -1");
}


static void
test_close_memory(void **state)
{
    fake.control = NGX_ERROR;
    assert_int_equal(ngx_ess_client_close(fake.client, 1000, ""), NGX_DONE);
    ngx_unit_traced("say close 1000 ", "drain remove", "waiting", "timer 5000",
                    "control C", DETACHED, "finalize -1");
}


/* who broke the protocol may be sending on */

static void
test_linger(void **state)
{
    fake_release();
    fake.client->linger = 1;
    fake.client->last = 1;
    fake.connection.fd = -1;

    /* the socket cannot be shut */

    assert_int_equal(ngx_ess_client_close_with(fake.client, NULL, 0, 0),
                     NGX_DONE);
    ngx_unit_traced("drain remove", "waiting", "timer 5000", "send", DETACHED,
                    "close connection");
}


static void
test_linger_shut(void **state)
{
    int  fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);

    fake_release();
    fake.client->linger = 1;
    fake.client->last = 1;
    fake.connection.fd = fds[0];

    assert_int_equal(ngx_ess_client_close_with(fake.client, NULL, 0, 0),
                     NGX_OK);
    ngx_unit_traced("drain remove", "waiting", "timer 5000", "send",
                    "timer 5000");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSED);

    /* the time is not begun again */

    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send");

    close(fds[0]);
    close(fds[1]);
}


#if (NGX_QUIC)

/* what nginx took and the client has no room for is waited for, and reset when
   the time is up */

static void
test_held(void **state)
{
    ngx_quic_stream_t  stream;

    ngx_memzero(&stream, sizeof(ngx_quic_stream_t));
    stream.sent = 2;
    stream.send_offset = 1;

    fake.connection.quic = &stream;
    fake.client->last = 1;

    assert_int_equal(ngx_ess_client_close_with(fake.client, NULL, 0, 0),
                     NGX_OK);
    ngx_unit_traced("drain remove", "waiting", "timer 5000", "send");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_CLOSED);

    ngx_ess_client_close_end(fake.client, NGX_OK);
    assert_true(fake.connection.error);
}

#endif


static void
test_drain(void **state)
{
    /* its response has not begun: it is closed when it has */

    fake.client->state = NGX_ESS_CLIENT_OPENING;
    ngx_ess_client_close_drain(fake.client, NGX_ESS_CLIENT_RESTART);
    ngx_unit_traced();
    assert_int_equal(fake.client->code, NGX_ESS_CLIENT_RESTART);

    /* it gets what is there first */

    fake.client->state = NGX_ESS_CLIENT_OPEN;
    fake.client->sub.frame = &test_frame;
    ngx_ess_client_close_drain(fake.client, NGX_ESS_CLIENT_RESTART);
    ngx_unit_traced("no timer", "drain wait");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_FINISHING);

    fake.client->sub.frame = NULL;
    fake.feed.changed = 1;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle");

    fake.feed.changed = 0;
    assert_int_equal(ngx_ess_client_flush(fake.client), NGX_OK);
    ngx_unit_traced("send", "idle", "say close 1012 Service restart",
                    "drain remove", "waiting", "timer 5000", "control C",
                    "send");
}


static void
test_drain_idle(void **state)
{
    ngx_ess_client_close_drain(fake.client, NGX_ESS_CLIENT_AWAY);
    ngx_unit_traced("say close 1001 Going away", "drain remove", "waiting",
                    "timer 5000", "control C", "send");
}


static void
test_drain_late(void **state)
{
    fake.client->sub.frame = &test_frame;
    ngx_ess_client_close_drain(fake.client, NGX_ESS_CLIENT_AWAY);
    ngx_unit_traced("no timer", "drain wait");

    (void) ngx_ess_client_close_now(fake.client);
    ngx_unit_traced("say close 1001 Going away", "drain remove", "waiting",
                    "release", "timer 5000", "control C", "send");
}


/* what is left of a control frame goes with the client */

static void
test_control(void **state)
{
    fake_release();
    fake.client->control = malloc(sizeof(ngx_ess_control_t));

    ngx_ess_client_close_end(fake.client, NGX_OK);
    ngx_unit_traced(DETACHED, "close connection");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_output),
        TEST(test_close_answered),
        TEST(test_failed),
        TEST(test_nudge),
        TEST(test_broken),
        TEST(test_broken_event),
        TEST(test_no_memory),
        TEST(test_deleted),
        TEST(test_missing),
        TEST(test_missing_at_first),
        TEST(test_close),
        TEST(test_close_last),
        TEST(test_close_silent),
        TEST(test_close_filtered),
        TEST(test_close_opening),
        TEST(test_close_rest),
        TEST(test_close_memory),
        TEST(test_linger),
        TEST(test_linger_shut),
#if (NGX_QUIC)
        TEST(test_held),
#endif
        TEST(test_drain),
        TEST(test_drain_idle),
        TEST(test_drain_late),
        TEST(test_control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
