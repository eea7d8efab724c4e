/*
 * Logs that follow a RabbitMQ stream, by state: what each function does in
 * each of them, by the follower and by others, and what becomes of a log whose
 * follower died.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_follower.c
 */


#include "one_follower.h"


#define NONE       NGX_ESS_FOLLOW_NONE
#define ATTACHING  NGX_ESS_FOLLOW_ATTACHING
#define FILLING    NGX_ESS_FOLLOW_FILLING
#define LIVE       NGX_ESS_FOLLOW_LIVE
#define MISSING    NGX_ESS_FOLLOW_MISSING

#define n_of(a)  (sizeof(a) / sizeof(a[0]))


static uint32_t  number;                    /* of the other's subscriber */


/* for the next case of a table */

static void
anew(void)
{
    assert_int_equal(one_follower_teardown(NULL), 0);
    assert_int_equal(one_follower_setup(NULL), 0);
}


static void
append_event(uint64_t ordinal, ngx_uint_t gap, ngx_uint_t lost)
{
    ngx_ess_event_t        event;
    ngx_ess_stream_ref_t  *ref;

    ngx_memzero(&event, sizeof(event));

    ref = &stream.ref;

    ngx_str_set(&event.body, "x");
    event.ordinal = ordinal;
    event.after = gap ? ordinal - 1 : 0;
    event.lost = lost;
    event.timestamp = ordinal;
    event.streams = &ref;
    event.nstreams = 1;

    (void) ngx_ess_log_append(zone, &key, &event, 1, &wake);
}


static void
append(uint64_t ordinal)
{
    append_event(ordinal, 0, 0);
}


/* "10 11g X": ordinals of what is in the log, g: with a gap, X: the end */

static void
expect(const char *text)
{
    char                got[512];
    size_t              need, len;
    u_char              buf[4096];
    uint64_t            seq, have;
    ngx_uint_t          i, count;
    ngx_ess_seg_t       last;
    ngx_ess_gap_t       gap;
    ngx_ess_record_t    records[16];
    ngx_ess_log_lost_t  lost;

    seq = 0;
    last = 0;
    count = 16;

    assert_int_equal(ngx_ess_log_read(zone, &stream.ref, &seq, &last, buf,
                                      sizeof(buf), records, &count, &lost,
                                      &need), NGX_OK);
    got[0] = '\0';
    len = 0;
    have = NGX_ESS_GAP_ANY;

    for (i = 0; i < count; have = records[i++].ordinal) {
        len += snprintf(got + len, sizeof(got) - len, "%s", i ? " " : "");

        if (records[i].type == NGX_ESS_RECORD_GONE) {
            len += snprintf(got + len, sizeof(got) - len, "X");

        } else {
            len += snprintf(got + len, sizeof(got) - len, "%llu%s",
                            (unsigned long long) records[i].ordinal,
                            ngx_ess_gap(&gap, have, records[i].after)
                            ? "g" : "");
        }
    }

    assert_string_equal(got, text);
}


static void
subscribe(void)
{
    uint64_t  seq, next;

    assert_int_equal(ngx_ess_interest_subscribe(other, &stream.ref, NULL, &seq,
                                                &next, &number), NGX_OK);
}


static ngx_ess_follow_e
seen_by(ngx_ess_zone_t *handle)
{
    return ngx_ess_follow_state(handle, &stream.ref);
}


static ngx_int_t
claim(ngx_ess_zone_t *handle, uint64_t *ordinal)
{
    *ordinal = 77;

    return ngx_ess_follow_claim(handle, &stream.ref, ordinal);
}


/* The log is in that state, "zone" being its follower where there is one.
   FILLING it has event 7 of 7 to 9, LIVE event 10. */

