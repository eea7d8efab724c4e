/*
 * The beginning of a client: the header first, then the connection taken over,
 * with the request or without, and what its feed and a drain tell it.
 *
 * links: t/unit/client/fake_multi.c
 * links: t/unit/client/fake_authorize.c
 * links: src/client/ngx_ess_client_start.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_client_event.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_ping.h"
#include "ngx_ess_client_slow.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_turn.h"
#include "ngx_ess_client_request.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static const ngx_ess_feed_handlers_t   *test_fed;
static ngx_ess_multi_due_pt             test_due;
static const ngx_ess_drain_handlers_t  *test_drained;
static ngx_uint_t                       test_releasable;
static ngx_int_t                        test_released;
static ngx_int_t                        test_leftover;
static ngx_int_t                        test_ping;


/* as each part begins */

void
ngx_ess_client_max_init(ngx_cycle_t *cycle)
{
    ngx_unit_trace("max");
}


void
ngx_ess_wheel_init(ngx_ess_wheel_handler_pt handler, ngx_log_t *log)
{
    assert_ptr_equal(handler, ngx_ess_client_ping_timer);
    ngx_unit_trace("wheel");
}


void
ngx_ess_drain_init(ngx_cycle_t *cycle,
    const ngx_ess_drain_handlers_t *handlers)
{
    test_drained = handlers;
    ngx_unit_trace("drain");
}


ngx_int_t
ngx_ess_feed_turn_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers)
{
    test_fed = handlers;
    ngx_unit_trace("feeds");

    return NGX_OK;
}


void
ngx_ess_multi_due_init(ngx_cycle_t *cycle, ngx_ess_multi_due_pt flush)
{
    test_due = flush;
}


/* handlers that are others' */

ngx_uint_t
ngx_ess_feed_end(ngx_uint_t max)
{
    return 0;
}


void
ngx_ess_client_close_drain(ngx_ess_client_t *client, ngx_uint_t code)
{
}


void
ngx_ess_client_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
}


void
ngx_ess_client_slow_reclaim(ngx_ess_subscriber_t *sub)
{
}


void
ngx_ess_client_slow_missed(ngx_ess_subscriber_t *sub)
{
}


void
ngx_ess_client_ping_timer(ngx_ess_wheel_entry_t *entry)
{
}


void
ngx_ess_client_ping_nudge(ngx_ess_client_t *client)
{
}


void
ngx_ess_client_event_request(ngx_http_request_t *r)
{
}


void
ngx_ess_client_event_read(ngx_event_t *rev)
{
}


void
ngx_ess_client_event_write(ngx_event_t *wev)
{
}


void
ngx_http_block_reading(ngx_http_request_t *r)
{
}


void
ngx_http_test_reading(ngx_http_request_t *r)
{
}


static void
test_nginx(ngx_event_t *ev)
{
    ngx_unit_trace("nginx");
}


/* neighbours */

ngx_int_t
ngx_ess_client_ping_start(ngx_ess_client_t *client)
{
    ngx_unit_trace("ping");

    return test_ping;
}


void
ngx_ess_client_event_writable(ngx_ess_client_t *client)
{
    ngx_unit_trace("writable");
}


ngx_int_t
ngx_ess_client_event_leftover(ngx_ess_client_t *client)
{
    ngx_unit_trace("leftover");

    return test_leftover;
}


ngx_uint_t
ngx_ess_client_request_releasable(ngx_ess_client_t *client)
{
    return test_releasable;
}


ngx_int_t
ngx_ess_client_request_release(ngx_ess_client_t *client)
{
    ngx_unit_trace("release");

    if (test_released == NGX_OK) {
        fake_release();
    }

    return test_released;
}


void
ngx_ess_client_request_shrink(ngx_ess_client_t *client)
{
    ngx_unit_trace("shrink");
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    fake.client->state = NGX_ESS_CLIENT_GONE;
    fake.core.send_timeout = 60000;
    fake.core.tcp_nodelay = 1;
    fake.read.handler = test_nginx;
    fake.write.handler = test_nginx;

    test_releasable = 1;
    test_released = NGX_OK;
    test_leftover = NGX_OK;
    test_ping = NGX_OK;

    return 0;
}


