/*
 * From a replay into the feed of one client that catches up: what becomes of
 * events, when it is full, where it joins the log, and how it ends.
 *
 * links: src/subscriber/ngx_ess_feed_source.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_feed_source.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"
#include "ngx_trace.h"


/* bytes of events that are kept for one client */
#define ROOM  (1024 * 1024)


static ngx_log_t             test_log;
static ngx_cycle_t           test_cycle = { .log = &test_log };
static ngx_ess_zone_t        test_zone;
static ngx_ess_feed_t        feed;
static ngx_ess_source_replay_t  *replay;    /* that was started; NULL: none */

/* what the fakes return */

static ngx_int_t             no_memory;
static ngx_int_t             no_stream;
static ngx_int_t             record_rc;
static ngx_int_t             log_rc;
static ngx_ess_log_place_t   log_place;
static size_t                memory;
static ngx_uint_t            leaves;        /* the client does, when it is told
                                               of frames */

static ngx_ess_frame_t      *kept;          /* the first frame of a batch */

volatile ngx_cycle_t        *ngx_cycle = &test_cycle;

ngx_ess_feed_worker_t        ngx_ess_feed_worker = { .zone = &test_zone };


static const char *
rc_name(ngx_int_t rc)
{
    switch (rc) {
    case NGX_OK:
        return "OK";
    case NGX_ERROR:
        return "ERROR";
    case NGX_DECLINED:
        return "DECLINED";
    case NGX_DONE:
        return "DONE";
    default:
        return "?";
    }
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return no_memory ? NULL : calloc(1, size);
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    assert_int_equal(id, 7);

    if (no_stream) {
        return NGX_DECLINED;
    }

    /* it is the caller's, and the rest of it is not set */

    ngx_memset(info, 0xff, sizeof(ngx_ess_stream_info_t));
    info->key_len = 3;
    ngx_memcpy(info->key, "abc", 3);

    return NGX_OK;
}


ngx_int_t
ngx_ess_source_replay_start(ngx_ess_source_replay_t *r)
{
    assert_null(replay);
    replay = r;

    ngx_unit_trace("start %.*s after %u from %u", (int) r->key.len,
                   r->key.data, (unsigned) r->ordinal,
                   (unsigned) r->timestamp);

    r->found = (r->timestamp == 0);
    r->after = 0;

    return NGX_OK;
}


void
ngx_ess_source_replay_more(ngx_ess_source_replay_t *r)
{
    assert_ptr_equal(r, replay);
    ngx_unit_trace("more");
}


void
ngx_ess_source_replay_stop(ngx_ess_source_replay_t *r)
{
    assert_ptr_equal(r, replay);
    ngx_unit_trace("stop");

    /* what is the replay's is still there */

    assert_memory_equal(r->key.data, "abc", 3);
    replay = NULL;
}


ngx_int_t
ngx_ess_feed_read_record(ngx_ess_feed_t *f, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    const char  *type;

    assert_ptr_equal(f, &feed);

    type = record->type == NGX_ESS_RECORD_EVENT ? "event"
           : record->type == NGX_ESS_RECORD_POISON ? "poison"
           : record->type == NGX_ESS_RECORD_GONE ? "gone" : "?";

    ngx_unit_trace("%s %u \"%.*s\" at %u%s", type, (unsigned) record->ordinal,
                   (int) ngx_min(record->body.len, 10),
                   record->body.len ? (char *) record->body.data : "",
                   (unsigned) record->timestamp, record->after > f->have ? " gap" : "");

    assert_true(record->type == NGX_ESS_RECORD_GONE || record->seq == 0);
    assert_ptr_equal(*first, kept);

    if (record_rc == NGX_OK && *first == NULL) {
        kept = calloc(1, sizeof(ngx_ess_frame_t));
        assert_non_null(kept);
        *first = kept;
    }

    return record_rc;
}


void
ngx_ess_frame_release(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    assert_ptr_equal(frames, &feed.frames);
    assert_ptr_equal(frame, kept);

    ngx_unit_trace("release");
    free(frame);
    kept = NULL;
}


void
ngx_ess_feed_settle(ngx_ess_feed_t *f, ngx_int_t rc,
    ngx_ess_frame_t *first)
{
    assert_ptr_equal(first, kept);

    /* the feed is held: what this does may not free it */

    assert_int_equal(f->subscribers, 2);

    ngx_unit_trace("settle %s%s", rc_name(rc), first ? " frames" : "");

    free(first);
    kept = NULL;

    if (leaves) {
        f->subscribers--;
    }
}


