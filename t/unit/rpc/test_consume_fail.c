/*
 * Messages that fail for good: who is told, where they go, and what happens
 * when they cannot go there.
 *
 * links: src/rpc/ngx_ess_consume.c src/rpc/ngx_ess_consume_fail.c
 * links: src/rpc/ngx_ess_consume_finish.c src/rpc/ngx_ess_consume_turn.c
 * links: src/rpc/ngx_ess_consume_retry.c src/rpc/ngx_ess_consume_door.c
 * links: src/ngx_ess_str.c src/ngx_ess_escape.c src/ngx_ess_utf8.c
 * links: t/unit/rpc/fake_consume.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_consume.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)


#define DEAD    "log: ess_consume: a message of the queue \"%V\" is dead: "    \
                "\"%s\", the last status is %ui, requests: %ui, bytes: %uL"
#define DOOR    "log: ess_consume: a message of the queue \"%V\" is dead: "    \
                "replies to \"%V\" are not allowed, or it is no such address"
#define REPLY   "log: ess_consume: the reply to a message of the queue "       \
                "\"%V\" was refused: %V"
#define AGAIN   "log: ess_consume: a dead message of the queue \"%V\" cannot " \
                "be published to \"%V\", it is tried again: %V"
#define LOOKED  "the queue of the dead is looked for"


static void
test_to_the_queue_of_the_dead(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");

    fake_delivers();
    fake_responds(0, 422);
    ngx_unit_traced("a: request", DEAD, "a: dead status");
    ngx_unit_pass(60000);
    ngx_unit_traced();

    /* when the broker has it, and not before */

    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: ack", "a: freed");
}


/* Its body was not kept: the broker's own dead letters may have it. */

static void
test_too_large(void **state)
{
    fake_over_size = 1;
    fake_delivers();
    ngx_unit_traced(DEAD, "counted dead", "a: reject", "a: freed");

    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_delivers();
    ngx_unit_traced("b: dead too_large");
    fake_settles(1, NGX_OK);
    ngx_unit_traced("counted dead", "b: reject", "b: freed");

    /* larger than this location takes, and smaller than another one does */

    fake_over_size = 0;
    fake_conf.max_body = 0;
    fake_delivers();
    ngx_unit_traced("c: dead too_large");
    fake_settles(2, NGX_OK);
    ngx_unit_traced("counted dead", "c: ack", "c: freed");
}


/* Whoever waits is told first; that this may fail changes nothing. */

static void
test_caller_is_told(void **state)
{
    ngx_uint_t  i;

    static const ngx_int_t  rcs[] = { NGX_OK, NGX_DECLINED };

    fake_rpc = 1;
    fake_over_size = 1;
    ngx_str_set(&fake_conf.dead, "q.dead");

    fake_delivers();
    ngx_unit_traced("a: refusal too_large");
    fake_settles(0, NGX_OK);
    ngx_unit_traced(DEAD, "a: dead too_large");
    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: reject", "a: freed");

    fake_delivers();
    fake_settles(1, NGX_ERROR);
    ngx_unit_traced("b: refusal too_large", REPLY, "b: dead too_large");
    fake_settles(1, NGX_OK);
    ngx_unit_trace_clear();

    for (i = 2; i < 4; i++) {
        fake_delivers();
        fake_settles(i, rcs[i - 2]);
        assert_int_equal(ngx_unit_trace_count("dead too_large"), 1);
        fake_settles(i, NGX_OK);
        ngx_unit_trace_clear();
    }

    /* but for want of memory, later and now */

    fake_delivers();
    fake_settles(4, NGX_ABORT);
    ngx_unit_traced("e: refusal too_large", "e: requeue", "e: freed");
}


static void
test_caller_cannot_be_told(void **state)
{
    fake_rpc = 1;
    fake_packed = 1;
    fake_inflated = NGX_DECLINED;

    fake_delivers();
    ngx_unit_traced("inflated", "a: refusal inflate");
    fake_settles(0, NGX_ABORT);
    ngx_unit_traced("a: requeue", "a: freed");

    /* at an address where nothing is to go */

    fake_over_size = 1;
    ngx_str_set(&fake_reply_to, "ess.test.3");
    fake_delivers();
    ngx_unit_traced(DEAD, "counted dead", "b: reject", "b: freed");
}


static void
test_address_is_not_allowed(void **state)
{
    fake_rpc = 1;
    ngx_str_set(&fake_reply_to, "ess.test.3");

    fake_delivers();
    ngx_unit_traced(DOOR, "counted dead", "a: reject", "a: freed");
}


static void
test_what_is_no_request(void **state)
{
    fake_request = NGX_DECLINED;
    fake_delivers();
    ngx_unit_traced("a: request", DEAD, "counted dead", "a: reject",
                    "a: freed");

    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_request = NGX_OK;
    fake_packed = 1;
    fake_inflated = NGX_DECLINED;
    fake_delivers();
    ngx_unit_traced("inflated", "b: dead inflate");
    fake_settles(1, NGX_OK);
    ngx_unit_trace_clear();

    fake_slices = 0;
    fake_inflated = NGX_ABORT;
    fake_delivers();
    ngx_unit_traced("inflated", "c: dead too_large");
    fake_settles(2, NGX_OK);
    ngx_unit_trace_clear();

    /* none of them is in work any more */

    fake_conf.concurrency = 1;
    fake_packed = 0;
    fake_delivers();
    ngx_unit_traced("d: request");
    fake_responds(3, 200);
    ngx_unit_trace_clear();
}


