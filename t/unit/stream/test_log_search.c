/*
 * Searches in logs and in the stream table: what they find, against a search
 * from end to end, and how much they look at.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_random.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_loss.h"


#define MANY        60000
#define BASE        1700000000000ULL
#define EPOCH       77                      /* of what follows the broker */

/* what one hold of the mutex looks at, at most; and a search in a log whose
   timestamps ascend, or nearly do: log2 (MANY) squared, and a little */
#define HOLD        1400
#define SEARCH      400


/* what is searched for, as ngx_ess_log_search_since() and _ordinal() take it */

typedef struct {
    uint64_t       after;
    uint64_t       since;
    uint64_t       undated;
} want_t;


static ngx_str_t               key = ngx_string("abc");
static ngx_ess_zone_t         *zone;
static ngx_ess_stream_info_t   stream;
static uint64_t                print;


static void
make(size_t size, uint64_t epoch)
{
    uint64_t        ordinal;
    ngx_ess_wake_t  wake;

    zone = ngx_unit_zone(size);
    zone->log_count = 1000000;
    zone->log_size = 1000000000;

    assert_int_equal(ngx_ess_process_attach(zone, 2, &ngx_unit_log), NGX_OK);
    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           epoch ? &ngx_unit_follows
                                                 : &ngx_unit_bound,
                                           epoch, NULL, &stream),
                     NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &stream.ref), NGX_OK);

    if (epoch) {
        ngx_memzero(&wake, sizeof(wake));
        assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                         NGX_OK);
        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 1, 1, &wake),
                         NGX_OK);
    }

    print = 0;
    ngx_memzero(&ngx_ess_zone_looks, sizeof(ngx_ess_zone_looks));
}


static void
done(void)
{
    ngx_unit_end(zone);
}


static ngx_ess_stream_t *
the_stream(void)
{
    ngx_ess_seg_t  i;

    i = ngx_ess_lookup_ref_locked(zone->sh, stream.ref.id, stream.ref.epoch);

    assert_int_not_equal(i, 0);

    return ngx_ess_zone_stream(zone->sh, i);
}


/* ordinal 0: the next one */

static void
append(const char *body, uint64_t timestamp, uint64_t ordinal)
{
    ngx_uint_t             n;
    ngx_ess_event_t        event;
    ngx_ess_wake_t         wake;
    ngx_ess_stream_ref_t  *ref;

    ngx_memzero(&wake, sizeof(wake));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ref = &stream.ref;

    event.body.data = (u_char *) body;
    event.body.len = ngx_strlen(body);
    event.timestamp = timestamp;
    event.ordinal = ordinal;
    event.streams = &ref;
    event.nstreams = 1;

    ngx_ess_zone_lock(zone);
    n = ngx_unit_append_locked(zone, ordinal ? NGX_ESS_SLOTS
                                             : ngx_ess_stream_slot(&key),
                               &key, &event, ordinal ? 0 : ++print, 1,
                               &wake);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(n, 1);
}


/* the oldest ones go, one at a time: whatever their age */

static void
evict(ngx_uint_t n)
{
    ngx_ess_stream_t  *s;

    s = the_stream();

    ngx_ess_zone_lock(zone);
    (void) ngx_ess_log_room_clear_locked(zone,
                                     ngx_ess_lookup_ref_locked(zone->sh,
                                             stream.ref.id, stream.ref.epoch),
                                         ngx_min(n, s->count));
    ngx_ess_zone_unlock(zone);
}


/* From end to end; 0: nothing is wanted. */

static ngx_ess_seg_t
model(want_t *want, uint64_t *seq)
{
    ngx_ess_seg_t           i;
    ngx_ess_stream_t       *s;
    ngx_ess_zone_record_t  *r;

    s = the_stream();
    *seq = s->next_seq - s->count;

    for (i = s->head; i; i = r->next) {
        r = ngx_ess_zone_record(zone->sh, i);

        if ((ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_EVENT
             || (want->since == 0 && r->sparse
                 && ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_POISON))
            && r->ordinal > want->after
            && (ngx_ess_zone_timestamp(r)
                ? ngx_ess_zone_timestamp(r) >= want->since
                : r->ordinal >= want->undated))
        {
            return i;
        }

        (*seq)++;
    }

    return 0;
}


/* Searches; returns what was looked at. */

