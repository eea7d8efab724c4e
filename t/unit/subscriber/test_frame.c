/*
 * Frames and their references, and how much memory a client that waits may
 * keep; the sanitizer finds what is freed too early or never.
 *
 * links: src/subscriber/ngx_ess_frame.c src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_backpressure.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_counter.h"


#define TEST_BOUND  (1024 * 1024)


static ngx_queue_t           test_all;
static ngx_ess_feed_t        test_feed;
static ngx_ess_feed_t        test_other;
static ngx_ess_subscriber_t  test_subs[4];
static ngx_uint_t            test_frames;   /* that there are */
static ngx_uint_t            test_slow;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_int_equal(counter, NGX_ESS_C_MEMORY);
}


void
ngx_ess_feed_unhold(ngx_ess_feed_t *feed)
{
    feed->subscribers--;
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    ngx_memzero(&test_feed, sizeof(ngx_ess_feed_t));
    ngx_memzero(&test_other, sizeof(ngx_ess_feed_t));
    ngx_memzero(test_subs, sizeof(test_subs));

    ngx_queue_init(&test_all);
    ngx_queue_init(&test_feed.waiting);
    ngx_queue_init(&test_other.waiting);
    ngx_queue_insert_tail(&test_all, &test_feed.all);
    ngx_queue_insert_tail(&test_all, &test_other.all);


    for (i = 0; i < 4; i++) {
        test_subs[i].feed = &test_feed;
        test_subs[i].closed = 0;
        ngx_queue_insert_tail(&test_feed.waiting, &test_subs[i].queue);
    }

    test_frames = 0;
    test_slow = 0;

    return 0;
}


static ngx_ess_frame_t *
test_append(size_t len)
{
    ngx_ess_frame_t            *frame;
    ngx_ess_encoding_frame_t   data;

    data.data = malloc(len);
    data.len = len;

    frame = ngx_ess_frame_append(&test_feed.frames, NGX_ESS_FRAME_EVENT,
                                 ++test_frames, &data, NULL);
    assert_non_null(frame);

    return frame;
}


static void
test_release(ngx_uint_t i)
{
    ngx_ess_frame_release(&test_feed.frames, test_subs[i].frame);
    test_subs[i].frame = NULL;
}


static void
test_next(ngx_uint_t i)
{
    test_subs[i].frame = ngx_ess_frame_next(&test_feed.frames,
                                            test_subs[i].frame);
}


static void
test_references(void **state)
{
    ngx_uint_t  i;

    /* two cursors, one of which goes to the end and begins again there */

    test_subs[0].frame = test_append(10);
    test_subs[1].frame = test_subs[0].frame;
    ngx_ess_frame_hold(test_subs[1].frame);

    for (i = 0; i < 9; i++) {
        ngx_ess_frame_release(&test_feed.frames, test_append(10));
    }

    for (i = 0; i < 10; i++) {
        assert_int_equal(test_subs[0].frame->seq, i + 1);
        test_next(0);
    }

    assert_null(test_subs[0].frame);

    test_subs[0].frame = test_append(10);

    for (i = 0; i < 10; i++) {
        test_next(1);
    }

    assert_ptr_equal(test_subs[1].frame, test_subs[0].frame);

    test_release(0);
    assert_non_null(test_feed.frames.tail);
    test_release(1);
    assert_null(test_feed.frames.tail);

    /* a list that nobody wanted */

    ngx_ess_frame_release(&test_feed.frames, test_append(10));
    assert_null(test_feed.frames.tail);
}


static void
test_cut(void **state)
{
    ngx_ess_frame_t  *frame;

    /* alone at its frame, it lets go of those behind, and of what comes */

    test_subs[0].frame = test_append(10);
    ngx_ess_frame_release(&test_feed.frames, test_append(10));

    ngx_ess_frame_cut(&test_feed.frames, test_subs[0].frame);
    assert_null(test_feed.frames.tail);

    ngx_ess_frame_release(&test_feed.frames, test_append(10));
    assert_null(test_feed.frames.tail);
    assert_null(test_subs[0].frame->next);
    test_release(0);

    /* with another one there it does not; when that has gone, the check that
       follows each new frame does */

    test_subs[0].frame = test_append(10);
    test_subs[1].frame = test_subs[0].frame;
    ngx_ess_frame_hold(test_subs[1].frame);

    frame = test_append(10);
    ngx_ess_frame_release(&test_feed.frames, frame);

    test_subs[0].closed = 1;
    ngx_ess_frame_cut(&test_feed.frames, test_subs[0].frame);
    assert_ptr_equal(test_subs[0].frame->next, frame);

    test_release(1);
    ngx_ess_backpressure_check(&test_feed, NULL);
    assert_null(test_subs[0].frame->next);
    assert_null(test_feed.frames.tail);
    test_release(0);
}


static void
test_count_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
    if (behind <= TEST_BOUND) {
        return;
    }

    test_slow++;

    ngx_ess_frame_release(&test_feed.frames, sub->frame);
    sub->frame = NULL;
}