static void
reach(ngx_ess_follow_e state)
{
    uint64_t  ordinal;

    if (state != NONE) {
        assert_int_equal(claim(zone, &ordinal), NGX_OK);
        assert_int_equal(ordinal, 0);
    }

    switch (state) {

    case FILLING:
        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 7,
                                              &wake), NGX_AGAIN);
        append(7);
        break;

    case LIVE:
        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 10,
                                              &wake), NGX_OK);
        append(10);
        break;

    case MISSING:
        assert_int_equal(ngx_ess_follow_missing(zone, &stream.ref, &wake),
                         NGX_OK);
        break;

    default:
        break;
    }

    assert_int_equal(seen_by(other), state);
    ngx_memzero(&wake, sizeof(wake));
}


/* what each does, and the state afterwards */

static struct {
    ngx_ess_follow_e  state;
    ngx_uint_t        mine;
    ngx_int_t         claim;        /* by another one */
    uint64_t          ordinal;      /* by the follower again */
    ngx_int_t         begin;
    ngx_int_t         live;
    ngx_int_t         missing;
} rules[] = {
    { NONE, 0, NGX_OK, 0, NGX_DECLINED, NGX_DECLINED, NGX_DECLINED },
    { ATTACHING, 1, NGX_BUSY, 0, NGX_OK, NGX_DECLINED, NGX_OK },
    { FILLING, 1, NGX_BUSY, 0, NGX_OK, NGX_OK, NGX_OK },
    { LIVE, 1, NGX_BUSY, 11, NGX_OK, NGX_DECLINED, NGX_OK },
    { MISSING, 0, NGX_OK, 0, NGX_DECLINED, NGX_DECLINED, NGX_DECLINED },
};


static void
test_who_is_not_the_follower_changes_nothing_in_each_state(void **state)
{
    uint64_t    ordinal;
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {
        reach(rules[i].state);

        assert_int_equal(ngx_ess_follow_mine(zone, &stream.ref),
                         rules[i].mine);
        assert_false(ngx_ess_follow_mine(other, &stream.ref));

        assert_int_equal(ngx_ess_follow_begin(other, &stream.ref, 0, 50, 40,
                                              &wake), NGX_DECLINED);
        assert_int_equal(ngx_ess_follow_live(other, &stream.ref, &wake),
                         NGX_DECLINED);
        assert_int_equal(ngx_ess_follow_missing(other, &stream.ref, &wake),
                         NGX_DECLINED);
        assert_int_equal(ngx_ess_follow_release(other, &stream.ref, 0, &wake),
                         NGX_OK);
        assert_int_equal(ngx_ess_follow_release(other, &stream.ref, 1, &wake),
                         NGX_OK);

        assert_int_equal(seen_by(zone), rules[i].state);
        assert_int_equal(ngx_ess_follow_mine(zone, &stream.ref),
                         rules[i].mine);
        expect(rules[i].state == LIVE ? "10"
               : rules[i].state == FILLING ? "7" : "");

        assert_int_equal(claim(other, &ordinal), rules[i].claim);
        assert_int_equal(ngx_ess_follow_mine(other, &stream.ref),
                         rules[i].claim == NGX_OK);
        assert_int_equal(ordinal, rules[i].claim == NGX_OK ? 0 : 77);

        anew();
    }
}


static void
test_the_follower_may_claim_again_in_each_state(void **state)
{
    uint64_t    ordinal;
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {
        reach(rules[i].state);

        assert_int_equal(claim(zone, &ordinal), NGX_OK);
        assert_int_equal(ordinal, rules[i].ordinal);
        assert_int_equal(seen_by(other), ordinal ? LIVE : ATTACHING);
        assert_true(ngx_ess_follow_mine(zone, &stream.ref));

        anew();
    }
}


static void
test_begin_empties_the_log_and_it_is_live_in_each_state(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {
        reach(rules[i].state);

        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 5, 5, &wake),
                         rules[i].begin);

        if (rules[i].begin == NGX_OK) {
            assert_int_equal(seen_by(other), LIVE);
            expect("");

            /* its stream was made anew: ordinals begin before */

            append(4);
            append(5);
            expect("5");

        } else {
            assert_int_equal(seen_by(other), rules[i].state);
        }

        anew();
    }
}


