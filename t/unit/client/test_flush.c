/*
 * One send: what goes out in which order, however little the socket takes, and
 * what is counted.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_flush.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_memory.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_client.h"
#include "ngx_ess_memory.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);
    ngx_ess_memory_init(NULL, 1024 * 1024);
    ngx_memzero(fake.counters, sizeof(fake.counters));

    return 0;
}


/* all frames are gone with the cursor */

static int
test_teardown(void **state)
{
    if (fake.client->sub.frame) {
        ngx_ess_frame_release(&fake.feed.lane.frames, fake.client->sub.frame);
    }

    assert_int_equal(ngx_ess_memory_used(), 0);

    return fake_client_teardown(state);
}


static ngx_int_t
test_flush(void)
{
    return ngx_ess_flush(NULL, fake.client);
}


static void
test_say(const char *text)
{
    size_t  len;

    len = strlen(text);

    assert_int_equal(ngx_ess_flush_control(fake.client, (u_char *) text, len,
                                           ngx_min(len, 2)), NGX_OK);
}


static void
test_nothing(void **state)
{
    fake.write.ready = 0;
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("");
}


static void
test_events(void **state)
{
    fake_frame(NGX_ESS_FRAME_EVENT, "one;");
    fake_frame(NGX_ESS_FRAME_GAP, "gap;");
    fake_frame(NGX_ESS_FRAME_EVENT, "two;");
    fake.client->sub.frame->arrival = ngx_current_msec - 10;

    /* not before the socket is writable */

    fake.write.ready = 0;
    assert_int_equal(test_flush(), NGX_AGAIN);
    fake_sent("");

    fake.write.ready = 1;
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("one;gap;two;");
    assert_null(fake.client->sub.frame);
    assert_int_equal(fake.connection.sent, 12);

    /* a notice is no event */

    assert_int_equal(fake.client->events_sent, 2);
    assert_int_equal(fake.client->bytes_sent, 12);
    assert_int_equal(fake.counters[NGX_ESS_C_EVENTS_SENT], 2);
    assert_int_equal(fake.counters[NGX_ESS_C_BYTES_SENT], 12);
    assert_int_equal(fake.counters[NGX_ESS_C_BATCH + 1], 1);
    assert_int_equal(fake.counters[NGX_ESS_C_BATCH_SUM], 2);
    assert_int_equal(fake.counters[NGX_ESS_C_AGE + 2], 2);
    assert_int_equal(fake.counters[NGX_ESS_C_AGE_SUM], 20);
}


/* byte by byte, with a control frame that comes in the middle of an event */

static void
test_parts(void **state)
{
    ngx_uint_t  i;

    fake_frame(NGX_ESS_FRAME_EVENT, "one;");
    fake_frame(NGX_ESS_FRAME_EVENT, "two;");

    for (i = 0; i < 10; i++) {
        fake.write.ready = 1;
        fake.room = 1;
        assert_int_equal(test_flush(), (i < 9) ? NGX_AGAIN : NGX_OK);

        if (i == 1) {
            test_say("pp");
        }

        assert_int_equal(fake.client->events_sent,
                         (i < 3) ? 0 : (i < 9) ? 1 : 2);
    }

    fake_sent("one;pptwo;");
    assert_null(fake.client->control);
    assert_int_equal(fake.client->bytes_sent, 8);
}


/* in order, whatever was begun */

static void
test_control(void **state)
{
    fake.write.ready = 0;
    test_say("first");
    test_say("second");

    fake.write.ready = 1;
    fake.room = 8;
    assert_int_equal(test_flush(), NGX_AGAIN);
    fake_sent("firstsec");

    test_say("third");
    test_say("fourth");

    fake.write.ready = 1;
    fake.room = FAKE_ROOM;
    assert_int_equal(test_flush(), NGX_BUSY);
    fake_sent("ond");
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("thirdfourth");
    assert_null(fake.client->control);

    /* what is not an event's does not count */

    assert_int_equal(fake.client->bytes_sent, 0);
    assert_int_equal(fake.counters[NGX_ESS_C_BYTES_SENT], 0);

    fake.fail = 1;
    assert_int_equal(ngx_ess_flush_control(fake.client, (u_char *) "x", 1, 1),
                     NGX_ERROR);
    assert_null(fake.client->control);
}


/* of too many that wait the last one stays, and what was begun */

static void
test_control_flood(void **state)
{
    char        text[NGX_ESS_FLUSH_CONTROL + 3];
    ngx_uint_t  i;

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    memcpy(text + sizeof(text) - 3, "yz", 2);

    /* nothing waits, but the socket is full */

    fake.client->blocked = 1;
    test_say(text);
    assert_int_equal(fake.client->control->len, 2);
    ngx_ess_flush_control_drop(fake.client);

    /* what is there at once, for a socket that may take it at once */

    fake.client->blocked = 0;
    test_say(text);
    assert_int_equal(fake.client->control->len, sizeof(text) - 1);

    /* and nothing was sent of it */

    test_say("aa");
    assert_int_equal(fake.client->control->len, 2);

    fake.room = 1;
    assert_int_equal(test_flush(), NGX_AGAIN);
    fake_sent("a");

    for (i = 0; i < NGX_ESS_FLUSH_CONTROL; i++) {
        test_say("pq");
        assert_true(fake.client->control->next->len <= NGX_ESS_FLUSH_CONTROL);
    }

    test_say(text);
    assert_int_equal(fake.client->control->next->len, 2);
    assert_null(fake.client->control->next->next);
    test_say("12");

    fake.write.ready = 1;
    fake.room = FAKE_ROOM;
    assert_int_equal(test_flush(), NGX_BUSY);
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("ayz12");
}


