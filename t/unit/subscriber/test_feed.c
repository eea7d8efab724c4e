/*
 * Who reads which stream, for whom, and in what order: feeds that are shared,
 * feeds of one client, and what is left when somebody leaves.
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
test_those_of_a_stream_and_an_encoding_share_a_feed(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[8];
    feeds_stream_t  *s, *t;

    s = feeds_stream(1);
    t = feeds_stream(1 + 1024);              /* the same bucket */

    for (i = 0; i < 8; i++) {
        clients[i] = feeds_join(i < 4 ? s : t,
                                i % 2 ? &feeds_plain : &feeds_other);
    }

    feeds_append(s, "a");
    feeds_changed(s);
    assert_int_equal(s->reads, 2);
    assert_int_equal(t->reads, 0);

    feeds_append(t, "b");
    feeds_changed(t);
    assert_int_equal(s->reads, 2);
    assert_int_equal(t->reads, 2);

    for (i = 0; i < 8; i++) {
        feeds_expect(clients[i], i < 4 ? "e1:a;" : "e1:b;");
    }
}


static void
test_a_stream_that_was_made_anew_is_another_one(void **state)
{
    feeds_client_t  *c, *d;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);

    s->ref.epoch++;
    assert_int_equal(feeds_subscribers(s), 0);

    d = feeds_join(s, &feeds_plain);
    feeds_append(s, "a");
    feeds_changed(s);

    feeds_expect(c, "close;");
    feeds_expect(d, "e1:a;");
    assert_int_equal(feeds_subscribers(s), 1);
}


static void
test_of_many_streams_those_are_read_that_may_have_changed(void **state)
{
    ngx_uint_t       i, changed;
    feeds_client_t  *clients[40];
    uint32_t         more[NGX_ESS_WAKE_MORE];

    ngx_memzero(more, sizeof(more));

    for (i = 0; i < 40; i++) {
        clients[i] = feeds_join(feeds_stream(i + 1), &feeds_plain);
        feeds_append(feeds_stream(i + 1), "a");

        if (i % 3 == 0) {
            more[(i + 1) / 32] |= (uint32_t) 1 << (i + 1) % 32;
        }
    }

    ngx_ess_feed_changed_more(more);
    feeds_run();

    for (i = 0; i < 40; i++) {
        changed = (i % 3 == 0);
        feeds_expect(clients[i], changed ? "e1:a;" : "");
        assert_int_equal(feeds_stream(i + 1)->reads, changed);
    }
}


static void
test_that_all_was_read_is_said_when_it_was(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    /* also of a stream that nobody here reads */

    s = feeds_stream(1);
    feeds_append(s, "a");
    feeds.done = 0;
    feeds_changed(s);
    assert_true(feeds.done);
    assert_int_equal(s->reads, 0);

    s->slice = 1;
    c = feeds_join(s, &feeds_plain);
    feeds_append(s, "b");
    feeds_append(s, "c");

    ngx_ess_feed_changed(&s->ref);
    feeds_turn();
    assert_false(feeds.done);
    feeds_run();
    assert_true(feeds.done);
    feeds_expect(c, "e2:b;e3:c;");

    /* or who was to read it is gone */

    feeds_append(s, "d");
    ngx_ess_feed_changed(&s->ref);
    feeds_leave(c);
    feeds_run();
    assert_true(feeds.done);
    assert_int_equal(s->reads, 2);
}


static void
test_a_replay_holds_up_nobody(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_script(s, &feeds_plain, "1eeer0b.");

    /* the log need not keep anything for it */

    feeds_changed(s);
    assert_true(feeds.done);
    feeds_take(c, FEEDS_ROOM);
    assert_true(feeds.done);
}


static void
test_who_leaves_takes_nothing_from_the_others(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;

    enum { IDLE, IN_PART, WAITING, STUFFED, TOLD, N };

    for (i = 0; i < N; i++) {
        s = feeds_stream(i + 1);
        a = feeds_join(s, &feeds_plain);
        b = feeds_join(s, &feeds_plain);

        feeds_append(s, "a");

        switch (i) {

        case IDLE:
            feeds_changed(s);
            break;

        case IN_PART:
            feeds_block(a);
            feeds_changed(s);
            feeds_take(a, 3);
            break;

        case WAITING:
            feeds_block(a);
            feeds_changed(s);
            feeds_append(s, "b");
            feeds_changed(s);
            break;

        case STUFFED:
            feeds_stuff(a);
            feeds_changed(s);
            break;

        case TOLD:
            ngx_ess_feed_changed(&s->ref);
            break;
        }

        feeds_leave(a);
        feeds_run();
        assert_int_equal(feeds_subscribers(s), 1);

        feeds_expect(b, i == WAITING ? "e1:a;e2:b;" : "e1:a;");

        /* with the last one the feed goes, and is made again */

        feeds_leave(b);
        feeds_run();
        assert_int_equal(feeds_subscribers(s), 0);
        assert_int_equal(ngx_ess_memory_used(), 0);

        b = feeds_join(s, &feeds_plain);
        feeds_append(s, "c");
        feeds_changed(s);
        feeds_expect(b, i == WAITING ? "e3:c;" : "e2:c;");
    }
}


