/*
 * Channels of a session in place of src/amqp, and calls that are made on them.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_call_channels.h"
#include "ngx_ess_backoff.h"
#include "ngx_ess_call_conf.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


ngx_log_t               fake_log;
ngx_ess_rpc_conf_t      fake_conf;
ngx_ess_amqp_channel_t  fake_channels[8];
ngx_ess_call_message_t  fake_calls[FAKE_CALLS];
ngx_uint_t              fake_no_channel;
ngx_uint_t              fake_no_memory;

static ngx_str_t                fake_exchanges[3];
static ngx_ess_call_conf_t      fake_call_confs[2];
static ngx_ess_call_conf_t     *fake_confs[2];
static ngx_uint_t               fake_nchannels;
static u_char                   fake_ids[FAKE_CALLS][NGX_ESS_CALL_PENDING_ID];


ngx_ess_amqp_session_t  *fake_session = (ngx_ess_amqp_session_t *) &fake_log;

ngx_pid_t  ngx_pid;


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return fake_no_memory ? NULL : calloc(1, size);
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

    assert_ptr_equal(s, fake_session);

    if (fake_no_channel) {
        return NULL;
    }

    ch = &fake_channels[fake_nchannels++];

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
        ngx_unit_trace("%d: is there %.*s?", (int) (ch - fake_channels),
                       (int) d->exchange.len, (char *) d->exchange.bytes);
        break;

    case AMQP_CONFIRM_SELECT_METHOD:
        ngx_unit_trace("%d: confirm", (int) (ch - fake_channels));
        break;

    default:
        assert_int_equal(op->method, AMQP_BASIC_CONSUME_METHOD);
        c = &op->fields.basic_consume;
        assert_true(c->no_ack);
        ngx_unit_trace("%d: consume %.*s", (int) (ch - fake_channels),
                       (int) c->queue.len, (char *) c->queue.bytes);
    }
}


ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch, amqp_basic_publish_t *publish,
    amqp_basic_properties_t *p, ngx_str_t *body)
{
    memcpy(fake_ids[body->data[0] - 'a'], p->correlation_id.bytes,
           NGX_ESS_CALL_PENDING_ID);

    ngx_unit_trace("%d: %c to \"%.*s\"", (int) (ch - fake_channels),
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


void
fake_call(ngx_uint_t i, ngx_uint_t exchange)
{
    static u_char  letters[] = "abcdefgh";

    ngx_ess_call_message_t  *m;

    m = &fake_calls[i];

    memset(m, 0, sizeof(ngx_ess_call_message_t));
    m->handler = answered;
    m->exchange = exchange;
    m->body.data = &letters[i];
    m->body.len = 1;
    m->timeout = 60000;

    ngx_ess_call_channel_publish(m);
}


void
fake_answers(ngx_uint_t n, ngx_int_t rc, ngx_uint_t code, const char *words)
{
    ngx_str_t           text;
    ngx_ess_amqp_op_t  *op;

    op = fake_channels[n].op;
    assert_non_null(op);
    fake_channels[n].op = NULL;

    text.data = (u_char *) words;
    text.len = strlen(words);

    op->handler(op, rc, NULL, code, &text);
}


void
fake_ok(ngx_uint_t n)
{
    fake_answers(n, NGX_OK, 0, "");
}


void
fake_closes(ngx_uint_t n, const char *words)
{
    ngx_str_t  text;

    text.data = (u_char *) words;
    text.len = strlen(words);

    fake_channels[n].handlers->reopened(&fake_channels[n], 406, &text);
}


void
fake_confirms(ngx_uint_t n, uint64_t tag)
{
    fake_channels[n].handlers->confirmed(&fake_channels[n], tag, 0, 1);
}


void
fake_replies(ngx_uint_t n, ngx_uint_t i)
{
    amqp_basic_properties_t  p;
    ngx_ess_amqp_delivery_t  d;

    memset(&d, 0, sizeof(d));
    memset(&p, 0, sizeof(p));

    d.properties = &p;
    p._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    p.correlation_id.bytes = fake_ids[i];
    p.correlation_id.len = NGX_ESS_CALL_PENDING_ID;

    fake_channels[n].handlers->delivery(&fake_channels[n], &d);
}


/* Both are ready: 0 of the default exchange, 1 of "jobs"; the session has
   confirmed one. */

void
fake_opened(void)
{
    ngx_ess_call_channel_open(fake_session);

    fake_ok(0);
    fake_ok(0);
    fake_ok(1);
    fake_ok(1);
    fake_ok(1);

    fake_call(0, FAKE_DEFAULT);
    fake_confirms(0, 1);
    fake_replies(0, 0);

    ngx_unit_trace_clear();
}


/* As the session does it: operations first. */

void
fake_lost(void)
{
    ngx_uint_t  n;

    for (n = 0; n < fake_nchannels; n++) {
        if (fake_channels[n].op) {
            fake_answers(n, NGX_ABORT, 0, "");
        }
    }

    ngx_ess_call_channel_close();
    fake_nchannels = 0;
}


int
fake_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    fake_nchannels = 0;
    fake_no_channel = 0;
    fake_no_memory = 0;

    ngx_str_null(&fake_exchanges[FAKE_DEFAULT]);
    ngx_str_set(&fake_exchanges[FAKE_JOBS], "jobs");
    ngx_str_set(&fake_exchanges[FAKE_UNUSED], "unused");
    fake_conf.exchanges.elts = fake_exchanges;
    fake_conf.exchanges.nelts = 3;

    fake_call_confs[0].exchange = FAKE_DEFAULT;
    fake_call_confs[1].exchange = FAKE_JOBS;
    fake_confs[0] = &fake_call_confs[0];
    fake_confs[1] = &fake_call_confs[1];
    fake_conf.calls.elts = fake_confs;
    fake_conf.calls.nelts = 2;

    assert_int_equal(ngx_ess_call_channel_init(&fake_conf, &fake_log),
                     NGX_OK);

    return 0;
}


int
fake_teardown(void **state)
{
    fake_lost();
    ngx_unit_posted();
    ngx_ess_call_channel_exit();

    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}
