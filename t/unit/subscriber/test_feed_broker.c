/*
 * What those get who begin before the log does: from the broker, until the log
 * has what follows.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"
#include "ngx_ess_log.h"


static feeds_stream_t *
test_followed(const char *script)
{
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->sparse = 1;

    (void) feeds_script(s, NULL, script);

    return s;
}


static void
test_a_broker_gives_what_the_log_no_longer_has(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_followed("eeeeexxx");
    c = feeds_source(s, &feeds_plain, 0, 1, 0);

    assert_int_equal(feeds.replays, 1);
    assert_int_equal(feeds.replay->ordinal, 1);
    assert_int_equal(feeds.replay->timestamp, 0);

    /* the log is not read meanwhile */

    feeds_changed(s);
    assert_int_equal(s->reads, 0);

    assert_int_equal(feeds_broker_event(2, "a"), NGX_OK);
    feeds_expect(c, "");
    feeds_broker_batch();
    feeds_expect(c, "e2:a;");
    assert_true(feeds.more > 0);

    /* the log has what follows */

    assert_int_equal(feeds_broker_event(3, "b"), NGX_OK);
    feeds_broker_batch();
    feeds_expect(c, "e3:b;e4:x;e5:x;");
    assert_null(feeds.replay);

    feeds_append(s, "c");
    feeds_changed(s);
    feeds_expect(c, "e6:c;");
}


static void
test_a_broker_is_asked_for_more_when_the_client_has_all(void **state)
{
    feeds_client_t  *c;

    c = feeds_source(test_followed("eeeeexxxx"), &feeds_plain, 0, 0, 0);
    feeds_block(c);

    (void) feeds_broker_event(1, "a");
    (void) feeds_broker_event(2, "b");
    feeds_broker_batch();
    feeds_take(c, 5);
    assert_int_equal(feeds.more, 0);

    feeds_take(c, 5);
    feeds_expect(c, "e1:a;e2:b;");
    assert_true(feeds.more > 0);
}


/* Of a batch a client may get nothing, and the next one may come before it is
   its turn, or while it is due for another reason. */

static void
test_what_a_broker_sends_before_a_client_s_turn_is_not_lost(void **state)
{
    ngx_uint_t       due;
    feeds_client_t  *c;

    for (due = 0; due < 2; due++) {
        c = feeds_source(test_followed("eeeeexxxx"), &feeds_strict, 0, 0, 0);

        (void) feeds_broker_event(1, "!a");
        feeds.replay->handlers->batch(feeds.replay);

        if (due) {
            ngx_ess_feed_due(&c->client.sub);
        }

        (void) feeds_broker_event(2, "b");
        feeds.replay->handlers->batch(feeds.replay);

        feeds_run();
        feeds_expect(c, "e2:b;");
        assert_true(feeds.more > 0);

        feeds_leave(c);
    }
}


typedef struct {
    const char  *log;
    const char  *broker;                    /* "3": that event; "g3": behind
                                               some that are gone; "p3":
                                               POISON; "^3": all up to there
                                               is gone; "!": time to send */
    const char  *text;
} test_broker_row_t;


static void
test_brokers(const test_broker_row_t *row, ngx_uint_t gap)
{
    const char      *p;
    feeds_client_t  *c;

    for ( /* void */ ; row->log; row++) {
        c = feeds_source(test_followed(row->log), &feeds_plain, gap, 0, 0);

        for (p = row->broker; *p; p++) {

            switch (*p) {

            case 'g':
                (void) feeds_broker_event_gap(*++p - '0', "b");
                break;

            case 'p':
                (void) feeds_broker_event(*++p - '0', "POISON");
                break;

            case '^':
                feeds.replay->ordinal = *++p - '0';
                feeds.replay->after = feeds.replay->ordinal;
                break;

            case '!':
                feeds_broker_batch();
                break;

            default:
                (void) feeds_broker_event(*p - '0', "b");
            }
        }

        if (strcmp(c->text ? c->text : "", row->text) != 0) {
            print_error("broker \"%s\"\n", row->broker);
        }

        feeds_expect(c, row->text);

        feeds_end(NULL);
        feeds_begin(NULL);
    }
}


