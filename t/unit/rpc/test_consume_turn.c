/*
 * Whose turn it is: the order of a queue's messages, queues among each other,
 * how many are in work at once, and what happens without connections.
 *
 * links: src/rpc/ngx_ess_consume_turn.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_turn.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define QUEUES    2
#define MESSAGES  6


static ngx_log_t                     test_log;
static ngx_ess_rpc_conf_t            test_conf;
static ngx_ess_consume_conf_t        test_consume[QUEUES];
static ngx_ess_consume_conf_queue_t  test_queues[QUEUES];
static ngx_ess_consume_message_t     test_messages[QUEUES][MESSAGES];
static ngx_uint_t                    test_room;     /* requests there is room
                                                       for */
static ngx_uint_t                    test_no_memory;
static ngx_int_t                     test_in_work;  /* as the figures have it */
static ngx_uint_t                    test_again;    /* to begin fails */
static ngx_uint_t                    test_at_once;  /* what is begun is done */


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_no_memory ? NULL : calloc(1, size);
}


ngx_uint_t
ngx_ess_request_room(void)
{
    return test_room != 0;
}


void
ngx_ess_rpc_figures_in_work(ngx_int_t n)
{
    test_in_work += n;
}


static ngx_int_t
begin(ngx_ess_consume_message_t *msg)
{
    assert_true(msg->holds);
    assert_false(msg->queued);

    if (test_again) {
        test_again--;
        ngx_ess_consume_turn_wait_again(msg);
        ngx_unit_trace("%s not", (char *) msg->why);

        return NGX_ERROR;
    }

    ngx_unit_trace("%s", msg->why);

    test_room--;

    /* and it may be freed within */

    if (test_at_once) {
        ngx_ess_consume_turn_leave(msg);
        memset(msg, 0xff, sizeof(ngx_ess_consume_message_t));
    }

    return NGX_OK;
}


