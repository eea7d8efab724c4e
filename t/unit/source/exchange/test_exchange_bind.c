/*
 * Bindings: what the API asks for, what is bound again, what is unbound, and
 * that the slot's former queue loses what its own one gets.
 *
 * links: src/source/exchange/ngx_ess_exchange_bind.c
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
#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_declare.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_rabbitmq_declare.h"
#include "ngx_trace.h"


volatile ngx_msec_t                  ngx_current_msec = 5000000;

static ngx_ess_exchange_worker_t    *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_slot_t      *slot = &ngx_ess_exchange_worker.slots[3];
static ngx_ess_exchange_conf_t       conf;
static ngx_ess_source_bind_t         asked;
static ngx_ess_source_options_t      options;
static ngx_ess_amqp_channel_t       *admin;
static ngx_ess_broker_queue_e        other;     /* queue of the slot */


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    return (uint32_t) len;
}


ngx_uint_t
ngx_ess_stream_slot(ngx_str_t *key)
{
    return 3;
}


void
ngx_ess_stream_unbind_end(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    ngx_unit_trace("unmark %.*s", (int) key->len, (char *) key->data);
}


void
ngx_ess_source_unbind(ngx_ess_zone_t *zone, ngx_uint_t source, ngx_str_t *key)
{
    ngx_unit_trace("unless used, unbind %.*s", (int) key->len,
                   (char *) key->data);
}


ngx_ess_broker_queue_e
ngx_ess_broker_queue(ngx_ess_zone_t *zone, ngx_uint_t number, ngx_uint_t quorum)
{
    assert_int_equal(number, 3);
    assert_int_equal(quorum, !conf.quorum);

    return other;
}


void
ngx_ess_exchange_declare(ngx_ess_exchange_declared_t *d)
{
    assert_ptr_equal(d, &slot->queue);
}


void
ngx_ess_exchange_slot_gone(ngx_ess_exchange_slot_t *s)
{
    assert_ptr_equal(s, slot);
    ngx_unit_trace("gone");
}


ngx_uint_t
ngx_ess_rabbitmq_declare(ngx_ess_source_options_t *o,
    amqp_table_entry_t *argument)
{
    return 0;
}


void
ngx_ess_amqp_op_cancel(ngx_ess_amqp_op_t *op)
{
    ngx_unit_trace("cancel");
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("%s %u", what, (unsigned) code);
}


static void
bound(ngx_ess_source_bind_t *b, ngx_int_t rc, ngx_str_t *text)
{
    assert_null(b->op);
    ngx_unit_trace("answer %d", (int) rc);
}


static void
again(ngx_ess_exchange_slot_t *s, ngx_int_t rc, ngx_uint_t code,
    ngx_str_t *text)
{
    assert_ptr_equal(s, slot);
    ngx_unit_trace("again %d", (int) rc);
}


static int
setup(void **state)
{
    fake_op_init();

    ngx_str_set(&conf.exchange, "x");
    ngx_str_set(&slot->queue.name, "own");
    ngx_str_set(&slot->former.name, "former");

    worker->conf = &conf;
    worker->session = (ngx_ess_amqp_session_t *) &conf;
    worker->exchange.state = NGX_ESS_EXCHANGE_READY;

    other = NGX_ESS_BROKER_UNKNOWN;

    slot->queue.state = NGX_ESS_EXCHANGE_READY;
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;

    admin = worker->admin;

    ngx_ess_exchange_bind_init(worker);

    ngx_memzero(&asked, sizeof(ngx_ess_source_bind_t));
    ngx_str_set(&asked.key, "k");
    asked.handler = bound;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_exchange_bind_exit(worker);

    return 0;
}


static void
bind_again(void)
{
    ngx_ess_stream_key_t  key;

    key.slot = 3;
    key.len = 1;
    key.data[0] = 'k';

    assert_int_equal(ngx_ess_exchange_bind_again(worker, &key, again), NGX_OK);
}


static void
unbind(void)
{
    ngx_str_t  key = ngx_string("k");

    ngx_ess_exchange_bind_unbind(&key);
}


static void
test_bound(void **state)
{
    ngx_ess_exchange_bind(&asked);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "answer 0");
}


/* for the exchange, and for the queue */

static void
test_waits(void **state)
{
    ngx_str_t  text = ngx_string("why");

    worker->exchange.state = NGX_ESS_EXCHANGE_LOOKUP;
    slot->queue.state = NGX_ESS_EXCHANGE_LOOKUP;

    ngx_ess_exchange_bind(&asked);
    worker->exchange.state = NGX_ESS_EXCHANGE_READY;
    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced();

    /* another slot's queue is no matter */

    ngx_ess_exchange_bind_refused(worker, &worker->slots[4], &text);
    ngx_unit_traced();

    ngx_ess_exchange_bind_refused(worker, slot, &text);
    ngx_unit_traced("answer -1");

    ngx_ess_exchange_bind(&asked);
    slot->queue.state = NGX_ESS_EXCHANGE_READY;
    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced("bind own to k");

    /* the session went: once more in the next one */

    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced();

    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced("bind own to k");

    ngx_ess_exchange_bind_cancel(&asked);
    ngx_unit_traced("cancel");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced();
}


/* a queue that is not there is made, and bound, once */

static void
test_not_found(void **state)
{
    ngx_ess_exchange_bind(&asked);
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("bind own to k", "gone", "kick");

    ngx_ess_exchange_bind_waiting(worker);
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("bind own to k", "broker refused a binding 404",
                    "answer -1", "gone", "kick");
}


