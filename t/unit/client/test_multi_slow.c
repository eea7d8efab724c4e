/*
 * A client with several subscriptions that does not keep up: what is counted of
 * it, which subscription goes back to the log, and when it is closed.
 *
 * links: src/client/ngx_ess_multi_slow.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_multi_back.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_slow.h"


#define TEST_SUBS  3
#define TEST_MANY  20000

#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


ngx_queue_t                  ngx_ess_multi_due_waiting;

static ngx_ess_multi_t       test_multi;
static ngx_ess_client_t      test_client;
static ngx_ess_feed_t        test_feeds[TEST_SUBS];
static ngx_ess_frame_t       test_frames[TEST_SUBS];
static ngx_ess_multi_cell_t  test_cells[TEST_SUBS];
static ngx_ess_multi_cell_t  test_many[TEST_MANY];
static ngx_ess_multi_cell_t *test_ended;    /* cannot go back; NULL: none */
static ngx_uint_t            test_quiet;
static size_t                test_last;     /* kept by the last one; 0: any */
static ngx_int_t             test_back;
static size_t                test_used;


size_t
ngx_ess_memory_used(void)
{
    return test_used;
}


/* The heap is a list here, as long as the group has keys. */

size_t
ngx_ess_multi_heap_sum(ngx_ess_subscriber_t *heap,
    size_t (*measure)(ngx_ess_subscriber_t *sub, void *data), void *data)
{
    assert_ptr_equal(heap, &test_cells[1].sub);

    return measure(heap, data) + measure(&test_cells[2].sub, data);
}


ngx_int_t
ngx_ess_multi_back(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    if (test_last) {
        assert_true(cell->sub.lane->frames.bytes < test_last);
        test_last = cell->sub.lane->frames.bytes;

    } else if (!test_quiet) {
        ngx_unit_trace("back %d", (int) cell->sub.number);
    }

    if (cell == test_ended) {
        return NGX_DECLINED;
    }

    if (test_back == NGX_OK) {
        ngx_queue_remove(&cell->sub.queue);
    }

    return test_back;
}


static void
test_close(ngx_ess_client_t *client)
{
    assert_ptr_equal(client, &test_client);
    ngx_queue_remove(&test_multi.waiting);
    ngx_unit_trace("too slow");
}


static int
test_setup(void **state)
{
    static ngx_cycle_t  cycle;

    (void) fake_client_setup(state);

    memset(&test_multi, 0, sizeof(test_multi));
    memset(&test_client, 0, sizeof(test_client));
    memset(test_feeds, 0, sizeof(test_feeds));
    memset(test_frames, 0, sizeof(test_frames));
    memset(test_cells, 0, sizeof(test_cells));
    test_back = NGX_OK;
    test_ended = NULL;
    test_quiet = 0;
    test_last = 0;
    test_used = 0;

    ngx_queue_init(&ngx_ess_multi_due_waiting);
    ngx_queue_init(&test_multi.ready);
    ngx_queue_insert_tail(&ngx_ess_multi_due_waiting, &test_multi.waiting);
    test_multi.client = &test_client;
    test_client.multi = &test_multi;
    test_client.conf = &fake.conf;
    test_client.connection = &fake.connection;
    fake.conf.slow_buffer = 100;
    fake.conf.slow_skip = 1;

    cycle.log = &fake.log;
    ngx_ess_multi_slow_init(&cycle, test_close);

    return 0;
}


/* So much is kept from its cursor on, the frame there included. */

static void
test_keeps(ngx_uint_t i, size_t bytes, size_t next)
{
    test_frames[i].len = next;
    test_frames[i].start = 1000;
    test_feeds[i].lane.frames.bytes = 1000 + bytes;
    test_cells[i].sub.lane = &test_feeds[i].lane;
    test_cells[i].sub.frame = &test_frames[i];
    test_cells[i].sub.number = i;
}


static void
test_ready(ngx_uint_t i, size_t bytes, size_t next)
{
    test_keeps(i, bytes, next);
    ngx_queue_insert_tail(&test_multi.ready, &test_cells[i].sub.queue);
}


static void
test_check(void)
{
    ngx_ess_multi_slow_check();
    ngx_unit_posted();
}


static void
test_nobody(void **state)
{
    ngx_queue_init(&ngx_ess_multi_due_waiting);
    ngx_ess_multi_slow_check();
    assert_int_equal(ngx_unit_pending(), 0);
}


