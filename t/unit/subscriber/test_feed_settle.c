/*
 * What becomes of frames that were read: whose cursor is put at which, and
 * what those are told who cannot have them.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"


/* As if the feed had read the stream's records, from the first one on that it
   has not; the first frame, with its reference. */

static ngx_ess_frame_t *
test_read(feeds_stream_t *s, ngx_ess_feed_t *feed)
{
    feeds_record_t    *r;
    ngx_ess_frame_t   *first;
    ngx_ess_record_t   record;

    for (first = NULL; feed->seq <= s->n; feed->seq++) {
        r = &s->records[feed->seq - 1];

        ngx_memzero(&record, sizeof(ngx_ess_record_t));

        record.type = r->type;
        record.seq = feed->seq;
        record.ordinal = r->ordinal;
        record.after = r->after;
        record.timestamp = r->timestamp;
        record.body = r->body;

        assert_int_equal(ngx_ess_feed_read_record(feed, &record, &first),
                         NGX_OK);
    }

    return first;
}


static void
test_who_is_idle_is_due_and_who_waits_without_a_frame_has_one(void **state)
{
    feeds_client_t   *idle, *full, *closed, *behind;
    feeds_stream_t   *s;
    ngx_ess_feed_t   *feed;
    ngx_ess_frame_t  *first;

    s = feeds_stream(1);
    idle = feeds_join(s, &feeds_plain);
    full = feeds_join(s, &feeds_plain);
    feeds_stuff(full);
    closed = feeds_join(s, &feeds_plain);
    feeds_stuff(closed);
    closed->client.sub.closed = 1;
    behind = feeds_join(s, &feeds_plain);
    feeds_block(behind);
    feed = idle->client.sub.lane->feed;

    (void) feeds_script(s, NULL, "e!e");
    feeds_expect(idle, "e1:x;");

    first = test_read(s, feed);
    ngx_ess_feed_settle(feed, NGX_OK, first);

    assert_ptr_equal(ngx_queue_head(&feed->due), &idle->client.sub.queue);
    assert_ptr_equal(idle->client.sub.frame, first);
    assert_int_equal(full->client.sub.frame->ordinal, 1);
    assert_null(closed->client.sub.frame);
    assert_int_equal(behind->client.sub.frame->ordinal, 1);
    assert_ptr_equal(behind->client.sub.frame->next, first);

    feeds_run();
    feeds_take(full, 0);
    feeds_take(behind, FEEDS_ROOM);
    feeds_expect(idle, "e2:x;");
    feeds_expect(full, "e1:x;e2:x;");
    feeds_expect(behind, "e1:x;e2:x;");
    feeds_expect(closed, "");
}


static void
test_who_came_later_begins_at_its_own_first_frame(void **state)
{
    feeds_client_t   *a, *b, *c;
    feeds_stream_t   *s;
    ngx_ess_feed_t   *feed;

    s = feeds_stream(1);
    a = feeds_join(s, &feeds_plain);
    (void) feeds_script(s, NULL, "e--");
    b = feeds_join(s, &feeds_plain);
    (void) feeds_script(s, NULL, "-ee");
    c = feeds_join(s, &feeds_plain);
    feed = a->client.sub.lane->feed;

    ngx_ess_feed_settle(feed, NGX_OK, test_read(s, feed));

    assert_int_equal(a->client.sub.frame->ordinal, 1);
    assert_int_equal(b->client.sub.frame->type, NGX_ESS_FRAME_GAP);
    assert_int_equal(b->client.sub.frame->ordinal, 5);
    assert_null(c->client.sub.frame);
    assert_ptr_equal(ngx_queue_head(&feed->lane.idle), &c->client.sub.queue);

    feeds_run();
    feeds_expect(a, "e1:x;gap 2-3;gap 4-4;e5:x;e6:x;");
    feeds_expect(b, "gap 4-4;e5:x;e6:x;");
    feeds_expect(c, "");
}


static void
test_frames_that_nobody_wants_are_gone(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);
    feed = c->client.sub.lane->feed;

    (void) feeds_script(s, NULL, "ee");
    c->client.sub.seq = 3;

    ngx_ess_feed_settle(feed, NGX_OK, test_read(s, feed));
    assert_null(feed->lane.frames.tail);
    assert_int_equal(ngx_ess_memory_used(), 0);
}


static void
test_nothing_new_makes_a_replay_due_and_no_other(void **state)
{
    feeds_client_t  *c, *d;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);
    d = feeds_replay(s, &feeds_plain, 0);

    ngx_ess_feed_settle(c->client.sub.lane->feed, NGX_OK, NULL);
    assert_false(ngx_queue_empty(&c->client.sub.lane->idle));

    /* it has to learn that it is at the end; where there is more it is not */

    ngx_ess_feed_settle(d->client.sub.lane->feed, NGX_OK, NULL);
    assert_true(ngx_queue_empty(&d->client.sub.lane->feed->due));
    assert_true(d->client.sub.lane->feed->in_reading);

    ngx_ess_feed_set_changed(d->client.sub.lane->feed, 0);
    ngx_ess_feed_settle(d->client.sub.lane->feed, NGX_OK, NULL);
    assert_false(ngx_queue_empty(&d->client.sub.lane->feed->due));
}