static void
test_begin_fills_only_with_what_is_before_and_while_nobody_reads(void **state)
{
    ngx_uint_t  i;

    static struct {
        uint64_t    first;
        ngx_uint_t  reads;
        ngx_int_t   rc;
    } cases[] = {
        { 9, 0, NGX_AGAIN },
        { 1, 0, NGX_AGAIN },
        { 10, 0, NGX_OK },
        { 11, 0, NGX_OK },
        { 9, 1, NGX_OK },
        { 10, 1, NGX_OK },
    };

    for (i = 0; i < n_of(cases); i++) {
        reach(ATTACHING);

        if (cases[i].reads) {
            subscribe();
        }

        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10,
                                              cases[i].first, &wake),
                         cases[i].rc);
        assert_int_equal(seen_by(other), cases[i].rc == NGX_OK ? LIVE
                                                               : FILLING);

        /* those who read are told, for they may read from now on */

        assert_int_equal(wake.procs[0], cases[i].reads ? 1 << 3 : 0);

        append(9);
        append(10);
        expect(cases[i].rc == NGX_OK ? "10" : "9 10");

        anew();
    }
}


static void
test_live_ends_the_filling_and_nothing_else(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {
        reach(rules[i].state);

        assert_int_equal(ngx_ess_follow_live(zone, &stream.ref, &wake),
                         rules[i].live);
        assert_int_equal(seen_by(other), rules[i].live == NGX_OK
                                         ? LIVE : rules[i].state);
        anew();
    }

    /* who came while it was filled is told */

    reach(FILLING);
    subscribe();
    assert_int_equal(ngx_ess_follow_live(zone, &stream.ref, &wake), NGX_OK);
    assert_int_equal(wake.procs[0], 1 << 3);
    expect("7");
}


static void
test_missing_is_said_behind_a_live_log_and_nobody_follows(void **state)
{
    uint64_t    ordinal;
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {
        reach(rules[i].state);
        subscribe();

        assert_int_equal(ngx_ess_follow_missing(zone, &stream.ref, &wake),
                         rules[i].missing);

        if (rules[i].missing == NGX_OK) {
            assert_int_equal(seen_by(other), MISSING);
            assert_int_equal(wake.procs[0], 1 << 3);
        }

        assert_false(ngx_ess_follow_mine(zone, &stream.ref)
                     && rules[i].missing == NGX_OK);

        expect(rules[i].state == LIVE ? "10 X"
               : rules[i].state == FILLING ? "7" : "");

        /* nothing is appended to it, and who follows next begins anew */

        append(11);
        assert_int_equal(claim(other, &ordinal), NGX_OK);
        assert_int_equal(ordinal, 0);
        assert_int_equal(ngx_ess_follow_begin(other, &stream.ref, 0, 3, 3,
                                              &wake), NGX_OK);
        append(3);
        expect("3");

        anew();
    }
}


static void
test_release_empties_a_log_that_nobody_reads_in_each_state(void **state)
{
    ngx_uint_t  i, leaving;

    for (leaving = 0; leaving < 2; leaving++) {
        for (i = 0; i < n_of(rules); i++) {
            reach(rules[i].state);

            assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, leaving,
                                                    &wake), NGX_OK);
            assert_int_equal(seen_by(other), rules[i].state == MISSING
                                             ? MISSING : NONE);
            assert_false(ngx_ess_follow_mine(zone, &stream.ref));
            expect("");

            append(8);
            append(11);
            expect("");

            anew();
        }
    }
}


