/*
 * Turns: how much is read and sent in one iteration of the event loop, whose
 * turn is next, and what is read when all keep too much.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"


#define TEST_MANY  600                      /* more than are sent to at once */


static feeds_client_t  *test_clients[TEST_MANY];


/* Many of a stream, of whom some have the first of two events, "a" and "b". */

static feeds_stream_t *
test_midway(void)
{
    ngx_uint_t       i;
    feeds_stream_t  *s;

    s = feeds_stream(1);

    for (i = 0; i < TEST_MANY; i++) {
        test_clients[i] = feeds_join(s, &feeds_plain);
    }

    feeds_append(s, "a");
    ngx_ess_feed_changed(&s->ref);
    feeds_turn();

    feeds_append(s, "b");
    ngx_ess_feed_changed(&s->ref);

    return s;
}


static void
test_streams_of_many_clients_are_sent_to_by_turns(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;

    for (i = 0; i < TEST_MANY; i++) {
        test_clients[i] = feeds_join(feeds_stream(i / 200 + 1), &feeds_plain);
    }

    for (i = 0; i < 3; i++) {
        feeds_append(feeds_stream(i + 1), "a");
        ngx_ess_feed_changed(&feeds_stream(i + 1)->ref);
    }

    /* none of them is through, and none has had much more than another */

    feeds_turn();
    assert_int_equal(feeds.yields, 1);

    for (i = 0; i < TEST_MANY; i++) {
        c = test_clients[i];

        if (i % 200 < 50) {
            feeds_expect(c, "e1:a;");

        } else if (i % 200 > 150) {
            feeds_expect(c, "");
        }
    }

    feeds_run();
    feeds_expect(test_clients[TEST_MANY - 1], "e1:a;");
    assert_int_equal(feeds.yields, 2);
}


static void
test_over_the_bound_those_let_go_whose_sockets_are_full(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c, *d;
    feeds_stream_t  *s, *t;
    static char      body[5001];

    ngx_memset(body, 'x', 5000);
    ngx_ess_memory_init(NULL, 20000);

    s = feeds_stream(1);
    t = feeds_stream(2);
    feeds_changed(s);

    c = feeds_join(s, &feeds_plain);
    feeds_block(c);

    for (i = 0; i < 3; i++) {
        feeds_append(s, body);
        feeds_changed(s);
    }

    assert_int_equal(c->reclaimed, 0);
    feeds_append(s, body);
    feeds_changed(s);
    assert_int_equal(c->reclaimed, 1);
    assert_int_equal(ngx_ess_memory_used(), 0);

    /* others are read as before */

    d = feeds_join(t, &feeds_plain);
    feeds_append(t, "a");
    feeds_changed(t);
    feeds_expect(d, "e1:a;");
}


static void
test_while_others_are_about_to_be_sent_nothing_more_is_read(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s, *t;

    ngx_ess_memory_init(NULL, 1);

    s = test_midway();
    t = feeds_stream(2);
    c = feeds_join(t, &feeds_plain);
    feeds_append(t, "c");
    ngx_ess_feed_changed(&t->ref);

    feeds_turn();
    assert_int_equal(s->reads, 1);
    assert_int_equal(t->reads, 0);

    feeds_run();
    feeds_expect(c, "e1:c;");

    for (i = 0; i < TEST_MANY; i++) {
        feeds_expect(test_clients[i], "e1:a;e2:b;");
    }
}


static void
test_the_exit_ends_all_whatever_they_wait_for(void **state)
{
    feeds_client_t  *idle, *due, *waiting, *replay;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "1ee");

    idle = feeds_join(feeds_stream(2), &feeds_plain);
    waiting = feeds_replay(s, &feeds_plain, 0);
    feeds_block(waiting);
    feeds_run();

    due = feeds_join(s, &feeds_plain);
    replay = feeds_replay(s, &feeds_plain, 0);
    feeds_append(s, "x");
    ngx_ess_feed_changed(&s->ref);

    ngx_ess_feed_turn_exit();

    feeds_expect(idle, "exit;");
    feeds_expect(due, "exit;");
    feeds_expect(waiting, "exit;");
    feeds_expect(replay, "exit;");
    assert_int_equal(feeds_subscribers(s), 0);

    /* what was posted finds nobody */

    feeds_run();
    assert_int_equal(ngx_ess_memory_used(), 0);

    ngx_ess_feed_turn_exit();
}