static void
test_the_last_one_may_leave_whatever_it_is_doing(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    static const char  *scripts[] = {
        "j", "je!", "jbe!", "jbe!e!", "je", "jbee!x",
        "er0", "er0.", "er0b.", "1eer0b.", "1eer0b.xxe", "eeexr0", "jbeD!",
    };

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        s = feeds_stream(i + 1);
        c = feeds_script(s, &feeds_plain, scripts[i]);
        ngx_ess_feed_changed(&s->ref);

        feeds_leave(c);
        assert_int_equal(feeds_subscribers(s), 0);
        feeds_run();
        assert_int_equal(ngx_ess_memory_used(), 0);
        assert_true(feeds.done);
    }
}


static void
test_who_is_due_may_leave_while_others_are_sent_to(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *a, *b, *c;
    feeds_stream_t  *s, *t;

    enum { ITSELF, THE_NEXT, OF_ANOTHER_FEED, THE_LAST, N };

    for (i = 0; i < N; i++) {
        s = feeds_stream(2 * i + 1);
        t = feeds_stream(2 * i + 2);

        a = feeds_join(s, &feeds_plain);
        b = (i == THE_LAST) ? a : feeds_join(s, &feeds_plain);
        c = feeds_join(t, &feeds_plain);

        a->victim = (i == THE_NEXT) ? b : (i == OF_ANOTHER_FEED) ? c : a;

        feeds_append(s, "a");
        feeds_append(t, "a");
        ngx_ess_feed_changed(&s->ref);
        ngx_ess_feed_changed(&t->ref);
        feeds_run();

        feeds_expect(a, feeds_is_gone(a) ? "" : "e1:a;");
        feeds_expect(b, feeds_is_gone(b) ? "" : "e1:a;");
        feeds_expect(c, feeds_is_gone(c) ? "" : "e1:a;");

        assert_int_equal(feeds_subscribers(s),
                         (a != b) + 1 - feeds_is_gone(a)
                         - (a != b && feeds_is_gone(b)));
        assert_int_equal(feeds_subscribers(t), !feeds_is_gone(c));
        assert_int_equal(ngx_ess_memory_used(), 0);
    }
}


static void
test_the_end_comes_to_all_in_slices(void **state)
{
    ngx_uint_t       i, n;
    feeds_client_t  *clients[6];
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "1ee");

    for (i = 0; i < 6; i++) {
        clients[i] = (i < 2) ? feeds_replay(s, &feeds_plain, 0)
                             : feeds_join(s, i < 4 ? &feeds_plain
                                                   : &feeds_other);
        if (i % 2) {
            feeds_block(clients[i]);
        }
    }

    feeds_turn();
    feeds_append(s, "x");
    feeds_changed(s);

    for (n = 6; n > 2; n -= 2) {
        assert_int_equal(ngx_ess_feed_end(2), 1);
        assert_int_equal(feeds_subscribers(s), n - 2);
    }

    assert_int_equal(ngx_ess_feed_end(2), 0);
    assert_int_equal(feeds_subscribers(s), 0);
    assert_int_equal(ngx_ess_feed_end(2), 0);

    for (i = 0; i < 6; i++) {
        assert_non_null(strstr(clients[i]->text, "exit;"));
    }
}


static void
test_the_oldest_ones_go_when_newer_ones_take_over(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[6];
    feeds_stream_t  *s;

    /* whatever their feed and whatever they do; numbers may wrap */

    static const uint32_t  numbers[] = {
        5, 0xfffffffe, 1, 0xffffffff, 3, 0
    };

    s = feeds_stream(1);
    feeds_append(s, "a");

    for (i = 0; i < 6; i++) {
        feeds.number = numbers[i];
        clients[i] = (i == 1) ? feeds_replay(s, &feeds_plain, 0)
                              : feeds_join(s, i % 2 ? &feeds_plain
                                                    : &feeds_other);
        clients[i]->lingers = (i == 3);
    }

    feeds_block(clients[1]);
    feeds_run();

    ngx_ess_feed_replaced(&s->ref, 0xfffffffe);
    assert_int_equal(feeds_subscribers(s), 6);

    ngx_ess_feed_replaced(&s->ref, 0x100000000);
    feeds_expect(clients[1], "replaced;");
    feeds_expect(clients[3], "replaced;");
    assert_int_equal(feeds_subscribers(s), 5);

    /* one of them is still there */

    ngx_ess_feed_replaced(&s->ref, 0x100000001);
    feeds_expect(clients[3], "");
    feeds_expect(clients[5], "replaced;");
    assert_int_equal(feeds_subscribers(s), 4);

    ngx_ess_feed_replaced(&s->ref, 0x100000100);
    assert_int_equal(feeds_subscribers(s), 1);
}


