/*
 * Who comes to a feed, at the end or with a replay, comes to the others, and
 * leaves.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"


static void
test_who_joins_waits_for_what_is_next(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "eee");

    feeds.opening = 1;
    c = feeds_join(s, &feeds_plain);

    assert_int_equal(c->client.sub.have, 3);
    assert_int_equal(c->client.sub.lane->feed->seq, 4);
    assert_int_equal(c->client.sub.lane->feed->have, 3);
    assert_int_equal(c->client.sub.lane->feed->subscribers, 1);
    assert_ptr_equal(ngx_queue_head(&c->client.sub.lane->idle),
                     &c->client.sub.queue);
    assert_null(c->client.sub.frame);

    /* nothing is to be read */

    feeds_run();
    assert_int_equal(s->reads, 0);
}


static void
test_a_replay_begins_at_its_place(void **state)
{
    feeds_client_t       *c;
    feeds_stream_t       *s;
    ngx_ess_feed_t       *feed;
    ngx_ess_log_place_t   place;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "eee");

    feeds.opening = 1;
    c = feeds_replay(s, &feeds_plain, 1);
    feed = c->client.sub.lane->feed;

    assert_int_equal(feed->seq, 2);
    assert_int_equal(feed->have, 1);
    assert_int_equal(feed->live, 4);        /* what is there does not close */
    assert_true(feed->replay);
    assert_int_equal(feed->subscribers, 1);
    assert_false(ngx_queue_empty(&feed->lane.idle));

    /* with a notice it waits until that is sent */

    ngx_memzero(&place, sizeof(ngx_ess_log_place_t));
    place.seq = 3;
    place.have = 2;
    place.gap.from = 1;
    place.gap.to = 2;

    c = feeds_place(s, &feeds_plain, &place);
    feed = c->client.sub.lane->feed;

    assert_false(ngx_queue_empty(&feed->waiting));
    assert_int_equal(c->client.sub.frame->type, NGX_ESS_FRAME_GAP);

    feeds_run();
    assert_int_equal(s->reads, 1);          /* the first one's */

    feeds_open(c);
    feeds_run();
    feeds_expect(c, "gap 1-2;e3:x;");
}


static void
test_without_words_for_a_gap_a_replay_begins_with_an_event(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "eeexx");

    feeds.opening = 1;
    c = feeds_replay(s, &feeds_silent, 0);
    assert_null(c->client.sub.frame);
    assert_false(ngx_queue_empty(&c->client.sub.lane->idle));

    feeds_open(c);
    feeds_run();
    feeds_expect(c, "e3:x;");
}


static void
test_a_source_comes_after_the_gap_and_before_the_log(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeexx");

    c = feeds_source(s, &feeds_plain, 0, 1, 0);
    assert_int_equal(c->client.sub.lane->feed->have, 1);
    assert_int_equal(feeds.replay->ordinal, 1);
    feeds_leave(c);
    assert_null(feeds.replay);

    /* that of another epoch was told, and what the source has is not behind
       it */

    c = feeds_source(s, &feeds_plain, 1, 7, 0);
    assert_true(c->client.sub.lane->feed->have == NGX_ESS_GAP_ANY);

    assert_int_equal(feeds_broker_event_gap(1, "a"), NGX_OK);
    feeds_broker_batch();
    feeds_expect(c, "gap 8-?;e1:a;");
}


static void
test_a_source_that_cannot_start_leaves_nothing(void **state)
{
    ngx_uint_t       n;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeexx");

    for (n = 1, c = NULL; c == NULL; n++) {
        feeds.fail = n;
        c = feeds_source(s, &feeds_plain, 1, 7, 0);
        feeds.fail = 0;

        assert_int_equal(feeds_subscribers(s), c != NULL);
        assert_int_equal(feeds.replays, c != NULL);
    }

    /* the feed, the notice, its frame, the source */

    assert_int_equal(n - 1, 5);
}


static void
test_without_memory_to_come_to_the_others_it_is_said(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "e");
    c = feeds_replay(s, &feeds_plain, 0);
    c->lingers = 1;

    ngx_ess_feed_set_changed(c->client.sub.lane->feed, 0);

    feeds.fail = 1;
    assert_int_equal(ngx_ess_feed_join_idle(&c->client.sub), NGX_ERROR);
    assert_true(c->client.sub.lane->feed->replay);
    assert_int_equal(c->client.sub.lane->feed->subscribers, 1);

    assert_int_equal(ngx_ess_feed_join_idle(&c->client.sub), NGX_OK);
    assert_false(c->client.sub.lane->feed->replay);
}