/* the client ends with something being sent, and something behind it */

static void
test_control_drop(void **state)
{
    ngx_ess_flush_control_drop(fake.client);

    test_say("one");
    fake.room = 1;
    assert_int_equal(test_flush(), NGX_AGAIN);
    test_say("two");
    assert_non_null(fake.client->control->next);

    ngx_ess_flush_control_drop(fake.client);
    assert_null(fake.client->control);
}


/* while the rest of an event is to be read again nothing else can be said */

static void
test_rest(void **state)
{
    ngx_ess_feed_rest_t  rest;

    test_say("p");

    fake.feed.rest = &rest;
    assert_int_equal(test_flush(), NGX_OK);
    assert_int_equal(ngx_ess_flush_more(fake.client), 0);
    fake_sent("");

    fake.feed.rest = NULL;
    assert_int_equal(ngx_ess_flush_more(fake.client), 1);
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("p");
}


static void
test_many(void **state)
{
    ngx_uint_t    i;
    struct iovec  iovs[NGX_ESS_FLUSH_BUFS];

    for (i = 0; i < NGX_ESS_FLUSH_BUFS + 1; i++) {
        fake_frame(NGX_ESS_FRAME_EVENT, "e");
    }

    assert_int_equal(ngx_ess_flush_collect(fake.client, iovs),
                     NGX_ESS_FLUSH_BUFS);

    assert_int_equal(test_flush(), NGX_BUSY);
    assert_int_equal(fake.sent, NGX_ESS_FLUSH_BUFS);
    assert_int_equal(test_flush(), NGX_OK);
    assert_int_equal(fake.sent, NGX_ESS_FLUSH_BUFS + 1);
}


/* the cursor stays at what closes */

static void
test_closing_frame(void **state)
{
    fake_frame(NGX_ESS_FRAME_EVENT, "one;");
    fake_frame(NGX_ESS_FRAME_CLOSE, "");

    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("one;");
    assert_int_equal(fake.client->sub.frame->type, NGX_ESS_FRAME_CLOSE);
}


/* the rest of what was begun, the close, and nothing behind it */

static void
test_closing(void **state)
{
    fake_frame(NGX_ESS_FRAME_EVENT, "one;");
    fake_frame(NGX_ESS_FRAME_EVENT, "two;");

    fake.room = 1;
    assert_int_equal(test_flush(), NGX_AGAIN);
    ngx_ess_frame_cut(&fake.feed.lane.frames, fake.client->sub.frame);
    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    test_say("C");

    fake.write.ready = 1;
    fake.room = FAKE_ROOM;
    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("one;C");
    assert_null(fake.client->sub.frame);
    assert_int_equal(fake.client->events_sent, 1);
}


static void
test_broken(void **state)
{
    fake_frame(NGX_ESS_FRAME_EVENT, "one;");

    fake.broken = NGX_EPIPE;
    assert_int_equal(test_flush(), NGX_ERROR);
    assert_true(fake.write.error);
    assert_int_equal(fake.client->bytes_sent, 0);
}


static ngx_chain_t *
test_tls(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        assert_int_equal(cl->buf->flush, cl->next == NULL);
    }

    return ngx_io.send_chain(c, in, limit);
}


/* TLS has a buffer of its own */

static void
test_chain(void **state)
{
    fake.connection.send_chain = test_tls;

    fake_frame(NGX_ESS_FRAME_EVENT, "one;");
    fake_frame(NGX_ESS_FRAME_EVENT, "two;");

    fake.room = 5;
    assert_int_equal(test_flush(), NGX_AGAIN);
    ngx_unit_traced("send chain");
    fake_sent("one;t");
    assert_int_equal(fake.client->sub.offset, 1);

    fake.write.ready = 1;
    fake.room = FAKE_ROOM;
    fake.connection.buffered = NGX_LOWLEVEL_BUFFERED;
    assert_int_equal(test_flush(), NGX_BUSY);
    ngx_unit_traced("send chain");
    fake_sent("wo;");

    /* what it has buffered is flushed without anything more to send */

    assert_int_equal(test_flush(), NGX_BUSY);
    ngx_unit_traced("send buffered");

    fake.broken = NGX_EPIPE;
    assert_int_equal(test_flush(), NGX_ERROR);
    ngx_unit_traced("send buffered");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing),
        TEST(test_events),
        TEST(test_parts),
        TEST(test_control),
        TEST(test_control_flood),
        TEST(test_control_drop),
        TEST(test_rest),
        TEST(test_many),
        TEST(test_closing_frame),
        TEST(test_closing),
        TEST(test_broken),
        TEST(test_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