static void
test_with_more_in_the_log_but_nothing_new_it_is_read_on(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);
    (void) feeds_script(s, NULL, "e");

    ngx_ess_feed_set_changed(c->client.sub.lane->feed, 1);
    ngx_ess_feed_settle(c->client.sub.lane->feed, NGX_OK, NULL);

    feeds_run();
    feeds_expect(c, "e1:x;");
}


static void
test_who_keeps_too_much_is_told_but_not_a_replay(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);
        (void) feeds_script(s, NULL, "1eeee");

        c = i ? feeds_replay(s, &feeds_plain, 0) : feeds_join(s, &feeds_plain);
        c->conf.slow_buffer = 1;
        feeds_block(c);
        (void) feeds_script(s, NULL, "e!");
        feed = c->client.sub.lane->feed;

        (void) feeds_script(s, NULL, "eee");
        feed->seq = s->n - 2;

        ngx_ess_feed_settle(feed, NGX_OK, test_read(s, feed));
        feeds_expect(c, i ? "" : "slow;");
        assert_int_equal(feeds_is_gone(c), !i);
    }
}


static void
test_the_rest_of_a_frame_begins_where_it_ended(void **state)
{
    feeds_client_t       *c;
    feeds_stream_t       *s;
    ngx_ess_feed_t       *feed;
    ngx_ess_feed_rest_t  *rest;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "e");

    feeds.opening = 1;
    c = feeds_replay(s, &feeds_plain, 0);
    feed = c->client.sub.lane->feed;

    rest = ngx_calloc(sizeof(ngx_ess_feed_rest_t), NULL);
    assert_non_null(rest);
    rest->ordinal = 1;
    rest->timestamp = 10;
    rest->len = 5;
    rest->sent = 3;
    rest->hash = ngx_ess_feed_read_hash((u_char *) "e1:x;", 3);
    feed->rest = rest;

    ngx_ess_feed_settle(feed, NGX_OK, test_read(s, feed));
    assert_null(feed->rest);
    assert_int_equal(c->client.sub.offset, 3);

    feeds_open(c);
    feeds_expect(c, "x;");
}


static void
test_a_replay_that_has_missed_something_is_told(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "e");
    c = feeds_replay(s, &feeds_plain, 0);

    ngx_ess_feed_settle(c->client.sub.lane->feed, NGX_DECLINED,
                        test_read(s, c->client.sub.lane->feed));
    feeds_expect(c, "missed;");
    assert_int_equal(feeds_subscribers(s), 0);
    assert_int_equal(ngx_ess_memory_used(), 0);
}


static void
test_without_memory_all_are_closed_wherever_they_are(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[6];
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    s = feeds_stream(1);

    for (i = 0; i < 6; i++) {
        clients[i] = feeds_join(s, &feeds_plain);
        clients[i]->lingers = i % 2;
    }

    feed = clients[0]->client.sub.lane->feed;

    feeds_stuff(clients[2]);
    feeds_stuff(clients[3]);
    ngx_ess_feed_due(&clients[4]->client.sub);
    ngx_ess_feed_due(&clients[5]->client.sub);

    (void) feeds_script(s, NULL, "ee");
    ngx_ess_feed_settle(feed, NGX_ERROR, test_read(s, feed));

    assert_null(feed->lane.frames.tail);

    for (i = 0; i < 6; i++) {
        feeds_expect(clients[i], "failed;");
        assert_int_equal(feeds_is_gone(clients[i]), !clients[i]->lingers);
    }

    /* those who wait for their peer get nothing more, and nothing is said to
       them again */

    assert_int_equal(feeds_subscribers(s), 3);
    (void) feeds_script(s, NULL, "e!");
    ngx_ess_feed_settle(feed, NGX_ERROR, NULL);

    for (i = 1; i < 6; i += 2) {
        feeds_expect(clients[i], "");
        assert_null(clients[i]->client.sub.frame);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(
            test_who_is_idle_is_due_and_who_waits_without_a_frame_has_one),
        feeds_test(test_who_came_later_begins_at_its_own_first_frame),
        feeds_test(test_frames_that_nobody_wants_are_gone),
        feeds_test(test_nothing_new_makes_a_replay_due_and_no_other),
        feeds_test(test_with_more_in_the_log_but_nothing_new_it_is_read_on),
        feeds_test(test_who_keeps_too_much_is_told_but_not_a_replay),
        feeds_test(test_the_rest_of_a_frame_begins_where_it_ended),
        feeds_test(test_a_replay_that_has_missed_something_is_told),
        feeds_test(test_without_memory_all_are_closed_wherever_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