static void
test_gaps_are_told_where_the_broker_has_them(void **state)
{
    static const test_broker_row_t  rows[] = {
        /* before the first, in the middle; ordinals left out are none */
        { "eeeexxxx", "1!",         "e1:b;" },
        { "eeeexxxx", "3!",         "e3:b;" },
        { "eeeexxxx", "g3!",        "gap 1-2;e3:b;" },
        { "eeeexxxx", "1g3!",       "e1:b;gap 2-2;e3:b;" },
        { "eeeexxxx", "13!",        "e1:b;e3:b;" },
        { "eeeexxxx", "1p2!3!",     "e1:b;e3:b;" },
        { "eeeexxxx", "1!g4!",      "e1:b;gap 2-3;e4:b;" },

        /* where it meets the log */
        { "eeeexx",   "12!",        "e1:b;e2:b;e3:x;e4:x;" },
        { "eeeex",    "12!",        "e1:b;e2:b;e3:x;e4:x;" },
        { "ee-exx",   "12!",        "e1:b;e2:b;e4:x;" },
        { "ee-exx",   "124!",       "e1:b;e2:b;e4:b;" },
        { "eeeexx",   "1^2!",       "e1:b;gap 2-2;e3:x;e4:x;" },
        { "eeeexx",   "^2!",        "gap 1-2;e3:x;e4:x;" },
        { "eeeexxxx", "123^4!",     "e1:b;e2:b;e3:b;" },

        /* not yet */
        { "eeeexxx",  "1!",         "e1:b;" },
        { "ee-gxx",   "12!",        "e1:b;e2:b;" },
        { NULL, NULL, NULL }
    };

    test_brokers(rows, 0);
}


static void
test_what_was_before_another_epoch_is_told_first(void **state)
{
    static const test_broker_row_t  rows[] = {
        { "eeeexxxx", "1!",         "gap 1-?;e1:b;" },
        { "eeeexxxx", "g3!",        "gap 1-?;e3:b;" },
        { "eeeexx",   "12!",        "gap 1-?;e1:b;e2:b;e3:x;e4:x;" },
        { NULL, NULL, NULL }
    };

    test_brokers(rows, 1);
}


static void
test_a_gap_at_the_join_comes_with_the_next_event(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    /* the broker has nothing of 4, the log begins with what follows it */

    s = test_followed("eeeexxxx");
    c = feeds_source(s, &feeds_plain, 0, 0, 0);

    (void) feeds_broker_event(3, "b");
    feeds.replay->ordinal = 4;
    feeds.replay->after = feeds.replay->ordinal;
    feeds_broker_batch();
    feeds_expect(c, "e3:b;");
    assert_null(feeds.replay);

    feeds_append(s, "c");
    feeds_changed(s);
    feeds_expect(c, "gap 4-4;e5:c;");

    /* and once */

    feeds_lost(s);
    feeds_append(s, "d");
    feeds_changed(s);
    feeds_expect(c, "e7:d;");
}


static void
test_a_gap_at_the_join_waits_for_others_that_are_behind(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *a, *c;
    feeds_stream_t  *s;

    s = test_followed("1ee");
    a = feeds_join(s, &feeds_plain);

    for (i = 3; i <= 6; i++) {
        feeds_append(s, "x");
    }

    feeds_lost(s);

    c = feeds_source(s, &feeds_plain, 0, 2, 0);

    for (i = 3; i <= 6; i++) {
        (void) feeds_broker_event(i, "b");
    }

    feeds.replay->ordinal = 7;
    feeds.replay->after = feeds.replay->ordinal;

    ngx_ess_feed_changed(&s->ref);
    feeds_broker_batch();
    feeds_expect(a, "e3:x;e4:x;e5:x;e6:x;");
    feeds_expect(c, "e3:b;e4:b;e5:b;e6:b;");

    feeds_append_gap(s, "y");
    feeds_changed(s);
    feeds_expect(c, "gap 7-7;e8:y;");
    assert_non_null(strstr(a->text, "e8:y;"));
}