static void
test_release_keeps_a_log_that_is_read_or_leaves_it_to_another(void **state)
{
    uint64_t    ordinal;
    ngx_uint_t  i;

    for (i = 0; i < n_of(rules); i++) {

        if (!rules[i].mine) {
            continue;
        }

        reach(rules[i].state);
        subscribe();

        assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 0, &wake),
                         NGX_BUSY);
        assert_int_equal(seen_by(other), rules[i].state);
        assert_true(ngx_ess_follow_mine(zone, &stream.ref));
        assert_int_equal(wake.procs[0], 0);

        assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 1, &wake),
                         NGX_OK);
        assert_int_equal(seen_by(other), NONE);
        assert_false(ngx_ess_follow_mine(zone, &stream.ref));
        assert_int_equal(wake.procs[0], 1 << 3);
        expect(rules[i].state == LIVE ? "10"
               : rules[i].state == FILLING ? "7" : "");

        assert_int_equal(claim(other, &ordinal), NGX_OK);
        assert_int_equal(ordinal, rules[i].ordinal);

        anew();
    }
}


/* the ways in which a worker is no more */

enum {
    LEAVES = 0,                             /* in good order */
    IS_SWEPT,                               /* by another one, once dead */
    IS_FOLLOWED,                            /* by a new one in its slot */
    IS_REPLACED,                            /* by a reload; it lives */
    WAYS
};


/* Returns the handle of who is to follow; "extra" is to be freed. */

static ngx_ess_zone_t *
dies(ngx_uint_t way, ngx_ess_zone_t **extra)
{
    *extra = NULL;

    switch (way) {

    case LEAVES:
        ngx_ess_process_detach(zone);
        return other;

    case IS_SWEPT:
        ngx_ess_process_sweep(other, &ngx_unit_log);
        return other;

    case IS_FOLLOWED:
        *extra = ngx_unit_reload(zone);
        assert_int_equal(ngx_ess_process_attach(*extra, 2, &ngx_unit_log),
                         NGX_OK);
        return *extra;

    default:
        *extra = ngx_unit_reload(zone);
        (*extra)->generation = 2;
        assert_int_equal(ngx_ess_process_attach(*extra, 4, &ngx_unit_log),
                         NGX_OK);
        return *extra;
    }
}


static void
test_a_follower_that_dies_is_succeeded_in_each_state_and_way(void **state)
{
    uint64_t         ordinal;
    ngx_uint_t       i, way;
    ngx_ess_zone_t  *next, *extra;

    for (way = 0; way < WAYS; way++) {
        for (i = 0; i < n_of(rules); i++) {
            reach(rules[i].state);
            next = dies(way, &extra);

            assert_int_equal(seen_by(next), rules[i].state == MISSING
                                            ? MISSING : NONE);
            assert_false(ngx_ess_follow_mine(next, &stream.ref));

            /* it is not the follower before it has claimed */

            assert_int_equal(ngx_ess_follow_begin(next, &stream.ref, 0, 50, 50,
                                                  &wake), NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_live(next, &stream.ref, &wake),
                             NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_missing(next, &stream.ref, &wake),
                             NGX_DECLINED);

            /* a LIVE log goes on where it ends, any other one begins anew */

            assert_int_equal(claim(next, &ordinal), NGX_OK);
            assert_int_equal(ordinal, rules[i].ordinal);
            assert_true(ngx_ess_follow_mine(next, &stream.ref));
            assert_int_equal(seen_by(next), ordinal ? LIVE : ATTACHING);

            /* the former one, if it lives, finds that it is no longer */

            assert_false(way == IS_REPLACED
                         && ngx_ess_follow_mine(zone, &stream.ref));

            append(10);
            append(11);
            expect(rules[i].state == LIVE ? "10 11"
                   : rules[i].state == FILLING ? "7" : "");

            if (extra) {
                ngx_unit_free_handle(extra);
            }

            anew();
        }
    }
}


static void
test_one_of_an_older_generation_does_not_take_over(void **state)
{
    uint64_t         ordinal;
    ngx_ess_zone_t  *next, *extra;

    reach(LIVE);
    next = dies(IS_REPLACED, &extra);

    assert_int_equal(claim(next, &ordinal), NGX_OK);
    assert_int_equal(claim(zone, &ordinal), NGX_BUSY);
    assert_int_equal(claim(other, &ordinal), NGX_BUSY);

    /* what the old one still appends is appended once */

    append(11);
    append(11);
    expect("10 11");

    ngx_unit_free_handle(extra);
}


