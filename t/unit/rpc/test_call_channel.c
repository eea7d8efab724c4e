/*
 * Channels of calls: how one is opened, what is refused meanwhile, and what
 * becomes of calls when the broker closes it, blocks, or goes away.
 *
 * links: src/rpc/ngx_ess_call_channel.c src/rpc/ngx_ess_call_flight.c
 * links: src/rpc/ngx_ess_call_message.c src/rpc/ngx_ess_call_pending.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_backoff.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_call_flight.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define CALLS    8
#define DEFAULT  0      /* exchanges */
#define JOBS     1
#define UNUSED   2


/* one for each time that one was opened, in place of the session's */

struct ngx_ess_amqp_channel_s {
    void                                   *data;
    const ngx_ess_amqp_channel_handlers_t  *handlers;
    ngx_ess_amqp_op_t                      *op;
};


static ngx_log_t                test_log;
static ngx_ess_rpc_conf_t       test_conf;
static ngx_str_t                test_exchanges[3];
static ngx_ess_call_conf_t      test_call_confs[2];
static ngx_ess_call_conf_t     *test_confs[2];
static ngx_ess_amqp_channel_t   test_channels[8];
static ngx_uint_t               test_nchannels;
static ngx_uint_t               test_no_channel;
static ngx_uint_t               test_no_memory;
static ngx_ess_call_message_t   test_calls[CALLS];
static u_char                   test_ids[CALLS][NGX_ESS_CALL_PENDING_ID];

static ngx_ess_amqp_session_t  *session = (ngx_ess_amqp_session_t *) &test_log;

ngx_pid_t  ngx_pid;


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_no_memory ? NULL : calloc(1, size);
}


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    return 100 * (attempt + 1);
}


ngx_ess_amqp_channel_t *
ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data)
{
    ngx_ess_amqp_channel_t  *ch;

    assert_ptr_equal(s, session);

    if (test_no_channel) {
        return NULL;
    }

    ch = &test_channels[test_nchannels++];

    ch->data = data;
    ch->handlers = handlers;
    ch->op = NULL;

    return ch;
}


void *
ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch)
{
    return ch->data;
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    amqp_basic_consume_t     *c;
    amqp_exchange_declare_t  *d;

    assert_null(ch->op);

    ch->op = op;

    switch (op->method) {

    case AMQP_EXCHANGE_DECLARE_METHOD:
        d = &op->fields.exchange_declare;
        assert_true(d->passive);
        ngx_unit_trace("%d: is there %.*s?", (int) (ch - test_channels),
                       (int) d->exchange.len, (char *) d->exchange.bytes);
        break;

    case AMQP_CONFIRM_SELECT_METHOD:
        ngx_unit_trace("%d: confirm", (int) (ch - test_channels));
        break;

    default:
        assert_int_equal(op->method, AMQP_BASIC_CONSUME_METHOD);
        c = &op->fields.basic_consume;
        assert_true(c->no_ack);
        ngx_unit_trace("%d: consume %.*s", (int) (ch - test_channels),
                       (int) c->queue.len, (char *) c->queue.bytes);
    }
}


ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch, amqp_basic_publish_t *publish,
    amqp_basic_properties_t *p, ngx_str_t *body)
{
    memcpy(test_ids[body->data[0] - 'a'], p->correlation_id.bytes,
           NGX_ESS_CALL_PENDING_ID);

    ngx_unit_trace("%d: %c to \"%.*s\"", (int) (ch - test_channels),
                   body->data[0], (int) publish->exchange.len,
                   (char *) publish->exchange.bytes);
    return NGX_OK;
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("log: %s: %d %.*s", what, (int) code, (int) text->len,
                   (char *) text->data);
}


void
ngx_ess_rpc_figures_call(ngx_ess_call_outcome_e outcome)
{
    ngx_unit_trace("late");
}


static void
answered(ngx_ess_call_message_t *m, ngx_int_t rc, ngx_ess_amqp_delivery_t *d,
    ngx_str_t *text)
{
    ngx_unit_trace("%c: %s%.*s", m->body.data[0],
                   rc == NGX_OK ? "reply"
                   : rc == NGX_BUSY ? "503 "
                   : rc == NGX_DECLINED ? "404" : "504",
                   text ? (int) text->len : 0,
                   text ? (char *) text->data : "");
}


