/*
 * Calls in flight: when they are sent, and each way in which one ends.
 *
 * links: src/rpc/ngx_ess_call_flight.c src/rpc/ngx_ess_call_message.c
 * links: src/rpc/ngx_ess_call_pending.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/rand.h>

#include "ngx_ess_call_flight.h"
#include "ngx_ess_rpc_figures.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define N  8


static ngx_log_t                test_log;
static ngx_ess_call_flight_t    test_flights[2];
static ngx_ess_call_message_t   test_calls[N];
static u_char                   test_ids[N][NGX_ESS_CALL_PENDING_ID];
static ngx_int_t                test_rc;        /* of what is published */
static int                      test_random;

static ngx_str_t  test_down = ngx_string("away");
static ngx_str_t  test_why = ngx_string("lost");

ngx_pid_t  ngx_pid;


int
RAND_bytes(unsigned char *buf, int num)
{
    int  i;

    static unsigned char  n;

    for (i = 0; i < num; i++) {
        buf[i] = n + i / NGX_ESS_CALL_PENDING_BYTES;
    }

    n++;

    return test_random;
}


ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch, amqp_basic_publish_t *publish,
    amqp_basic_properties_t *p, ngx_str_t *body)
{
    ngx_uint_t  i;

    if (test_rc != NGX_OK) {
        return test_rc;
    }

    i = body->data[0] - 'a';
    memcpy(test_ids[i], p->correlation_id.bytes, NGX_ESS_CALL_PENDING_ID);

    ngx_unit_trace("%c on %d", body->data[0],
                   (int) (((ngx_ess_call_flight_t *) ch) - test_flights));
    return NGX_OK;
}


void
ngx_ess_rpc_figures_call(ngx_ess_call_outcome_e outcome)
{
    assert_int_equal(outcome, NGX_ESS_CALL_LATE);
    ngx_unit_trace("late");
}


static void
answered(ngx_ess_call_message_t *m, ngx_int_t rc, ngx_ess_amqp_delivery_t *d,
    ngx_str_t *text)
{
    assert_true((d != NULL) == (rc == NGX_OK));
    assert_true((text != NULL) == (rc == NGX_BUSY));
    assert_null(m->flight);

    ngx_unit_trace("%c: %s%s%.*s", m->body.data[0],
                   rc == NGX_OK ? "reply"
                   : rc == NGX_BUSY ? "503"
                   : rc == NGX_ABORT ? "504"
                   : rc == NGX_DECLINED ? "404" : "500",
                   text ? " " : "", text ? (int) text->len : 0,
                   text ? (char *) text->data : "");
}


static void
publish(ngx_uint_t i, ngx_msec_t timeout)
{
    static u_char  letters[] = "abcdefgh";

    ngx_ess_call_message_t  *m;

    m = &test_calls[i];

    memset(m, 0, sizeof(ngx_ess_call_message_t));

    m->handler = answered;
    m->body.data = &letters[i];
    m->body.len = 1;
    m->timeout = timeout;

    ngx_ess_call_flight_publish(&test_flights[0], m);
}


static void
reply(const u_char *id)
{
    amqp_basic_properties_t  p;
    ngx_ess_amqp_delivery_t  d;

    memset(&d, 0, sizeof(d));
    memset(&p, 0, sizeof(p));

    d.properties = &p;

    if (id) {
        p._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
        p.correlation_id.bytes = (void *) id;
        p.correlation_id.len = NGX_ESS_CALL_PENDING_ID;
    }

    ngx_ess_call_flight_delivery(&d);
}


static ngx_uint_t
confirms(uint64_t tag, ngx_uint_t multiple)
{
    return ngx_ess_call_flight_confirmed(&test_flights[0], tag, multiple, 1);
}


/* The session confirmed one, and that was answered. */

