/*
 * Frames and their references; the sanitizer finds what is freed too early or
 * never.
 *
 * links: src/subscriber/ngx_ess_frame.c src/subscriber/ngx_ess_memory.c
 * links: t/unit/subscriber/one_feed.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_feed.h"


static void
test_a_frame_lives_as_long_as_somebody_is_at_it_or_before(void **state)
{
    ngx_uint_t  i;

    /* two cursors, one of which goes to the end and begins again there */

    one_feed.subs[0].frame = one_feed_append(10);
    one_feed_at(1, one_feed.subs[0].frame);

    for (i = 0; i < 9; i++) {
        one_feed_pass(10);
    }

    for (i = 0; i < 10; i++) {
        assert_int_equal(one_feed.subs[0].frame->seq, i + 1);
        one_feed_next(0);
    }

    assert_null(one_feed.subs[0].frame);

    one_feed.subs[0].frame = one_feed_append(10);

    for (i = 0; i < 10; i++) {
        one_feed_next(1);
    }

    assert_ptr_equal(one_feed.subs[1].frame, one_feed.subs[0].frame);

    one_feed_release(0);
    assert_non_null(one_feed.feed.lane.frames.tail);
    one_feed_release(1);
    assert_null(one_feed.feed.lane.frames.tail);
}


static void
test_a_frame_that_nobody_wanted_is_gone(void **state)
{
    one_feed_pass(10);
    assert_null(one_feed.feed.lane.frames.tail);
    assert_int_equal(ngx_ess_memory_used(), 0);

    ngx_ess_frame_release(&one_feed.feed.lane.frames, NULL);
}


static void
test_a_frame_says_how_much_was_before_it_ever(void **state)
{
    one_feed_pass(10);
    one_feed.subs[0].frame = one_feed_append(20);
    assert_int_equal(one_feed.subs[0].frame->start,
                     10 + sizeof(ngx_ess_frame_t));

    /* one without bytes takes its own room */

    one_feed_pass(0);
    assert_int_equal(one_feed.feed.lane.frames.bytes,
                     30 + 3 * sizeof(ngx_ess_frame_t));
    assert_int_equal(ngx_ess_memory_used(), 20 + 2 * sizeof(ngx_ess_frame_t));
    assert_int_equal(one_feed.memory, ngx_ess_memory_used());

    one_feed_release(0);
}


static void
test_without_memory_for_a_frame_its_bytes_are_freed(void **state)
{
    one_feed.subs[0].frame = one_feed_append(10);

    one_feed.fail = 1;
    assert_null(one_feed_append(10));

    assert_ptr_equal(one_feed.feed.lane.frames.tail, one_feed.subs[0].frame);
    assert_null(one_feed.subs[0].frame->next);
    one_feed_release(0);
}


static void
test_a_cut_lets_go_of_what_is_behind_and_of_what_comes(void **state)
{
    one_feed.subs[0].frame = one_feed_append(10);
    one_feed_pass(10);

    ngx_ess_frame_cut(&one_feed.feed.lane.frames, one_feed.subs[0].frame);
    assert_null(one_feed.feed.lane.frames.tail);

    one_feed_pass(10);
    assert_null(one_feed.feed.lane.frames.tail);
    assert_null(one_feed.subs[0].frame->next);
    one_feed_release(0);
}


static void
test_a_cut_takes_nothing_from_others(void **state)
{
    ngx_ess_frame_t  *frame;

    one_feed.subs[0].frame = one_feed_append(10);
    one_feed_at(1, one_feed.subs[0].frame);

    frame = one_feed_append(10);
    ngx_ess_frame_release(&one_feed.feed.lane.frames, frame);

    ngx_ess_frame_cut(&one_feed.feed.lane.frames, one_feed.subs[0].frame);
    assert_ptr_equal(one_feed.subs[0].frame->next, frame);

    /* somebody further on has what is behind */

    one_feed_next(1);
    ngx_ess_frame_cut(&one_feed.feed.lane.frames, one_feed.subs[0].frame);
    assert_null(one_feed.subs[0].frame->next);
    assert_ptr_equal(one_feed.subs[1].frame, frame);
    assert_ptr_equal(one_feed.feed.lane.frames.tail, frame);

    one_feed_release(0);
    one_feed_release(1);
}


static void
test_a_long_list_goes_at_once(void **state)
{
    ngx_uint_t  i;

    one_feed.subs[0].frame = one_feed_append(1);

    for (i = 0; i < 100000; i++) {
        one_feed_pass(1);
    }

    one_feed_release(0);
    assert_null(one_feed.feed.lane.frames.tail);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        one_feed_test(
            test_a_frame_lives_as_long_as_somebody_is_at_it_or_before),
        one_feed_test(test_a_frame_that_nobody_wanted_is_gone),
        one_feed_test(test_a_frame_says_how_much_was_before_it_ever),
        one_feed_test(test_without_memory_for_a_frame_its_bytes_are_freed),
        one_feed_test(test_a_cut_lets_go_of_what_is_behind_and_of_what_comes),
        one_feed_test(test_a_cut_takes_nothing_from_others),
        one_feed_test(test_a_long_list_goes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