static void
call(ngx_uint_t i, ngx_uint_t exchange)
{
    static u_char  letters[] = "abcdefgh";

    ngx_ess_call_message_t  *m;

    m = &test_calls[i];

    memset(m, 0, sizeof(ngx_ess_call_message_t));
    m->handler = answered;
    m->exchange = exchange;
    m->body.data = &letters[i];
    m->body.len = 1;
    m->timeout = 60000;

    ngx_ess_call_channel_publish(m);
}


static void
answers(ngx_uint_t n, ngx_int_t rc, ngx_uint_t code, const char *words)
{
    ngx_str_t           text;
    ngx_ess_amqp_op_t  *op;

    op = test_channels[n].op;
    assert_non_null(op);
    test_channels[n].op = NULL;

    text.data = (u_char *) words;
    text.len = strlen(words);

    op->handler(op, rc, NULL, code, &text);
}


static void
is_ok(ngx_uint_t n)
{
    answers(n, NGX_OK, 0, "");
}


static void
closes(ngx_uint_t n, const char *words)
{
    ngx_str_t  text;

    text.data = (u_char *) words;
    text.len = strlen(words);

    test_channels[n].handlers->reopened(&test_channels[n], 406, &text);
}


static ngx_ess_amqp_channel_t *
confirms(ngx_uint_t n, uint64_t tag)
{
    test_channels[n].handlers->confirmed(&test_channels[n], tag, 0, 1);

    return &test_channels[n];
}


static void
replies(ngx_uint_t n, ngx_uint_t i)
{
    amqp_basic_properties_t  p;
    ngx_ess_amqp_delivery_t  d;

    memset(&d, 0, sizeof(d));
    memset(&p, 0, sizeof(p));

    d.properties = &p;
    p._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    p.correlation_id.bytes = test_ids[i];
    p.correlation_id.len = NGX_ESS_CALL_PENDING_ID;

    test_channels[n].handlers->delivery(&test_channels[n], &d);
}


/* Both are ready: 0 of the default exchange, 1 of "jobs"; the session has
   confirmed one. */

static void
opened(void)
{
    ngx_ess_call_channel_open(session);

    is_ok(0);
    is_ok(0);
    is_ok(1);
    is_ok(1);
    is_ok(1);

    call(0, DEFAULT);
    (void) confirms(0, 1);
    replies(0, 0);

    ngx_unit_trace_clear();
}


/* As the session does it: operations first. */

static void
lost(void)
{
    ngx_uint_t  n;

    for (n = 0; n < test_nchannels; n++) {
        if (test_channels[n].op) {
            answers(n, NGX_ABORT, 0, "");
        }
    }

    ngx_ess_call_channel_close();
    test_nchannels = 0;
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    test_nchannels = 0;
    test_no_channel = 0;
    test_no_memory = 0;

    ngx_str_null(&test_exchanges[DEFAULT]);
    ngx_str_set(&test_exchanges[JOBS], "jobs");
    ngx_str_set(&test_exchanges[UNUSED], "unused");
    test_conf.exchanges.elts = test_exchanges;
    test_conf.exchanges.nelts = 3;

    test_call_confs[0].exchange = DEFAULT;
    test_call_confs[1].exchange = JOBS;
    test_confs[0] = &test_call_confs[0];
    test_confs[1] = &test_call_confs[1];
    test_conf.calls.elts = test_confs;
    test_conf.calls.nelts = 2;

    assert_int_equal(ngx_ess_call_channel_init(&test_conf, &test_log),
                     NGX_OK);

    return 0;
}