/* All together; but not the frame that is next, however large. */

static void
test_within(void **state)
{
    test_ready(0, 60, 10);
    test_ready(1, 90, 50);
    test_check();
    ngx_unit_traced();
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], 0);

    /* at the end of its replay */

    test_cells[1].sub.frame = NULL;
    test_feeds[0].lane.frames.bytes = 1110;
    test_check();
    ngx_unit_traced();
}


/* The one that keeps most, until it is within its bound. */

static void
test_skips(void **state)
{
    test_ready(0, 120, 10);
    test_ready(1, 200, 10);
    test_ready(2, 90, 10);
    test_check();
    ngx_unit_traced("back 1", "back 0");
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], 2);
}


/* One that cannot keeps what it has, and others go back for it. */

static void
test_skips_others(void **state)
{
    test_ready(0, 80, 10);
    test_ready(1, 200, 110);
    test_ready(2, 90, 10);
    test_ended = &test_cells[1];
    test_check();
    ngx_unit_traced("back 1", "back 2", "back 0");
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], 2);
}


/* In order of what they keep, also where many have to go. */

static void
test_skips_in_order(void **state)
{
    ngx_uint_t  i;

    static ngx_ess_feed_t   feeds[40];
    static ngx_ess_frame_t  frames[40];

    for (i = 0; i < 40; i++) {
        memset(&test_many[i], 0, sizeof(test_many[i]));
        frames[i].len = 1;
        feeds[i].lane.frames.bytes = 1000 + i * 27 % 40;
        test_many[i].sub.lane = &feeds[i].lane;
        test_many[i].sub.frame = &frames[i];
        ngx_queue_insert_tail(&test_multi.ready, &test_many[i].sub.queue);
    }

    fake.conf.slow_buffer = 5000;
    test_last = 2000;
    test_check();
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], 36);
    assert_int_equal(test_last, 1004);
}


/* However many there are, each is measured a few times. */

static void
test_skips_many(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < TEST_MANY; i++) {
        test_keeps(0, 1000, 10);
        test_many[i].sub = test_cells[0].sub;
        ngx_queue_insert_tail(&test_multi.ready, &test_many[i].sub.queue);
    }

    test_quiet = 1;
    test_check();
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], TEST_MANY);
    assert_true(ngx_queue_empty(&test_multi.ready));
}


static void
test_closes(void **state)
{
    test_ready(0, 120, 10);

    test_back = NGX_DECLINED;
    test_check();
    ngx_unit_traced("back 0", "too slow");

    fake.conf.slow_skip = 0;
    ngx_queue_insert_tail(&ngx_ess_multi_due_waiting, &test_multi.waiting);
    test_check();
    ngx_unit_traced("too slow");
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_SKIPPED], 0);
}


/* A group is one of them, with all its keys. */

static void
test_group(void **state)
{
    static ngx_ess_multi_cell_t  group;

    memset(&group, 0, sizeof(group));
    group.group.group = 1;
    group.group.number = 9;
    group.group.ready = &test_cells[1].sub;
    ngx_queue_insert_tail(&test_multi.ready, &group.group.queue);

    test_ready(0, 80, 10);
    test_keeps(1, 50, 10);
    test_keeps(2, 50, 10);
    test_check();
    ngx_unit_traced("back 9");
}


/* All clients keep too much: those with more than that much go back, until it
   is little enough. */

static void
test_over(void **state)
{
    test_used = 500;
    test_ready(0, 120, 10);
    test_ready(1, 200, 10);
    test_ready(2, 90, 10);

    assert_int_equal(ngx_ess_multi_slow_over(100, 500), 0);
    ngx_unit_traced();

    assert_int_equal(ngx_ess_multi_slow_over(100, 400), 90);
    ngx_unit_traced("back 0", "back 1");
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_RECLAIMED], 2);

    /* what cannot is closed, and keeps nothing */

    test_back = NGX_ERROR;
    assert_int_equal(ngx_ess_multi_slow_over(50, 400), 0);
    ngx_unit_traced("back 2", "too slow");
    assert_int_equal(fake.counters[NGX_ESS_C_SLOW_RECLAIMED], 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nobody),
        TEST(test_within),
        TEST(test_skips),
        TEST(test_skips_others),
        TEST(test_skips_in_order),
        TEST(test_skips_many),
        TEST(test_closes),
        TEST(test_group),
        TEST(test_over)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
