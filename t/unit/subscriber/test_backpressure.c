/*
 * Who is slow, and who lets go of what when all keep too much.
 *
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_frame.c src/subscriber/ngx_ess_memory.c
 * links: t/unit/subscriber/one_feed.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_feed.h"
#include "ngx_ess_backpressure.h"


#define TEST_BOUND  (1024 * 1024)


static ngx_ess_feed_t  test_other;
static ngx_uint_t      test_slow;
static size_t          test_behind;         /* of the last one that was slow */
static ngx_uint_t      test_reclaimed;
static ngx_uint_t      test_freed;          /* feeds */

static ngx_ess_feed_handlers_t  test_handlers;

ngx_ess_feed_worker_t  ngx_ess_feed_worker = { .handlers = &test_handlers };


static void test_is_slow(ngx_ess_subscriber_t *sub, size_t behind);
static void test_lets_go(ngx_ess_subscriber_t *sub);


void
ngx_ess_feed_unhold(ngx_ess_feed_t *feed)
{
    if (--feed->subscribers == 0) {
        test_freed++;
        ngx_queue_remove(&feed->all);

        /* it is not looked at any more */

        feed->all.next = NULL;
    }
}


static int
test_setup(void **state)
{
    ngx_memzero(&test_other, sizeof(ngx_ess_feed_t));
    ngx_queue_init(&test_other.waiting);
    test_other.lane.feed = &test_other;
    test_other.subscribers = 1;

    test_slow = 0;
    test_behind = 0;
    test_reclaimed = 0;
    test_freed = 0;

    (void) one_feed_begin(state);

    one_feed.feed.subscribers = ONE_FEED_SUBS;

    test_handlers.slow = test_is_slow;
    test_handlers.reclaim = test_lets_go;

    ngx_queue_init(&ngx_ess_feed_worker.all);
    ngx_queue_insert_tail(&ngx_ess_feed_worker.all, &one_feed.feed.all);
    ngx_queue_insert_tail(&ngx_ess_feed_worker.all, &test_other.all);

    return 0;
}


static void
test_is_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
    test_slow++;
    test_behind = behind;
}


/* it leaves, which takes it off the list */

static void
test_is_closed(ngx_ess_subscriber_t *sub, size_t behind)
{
    test_is_slow(sub, behind);

    ngx_ess_frame_release(&sub->lane->frames, sub->frame);
    sub->frame = NULL;

    ngx_queue_remove(&sub->queue);
    sub->queue.next = NULL;
}


static void
test_check(ngx_uint_t slow, size_t behind)
{
    test_slow = 0;
    ngx_ess_backpressure_check(&one_feed.feed);

    assert_int_equal(test_slow, slow);

    if (slow) {
        assert_int_equal(test_behind, behind);
    }
}


static void
test_what_is_sent_and_what_is_newest_does_not_count(void **state)
{
    test_check(0, 0);

    one_feed.subs[2].frame = one_feed_append(5000);
    test_check(0, 0);
    one_feed_pass(400);
    test_check(0, 0);
    one_feed_pass(3000000);
    test_check(1, 400 + sizeof(ngx_ess_frame_t));
    one_feed_pass(30);
    test_check(1, 3000400 + 2 * sizeof(ngx_ess_frame_t));

    one_feed_release(2);
    test_check(0, 0);
}


static void
test_only_those_whose_socket_is_full_are_asked(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        one_feed.subs[i].frame = one_feed_append(100);
    }

    test_check(2, sizeof(ngx_ess_frame_t) + 100);

    ngx_queue_remove(&one_feed.subs[0].queue);
    ngx_queue_insert_tail(&one_feed.feed.lane.idle, &one_feed.subs[0].queue);
    test_check(1, sizeof(ngx_ess_frame_t) + 100);

    ngx_queue_remove(&one_feed.subs[1].queue);
    ngx_queue_insert_tail(&one_feed.feed.due, &one_feed.subs[1].queue);
    test_check(0, 0);

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        one_feed_release(i);
    }
}