static int
test_setup(void **state)
{
    ngx_uint_t                  i, k;
    ngx_ess_consume_message_t  *msg;

    static char  names[QUEUES][MESSAGES][3];

    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    test_room = 1000;
    test_no_memory = 0;
    test_in_work = 0;
    test_again = 0;
    test_at_once = 0;
    test_conf.queues.elts = test_queues;
    test_conf.queues.nelts = QUEUES;

    memset(test_messages, 0, sizeof(test_messages));

    assert_int_equal(ngx_ess_consume_turn_init(&test_conf, begin, &test_log),
                     NGX_OK);

    for (i = 0; i < QUEUES; i++) {
        test_queues[i].consume = &test_consume[i];
        test_consume[i].concurrency = 16;

        for (k = 0; k < MESSAGES; k++) {
            sprintf(names[i][k], "%c%d", (int) ('a' + i), (int) k);

            msg = &test_messages[i][k];
            msg->why = names[i][k];
            msg->queue = &test_queues[i];
            msg->place = ngx_ess_consume_turn_place(&test_queues[i]);
        }
    }

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_ess_consume_turn_exit();

    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
waits(ngx_uint_t queue, ngx_uint_t from, ngx_uint_t to)
{
    for ( /* void */ ; from <= to; from++) {
        ngx_ess_consume_turn_wait(&test_messages[queue][from]);
    }
}


static void
leaves(ngx_uint_t queue, ngx_uint_t i)
{
    ngx_ess_consume_turn_leave(&test_messages[queue][i]);
}


static void
test_so_many_at_once(void **state)
{
    test_consume[0].concurrency = 2;

    waits(0, 0, 4);
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("a0", "a1");
    assert_int_equal(test_in_work, 2);

    ngx_ess_consume_turn_release(&test_messages[0][1]);
    ngx_ess_consume_turn_release(&test_messages[0][1]);
    ngx_unit_posted();
    ngx_unit_traced("a2");
    assert_int_equal(test_in_work, 2);

    leaves(0, 0);
    leaves(0, 2);
    ngx_unit_posted();
    ngx_unit_traced("a3", "a4");

    leaves(0, 3);
    leaves(0, 4);
    leaves(0, 4);
    assert_int_equal(test_in_work, 0);
}


/* A queue with many messages does not hold up another one. */

static void
test_queues_in_turn(void **state)
{
    waits(0, 0, 3);
    waits(1, 0, 1);
    ngx_unit_posted();
    ngx_unit_traced("a0", "b0", "a1", "b1", "a2", "a3");

    /* nor one that is as full as it may be */

    test_consume[0].concurrency = 4;
    waits(0, 4, 4);
    waits(1, 2, 2);
    ngx_unit_posted();
    ngx_unit_traced("b2");

    leaves(0, 0);
    ngx_unit_posted();
    ngx_unit_traced("a4");
}


/* Looked for 20 times a second, and when somebody says that there are some. */

static void
test_no_connections(void **state)
{
    test_room = 1;

    waits(0, 0, 1);
    waits(1, 0, 0);
    ngx_unit_posted();
    ngx_unit_traced("a0");

    ngx_unit_pass(49);
    test_room = 1;
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("b0");

    /* more of them do not make it look more often */

    waits(0, 2, 2);
    ngx_unit_posted();
    ngx_unit_traced();

    test_room = 2;
    ngx_ess_consume_turn_look();
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("a1", "a2");
    assert_int_equal(ngx_unit_pending(), 0);

    ngx_ess_consume_turn_look();
    assert_int_equal(ngx_unit_pending(), 0);
}


/* It keeps its place, and nothing else is begun until it is looked again. */

static void
test_not_begun(void **state)
{
    test_consume[0].concurrency = 1;
    test_again = 2;

    waits(0, 0, 1);
    waits(1, 0, 0);
    ngx_unit_posted();
    ngx_unit_traced("a0 not");
    assert_int_equal(test_in_work, 0);

    /* the other queue's turn, once more in vain */

    ngx_unit_pass(50);
    ngx_unit_traced("b0 not");

    ngx_unit_pass(50);
    ngx_unit_traced("a0", "b0");
    assert_int_equal(test_in_work, 2);

    leaves(0, 0);
    ngx_unit_posted();
    ngx_unit_traced("a1");
}


static void
test_gone_while_it_waits(void **state)
{
    test_consume[0].concurrency = 1;

    waits(0, 0, 3);
    leaves(0, 1);
    ngx_unit_posted();
    ngx_unit_traced("a0");

    leaves(0, 0);
    leaves(0, 2);
    ngx_unit_posted();
    ngx_unit_traced("a3");
    leaves(0, 3);

    /* all of a queue that is ready */

    waits(0, 4, 5);
    waits(1, 0, 0);
    leaves(0, 4);
    leaves(0, 5);
    ngx_unit_posted();
    ngx_unit_traced("b0");

    waits(0, 4, 4);
    ngx_unit_posted();
    ngx_unit_traced("a4");
    assert_int_equal(test_in_work, 2);
}


static void
test_done_at_once(void **state)
{
    test_consume[0].concurrency = 1;
    test_at_once = 1;

    waits(0, 0, 3);
    ngx_unit_posted();
    ngx_unit_traced("a0", "a1", "a2", "a3");
    assert_int_equal(test_in_work, 0);
}


/* What was tried before comes behind what waits already. */

static void
test_again_behind_the_others(void **state)
{
    test_consume[0].concurrency = 1;

    waits(0, 0, 2);
    ngx_unit_posted();
    ngx_unit_traced("a0");

    ngx_ess_consume_turn_release(&test_messages[0][0]);
    waits(0, 0, 0);
    ngx_unit_posted();
    ngx_unit_traced("a1");
    leaves(0, 1);
    ngx_unit_posted();
    ngx_unit_traced("a2");
    leaves(0, 2);
    ngx_unit_posted();
    ngx_unit_traced("a0");
}


static void
test_no_memory_at_start(void **state)
{
    ngx_ess_consume_turn_exit();

    test_no_memory = 1;
    assert_int_equal(ngx_ess_consume_turn_init(&test_conf, begin, &test_log),
                     NGX_ERROR);

    /* no queue at all */

    test_no_memory = 0;
    test_conf.queues.nelts = 0;
    assert_int_equal(ngx_ess_consume_turn_init(&test_conf, begin, &test_log),
                     NGX_OK);
    ngx_ess_consume_turn_look();
}


/* While it waits for connections: no timer is left. */

static void
test_exit(void **state)
{
    test_room = 0;

    waits(0, 0, 0);
    ngx_unit_posted();
    assert_int_equal(ngx_unit_pending(), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_so_many_at_once),
        TEST(test_queues_in_turn),
        TEST(test_no_connections),
        TEST(test_not_begun),
        TEST(test_gone_while_it_waits),
        TEST(test_done_at_once),
        TEST(test_again_behind_the_others),
        TEST(test_no_memory_at_start),
        TEST(test_exit)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
