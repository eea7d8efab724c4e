/*
 * The queue that a slot had when "queues=" was set otherwise: who consumes it
 * yet, what the broker's answers say of it, and what is consumed when.
 *
 * links: src/source/exchange/ngx_ess_exchange_former.c
 * links: src/source/exchange/ngx_ess_exchange_taken.c
 * links: src/source/exchange/ngx_ess_exchange_count.c
 * links: t/unit/source/exchange/fake_barrier.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c
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
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_count.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_former.h"
#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


static ngx_ess_exchange_worker_t  *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_slot_t    *slot = &ngx_ess_exchange_worker.slots[3];
static ngx_ess_exchange_slot_t    *second = &ngx_ess_exchange_worker.slots[4];
static ngx_ess_exchange_conf_t     conf;
static ngx_ess_exchange_overlap_t  overlap;
static ngx_ess_broker_queue_e      former;      /* what the zone knows */
static uint64_t                    appended;


void
ngx_ess_exchange_worker_event(ngx_ess_exchange_worker_t *w, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = w;
    ev->log = w->log;
}


ngx_ess_broker_queue_e
ngx_ess_broker_queue(ngx_ess_zone_t *zone, ngx_uint_t number, ngx_uint_t quorum)
{
    assert_int_equal(quorum, !conf.quorum);

    return former;
}


void
ngx_ess_broker_set_queue(ngx_ess_zone_t *zone, ngx_uint_t number,
    ngx_uint_t quorum, ngx_ess_broker_queue_e queue)
{
    assert_int_equal(quorum, !conf.quorum);

    former = queue;
}


void
ngx_ess_broker_consumed(ngx_ess_zone_t *zone, ngx_uint_t number, ngx_uint_t on)
{
    ngx_unit_trace(on ? "stands by" : "gives up");
}


uint64_t
ngx_ess_mark_appended(ngx_ess_zone_t *zone, ngx_uint_t number)
{
    return appended;
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("trouble %u", (unsigned) code);
}


void
ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch)
{
    ngx_unit_trace("close");
}


void
ngx_ess_exchange_slot_gone(ngx_ess_exchange_slot_t *s)
{
    s->queue.state = NGX_ESS_EXCHANGE_UNKNOWN;
    ngx_unit_trace("gone");
}


ngx_uint_t
ngx_ess_exchange_consumer_asked(ngx_ess_exchange_slot_t *s)
{
    return worker->consumer.sent && worker->consumer.slot == s;
}


void
ngx_ess_exchange_consumer_drop(ngx_ess_exchange_worker_t *w)
{
    slot->consuming = 0;
    second->consuming = 0;
}


void
ngx_ess_exchange_delivery_last(ngx_ess_exchange_worker_t *w)
{
}


ngx_uint_t
ngx_ess_exchange_delivery_idle(ngx_ess_exchange_slot_t *s)
{
    return 1;
}


void
ngx_ess_exchange_overlap_remember(ngx_ess_exchange_slot_t *s, uint64_t mark)
{
    s->overlap = &overlap;
    ngx_unit_trace("remember from %u", (unsigned) mark);
}


void
ngx_ess_exchange_overlap_again(ngx_ess_exchange_slot_t *s)
{
    if (s->overlap) {
        ngx_unit_trace("again");
    }
}


void
ngx_ess_exchange_overlap_forget(ngx_ess_exchange_slot_t *s)
{
}


/* from classic queues to quorum queues */

static int
setup(void **state)
{
    static ngx_uint_t  channel;

    fake_op_init();
    fake_barrier_init();
    ngx_unit_timer_init();

    ngx_memzero(&conf, sizeof(ngx_ess_exchange_conf_t));
    conf.quorum = 1;

    worker->conf = &conf;
    worker->consume = (ngx_ess_amqp_channel_t *) &channel;

    slot->own = 1;
    slot->queue.state = NGX_ESS_EXCHANGE_READY;
    ngx_str_set(&slot->queue.name, "own");
    ngx_str_set(&slot->former.name, "former");

    *second = *slot;
    second->number = 4;
    second->own = 0;

    former = NGX_ESS_BROKER_THERE;
    appended = 70;

    ngx_ess_exchange_former_init(worker);

    return 0;
}


