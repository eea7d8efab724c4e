/*
 * Operations, of which there is one at a time, and what the worker is told:
 * both are lines of the trace.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_op.h"
#include "ngx_trace.h"


ngx_ess_exchange_worker_t    ngx_ess_exchange_worker;

static ngx_log_t             quiet = { .log_level = NGX_LOG_DEBUG };
static ngx_ess_amqp_op_t    *sent;


void
fake_op_init(void)
{
    ngx_uint_t  i;

    ngx_memzero(&ngx_ess_exchange_worker, sizeof(ngx_ess_exchange_worker_t));

    ngx_ess_exchange_worker.log = &quiet;
    ngx_ess_exchange_worker.admin = (ngx_ess_amqp_channel_t *) &quiet;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_worker.slots[i].worker = &ngx_ess_exchange_worker;
        ngx_ess_exchange_worker.slots[i].number = i;
    }

    sent = NULL;

    ngx_unit_trace_clear();
}


static void
answer(ngx_int_t rc, void *reply, ngx_uint_t code, const char *text)
{
    ngx_str_t           s;
    ngx_ess_amqp_op_t  *op;

    assert_non_null(sent);

    op = sent;
    sent = NULL;

    s.data = (u_char *) text;
    s.len = strlen(text);

    op->handler(op, rc, reply, code, &s);
}


void
fake_op_answer(ngx_int_t rc, ngx_uint_t code, const char *text)
{
    answer(rc, NULL, code, text);
}


void
fake_op_count(ngx_uint_t messages, ngx_uint_t consumers)
{
    amqp_queue_declare_ok_t  ok;

    ngx_memzero(&ok, sizeof(amqp_queue_declare_ok_t));

    ok.message_count = messages;
    ok.consumer_count = consumers;

    answer(NGX_OK, &ok, 0, "");
}


void
fake_op_refuse(ngx_uint_t code, const char *text)
{
    fake_op_answer(NGX_DECLINED, code, text);
}


static void
trace(const char *what, amqp_bytes_t *one, const char *how, amqp_bytes_t *other)
{
    ngx_unit_trace("%s %.*s %s%s%.*s", what, (int) one->len,
                   (char *) one->bytes, how, *how ? " " : "",
                   (int) other->len, (char *) other->bytes);
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    amqp_queue_bind_t        *bind;
    amqp_queue_unbind_t      *unbind;
    amqp_exchange_bind_t     *witness;
    amqp_queue_declare_t     *queue;
    amqp_exchange_declare_t  *exchange;

    assert_non_null(ch);
    assert_true(ch == ngx_ess_exchange_worker.admin
                || ch == ngx_ess_exchange_worker.consume);
    assert_null(sent);

    sent = op;

    exchange = &op->fields.exchange_declare;
    witness = &op->fields.exchange_bind;
    bind = &op->fields.queue_bind;
    unbind = &op->fields.queue_unbind;
    queue = &op->fields.queue_declare;

    switch (op->method) {

    case AMQP_EXCHANGE_DECLARE_METHOD:
        trace(exchange->passive ? "lookup" : "declare", &exchange->type, "",
              &exchange->exchange);
        break;

    case AMQP_EXCHANGE_BIND_METHOD:
        trace("bind", &witness->destination, "to", &witness->source);
        break;

    case AMQP_QUEUE_BIND_METHOD:
        trace("bind", &bind->queue, "to", &bind->routing_key);
        break;

    case AMQP_QUEUE_UNBIND_METHOD:
        trace("unbind", &unbind->queue, "from", &unbind->routing_key);
        break;

    case AMQP_QUEUE_DELETE_METHOD:
        ngx_unit_trace("delete queue %.*s",
                       (int) op->fields.queue_delete.queue.len,
                       (char *) op->fields.queue_delete.queue.bytes);
        break;

    case AMQP_BASIC_QOS_METHOD:
        ngx_unit_trace("prefetch %u", op->fields.basic_qos.prefetch_count);
        break;

    case AMQP_BASIC_CONSUME_METHOD:
        ngx_unit_trace("consume %.*s",
                       (int) op->fields.basic_consume.queue.len,
                       (char *) op->fields.basic_consume.queue.bytes);
        break;

    default:
        assert_int_equal(op->method, AMQP_QUEUE_DECLARE_METHOD);
        ngx_unit_trace("%s queue %.*s", queue->passive ? "lookup" : "declare",
                       (int) queue->queue.len, (char *) queue->queue.bytes);
    }
}


void
ngx_ess_exchange_worker_kick(ngx_ess_exchange_worker_t *w)
{
    ngx_unit_trace("kick");
}


void
ngx_ess_exchange_worker_retry(ngx_ess_exchange_worker_t *w)
{
    ngx_unit_trace("retry");
}


void
ngx_ess_exchange_worker_refused(ngx_ess_exchange_worker_t *w, const char *what,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("%s %u", what, (unsigned) code);
}
