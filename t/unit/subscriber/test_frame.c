/*
 * Frames and their references, and how much memory a client that waits may
 * keep; the sanitizer finds what is freed too early or never.
 *
 * links: src/subscriber/ngx_ess_frame.c src/subscriber/ngx_ess_backpressure.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_backpressure.h"


#define TEST_BOUND  (1024 * 1024)


static ngx_ess_feed_t        test_feed;
static ngx_ess_loc_conf_t    test_conf;
static ngx_ess_subscriber_t  test_subs[4];
static ngx_uint_t            test_frames;   /* that there are */
static ngx_uint_t            test_slow;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    ngx_memzero(&test_feed, sizeof(ngx_ess_feed_t));
    ngx_memzero(test_subs, sizeof(test_subs));

    ngx_queue_init(&test_feed.waiting);

    test_conf.slow_buffer = TEST_BOUND;

    for (i = 0; i < 4; i++) {
        test_subs[i].feed = &test_feed;
        test_subs[i].conf = &test_conf;
        test_subs[i].state = NGX_ESS_SUBSCRIBER_OPEN;
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
    ngx_ess_transport_frame_t   data;

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

    test_subs[0].state = NGX_ESS_SUBSCRIBER_CLOSING;
    ngx_ess_frame_cut(&test_feed.frames, test_subs[0].frame);
    assert_ptr_equal(test_subs[0].frame->next, frame);

    test_release(1);
    ngx_ess_backpressure_check(&test_feed, (size_t) -1, NULL);
    assert_null(test_subs[0].frame->next);
    assert_null(test_feed.frames.tail);
    test_release(0);
}


static void
test_pin(void **state)
{
    size_t            memory, all;
    ngx_uint_t        i;
    ngx_ess_frame_t  *frame;

    /* what is pinned stays when its cursor leaves, and nothing behind it */

    memory = ngx_ess_frame_bytes();

    frame = test_append(10);
    test_subs[0].frame = frame;

    for (i = 0; i < 9; i++) {
        ngx_ess_frame_release(&test_feed.frames, test_append(10));
    }

    all = ngx_ess_frame_bytes() - memory;

    ngx_ess_frame_pin(frame);
    ngx_ess_frame_pin(frame);
    test_release(0);

    assert_null(test_feed.frames.tail);
    assert_int_equal(ngx_ess_frame_bytes() - memory, all / 10);

    ngx_ess_frame_unpin(frame);
    assert_int_equal(frame->len, 10);
    assert_int_equal(ngx_ess_frame_bytes() - memory, all / 10);

    ngx_ess_frame_unpin(frame);
    assert_int_equal(ngx_ess_frame_bytes(), memory);

    /* on the list it stays for the cursor */

    test_subs[0].frame = test_append(10);
    ngx_ess_frame_pin(test_subs[0].frame);
    ngx_ess_frame_unpin(test_subs[0].frame);
    assert_int_equal(test_subs[0].frame->refs, 1);

    test_release(0);
    assert_int_equal(ngx_ess_frame_bytes(), memory);
}


static void
test_count_slow(ngx_ess_subscriber_t *sub)
{
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

            ngx_ess_backpressure_check(&test_feed, (size_t) -1,
                                       test_count_slow);
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


/* over all frames: those go that are furthest behind, and no more of them */

static void
test_total(void **state)
{
    size_t            one, all;
    ngx_uint_t        i;
    ngx_ess_frame_t  *frames[10];

    for (i = 0; i < 10; i++) {
        frames[i] = test_append(1000);
    }

    all = ngx_ess_frame_bytes();
    one = all / 10;

    for (i = 0; i < 3; i++) {
        test_subs[i].frame = frames[i * 3];
        ngx_ess_frame_hold(frames[i * 3]);
    }

    for (i = 0; i < 9; i++) {
        ngx_ess_frame_release(&test_feed.frames, frames[i]);
    }

    test_slow = 0;
    ngx_ess_backpressure_check(&test_feed, all, test_count_slow);
    assert_int_equal(test_slow, 0);

    ngx_ess_backpressure_check(&test_feed, all - 1, test_count_slow);
    assert_int_equal(test_slow, 1);
    assert_null(test_subs[0].frame);
    assert_int_equal(ngx_ess_frame_bytes(), 7 * one);

    ngx_ess_backpressure_check(&test_feed, one, test_count_slow);
    assert_int_equal(test_slow, 3);
    assert_int_equal(ngx_ess_frame_bytes(), one);

    ngx_ess_frame_release(&test_feed.frames, frames[9]);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_references, test_setup),
        cmocka_unit_test_setup(test_cut, test_setup),
        cmocka_unit_test_setup(test_pin, test_setup),
        cmocka_unit_test_setup(test_bound, test_setup),
        cmocka_unit_test_setup(test_total, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