static int
setup_classic(void **state)
{
    setup(state);
    conf.quorum = 0;

    return 0;
}


/* after 50 ms that queue is asked for */

static void
asked(const char *line, ngx_uint_t messages, ngx_uint_t consumers)
{
    ngx_unit_traced();
    ngx_unit_pass(50);
    ngx_unit_traced(line);
    fake_op_count(messages, consumers);
}


/* the former queue is there, and nobody consumes either any more */

static void
bound(void)
{
    ngx_uint_t  i;

    ngx_ess_exchange_former(worker);
    fake_op_count(5, 0);
    ngx_unit_traced("lookup queue former", "kick");

    for (i = 0; i < 2; i++) {
        asked("lookup queue former", 5, 0);
        ngx_unit_traced("kick");
        assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_TAKEN);

        asked("lookup queue own", 0, 0);
        ngx_unit_traced("kick");
    }

    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_BOUND);
}


/* its keys were unbound */

static void
unbound(void)
{
    bound();

    slot->consuming = 1;
    assert_int_equal(ngx_ess_exchange_former_bound(worker), 1 << 3);
    ngx_ess_exchange_former_unbound(worker, 1 << 3);
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_UNBOUND);
}


/* it was empty; its channel is closed */

static void
left(void)
{
    unbound();

    slot->former.counted = 1;

    asked("lookup queue former", 0, 1);
    ngx_unit_traced("remember from 70", "again", "close", "kick", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_LEFT);
    assert_ptr_equal(worker->consume, NULL);

    ngx_ess_exchange_former_closed(worker, worker->former);
    ngx_unit_traced("lookup queue former");
}


/* the slot's queue is consumed on another channel */

static void
consume(void)
{
    static ngx_uint_t  channel;

    worker->consume = (ngx_ess_amqp_channel_t *) &channel;
    slot->consuming = 1;

    ngx_ess_exchange_former(worker);
    ngx_unit_traced("lookup queue own");
}


static void
test_none(void **state)
{
    former = NGX_ESS_BROKER_GONE;
    ngx_ess_exchange_former(worker);
    ngx_unit_traced();
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_NONE);

    former = NGX_ESS_BROKER_THERE;
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNKNOWN;
    ngx_ess_exchange_former(worker);
    fake_op_refuse(AMQP_NOT_FOUND, "NOT_FOUND - no queue 'former'");
    ngx_unit_traced("lookup queue former", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_NONE);
    assert_int_equal(former, NGX_ESS_BROKER_GONE);
}


/* from the lookup to the turn */

static void
test_emptied(void **state)
{
    left();

    fake_op_count(0, 0);
    ngx_unit_traced("delete queue former", "kick");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("kick");

    consume();
    fake_op_count(7, 1);
    ngx_unit_traced("count 7", "kick");

    ngx_ess_exchange_count_barrier(worker);
    ngx_unit_traced("barrier");

    fake_barrier_answer(NGX_OK);
    ngx_unit_traced("arrived", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_NONE);
    assert_null(worker->consumer.sent);
    assert_int_equal(former, NGX_ESS_BROKER_GONE);
}


/* by others: each of the two queues, in whatever order they leave them */