void
ngx_ess_feed_unhold(ngx_ess_feed_t *f)
{
    if (--f->subscribers == 0) {
        ngx_unit_trace("free");
        ngx_ess_feed_source_stop(f);
    }
}


void
ngx_ess_feed_reclaim(void)
{
    ngx_unit_trace("reclaim");
}


size_t
ngx_ess_memory_used(void)
{
    return memory;
}


size_t
ngx_ess_memory_max(void)
{
    return 1000;
}


ngx_uint_t
ngx_ess_log_is_poison(ngx_str_t *body)
{
    return body->len == 6 && ngx_memcmp(body->data, "POISON", 6) == 0;
}


ngx_int_t
ngx_ess_log_search_ordinal(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t ordinal, ngx_ess_log_place_t *place)
{
    ngx_unit_trace("log after %u", (unsigned) ordinal);
    *place = log_place;

    return log_rc;
}


ngx_int_t
ngx_ess_log_search_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place)
{
    char  from[32];

    (void) snprintf(from, sizeof(from), "%u", (unsigned) undated);
    ngx_unit_trace("log since %u or %s,", (unsigned) timestamp,
                   undated == (uint64_t) -1 ? "none" : from);
    *place = log_place;

    return log_rc;
}


static int
setup(void **state)
{
    ngx_unit_trace_clear();

    ngx_memzero(&feed, sizeof(ngx_ess_feed_t));
    feed.ref.id = 7;
    feed.subscribers = 1;
    feed.replay = 1;

    replay = NULL;
    no_memory = 0;
    no_stream = 0;
    record_rc = NGX_OK;
    log_rc = NGX_OK;
    memory = 0;
    leaves = 0;
    kept = NULL;

    /* the log does not have it yet */

    ngx_memzero(&log_place, sizeof(ngx_ess_log_place_t));
    log_place.seq = 77;
    log_place.last = 5;
    log_place.begin = 19;
    log_place.have = 19;
    log_place.gap.from = 1;

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_trace_clear();
    ngx_ess_feed_source_stop(&feed);

    return replay != NULL || kept != NULL;
}


static void
start(uint64_t ordinal, uint64_t timestamp)
{
    assert_int_equal(ngx_ess_feed_source_start(&feed, ordinal, timestamp),
                     NGX_OK);
    ngx_unit_trace_clear();
}


static ngx_int_t
event_of(size_t size, const char *text, uint64_t ordinal, ngx_uint_t gap)
{
    ngx_int_t        rc;
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = calloc(1, ngx_max(size, strlen(text)));
    event.body.len = ngx_max(size, strlen(text));
    assert_non_null(event.body.data);
    ngx_memcpy(event.body.data, text, strlen(text));
    event.ordinal = ordinal;
    event.timestamp = ordinal * 10;
    event.after = gap ? ordinal - 1 : 0;

    replay->ordinal = ordinal;
    rc = replay->handlers->event(replay, &event);

    /* it is not looked at after the call */

    free(event.body.data);

    return rc;
}


static void
batch(void)
{
    replay->handlers->batch(replay);
}


static void
test_it_starts_with_the_key_and_from_where_it_is_told(void **state)
{
    assert_int_equal(ngx_ess_feed_source_start(&feed, 5, 0), NGX_OK);
    ngx_unit_traced("start abc after 5 from 0");
    assert_int_equal(feed.have, 5);
    assert_non_null(feed.source);
    ngx_ess_feed_source_stop(&feed);
    ngx_unit_traced("stop");

    assert_int_equal(ngx_ess_feed_source_start(&feed, 0, 0), NGX_OK);
    ngx_unit_traced("start abc after 0 from 0");
    assert_int_equal(feed.have, 0);
    ngx_ess_feed_source_stop(&feed);
    ngx_unit_traced("stop");

    /* from a point in time nobody knows what comes first */

    feed.have = 9;
    assert_int_equal(ngx_ess_feed_source_start(&feed, 0, 1000), NGX_OK);
    ngx_unit_traced("start abc after 0 from 1000");
    assert_true(feed.have == NGX_ESS_GAP_ANY);
}


static void
test_it_does_not_start_without_memory_or_a_stream(void **state)
{
    no_memory = 1;
    assert_int_equal(ngx_ess_feed_source_start(&feed, 5, 0), NGX_ERROR);
    no_memory = 0;

    no_stream = 1;
    assert_int_equal(ngx_ess_feed_source_start(&feed, 5, 0), NGX_ERROR);

    assert_null(feed.source);
    ngx_unit_traced();
}