static uint64_t
search(want_t *want)
{
    uint64_t                seq, looks;
    ngx_ess_seg_t           i;
    ngx_ess_stream_t       *s;
    ngx_ess_log_place_t     p;
    ngx_ess_zone_record_t  *r;

    looks = ngx_ess_zone_looks.all;

    assert_int_equal(want->after
                     ? ngx_ess_log_search_ordinal(zone, &stream.ref,
                                                  want->after, &p)
                     : ngx_ess_log_search_since(zone, &stream.ref, want->since,
                                                want->undated, &p),
                     NGX_OK);

    looks = ngx_ess_zone_looks.all - looks;

    s = the_stream();
    i = model(want, &seq);

    assert_int_equal(p.seq, seq);
    assert_int_equal(p.begin, ngx_ess_zone_begin(zone->sh, s));

    if (i == 0) {
        assert_int_equal(p.have, p.gap.from && want->after < p.begin
                                 ? p.begin
                                 : want->after && !p.gap.from ? want->after
                                 : s->next_ordinal - 1);
        return looks;
    }

    r = ngx_ess_zone_record(zone->sh, i);

    assert_int_equal(p.last, r->prev);

    if (want->after == 0) {
        assert_int_equal(p.gap.from, r->prev == 0 && p.begin > 0);
        assert_int_equal(p.have,
                         r->prev ? ngx_ess_zone_record(zone->sh,
                                                      r->prev)->ordinal
                                 : ngx_ess_zone_after(r));
    }

    return looks;
}


static uint64_t
search_ordinal(uint64_t after)
{
    want_t  want;

    want.after = after;
    want.since = 0;
    want.undated = 0;

    return search(&want);
}


static uint64_t
search_since(uint64_t since, uint64_t undated)
{
    want_t  want;

    want.after = 0;
    want.since = since;
    want.undated = undated;

    return search(&want);
}


/* Reads one record from that position on, as one who comes from elsewhere. */

static uint64_t
read_at(uint64_t seq)
{
    size_t               need;
    uint64_t             looks;
    ngx_uint_t           n;
    ngx_ess_seg_t        last;
    ngx_ess_record_t     record;
    ngx_ess_log_lost_t   lost;
    u_char               buf[256];

    looks = ngx_ess_zone_looks.all;
    last = 0;
    n = 1;

    (void) ngx_ess_log_read(zone, &stream.ref, &seq, &last, buf, sizeof(buf),
                            &record, &n, &lost, &need);

    if (n) {
        assert_int_equal(record.seq, seq - 1);
    }

    return ngx_ess_zone_looks.all - looks;
}


static void
test_ordinal_in_many(void **state)
{
    ngx_uint_t  i;

    make(32 * 1024 * 1024, 0);

    for (i = 1; i <= MANY; i++) {
        append("x", BASE + i, 0);
    }

    for (i = 1; i < MANY; i += 997) {
        assert_in_range(search_ordinal(i), 0, SEARCH);
        assert_in_range(read_at(i), 0, SEARCH);
    }

    /* a record that is no event, here and there */

    for (i = 1; i <= MANY / 10; i++) {
        append(i % 10 ? "x" : "POISON", BASE + MANY + i, 0);
    }

    evict(1000);

    for (i = 1; i < MANY + MANY / 10; i += 997) {
        assert_in_range(search_ordinal(i), 0, SEARCH);
    }

    assert_in_range(ngx_ess_zone_looks.most, 1, HOLD);

    done();
}


static void
test_timestamp_in_many(void **state)
{
    uint64_t    t;
    ngx_uint_t  i;

    make(32 * 1024 * 1024, 0);

    /* several publishers' clocks: half a second apart, or the same */

    for (i = 1; i <= MANY; i++) {
        t = BASE + i * 10;

        if (i > MANY / 2) {
            t -= random_below(500);
        }

        append("x", t, 0);
    }

    for (i = 0; i < MANY + 1000; i += 499) {
        assert_in_range(search_since(BASE + i * 10, 0), 1,
                        i > MANY / 2 - 100 ? 4 * SEARCH : SEARCH);
    }

    assert_in_range(search_since(0, 0), 0, SEARCH);
    assert_in_range(search_since((uint64_t) -1, 0), 0, SEARCH);
    assert_in_range(ngx_ess_zone_looks.most, 1, HOLD);

    done();
}


/* a log that was filled from the broker, which has no times, goes on with
   those of arrival */

