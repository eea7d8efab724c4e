/*
 * Where a replay joins the log, and how it ends.
 *
 * links: src/subscriber/ngx_ess_feed_source.c t/unit/subscriber/one_replay.c
 * links: t/unit/ngx_trace.c
 */


#include "one_replay.h"


static void
test_it_joins_the_log_once_that_has_what_follows(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_int_t    rc;
        ngx_uint_t   gap;
        ngx_uint_t   joins;
    } cases[] = {
        { NGX_OK, 0, 1 },
        { NGX_OK, 1, 0 },
        { NGX_DECLINED, 0, 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one_replay_start(5, 0);
        one_replay.feed.seq = 1;
        one_replay.feed.last = 1;
        one_replay.feed.changed = 0;
        one_replay.log_rc = cases[i].rc;
        one_replay.place.gap.from = cases[i].gap;

        assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
        ngx_unit_trace_clear();
        one_replay_batch();

        if (cases[i].joins) {
            ngx_unit_traced("log after 6", "stop", "settle OK frames");
            assert_null(one_replay.feed.source);
            assert_int_equal(one_replay.feed.seq, 77);
            assert_int_equal(one_replay.feed.last, 5);
            assert_true(one_replay.feed.changed);

            /* up to there nothing is missing */

            assert_int_equal(one_replay.feed.have, 6);

        } else {
            ngx_unit_traced("log after 6", "settle OK frames");
            assert_non_null(one_replay.feed.source);
            assert_int_equal(one_replay.feed.seq, 1);
            ngx_ess_feed_source_stop(&one_replay.feed);
        }
    }
}


static void
test_a_gap_at_the_end_of_the_replay_goes_on_in_the_log(void **state)
{
    ngx_uint_t  gap;

    one_replay.place.gap.from = 0;

    for (gap = 0; gap < 2; gap++) {
        one_replay_start(5, 0);
        one_replay.replay->ordinal = 7;
        one_replay.replay->after = gap ? 7 : 0;
        one_replay_batch();
        assert_null(one_replay.feed.source);
        assert_int_equal(one_replay.feed.have, gap ? 5 : 7);
    }
}


static void
test_it_joins_by_time_until_an_event_was_found(void **state)
{
    char        line[64];
    ngx_uint_t  i;

    static struct {
        uint64_t     ordinal;       /* the last one, of those too old */
        ngx_uint_t   gap;
        ngx_uint_t   joins;
    } cases[] = {
        { 18, 0, 0 },               /* the log begins with 20 */
        { 19, 0, 1 },
        { 30, 0, 1 },
        { 19, 1, 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one_replay_start(0, 1000);
        one_replay.replay->ordinal = cases[i].ordinal;
        one_replay.place.gap.from = cases[i].gap;

        one_replay_batch();
        (void) snprintf(line, sizeof(line), "log since 1000 or %u,",
                        (unsigned) cases[i].ordinal + 1);
        assert_int_equal(ngx_unit_trace_count(line), 1);
        assert_int_equal(ngx_unit_trace_count("stop"), cases[i].joins);
        assert_int_equal(one_replay.feed.source == NULL, cases[i].joins);
        assert_true(one_replay.feed.have
                    == (cases[i].joins ? 19 : NGX_ESS_GAP_ANY));

        ngx_ess_feed_source_stop(&one_replay.feed);
        ngx_unit_trace_clear();
    }

    one_replay_start(0, 1000);
    one_replay.replay->found = 1;
    assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();
    one_replay_batch();
    ngx_unit_traced("log after 6", "settle OK frames");
}


static void
test_history_without_anything_that_new_is_the_end_of_the_log(void **state)
{
    /* also when the log says that some are gone: of those, too, none is */

    one_replay_start(0, 1000);
    one_replay.replay->handlers->ended(one_replay.replay, NGX_DONE);
    ngx_unit_traced("log since 1000 or none,", "stop", "settle OK");

    assert_null(one_replay.feed.source);
    assert_int_equal(one_replay.feed.seq, 77);
    assert_int_equal(one_replay.feed.have, 19);
    assert_false(one_replay.feed.ended);
}


static void
test_a_stream_that_is_gone_is_told_behind_what_came(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_int_t    ended;
        ngx_int_t    log;
    } cases[] = {
        { NGX_DECLINED, NGX_OK },       /* the broker has none */
        { NGX_DECLINED, NGX_DECLINED },
        { NGX_DONE, NGX_DECLINED },     /* there is no log to be joined */
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one_replay_start(0, 1000);
        one_replay.feed.ended = 0;
        one_replay.log_rc = cases[i].log;
        one_replay.replay->found = 1;

        assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
        one_replay.replay->handlers->ended(one_replay.replay, cases[i].ended);

        assert_int_equal(ngx_unit_trace_count("stop"), 1);
        assert_int_equal(ngx_unit_trace_count("gone 0"), 1);
        assert_int_equal(ngx_unit_trace_count("settle OK frames"), 1);
        assert_int_equal(ngx_unit_trace_count("release"), 0);
        assert_true(one_replay.feed.ended);
        assert_null(one_replay.feed.source);
        ngx_unit_trace_clear();
    }
}


static void
test_a_stream_that_is_gone_without_memory_to_say_so(void **state)
{
    one_replay_start(5, 0);
    one_replay.record_rc = NGX_ERROR;
    one_replay.replay->handlers->ended(one_replay.replay, NGX_DECLINED);
    ngx_unit_traced("stop", "gone 0 \"\" at 0", "settle ERROR");
}


static void
test_a_client_that_leaves_when_it_is_told_stops_the_replay(void **state)
{
    one_replay.leaves = 1;

    one_replay_start(5, 0);
    assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();
    one_replay_batch();
    ngx_unit_traced("log after 6", "settle OK frames", "free", "stop");

    /* with something that failed, and after it has joined or ended */

    one_replay.feed.subscribers = 1;
    one_replay_start(5, 0);
    one_replay.record_rc = NGX_ERROR;
    assert_int_equal(one_replay_event(0, "x", 6, 0), NGX_AGAIN);
    ngx_unit_trace_clear();
    one_replay_batch();
    ngx_unit_traced("settle ERROR", "free", "stop");

    one_replay.record_rc = NGX_OK;
    one_replay.place.gap.from = 0;
    one_replay.feed.subscribers = 1;
    one_replay_start(5, 0);
    one_replay_batch();
    ngx_unit_traced("log after 5", "stop", "settle OK", "free");

    one_replay.feed.subscribers = 1;
    one_replay_start(5, 0);
    one_replay.replay->handlers->ended(one_replay.replay, NGX_DECLINED);
    ngx_unit_traced("stop", "gone 0 \"\" at 0", "settle OK frames", "free");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_replay_test(test_it_joins_the_log_once_that_has_what_follows),
        one_replay_test(test_a_gap_at_the_end_of_the_replay_goes_on_in_the_log),
        one_replay_test(test_it_joins_by_time_until_an_event_was_found),
        one_replay_test(
            test_history_without_anything_that_new_is_the_end_of_the_log),
        one_replay_test(test_a_stream_that_is_gone_is_told_behind_what_came),
        one_replay_test(test_a_stream_that_is_gone_without_memory_to_say_so),
        one_replay_test(
            test_a_client_that_leaves_when_it_is_told_stops_the_replay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