/* It stays unacknowledged, without end. */

static void
test_no_queue_of_the_dead(void **state)
{
    ngx_uint_t  i;

    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_delivers();
    fake_responds(0, 422);
    ngx_unit_trace_clear();

    for (i = 0; i < 5; i++) {
        fake_settles(0, NGX_DECLINED);
        ngx_unit_traced(LOOKED);
        ngx_unit_pass(999);
        ngx_unit_traced();
        ngx_unit_pass(1);
        ngx_unit_traced("a: dead status");
    }

    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: ack", "a: freed");
}


/* Once more without its own headers, which may be what the broker refuses. */

static void
test_dead_is_refused(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_delivers();
    fake_responds(0, 422);
    ngx_unit_trace_clear();

    fake_settles(0, NGX_ERROR);
    ngx_unit_pass(1000);
    ngx_unit_traced("a: dead status bare");

    /* a line a second */

    fake_settles(0, NGX_ERROR);
    ngx_unit_pass(1000);
    ngx_unit_traced(AGAIN, "a: dead status bare");
    fake_settles(0, NGX_ERROR);
    ngx_unit_pass(1000);
    ngx_unit_traced("a: dead status bare");
    ((ngx_time_t *) ngx_cached_time)->sec++;
    fake_settles(0, NGX_ERROR);
    ngx_unit_pass(1000);
    ngx_unit_traced(AGAIN, "a: dead status bare");

    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: ack", "a: freed");
}


/* Its queue is full: that is no reason to take its headers away. */

static void
test_dead_is_not_taken(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_delivers();
    fake_responds(0, 422);
    ngx_unit_trace_clear();

    fake_settles(0, NGX_BUSY);
    ngx_unit_pass(1000);
    ngx_unit_traced(AGAIN, "a: dead status");
    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: ack", "a: freed");
}


static void
test_memory_is_short(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");
    fake_delivers();
    fake_no_memory = 1;
    fake_responds(0, 422);
    ngx_unit_pass(1000);
    ngx_unit_traced("a: request", DEAD, "a: dead status", "a: dead status");
    fake_no_memory = 0;
    ngx_unit_pass(1000);
    ngx_unit_traced("a: dead status");
    fake_settles(0, NGX_OK);
    ngx_unit_traced("counted dead", "a: ack", "a: freed");

    fake_delivers();
    fake_rpc = 1;
    fake_over_size = 1;
    ngx_unit_trace_clear();
    fake_messages[1]->rpc = 1;
    fake_no_memory = 1;
    fake_responds(1, 200);
    ngx_unit_traced("b: reply", "b: requeue", "b: freed");
}


/* A line a second and queue. */

static void
test_logged(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        fake_delivers();
        fake_responds(i, 400);
    }

    assert_int_equal(ngx_unit_trace_count("log:"), 1);
    assert_int_equal(ngx_unit_trace_count("counted dead"), 3);

    ((ngx_time_t *) ngx_cached_time)->sec++;
    fake_delivers();
    fake_responds(3, 400);
    assert_int_equal(ngx_unit_trace_count("log:"), 2);
    ngx_unit_trace_clear();
}


static void
test_lost(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");

    fake_delivers();
    fake_responds(0, 422);
    fake_delivers();
    fake_responds(1, 422);
    fake_settles(1, NGX_DECLINED);
    ngx_unit_trace_clear();

    fake_lost();
    ngx_unit_traced("a: freed", "b: freed");
    ngx_unit_pass(60000);
    ngx_unit_traced();

    /* in the same turn in which it fails: nobody buries what is somebody
       else's */

    fake_delivers();
    fake_messages[2]->delivery.lost = 1;
    fake_responds(2, 422);
    ngx_unit_traced("c: request", "c: freed");
}


static void
test_worker_leaves(void **state)
{
    ngx_str_set(&fake_conf.dead, "q.dead");

    fake_delivers();
    fake_responds(0, 422);
    fake_delivers();
    fake_delivers();
    ngx_unit_trace_clear();

    fake_leaving = 1;
    ngx_ess_consume_shutdown();
    fake_responds(1, 422);
    ngx_unit_traced("b: dead status");

    /* no time for another try */

    fake_settles(1, NGX_DECLINED);
    ngx_unit_traced(LOOKED, "b: requeue", "b: freed");

    /* five seconds for the broker's word */

    ngx_unit_pass(5000);
    ngx_unit_traced("a: requeue", "a: freed");

    fake_responds(2, 422);
    ngx_unit_pass(4999);
    fake_settles(2, NGX_OK);
    ngx_unit_traced("c: dead status", "counted dead", "c: ack", "c: freed");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_to_the_queue_of_the_dead),
        TEST(test_too_large),
        TEST(test_caller_is_told),
        TEST(test_caller_cannot_be_told),
        TEST(test_address_is_not_allowed),
        TEST(test_what_is_no_request),
        TEST(test_no_queue_of_the_dead),
        TEST(test_dead_is_refused),
        TEST(test_dead_is_not_taken),
        TEST(test_memory_is_short),
        TEST(test_logged),
        TEST(test_lost),
        TEST(test_worker_leaves)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