static void
test_who_is_slow_may_leave(void **state)
{
    ngx_uint_t        i;
    ngx_ess_frame_t  *frame;

    frame = one_feed_append(10);

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        one_feed_at(i, frame);
    }

    ngx_ess_frame_release(&one_feed.feed.lane.frames, frame);
    one_feed_pass(10);
    one_feed_pass(10);

    test_handlers.slow = test_is_closed;
    ngx_ess_backpressure_check(&one_feed.feed);
    assert_int_equal(test_slow, ONE_FEED_SUBS);
    assert_true(ngx_queue_empty(&one_feed.feed.waiting));
}


static void
test_who_is_closed_lets_go_of_what_is_behind(void **state)
{
    ngx_ess_frame_t  *frame;

    one_feed.subs[0].frame = one_feed_append(10);
    one_feed.subs[0].closed = 1;
    one_feed_at(1, one_feed.subs[0].frame);

    frame = one_feed_append(10);
    ngx_ess_frame_release(&one_feed.feed.lane.frames, frame);

    /* with another one there it does not; when that has gone, the check that
       follows each new frame does */

    test_check(0, 0);
    assert_ptr_equal(one_feed.subs[0].frame->next, frame);

    one_feed_release(1);
    test_check(0, 0);
    assert_null(one_feed.subs[0].frame->next);
    assert_null(one_feed.feed.lane.frames.tail);

    one_feed_release(0);
}


static void
test_count_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
    if (behind > TEST_BOUND) {
        test_slow++;
        one_feed_release(sub - one_feed.subs);
    }
}


static void
test_events_of_any_size_are_kept_up_to_a_bound(void **state)
{
    size_t            memory;
    ngx_uint_t        i;
    ngx_ess_frame_t  *frame;

    static const size_t  lens[] = { 2, 100, 5000, 400000, 3000000 };

    test_handlers.slow = test_count_slow;

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {

        test_slow = 0;
        memory = 0;

        one_feed.subs[0].frame = one_feed_append(lens[i]);

        do {
            frame = one_feed_append(lens[i]);
            memory += lens[i] + sizeof(ngx_ess_frame_t);

            ngx_ess_backpressure_check(&one_feed.feed);
            ngx_ess_frame_release(&one_feed.feed.lane.frames, frame);

        } while (test_slow == 0);

        /* the newest frame does not count, whatever its size */

        memory -= lens[i] + sizeof(ngx_ess_frame_t);

        assert_in_range(memory, TEST_BOUND + 1,
                        TEST_BOUND + lens[i] + sizeof(ngx_ess_frame_t));

        assert_null(one_feed.feed.lane.frames.tail);
    }
}


static void
test_lets_go(ngx_ess_subscriber_t *sub)
{
    test_reclaimed++;
    one_feed_release(sub - one_feed.subs);
}


static void
test_reclaim(size_t target, ngx_uint_t reclaimed)
{
    ngx_ess_backpressure_reclaim(target);
    assert_int_equal(test_reclaimed, reclaimed);
}


static void
test_those_let_go_that_keep_most_and_no_more_of_them(void **state)
{
    size_t            one, all;
    ngx_uint_t        i;
    ngx_ess_frame_t  *frames[16];

    /* these keep 16, 8, 4 of them */
    static const ngx_uint_t  first[] = { 0, 8, 12 };

    for (i = 0; i < 16; i++) {
        frames[i] = one_feed_append(10000);
    }

    all = ngx_ess_memory_used();
    one = all / 16;

    for (i = 0; i < 3; i++) {
        one_feed_at(i, frames[first[i]]);
    }

    for (i = 0; i < 16; i++) {
        ngx_ess_frame_release(&one_feed.feed.lane.frames, frames[i]);
    }

    test_reclaim(all, 0);
    test_reclaim(all - 1, 1);
    assert_null(one_feed.subs[0].frame);
    assert_int_equal(ngx_ess_memory_used(), 8 * one);

    test_reclaim(8 * one, 1);
    test_reclaim(0, 3);
    assert_int_equal(ngx_ess_memory_used(), 0);

    /* held while they let go, and no longer */

    assert_int_equal(one_feed.feed.subscribers, ONE_FEED_SUBS);
    assert_int_equal(test_freed, 0);
}