static void
test_bound(void **state)
{
    size_t             memory;
    ngx_uint_t         i;
    ngx_ess_frame_t   *frame;

    static const size_t  lens[] = { 2, 100, 5000, 400000, 3000000 };

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {

        test_slow = 0;
        memory = 0;

        test_subs[0].frame = test_append(lens[i]);

        do {
            frame = test_append(lens[i]);
            memory += lens[i] + sizeof(ngx_ess_frame_t);

            ngx_ess_backpressure_check(&test_feed, test_count_slow);
            ngx_ess_frame_release(&test_feed.frames, frame);

        } while (test_slow == 0);

        /* the newest frame does not count, whatever its size */

        memory -= lens[i] + sizeof(ngx_ess_frame_t);

        assert_in_range(memory, TEST_BOUND + 1,
                        TEST_BOUND + lens[i]
                        + sizeof(ngx_ess_frame_t));

        assert_null(test_feed.frames.tail);
    }
}


static void
test_count_reclaimed(ngx_ess_subscriber_t *sub)
{
    test_slow++;

    ngx_ess_frame_release(&sub->feed->frames, sub->frame);
    sub->frame = NULL;
}


/* over all feeds: those go that keep most, and no more of them */

static void
test_reclaim(void **state)
{
    size_t            one, all;
    ngx_uint_t        i;
    ngx_ess_frame_t  *frames[16];

    for (i = 0; i < 16; i++) {
        frames[i] = test_append(10000);
    }

    all = ngx_ess_memory_used();
    one = all / 16;

    /* these keep 16, 8, 4 of them */

    static const ngx_uint_t  first[] = { 0, 8, 12 };

    for (i = 0; i < 3; i++) {
        test_subs[i].frame = frames[first[i]];
        ngx_ess_frame_hold(frames[first[i]]);
    }

    for (i = 0; i < 16; i++) {
        ngx_ess_frame_release(&test_feed.frames, frames[i]);
    }

    ngx_ess_backpressure_reclaim(&test_all, all, test_count_reclaimed);
    assert_int_equal(test_slow, 0);

    ngx_ess_backpressure_reclaim(&test_all, all - 1, test_count_reclaimed);
    assert_int_equal(test_slow, 1);
    assert_null(test_subs[0].frame);
    assert_int_equal(ngx_ess_memory_used(), 8 * one);

    ngx_ess_backpressure_reclaim(&test_all, 8 * one, test_count_reclaimed);
    assert_int_equal(test_slow, 1);

    ngx_ess_backpressure_reclaim(&test_all, 0, test_count_reclaimed);
    assert_int_equal(test_slow, 3);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(test_feed.subscribers, 0);
}


/* whatever its stream; and who keeps little is left alone */

static void
test_reclaim_of_another_feed(void **state)
{
    ngx_uint_t                  i;
    ngx_ess_encoding_frame_t   data;

    for (i = 0; i < 3; i++) {
        data.data = malloc(100);
        data.len = 100;
        test_subs[i].frame = ngx_ess_frame_append(&test_feed.frames,
                                                  NGX_ESS_FRAME_EVENT, 1,
                                                  &data, NULL);
        test_subs[i].closed = 0;
    }

    data.data = malloc(100000);
    data.len = 100000;

    ngx_queue_remove(&test_subs[3].queue);
    ngx_queue_insert_tail(&test_other.waiting, &test_subs[3].queue);

    test_subs[3].feed = &test_other;
    test_subs[3].frame = ngx_ess_frame_append(&test_other.frames,
                                              NGX_ESS_FRAME_EVENT, 1, &data,
                                              NULL);

    ngx_ess_backpressure_reclaim(&test_all, 50000, test_count_reclaimed);
    assert_int_equal(test_slow, 1);
    assert_null(test_subs[3].frame);

    ngx_ess_backpressure_reclaim(&test_all, 0, test_count_reclaimed);
    assert_int_equal(test_slow, 1);

    for (i = 0; i < 3; i++) {
        test_release(i);
    }

    assert_int_equal(ngx_ess_memory_used(), 0);
}


/* of one that is being closed only the frame that it has in part is left */

static void
test_reclaim_of_the_closing(void **state)
{
    test_subs[0].frame = test_append(10000);
    test_subs[0].closed = 1;

    ngx_ess_backpressure_reclaim(&test_all, 0, test_count_reclaimed);
    assert_int_equal(test_slow, 1);
    assert_int_equal(ngx_ess_memory_used(), 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_references, test_setup),
        cmocka_unit_test_setup(test_cut, test_setup),
        cmocka_unit_test_setup(test_bound, test_setup),
        cmocka_unit_test_setup(test_reclaim, test_setup),
        cmocka_unit_test_setup(test_reclaim_of_another_feed, test_setup),
        cmocka_unit_test_setup(test_reclaim_of_the_closing, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