static void
test_a_replay_of_what_has_ended_stays_by_itself(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_replay(s, &feeds_plain, 0);

    ngx_ess_feed_set_changed(c->client.sub.lane->feed, 0);
    c->client.sub.lane->feed->ended = 1;

    assert_int_equal(ngx_ess_feed_join_idle(&c->client.sub), NGX_OK);
    assert_true(c->client.sub.lane->feed->replay);
}


static void
test_who_is_at_the_end_stays_idle(void **state)
{
    feeds_client_t  *c;
    ngx_ess_feed_t  *feed;

    c = feeds_join(feeds_stream(1), &feeds_plain);
    feed = c->client.sub.lane->feed;

    ngx_ess_feed_waiting(&c->client.sub);
    assert_true(ngx_queue_empty(&feed->lane.idle));

    assert_int_equal(ngx_ess_feed_join_idle(&c->client.sub), NGX_OK);
    assert_ptr_equal(c->client.sub.lane->feed, feed);
    assert_false(ngx_queue_empty(&feed->lane.idle));
    assert_true(ngx_queue_empty(&feed->waiting));
}


static void
test_those_who_wait_are_not_told_of_what_another_brings(void **state)
{
    feeds_client_t  *idle, *full, *due, *c;
    feeds_stream_t  *s;

    /* one behind them comes: what it misses the others never asked for */

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "e---");
    idle = feeds_join(s, &feeds_plain);
    full = feeds_join(s, &feeds_plain);
    feeds_stuff(full);
    due = feeds_join(s, &feeds_plain);
    assert_int_equal(idle->client.sub.lane->feed->have, 4);

    c = feeds_replay(s, &feeds_plain, 0);
    feeds_block(c);
    feeds_run();

    ngx_ess_feed_due(&due->client.sub);
    due->client.sub.have = 0;               /* as of one that is sent to */

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;");
    assert_ptr_equal(c->client.sub.lane->feed, idle->client.sub.lane->feed);
    assert_int_equal(c->client.sub.lane->feed->have, 1);

    (void) feeds_script(s, NULL, "-e!");
    feeds_take(full, 0);
    feeds_expect(idle, "gap 5-5;e6:x;");
    feeds_expect(full, "gap 5-5;e6:x;");
    feeds_expect(due, "gap 5-5;e6:x;");
    feeds_expect(c, "gap 2-4;gap 5-5;e6:x;");
}


static void
test_whoever_leaves_lets_go_of_all(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (i = 0; i < 5; i++) {
        s = feeds_stream(i + 1);

        c = (i == 0) ? feeds_script(s, &feeds_plain, "j")
            : (i == 1) ? feeds_script(s, &feeds_plain, "jbe!")
            : (i == 2) ? feeds_script(s, &feeds_plain, "eeer0b.")
            : (i == 3) ? feeds_script(s, &feeds_plain, "exr0")
                       : feeds_source(s, &feeds_plain, 0, 0, 0);
        if (i == 1) {
            feeds_take(c, 2);
        }

        feeds_leave(c);
        assert_null(c->client.sub.lane);
        assert_null(c->client.sub.frame);
        assert_int_equal(ngx_ess_memory_used(), 0);
        assert_int_equal(feeds_subscribers(s), 0);
        assert_null(feeds.replay);
    }
}


static void
test_at_the_end_a_replay_shares_the_feed_of_the_others(void **state)
{
    feeds_client_t  *a, *b, *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    feeds_append(s, "a");

    b = feeds_replay(s, &feeds_deflated, 0);
    c = feeds_replay(s, &feeds_deflated, 0);
    a = feeds_join(s, &feeds_deflated);
    feeds_run();

    /* for one it is not deflated */

    feeds_expect(a, "");
    feeds_expect(b, "e1:a;");
    feeds_expect(c, "e1:a;");
    assert_int_equal(feeds.encoded_one, 2);

    feeds_append(s, "b");
    s->reads = 0;
    feeds_changed(s);

    feeds_expect(a, "E2:b;");
    feeds_expect(b, "E2:b;");
    feeds_expect(c, "E2:b;");
    assert_int_equal(feeds.encoded, 1);
    assert_int_equal(s->reads, 1);
}