static void
test_feeds_in_any_number_are_found(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[1200];

    for (i = 0; i < 1200; i++) {
        clients[i] = feeds_join(feeds_stream(3 * i + 1), &feeds_plain);
    }

    for (i = 0; i < 1200; i++) {
        feeds_append(feeds_stream(3 * i + 1), "a");
        feeds_changed(feeds_stream(3 * i + 1));
        feeds_expect(clients[i], "e1:a;");
    }
}


static void
test_without_memory_nobody_joins_and_nothing_is_left(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    feeds.fail = 1;
    assert_null(feeds_join(s, &feeds_plain));
    assert_int_equal(feeds_subscribers(s), 0);

    /* to a feed that is there one needs none */

    c = feeds_join(s, &feeds_plain);
    feeds.fail = 1;
    assert_non_null(feeds_join(s, &feeds_plain));
    feeds.fail = 0;
    feeds_append(s, "a");
    feeds_changed(s);
    feeds_expect(c, "e1:a;");
}


static void
test_count(ngx_ess_subscriber_t *sub, void *data)
{
    (*(ngx_uint_t *) data)++;
}


static void
test_all_of_a_feed_are_visited_wherever_they_are(void **state)
{
    ngx_uint_t       n;
    feeds_client_t  *idle, *due, *waiting;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    idle = feeds_join(s, &feeds_plain);
    due = feeds_join(s, &feeds_plain);
    waiting = feeds_join(s, &feeds_plain);
    (void) feeds_join(s, &feeds_other);
    (void) feeds_replay(s, &feeds_plain, 0);

    ngx_ess_feed_due(&due->client.sub);
    ngx_ess_feed_waiting(&waiting->client.sub);

    n = 0;
    ngx_ess_feed_visit(idle->client.sub.lane->feed, test_count, &n);
    assert_int_equal(n, 3);

    n = 0;
    ngx_ess_feed_each(&s->ref, test_count, &n);
    assert_int_equal(n, 5);
}


static void
test_one_that_is_put_elsewhere_leaves_its_feed(void **state)
{
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;
    ngx_ess_feed_t  *feed;

    s = feeds_stream(1);
    a = feeds_join(s, &feeds_plain);
    b = feeds_join(s, &feeds_other);
    feed = b->client.sub.lane->feed;
    assert_int_equal(ngx_ess_feed_worker.nfeeds, 2);

    ngx_ess_feed_put(&a->client.sub, &feed->lane, &feed->waiting);

    assert_int_equal(ngx_ess_feed_worker.nfeeds, 1);
    assert_ptr_equal(a->client.sub.lane->feed, feed);
    assert_ptr_equal(ngx_queue_head(&feed->waiting), &a->client.sub.queue);
    assert_int_equal(feed->subscribers, 2);

    /* or on another queue of it */

    ngx_ess_feed_put(&a->client.sub, &feed->lane, &feed->lane.idle);
    assert_int_equal(feed->subscribers, 2);
    assert_true(ngx_queue_empty(&feed->waiting));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_those_of_a_stream_and_an_encoding_share_a_feed),
        feeds_test(test_a_stream_that_was_made_anew_is_another_one),
        feeds_test(test_of_many_streams_those_are_read_that_may_have_changed),
        feeds_test(test_that_all_was_read_is_said_when_it_was),
        feeds_test(test_a_replay_holds_up_nobody),
        feeds_test(test_who_leaves_takes_nothing_from_the_others),
        feeds_test(test_the_last_one_may_leave_whatever_it_is_doing),
        feeds_test(test_who_is_due_may_leave_while_others_are_sent_to),
        feeds_test(test_the_end_comes_to_all_in_slices),
        feeds_test(test_the_oldest_ones_go_when_newer_ones_take_over),
        feeds_test(test_feeds_in_any_number_are_found),
        feeds_test(test_without_memory_nobody_joins_and_nothing_is_left),
        feeds_test(test_all_of_a_feed_are_visited_wherever_they_are),
        feeds_test(test_one_that_is_put_elsewhere_leaves_its_feed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