static void
test_undated_in_many(void **state)
{
    ngx_uint_t  i;

    make(32 * 1024 * 1024, EPOCH);

    for (i = 1; i <= MANY; i++) {
        append("x", (i > MANY / 2 && i % 5) ? BASE + i : 0, 2 * i);
    }

    for (i = 0; i < MANY; i += 997) {
        assert_in_range(search_since(BASE + i, 0), 0, SEARCH);
        assert_in_range(search_since(BASE + i, 2 * i), 0, SEARCH);
        assert_in_range(search_since(BASE + i, (uint64_t) -1), 0, SEARCH);
        assert_in_range(search_since(BASE + MANY / 4, 2 * i), 0, SEARCH);
    }

    assert_in_range(ngx_ess_zone_looks.most, 1, HOLD);

    done();
}


/* one event in a long run of what is none */

static void
test_poison_in_many(void **state)
{
    ngx_uint_t  i;

    make(32 * 1024 * 1024, 0);

    append("x", BASE, 0);

    for (i = 1; i <= MANY / 4; i++) {
        append("POISON", BASE + i, 0);
    }

    append("x", BASE + i, 0);
    evict(1);

    (void) search_since(0, 0);
    (void) search_since(BASE + i, 0);
    (void) search_ordinal(1);

    assert_in_range(ngx_ess_zone_looks.most, 1, HOLD);

    done();
}


static uint64_t
random_timestamp(ngx_uint_t kind, ngx_uint_t i)
{
    switch (kind) {
    case 0:
        return BASE + i;                    /* they ascend, */
    case 1:
        return BASE + i / 7 * 1000;         /* to the second, */
    case 2:
        return BASE + i - random_below(30); /* nearly, */
    case 3:
        return random_below(5) ? BASE + i : 0;
    case 4:
        return 1 + random_below(100000);    /* or not at all */
    case 5:
        return random_below(3) ? 0 : BASE + random_below(100);
    default:
        return (uint64_t) -1 >> random_below(64);
    }
}


/* Logs of all kinds, that grow at one end and shrink at the other, each
   searched for all that may be in it. */

static void
test_random(void **state)
{
    uint64_t           t, from, next;
    ngx_uint_t         kind, round, i, n, follow;
    ngx_ess_stream_t  *s;

    for (round = 0; round < 42; round++) {

        kind = round % 7;
        follow = (round / 7) % 2;

        make(1024 * 1024, follow ? EPOCH : 0);

        s = the_stream();

        /* numbers that outgrow 32 bits, too */

        if (round % 3 == 0) {
            s->next_seq = 0x100000000ULL * (1 + random_below(3)) - 100;
        }

        n = 0;

        for (i = 0; i < 40; i++) {

            for (n += 1 + random_below(20); n % 20; n++) {
                next = follow ? s->next_ordinal + random_below(3) : 0;
                append(random_below(9) ? "x" : "POISON",
                       random_timestamp(kind, n), next);
            }

            if (random_below(3) == 0) {
                evict(random_below(60));
            }

            if (i == 20) {
                evict(10000);
            }

            from = ngx_ess_zone_first(zone->sh, s);
            from = from > 3 ? from - 3 : 1;

            for (t = from; t < s->next_ordinal + 3; t += 1 + random_below(9)) {
                (void) search_ordinal(t);
                (void) search_since(random_timestamp(kind, n - t % 300),
                                    from + random_below(200));
                (void) search_since(random_timestamp(kind, n - t % 300),
                                    random_below(2) ? 0 : (uint64_t) -1);
            }

            for (t = s->next_seq - s->count; t <= s->next_seq; t += 3) {
                (void) read_at(t);
            }

            assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
        }

        done();
    }
}


/* those with ids above one that is no more */

static void
test_streams(void **state)
{
    uint64_t               id, after, last;
    ngx_uint_t             i, k, n;
    ngx_ess_stream_info_t  row, found[3];

    static uint64_t        ids[3000];

    zone = ngx_unit_zone(64 * 1024 * 1024);
    ngx_memzero(&ngx_ess_zone_looks, sizeof(ngx_ess_zone_looks));

    assert_true(zone->sh->geo.nbuckets > 100000);

    for (n = 0, id = 0; n < 3000; n++) {
        id += (n % 1000) ? 1 + random_below(3) : 1000000 * (n + 1);
        ids[n] = id;

        ngx_memzero(&row, sizeof(row));
        row.ref.id = id;
        row.ref.epoch = 1;
        row.kind = ngx_unit_bound;
        row.uuid[0] = 1;
        ngx_memcpy(row.uuid + 4, &id, sizeof(id));
        row.key_len = 3;
        ngx_memcpy(row.key, "key", 3);
        assert_int_equal(ngx_ess_table_load(zone, &row), NGX_OK);
    }

    last = id;

    for (i = 0; i < 60; i++) {
        k = random_below(n);
        after = (i % 3 == 0) ? random_below(last)
                : ids[k] + (i % 3 == 1 ? 0 : random_below(1000000));

        for (k = 0; k < n && ids[k] <= after; k++) {
            /* void */
        }

        assert_int_equal(ngx_ess_stream_list(zone, after, found, 3),
                         ngx_min(n - k, 3));

        if (k < n) {
            assert_int_equal(found[0].ref.id, ids[k]);
        }
    }

    assert_in_range(ngx_ess_zone_looks.most, 1, 5000);
    ngx_unit_end(zone);
}


