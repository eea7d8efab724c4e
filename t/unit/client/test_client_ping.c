/*
 * A client's timer, by its state: pings, and the end of the patience.
 *
 * links: src/client/ngx_ess_client_ping.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_client_ping.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


#if (NGX_LINUX)

static struct tcp_info  test_tcp;
static int              test_tcp_rc;


/* the C library's */

int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    assert_int_equal(level, IPPROTO_TCP);
    assert_int_equal(name, TCP_INFO);
    assert_int_equal(*len, sizeof(struct tcp_info));

    memcpy(value, &test_tcp, sizeof(struct tcp_info));

    return test_tcp_rc;
}

#endif


#if (NGX_SSL)

void
ngx_ssl_free_buffer(ngx_connection_t *c)
{
    ngx_unit_trace("free buffer");
}

#endif


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    fake.conf.ping_interval = 30000;
    fake.conf.ping_timeout = 10000;

#if (NGX_LINUX)

    memset(&test_tcp, 0, sizeof(test_tcp));
    test_tcp_rc = 0;

#endif

    return 0;
}


static void
test_timer(void)
{
    ngx_ess_client_ping_timer(&fake.client->timer);
}


/* until when it waits */

static ngx_msec_t
test_delay(void)
{
    assert_int_equal(ngx_unit_trace_count("timer"), 1);
    ngx_unit_trace_clear();

    return fake.delay;
}


static void
test_answered(void **state)
{
    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");

    fake.client->heard = 1;
    test_timer();
    ngx_unit_traced("timer 20000");

    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
    assert_false(fake.client->heard);

    /* without time between, the next one at once */

    fake.conf.ping_interval = 10000;
    fake.client->heard = 1;
    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
}


/* What it sends waits until its commands are carried out; its socket tells. */

static void
test_deaf(void **state)
{
    fake.client->deaf = 1;

    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
    test_timer();
    ngx_unit_traced("timer 20000");

    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
    fake.client->blocked = 1;
    test_timer();
    ngx_unit_traced("break");
}


static void
test_silent(void **state)
{
    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");

    /* nothing is read from it now, so nothing can be heard */

    fake.read.delayed = 1;
    test_timer();
    ngx_unit_traced("timer 20000");

    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");

    fake.read.delayed = 0;
    test_timer();
    ngx_unit_traced("break");
    assert_true(fake.connection.timedout);
}


/* one that does not answer lives while its socket takes bytes */

static void
test_taking(void **state)
{
    fake.client->transport = &fake_sse;

    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
    test_timer();
    ngx_unit_traced("timer 20000");

    fake.client->blocked = 1;
    test_timer();
    ngx_unit_traced("timer 10000", "control P");
    test_timer();
    ngx_unit_traced("break");
}


#if (NGX_LINUX)

/* or its system acknowledges what it was sent */

static void
test_lost(void **state)
{
    ngx_uint_t  i, lost;

    static const struct {
        u_char      retransmits;
        u_char      probes;
        uint32_t    unacked;
        uint32_t    last_ack;               /* ms before */
        ngx_uint_t  lost;
    } peers[] = {
        { 0, 0, 0, 60000, 0 },              /* acknowledged long ago */
        { 0, 0, 3, 10, 0 },
        { 2, 0, 3, 10, 0 },                 /* through a bad net */
        { 2, 0, 3, 11900, 0 },
        { 0, 0, 3, 12000, 0 },              /* an event, just now */
        { 2, 0, 3, 12000, 1 },
        { 4, 0, 1, 90000, 1 },
        { 0, 1, 0, 30000, 0 },              /* asked for its window, just now */
        { 0, 2, 0, 11900, 0 },
        { 0, 2, 0, 12000, 1 },
    };

    fake.client->transport = &fake_sse;

    for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        fake.client->pinged = 0;
        test_timer();
        ngx_unit_traced("timer 10000", "control P", "flush");

        /* timers may be late, and the clock goes round */

        ngx_current_msec += 12000;

        test_tcp.tcpi_retransmits = peers[i].retransmits;
        test_tcp.tcpi_probes = peers[i].probes;
        test_tcp.tcpi_unacked = peers[i].unacked;
        test_tcp.tcpi_last_ack_recv = peers[i].last_ack;

        test_timer();

        lost = ngx_unit_trace_count("break");
        ngx_unit_trace_clear();

        if (lost != peers[i].lost) {
            fail_msg("%d", (int) i);
        }

        /* where it is no socket of TCP nobody knows */

        test_tcp_rc = -1;
        fake.client->pinged = 1;
        test_timer();
        ngx_unit_traced("timer 20000");
        test_tcp_rc = 0;
    }
}


