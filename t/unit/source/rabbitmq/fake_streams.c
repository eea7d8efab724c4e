/*
 * A session whose streams are followed.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_streams.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


ngx_ess_rabbitmq_streams_t  streams;


static void
session_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rabbitmq_streams_kick(&streams);
}


static void
session_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rabbitmq_streams_closed(&streams);
    ngx_ess_rabbitmq_streams_batch(&streams);
}


static void
session_batch(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rabbitmq_streams_batch(&streams);
}


static const ngx_ess_amqp_handlers_t  session_handlers = {
    session_open, session_close, session_batch, NULL, NULL, NULL
};


int
follow_setup(void **state)
{
    fake_init();

    ngx_memzero(&streams, sizeof(streams));
    follow_init(&streams.followers);
    streams.prefetch = 10;

    ngx_ess_rabbitmq_streams_init(&streams);
    streams.session = fake_session(&session_handlers, &streams);
    ngx_unit_trace_clear();

    return 0;
}


int
follow_teardown(void **state)
{
    ngx_ess_amqp_destroy(streams.session);
    ngx_ess_rabbitmq_streams_exit(&streams);

    return ngx_unit_pending() != 0 || fake.channels != 0;
}


void
follow_anew(void)
{
    assert_int_equal(follow_teardown(NULL), 0);
    assert_int_equal(follow_setup(NULL), 0);
}


void
follows(uint64_t ordinal)
{
    follow.claim_ordinal = ordinal;
    follow.subscribed = 1;

    (void) client_waits("a");
    fake_open();
    fake_answers_all(1);
    fake_sends(1, ordinal - 2, 0);
    fake_batch();

    assert_int_equal(ngx_unit_trace_count("a: OK"), 1);
    ngx_unit_trace_clear();
}
