/*
 * Reading a log: bodies of all lengths, in parts, behind what is gone, and from
 * each place where somebody may begin.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"


/* every length about the edges of segments comes back as it was */

static void
test_lengths(void **state)
{
    size_t      len, i, need;
    uint64_t    seq, lost, ordinal;
    ngx_uint_t  n;
    u_char      body[2048];

    seq = 1;
    ordinal = 0;

    for (len = 0; len < 1000; len += (len % 250 > 180 || len < 10) ? 1 : 13) {

        for (i = 0; i < len; i++) {
            body[i] = (u_char) (len + i);
        }

        assert_int_equal(append(&key, body, len), 1);
        ordinal++;

        n = 10;
        assert_int_equal(take(&seq, sizeof(buf), &n, &lost, &need), NGX_OK);
        assert_int_equal(n, 1);
        assert_int_equal(lost, 0);
        assert_int_equal(records[0].ordinal, ordinal);
        assert_int_equal(records[0].after, ordinal - 1);
        assert_int_equal(records[0].seq, ordinal);
        assert_int_equal(records[0].timestamp, 1000 + print - 1);
        assert_int_equal(records[0].body.len, len);
        assert_int_equal(records[0].type, NGX_ESS_RECORD_EVENT);

        if (len) {
            assert_memory_equal(records[0].body.data, body, len);
        }
    }
}


static void
test_read(void **state)
{
    size_t                need;
    uint64_t              seq, lost, from;
    ngx_ess_log_lost_t    gone;
    ngx_uint_t            i, n;
    ngx_ess_stream_ref_t  ref;
    u_char                body[100];

    n = 1;
    seq = 1;
    assert_int_equal(take(&seq, 100, &n, &lost, &need), NGX_OK);
    assert_int_equal(n, 0);
    assert_int_equal(seq, 1);

    ngx_memset(body, 'x', sizeof(body));

    for (i = 0; i < 20; i++) {
        body[0] = i;
        (void) append(&key, body, sizeof(body));
    }

    /* from each position; at most so many; at most so many bytes */

    for (from = 1; from <= 21; from++) {
        seq = from;
        n = 30;
        assert_int_equal(take(&seq, sizeof(buf), &n, &lost, &need), NGX_OK);
        assert_int_equal(n, 21 - from);
        assert_int_equal(seq, 21);

        if (n) {
            assert_int_equal(records[0].body.data[0], from - 1);
        }
    }

    seq = 3;
    n = 2;
    assert_int_equal(take(&seq, sizeof(buf), &n, &lost, &need), NGX_AGAIN);
    assert_int_equal(n, 2);
    assert_int_equal(seq, 5);

    n = 30;
    assert_int_equal(take(&seq, 399, &n, &lost, &need), NGX_AGAIN);
    assert_int_equal(n, 3);
    assert_int_equal(seq, 8);

    n = 30;
    assert_int_equal(take(&seq, 99, &n, &lost, &need), NGX_BUSY);
    assert_int_equal(n, 0);
    assert_int_equal(need, 100);
    assert_int_equal(seq, 8);

    ref = stream.ref;
    ref.epoch++;
    assert_int_equal(ngx_ess_log_read(zone, &ref, &seq, &reader_last, buf, 10,
                                      records, &n, &gone, &need),
                     NGX_ABORT);

    ref.id++;
    assert_int_equal(ngx_ess_log_read(zone, &ref, &seq, &reader_last, buf, 10,
                                      records, &n, &gone, &need),
                     NGX_DECLINED);
}


/* a reader that stays behind, while the log goes on at both ends */

static void
test_read_behind(void **state)
{
    size_t      need;
    uint64_t    seq, lost, next;
    ngx_uint_t  i, k, n;

    zone->log_count = 50;
    seq = 1;
    next = 1;

    for (i = 0; i < 500; i++) {

        for (k = 0; k < i % 7; k++) {
            (void) append(&key, (u_char *) &i, i % 400 > 8 ? 8 : 0);
        }

        /* older than a second: what is over the bound goes */
        ngx_current_msec += (i % 50 == 0) ? 2000 : 0;

        n = 3;
        assert_int_not_equal(take(&seq, sizeof(buf), &n, &lost, &need),
                             NGX_BUSY);
        next += lost;

        for (k = 0; k < n; k++) {
            assert_int_equal(records[k].seq, next++);
            assert_int_equal(records[k].ordinal, records[k].seq);
        }

        assert_int_equal(seq, next);
    }

    assert_true(next > 1000);
}


/* ordinal of the first event in the log */

static ngx_uint_t
records_first(void)
{
    ngx_ess_stream_info_t  info;

    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                     NGX_OK);

    return info.first_ordinal;
}


