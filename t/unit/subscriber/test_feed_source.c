/*
 * From a replay into the feed of one client that catches up: what becomes of
 * events, and when it is full.
 *
 * links: src/subscriber/ngx_ess_feed_source.c t/unit/subscriber/one_replay.c
 * links: t/unit/ngx_trace.c
 */


#include "one_replay.h"


/* bytes of events that are kept for one client */
#define ROOM  (1024 * 1024)


static void
test_it_starts_with_the_key_and_from_where_it_is_told(void **state)
{
    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, 5, 0),
                     NGX_OK);
    ngx_unit_traced("start abc after 5 from 0");
    assert_int_equal(one_replay.feed.have, 5);
    assert_non_null(one_replay.feed.source);
    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced("stop");

    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, 0, 0),
                     NGX_OK);
    ngx_unit_traced("start abc after 0 from 0");
    assert_int_equal(one_replay.feed.have, 0);
    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced("stop");

    /* from a point in time nobody knows what comes first */

    one_replay.feed.have = 9;
    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, 0, 1000),
                     NGX_OK);
    ngx_unit_traced("start abc after 0 from 1000");
    assert_true(one_replay.feed.have == NGX_ESS_GAP_ANY);
}


static void
test_it_does_not_start_without_memory_or_a_stream(void **state)
{
    one_replay.no_memory = 1;
    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, 5, 0),
                     NGX_ERROR);
    one_replay.no_memory = 0;

    one_replay.no_stream = 1;
    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, 5, 0),
                     NGX_ERROR);

    assert_null(one_replay.feed.source);
    ngx_unit_traced();
}


static void
test_an_event_becomes_a_record_and_a_batch_has_frames(void **state)
{
    one_replay_start(5, 0);

    assert_int_equal(one_replay_event(0, "hello", 6, 0), NGX_OK);
    assert_int_equal(one_replay_event(0, "POISON", 8, 1), NGX_OK);
    ngx_unit_traced("event 6 \"hello\" at 60", "poison 8 \"POISON\" at 80 gap");

    one_replay_batch();
    ngx_unit_traced("log after 8", "settle OK frames");

    /* the frames of the next one are others */

    assert_int_equal(one_replay_event(0, "x", 9, 0), NGX_OK);
    one_replay_batch();
    ngx_unit_traced("event 9 \"x\" at 90", "log after 9", "settle OK frames");

    one_replay_batch();
    ngx_unit_traced("log after 9", "settle OK");
    assert_int_equal(one_replay.feed.subscribers, 1);
}


static void
test_so_much_is_taken_until_the_client_has_it(void **state)
{
    one_replay_start(5, 0);

    assert_int_equal(one_replay_event(ROOM / 2, "", 6, 0), NGX_OK);
    one_replay_batch();
    assert_int_equal(one_replay_event(ROOM / 2, "", 7, 0), NGX_AGAIN);
    assert_int_equal(one_replay_event(0, "x", 8, 0), NGX_AGAIN);
    one_replay_batch();
    ngx_unit_trace_clear();

    ngx_ess_feed_source_more(&one_replay.feed);
    ngx_unit_traced("more");

    assert_int_equal(one_replay_event(ROOM / 2, "", 9, 0), NGX_OK);
    assert_int_equal(one_replay_event(ROOM, "", 10, 0), NGX_AGAIN);
}


static void
test_many_small_events_are_too_much_as_well(void **state)
{
    ngx_uint_t  n;

    one_replay_start(0, 0);

    for (n = 1; one_replay_event(0, "x", n, 0) == NGX_OK; n++) {
        ngx_unit_trace_clear();
    }

    /* each takes more than its byte */

    assert_true(n > 1000 && n < ROOM / 16);
}


static void
test_when_memory_runs_out_others_are_to_let_go(void **state)
{
    one_replay_start(5, 0);

    one_replay.memory = 999;
    assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
    one_replay.memory = 1000;
    assert_int_equal(one_replay_event(0, "x", 7, 0), NGX_AGAIN);
    ngx_unit_traced("event 6 \"x\" at 60", "event 7 \"x\" at 70", "reclaim");

    one_replay_batch();
    ngx_unit_traced("log after 7", "settle OK frames");
}


static void
test_a_record_that_fails_is_told_with_the_batch(void **state)
{
    ngx_uint_t  i;

    static ngx_int_t  fails[] = { NGX_ERROR, NGX_DECLINED, NGX_DONE };

    one_replay.place.gap.from = 0;

    for (i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
        one_replay_start(5, 0);

        assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
        one_replay.record_rc = fails[i];
        assert_int_equal(one_replay_event(0, "x", 7, 0), NGX_AGAIN);
        ngx_unit_trace_clear();

        one_replay_batch();
        assert_int_equal(ngx_unit_trace_count("settle"), 1);
        assert_int_equal(ngx_unit_trace_count(one_replay_rc(fails[i])), 1);
        assert_int_equal(ngx_unit_trace_count("frames"), 1);
        assert_int_equal(ngx_unit_trace_count("log"), 0);
        assert_non_null(one_replay.feed.source);

        ngx_ess_feed_source_stop(&one_replay.feed);
        one_replay.record_rc = NGX_OK;
    }
}


static void
test_what_came_without_a_batch_goes_with_the_stop(void **state)
{
    one_replay_start(5, 0);
    assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();

    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced("stop", "release");
    assert_null(one_replay.feed.source);

    /* a second time, and without a replay, it is harmless */

    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced();
}


static void
test_a_record_has_the_key_that_the_log_would_have(void **state)
{
    one_replay.rule = "rule";
    one_replay_start(5, 0);

    (void) one_replay_event(0, "hello", 6, 0);
    (void) one_replay_event(0, "POISON", 7, 0);
    one_replay.key = "own";
    (void) one_replay_event(0, "hello", 8, 0);
    one_replay_batch();
    ngx_unit_traced("event 6 \"hello\" at 60 key rule",
                    "poison 7 \"POISON\" at 70",
                    "event 8 \"hello\" at 80 key own",
                    "log after 8", "settle OK frames");

    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced("stop");

    one_replay.rule = "none";
    one_replay.key = NULL;
    one_replay_start(5, 0);
    (void) one_replay_event(0, "hello", 6, 0);
    one_replay_batch();
    ngx_unit_traced("event 6 \"hello\" at 60", "log after 6",
                    "settle OK frames");

    ngx_ess_feed_source_stop(&one_replay.feed);
    ngx_unit_traced("stop");

    /* without a rule there are no keys, also where the event has one */

    one_replay.rule = NULL;
    one_replay.key = "own";
    one_replay_start(5, 0);
    (void) one_replay_event(0, "hello", 6, 0);
    one_replay_batch();
    ngx_unit_traced("event 6 \"hello\" at 60", "log after 6",
                    "settle OK frames");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_replay_test(test_it_starts_with_the_key_and_from_where_it_is_told),
        one_replay_test(test_it_does_not_start_without_memory_or_a_stream),
        one_replay_test(test_an_event_becomes_a_record_and_a_batch_has_frames),
        one_replay_test(test_so_much_is_taken_until_the_client_has_it),
        one_replay_test(test_many_small_events_are_too_much_as_well),
        one_replay_test(test_when_memory_runs_out_others_are_to_let_go),
        one_replay_test(test_a_record_that_fails_is_told_with_the_batch),
        one_replay_test(test_what_came_without_a_batch_goes_with_the_stop),
        one_replay_test(test_a_record_has_the_key_that_the_log_would_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