static int
test_teardown(void **state)
{
    lost();
    ngx_unit_posted();
    ngx_ess_call_channel_exit();

    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
test_opened(void **state)
{
    ngx_ess_call_channel_open(session);
    ngx_unit_traced("0: confirm", "1: is there jobs?");

    call(0, DEFAULT);
    call(1, JOBS);

    is_ok(0);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to");
    is_ok(1);
    ngx_unit_traced("1: confirm");
    is_ok(0);
    ngx_unit_traced("0: a to \"\"");
    is_ok(1);
    ngx_unit_traced("1: consume amq.rabbitmq.reply-to");

    /* until the session confirmed one there is one at a time */

    is_ok(1);
    ngx_unit_traced();
    (void) confirms(0, 1);
    ngx_unit_traced("1: b to \"jobs\"");

    replies(1, 1);
    replies(0, 0);
    ngx_unit_traced("b: reply", "a: reply");
}


/* The one that there is not does not concern the other. */

static void
test_no_such_exchange(void **state)
{
    ngx_ess_call_channel_open(session);
    is_ok(0);
    is_ok(0);
    call(0, JOBS);
    ngx_unit_trace_clear();

    answers(1, NGX_DECLINED, 404, "NOT_FOUND - no exchange");
    closes(1, "NOT_FOUND - no exchange");
    ngx_unit_posted();
    ngx_unit_traced("log: broker takes no calls of ess_rpc: 404 NOT_FOUND - "
                    "no exchange",
                    "a: 503 the broker takes no calls: 404 \"NOT_FOUND - no "
                    "exchange\"");

    call(1, JOBS);
    call(2, DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("0: c to \"\"", "b: 503 the broker takes no calls: 404 "
                    "\"NOT_FOUND - no exchange\"");
    (void) confirms(0, 1);
    replies(0, 2);
    ngx_unit_traced("c: reply");

    /* it is looked for again, later each time */

    ngx_unit_pass(99);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: is there jobs?");
    answers(1, NGX_DECLINED, 404, "NOT_FOUND");
    closes(1, "NOT_FOUND");
    ngx_unit_trace_clear();
    ngx_unit_pass(199);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("1: is there jobs?");

    /* until it is there it is refused, then it is not */

    call(3, JOBS);
    ngx_unit_posted();
    ngx_unit_traced("d: 503 the broker takes no calls: 404 \"NOT_FOUND\"");

    is_ok(1);
    is_ok(1);
    is_ok(1);
    call(4, JOBS);
    replies(1, 4);
    ngx_unit_traced("1: confirm", "1: consume amq.rabbitmq.reply-to",
                    "1: e to \"jobs\"", "e: reply");
}


static void
test_cannot_be_encoded(void **state)
{
    ngx_ess_call_channel_open(session);
    ngx_unit_trace_clear();

    answers(1, NGX_DECLINED, 0, "whatever");
    ngx_unit_traced("log: broker takes no calls of ess_rpc: 0 it cannot be "
                    "encoded");
}


/* It was closed for a call of which nobody knows: none of them is answered. */

static void
test_closed_for_a_call(void **state)
{
    opened();

    call(1, DEFAULT);
    call(2, DEFAULT);
    call(3, JOBS);
    (void) confirms(0, 2);
    ngx_unit_trace_clear();

    closes(0, "PRECONDITION_FAILED");
    call(4, DEFAULT);
    ngx_unit_traced("0: confirm");
    ngx_unit_posted();
    ngx_unit_traced("c: 503 the broker refused a call: 406 "
                    "\"PRECONDITION_FAILED\"",
                    "b: 503 the broker refused a call: 406 "
                    "\"PRECONDITION_FAILED\"");

    is_ok(0);
    is_ok(0);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to", "0: e to \"\"");

    /* its numbers begin anew */

    (void) confirms(0, 1);
    replies(0, 4);
    replies(1, 3);
    ngx_unit_traced("e: reply", "d: reply");
}


/* What was done before it is void, as is the operation's answer. */

static void
test_closed_while_it_is_opened(void **state)
{
    ngx_ess_call_channel_open(session);
    is_ok(1);
    is_ok(1);
    ngx_unit_trace_clear();

    closes(1, "INTERNAL_ERROR");
    closes(1, "INTERNAL_ERROR");
    ngx_unit_traced();
    is_ok(1);
    ngx_unit_traced("1: is there jobs?");
    is_ok(1);
    is_ok(1);
    is_ok(1);
    ngx_unit_traced("1: confirm", "1: consume amq.rabbitmq.reply-to");
}


static void
test_consumer_is_canceled(void **state)
{
    opened();

    call(1, DEFAULT);
    call(2, JOBS);
    (void) confirms(0, 2);
    ngx_unit_trace_clear();

    test_channels[0].handlers->canceled(&test_channels[0], 1);
    ngx_unit_posted();
    ngx_unit_traced("0: confirm", "b: 503 the broker gives no replies any "
                    "more");
    replies(1, 2);
    ngx_unit_traced("c: reply");
}


/* By its number of all channels. */

static void
test_returned(void **state)
{
    ngx_str_t  key = ngx_string("q");

    opened();

    call(1, DEFAULT);
    call(2, JOBS);
    ngx_unit_trace_clear();

    test_channels[1].handlers->returned(&test_channels[1],
                                        test_calls[2].serial, &key);
    ngx_unit_posted();
    ngx_unit_traced("c: 404");
    replies(0, 1);
    ngx_unit_traced("b: reply");
}


static void
test_connection_is_lost(void **state)
{
    opened();

    call(1, DEFAULT);
    call(2, JOBS);
    (void) confirms(0, 2);
    ngx_unit_trace_clear();

    lost();
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("b: 503 the connection to the broker ended before the "
                    "reply came",
                    "c: 503 the connection to the broker ended before the "
                    "reply came");

    call(3, JOBS);
    ngx_unit_posted();
    ngx_unit_traced("d: 503 the broker cannot be reached, nginx's error log "
                    "says why");

    opened();
    call(1, JOBS);
    replies(1, 1);
    ngx_unit_traced("1: b to \"jobs\"", "b: reply");
}


/* While it is refused: there is no timer for a channel that is gone. */

static void
test_connection_is_lost_in_a_backoff(void **state)
{
    ngx_ess_call_channel_open(session);
    answers(1, NGX_DECLINED, 404, "NOT_FOUND");
    ngx_unit_trace_clear();

    lost();
    assert_int_equal(ngx_unit_pending(), 0);

    /* what was said is of the last session */

    ngx_ess_call_channel_open(session);
    call(0, JOBS);
    ngx_unit_posted();
    ngx_unit_traced("0: confirm", "1: is there jobs?");
    lost();
    ngx_unit_posted();
    ngx_unit_traced("a: 503 the connection to the broker ended before the "
                    "reply came");
}


/* Before the first session calls wait a little, until one could not be made. */

static void
test_cannot_connect(void **state)
{
    call(0, DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced();

    ngx_ess_call_channel_failed();
    ngx_unit_posted();
    ngx_unit_traced("a: 503 the broker cannot be reached, nginx's error log "
                    "says why");

    /* with a session it says nothing of the session */

    opened();
    call(1, DEFAULT);
    ngx_ess_call_channel_failed();
    ngx_unit_posted();
    replies(0, 1);
    ngx_unit_traced("0: b to \"\"", "b: reply");
}


/* What the broker has may be answered; nothing else goes there. */

static void
test_blocked(void **state)
{
    ngx_str_t  reason = ngx_string("low on memory");

    opened();

    call(1, DEFAULT);
    call(2, JOBS);
    (void) confirms(0, 2);
    ngx_unit_trace_clear();

    ngx_ess_call_channel_blocked(&reason);
    call(3, DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("c: 503 the broker blocks those who publish: \"low on "
                    "memory\"",
                    "d: 503 the broker blocks those who publish: \"low on "
                    "memory\"");
    replies(0, 1);
    ngx_unit_traced("b: reply");

    ngx_ess_call_channel_blocked(NULL);
    call(4, DEFAULT);
    replies(0, 4);
    ngx_unit_traced("0: e to \"\"", "e: reply");

    /* the session ends, and with it the alarm, which opens nothing */

    ngx_ess_call_channel_blocked(&reason);
    lost();
    ngx_ess_call_channel_blocked(NULL);
    call(5, DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("f: 503 the broker cannot be reached, nginx's error log "
                    "says why");
}


/* One is tried for again, and calls are told so. */

static void
test_channel_is_refused(void **state)
{
    test_no_channel = 1;
    call(0, JOBS);
    ngx_ess_call_channel_open(session);
    call(1, DEFAULT);
    ngx_unit_posted();
    ngx_unit_traced("a: 503 there is no memory for a channel, or the broker "
                    "allows no more of them",
                    "b: 503 there is no memory for a channel, or the broker "
                    "allows no more of them");

    ngx_unit_pass(100);
    ngx_unit_traced();
    test_no_channel = 0;
    ngx_unit_pass(200);
    ngx_unit_traced("0: confirm", "1: is there jobs?");

    is_ok(0);
    is_ok(0);
    call(2, DEFAULT);
    replies(0, 2);
    ngx_unit_traced("0: consume amq.rabbitmq.reply-to", "0: c to \"\"",
                    "c: reply");

    /* and not when the session is gone */

    lost();
    test_no_channel = 1;
    ngx_ess_call_channel_open(session);
    lost();
    ngx_unit_pass(10000);
}


static void
test_memory_is_short(void **state)
{
    ngx_ess_call_channel_exit();

    test_no_memory = 1;
    assert_int_equal(ngx_ess_call_channel_init(&test_conf, &test_log),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_opened),
        TEST(test_no_such_exchange),
        TEST(test_cannot_be_encoded),
        TEST(test_closed_for_a_call),
        TEST(test_closed_while_it_is_opened),
        TEST(test_consumer_is_canceled),
        TEST(test_returned),
        TEST(test_connection_is_lost),
        TEST(test_connection_is_lost_in_a_backoff),
        TEST(test_cannot_connect),
        TEST(test_blocked),
        TEST(test_channel_is_refused),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
