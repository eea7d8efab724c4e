/*
 * The witness beside the exchange: made, bound again at each look, and what is
 * done when it is gone, or cannot be.
 *
 * links: src/source/exchange/ngx_ess_exchange_watch.c
 * links: src/source/exchange/ngx_ess_exchange_declare.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_op.h"
#include "ngx_ess_exchange_declare.h"
#include "ngx_ess_exchange_watch.h"
#include "ngx_ess_loss.h"
#include "ngx_trace.h"


#define OWN   ((ngx_uint_t) 1 << 2 | (ngx_uint_t) 1 << 5)
#define LOST  "log: bindings of exchange \"%V\" are gone, events published "   \
              "until they are made again are lost"


volatile ngx_msec_t                  ngx_current_msec = 5000000;
uint32_t                            *ngx_crc32_table_short;
uint32_t                             ngx_crc32_table256[256];

static ngx_ess_exchange_worker_t    *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_conf_t       conf;
static ngx_ess_amqp_node_t           node;
static ngx_cycle_t                   cycle;
static char                          name[256];

/* what the zone knows */
static uint32_t                      witness;
static uint32_t                      number;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    assert_true(size <= sizeof(name));

    return name;
}


uint32_t
ngx_ess_loss_witness(ngx_ess_zone_t *zone)
{
    return witness;
}


void
ngx_ess_loss_set_witness(ngx_ess_zone_t *zone, uint32_t w)
{
    witness = w;
    ngx_unit_trace("known");
}


uint32_t
ngx_ess_loss_number(ngx_ess_zone_t *zone)
{
    return number;
}


ngx_uint_t
ngx_ess_loss_exchange(ngx_ess_zone_t *zone, uint32_t *seen)
{
    ngx_uint_t  first;

    first = (*seen == number);
    number += first;
    *seen = number;

    return first;
}


/* as in ngx_ess_exchange_worker.c */

void
ngx_ess_exchange_worker_gone(ngx_ess_exchange_worker_t *w)
{
    ngx_unit_trace("gone");

    if (w->exchange.state == NGX_ESS_EXCHANGE_READY) {
        w->exchange.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }
}


void
ngx_ess_exchange_worker_gauge(ngx_ess_exchange_worker_t *w)
{
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("%s", what);
}


static void
told(ngx_ess_exchange_worker_t *w, ngx_ess_exchange_slot_t *slot,
    ngx_str_t *text)
{
    assert_null(slot);
    ngx_unit_trace("told");
}


static void
begin(const char *exchange)
{
    fake_op_init();

    conf.exchange.data = (u_char *) exchange;
    conf.exchange.len = strlen(exchange);
    ngx_str_set(&conf.node, "n");
    conf.amqp.nodes.elts = &node;

    worker->conf = &conf;
    worker->refused = told;
    worker->slots[2].own = 1;
    worker->slots[5].own = 1;

    witness = 0;
    number = 7;

    assert_int_equal(ngx_ess_exchange_watch_init(worker, &cycle), NGX_OK);
}


static int
setup(void **state)
{
    begin("x");
    worker->exchange.state = NGX_ESS_EXCHANGE_READY;

    return 0;
}


/* a witness that was there */

static void
found(void)
{
    ngx_ess_exchange_watch(worker);
    ngx_unit_traced("bind x to ess.n.x");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("known", "kick");

    assert_int_equal(ngx_ess_exchange_watch_settled(worker), 1);
}


static void
test_made(void **state)
{
    ngx_ess_exchange_watch(worker);
    ngx_ess_exchange_watch(worker);
    ngx_unit_traced("bind x to ess.n.x");
    assert_int_equal(ngx_ess_exchange_watch_settled(worker), 0);

    fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
    ngx_unit_traced("declare fanout ess.n.x", "kick");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind x to ess.n.x", "kick");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("known", "kick");
    assert_int_equal(ngx_ess_exchange_watch_settled(worker), 1);
    assert_int_equal(worker->rebind, 0);
}


/* one look a second, which changes nothing */

static void
test_looks(void **state)
{
    found();

    ngx_ess_exchange_watch_tick(worker);
    ngx_unit_traced();

    ngx_current_msec += 1000;
    ngx_ess_exchange_watch_tick(worker);
    ngx_ess_exchange_watch_now(worker);
    ngx_unit_traced("bind x to ess.n.x");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("kick");
}


