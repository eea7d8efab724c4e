/*
 * How a subscription begins, in a place of the log or of what the source has,
 * and how it ends.
 *
 * links: src/subscriber/ngx_ess_subscriber.c
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: t/unit/ngx_trace.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"
#include "ngx_ess_subscriber.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"
#include "ngx_trace.h"


static feeds_stream_t              *test_stream;
static ngx_ess_subscriber_t         test_sub;
static ngx_ess_subscriber_entry_t   test_entry;
static ngx_ess_max_subscribers_t    test_limit;
static ngx_int_t                    test_rc;        /* of the interest */
static ngx_ess_follow_e             test_follows;   /* the log's state */


void
ngx_ess_interest_subscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_interest_entry_t *entries, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        assert_int_equal(entries[i].ref.id, test_stream->ref.id);

        if (entries[i].again) {
            ngx_unit_trace("subscribe again");

        } else {
            ngx_unit_trace("subscribe, at most %d",
                           entries[i].limit ? (int) entries[i].limit->max : -1);
            entries[i].number = 77;
        }

        entries[i].seq = test_stream->n + 1;
        entries[i].ordinal = test_stream->next_ordinal;
        entries[i].rc = test_rc;
    }
}


void
ngx_ess_interest_unsubscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    assert_int_equal(ref->id, test_stream->ref.id);
    ngx_unit_trace("unsubscribe");
}


ngx_ess_follow_e
ngx_ess_follow_state(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_unit_trace("state");
    return test_follows;
}


void
ngx_ess_log_losses(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_unit_trace("losses");
}


/* A stream with the events 4 and 5; one joins it. */

static int
test_begin(void **state)
{
    if (feeds_begin(state) != 0) {
        return 1;
    }

    ngx_unit_trace_clear();

    test_stream = feeds_stream(1);
    (void) feeds_script(test_stream, NULL, "eeeeexxx");

    ngx_memzero(&test_sub, sizeof(ngx_ess_subscriber_t));
    ngx_memzero(&test_entry, sizeof(ngx_ess_subscriber_entry_t));

    test_entry.ref = test_stream->ref;
    test_entry.encoding = &feeds_plain;
    test_limit.max = 0;
    test_rc = NGX_OK;
    test_follows = NGX_ESS_FOLLOW_LIVE;

    return 0;
}


static int
test_end(void **state)
{
    ngx_unit_trace_clear();

    return feeds_end(state);
}


static ngx_int_t
test_enter(void)
{
    return ngx_ess_subscriber_enter(&test_sub, &test_entry, &test_limit);
}


/* What it would get next, in words. */

static const char *
test_next(void)
{
    ngx_ess_frame_t  *frame;
    ngx_ess_feed_t   *feed;
    static char       text[64];

    feed = test_sub.lane->feed;
    frame = test_sub.frame;

    snprintf(text, sizeof(text), "%.*s%s%d have %d",
             frame ? (int) frame->len : 0,
             frame ? (char *) frame->data : "",
             !feed->replay ? "end " : feed->source ? "source " : "log ",
             (int) (feed->source ? feeds.replay->ordinal
                                   + feeds.replay->timestamp : feed->seq),
             (int) feed->have);

    return text;
}


static void
test_enters(const char *next)
{
    assert_int_equal(test_enter(), NGX_OK);
    assert_string_equal(test_next(), next);
    ngx_ess_subscriber_leave(&test_sub);
    assert_null(test_sub.lane);
    ngx_unit_trace_clear();
}


static void
test_at(ngx_ess_position_type_e type, uint64_t epoch, uint64_t value)
{
    test_entry.pos.type = type;
    test_entry.pos.epoch = epoch;
    test_entry.pos.ordinal = value;
    test_entry.pos.timestamp = value;
}


/* What is next for whoever enters with a position. */

typedef struct {
    ngx_ess_position_type_e  type;
    uint64_t                 epoch;
    uint64_t                 value;
    const char              *next;          /* NULL: no more rows */
} test_row_t;


static void
test_rows(const test_row_t *row)
{
    for ( /* void */ ; row->next; row++) {
        test_at(row->type, row->epoch, row->value);
        test_enters(row->next);
    }
}


