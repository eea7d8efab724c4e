/*
 * Who lets go of what is kept for it and reads it again: one that is too slow,
 * or any whose socket is full when all keep too much.  A client that has an
 * event in part gets the rest of that event, or is closed.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"


#define TEST_BODY    5000
#define TEST_FRAME   (TEST_BODY + 4)        /* "e1:" and ";" */
#define TEST_EVENTS  9


static char  test_body[TEST_BODY + 1];
static char  test_other[TEST_BODY + 1];     /* of the same length */
static char  test_text[16 * TEST_FRAME];

static ngx_uint_t  test_gone;                /* behind the next who is stuck */


/* The text of those events. */

static const char *
test_events(char e, ngx_uint_t from, ngx_uint_t to)
{
    char  *p;

    test_text[0] = '\0';

    for (p = test_text; from <= to; from++) {
        p += sprintf(p, "%c%d:%s;", e, (int) from, test_body);
    }

    return test_text;
}


/* A worker that may keep about that much. */

static feeds_stream_t *
test_worker(size_t max)
{
    feeds_stream_t  *s;

    ngx_memset(test_body, 'x', TEST_BODY);
    ngx_memset(test_other, 'y', TEST_BODY);

    ngx_ess_memory_init(NULL, max);

    s = feeds_stream(1);
    feeds_changed(s);

    return s;
}


/*
 * One that takes so many bytes of the first event and no more; then come
 * others.
 */

static feeds_client_t *
test_stuck(feeds_stream_t *s, const ngx_ess_encoding_t *t, size_t taken,
    ngx_uint_t skip, ngx_uint_t slow)
{
    ngx_uint_t       i;
    feeds_client_t  *c;

    c = feeds_join(s, t);
    c->conf.slow_skip = skip;
    c->room = taken;

    if (slow) {
        c->conf.slow_buffer = 10000;
    }

    for ( /* void */ ; test_gone; test_gone--) {
        feeds_lost(s);
    }

    for (i = 0; i < TEST_EVENTS; i++) {
        feeds_append(s, test_body);
        feeds_changed(s);
    }

    return c;
}


static const size_t  test_taken[] = {
    0, 1, 100, 4095, 4096, 4097, TEST_FRAME - 1
};

#define TEST_TAKEN  (sizeof(test_taken) / sizeof(test_taken[0]))


