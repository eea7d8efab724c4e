/*
 * A message that failed for good: whether its caller is told first, and how
 * often it is published until the broker has it.
 *
 * links: src/rpc/ngx_ess_consume_fail.c src/rpc/ngx_ess_consume_door.c
 * links: src/ngx_ess_escape.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_dead.h"
#include "ngx_ess_consume_fail.h"
#include "ngx_ess_consume_finish.h"
#include "ngx_ess_consume_reply.h"
#include "ngx_ess_consume_turn.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static ngx_log_t                     test_log;
static ngx_time_t                    test_time = { 1, 0, 0 };
static ngx_ess_consume_conf_t        test_consume;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_place_t       test_place;
static ngx_ess_consume_message_t     test_msg;
static ngx_str_t                     test_reply_to;
static ngx_str_t                     test_said = ngx_string("said");
static ngx_uint_t                    test_leaving;
static ngx_int_t                     test_memory;   /* NGX_ERROR: none */

volatile ngx_time_t  *ngx_cached_time = &test_time;


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    assert_int_equal(flag, AMQP_BASIC_REPLY_TO_FLAG);

    return test_reply_to;
}


ngx_int_t
ngx_ess_consume_reply_refusal(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("reply %s", msg->why);
    return test_memory;
}


ngx_int_t
ngx_ess_consume_dead(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("dead %s%s", msg->why, msg->bare ? " bare" : "");
    return test_memory;
}


void
ngx_ess_consume_finish(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_outcome_e outcome, ngx_ess_consume_settle_e how)
{
    assert_int_equal(outcome, NGX_ESS_CONSUME_DEAD);
    ngx_unit_trace("finish %s", (how == NGX_ESS_CONSUME_SETTLE_REJECT)
                                ? "reject" : "ack");
}


void
ngx_ess_consume_finish_drop(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_settle_e how)
{
    assert_int_equal(how, NGX_ESS_CONSUME_SETTLE_REQUEUE);
    ngx_unit_trace("drop");
}


void
ngx_ess_consume_finish_hurry(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("hurry");
}


ngx_uint_t
ngx_ess_consume_queue_leaving(ngx_ess_consume_queue_t *q)
{
    return test_leaving;
}


void
ngx_ess_consume_queue_dead(ngx_ess_consume_queue_t *q)
{
    ngx_unit_trace("declare");
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    memset(&test_msg, 0, sizeof(test_msg));
    memset(&test_place, 0, sizeof(test_place));

    test_leaving = 0;
    test_memory = NGX_OK;
    test_consume.reply = NULL;
    ngx_str_set(&test_consume.dead, "q.dead");
    ngx_str_set(&test_queue.name, "q");
    ngx_str_set(&test_reply_to, "caller");
    test_queue.consume = &test_consume;

    test_msg.queue = &test_queue;
    test_msg.place = &test_place;
    test_msg.log = &test_log;
    test_msg.rpc = 1;
    test_msg.timer.data = &test_msg;
    test_msg.timer.log = &test_log;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
refuse(void)
{
    ngx_ess_consume_fail_refuse(&test_msg, NGX_ESS_CONSUME_WHY_INFLATE);
}


static void
settled(ngx_int_t rc)
{
    test_msg.settled(&test_msg, rc, &test_said);
}


/* It is dead when the broker has the reply, and there is nobody for it, and
   the broker does not want it. */

static void
test_told_and_dead(void **state)
{
    ngx_uint_t  i;

    static const ngx_int_t  rc[] = {
        NGX_OK, NGX_DECLINED, NGX_BUSY, NGX_ERROR
    };

    for (i = 0; i < sizeof(rc) / sizeof(rc[0]); i++) {
        refuse();
        ngx_unit_traced("reply inflate", "hurry");

        settled(rc[i]);
        ngx_unit_traced("dead inflate", "hurry");

        settled(NGX_OK);
        ngx_unit_traced("finish ack");
    }
}


static void
test_told_and_rejected(void **state)
{
    ngx_str_null(&test_consume.dead);

    refuse();
    ngx_unit_traced("reply inflate", "hurry");
    settled(NGX_OK);
    ngx_unit_traced("finish reject");
}


static void
test_no_memory_for_a_reply(void **state)
{
    refuse();
    settled(NGX_ABORT);
    ngx_unit_traced("reply inflate", "hurry", "drop");

    test_memory = NGX_ERROR;
    refuse();
    ngx_unit_traced("reply inflate", "drop");
}


/* None waits, or none that may be answered; or somebody else has it. */

static void
test_nobody_is_told(void **state)
{
    test_msg.rpc = 0;
    refuse();
    ngx_unit_traced("dead inflate", "hurry");
    test_msg.rpc = 1;

    ngx_str_set(&test_reply_to, "ess.node.3");
    refuse();
    ngx_unit_traced("dead inflate", "hurry");

    ngx_str_set(&test_reply_to, "amq.rabbitmq.reply-to");
    refuse();
    ngx_unit_traced("dead inflate", "hurry");
    ngx_str_set(&test_reply_to, "caller");

    ngx_ess_consume_fail(&test_msg, NGX_ESS_CONSUME_WHY_REPLY_TO);
    ngx_unit_traced("dead reply_to", "hurry");

    test_msg.delivery.lost = 1;
    refuse();
    ngx_unit_traced("drop");
}


static void
test_dead_again(void **state)
{
    ngx_ess_consume_fail(&test_msg, NGX_ESS_CONSUME_WHY_STATUS);
    ngx_unit_traced("dead status", "hurry");

    settled(NGX_DECLINED);
    ngx_unit_traced("declare");
    ngx_unit_pass(1000);
    ngx_unit_traced("dead status", "hurry");

    settled(NGX_BUSY);
    ngx_unit_pass(1000);
    ngx_unit_traced("dead status", "hurry");

    settled(NGX_ERROR);
    ngx_unit_traced();
    ngx_unit_pass(1000);
    ngx_unit_traced("dead status bare", "hurry");

    settled(NGX_ERROR);
    ngx_unit_pass(1000);
    ngx_unit_traced("dead status bare", "hurry");

    test_msg.over_size = 1;
    settled(NGX_OK);
    ngx_unit_traced("finish reject");
}


static void
test_dead_without_memory(void **state)
{
    test_memory = NGX_ERROR;
    ngx_ess_consume_fail(&test_msg, NGX_ESS_CONSUME_WHY_STATUS);
    ngx_unit_traced("dead status");

    test_memory = NGX_OK;
    ngx_unit_pass(1000);
    ngx_unit_traced("dead status", "hurry");

    settled(NGX_ERROR);
    test_msg.delivery.lost = 1;
    ngx_unit_pass(1000);
    ngx_unit_traced("drop");
}


static void
test_leaves(void **state)
{
    ngx_ess_consume_fail(&test_msg, NGX_ESS_CONSUME_WHY_STATUS);
    test_leaving = 1;
    settled(NGX_ERROR);
    ngx_unit_traced("dead status", "hurry", "drop");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_told_and_dead),
        TEST(test_told_and_rejected),
        TEST(test_no_memory_for_a_reply),
        TEST(test_nobody_is_told),
        TEST(test_dead_again),
        TEST(test_dead_without_memory),
        TEST(test_leaves)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
