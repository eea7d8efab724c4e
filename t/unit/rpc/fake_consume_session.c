/*
 * A session whose channels are those of queues: what the broker is asked is
 * traced, and it says what the test lets it say.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_consume_session.h"
#include "ngx_ess_backoff.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define SESSION  ((ngx_ess_amqp_session_t *) &fake_log)


ngx_ess_consume_conf_t         fake_consume[FAKE_QUEUES];
ngx_ess_consume_conf_queue_t   fake_queues[FAKE_QUEUES];
ngx_ess_rpc_conf_t             fake_conf;
ngx_ess_amqp_channel_t         fake_channels[FAKE_CHANNELS];
ngx_ess_consume_delivery_t     fake_taken[64];
ngx_uint_t                     fake_ntaken;
ngx_uint_t                     fake_takes;
ngx_uint_t                     fake_no_channel;
ngx_uint_t                     fake_behind;
ngx_int_t                      fake_left;
ngx_core_conf_t                fake_core;

static ngx_log_t               fake_log;
static ngx_uint_t              fake_nchannels;
static ngx_uint_t              fake_is_open;
static ngx_cycle_t             fake_cycle;
static void                   *fake_contexts[1] = { &fake_core };

volatile ngx_cycle_t  *ngx_cycle = &fake_cycle;
ngx_module_t           ngx_core_module;


static void *
allocated(size_t size)
{
    return fake_left-- == 0 ? NULL : calloc(1, size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return allocated(size);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return allocated(size);
}


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    return 100;
}


static int
number(ngx_ess_amqp_channel_t *ch)
{
    assert_true(fake_is_open);
    assert_false(ch->closed);

    return ch - fake_channels;
}


ngx_ess_amqp_channel_t *
ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data)
{
    ngx_ess_amqp_channel_t  *ch;

    assert_ptr_equal(s, SESSION);

    if (fake_no_channel) {
        return NULL;
    }

    assert_true(fake_nchannels < FAKE_CHANNELS);

    ch = &fake_channels[fake_nchannels++];

    memset(ch, 0, sizeof(ngx_ess_amqp_channel_t));
    ch->data = data;
    ch->handlers = handlers;

    return ch;
}


void *
ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch)
{
    return ch->data;
}


void
ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch)
{
    ngx_unit_trace("%d: close", number(ch));
    ch->closed = 1;
}


ngx_str_t *
ngx_ess_amqp_node_name(ngx_ess_amqp_session_t *s)
{
    static ngx_str_t  name = ngx_string("node:5672");

    return &name;
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    amqp_basic_consume_t  *c;
    amqp_queue_declare_t  *d;

    assert_true(ch->nops < 4);
    ch->ops[ch->nops++] = op;

    switch (op->method) {

    case AMQP_QUEUE_DECLARE_METHOD:
        d = &op->fields.queue_declare;
        ngx_unit_trace("%d: %s %.*s", number(ch),
                       d->passive ? "find" : "declare", (int) d->queue.len,
                       (char *) d->queue.bytes);
        break;

    case AMQP_BASIC_QOS_METHOD:
        ngx_unit_trace("%d: qos %d", number(ch),
                       op->fields.basic_qos.prefetch_count);
        break;

    case AMQP_BASIC_CONSUME_METHOD:
        c = &op->fields.basic_consume;
        assert_false(c->no_ack);
        ngx_unit_trace("%d: consume %.*s as %.*s", number(ch),
                       (int) c->queue.len, (char *) c->queue.bytes,
                       (int) c->consumer_tag.len,
                       (char *) c->consumer_tag.bytes);
        break;

    default:
        assert_int_equal(op->method, AMQP_BASIC_CANCEL_METHOD);
        ngx_unit_trace("%d: cancel", number(ch));
    }
}


ngx_int_t
ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    if (fake_behind) {
        return NGX_ERROR;
    }

    ngx_unit_trace("%d: ack up to %d", number(ch), (int) tag);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_ack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    if (fake_behind) {
        return NGX_ERROR;
    }

    ngx_unit_trace("%d: ack %d", number(ch), (int) tag);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_nack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t requeue)
{
    if (fake_behind) {
        return NGX_ERROR;
    }

    ngx_unit_trace("%d: %s %d", number(ch), requeue ? "requeue" : "reject",
                   (int) tag);

    return NGX_OK;
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("log: %s: %d", what, (int) code);
}


void
ngx_ess_rpc_figures_trouble(ngx_ess_rpc_session_e session, ngx_str_t *host,
    ngx_str_t *text)
{
    assert_int_equal(session, NGX_ESS_RPC_CONSUMING);
    ngx_unit_trace(text ? "trouble" : "well");
}


void
ngx_ess_rpc_figures_consuming(ngx_uint_t row, ngx_uint_t on)
{
    ngx_unit_trace("%c is %s", (int) ('a' + row),
                   on ? "consumed" : "not consumed");
}


static void
handler(ngx_ess_consume_queue_t *q, ngx_ess_amqp_delivery_t *d)
{
    if (fake_takes) {
        ngx_ess_consume_queue_take(q, &fake_taken[fake_ntaken++], d);
    }
}


static void
lost(void)
{
    ngx_unit_trace("lost");
}


int
fake_setup(void **state)
{
    ngx_uint_t  i;

    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    memset(fake_consume, 0, sizeof(fake_consume));
    memset(fake_taken, 0, sizeof(fake_taken));
    memset(&fake_core, 0, sizeof(fake_core));

    fake_log.log_level = NGX_LOG_INFO;
    fake_cycle.conf_ctx = (void ****) fake_contexts;
    fake_nchannels = 0;
    fake_is_open = 0;
    fake_ntaken = 0;
    fake_takes = 1;
    fake_no_channel = 0;
    fake_behind = 0;
    fake_left = -1;

    for (i = 0; i < FAKE_QUEUES; i++) {
        fake_queues[i].name.data = (u_char *) (i ? "b" : "a");
        fake_queues[i].name.len = 1;
        fake_queues[i].consume = &fake_consume[i];
        fake_queues[i].figures = i;
        fake_consume[i].concurrency = 4;
    }

    return 0;
}


ngx_int_t
fake_init(ngx_uint_t n)
{
    fake_conf.queues.elts = fake_queues;
    fake_conf.queues.nelts = n;

    return ngx_ess_consume_queue_init(&fake_conf, handler, lost, &fake_log);
}


int
fake_teardown(void **state)
{
    if (fake_is_open) {
        fake_lost();
    }

    ngx_unit_posted();
    ngx_ess_consume_queue_exit();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


void
fake_open(void)
{
    fake_is_open = 1;
    fake_nchannels = 0;
    ngx_ess_consume_queue_open(SESSION);
    ngx_unit_posted();
}


/* As the session does it: operations first; channels go by themselves. */