static void
test_who_let_go_gets_every_byte_once(void **state)
{
    ngx_uint_t       i, slow, skip;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (i = 0; i < 4 * TEST_TAKEN; i++) {
        slow = (i / TEST_TAKEN) / 2;
        skip = (i / TEST_TAKEN) % 2 || slow;

        s = test_worker(slow ? 1024 * 1024 : 30000);
        c = test_stuck(s, &feeds_plain, test_taken[i % TEST_TAKEN], skip, slow);

        assert_int_equal(c->skipped > 0, slow);
        assert_int_equal(c->reclaimed > 0, !slow);
        assert_true(ngx_ess_memory_used() < 30000);
        assert_int_equal(feeds_subscribers(s), 1);

        feeds_take(c, FEEDS_ROOM);
        feeds_expect(c, test_events('e', 1, TEST_EVENTS));

        /* and has come to the others again */

        (void) feeds_join(s, &feeds_plain);
        feeds_append(s, "z");
        s->reads = 0;
        feeds_changed(s);
        feeds_expect(c, "e10:z;");
        assert_int_equal(s->reads, 1);

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_the_rest_of_an_event_is_encoded_as_it_was(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    /* deflated, for it was at the end; what follows is for it alone */

    for (i = 1; i < TEST_TAKEN; i++) {
        s = test_worker(30000);
        c = test_stuck(s, &feeds_deflated, test_taken[i], 0, 0);
        assert_int_equal(c->reclaimed, 1);

        /* also when the log now has it with another time */

        s->records[0].timestamp = (i % 2) ? 10 : 77;
        feeds_take(c, FEEDS_ROOM);

        assert_int_equal(c->text[0], 'E');
        c->text[0] = 'e';
        feeds_expect(c, test_events('e', 1, TEST_EVENTS));

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_who_lets_go_twice_loses_nothing(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_worker(30000);
    s->slice = 2;
    c = test_stuck(s, &feeds_plain, 100, 0, 0);
    assert_int_equal(c->reclaimed, 1);

    /* it reads on, a little at a time, while others come and go */

    for (i = 0; i < 2 * TEST_EVENTS; i++) {
        feeds_take(c, TEST_FRAME / 2);
        ngx_ess_feed_reclaim();
        feeds_run();
    }

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, test_events('e', 1, TEST_EVENTS));
}


static void
test_an_event_of_which_the_rest_is_gone_closes(void **state)
{
    ngx_uint_t       i, skip;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    enum {
        EVICTED, ALL_EVICTED, CHANGED, OTHER_LENGTH, ANEW, DELETED, CLOSED, N
    };

    for (i = 0; i < 2 * N; i++) {
        skip = i / N;
        s = test_worker(30000);
        c = test_stuck(s, &feeds_plain, 100, skip, 0);
        assert_int_equal(c->reclaimed, 1);
        assert_int_equal(c->len, 100);

        switch (i % N) {

        case EVICTED:
            feeds_evict(s, 1);
            break;

        case ALL_EVICTED:
            feeds_evict(s, TEST_EVENTS);
            break;

        case CHANGED:
            s->records[0].body.data = (u_char *) test_other;
            break;

        case OTHER_LENGTH:
            s->records[0].body.len--;
            break;

        case ANEW:
            s->n = 0;
            break;

        case DELETED:
            s->missing = 1;
            break;

        case CLOSED:
            s->n = 0;
            s->closed = 1;
            break;
        }

        feeds_take(c, FEEDS_ROOM);
        assert_string_equal(c->text + 100, "missed;");
        assert_true(feeds_is_gone(c));

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_whole_events_that_are_gone_are_skipped_or_close(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;
    static char      text[sizeof(test_text) + 64];

    for (i = 0; i < 2; i++) {
        s = test_worker(30000);
        c = test_stuck(s, &feeds_plain, 0, i, 0);
        assert_int_equal(c->reclaimed, 1);

        feeds_evict(s, 4);
        feeds_take(c, FEEDS_ROOM);

        if (i == 0) {
            feeds_expect(c, "missed;");

        } else {
            sprintf(text, "gap 1-4;%s", test_events('e', 5, TEST_EVENTS));
            feeds_expect(c, text);
        }

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_a_slow_client_keeps_the_event_that_it_has_in_part(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;
    static char      text[sizeof(test_text) + 64], tail[sizeof(test_text)];

    /* it is no longer in the log */

    s = test_worker(1024 * 1024);
    c = test_stuck(s, &feeds_plain, 100, 1, 1);
    assert_true(c->skipped > 0);

    feeds_evict(s, 4);
    feeds_take(c, FEEDS_ROOM);

    strcpy(tail, test_events('e', 5, TEST_EVENTS));
    sprintf(text, "%sgap 2-4;%s", test_events('e', 1, 1), tail);
    feeds_expect(c, text);
}


static void
test_a_slow_client_is_closed_unless_it_may_skip(void **state)
{
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;

    s = test_worker(1024 * 1024);
    b = feeds_join(s, &feeds_plain);
    a = test_stuck(s, &feeds_plain, 100, 0, 1);

    assert_string_equal(a->text + 100, "slow;");
    feeds_expect(b, test_events('e', 1, TEST_EVENTS));
    assert_int_equal(feeds_subscribers(s), 1);
}


static void
test_the_notice_of_a_gap_stays(void **state)
{
    ngx_uint_t       i, slow;
    feeds_client_t  *c;
    feeds_stream_t  *s;
    static char      text[sizeof(test_text) + 64];

    /* of which it may have a part */

    for (i = 0; i < 8; i++) {
        slow = i / 4;
        s = test_worker(slow ? 1024 * 1024 : 30000);

        feeds_lost(s);
        test_gone = 1;
        c = test_stuck(s, &feeds_plain, i % 4, 1, slow);

        assert_int_equal(c->skipped > 0, slow);
        assert_int_equal(c->reclaimed > 0, !slow);

        feeds_take(c, FEEDS_ROOM);
        sprintf(text, "gap 2-2;%s", test_events('e', 3, 9));

        assert_memory_equal(c->text, text, strlen(text));

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_of_a_stream_that_has_ended_nothing_is_read_again(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    /* it ends while it is kept for the client, before it is too much */

    s = test_worker(60000);
    c = feeds_join(s, &feeds_plain);
    feeds_block(c);

    for (i = 0; i < TEST_EVENTS; i++) {
        feeds_append(s, test_body);
    }

    s->closed = 1;
    feeds_changed(s);
    assert_int_equal(c->reclaimed, 0);

    (void) test_stuck(feeds_stream(2), &feeds_plain, 0, 0, 0);
    feeds_expect(c, "close;");
    assert_true(feeds_is_gone(c));
}


static void
test_those_who_keep_little_are_left_alone(void **state)
{
    feeds_client_t  *little, *much;
    feeds_stream_t  *s, *t;

    s = test_worker(30000);
    t = feeds_stream(2);

    little = feeds_join(t, &feeds_plain);
    feeds_block(little);
    feeds_append(t, "a");
    feeds_changed(t);

    much = test_stuck(s, &feeds_plain, 0, 0, 0);
    assert_int_equal(little->reclaimed, 0);
    assert_int_equal(much->reclaimed, 1);

    feeds_take(little, FEEDS_ROOM);
    feeds_expect(little, "e1:a;");
}


static void
test_those_who_are_being_closed_go_when_all_keep_too_much(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_worker(30000);
    c = feeds_join(s, &feeds_plain);
    c->room = 100;
    c->lingers = 1;

    feeds_append(s, test_body);
    feeds_changed(s);
    ngx_ess_feed_replaced(&s->ref, 1);
    assert_int_equal(feeds_subscribers(s), 1);

    (void) test_stuck(feeds_stream(2), &feeds_plain, 0, 0, 0);
    assert_true(ngx_ess_memory_used() < 30000);
}


static void
test_others_are_read_while_what_is_kept_is_too_much(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[10], *c;
    feeds_stream_t  *s;
    static char      text[TEST_FRAME];

    /* by many who keep little each */

    s = test_worker(30000);
    sprintf(text, "e1:%s;", test_body + 2000);

    for (i = 0; i < 10; i++) {
        clients[i] = feeds_join(feeds_stream(i + 2), &feeds_plain);
        feeds_block(clients[i]);
        feeds_append(feeds_stream(i + 2), test_body + 2000);
        feeds_changed(feeds_stream(i + 2));
    }

    assert_true(ngx_ess_memory_used() > 30000);

    c = feeds_join(s, &feeds_plain);
    feeds_append(s, "a");
    feeds_changed(s);
    feeds_expect(c, "e1:a;");

    for (i = 0; i < 10; i++) {
        assert_int_equal(clients[i]->reclaimed, 0);
        feeds_take(clients[i], FEEDS_ROOM);
        feeds_expect(clients[i], text);
    }
}


static void
test_to_let_go_without_memory_closes_or_loses_nothing(void **state)
{
    ngx_uint_t       n, slow, taken, failed, done;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (slow = 0; slow < 2; slow++) {
        for (taken = 0; taken <= 100; taken += 100) {
            for (n = 1, done = 0; !done; n++) {

                s = test_worker(slow ? 1024 * 1024 : 30000);
                c = feeds_join(s, &feeds_plain);
                c->room = taken;
                c->conf.slow_skip = 1;

                if (slow) {
                    c->conf.slow_buffer = 10000;
                }

                feeds_append(s, test_body);
                feeds_changed(s);

                while (s->n < TEST_EVENTS) {
                    feeds_append(s, test_body);
                }

                feeds.fail = n;
                feeds_changed(s);
                feeds_take(c, FEEDS_ROOM);
                feeds.fail = 0;
                failed = feeds.failed;

                feeds_expect_or_closed(c, test_events('e', 1, TEST_EVENTS));

                done = !failed;

                feeds_end(NULL);
                feeds_begin(NULL);
            }

            assert_true(n > 10);
        }
    }
}


/* The same, of the broker's first event; then another one makes it too much. */

static feeds_client_t *
test_stuck_at_broker(feeds_stream_t *s)
{
    feeds_client_t  *c, *other;

    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeeeeeeexxxxxxxx");

    c = feeds_source(s, &feeds_plain, 0, 0, 0);
    feeds_run();
    c->room = 100;

    while (feeds_broker_event(feeds.replay->ordinal + 1, test_body) == NGX_OK) {
        /* no more than the worker may keep */
        assert_true(ngx_ess_memory_used() < 30000);
    }

    feeds_broker_batch();

    other = feeds_join(feeds_stream(2), &feeds_plain);
    feeds_block(other);
    feeds_append(feeds_stream(2), test_body);
    feeds_changed(feeds_stream(2));

    assert_int_equal(c->reclaimed, 1);
    assert_null(feeds.replay);

    return c;
}


static void
test_a_replay_from_a_broker_is_asked_for_again(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    /* frames from there have no number in the log */

    s = test_worker(30000);
    c = test_stuck_at_broker(s);
    assert_true(ngx_ess_memory_used() < 30000);

    feeds_take(c, FEEDS_ROOM);
    assert_int_equal(feeds.replays, 2);
    assert_int_equal(feeds.replay->ordinal, 0);

    (void) feeds_broker_event(1, test_body);
    (void) feeds_broker_event(2, "b");
    feeds_broker_batch();

    strcat((char *) test_events('e', 1, 1), "e2:b;");
    feeds_expect(c, test_text);
}


static void
test_the_rest_of_an_event_may_come_from_the_broker(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_worker(30000);
    s->sparse = 1;
    c = test_stuck(s, &feeds_deflated, 100, 0, 0);
    assert_int_equal(c->reclaimed, 1);

    feeds_evict(s, 8);
    feeds_take(c, FEEDS_ROOM);
    assert_int_equal(feeds.replays, 1);
    assert_int_equal(feeds.replay->ordinal, 0);

    while (feeds.replay) {
        (void) feeds_broker_event(feeds.replay->ordinal + 1, test_body);
        feeds_broker_batch();
    }

    c->text[0] = 'e';
    feeds_expect(c, test_events('e', 1, TEST_EVENTS));
}


static void
test_what_a_broker_sends_while_a_notice_waits_is_not_lost(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c, *others[20];
    feeds_stream_t  *s, *t;

    /* many begin at once, and keep little each; so the worker does not come
       to look at a replay until its client has been sent something */

    s = test_worker(30000);
    s->sparse = 1;
    (void) feeds_script(s, NULL, "eeeeeeeexxxxxxxx");

    t = feeds_stream(2);
    feeds_append(t, test_body + TEST_BODY - 500);

    for (i = 0; i < 20; i++) {
        others[i] = feeds_replay(t, &feeds_plain, 0);
        feeds_block(others[i]);
    }

    c = feeds_source(s, &feeds_plain, 0, 0, 0);
    feeds_block(c);

    (void) feeds_broker_event_gap(3, test_body);

    for (i = 4; i <= 7; i++) {
        (void) feeds_broker_event(i, test_body);
    }

    feeds_broker_batch();
    assert_int_equal(c->reclaimed, 1);

    /* the notice stays, the events it lets go of; whenever the broker is asked
       for them again */

    if (feeds.replay) {
        (void) feeds_broker_event(3, "c");
        feeds_broker_batch();
    }

    feeds_take(c, FEEDS_ROOM);

    if (feeds.replay->ordinal == 2) {
        (void) feeds_broker_event(3, "c");
        feeds_broker_batch();
    }

    feeds_expect(c, "gap 1-2;e3:c;");

    (void) feeds_broker_event(4, "d");
    feeds_broker_batch();
    feeds_expect(c, "e4:d;");
}


static void
test_a_broker_whose_event_is_another_one_closes(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_worker(30000);
    c = test_stuck_at_broker(s);
    feeds_take(c, FEEDS_ROOM);

    assert_int_equal(feeds_broker_event_gap(2, "b"), NGX_AGAIN);
    feeds_broker_batch();
    assert_string_equal(c->text + 100, "missed;");
    assert_null(feeds.replay);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_who_let_go_gets_every_byte_once),
        feeds_test(test_the_rest_of_an_event_is_encoded_as_it_was),
        feeds_test(test_who_lets_go_twice_loses_nothing),
        feeds_test(test_an_event_of_which_the_rest_is_gone_closes),
        feeds_test(test_whole_events_that_are_gone_are_skipped_or_close),
        feeds_test(test_a_slow_client_keeps_the_event_that_it_has_in_part),
        feeds_test(test_a_slow_client_is_closed_unless_it_may_skip),
        feeds_test(test_the_notice_of_a_gap_stays),
        feeds_test(test_of_a_stream_that_has_ended_nothing_is_read_again),
        feeds_test(test_those_who_keep_little_are_left_alone),
        feeds_test(test_those_who_are_being_closed_go_when_all_keep_too_much),
        feeds_test(test_others_are_read_while_what_is_kept_is_too_much),
        feeds_test(test_to_let_go_without_memory_closes_or_loses_nothing),
        feeds_test(test_a_replay_from_a_broker_is_asked_for_again),
        feeds_test(test_the_rest_of_an_event_may_come_from_the_broker),
        feeds_test(test_what_a_broker_sends_while_a_notice_waits_is_not_lost),
        feeds_test(test_a_broker_whose_event_is_another_one_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