static void
test_what_is_evicted_meanwhile_the_broker_has(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_followed("1eeee");
    c = feeds_replay(s, &feeds_plain, 0);
    feeds_block(c);
    feeds_run();

    feeds_evict(s, 3);
    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e1:x;");

    assert_int_equal(feeds.replays, 1);
    assert_int_equal(feeds.replay->ordinal, 1);

    (void) feeds_broker_event(2, "b");
    (void) feeds_broker_event(3, "c");
    feeds_broker_batch();
    feeds_expect(c, "e2:b;e3:c;e4:x;");
    assert_null(feeds.replay);
}


static void
test_from_a_timestamp_on_nothing_before_it_is_a_gap(void **state)
{
    feeds_client_t  *c;

    c = feeds_source(test_followed("eeeexxxx"), &feeds_plain, 0, 0, 25);
    assert_int_equal(feeds.replay->timestamp, 25);

    (void) feeds_broker_event_gap(3, "b");
    feeds_broker_batch();
    feeds_expect(c, "e3:b;");
    assert_non_null(feeds.replay);

    (void) feeds_broker_event_gap(5, "b");
    feeds_broker_batch();
    feeds_expect(c, "gap 4-4;e5:b;");
}


static void
test_the_log_follows_what_the_broker_did_not_find(void **state)
{
    feeds_client_t  *c;

    c = feeds_source(test_followed("eeeex"), &feeds_plain, 0, 0, 25);

    /* the broker has looked at nothing yet; then at all before the log */

    feeds.replay->found = 0;
    feeds_broker_batch();
    feeds_expect(c, "");
    assert_non_null(feeds.replay);

    feeds.replay->ordinal = 1;
    feeds_broker_batch();
    feeds_expect(c, "e3:x;e4:x;");
    assert_null(feeds.replay);
}


static void
test_what_is_newer_than_all_of_the_broker_may_be_in_the_log(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = test_followed("eeee");
    c = feeds_source(s, &feeds_plain, 0, 0, 25);

    feeds_broker_ended(NGX_DONE);
    feeds_expect(c, "e3:x;e4:x;");
    assert_null(feeds.replay);

    /* behind a gap perhaps */

    feeds_lost(s);
    feeds_append_gap(s, "y");

    c = feeds_source(s, &feeds_plain, 0, 0, 45);
    feeds_broker_ended(NGX_DONE);
    feeds_expect(c, "gap 5-5;e6:y;");

    /* or come yet */

    c = feeds_source(s, &feeds_plain, 0, 0, 1000);
    feeds_broker_ended(NGX_DONE);
    feeds_expect(c, "");

    feeds_append(s, "z");
    feeds_changed(s);
    feeds_expect(c, "e7:z;");
}


static void
test_without_its_stream_the_broker_ends_the_client(void **state)
{
    feeds_client_t  *c;

    c = feeds_source(test_followed("eeeexxxx"), &feeds_plain, 0, 0, 0);

    (void) feeds_broker_event(1, "a");
    feeds_broker_ended(NGX_DECLINED);
    feeds_expect(c, "e1:a;gone;");
    assert_null(feeds.replay);
}


static void
test_a_client_that_leaves_stops_its_broker(void **state)
{
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;

    s = test_followed("eeeexxxx");

    a = feeds_source(s, &feeds_plain, 0, 0, 0);
    b = feeds_source(s, &feeds_plain, 0, 0, 0);
    (void) feeds_broker_event(1, "a");
    feeds_leave(a);

    /* b's goes on */

    (void) feeds_broker_event(1, "a");
    feeds_broker_batch();
    feeds_expect(b, "e1:a;");

    feeds_leave(b);
    assert_null(feeds.replay);
}