static void
test_ordinals_of_a_live_log_only_grow_and_holes_stay(void **state)
{
    ngx_uint_t  i;
    uint64_t    ordinal;

    static struct {
        uint64_t     ordinal;
        ngx_uint_t   gap;
        ngx_uint_t   lost;
        const char  *log;
        uint64_t     next;
    } steps[] = {
        { 9, 0, 0, "10", 11 },
        { 10, 0, 0, "10", 11 },
        { 11, 0, 0, "10 11", 12 },
        { 11, 1, 0, "10 11", 12 },
        { 13, 0, 0, "10 11 13", 14 },
        { 12, 0, 0, "10 11 13", 14 },
        { 14, 1, 0, "10 11 13 14", 15 },
        { 20, 1, 0, "10 11 13 14 20g", 21 },
        { 21, 0, 1, "10 11 13 14 20g", 21 },   /* one that is not kept */
        { 21, 0, 0, "10 11 13 14 20g 21", 22 },
        { 1ULL << 62, 0, 0, "10 11 13 14 20g 21 4611686018427387904",
          (1ULL << 62) + 1 },
    };

    reach(LIVE);

    for (i = 0; i < n_of(steps); i++) {
        append_event(steps[i].ordinal, steps[i].gap, steps[i].lost);
        expect(steps[i].log);

        assert_int_equal(claim(zone, &ordinal), NGX_OK);
        assert_int_equal(ordinal, steps[i].next);
    }
}


static void
test_a_stream_that_was_deleted_is_followed_by_nobody(void **state)
{
    uint64_t    ordinal;
    ngx_uint_t  i, reads;

    for (reads = 0; reads < 2; reads++) {
        for (i = 0; i < n_of(rules); i++) {
            reach(rules[i].state);

            if (reads) {
                subscribe();
            }

            assert_int_equal(ngx_ess_table_delete_begin(zone, &stream.ref),
                             NGX_OK);
            ngx_ess_table_remove(zone, &stream.ref);

            assert_false(ngx_ess_follow_mine(zone, &stream.ref));
            assert_int_equal(claim(zone, &ordinal), NGX_DECLINED);
            assert_int_equal(claim(other, &ordinal), NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 9, 9,
                                                  &wake), NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_live(zone, &stream.ref, &wake),
                             NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_missing(zone, &stream.ref, &wake),
                             NGX_DECLINED);
            assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 0,
                                                    &wake), NGX_OK);
            assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 1,
                                                    &wake), NGX_OK);

            if (!reads) {
                assert_int_equal(seen_by(other), MISSING);
            }

            anew();
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_follower_test(
            test_who_is_not_the_follower_changes_nothing_in_each_state),
        one_follower_test(test_the_follower_may_claim_again_in_each_state),
        one_follower_test(
            test_begin_empties_the_log_and_it_is_live_in_each_state),
        one_follower_test(
            test_begin_fills_only_with_what_is_before_and_while_nobody_reads),
        one_follower_test(test_live_ends_the_filling_and_nothing_else),
        one_follower_test(
            test_missing_is_said_behind_a_live_log_and_nobody_follows),
        one_follower_test(
            test_release_empties_a_log_that_nobody_reads_in_each_state),
        one_follower_test(
            test_release_keeps_a_log_that_is_read_or_leaves_it_to_another),
        one_follower_test(
            test_a_follower_that_dies_is_succeeded_in_each_state_and_way),
        one_follower_test(test_one_of_an_older_generation_does_not_take_over),
        one_follower_test(test_ordinals_of_a_live_log_only_grow_and_holes_stay),
        one_follower_test(test_a_stream_that_was_deleted_is_followed_by_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