void
fake_lost(void)
{
    ngx_uint_t  i;

    for (i = 0; i < fake_nchannels; i++) {
        while (fake_channels[i].nops) {
            fake_answers(i, NGX_ABORT, 0, "");
        }
    }

    fake_is_open = 0;
    ngx_ess_consume_queue_close();
}


void
fake_answers(ngx_uint_t n, ngx_int_t rc, ngx_uint_t code, const char *words)
{
    ngx_str_t           text;
    ngx_ess_amqp_op_t  *op;

    text.data = (u_char *) words;
    text.len = strlen(words);

    assert_true(fake_channels[n].nops != 0);

    op = fake_channels[n].ops[0];
    fake_channels[n].nops--;
    memmove(fake_channels[n].ops, fake_channels[n].ops + 1,
            sizeof(fake_channels[n].ops) - sizeof(op));

    op->handler(op, rc, NULL, code, &text);

    if (fake_is_open) {
        ngx_unit_posted();
    }
}


void
fake_ok(ngx_uint_t n)
{
    fake_answers(n, NGX_OK, 0, "");
}


void
fake_consumed(void)
{
    assert_int_equal(fake_init(1), NGX_OK);

    fake_open();
    fake_ok(0);
    fake_ok(1);
    fake_ok(1);

    ngx_unit_traced("0: find a", "1: qos 4", "1: consume a as ess-1",
                    "a is consumed", "well");
}


void
fake_delivers(ngx_uint_t n)
{
    ngx_ess_amqp_delivery_t  d;

    memset(&d, 0, sizeof(d));
    d.delivery_tag = ++fake_channels[n].tag;

    fake_channels[n].handlers->delivery(&fake_channels[n], &d);
}


void
fake_closes(ngx_uint_t n, ngx_uint_t code)
{
    ngx_str_t  text = ngx_string("closed");

    fake_channels[n].handlers->reopened(&fake_channels[n], code, &text);
}