static void
test_a_stream_of_many_clients_does_not_keep_others_waiting(void **state)
{
    ngx_uint_t       i, first, last;
    feeds_client_t  *one;
    feeds_stream_t  *s, *t;

    s = feeds_stream(1);
    t = feeds_stream(2);

    for (i = 0; i < TEST_MANY; i++) {
        test_clients[i] = feeds_join(s, &feeds_plain);
    }

    one = feeds_join(t, &feeds_plain);

    feeds_append(s, "a");
    feeds_append(t, "a");
    ngx_ess_feed_changed(&s->ref);
    ngx_ess_feed_changed(&t->ref);
    feeds_run();

    first = test_clients[0]->turn;
    last = first;

    for (i = 0; i < TEST_MANY; i++) {
        feeds_expect(test_clients[i], "e1:a;");
        assert_true(test_clients[i]->turn >= last);
        last = test_clients[i]->turn;
    }

    feeds_expect(one, "e1:a;");
    assert_int_equal(one->turn, first);
    assert_true(last > first);
}


static void
test_a_long_burst_does_not_keep_other_streams_waiting(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *many, *one;
    feeds_stream_t  *s, *t;

    s = feeds_stream(1);
    t = feeds_stream(2);
    s->slice = 1;

    many = feeds_join(s, &feeds_plain);
    one = feeds_join(t, &feeds_plain);

    for (i = 0; i < 50; i++) {
        feeds_append(s, "a");
    }

    feeds_append(t, "a");
    ngx_ess_feed_changed(&s->ref);
    ngx_ess_feed_changed(&t->ref);
    feeds_turn();
    feeds_expect(one, "e1:a;");
    feeds_expect(many, "e1:a;");

    feeds_run();
    assert_true(many->turn >= one->turn + 49);
}


static void
test_of_many_streams_some_are_read_at_a_time(void **state)
{
    ngx_uint_t       i, n;
    feeds_client_t  *clients[100];

    for (i = 0; i < 100; i++) {
        clients[i] = feeds_join(feeds_stream(i + 1), &feeds_plain);
        feeds_append(feeds_stream(i + 1), "a");
        ngx_ess_feed_changed(&feeds_stream(i + 1)->ref);
    }

    feeds_turn();

    for (n = 0; n < 100 && clients[n]->len; n++) { /* void */ }

    assert_in_range(n, 1, 50);
    feeds_run();

    for (i = 0; i < 100; i++) {
        feeds_expect(clients[i], "e1:a;");
        assert_true(i == 0 || clients[i]->turn >= clients[i - 1]->turn);
    }
}


static void
test_a_feed_is_read_again_when_all_before_was_offered(void **state)
{
    ngx_uint_t       i;
    feeds_stream_t  *s;

    s = test_midway();
    feeds_turn();
    assert_int_equal(s->reads, 1);

    feeds_run();
    assert_int_equal(s->reads, 2);

    for (i = 0; i < TEST_MANY; i++) {
        feeds_expect(test_clients[i], "e1:a;e2:b;");
    }
}


static void
test_when_those_leave_that_reading_waited_for_it_goes_on(void **state)
{
    ngx_uint_t       i;
    feeds_stream_t  *s;

    s = test_midway();

    for (i = 0; i < TEST_MANY; i++) {
        if (test_clients[i]->len == 0) {
            feeds_leave(test_clients[i]);
        }
    }

    assert_in_range(feeds_subscribers(s), 1, 599);
    feeds_run();

    for (i = 0; i < TEST_MANY; i++) {
        feeds_expect(test_clients[i],
                     feeds_is_gone(test_clients[i]) ? "" : "e1:a;e2:b;");
    }
}


/* Somebody is due in each iteration before their turn: they have it
   nevertheless. */

static void
test_those_who_waited_at_the_gate_are_read_though_it_is_shut(void **state)
{
    feeds_client_t  *many;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    many = feeds_join(s, &feeds_many);

    ngx_ess_feed_gate(1);
    feeds_append(s, "a");
    ngx_ess_feed_changed(&s->ref);
    feeds_run();
    feeds_expect(many, "");

    ngx_ess_feed_gate(0);
    ngx_ess_feed_gate(1);
    feeds_run();
    feeds_expect(many, "e1:a;");

    /* once */

    feeds_append(s, "b");
    ngx_ess_feed_changed(&s->ref);
    feeds_run();
    feeds_expect(many, "");

    ngx_ess_feed_gate(0);
    feeds_run();
    feeds_expect(many, "e2:b;");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_streams_of_many_clients_are_sent_to_by_turns),
        feeds_test(test_over_the_bound_those_let_go_whose_sockets_are_full),
        feeds_test(test_while_others_are_about_to_be_sent_nothing_more_is_read),
        feeds_test(test_the_exit_ends_all_whatever_they_wait_for),
        feeds_test(test_a_stream_of_many_clients_does_not_keep_others_waiting),
        feeds_test(test_a_long_burst_does_not_keep_other_streams_waiting),
        feeds_test(test_of_many_streams_some_are_read_at_a_time),
        feeds_test(test_a_feed_is_read_again_when_all_before_was_offered),
        feeds_test(test_when_those_leave_that_reading_waited_for_it_goes_on),
        feeds_test(
            test_those_who_waited_at_the_gate_are_read_though_it_is_shut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
