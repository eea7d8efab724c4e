/*
 * The barrier on the channel of consumers, of which there is one at a time; and
 * what an overlap is told.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_barrier.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_overlap.h"
#include "ngx_trace.h"


static ngx_ess_amqp_op_t  *barrier;


void
fake_barrier_init(void)
{
    barrier = NULL;
}


void
fake_barrier_answer(ngx_int_t rc)
{
    ngx_ess_amqp_op_t  *op;

    assert_non_null(barrier);

    op = barrier;
    barrier = NULL;

    op->handler(op, rc, NULL, 0, NULL);

    assert_null(ngx_ess_exchange_worker.consumer.sent);
}


void
ngx_ess_exchange_consumer_limit(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_op_t *op, ngx_ess_amqp_op_pt handler, void *data)
{
    assert_null(barrier);

    barrier = op;
    op->handler = handler;
    op->data = data;
    w->consumer.sent = op;

    ngx_unit_trace("barrier");
}


void
ngx_ess_exchange_overlap_count(ngx_ess_exchange_slot_t *slot, uint64_t left)
{
    ngx_unit_trace("count %u", (unsigned) left);
}


void
ngx_ess_exchange_overlap_arrived(ngx_ess_exchange_slot_t *slot)
{
    ngx_unit_trace("arrived");
}