static void
test_taken(void **state)
{
    ngx_uint_t  i;

    ngx_ess_exchange_former(worker);
    fake_op_count(5, 1);
    ngx_unit_traced("lookup queue former", "kick");

    asked("lookup queue former", 5, 1);
    ngx_unit_traced("stands by", "kick");
    appended = 80;

    ngx_unit_pass(99);
    ngx_unit_traced();
    ngx_unit_pass(1);
    fake_op_count(5, 0);
    ngx_unit_traced("lookup queue former", "kick");

    asked("lookup queue own", 0, 0);
    ngx_unit_traced("kick");
    asked("lookup queue former", 5, 0);
    ngx_unit_traced("kick");

    /* one that left the former queue consumes this one */

    asked("lookup queue own", 0, 1);
    ngx_unit_traced("stands by", "kick");
    ngx_unit_pass(100);
    fake_op_count(0, 0);
    ngx_unit_traced("lookup queue own", "kick");
    assert_int_equal(slot->former.nobody, 1);
    appended = 90;

    for (i = 0; i < 3; i++) {
        asked(i == 1 ? "lookup queue own" : "lookup queue former", 5, 0);
        ngx_unit_traced("kick");
    }

    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_BOUND);

    /* what they appended until then is no matter */

    assert_int_equal(slot->former.mark, 90);

    /* it is as long as this process empties it */

    appended = 95;
    slot->consuming = 1;
    ngx_ess_exchange_former_reset(worker, 0);
    slot->consuming = 0;
    ngx_unit_traced();

    ngx_ess_exchange_former(worker);
    fake_op_count(5, 0);
    ngx_unit_traced("lookup queue former", "kick");
    ngx_unit_pass(50);

    for (i = 0; i < 4; i++) {
        fake_op_count(5, 0);
        ngx_unit_pass(50);
    }

    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_BOUND);
    assert_int_equal(slot->former.mark, 90);
}


/* they are asked for less and less often */

static void
test_taken_for_long(void **state)
{
    ngx_uint_t  i;

    static const ngx_uint_t  ms[] = { 50, 100, 200, 400, 800, 1000, 1000 };

    ngx_ess_exchange_former(worker);
    fake_op_count(5, 1);
    ngx_unit_traced("lookup queue former", "kick");

    for (i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        ngx_unit_pass(ms[i] - 1);
        ngx_unit_traced();

        ngx_unit_pass(1);
        fake_op_count(5, 1);
        ngx_unit_traced("lookup queue former", "stands by", "kick");
    }

    ngx_ess_exchange_former_reset(worker, 0);
    ngx_unit_traced("gives up");
}


/* the slot's queue is made anew, then all is looked up again */

static void
test_own_queue_gone(void **state)
{
    ngx_ess_exchange_former(worker);
    fake_op_count(5, 0);
    ngx_unit_traced("lookup queue former", "kick");

    asked("lookup queue former", 5, 0);
    ngx_unit_traced("kick");

    ngx_unit_pass(50);
    fake_op_refuse(AMQP_NOT_FOUND, "NOT_FOUND - no queue 'own'");
    ngx_unit_traced("lookup queue own", "gone", "gives up", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_UNKNOWN);

    ngx_ess_exchange_former(worker);
    ngx_unit_traced();

    slot->queue.state = NGX_ESS_EXCHANGE_READY;
    ngx_ess_exchange_former(worker);
    ngx_unit_traced("lookup queue former");
}


/* one slot turns while another waits until others have left its queues; but it
   waits for one that is being emptied */

static void
test_left_beside_others(void **state)
{
    static const struct {
        ngx_ess_exchange_former_e  second, first;
    } cases[] = {
        { NGX_ESS_EXCHANGE_FORMER_TAKEN, NGX_ESS_EXCHANGE_FORMER_LEFT },
        { NGX_ESS_EXCHANGE_FORMER_AWAY, NGX_ESS_EXCHANGE_FORMER_LEFT },
        { NGX_ESS_EXCHANGE_FORMER_BOUND, NGX_ESS_EXCHANGE_FORMER_EMPTY },
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setup(state);
        unbound();

        second->own = 1;
        second->former.busy = 1;
        second->former.state = cases[i].second;

        asked("lookup queue former", 0, 1);
        assert_int_equal(slot->former.state, cases[i].first);
        assert_int_equal(second->former.state, cases[i].second);
    }
}


/* an empty quorum queue with no consumers is none while there is one */

