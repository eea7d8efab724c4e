/*
 * Keys that are bound again: which slots a pass takes, and which wait.
 *
 * links: src/source/exchange/ngx_ess_exchange_rebind.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_op.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_former.h"
#include "ngx_ess_exchange_rebind.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_watch.h"
#include "ngx_trace.h"


#define BIT(n)  ((ngx_uint_t) 1 << (n))


volatile ngx_msec_t                ngx_current_msec = 5000000;

static ngx_ess_exchange_worker_t  *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_conf_t     conf;
static ngx_uint_t                  starting;
static ngx_ess_exchange_bind_pt    answer;      /* of a key under way */


ngx_uint_t
ngx_ess_exchange_watch_settled(ngx_ess_exchange_worker_t *w)
{
    return 1;
}


ngx_uint_t
ngx_ess_exchange_consumer_starting(ngx_ess_exchange_worker_t *w)
{
    return starting;
}


ngx_uint_t
ngx_ess_exchange_former_bound(ngx_ess_exchange_worker_t *w)
{
    return BIT(2);
}


void
ngx_ess_exchange_former_unbound(ngx_ess_exchange_worker_t *w, ngx_uint_t slots)
{
    ngx_unit_trace("unbound %x", (unsigned) slots);
}


void
ngx_ess_exchange_slot_gone(ngx_ess_exchange_slot_t *slot)
{
    ngx_unit_trace("gone");
}


void
ngx_ess_exchange_worker_gauge(ngx_ess_exchange_worker_t *w)
{
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_int_equal(counter, NGX_ESS_C_RESTORED);
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
}


ngx_uint_t
ngx_ess_stream_count(ngx_ess_zone_t *zone)
{
    return 1;
}


/* there is one, and it has no subscribers */

ngx_uint_t
ngx_ess_stream_keys(ngx_ess_zone_t *zone, ngx_uint_t slots,
    ngx_uint_t subscribed, uint64_t *cursor, ngx_ess_stream_key_t *keys,
    ngx_uint_t n)
{
    if (subscribed || *cursor || n == 0) {
        return 0;
    }

    ngx_unit_trace("keys of %x", (unsigned) slots);
    *cursor = 1;

    return 1;
}


ngx_int_t
ngx_ess_exchange_bind_again(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *key, ngx_ess_exchange_bind_pt handler)
{
    assert_null(answer);
    answer = handler;

    return NGX_OK;
}


static void
answered(void)
{
    ngx_str_t                 text = ngx_null_string;
    ngx_ess_exchange_bind_pt  handler;

    handler = answer;
    answer = NULL;

    assert_non_null(handler);
    handler(&worker->slots[2], NGX_OK, 0, &text);
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    fake_op_init();

    worker->conf = &conf;
    worker->exchange.state = NGX_ESS_EXCHANGE_READY;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        worker->slots[i].own = 1;
        worker->slots[i].queue.state = NGX_ESS_EXCHANGE_READY;
        worker->slots[i].former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    }

    starting = 0;
    answer = NULL;

    return 0;
}


static void
test_pass(void **state)
{
    worker->rebind = BIT(1) | BIT(2);

    starting = 1;
    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced();

    starting = 0;
    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced("keys of 6");

    answered();
    ngx_unit_traced("unbound 4");
    assert_int_equal(worker->rebind, 0);

    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced();
}


/* its keys wait, those of the others do not */

static void
test_taken(void **state)
{
    ngx_uint_t  i;

    worker->slots[3].former.state = NGX_ESS_EXCHANGE_FORMER_TAKEN;
    worker->lost = BIT(1) | BIT(3);
    worker->rebind = BIT(1) | BIT(3);

    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced("keys of 2");
    answered();
    ngx_unit_traced("unbound 0");
    assert_int_equal(worker->rebind, BIT(3));
    assert_int_equal(worker->lost, BIT(3));

    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced();

    /* nor do rounds */

    worker->slots[1].consuming = 1;

    for (i = 0; i < 5; i++) {
        ngx_current_msec += 1000;
        (void) ngx_ess_exchange_rebind_tick(worker);
    }

    ngx_unit_traced("keys of 2");
    answered();
    ngx_unit_trace_clear();

    worker->slots[3].former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;
    ngx_ess_exchange_rebind(worker);
    ngx_unit_traced("keys of 8");
    answered();
    assert_int_equal(worker->rebind, 0);
    assert_int_equal(worker->lost, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_pass, setup),
        cmocka_unit_test_setup(test_taken, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