static void
test_refused(void **state)
{
    ngx_ess_exchange_bind(&asked);
    fake_op_refuse(AMQP_ACCESS_REFUSED, "not allowed");
    ngx_unit_traced("bind own to k", "broker refused a binding 403",
                    "answer -1");
}


/* needs neither the exchange nor a slot's queue */

static void
test_stream(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_int_t   rc;
        ngx_uint_t  code;
        const char *answer;
    } cases[] = {
        { NGX_OK, 0, "answer 0" },
        { NGX_DECLINED, AMQP_PRECONDITION_FAILED, "answer -5" },
        { NGX_DECLINED, AMQP_ACCESS_REFUSED, "answer -1" },
        { NGX_DECLINED, AMQP_NOT_FOUND, "answer -1" },
    };

    worker->exchange.state = NGX_ESS_EXCHANGE_REFUSED;
    slot->queue.state = NGX_ESS_EXCHANGE_REFUSED;

    asked.declare = &options;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_ess_exchange_bind(&asked);
        fake_op_answer(cases[i].rc, cases[i].code, "");
        ngx_unit_traced("declare queue k", cases[i].answer);
    }
}


static void
test_again(void **state)
{
    bind_again();
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "unless used, unbind k", "again 0");

    bind_again();
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("bind own to k", "again -5");

    bind_again();
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("bind own to k", "again -6");
}


/* bound to the slot's queue first, so that no event is lost */

static void
test_again_former(void **state)
{
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;

    bind_again();
    fake_op_answer(NGX_OK, 0, "");
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "unbind former from k",
                    "unless used, unbind k", "again 0");

    bind_again();
    fake_op_answer(NGX_OK, 0, "");
    fake_op_refuse(AMQP_ACCESS_REFUSED, "not allowed");
    ngx_unit_traced("bind own to k", "unbind former from k",
                    "broker refused to remove a binding 403",
                    "unless used, unbind k", "again 0");

    bind_again();
    fake_op_answer(NGX_OK, 0, "");
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("bind own to k", "unbind former from k", "again -6");
}


/* Another worker may have bound it to that queue meanwhile, of which it is the
   own one. */

static void
test_again_former_leaving(void **state)
{
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;

    bind_again();
    worker->draining = 1;
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "unless used, unbind k", "again 0");

    unbind();
    fake_op_answer(NGX_OK, 0, "");
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("unbind own from k", "unbind former from k", "unmark k");
}


/* others may consume it: only what nobody wants is unbound from it */

static void
test_former_taken(void **state)
{
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_TAKEN;

    bind_again();
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "unless used, unbind k", "again 0");

    unbind();
    fake_op_answer(NGX_OK, 0, "");
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("unbind own from k", "unbind former from k", "unmark k");
}


/* a worker that leaves binds nothing to a queue that the next ones empty */

static void
test_leaving(void **state)
{
    worker->draining = 1;

    ngx_ess_exchange_bind(&asked);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k", "answer 0");

    /* it was bound, perhaps too late */

    ngx_ess_exchange_bind(&asked);
    other = NGX_ESS_BROKER_THERE;
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("bind own to k");

    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced();

    ngx_ess_exchange_bind_cancel(&asked);

    ngx_ess_exchange_bind(&asked);
    ngx_unit_traced();

    ngx_ess_exchange_bind_cancel(&asked);
    assert_null(asked.op);

    /* what is no slot's is declared */

    asked.declare = &options;

    ngx_ess_exchange_bind(&asked);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("declare queue k", "answer 0");
}


static void
test_unbound(void **state)
{
    unbind();
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("unbind own from k", "unmark k");

    /* the binding went with its queue */

    unbind();
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("unbind own from k", "unmark k");

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_EMPTY;

    unbind();
    fake_op_refuse(AMQP_ACCESS_REFUSED, "not allowed");
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("unbind own from k",
                    "broker refused to remove a binding 403",
                    "unbind former from k", "unmark k");

    assert_int_equal(worker->binds.unbinds, 0);
}


/* The key is not marked for as long as there is no session: it can be bound. */

static void
test_unbound_later(void **state)
{
    worker->admin = NULL;

    unbind();
    ngx_unit_traced("unmark k");

    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced();

    worker->admin = admin;

    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced("unless used, unbind k");

    unbind();
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("unbind own from k", "unmark k");

    ngx_ess_exchange_bind_waiting(worker);
    ngx_unit_traced("unless used, unbind k");

    assert_int_equal(worker->binds.unbinds, 0);
}


/* whatever comes with it, a key is unbound once a second */

static void
test_unwanted(void **state)
{
    ngx_str_t  key = ngx_string("k"), other = ngx_string("other");

    ngx_ess_exchange_bind_unwanted(worker, &key);
    ngx_ess_exchange_bind_unwanted(worker, &key);
    ngx_ess_exchange_bind_unwanted(worker, &other);
    ngx_unit_traced("unless used, unbind k", "unless used, unbind other");

    ngx_current_msec += 1000;
    ngx_ess_exchange_bind_unwanted(worker, &key);
    ngx_unit_traced("unless used, unbind k");
}


/* what is under way is freed, whose it is told of nothing */

static void
test_exit(void **state)
{
    ngx_ess_exchange_bind(&asked);
    assert_non_null(asked.op);

    worker->admin = NULL;
    unbind();
    ngx_unit_traced("bind own to k", "unmark k");

    worker->session = NULL;

    ngx_ess_exchange_bind_exit(worker);
    assert_null(asked.op);
    ngx_unit_traced("unmark k");

    ngx_ess_exchange_bind(&asked);
    ngx_ess_exchange_bind_cancel(&asked);
    unbind();
    ngx_unit_traced("unmark k");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_former, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_former_leaving, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_former_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unbound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unbound_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwanted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