static void
test_an_event_becomes_a_record_and_a_batch_has_frames(void **state)
{
    start(5, 0);

    assert_int_equal(event_of(0, "hello", 6, 0), NGX_OK);
    assert_int_equal(event_of(0, "POISON", 8, 1), NGX_OK);
    ngx_unit_traced("event 6 \"hello\" at 60", "poison 8 \"POISON\" at 80 gap");

    batch();
    ngx_unit_traced("log after 8", "settle OK frames");

    /* the frames of the next one are others */

    assert_int_equal(event_of(0, "x", 9, 0), NGX_OK);
    batch();
    ngx_unit_traced("event 9 \"x\" at 90", "log after 9", "settle OK frames");

    batch();
    ngx_unit_traced("log after 9", "settle OK");
    assert_int_equal(feed.subscribers, 1);
}


static void
test_so_much_is_taken_until_the_client_has_it(void **state)
{
    start(5, 0);

    assert_int_equal(event_of(ROOM / 2, "", 6, 0), NGX_OK);
    batch();
    assert_int_equal(event_of(ROOM / 2, "", 7, 0), NGX_AGAIN);
    assert_int_equal(event_of(0, "x", 8, 0), NGX_AGAIN);
    batch();
    ngx_unit_trace_clear();

    ngx_ess_feed_source_more(&feed);
    ngx_unit_traced("more");

    assert_int_equal(event_of(ROOM / 2, "", 9, 0), NGX_OK);
    assert_int_equal(event_of(ROOM, "", 10, 0), NGX_AGAIN);
}


static void
test_many_small_events_are_too_much_as_well(void **state)
{
    ngx_uint_t  n;

    start(0, 0);

    for (n = 1; event_of(0, "x", n, 0) == NGX_OK; n++) {
        ngx_unit_trace_clear();
    }

    /* each takes more than its byte */

    assert_true(n > 1000 && n < ROOM / 16);
}


static void
test_when_memory_runs_out_others_are_to_let_go(void **state)
{
    start(5, 0);

    memory = 999;
    assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
    memory = 1000;
    assert_int_equal(event_of(0, "x", 7, 0), NGX_AGAIN);
    ngx_unit_traced("event 6 \"x\" at 60", "event 7 \"x\" at 70", "reclaim");

    batch();
    ngx_unit_traced("log after 7", "settle OK frames");
}


static void
test_a_record_that_fails_is_told_with_the_batch(void **state)
{
    ngx_uint_t  i;

    static ngx_int_t  fails[] = { NGX_ERROR, NGX_DECLINED, NGX_DONE };

    log_place.gap.from = 0;

    for (i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
        start(5, 0);

        assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
        record_rc = fails[i];
        assert_int_equal(event_of(0, "x", 7, 0), NGX_AGAIN);
        ngx_unit_trace_clear();

        batch();
        assert_int_equal(ngx_unit_trace_count("settle"), 1);
        assert_int_equal(ngx_unit_trace_count(rc_name(fails[i])), 1);
        assert_int_equal(ngx_unit_trace_count("frames"), 1);
        assert_int_equal(ngx_unit_trace_count("log"), 0);
        assert_non_null(feed.source);

        ngx_ess_feed_source_stop(&feed);
        record_rc = NGX_OK;
    }
}


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
        start(5, 0);
        feed.seq = 1;
        feed.last = 1;
        feed.changed = 0;
        log_rc = cases[i].rc;
        log_place.gap.from = cases[i].gap;

        assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
        ngx_unit_trace_clear();
        batch();

        if (cases[i].joins) {
            ngx_unit_traced("log after 6", "stop", "settle OK frames");
            assert_null(feed.source);
            assert_int_equal(feed.seq, 77);
            assert_int_equal(feed.last, 5);
            assert_true(feed.changed);

            /* up to there nothing is missing */

            assert_int_equal(feed.have, 6);

        } else {
            ngx_unit_traced("log after 6", "settle OK frames");
            assert_non_null(feed.source);
            assert_int_equal(feed.seq, 1);
            ngx_ess_feed_source_stop(&feed);
        }
    }
}


static void
test_a_gap_at_the_end_of_the_replay_goes_on_in_the_log(void **state)
{
    ngx_uint_t  gap;

    log_place.gap.from = 0;

    for (gap = 0; gap < 2; gap++) {
        start(5, 0);
        replay->ordinal = 7;
        replay->after = gap ? 7 : 0;
        batch();
        assert_null(feed.source);
        assert_int_equal(feed.have, gap ? 5 : 7);
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
        start(0, 1000);
        replay->ordinal = cases[i].ordinal;
        log_place.gap.from = cases[i].gap;

        batch();
        (void) snprintf(line, sizeof(line), "log since 1000 or %u,",
                        (unsigned) cases[i].ordinal + 1);
        assert_int_equal(ngx_unit_trace_count(line), 1);
        assert_int_equal(ngx_unit_trace_count("stop"), cases[i].joins);
        assert_int_equal(feed.source == NULL, cases[i].joins);
        assert_true(feed.have == (cases[i].joins ? 19 : NGX_ESS_GAP_ANY));

        ngx_ess_feed_source_stop(&feed);
        ngx_unit_trace_clear();
    }

    start(0, 1000);
    replay->found = 1;
    assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();
    batch();
    ngx_unit_traced("log after 6", "settle OK frames");
}