static void
test_no_answer(void **state)
{
    unbound();
    slot->former.counted = 1;

    asked("lookup queue former", 0, 0);
    ngx_unit_traced("kick");
    asked("lookup queue former", 0, 2);
    ngx_unit_traced("kick");
    asked("lookup queue former", 3, 1);
    ngx_unit_traced("kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_UNBOUND);

    asked("lookup queue former", 0, 1);
    ngx_unit_traced("remember from 70", "again", "close", "kick", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_LEFT);
}


static void
test_no_answer_when_counted(void **state)
{
    left();
    fake_op_count(0, 0);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("delete queue former", "kick", "kick");

    consume();
    fake_op_count(0, 0);
    ngx_unit_traced();
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_COUNT);

    asked("lookup queue own", 0, 0);
    ngx_unit_traced();

    asked("lookup queue own", 4, 1);
    ngx_unit_traced("count 4", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_COUNTED);
}


/* a quorum queue that was left has to say it twice */

static void
test_no_answer_when_left(void **state)
{
    left();

    fake_op_count(0, 0);
    ngx_unit_traced("kick");
    asked("lookup queue former", 0, 1);
    ngx_unit_traced("kick");
    asked("lookup queue former", 0, 0);
    ngx_unit_traced("kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_LEFT);

    asked("lookup queue former", 0, 0);
    ngx_unit_traced("kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_COUNT);
}


static void
test_something_came(void **state)
{
    left();

    fake_op_count(1, 0);
    ngx_unit_traced("kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_UNBOUND);
}


/* another slot's queue returns, and the channel is closed for it */

static void
test_closed_when_counted(void **state)
{
    left();
    fake_op_count(0, 0);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("delete queue former", "kick", "kick");

    consume();
    fake_op_count(7, 1);
    ngx_unit_traced("count 7", "kick");

    second->own = 1;
    second->consuming = 1;
    former = NGX_ESS_BROKER_THERE;
    ngx_ess_exchange_former(worker);
    fake_op_count(2, 0);
    ngx_unit_traced("lookup queue former", "again", "close",
                    "kick", "kick");
    assert_int_equal(second->former.state, NGX_ESS_EXCHANGE_FORMER_TAKEN);
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_COUNT);

    ngx_ess_exchange_former(worker);
    ngx_unit_traced();
}


/* its node is down: the slot goes on without it, until it returns */

static void
test_away(void **state)
{
    ngx_ess_exchange_former(worker);
    fake_op_refuse(AMQP_NOT_FOUND, "home node is down");
    ngx_unit_traced("lookup queue former", "trouble 404", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_AWAY);

    /* not while the consumer is being started */

    worker->consumer.sent = &worker->consumer.op;
    worker->consumer.slot = slot;
    ngx_unit_pass(5000);
    fake_op_count(2, 0);
    ngx_unit_traced("lookup queue former", "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_AWAY);

    worker->consumer.sent = NULL;
    slot->consuming = 1;
    ngx_unit_pass(5000);
    fake_op_count(2, 0);
    ngx_unit_traced("lookup queue former", "close", "kick",
                    "kick");
    assert_int_equal(slot->former.state, NGX_ESS_EXCHANGE_FORMER_TAKEN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_none, setup),
        cmocka_unit_test_setup(test_emptied, setup),
        cmocka_unit_test_setup(test_taken, setup),
        cmocka_unit_test_setup(test_taken_for_long, setup),
        cmocka_unit_test_setup(test_own_queue_gone, setup),
        cmocka_unit_test_setup(test_left_beside_others, setup),
        cmocka_unit_test_setup(test_no_answer, setup_classic),
        cmocka_unit_test_setup(test_no_answer_when_counted, setup),
        cmocka_unit_test_setup(test_no_answer_when_left, setup_classic),
        cmocka_unit_test_setup(test_something_came, setup),
        cmocka_unit_test_setup(test_closed_when_counted, setup),
        cmocka_unit_test_setup(test_away, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
