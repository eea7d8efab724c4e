/*
 * A message's end: in which order it leaves, and what of it is counted.
 *
 * links: src/rpc/ngx_ess_consume_finish.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_finish.h"
#include "ngx_ess_consume_turn.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


static ngx_log_t                     test_log;
static ngx_queue_t                   test_all;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_message_t     test_msg;
static ngx_uint_t                    test_leaving;


void
ngx_ess_consume_turn_leave(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("leave");
}


ngx_uint_t
ngx_ess_consume_queue_leaving(ngx_ess_consume_queue_t *q)
{
    return test_leaving;
}


void
ngx_ess_consume_queue_settle(ngx_ess_consume_delivery_t *delivery,
    ngx_ess_consume_settle_e how)
{
    assert_ptr_equal(delivery, &test_msg.delivery);
    ngx_unit_trace("settle %d", how);
}


/* Nothing of it is used behind this. */

void
ngx_ess_consume_message_free(ngx_ess_consume_message_t *msg)
{
    assert_true(ngx_queue_empty(&test_all));

    if (msg->timer.timer_set) {
        ngx_del_timer(&msg->timer);
    }

    memset(msg, 0xff, sizeof(ngx_ess_consume_message_t));
    ngx_unit_trace("free");
}


void
ngx_ess_rpc_figures_message(ngx_uint_t row, ngx_ess_consume_outcome_e outcome)
{
    assert_int_equal(row, 7);
    ngx_unit_trace("count %d", outcome);
}


void
ngx_ess_rpc_figures_message_time(ngx_msec_t ms)
{
    ngx_unit_trace("took %d", (int) ms);
}


static int
setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    memset(&test_msg, 0, sizeof(test_msg));

    test_leaving = 0;
    test_queue.figures = 7;
    test_msg.queue = &test_queue;
    test_msg.since = ngx_current_msec;
    test_msg.timer.data = &test_msg;
    test_msg.timer.log = &test_log;

    ngx_queue_init(&test_all);
    ngx_queue_insert_tail(&test_all, &test_msg.all);

    return 0;
}


static void
test_dropped(void **state)
{
    ngx_ess_consume_finish_drop(&test_msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
    ngx_unit_traced("leave", "settle 2", "free");
}


/* How long it took is of those only that were done. */

static void
test_counted(void **state)
{
    ngx_uint_t  i, timed;

    for (i = 0; i < NGX_ESS_CONSUME_OUTCOMES; i++) {
        (void) setup(state);
        ngx_current_msec += 250;

        timed = (i == NGX_ESS_CONSUME_ACK || i == NGX_ESS_CONSUME_REPLY
                 || i == NGX_ESS_CONSUME_GONE);

        ngx_ess_consume_finish(&test_msg, i, NGX_ESS_CONSUME_SETTLE_ACK);
        assert_int_equal(ngx_unit_trace_count("count"), 1);
        assert_int_equal(ngx_unit_trace_count("took 250"), timed);
        assert_int_equal(ngx_unit_trace_count("free"), 1);
    }
}


static void
test_no_hurry(void **state)
{
    ngx_ess_consume_finish_hurry(&test_msg);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_hurry(void **state)
{
    test_leaving = 1;

    ngx_ess_consume_finish_hurry(&test_msg);
    ngx_unit_pass(3000);

    /* another stage of it, with a time of its own */

    ngx_ess_consume_finish_hurry(&test_msg);
    ngx_unit_pass(4999);
    ngx_unit_traced();

    /* the worker stays for it */

    assert_false(test_msg.timer.cancelable);

    ngx_unit_pass(1);
    ngx_unit_traced("leave", "settle 2", "free");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_dropped, setup),
        cmocka_unit_test_setup(test_counted, setup),
        cmocka_unit_test_setup(test_no_hurry, setup),
        cmocka_unit_test_setup(test_hurry, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