/* which the clock does not have */

static void
test_lost_long(void **state)
{
    fake.client->transport = &fake_sse;
    fake.conf.ping_interval = 0x10000 * 16;
    fake.conf.ping_timeout = 0x10000 * 16;

    test_timer();
    ngx_unit_trace_clear();
    ngx_current_msec += fake.conf.ping_timeout;

    test_tcp.tcpi_retransmits = 1;
    test_tcp.tcpi_unacked = 1;
    test_tcp.tcpi_last_ack_recv = (uint32_t) fake.conf.ping_timeout - 1;
    test_timer();
    assert_int_equal(ngx_unit_trace_count("break"), 0);

    test_tcp.tcpi_last_ack_recv++;
    test_timer();
    assert_int_equal(ngx_unit_trace_count("break"), 1);
}

#endif


/* clients that came in one moment are not pinged in one moment */

static void
test_start(void **state)
{
    ngx_uint_t  i;
    ngx_msec_t  low, high, delay;

    for (i = 0, low = 60000, high = 0; i < 1000; i++) {
        assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
        delay = test_delay();
        low = ngx_min(low, delay);
        high = ngx_max(high, delay);
    }

    assert_true(low > 15000 && low < 17000);
    assert_true(high > 28000 && high <= 30001);

    /* no pings */

    fake.conf.ping_interval = 0;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    ngx_unit_traced();
}


/* a message is not answered: its peer is one as of an event stream */

static void
test_text(void **state)
{
    ngx_str_set(&fake.conf.ping_text, "T");

    test_timer();
    ngx_unit_traced("timer 10000", "control T", "flush");
    test_timer();
    ngx_unit_traced("timer 20000");

    fake.client->blocked = 1;
    test_timer();
    ngx_unit_traced("timer 10000", "control T");
    test_timer();
    ngx_unit_traced("break");
}


#if (NGX_LINUX)

static void
test_text_lost(void **state)
{
    ngx_str_set(&fake.conf.ping_text, "T");

    test_timer();
    ngx_unit_traced("timer 10000", "control T", "flush");

    ngx_current_msec += 12000;
    test_tcp.tcpi_retransmits = 2;
    test_tcp.tcpi_unacked = 3;
    test_tcp.tcpi_last_ack_recv = 12000;

    test_timer();
    ngx_unit_traced("break");
}

#endif


/* it goes out with the first flush, and the next one an interval later */

static void
test_text_first(void **state)
{
    ngx_str_set(&fake.conf.ping_text, "T");

    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    assert_true(test_delay() > 15000);

    fake.conf.ping_first = 1;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    ngx_unit_traced("timer 10000", "control T");
    test_timer();
    ngx_unit_traced("timer 20000");
    test_timer();
    ngx_unit_traced("timer 10000", "control T", "flush");

    fake.conf.ping_interval = 0;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    ngx_unit_traced("control T");

    fake.control = NGX_ERROR;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_DONE);
    ngx_unit_traced("control T", "break");

    /* not where it means nothing, or there are comments instead */

    fake.client->many = 1;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    ngx_unit_traced();
    fake.client->many = 0;

    fake.client->transport = &fake_sse;
    assert_int_equal(ngx_ess_client_ping_start(fake.client), NGX_OK);
    ngx_unit_traced();
}


/* what waits for the socket will do for a ping; and a transport may have
   none */

