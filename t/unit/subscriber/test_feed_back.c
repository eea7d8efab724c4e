/*
 * What one lets go of, whose socket is full: what is kept for it, and from
 * where it will read on.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"


#define TEST_FRAME  (sizeof(ngx_ess_frame_t) + sizeof("e1:x;") - 1)


/* Of the clients of a stream one has so many bytes of the first event, and
   then its socket is full; there are two more events. */

static feeds_client_t *
test_stuck(feeds_stream_t *s, size_t taken)
{
    feeds_client_t  *c;

    c = feeds_join(s, &feeds_plain);
    c->room = taken;
    (void) feeds_script(s, NULL, "eee!");

    return c;
}


static void
test_of_whole_frames_none_is_kept(void **state)
{
    ngx_uint_t       keep;
    feeds_client_t  *c, *other;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed, *old;

    for (keep = 0; keep < 2; keep++) {
        s = feeds_stream(keep + 1);
        other = feeds_join(s, &feeds_plain);
        c = test_stuck(s, 0);
        old = c->client.sub.lane->feed;

        assert_int_equal(ngx_ess_memory_used(), 3 * TEST_FRAME);
        assert_int_equal(ngx_ess_feed_back(&c->client.sub, keep), NGX_OK);
        assert_int_equal(ngx_ess_memory_used(), 0);

        feed = c->client.sub.lane->feed;
        assert_ptr_not_equal(feed, old);
        assert_ptr_equal(other->client.sub.lane->feed, old);
        assert_int_equal(old->subscribers, 1);

        assert_true(feed->replay);
        assert_true(feed->changed);
        assert_int_equal(feed->subscribers, 1);
        assert_int_equal(feed->seq, 1);
        assert_int_equal(feed->have, 0);
        assert_null(feed->rest);
        assert_null(c->client.sub.frame);
        assert_ptr_equal(ngx_queue_head(&feed->waiting), &c->client.sub.queue);

        /* it reads on when its socket takes more, and not before */

        s->reads = 0;
        feeds_run();
        assert_int_equal(s->reads, 0);

        feeds_take(c, FEEDS_ROOM);
        feeds_expect(c, "e1:x;e2:x;e3:x;");
        feeds_expect(other, "e1:x;e2:x;e3:x;");
        assert_ptr_equal(c->client.sub.lane->feed, old);
    }
}


static void
test_with_the_last_one_the_feed_of_all_is_gone(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = test_stuck(s, 0);
    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_int_equal(ngx_ess_feed_worker.nfeeds, 0);
    assert_int_equal(feeds_subscribers(s), 1);
}


static void
test_a_frame_in_part_is_kept_alone(void **state)
{
    feeds_client_t   *c;
    feeds_stream_t   *s;
    ngx_ess_frame_t  *frame;

    s = feeds_stream(1);
    (void) feeds_join(s, &feeds_plain);
    c = test_stuck(s, 2);
    frame = c->client.sub.frame;

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 1), NGX_OK);
    assert_int_equal(ngx_ess_memory_used(), TEST_FRAME);

    assert_ptr_not_equal(c->client.sub.frame, frame);
    assert_int_equal(c->client.sub.frame->type, NGX_ESS_FRAME_EVENT);
    assert_int_equal(c->client.sub.frame->ordinal, 1);
    assert_int_equal(c->client.sub.frame->timestamp, 10);
    assert_int_equal(c->client.sub.offset, 2);
    assert_null(c->client.sub.frame->next);
    assert_null(c->client.sub.lane->feed->rest);

    /* what it reads next is what is behind */

    assert_int_equal(c->client.sub.lane->feed->seq, 2);
    assert_int_equal(c->client.sub.lane->feed->have, 1);

    feeds_evict(s, 2);
    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;gap 2-2;e3:x;");
}