static void
test_history_without_anything_that_new_is_the_end_of_the_log(void **state)
{
    /* also when the log says that some are gone: of those, too, none is */

    start(0, 1000);
    replay->handlers->ended(replay, NGX_DONE);
    ngx_unit_traced("log since 1000 or none,", "stop", "settle OK");

    assert_null(feed.source);
    assert_int_equal(feed.seq, 77);
    assert_int_equal(feed.have, 19);
    assert_false(feed.ended);
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
        start(0, 1000);
        feed.ended = 0;
        log_rc = cases[i].log;
        replay->found = 1;

        assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
        replay->handlers->ended(replay, cases[i].ended);

        assert_int_equal(ngx_unit_trace_count("stop"), 1);
        assert_int_equal(ngx_unit_trace_count("gone 0"), 1);
        assert_int_equal(ngx_unit_trace_count("settle OK frames"), 1);
        assert_int_equal(ngx_unit_trace_count("release"), 0);
        assert_true(feed.ended);
        assert_null(feed.source);
        ngx_unit_trace_clear();
    }
}


static void
test_a_stream_that_is_gone_without_memory_to_say_so(void **state)
{
    start(5, 0);
    record_rc = NGX_ERROR;
    replay->handlers->ended(replay, NGX_DECLINED);
    ngx_unit_traced("stop", "gone 0 \"\" at 0", "settle ERROR");
}


static void
test_a_client_that_leaves_when_it_is_told_stops_the_replay(void **state)
{
    leaves = 1;

    start(5, 0);
    assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();
    batch();
    ngx_unit_traced("log after 6", "settle OK frames", "free", "stop");

    /* with something that failed, and after it has joined or ended */

    feed.subscribers = 1;
    start(5, 0);
    record_rc = NGX_ERROR;
    assert_int_equal(event_of(0, "x", 6, 0), NGX_AGAIN);
    ngx_unit_trace_clear();
    batch();
    ngx_unit_traced("settle ERROR", "free", "stop");

    record_rc = NGX_OK;
    log_place.gap.from = 0;
    feed.subscribers = 1;
    start(5, 0);
    batch();
    ngx_unit_traced("log after 5", "stop", "settle OK", "free");

    feed.subscribers = 1;
    start(5, 0);
    replay->handlers->ended(replay, NGX_DECLINED);
    ngx_unit_traced("stop", "gone 0 \"\" at 0", "settle OK frames", "free");
}


static void
test_what_came_without_a_batch_goes_with_the_stop(void **state)
{
    start(5, 0);
    assert_int_equal(event_of(0, "x", 6, 0), NGX_OK);
    ngx_unit_trace_clear();

    ngx_ess_feed_source_stop(&feed);
    ngx_unit_traced("stop", "release");
    assert_null(feed.source);

    /* a second time, and without a replay, it is harmless */

    ngx_ess_feed_source_stop(&feed);
    ngx_unit_traced();
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_it_starts_with_the_key_and_from_where_it_is_told),
        TEST(test_it_does_not_start_without_memory_or_a_stream),
        TEST(test_an_event_becomes_a_record_and_a_batch_has_frames),
        TEST(test_so_much_is_taken_until_the_client_has_it),
        TEST(test_many_small_events_are_too_much_as_well),
        TEST(test_when_memory_runs_out_others_are_to_let_go),
        TEST(test_a_record_that_fails_is_told_with_the_batch),
        TEST(test_it_joins_the_log_once_that_has_what_follows),
        TEST(test_a_gap_at_the_end_of_the_replay_goes_on_in_the_log),
        TEST(test_it_joins_by_time_until_an_event_was_found),
        TEST(test_history_without_anything_that_new_is_the_end_of_the_log),
        TEST(test_a_stream_that_is_gone_is_told_behind_what_came),
        TEST(test_a_stream_that_is_gone_without_memory_to_say_so),
        TEST(test_a_client_that_leaves_when_it_is_told_stops_the_replay),
        TEST(test_what_came_without_a_batch_goes_with_the_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
