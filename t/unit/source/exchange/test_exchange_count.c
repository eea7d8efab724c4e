/*
 * A slot's queue is counted, and waited for until what it had sent has arrived.
 *
 * links: src/source/exchange/ngx_ess_exchange_count.c
 * links: t/unit/source/exchange/fake_barrier.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_barrier.h"
#include "fake_op.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_count.h"
#include "ngx_trace.h"


static ngx_ess_exchange_worker_t  *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_conf_t     conf;


void
ngx_ess_broker_set_queue(ngx_ess_zone_t *zone, ngx_uint_t number,
    ngx_uint_t quorum, ngx_ess_broker_queue_e queue)
{
    assert_int_equal(quorum, !conf.quorum);
    assert_int_equal(queue, NGX_ESS_BROKER_GONE);

    ngx_unit_trace("turned %u", (unsigned) number);
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    fake_op_init();
    fake_barrier_init();

    worker->conf = &conf;
    worker->consume = (ngx_ess_amqp_channel_t *) &conf;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        worker->slots[i].consuming = 1;
        worker->slots[i].former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    }

    return 0;
}


/* the slot is to be counted; the broker says so much */

static ngx_int_t
count(ngx_uint_t number, ngx_uint_t messages, ngx_uint_t consumers)
{
    amqp_queue_declare_ok_t   ok;
    ngx_ess_exchange_slot_t  *slot;

    ngx_memzero(&ok, sizeof(amqp_queue_declare_ok_t));

    ok.message_count = messages;
    ok.consumer_count = consumers;

    slot = &worker->slots[number];
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_COUNT;

    return ngx_ess_exchange_count(slot, &ok);
}


/* all that were counted by then are done at once, others later */

static void
test_counted(void **state)
{
    assert_int_equal(count(3, 7, 1), NGX_OK);
    assert_int_equal(count(5, 9, 2), NGX_OK);
    ngx_unit_traced("count 7", "count 9");

    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced("barrier");

    assert_int_equal(count(6, 1, 1), NGX_OK);
    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced("count 1");

    fake_barrier_answer(NGX_OK);
    ngx_unit_traced("arrived", "turned 3", "arrived", "turned 5", "kick");
    assert_int_equal(worker->slots[3].former.state,
                     NGX_ESS_EXCHANGE_FORMER_NONE);

    ngx_ess_exchange_count_barrier(worker);
    fake_barrier_answer(NGX_OK);
    ngx_unit_traced("barrier", "arrived", "turned 6", "kick");

    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced();

    /* the broker refused */

    worker->slots[3].former.state = NGX_ESS_EXCHANGE_FORMER_COUNT;
    assert_int_equal(ngx_ess_exchange_count(&worker->slots[3], NULL), NGX_OK);
    ngx_unit_traced("count 0");
}


/* its own consumer has to be among those that are named */

static void
test_no_answer(void **state)
{
    assert_int_equal(count(3, 0, 0), NGX_AGAIN);

    worker->slots[3].consuming = 0;
    assert_int_equal(count(3, 7, 1), NGX_AGAIN);

    assert_int_equal(worker->slots[3].former.state,
                     NGX_ESS_EXCHANGE_FORMER_COUNT);
    ngx_unit_traced();
}


/* nothing arrives without a consumer, or on a channel that is gone */

static void
test_nothing_arrives(void **state)
{
    assert_int_equal(count(3, 7, 1), NGX_OK);

    worker->slots[3].consuming = 0;
    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced("count 7");

    worker->slots[3].consuming = 1;
    worker->consume = NULL;
    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced();

    worker->consume = (ngx_ess_amqp_channel_t *) &conf;
    ngx_ess_exchange_count_barrier(worker);
    fake_barrier_answer(NGX_DECLINED);
    ngx_ess_exchange_count_barrier(worker);
    fake_barrier_answer(NGX_ABORT);
    ngx_unit_traced("barrier", "barrier");

    assert_int_equal(worker->slots[3].former.state,
                     NGX_ESS_EXCHANGE_FORMER_COUNTED);
    assert_int_equal(worker->slots[3].former.busy, 0);
    assert_int_equal(worker->former_counted, 0);
}


/* looked up again meanwhile */

static void
test_dropped(void **state)
{
    assert_int_equal(count(3, 7, 1), NGX_OK);
    ngx_ess_exchange_count_barrier(worker);

    worker->slots[3].former.state = NGX_ESS_EXCHANGE_FORMER_UNKNOWN;
    fake_barrier_answer(NGX_OK);
    ngx_unit_traced("count 7", "barrier", "kick");
    assert_int_equal(worker->slots[3].former.state,
                     NGX_ESS_EXCHANGE_FORMER_UNKNOWN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_counted, setup),
        cmocka_unit_test_setup(test_no_answer, setup),
        cmocka_unit_test_setup(test_nothing_arrives, setup),
        cmocka_unit_test_setup(test_dropped, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