static void
test_one_that_asks_for_nothing_joins_at_the_end(void **state)
{
    assert_int_equal(test_enter(), NGX_OK);
    ngx_unit_traced("subscribe, at most -1");

    assert_string_equal(test_next(), "end 6 have 5");
    assert_int_equal(test_sub.seq, 6);
    assert_int_equal(test_sub.have, 5);
    assert_int_equal(test_sub.number, 77);
    assert_false(test_sub.follow);
    assert_int_equal(feeds_subscribers(test_stream), 1);

    ngx_ess_subscriber_leave(&test_sub);
    ngx_unit_traced("unsubscribe");
    assert_int_equal(feeds_subscribers(test_stream), 0);
}


static void
test_a_position_is_a_place_in_the_log(void **state)
{
    static const test_row_t  rows[] = {
        { NGX_ESS_POSITION_ORDINAL,   0,      4, "log 5 have 4" },
        { NGX_ESS_POSITION_ORDINAL,   0x9,    5, "log 6 have 5" },
        { NGX_ESS_POSITION_ORDINAL,   0,      1, "gap 2-3;log 4 have 3" },
        { NGX_ESS_POSITION_ORDINAL,   0,      9, "gap 10-?;log 6 have 5" },
        { NGX_ESS_POSITION_EVENT,     0xe,    4, "log 5 have 4" },
        { NGX_ESS_POSITION_EVENT,     0xe,    2, "gap 3-3;log 4 have 3" },
        { NGX_ESS_POSITION_TIMESTAMP, 0,     50, "log 5 have 4" },
        { NGX_ESS_POSITION_TIMESTAMP, 0,     60, "log 6 have 5" },
        { NGX_ESS_POSITION_TIMESTAMP, 0,     10, "gap 1-3;log 4 have 3" },

        /* another stream's: nobody knows how many there were */

        { NGX_ESS_POSITION_EVENT,     0xd,    4, "gap 5-?;log 4 have 3" },
        { NGX_ESS_POSITION_EVENT,     0xd,   70, "gap 71-?;log 4 have 3" },
        { 0, 0, 0, NULL }
    };

    test_rows(rows);
}


static void
test_what_the_log_does_not_have_the_source_may_have(void **state)
{
    static const test_row_t  rows[] = {
        { NGX_ESS_POSITION_ORDINAL,   0,      4, "log 5 have 4" },
        { NGX_ESS_POSITION_ORDINAL,   0,      1, "source 1 have 1" },
        { NGX_ESS_POSITION_EVENT,     0xe,    2, "source 2 have 2" },

        /* it has not had such an ordinal either */

        { NGX_ESS_POSITION_ORDINAL,   0,      9, "gap 10-?;log 6 have 5" },

        /* it searches by time itself, and from the start */

        { NGX_ESS_POSITION_TIMESTAMP, 0,     50, "source 50 have -1" },
        { NGX_ESS_POSITION_TIMESTAMP, 0,      0, "source 1 have -1" },

        /* all of this stream, behind what was another one's */

        { NGX_ESS_POSITION_EVENT,     0xd,    4, "gap 5-?;source 0 have -1" },
        { 0, 0, 0, NULL }
    };

    test_entry.follow = 1;

    test_rows(rows);

    /* the log has all of it */

    test_stream->evicted = 0;
    test_at(NGX_ESS_POSITION_EVENT, 0xd, 4);
    test_enters("gap 5-?;log 1 have 0");

    test_at(NGX_ESS_POSITION_NEW, 0, 0);
    test_enters("end 6 have 5");
}


static void
test_whoever_follows_says_so(void **state)
{
    test_entry.follow = 1;

    assert_int_equal(test_enter(), NGX_OK);
    assert_true(test_sub.follow);
    ngx_ess_subscriber_leave(&test_sub);

    test_at(NGX_ESS_POSITION_ORDINAL, 0, 4);
    assert_int_equal(test_enter(), NGX_OK);
    assert_true(test_sub.follow);
    ngx_ess_subscriber_leave(&test_sub);
}


static void
test_a_limit_is_that_of_the_stream(void **state)
{
    test_limit.max = 5;
    assert_int_equal(test_enter(), NGX_OK);
    ngx_unit_traced("subscribe, at most 5");
    ngx_ess_subscriber_leave(&test_sub);
}