static void
test_or_it_is_known_again_by_its_rest(void **state)
{
    feeds_client_t       *c;
    feeds_stream_t       *s;
    ngx_ess_feed_rest_t  *rest;

    s = feeds_stream(1);
    c = test_stuck(s, 2);

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_null(c->client.sub.frame);
    assert_int_equal(c->client.sub.offset, 0);

    rest = c->client.sub.lane->feed->rest;
    assert_non_null(rest);
    assert_int_equal(rest->ordinal, 1);
    assert_int_equal(rest->timestamp, 10);
    assert_int_equal(rest->len, 5);
    assert_int_equal(rest->sent, 2);
    assert_int_equal(c->client.sub.lane->feed->seq, 1);
    assert_int_equal(c->client.sub.lane->feed->have, 0);

    /* a second time, when that is the rest of a rest */

    feeds_take(c, 1);
    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_int_equal(c->client.sub.lane->feed->rest->sent, 3);

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;e2:x;e3:x;");
}


static void
test_a_frame_that_was_kept_may_go_later(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    s = feeds_stream(1);
    c = test_stuck(s, 2);

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 1), NGX_OK);
    feed = c->client.sub.lane->feed;
    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_ptr_equal(c->client.sub.lane->feed, feed);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_non_null(feed->rest);
    assert_int_equal(feed->seq, 1);

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;e2:x;e3:x;");
}


static void
test_of_a_replay_the_feed_is_the_same(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    s = feeds_stream(1);
    c = feeds_script(s, &feeds_plain, "eeer0b.");
    feed = c->client.sub.lane->feed;
    assert_int_equal(feed->seq, 4);

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_ptr_equal(c->client.sub.lane->feed, feed);
    assert_int_equal(feed->subscribers, 1);
    assert_int_equal(feed->seq, 1);
    assert_null(feed->lane.frames.tail);

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;e2:x;e3:x;");
}


/* Each of these is stuck at its first frame, or behind some bytes of it, and
   lets go. */

static void
test_the_notice_of_a_gap_stays(void **state)
{
    ngx_uint_t       i, taken, keep;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    static const feeds_row_t  rows[] = {
        { "ej-e",       "gap 2-2;e3:x;" },
        { "ej-ee",      "gap 2-2;e3:x;e4:x;" },
        { "ejge",       "gap 2-?;e2:x;e3:x;" },
        { "ejgp",       "gap 2-?;e2:x;close;" },
        { "ej-p",       "gap 2-2;close;" },
    };

    for (i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
        taken = i % 2 ? 3 : 0;
        keep = i / 2 % 2;

        s = feeds_stream(i + 1);
        c = feeds_script(s, &feeds_plain, rows[i / 4].script);
        c->room = taken;
        feeds_changed(s);

        assert_int_equal(ngx_ess_feed_back(&c->client.sub, keep), NGX_OK);
        assert_true(ngx_ess_frame_is_gap(c->client.sub.frame));
        assert_null(c->client.sub.frame->next);
        assert_int_equal(c->client.sub.offset, taken);

        feeds_take(c, FEEDS_ROOM);
        feeds_expect(c, rows[i / 4].text);
    }
}


static void
test_of_several_notices_none_is_lost(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;

    /* there are two, for another one came in the middle of the gap */

    for (i = 0; i < 4; i++) {
        s = feeds_stream(i + 1);
        a = feeds_script(s, &feeds_plain, "ej--");
        b = feeds_script(s, &feeds_plain, "j--e");
        a->room = i % 2 ? 3 : 0;
        feeds_changed(s);
        feeds_expect(b, "gap 4-5;e6:x;");

        assert_int_equal(ngx_ess_feed_back(&a->client.sub, i / 2), NGX_OK);

        feeds_take(a, FEEDS_ROOM);
        feeds_expect(a, "gap 2-3;gap 4-5;e6:x;");
    }
}


static void
test_behind_the_notice_of_another_epoch_no_gap_is_told(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeeeeexxxxx");

    feeds.opening = 1;
    c = feeds_source(s, &feeds_plain, 1, 77, 0);
    feeds_block(c);
    feeds_open(c);

    (void) feeds_broker_event_gap(3, "c");
    feeds_broker_batch();

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_int_equal(c->client.sub.frame->type, NGX_ESS_FRAME_LOSS);
    assert_int_equal(c->client.sub.lane->feed->have, 2);

    /* also when it lets go of nothing but the notice */

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_int_equal(c->client.sub.lane->feed->have, 2);

    feeds_take(c, FEEDS_ROOM);
    assert_int_equal(feeds.replay->ordinal, 2);
    (void) feeds_broker_event(3, "c");
    feeds_broker_batch();
    feeds_expect(c, "gap 78-?;e3:c;");
}