static void
test_gone(void **state)
{
    found();

    ngx_ess_exchange_watch_now(worker);
    fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
    ngx_unit_traced("bind x to ess.n.x", LOST, "gone", "kick", "kick");

    assert_int_equal(worker->rebind, OWN);
    assert_int_equal(worker->lost, OWN);
    assert_int_equal(number, 8);

    /* it is made anew, not looked up */

    worker->exchange.state = NGX_ESS_EXCHANGE_READY;
    ngx_ess_exchange_watch(worker);
    ngx_unit_traced("declare fanout ess.n.x");
}


/* another worker noticed: it is said once */

static void
test_noticed(void **state)
{
    found();

    number++;
    ngx_ess_exchange_watch_tick(worker);
    ngx_unit_traced("gone", "kick");

    assert_int_equal(worker->rebind, OWN);
}


/* another worker noticed, and this one too, since it was asked */

static void
test_noticed_meanwhile(void **state)
{
    found();

    ngx_ess_exchange_watch_now(worker);
    ngx_unit_traced("bind x to ess.n.x");

    number++;
    ngx_ess_exchange_watch_tick(worker);
    ngx_unit_traced("gone", "kick");

    fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
    ngx_unit_traced("kick");
}


/* without the right to bind it: is the exchange there, at least? */

static void
test_forbidden(void **state)
{
    ngx_ess_exchange_watch(worker);
    fake_op_refuse(AMQP_ACCESS_REFUSED, "not allowed");
    ngx_unit_traced("bind x to ess.n.x", "the exchange cannot be watched",
                    "kick");
    assert_int_equal(ngx_ess_exchange_watch_settled(worker), 1);

    ngx_ess_exchange_watch_now(worker);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup fanout x", "kick");

    ngx_ess_exchange_watch_now(worker);
    fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
    ngx_unit_traced("lookup fanout x", LOST, "gone", "kick", "kick");
}


/* the session ends: whatever it was, there is no answer */

static void
test_abort(void **state)
{
    ngx_ess_exchange_watch(worker);
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("bind x to ess.n.x");

    assert_int_equal(worker->watch.busy, 0);
}


static void
test_long_name(void **state)
{
    static char  x[251];

    memset(x, 'x', 250);

    begin(x);
    worker->exchange.state = NGX_ESS_EXCHANGE_READY;

    ngx_ess_exchange_watch(worker);
    ngx_unit_traced();
    assert_int_equal(ngx_ess_exchange_watch_settled(worker), 1);
}


/* An exchange that was not there is no loss, unless there was a witness of
   it, or this worker has seen it. */

static void
test_exchange(void **state)
{
    ngx_uint_t  i;

    begin("x");

    for (i = 0; i < 2; i++) {
        ngx_ess_exchange_declare(&worker->exchange);
        fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
        ngx_unit_traced("lookup direct x", "declare direct x");

        fake_op_answer(NGX_OK, 0, "");

        if (i == 0) {
            ngx_unit_traced("kick");
            assert_int_equal(worker->rebind, 0);

        } else {
            ngx_unit_traced(LOST, "kick");
            assert_int_equal(worker->rebind, OWN);
        }

        worker->watch.anew = 0;
        worker->exchange.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    begin("x");
    witness = worker->watch.hash;

    ngx_ess_exchange_declare(&worker->exchange);
    fake_op_refuse(AMQP_NOT_FOUND, "no exchange");
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup direct x", "declare direct x", LOST, "kick");
}


static void
test_exchange_refused(void **state)
{
    begin("x");

    ngx_ess_exchange_declare(&worker->exchange);
    fake_op_refuse(AMQP_ACCESS_REFUSED, "not allowed");
    ngx_unit_traced("lookup direct x", "broker refused the exchange 403",
                    "told", "retry", "kick");

    assert_string_equal((char *) worker->exchange_text, "not allowed");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_made, setup),
        cmocka_unit_test_setup(test_looks, setup),
        cmocka_unit_test_setup(test_gone, setup),
        cmocka_unit_test_setup(test_noticed, setup),
        cmocka_unit_test_setup(test_noticed_meanwhile, setup),
        cmocka_unit_test_setup(test_forbidden, setup),
        cmocka_unit_test_setup(test_abort, setup),
        cmocka_unit_test_setup(test_long_name, setup),
        cmocka_unit_test_setup(test_exchange, setup),
        cmocka_unit_test_setup(test_exchange_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