#define STARTED  "one more", "drain add", "wheel join", "timer 60000", "start"


/* The response has begun; nginx runs the write handler. */

static void
test_begin(void)
{
    assert_int_equal(ngx_ess_client_start(fake.client), NGX_DONE);
    ngx_unit_traced(STARTED);
    assert_int_equal(fake.request.count, 2);
    assert_true(fake.write.posted);

    fake.request.count--;
    ngx_delete_posted_event(&fake.write);
    fake.request.write_event_handler(&fake.request);
}


static void
test_init(void **state)
{
    assert_int_equal(ngx_ess_client_start_init((ngx_cycle_t *) ngx_cycle,
                                               NULL), NGX_OK);
    ngx_unit_traced("max", "nudges", "wheel", "drain", "feeds");
}


static void
test_kept(void **state)
{
    fake.request.limit_rate = 1;

    test_begin();
    ngx_unit_traced("no timer", "ping", "leftover", "shrink", "flush");

    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_OPEN);
    assert_int_equal(fake.counters[NGX_ESS_C_SUBSCRIBERS], 1);
    assert_int_equal(fake.request.limit_rate, 0);
    assert_ptr_equal(fake.request.read_event_handler,
                     ngx_ess_client_event_request);
    assert_true(fake.read.posted);

    fake.request.write_event_handler(&fake.request);
    ngx_unit_traced("writable");

    fake.connection.error = 1;
    fake.request.write_event_handler(&fake.request);
    ngx_unit_traced("break");

    /* of HTTP/3, when the client has stopped the response */

    fake.connection.error = 0;
    fake.write.error = 1;
    fake.request.write_event_handler(&fake.request);
    ngx_unit_traced("break");
}


static void
test_release(void **state)
{
    fake.conf.release = 1;

    test_begin();
    ngx_unit_traced("no timer", "ping", "leftover", "flush");

    ngx_delete_posted_event(&fake.read);
    ngx_unit_posted();
    ngx_unit_traced("release", "writable");

    assert_ptr_equal(fake.read.handler, ngx_ess_client_event_read);
    assert_ptr_equal(fake.write.handler, ngx_ess_client_event_write);
}


/* nginx goes on with a request that cannot be released */

static void
test_not_released(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        (void) fake_client_teardown(state);
        (void) test_setup(state);
        fake.conf.release = 1;

        test_begin();
        ngx_unit_traced("no timer", "ping", "leftover", "flush");

        switch (i) {
        case 0:
            test_releasable = 0;
            break;
        case 1:
            fake.client->state = NGX_ESS_CLIENT_CLOSING;
            break;
        default:
            test_released = NGX_ERROR;
        }

        ngx_delete_posted_event(&fake.read);
        ngx_unit_posted();

        if (i == 2) {
            ngx_unit_traced("release", "nginx");

        } else {
            ngx_unit_traced("nginx");
        }

        assert_ptr_equal(fake.write.handler, test_nginx);
    }
}


/* frames go past the filters, so these are to be empty first */

static void
test_slow_header(void **state)
{
    static ngx_buf_t    buf;
    static ngx_chain_t  link;

    buf.pos = (u_char *) "header";
    buf.last = buf.pos + 6;
    link.buf = &buf;

    fake.request.out = &link;
    fake.room = 2;

    test_begin();
    ngx_unit_traced("filter again");
    assert_int_equal(fake.client->state, NGX_ESS_CLIENT_OPENING);

    /* nothing is flushed before */

    fake.client->sub.client = fake.client;
    (void) ngx_ess_client_start_init((ngx_cycle_t *) ngx_cycle, NULL);
    ngx_unit_trace_clear();
    test_fed->flush(&fake.client->sub);
    ngx_unit_traced("waiting");
    test_due(fake.client);
    ngx_unit_traced();

    fake.handled = NGX_ERROR;
    fake.request.write_event_handler(&fake.request);
    ngx_unit_traced("filter again", "break");

    fake.handled = NGX_OK;
    fake.room = FAKE_ROOM;
    fake.request.write_event_handler(&fake.request);
    ngx_unit_traced("filter again", "no timer", "ping", "leftover",
                    "shrink", "flush");
    fake_sent("header");
}