/* "n" streams of the key; returns the first one's id */

static uint64_t
create(ngx_uint_t n)
{
    uint64_t               first;
    ngx_ess_stream_info_t  info;

    for (first = 0; n; n--) {
        assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                               &ngx_unit_bound, 0, NULL,
                                               &info), NGX_OK);
        assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);
        first = first ? first : info.ref.id;
    }

    return first;
}


static void
remove_stream(uint64_t id)
{
    ngx_ess_stream_info_t  info;

    assert_int_equal(ngx_ess_stream_by_id(zone, id, &info), NGX_OK);
    assert_int_equal(ngx_ess_table_delete_begin(zone, &info.ref), NGX_OK);
    ngx_ess_table_remove(zone, &info.ref);
}


/* An event is half appended when the stream goes that had it last: the others
   get it once. */

static void
test_append_goes_on(void **state)
{
    uint64_t               id;
    ngx_int_t              n;
    ngx_uint_t             part;
    ngx_ess_wake_t         wake;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info;

    make(32 * 1024 * 1024, 0);
    (void) create(4999);

    ngx_memzero(&wake, sizeof(wake));
    ngx_memzero(&event, sizeof(event));
    ngx_str_set(&event.body, "x");

    part = 0;

    do {
        ngx_ess_zone_lock(zone);
        n = ngx_unit_append_locked(zone, ngx_ess_stream_slot(&key), &key,
                                   &event, 1, 1, &wake);
        ngx_ess_zone_unlock(zone);

        if (n == NGX_BUSY && event.done != part && event.done % 5 == 1) {
            remove_stream(event.done);
        }

        part = event.done;

    } while (n == NGX_BUSY);

    for (id = 1, n = 0; id <= 5000; id++) {
        if (ngx_ess_stream_by_id(zone, id, &info) == NGX_OK) {
            assert_int_equal(info.last_ordinal, 1);
            n++;
        }
    }

    assert_in_range(n, 4900, 4999);
    assert_in_range(ngx_ess_zone_looks.most, 1, 2 * HOLD);

    done();
}


/* Streams of the key that are closed, but have clients still, are nobody's
   business; when their worker is gone they go with their logs. */

static void
test_closed_streams(void **state)
{
    uint64_t               id, first, seq, ordinal, looks;
    uint32_t               number;
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info;

    make(32 * 1024 * 1024, 0);
    first = create(1000);

    for (id = first; id < first + 1000; id++) {
        assert_int_equal(ngx_ess_stream_by_id(zone, id, &info), NGX_OK);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL, &seq,
                                                    &ordinal, &number),
                         NGX_OK);
        stream = info;

        for (i = 0; i < 20; i++) {
            append("x", BASE, 0);
        }

        remove_stream(id);
    }

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &stream), NGX_OK);
    append("x", BASE, 0);

    looks = ngx_ess_zone_looks.all;
    assert_int_equal(ngx_ess_stream_key_used(zone, &key, 1), 1);
    assert_int_equal(ngx_ess_loss_key(zone, &key, (uint64_t) -1), 1);
    assert_in_range(ngx_ess_zone_looks.all - looks, 1, 10);

    ngx_ess_zone_looks.most = 0;
    ngx_ess_process_detach(zone);
    assert_in_range(ngx_ess_zone_looks.most, 1, 600);
    assert_int_equal(ngx_ess_stream_count(zone), 1);

    done();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ordinal_in_many),
        cmocka_unit_test(test_timestamp_in_many),
        cmocka_unit_test(test_undated_in_many),
        cmocka_unit_test(test_poison_in_many),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_append_goes_on),
        cmocka_unit_test(test_closed_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