static void
test_a_replay_that_is_alone_becomes_the_feed(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    feeds_append(s, "a");
    c = feeds_replay(s, &feeds_deflated, 0);

    feeds_turn();
    feeds_expect(c, "e1:a;");

    /* of this nobody was told: it looks once more */

    feeds_append(s, "b");
    feeds_run();
    feeds_expect(c, "E2:b;");
}


static void
test_a_replay_catches_up_with_others_that_are_further_on(void **state)
{
    feeds_client_t  *a, *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    a = feeds_join(s, &feeds_plain);
    c = feeds_replay(s, &feeds_plain, 0);
    feeds_block(c);
    feeds_append(s, "a");
    feeds_run();

    feeds_append(s, "b");
    feeds_append(s, "c");
    feeds_changed(s);
    feeds_expect(a, "e1:a;e2:b;e3:c;");

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:a;e2:b;e3:c;");

    feeds_append(s, "d");
    s->reads = 0;
    feeds_changed(s);
    feeds_expect(a, "e4:d;");
    feeds_expect(c, "e4:d;");
    assert_int_equal(s->reads, 1);
}


static void
test_a_replay_ahead_of_the_others_gets_nothing_twice(void **state)
{
    feeds_client_t  *a, *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    a = feeds_join(s, &feeds_plain);
    feeds_append(s, "a");
    feeds_lost(s);
    feeds_append(s, "b");

    /* the others were not told yet */

    c = feeds_replay(s, &feeds_plain, 0);
    feeds_run();
    feeds_expect(c, "e1:a;gap 2-2;e3:b;");
    feeds_expect(a, "");

    feeds_append(s, "c");
    feeds_changed(s);
    feeds_expect(a, "e1:a;gap 2-2;e3:b;e4:c;");
    feeds_expect(c, "e4:c;");
}


/* They may go back together, and what one of them had would come again. */

static void
test_keys_of_a_replay_come_when_the_others_are_as_far(void **state)
{
    feeds_client_t  *a, *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    a = feeds_join_key(s, &feeds_many, "eu");
    feeds_append(s, "eu:a");
    feeds_append(s, "us:b");

    /* the others were not told yet */

    c = feeds_replay_keys(s, &feeds_many, 0, "eu,us");
    feeds_run();
    feeds_expect(c, "e1:eu:a;e2:us:b;");
    feeds_expect(a, "e1:eu:a;");
    assert_false(c->client.sub.lane->feed->replay);
    assert_ptr_equal(c->client.sub.lane->feed, a->client.sub.lane->feed);

    feeds_append(s, "eu:c");
    feeds_changed(s);
    feeds_expect(a, "e3:eu:c;");
    feeds_expect(c, "e3:eu:c;");
}


static void
test_who_comes_behind_the_others_misses_no_gap_of_theirs(void **state)
{
    feeds_client_t  *a, *c;
    feeds_stream_t  *s;

    /* the others came after the event that was too large */

    s = feeds_stream(1);
    feeds_append(s, "a");
    feeds_lost(s);
    a = feeds_join(s, &feeds_plain);
    c = feeds_replay(s, &feeds_plain, 0);
    feeds_run();
    feeds_expect(c, "e1:a;");

    feeds_append(s, "b");
    feeds_changed(s);
    feeds_expect(c, "gap 2-2;e3:b;");
    feeds_expect(a, "e3:b;");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_who_joins_waits_for_what_is_next),
        feeds_test(test_a_replay_begins_at_its_place),
        feeds_test(test_without_words_for_a_gap_a_replay_begins_with_an_event),
        feeds_test(test_a_source_comes_after_the_gap_and_before_the_log),
        feeds_test(test_a_source_that_cannot_start_leaves_nothing),
        feeds_test(test_without_memory_to_come_to_the_others_it_is_said),
        feeds_test(test_a_replay_of_what_has_ended_stays_by_itself),
        feeds_test(test_who_is_at_the_end_stays_idle),
        feeds_test(test_those_who_wait_are_not_told_of_what_another_brings),
        feeds_test(test_whoever_leaves_lets_go_of_all),
        feeds_test(test_at_the_end_a_replay_shares_the_feed_of_the_others),
        feeds_test(test_a_replay_that_is_alone_becomes_the_feed),
        feeds_test(test_a_replay_catches_up_with_others_that_are_further_on),
        feeds_test(test_a_replay_ahead_of_the_others_gets_nothing_twice),
        feeds_test(test_keys_of_a_replay_come_when_the_others_are_as_far),
        feeds_test(test_who_comes_behind_the_others_misses_no_gap_of_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
