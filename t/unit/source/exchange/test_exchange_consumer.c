/*
 * Consumers of the slots' queues: which queue a slot is consumed from, who is
 * waited for, and what is given up with the channel.
 *
 * links: src/source/exchange/ngx_ess_exchange_consumer.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_op.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_loss.h"
#include "ngx_trace.h"


volatile ngx_msec_t                ngx_current_msec = 5000000;

static ngx_ess_exchange_worker_t  *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_slot_t    *slot = &ngx_ess_exchange_worker.slots[3];
static ngx_ess_exchange_conf_t     conf;
static ngx_ess_amqp_op_t          *canceled;


void
ngx_ess_broker_consumed(ngx_ess_zone_t *zone, ngx_uint_t number, ngx_uint_t on)
{
}


ngx_uint_t
ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w)
{
    return 100;
}


ngx_uint_t
ngx_ess_exchange_slot_tell(ngx_ess_exchange_slot_t *s)
{
    return 0;
}


void
ngx_ess_exchange_delivery_end(ngx_ess_exchange_slot_t *s)
{
}


void
ngx_ess_exchange_delivery_drop(ngx_ess_exchange_worker_t *w)
{
}


void
ngx_ess_loss_slot(ngx_ess_zone_t *zone, ngx_uint_t number)
{
}


void
ngx_ess_amqp_resume(ngx_ess_amqp_session_t *s)
{
}


void
ngx_ess_amqp_op_cancel(ngx_ess_amqp_op_t *op)
{
    op->canceled = 1;
    canceled = op;
}


static void
nothing(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply, ngx_uint_t code,
    ngx_str_t *text)
{
    worker->consumer.sent = NULL;
}


static int
setup(void **state)
{
    fake_op_init();

    worker->conf = &conf;
    worker->consume = (ngx_ess_amqp_channel_t *) &conf;

    slot->own = 1;
    slot->queue.state = NGX_ESS_EXCHANGE_READY;
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    ngx_str_set(&slot->queue.name, "own");
    ngx_str_set(&slot->former.name, "former");

    canceled = NULL;

    return 0;
}


static void
test_started(void **state)
{
    ngx_ess_exchange_consumer(worker);
    assert_int_equal(ngx_ess_exchange_consumer_asked(slot), 0);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("prefetch 100", "kick");

    ngx_ess_exchange_consumer(worker);
    assert_int_equal(ngx_ess_exchange_consumer_asked(slot), 1);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("consume own", "kick");

    assert_int_equal(slot->consuming, 1);
    assert_int_equal(worker->rebind, 1 << 3);
    assert_int_equal(ngx_ess_exchange_consumer_asked(slot), 0);
}


static void
test_queue(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_ess_exchange_former_e  state;
        const char                *line;        /* NULL: none is consumed */
        ngx_uint_t                 starting;
    } cases[] = {
        { NGX_ESS_EXCHANGE_FORMER_UNKNOWN, NULL, 1 },
        { NGX_ESS_EXCHANGE_FORMER_LOOKUP, NULL, 1 },
        { NGX_ESS_EXCHANGE_FORMER_AWAY, "consume own", 1 },
        { NGX_ESS_EXCHANGE_FORMER_COUNT, "consume own", 1 },
        { NGX_ESS_EXCHANGE_FORMER_COUNTED, "consume own", 1 },
        { NGX_ESS_EXCHANGE_FORMER_TAKEN, NULL, 0 },
        { NGX_ESS_EXCHANGE_FORMER_LEFT, NULL, 1 },
        { NGX_ESS_EXCHANGE_FORMER_DELETE, NULL, 1 },
        { NGX_ESS_EXCHANGE_FORMER_BOUND, "consume former", 1 },
        { NGX_ESS_EXCHANGE_FORMER_UNBOUND, "consume former", 1 },
    };

    worker->consumer.qos_done = 1;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        slot->consuming = 0;
        slot->former.state = cases[i].state;

        assert_int_equal(ngx_ess_exchange_consumer_starting(worker),
                         cases[i].starting);

        ngx_ess_exchange_consumer(worker);

        if (cases[i].line == NULL) {
            ngx_unit_traced();
            continue;
        }

        fake_op_answer(NGX_OK, 0, "");
        ngx_unit_traced(cases[i].line, "kick");
        assert_int_equal(ngx_ess_exchange_consumer_starting(worker), 0);
    }
}


/* the operation under way is given up with its channel, whosever it is */

static void
test_reset(void **state)
{
    ngx_ess_amqp_op_t  op;

    worker->consumer.qos_done = 1;
    ngx_ess_exchange_consumer(worker);
    ngx_unit_traced("consume own");

    ngx_ess_exchange_consumer_reset(worker);
    assert_ptr_equal(canceled, &worker->consumer.op);
    assert_int_equal(ngx_ess_exchange_consumer_asked(slot), 0);
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("retry");

    ngx_ess_exchange_consumer_limit(worker, &op, nothing, NULL);
    ngx_unit_traced("prefetch 100");
    assert_non_null(worker->consumer.sent);
    assert_int_equal(ngx_ess_exchange_consumer_asked(slot), 0);

    ngx_ess_exchange_consumer_reset(worker);
    assert_ptr_equal(canceled, &op);
    fake_op_answer(NGX_ABORT, 0, "");

    canceled = NULL;
    ngx_ess_exchange_consumer_reset(worker);
    assert_null(canceled);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_started, setup),
        cmocka_unit_test_setup(test_queue, setup),
        cmocka_unit_test_setup(test_reset, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