static void
test_other(void **state)
{
    fake.client->control = malloc(sizeof(ngx_ess_control_t));
    test_timer();
    ngx_unit_traced("timer 10000");

    free(fake.client->control);
    fake.client->control = NULL;
    fake.client->pinged = 0;
    fake.ping = "";
    test_timer();
    ngx_unit_traced("timer 10000");

    fake.client->pinged = 0;
    fake.ping = "P";
    fake.control = NGX_ERROR;
    test_timer();
    ngx_unit_traced("timer 10000", "control P", "break");
}


/* but not to who is blocked, or closed; and there may be nothing to say */

static void
test_nudge(void **state)
{
    ngx_ess_client_ping_nudge(fake.client);
    ngx_unit_traced("control N", "flush");

    fake.client->blocked = 1;
    ngx_ess_client_ping_nudge(fake.client);
    fake.client->blocked = 0;

    fake.client->control = malloc(sizeof(ngx_ess_control_t));
    ngx_ess_client_ping_nudge(fake.client);
    free(fake.client->control);
    fake.client->control = NULL;

    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    ngx_ess_client_ping_nudge(fake.client);
    fake.client->state = NGX_ESS_CLIENT_OPEN;

    fake.ping = "";
    ngx_ess_client_ping_nudge(fake.client);
    ngx_unit_traced();

    fake.ping = "P";
    fake.control = NGX_ERROR;
    ngx_ess_client_ping_nudge(fake.client);
    ngx_unit_traced("control N", "break");
}


static void
test_token(void **state)
{
    fake.client->expires = (uint32_t) ngx_time() + 5;

    /* whichever comes first */

    ngx_ess_client_ping_wait(fake.client, 1000);
    ngx_unit_traced("timer 1000");
    ngx_ess_client_ping_wait(fake.client, 6000);
    ngx_unit_traced("timer 5000");

    /* also without pings; a time that has passed, and one that is far off */

    fake.conf.ping_interval = 0;
    test_timer();
    ngx_unit_traced("timer 5000");

    fake.client->expires = (uint32_t) ngx_time() - 5;
    ngx_ess_client_ping_wait(fake.client, 0);
    ngx_unit_traced("timer 1");

    test_timer();
    ngx_unit_traced("close 3000 token expired");

    fake.client->expires = (uint32_t) ngx_time() + 1000000;
    test_timer();
    ngx_unit_traced("timer 86400000");

    /* with neither there is nothing to wait for */

    fake.client->expires = 0;
    test_timer();
    ngx_unit_traced();
}


static void
test_states(void **state)
{
    fake.client->state = NGX_ESS_CLIENT_OPENING;
    test_timer();
    ngx_unit_traced("break");
    assert_true(fake.connection.timedout);

    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    test_timer();
    ngx_unit_traced("break");

    fake.client->state = NGX_ESS_CLIENT_FINISHING;
    test_timer();
    ngx_unit_traced("break");

    /* it has our close */

    fake.client->state = NGX_ESS_CLIENT_CLOSED;
    test_timer();
    ngx_unit_traced("end");
}


#if (NGX_SSL)

static void
test_tls(void **state)
{
    fake.connection.ssl = (ngx_ssl_connection_t *) &fake;

    test_timer();
    ngx_unit_traced("free buffer", "timer 10000", "control P", "flush");

    /* what is in it has still to be sent */

    fake.client->pinged = 0;
    fake.connection.buffered = NGX_SSL_BUFFERED;
    test_timer();
    ngx_unit_traced("timer 10000", "control P", "flush");
}

#endif


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_answered),
        TEST(test_deaf),
        TEST(test_silent),
        TEST(test_taking),
#if (NGX_LINUX)
        TEST(test_lost),
        TEST(test_lost_long),
#endif
        TEST(test_start),
        TEST(test_text),
#if (NGX_LINUX)
        TEST(test_text_lost),
#endif
        TEST(test_text_first),
        TEST(test_other),
        TEST(test_nudge),
        TEST(test_token),
        TEST(test_states),
#if (NGX_SSL)
        TEST(test_tls),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
