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

    return 0;
}


static void
test_timer(void)
{
    ngx_ess_client_ping_timer(&fake.client->timer);
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
        TEST(test_silent),
        TEST(test_taking),
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