static void
test_who_is_refused_is_not_counted(void **state)
{
    static ngx_int_t  rcs[][2] = {
        { NGX_DECLINED, NGX_DECLINED },     /* no such stream */
        { NGX_BUSY, NGX_BUSY },             /* as many as it may have */
        { NGX_ERROR, NGX_BUSY },            /* no room for the process */
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        test_rc = rcs[i][0];
        assert_int_equal(test_enter(), rcs[i][1]);
        ngx_unit_traced("subscribe, at most -1");
        assert_int_equal(feeds_subscribers(test_stream), 0);
    }
}


static void
test_a_log_that_is_to_be_live_is_looked_at_once_more(void **state)
{
    test_entry.live = 1;
    test_enters("end 6 have 5");

    /* counted first: from then on it is not let go */

    test_follows = NGX_ESS_FOLLOW_NONE;
    assert_int_equal(test_enter(), NGX_BUSY);
    ngx_unit_traced("subscribe, at most -1", "state", "unsubscribe");

    test_entry.live = 0;
    test_enters("end 6 have 5");
}


static void
test_losses_that_were_not_told_are_before_it(void **state)
{
    test_entry.untold = 1;
    assert_int_equal(test_enter(), NGX_OK);
    ngx_unit_traced("losses", "subscribe, at most -1");
    ngx_ess_subscriber_leave(&test_sub);
}


static void
test_poison_of_the_past_closes_whom_it_shall(void **state)
{
    test_entry.poison = 1;
    test_enters("end 6 have 5");

    test_entry.pos.type = NGX_ESS_POSITION_ORDINAL;
    test_entry.pos.ordinal = 4;
    assert_int_equal(test_enter(), NGX_OK);
    assert_int_equal(test_sub.lane->feed->live, 0);
    ngx_ess_subscriber_leave(&test_sub);

    test_entry.poison = 0;
    assert_int_equal(test_enter(), NGX_OK);
    assert_int_equal(test_sub.lane->feed->live, 6);
    ngx_ess_subscriber_leave(&test_sub);
}


static void
test_a_stream_that_goes_meanwhile_is_no_more(void **state)
{
    ngx_uint_t  i;

    static ngx_ess_position_type_e  types[] = {
        NGX_ESS_POSITION_ORDINAL, NGX_ESS_POSITION_TIMESTAMP,
        NGX_ESS_POSITION_EVENT
    };

    test_stream->missing = 1;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        test_at(types[i], 0, 3);
        assert_int_equal(test_enter(), NGX_DECLINED);
        ngx_unit_traced("subscribe, at most -1", "unsubscribe");
    }

    test_stream->missing = 0;
}


static void
test_without_memory_it_is_not_counted(void **state)
{
    ngx_uint_t  i, n;
    ngx_int_t   rc;

    for (i = 0; i < 3; i++) {

        test_entry.follow = (i == 2);
        test_at(i ? NGX_ESS_POSITION_EVENT : NGX_ESS_POSITION_NEW, 0xd, 3);

        for (n = 1, rc = NGX_ERROR; rc == NGX_ERROR; n++) {
            feeds.fail = n;
            rc = test_enter();

            if (rc == NGX_ERROR) {
                ngx_unit_traced("subscribe, at most -1", "unsubscribe");
                assert_int_equal(feeds_subscribers(test_stream), 0);
            }
        }

        feeds.fail = 0;
        assert_int_equal(rc, NGX_OK);
        assert_true(n > i + 2);
        ngx_ess_subscriber_leave(&test_sub);
        ngx_unit_trace_clear();
    }
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, test_begin, test_end)


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        TEST(test_one_that_asks_for_nothing_joins_at_the_end),
        TEST(test_a_position_is_a_place_in_the_log),
        TEST(test_what_the_log_does_not_have_the_source_may_have),
        TEST(test_whoever_follows_says_so),
        TEST(test_a_limit_is_that_of_the_stream),
        TEST(test_who_is_refused_is_not_counted),
        TEST(test_a_log_that_is_to_be_live_is_looked_at_once_more),
        TEST(test_losses_that_were_not_told_are_before_it),
        TEST(test_poison_of_the_past_closes_whom_it_shall),
        TEST(test_a_stream_that_goes_meanwhile_is_no_more),
        TEST(test_without_memory_it_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