static void
test_broken_header(void **state)
{
    fake.connection.buffered = NGX_HTTP_LOWLEVEL_BUFFERED;
    fake.broken = NGX_EPIPE;

    test_begin();
    ngx_unit_traced("filter again", "break");
}


/* it asked for what cannot be, or a drain came by meanwhile */

static void
test_closed_at_once(void **state)
{
    fake.client->code = NGX_ESS_CLIENT_PROTOCOL;

    test_begin();
    ngx_unit_traced("no timer", "ping", "close now");
}


static void
test_ended(void **state)
{
    test_leftover = NGX_DONE;

    test_begin();
    ngx_unit_traced("no timer", "ping", "leftover");

    (void) fake_client_teardown(state);
    (void) test_setup(state);
    test_ping = NGX_DONE;

    test_begin();
    ngx_unit_traced("no timer", "ping");
}


static void
test_filtered(void **state)
{
    fake.client->filtered = (ngx_ess_filtered_t *) &fake;
    fake.conf.release = 1;
    fake.handled = NGX_ERROR;               /* is not asked for either */

    test_begin();
    ngx_unit_traced("no timer", "ping", "flush");
    assert_ptr_equal(fake.request.read_event_handler, ngx_http_test_reading);
}


static void
test_failed(void **state)
{
    fake.start = NGX_ERROR;
    assert_int_equal(ngx_ess_client_start(fake.client),
                     NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_unit_traced(STARTED, "detach");

    fake.request.header_sent = 1;
    assert_int_equal(ngx_ess_client_start(fake.client), NGX_ERROR);
    ngx_unit_traced(STARTED, "detach");

    fake.handled = NGX_ERROR;
    assert_int_equal(ngx_ess_client_start(fake.client), NGX_ERROR);
    ngx_unit_traced("one more", "drain add", "wheel join", "timer 60000",
                    "detach");
}


/* nginx's timers are for requests that end */

static void
test_timers(void **state)
{
    ngx_add_timer(&fake.read, 1000);
    ngx_add_timer(&fake.write, 1000);
    fake.write.delayed = 1;

    test_begin();

    assert_false(fake.read.timer_set);
    assert_false(fake.write.timer_set);
    assert_false(fake.write.delayed);
}


static void
test_handlers(void **state)
{
    (void) ngx_ess_client_start_init((ngx_cycle_t *) ngx_cycle, NULL);
    ngx_unit_trace_clear();

    assert_ptr_equal(test_drained->close, ngx_ess_client_close_drain);
    assert_ptr_equal(test_drained->late, ngx_ess_client_close_now);
    assert_non_null(test_drained->over);

    assert_ptr_equal(test_fed->slow, ngx_ess_client_slow);
    assert_ptr_equal(test_fed->reclaim, ngx_ess_client_slow_reclaim);
    assert_ptr_equal(test_fed->missed, ngx_ess_client_slow_missed);

    fake.client->state = NGX_ESS_CLIENT_OPEN;
    test_fed->flush(&fake.client->sub);
    test_fed->failed(&fake.client->sub);
    test_fed->replaced(&fake.client->sub);
    test_fed->exit(&fake.client->sub);
    ngx_unit_traced("flush", "close 1011 Internal error",
                    "close 1000 A newer connection has taken over", "break");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_init),
        TEST(test_kept),
        TEST(test_release),
        TEST(test_not_released),
        TEST(test_slow_header),
        TEST(test_broken_header),
        TEST(test_closed_at_once),
        TEST(test_ended),
        TEST(test_filtered),
        TEST(test_failed),
        TEST(test_timers),
        TEST(test_handlers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