/* as a stream whose events all have a time */

static ngx_int_t
since(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref, uint64_t timestamp,
    ngx_ess_log_place_t *p)
{
    return ngx_ess_log_search_since(z, ref, timestamp, (uint64_t) -1, p);
}


/* positions: each ordinal, each timestamp, with POISON among the events */

static void
place(ngx_int_t (*find)(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t value, ngx_ess_log_place_t *place), uint64_t value,
    uint64_t ordinal, ngx_uint_t gap, uint64_t from, uint64_t to)
{
    size_t               need;
    ngx_int_t            rc;
    ngx_uint_t           n;
    ngx_ess_log_lost_t   gone;
    ngx_ess_log_place_t  p;

    assert_int_equal(find(zone, &stream.ref, value, &p), NGX_OK);
    assert_int_equal(p.gap.from, gap ? from : 0);

    if (gap) {
        assert_int_equal(p.gap.to, to);
    }

    /* nothing is between what is known and what is read next */

    if (ordinal) {
        assert_int_equal(p.have, ordinal - 1);
    }

    n = 1;
    rc = ngx_ess_log_read(zone, &stream.ref, &p.seq, &p.last, buf,
                          sizeof(buf), records, &n, &gone, &need);
    assert_int_not_equal(rc, NGX_DECLINED);
    assert_int_equal(gone.records, 0);

    if (ordinal) {
        assert_int_equal(n, 1);
        assert_int_equal(records[0].ordinal, ordinal);
        assert_int_equal(records[0].after, ordinal - 1);
        assert_int_equal(records[0].type, NGX_ESS_RECORD_EVENT);

    } else {
        assert_int_equal(n, 0);
    }
}


static void
test_places(void **state)
{
    ngx_uint_t            i, first;
    ngx_ess_log_place_t   p;
    ngx_ess_stream_ref_t  other;

    print = 1;

    place(ngx_ess_log_search_ordinal, 0, 0, 0, 0, 0);
    place(ngx_ess_log_search_ordinal, 7, 0, 1, 8, 0);
    place(since, 0, 0, 0, 0, 0);

    /* events 1 to 100, timestamps 1001 to 1100 and a few for POISON */

    for (i = 1; i <= 100; i++) {
        print = i;
        append(&key, (u_char *) "event", 5);

        if (i % 10 == 0) {
            append(&key, (u_char *) "POISON", 6);
        }
    }

    for (i = 0; i < 100; i++) {
        place(ngx_ess_log_search_ordinal, i, i + 1, 0, 0, 0);
        place(since, 1001 + i, i + 1, 0, 0, 0);
    }

    place(ngx_ess_log_search_ordinal, 100, 0, 0, 0, 0);
    place(ngx_ess_log_search_ordinal, 101, 0, 1, 102, 100);
    place(since, 1101, 0, 0, 0, 0);
    place(since, 0, 1, 0, 0, 0);

    /* the first ones go */

    ngx_ess_zone_lock(zone);
    zone->log_age = 1000;
    zone->sh->created -= 20000;
    ngx_ess_zone_unlock(zone);

    ngx_ess_log_room_expire(zone, 35);

    first = records_first();

    for (i = 0; i < first - 1; i++) {
        place(ngx_ess_log_search_ordinal, i, first, 1, i + 1, first - 1);
    }

    place(ngx_ess_log_search_ordinal, first - 1, first, 0, 0, 0);
    place(since, 0, first, 1, 1, first - 1);
    place(since, 1000 + first + 1, first + 1, 0, 0, 0);

    ngx_ess_log_room_expire(zone, 1000);

    place(ngx_ess_log_search_ordinal, 40, 0, 1, 41, 100);
    place(ngx_ess_log_search_ordinal, 100, 0, 0, 0, 0);

    other = stream.ref;
    other.epoch++;
    assert_int_equal(ngx_ess_log_search_ordinal(zone, &other, 0, &p),
                     NGX_DECLINED);
}


/* more records than are passed by at a time */

static void
test_places_of_many(void **state)
{
    ngx_uint_t  i;

    zone->log_count = 100000;
    zone->log_size = 100000000;

    for (i = 1; i <= 10000; i++) {
        print = i;
        append(&key, (u_char *) "x", 1);
    }

    for (i = 0; i < 10000; i += 997) {
        place(ngx_ess_log_search_ordinal, i, i + 1, 0, 0, 0);
        place(since, 1001 + i, i + 1, 0, 0, 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_log_test(test_lengths),
        one_log_test(test_read),
        one_log_test(test_read_behind),
        one_log_test(test_places),
        cmocka_unit_test_setup_teardown(test_places_of_many,
                                        one_log_setup_large,
                                        one_log_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