static void
test_what_is_shared_goes_with_the_last_who_keeps_it(void **state)
{
    ngx_uint_t        i;
    ngx_ess_frame_t  *frame;

    frame = one_feed_append(10000);

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        one_feed_at(i, frame);
    }

    ngx_ess_frame_release(&one_feed.feed.lane.frames, frame);

    test_reclaim(ngx_ess_memory_used() - 1, ONE_FEED_SUBS);
    assert_int_equal(ngx_ess_memory_used(), 0);
}


/* The last of four waits at the other feed, with that much. */

static void
test_at_other(size_t len)
{
    ngx_ess_encoding_frame_t  data;

    ngx_memzero(&data, sizeof(ngx_ess_encoding_frame_t));

    data.data = ngx_ess_encoding_alloc(len, NULL);
    assert_non_null(data.data);
    data.len = len;

    ngx_queue_remove(&one_feed.subs[3].queue);
    ngx_queue_insert_tail(&test_other.waiting, &one_feed.subs[3].queue);

    one_feed.subs[3].lane = &test_other.lane;
    one_feed.subs[3].frame = ngx_ess_frame_append(&test_other.lane.frames,
                                                  NGX_ESS_FRAME_EVENT, 1, 1,
                                                  &data, NULL);
    assert_non_null(one_feed.subs[3].frame);

    ngx_ess_frame_drop(data.data, data.len);
}


static void
test_whatever_the_stream_and_who_keeps_little_is_left_alone(void **state)
{
    one_feed.subs[0].frame = one_feed_append(100);
    one_feed.subs[1].frame = one_feed_append(100);
    test_at_other(100000);

    test_reclaim(50000, 1);
    assert_null(one_feed.subs[3].frame);

    test_reclaim(0, 1);

    one_feed_release(0);
    one_feed_release(1);
}


static void
test_leaves_with_its_feed(ngx_ess_subscriber_t *sub)
{
    test_lets_go(sub);

    ngx_queue_remove(&sub->queue);
    sub->lane->feed->subscribers--;
}


static void
test_a_feed_may_go_with_its_last_one(void **state)
{
    ngx_uint_t  i;

    one_feed.feed.subscribers = 1;
    one_feed.subs[0].frame = one_feed_append(100000);
    test_at_other(100000);

    test_handlers.reclaim = test_leaves_with_its_feed;
    ngx_ess_backpressure_reclaim(0);

    assert_int_equal(test_reclaimed, 2);
    assert_int_equal(test_freed, 2);
    assert_true(ngx_queue_empty(&ngx_ess_feed_worker.all));

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        assert_null(one_feed.subs[i].frame);
    }
}


static void
test_who_is_closed_keeps_the_frame_that_it_has_in_part(void **state)
{
    one_feed.subs[0].frame = one_feed_append(3000);
    one_feed.subs[0].closed = 1;
    one_feed_at(1, one_feed.subs[0].frame);
    one_feed_pass(1000000);

    /* what is behind that is not its own */

    test_reclaim(0, 1);
    assert_null(one_feed.subs[1].frame);
    assert_non_null(one_feed.subs[0].frame);
    one_feed_release(0);

    one_feed.subs[0].frame = one_feed_append(10000);
    test_reclaim(0, 2);
    assert_int_equal(ngx_ess_memory_used(), 0);
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, test_setup, one_feed_end)


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        TEST(test_what_is_sent_and_what_is_newest_does_not_count),
        TEST(test_only_those_whose_socket_is_full_are_asked),
        TEST(test_who_is_slow_may_leave),
        TEST(test_who_is_closed_lets_go_of_what_is_behind),
        TEST(test_events_of_any_size_are_kept_up_to_a_bound),
        TEST(test_those_let_go_that_keep_most_and_no_more_of_them),
        TEST(test_what_is_shared_goes_with_the_last_who_keeps_it),
        TEST(test_whatever_the_stream_and_who_keeps_little_is_left_alone),
        TEST(test_a_feed_may_go_with_its_last_one),
        TEST(test_who_is_closed_keeps_the_frame_that_it_has_in_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