static void
test_a_broker_is_told_when_enough_is_kept(void **state)
{
    feeds_client_t  *c;

    static char  body[400001], text[sizeof(body) + 16];

    ngx_memset(body, 'x', sizeof(body) - 1);
    sprintf(text, "e1:%s;", body);

    c = feeds_source(test_followed("eeeexxxx"), &feeds_plain, 0, 0, 0);
    feeds_block(c);

    assert_int_equal(feeds_broker_event(1, body), NGX_OK);
    assert_int_equal(feeds_broker_event(2, body), NGX_OK);
    assert_int_equal(feeds_broker_event(3, body), NGX_AGAIN);
    feeds_broker_batch();
    assert_int_equal(feeds.more, 0);

    feeds_take(c, sizeof(body) - 1 + 4);
    feeds_expect(c, text);
    assert_int_equal(feeds.more, 0);
    feeds_take(c, FEEDS_ROOM);
    assert_true(feeds.more > 0);

    /* which is then no longer kept */

    assert_int_equal(feeds_broker_event(4, body), NGX_OK);
}


static void
test_a_broker_without_memory_fails_or_is_whole(void **state)
{
    ngx_int_t        rc;
    ngx_uint_t       n, failed;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (n = 1; /* void */ ; n++) {
        s = test_followed("eeeexx");

        feeds.fail = n;
        c = feeds_source(s, &feeds_plain, 1, 0, 0);

        if (c) {
            rc = feeds_broker_event(1, "a");
            rc = (rc == NGX_OK) ? feeds_broker_event_gap(2, "b") : rc;

            /* no more of them, for the time being */

            assert_true(rc == NGX_OK || (rc == NGX_AGAIN && feeds.failed));
            feeds_broker_batch();
        }

        feeds.fail = 0;
        failed = feeds.failed;

        if (c) {
            feeds_expect_or_closed(c, "gap 1-?;e1:a;e2:b;e3:x;e4:x;");
        }

        assert_null(feeds.replay);

        feeds_end(NULL);
        feeds_begin(NULL);

        if (!failed) {
            break;
        }
    }

    assert_true(n > 8);
}


static void
test_of_a_stream_that_is_no_more_no_broker_is_asked(void **state)
{
    feeds_stream_t      *s;
    ngx_ess_log_place_t  place;
    feeds_client_t      *c;

    s = test_followed("ee");

    assert_int_equal(ngx_ess_log_search_ordinal(NULL, &s->ref, 0, &place),
                     NGX_OK);

    c = feeds_join(s, &feeds_plain);
    feeds_leave(c);
    s->missing = 1;

    assert_int_equal(ngx_ess_feed_join_replay(&s->ref, &feeds_plain, NULL, 0,
                                              &c->client.sub, &place),
                     NGX_OK);
    assert_int_equal(ngx_ess_feed_join_source(&c->client.sub, &place, 0, 0),
                     NGX_ERROR);
    assert_int_equal(feeds.replays, 0);
    assert_int_equal(feeds_subscribers(s), 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_a_broker_gives_what_the_log_no_longer_has),
        feeds_test(test_a_broker_is_asked_for_more_when_the_client_has_all),
        feeds_test(test_what_a_broker_sends_before_a_client_s_turn_is_not_lost),
        feeds_test(test_gaps_are_told_where_the_broker_has_them),
        feeds_test(test_what_was_before_another_epoch_is_told_first),
        feeds_test(test_a_gap_at_the_join_comes_with_the_next_event),
        feeds_test(test_a_gap_at_the_join_waits_for_others_that_are_behind),
        feeds_test(test_what_is_evicted_meanwhile_the_broker_has),
        feeds_test(test_from_a_timestamp_on_nothing_before_it_is_a_gap),
        feeds_test(test_the_log_follows_what_the_broker_did_not_find),
        feeds_test(test_what_is_newer_than_all_of_the_broker_may_be_in_the_log),
        feeds_test(test_without_its_stream_the_broker_ends_the_client),
        feeds_test(test_a_client_that_leaves_stops_its_broker),
        feeds_test(test_a_broker_is_told_when_enough_is_kept),
        feeds_test(test_a_broker_without_memory_fails_or_is_whole),
        feeds_test(test_of_a_stream_that_is_no_more_no_broker_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