static void
test_what_came_from_the_source_is_asked_for_again(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeeeeexxxxx");

    c = feeds_source(s, &feeds_plain, 0, 1, 0);
    feeds_block(c);
    (void) feeds_broker_event(2, "b");
    (void) feeds_broker_event(3, "c");
    feeds_broker_batch();

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_OK);
    assert_null(feeds.replay);              /* not before it takes more */
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(c->client.sub.lane->feed->have, 1);

    feeds_take(c, FEEDS_ROOM);
    assert_int_equal(feeds.replays, 2);
    assert_int_equal(feeds.replay->ordinal, 1);
    (void) feeds_broker_event(2, "b");
    feeds_broker_batch();
    feeds_expect(c, "e2:b;");
}


static void
test_of_a_stream_that_ended_nothing_can_be_read_again(void **state)
{
    feeds_client_t   *c;
    feeds_stream_t   *s;
    ngx_ess_frame_t  *frame;

    s = feeds_stream(1);
    c = feeds_script(s, &feeds_plain, "jbeeD!");
    frame = c->client.sub.frame;

    assert_int_equal(ngx_ess_feed_back(&c->client.sub, 0), NGX_DECLINED);
    assert_ptr_equal(c->client.sub.frame, frame);
    assert_false(c->client.sub.lane->feed->replay);

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;e2:x;close;");
}


static void
test_without_memory_nothing_has_changed(void **state)
{
    ngx_int_t         rc;
    ngx_uint_t        i, n, allocations;
    feeds_client_t   *c;
    feeds_stream_t   *s;
    ngx_ess_feed_t   *feed;
    ngx_ess_frame_t  *frame;

    /* the replay, and what of a frame in part is kept: itself or its rest */

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);
        c = test_stuck(s, 2);
        feed = c->client.sub.lane->feed;
        frame = c->client.sub.frame;
        allocations = 2;

        for (n = 1; n <= allocations; n++) {
            feeds.fail = n;
            rc = ngx_ess_feed_back(&c->client.sub, i);
            assert_int_equal(feeds.fail, 0);

            assert_int_equal(rc, NGX_ERROR);
            assert_ptr_equal(c->client.sub.lane->feed, feed);
            assert_ptr_equal(c->client.sub.frame, frame);
            assert_int_equal(c->client.sub.offset, 2);
            assert_int_equal(feed->subscribers, 1);
            assert_int_equal(ngx_ess_memory_used(), 3 * TEST_FRAME);
        }

        feeds.fail = n;
        assert_int_equal(ngx_ess_feed_back(&c->client.sub, i), NGX_OK);
        assert_int_equal(feeds.fail, 1);
        feeds.fail = 0;

        feeds_take(c, FEEDS_ROOM);
        feeds_expect(c, "e1:x;e2:x;e3:x;");
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_of_whole_frames_none_is_kept),
        feeds_test(test_with_the_last_one_the_feed_of_all_is_gone),
        feeds_test(test_a_frame_in_part_is_kept_alone),
        feeds_test(test_or_it_is_known_again_by_its_rest),
        feeds_test(test_a_frame_that_was_kept_may_go_later),
        feeds_test(test_of_a_replay_the_feed_is_the_same),
        feeds_test(test_the_notice_of_a_gap_stays),
        feeds_test(test_of_several_notices_none_is_lost),
        feeds_test(test_behind_the_notice_of_another_epoch_no_gap_is_told),
        feeds_test(test_what_came_from_the_source_is_asked_for_again),
        feeds_test(test_of_a_stream_that_ended_nothing_can_be_read_again),
        feeds_test(test_without_memory_nothing_has_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