static void
prove(void)
{
    publish(0, 1000);
    assert_int_equal(confirms(1, 0), 1);
    reply(test_ids[0]);
    ngx_unit_trace_clear();
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    static ngx_str_t  exchange = ngx_null_string;

    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    test_rc = NGX_OK;
    test_random = 1;
    test_log.log_level = NGX_LOG_DEBUG;

    ngx_ess_call_flight_init(&test_log);

    for (i = 0; i < 2; i++) {
        memset(&test_flights[i], 0, sizeof(ngx_ess_call_flight_t));
        ngx_ess_call_flight_create(&test_flights[i], &exchange);

        test_flights[i].channel = (ngx_ess_amqp_channel_t *) &test_flights[i];
        test_flights[i].ready = 1;
    }

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
test_reply(void **state)
{
    prove();

    publish(1, 1000);
    ngx_unit_traced("b on 0");
    assert_int_equal(confirms(2, 0), 0);
    ngx_unit_traced();
    reply(test_ids[1]);
    ngx_unit_traced("b: reply");

    /* once more, none of ours, none at all */

    reply(test_ids[1]);
    reply((u_char *) "00000000000000000000000000000000");
    reply(NULL);
    ngx_unit_traced("late", "late", "late");
}


/* Who answers is quicker than the confirm, which then is nobody's. */

static void
test_reply_before_the_confirm(void **state)
{
    publish(0, 1000);
    publish(1, 1000);
    ngx_unit_traced("a on 0");

    reply(test_ids[0]);
    ngx_unit_traced("a: reply");

    /* it is not unconfirmed any more */

    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced("b on 0");

    assert_int_equal(confirms(1, 0), 1);
    reply(test_ids[1]);
    ngx_unit_traced("b: reply");
    assert_int_equal(confirms(2, 0), 0);
}


/* Until a session confirmed one there is one at a time, on all channels. */

static void
test_unproven(void **state)
{
    publish(0, 1000);
    publish(1, 1000);
    publish(2, 1000);
    ngx_unit_traced("a on 0");

    assert_int_equal(confirms(1, 0), 1);
    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced("b on 0", "c on 0");
    assert_int_equal(confirms(3, 1), 0);

    /* another session */

    ngx_ess_call_flight_unproven();
    publish(3, 1000);
    publish(4, 1000);
    ngx_unit_traced("d on 0");

    ngx_ess_call_flight_cancel(&test_calls[3]);
    ngx_ess_call_flight_pump(&test_flights[1]);
    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced("e on 0");

    ngx_ess_call_flight_fail(&test_flights[0], &test_why);
    ngx_unit_posted();
    ngx_unit_traced("e: 503 lost", "a: 503 lost", "b: 503 lost",
                    "c: 503 lost");
}


/* Never from within publish, and not once it was taken back. */

static void
test_refused_at_once(void **state)
{
    ngx_ess_call_flight_down(&test_down);
    publish(0, 1000);
    publish(1, 1000);
    ngx_unit_traced();

    ngx_ess_call_flight_cancel(&test_calls[1]);
    ngx_ess_call_flight_cancel(&test_calls[1]);
    ngx_unit_posted();
    ngx_unit_traced("a: 503 away");

    ngx_ess_call_flight_down(NULL);
    test_flights[0].refused = &test_why;
    publish(2, 1000);
    ngx_unit_posted();
    ngx_unit_traced("c: 503 lost");

    test_flights[0].refused = NULL;
    test_random = 0;
    publish(3, 1000);
    ngx_unit_posted();
    ngx_unit_traced("d: 500");
}


static void
test_not_ready_in_time(void **state)
{
    test_flights[0].ready = 0;

    publish(0, 60000);
    publish(1, 500);

    ngx_unit_pass(499);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("b: 503 the broker could not be reached in time");
    ngx_unit_pass(1499);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("a: 503 the broker could not be reached in time");
}


static void
test_not_confirmed_in_time(void **state)
{
    prove();

    publish(1, 60000);
    publish(2, 1000);
    ngx_unit_traced("b on 0", "c on 0");

    ngx_unit_pass(1000);
    ngx_unit_traced("c: 504");
    ngx_unit_pass(1000);
    ngx_unit_traced("b: 503 the broker did not confirm the call in time");

    /* its reply comes all the same */

    reply(test_ids[1]);
    ngx_unit_traced("late");
}


static void
test_no_reply_in_time(void **state)
{
    prove();

    publish(1, 5000);
    publish(2, 1999);
    ngx_unit_traced("b on 0", "c on 0");
    (void) confirms(3, 1);

    ngx_unit_pass(1998);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("c: 504");
    ngx_unit_pass(3000);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("b: 504");
}


static void
test_not_taken(void **state)
{
    ngx_uint_t  i;

    prove();

    for (i = 1; i < 6; i++) {
        publish(i, 1000);
    }

    ngx_unit_trace_clear();

    (void) ngx_ess_call_flight_confirmed(&test_flights[0], 3, 0, 0);
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("c: 503 the broker did not take the call, the queue may "
                    "be full");

    (void) confirms(2, 0);
    (void) ngx_ess_call_flight_confirmed(&test_flights[0], 5, 1, 0);
    ngx_unit_posted();
    ngx_unit_traced("d: 503 the broker did not take the call, the queue may "
                    "be full",
                    "e: 503 the broker did not take the call, the queue may "
                    "be full");

    (void) confirms(6, 0);
    reply(test_ids[5]);
    reply(test_ids[1]);
    reply(test_ids[2]);
    ngx_unit_traced("f: reply", "b: reply", "late");
}


/* By its number of all channels; the confirm comes behind it. */

static void
test_returned(void **state)
{
    prove();

    publish(1, 1000);
    publish(2, 1000);
    ngx_unit_trace_clear();

    ngx_ess_call_flight_returned(&test_flights[0], 0);
    ngx_ess_call_flight_returned(&test_flights[0], 99);
    ngx_ess_call_flight_returned(&test_flights[1], test_calls[2].serial);
    ngx_unit_posted();
    ngx_unit_traced();

    ngx_ess_call_flight_returned(&test_flights[0], test_calls[2].serial);
    ngx_ess_call_flight_returned(&test_flights[0], test_calls[2].serial);
    (void) confirms(3, 1);
    ngx_unit_posted();
    ngx_unit_traced("c: 404");

    reply(test_ids[1]);
    ngx_unit_traced("b: reply");
}


/* What does not go out now keeps its place; what never does holds up none. */

static void
test_not_sent(void **state)
{
    prove();

    test_rc = NGX_AGAIN;
    publish(1, 1000);
    publish(2, 1000);
    ngx_unit_posted();
    ngx_unit_traced();

    test_rc = NGX_OK;
    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced("b on 0", "c on 0");
    assert_int_equal(test_calls[2].tag, 3);
    assert_int_equal(test_calls[2].serial, test_calls[1].serial + 1);

    test_rc = NGX_DECLINED;
    publish(3, 1000);
    test_rc = NGX_OK;
    publish(4, 1000);
    ngx_unit_posted();
    ngx_unit_traced("e on 0", "d: 500");
    assert_int_equal(test_calls[4].tag, 4);

    ngx_ess_call_flight_fail_sent(&test_flights[0], &test_why);
    ngx_unit_posted();
    ngx_unit_traced("b: 503 lost", "c: 503 lost", "e: 503 lost");
}


/* a: confirmed, b: sent, c: waiting */

static void
one_of_each(void)
{
    prove();

    publish(0, 1000);
    (void) confirms(2, 0);
    publish(1, 1000);
    test_flights[0].ready = 0;
    publish(2, 1000);

    ngx_unit_trace_clear();
}


static void
test_which_ones_fail(void **state)
{
    one_of_each();
    ngx_ess_call_flight_fail_sent(&test_flights[0], &test_why);
    ngx_unit_posted();
    ngx_unit_traced("b: 503 lost", "a: 503 lost");
    test_flights[0].ready = 1;
    ngx_ess_call_flight_pump(&test_flights[0]);
    reply(test_ids[2]);
    ngx_unit_traced("c on 0", "c: reply");

    (void) test_setup(state);

    one_of_each();
    ngx_ess_call_flight_fail_unconfirmed(&test_flights[0], &test_why);
    ngx_unit_posted();
    ngx_unit_traced("c: 503 lost", "b: 503 lost");
    reply(test_ids[0]);
    ngx_unit_traced("a: reply");

    (void) test_setup(state);

    one_of_each();
    ngx_ess_call_flight_fail(&test_flights[0], &test_why);
    ngx_ess_call_flight_fail(&test_flights[0], &test_why);
    ngx_unit_posted();
    ngx_unit_traced("c: 503 lost", "b: 503 lost", "a: 503 lost");
}


/* Its client left: whatever comes of it is nobody's, and its memory is free. */

static void
test_taken_back(void **state)
{
    ngx_uint_t  i;

    one_of_each();

    for (i = 0; i < 3; i++) {
        ngx_ess_call_flight_cancel(&test_calls[i]);
        memset(&test_calls[i], 0xff, sizeof(ngx_ess_call_message_t));
    }

    assert_int_equal(ngx_unit_pending(), 0);

    ngx_ess_call_flight_fail(&test_flights[0], &test_why);
    ngx_ess_call_flight_returned(&test_flights[0], 3);
    (void) confirms(3, 1);
    reply(test_ids[0]);
    ngx_unit_posted();
    ngx_unit_traced("late");

    /* none is unconfirmed */

    test_flights[0].ready = 1;
    ngx_ess_call_flight_unproven();
    publish(3, 1000);
    ngx_ess_call_flight_cancel(&test_calls[3]);
    ngx_unit_traced("d on 0");

    /* one that never was published */

    memset(&test_calls[4], 0, sizeof(ngx_ess_call_message_t));
    ngx_ess_call_flight_cancel(&test_calls[4]);
}


static void
test_down_sends_nothing(void **state)
{
    prove();

    test_rc = NGX_AGAIN;
    publish(1, 1000);
    test_rc = NGX_OK;

    ngx_ess_call_flight_down(&test_down);
    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced();

    ngx_ess_call_flight_down(NULL);
    ngx_ess_call_flight_pump(&test_flights[0]);
    ngx_unit_traced("b on 0");

    reply(test_ids[1]);
    ngx_unit_traced("b: reply");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_reply),
        TEST(test_reply_before_the_confirm),
        TEST(test_unproven),
        TEST(test_refused_at_once),
        TEST(test_not_ready_in_time),
        TEST(test_not_confirmed_in_time),
        TEST(test_no_reply_in_time),
        TEST(test_not_taken),
        TEST(test_returned),
        TEST(test_not_sent),
        TEST(test_which_ones_fail),
        TEST(test_taken_back),
        TEST(test_down_sends_nothing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
