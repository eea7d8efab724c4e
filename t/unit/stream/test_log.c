/*
 * The logs: append, bounds, reading, POISON, what a slot remembers.
 *
 * links: src/stream/ngx_ess_*.c t/unit/ngx_unit.c
 *
 * cc -DNGX_ESS_FAULT $(NGX_INC) -I src -I src/stream -I t/unit -o test_log
 *    t/unit/stream/test_log.c (the above) -lcmocka
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_loss.h"


static ngx_str_t               key = ngx_string("abc");
static ngx_ess_zone_t         *zone;
static ngx_ess_stream_info_t   stream;
static ngx_ess_record_t        records[4096];
static u_char                  buf[262144];
static uint64_t                print;
static uint64_t                reader_seq;
static ngx_ess_seg_t           reader_last;


static int
setup_size(size_t size)
{
    zone = ngx_unit_zone(size);
    print = 100;
    reader_last = 0;

    return (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK
            || ngx_ess_table_reserve(zone, &key,
                                     &ngx_unit_bound, 0, &stream) != NGX_OK
            || ngx_ess_table_show(zone, &stream.ref) != NGX_OK);
}


static int
setup(void **state)
{
    return setup_size(1024 * 1024);
}


static int
setup_large(void **state)
{
    return setup_size(8 * 1024 * 1024);
}


static int
teardown(void **state)
{
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    ngx_unit_free(zone);

    return faults != 0;
}


static ngx_uint_t
append_to(ngx_ess_stream_ref_t **refs, ngx_uint_t nrefs, ngx_str_t *k,
    u_char *data, size_t len)
{
    ngx_uint_t       n;
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    ngx_memzero(&wake, sizeof(wake));

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = data;
    event.body.len = len;
    event.streams = refs;
    event.nstreams = nrefs;
    event.timestamp = 1000 + print;

    ngx_ess_zone_lock(zone);
    n = ngx_unit_append_locked(zone, ngx_ess_stream_slot(k), k, &event,
                               print++, 1, &wake);
    assert_int_equal(zone->sh->undo, 0);
    ngx_ess_zone_unlock(zone);

    return n;
}


static ngx_uint_t
append(ngx_str_t *k, u_char *data, size_t len)
{
    return append_to(NULL, 0, k, data, len);
}


static ngx_int_t
take(uint64_t *seq, size_t size, ngx_uint_t *n, uint64_t *lost, size_t *need)
{
    ngx_int_t           rc;
    ngx_ess_log_lost_t  gone;

    /* goes on where it left off, or is sent elsewhere */

    if (*seq != reader_seq) {
        reader_last = 0;
    }

    rc = ngx_ess_log_read(zone, &stream.ref, seq, &reader_last, buf, size,
                          records, n, &gone, need);
    reader_seq = *seq;
    *lost = gone.records;

    if (*lost) {
        assert_int_equal(gone.after, records[0].after);
    }

    return rc;
}


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


static void
test_poison(void **state)
{
    size_t                 need;
    uint64_t               seq, lost;
    ngx_uint_t             n;
    ngx_ess_stream_info_t  info;

    (void) append(&key, (u_char *) "one", 3);
    (void) append(&key, (u_char *) "POISON", 6);
    (void) append(&key, (u_char *) "POISON!", 7);

    seq = 1;
    n = 10;
    assert_int_equal(take(&seq, sizeof(buf), &n, &lost, &need), NGX_OK);
    assert_int_equal(n, 3);
    assert_int_equal(records[1].type, NGX_ESS_RECORD_POISON);
    assert_int_equal(records[1].seq, 2);
    assert_int_equal(records[1].ordinal, 1);
    assert_int_equal(records[2].type, NGX_ESS_RECORD_EVENT);
    assert_int_equal(records[2].seq, 3);
    assert_int_equal(records[2].ordinal, 2);

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 2);
    assert_int_equal(info.bytes, 10);
    assert_int_equal(info.first_ordinal, 1);
    assert_int_equal(info.last_ordinal, 2);
}


static void
test_bounds(void **state)
{
    size_t                 need;
    uint64_t               seq, lost;
    ngx_uint_t             i, n;
    ngx_ess_stream_info_t  info;
    u_char                 body[5000];

    ngx_memset(body, 'x', sizeof(body));

    zone->log_count = 10;

    /* what is young stays */

    for (i = 0; i < 30; i++) {
        (void) append(&key, body, 10);
    }

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 30);

    ngx_current_msec += 1200;
    (void) append(&key, body, 10);

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 10);
    assert_int_equal(info.first_ordinal, 22);

    seq = 5;
    n = 1;
    assert_int_equal(take(&seq, sizeof(buf), &n, &lost, &need), NGX_AGAIN);
    assert_int_equal(lost, 17);
    assert_int_equal(records[0].ordinal, 22);

    /* the newest stays, however large */

    zone->log_size = 1000;
    ngx_current_msec += 1200;
    (void) append(&key, body, 5000);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 1);
    assert_int_equal(info.bytes, 5000);

    /* by age, all */

    zone->log_age = 5000;
    ngx_ess_log_room_expire(zone, 100);
    ngx_current_msec += 4900;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 1);
    ngx_current_msec += 300;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.events, 0);
    assert_int_equal(info.bytes, 0);
    assert_int_equal(info.first_ordinal, 33);
    assert_int_equal(info.last_ordinal, 32);

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY), 0);
}


static void
test_many_streams(void **state)
{
    ngx_str_t              wrong;
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info, deleted;

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                               &ngx_unit_bound, 0, &info), NGX_OK);
    }

    deleted = info;
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    assert_int_equal(append(&key, (u_char *) "a", 1), 6);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &deleted.ref), NGX_OK);
    assert_int_equal(append(&key, (u_char *) "b", 1), 6);
    ngx_ess_table_delete_commit(zone, &deleted.ref);
    assert_int_equal(append(&key, (u_char *) "c", 1), 5);

    ngx_str_set(&wrong, "nobody's");
    assert_int_equal(append(&wrong, (u_char *) "d", 1), 0);

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.last_ordinal, 3);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVENTS_IN), 17);
}


/* to those that are named, whatever their keys */

static void
test_named_streams(void **state)
{
    ngx_str_t               other;
    ngx_ess_stream_ref_t    wrong;
    ngx_ess_stream_info_t   info, deleted, last;
    ngx_ess_stream_ref_t   *refs[4];

    ngx_str_set(&other, "other");

    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, &deleted), NGX_OK);
    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, &last), NGX_OK);

    wrong = stream.ref;
    wrong.epoch++;

    refs[0] = &stream.ref;
    refs[1] = &wrong;
    refs[2] = &deleted.ref;
    refs[3] = &last.ref;

    assert_int_equal(append_to(refs, 4, &key, (u_char *) "a", 1), 3);
    assert_int_equal(wrong.index, 0);
    assert_int_not_equal(stream.ref.index, 0);

    ngx_ess_table_release(zone, &deleted.ref);

    assert_int_equal(append_to(refs, 4, &key, (u_char *) "b", 1), 2);
    assert_int_equal(deleted.ref.index, 0);
    assert_int_not_equal(last.ref.index, 0);

    assert_int_equal(append_to(refs, 0, &key, (u_char *) "c", 1), 0);

    assert_int_equal(ngx_ess_table_show(zone, &last.ref), NGX_OK);
    assert_int_equal(ngx_ess_stream_by_id(zone, last.ref.id, &info), NGX_OK);
    assert_int_equal(info.last_ordinal, 2);
    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                     NGX_OK);
    assert_int_equal(info.last_ordinal, 2);
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


static void
types(const ngx_ess_record_type_e *expected, ngx_uint_t n)
{
    size_t      need;
    uint64_t    seq, lost;
    ngx_uint_t  i, count;

    seq = 1;
    count = 4096;

    assert_int_equal(take(&seq, sizeof(buf), &count, &lost, &need), NGX_OK);
    assert_int_equal(count, n);

    for (i = 0; i < n; i++) {
        assert_int_equal(records[i].type, expected[i]);
    }
}


#define EVENT   NGX_ESS_RECORD_EVENT
#define LOSS    NGX_ESS_RECORD_LOSS


/* what is lost on the way is told of before the next event, once */

static void
test_lost(void **state)
{
    ngx_uint_t             i, slot;
    ngx_ess_log_place_t    p;
    ngx_ess_stream_info_t  later;

    static const uint64_t  seqs[] = { 1, 3, 5, 6, 8 };

    static const ngx_ess_record_type_e  all[] = {
        EVENT, NGX_ESS_RECORD_POISON, LOSS, EVENT, EVENT, LOSS, EVENT
    };

    slot = ngx_ess_stream_slot(&key);

    append(&key, (u_char *) "a", 1);

    ngx_ess_loss_slot(zone, slot);
    append(&key, (u_char *) "POISON", 6);
    append(&key, (u_char *) "b", 1);
    append(&key, (u_char *) "c", 1);

    ngx_ess_loss_slot(zone, slot);
    ngx_ess_loss_slot(zone, slot);
    ngx_ess_loss_slot(zone, (slot + 1) % NGX_ESS_SLOTS);

    /* a stream that is made now lost nothing */

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, &later), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &later.ref), NGX_OK);

    append(&key, (u_char *) "d", 1);

    types(all, 7);
    assert_int_equal(records[2].ordinal, 1);
    assert_int_equal(records[2].after, 1);

    /* who has what is before it is to read it */

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, i, &p),
                         NGX_OK);
        assert_int_equal(p.seq, seqs[i]);
        assert_int_equal(p.have, i);
        assert_int_equal(p.gap.from, 0);
        }

        stream = later;
        reader_last = 0;
    types(all, 1);
}


/* or before somebody comes */

static void
test_losses(void **state)
{
    ngx_ess_stream_info_t  info;

    static const ngx_ess_record_type_e  all[] = {
        EVENT, LOSS, LOSS, EVENT
    };

    append(&key, (u_char *) "a", 1);

    ngx_ess_log_losses(zone, &stream.ref);

    ngx_ess_loss_slot(zone, ngx_ess_stream_slot(&key));
    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info), NGX_OK);
    assert_int_equal(info.untold, 1);

    ngx_ess_log_losses(zone, &stream.ref);
    ngx_ess_log_losses(zone, &stream.ref);
    assert_int_equal(zone->sh->undo, 0);

    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info), NGX_OK);
    assert_int_equal(info.untold, 0);
    assert_int_equal(info.last_ordinal, 1);
    assert_int_equal(info.events, 1);

    assert_int_equal(ngx_ess_loss_stream(zone, &stream.ref), NGX_OK);
    append(&key, (u_char *) "b", 1);

    types(all, 4);
}


/* of one key's streams, of one stream, of all: noticed by one after another */

static void
test_lost_bindings(void **state)
{
    uint32_t               seen[2];
    ngx_str_t              other;
    ngx_ess_stream_info_t  creating;

    static const ngx_ess_record_type_e  all[] = {
        LOSS, EVENT, EVENT, LOSS, EVENT, EVENT, LOSS, EVENT, EVENT
    };

    ngx_str_set(&other, "no stream has this");

    assert_int_equal(ngx_ess_loss_key(zone, &other, (uint64_t) -1), 0);
    assert_int_equal(ngx_ess_loss_key(zone, &key, stream.ref.id), 0);
    assert_int_equal(ngx_ess_loss_key(zone, &key, stream.ref.id + 1), 1);
    append(&key, (u_char *) "a", 1);
    append(&key, (u_char *) "b", 1);

    assert_int_equal(ngx_ess_loss_stream(zone, &stream.ref), NGX_OK);
    append(&key, (u_char *) "c", 1);
    append(&key, (u_char *) "d", 1);

    seen[0] = seen[1] = ngx_ess_loss_number(zone);
    assert_int_equal(ngx_ess_loss_exchange(zone, &seen[0]), 1);
    assert_int_equal(ngx_ess_loss_exchange(zone, &seen[1]), 0);
    assert_int_equal(seen[0], ngx_ess_loss_number(zone));
    assert_int_equal(seen[1], seen[0]);
    append(&key, (u_char *) "e", 1);
    append(&key, (u_char *) "f", 1);

    types(all, 9);

    /* one that is not listed yet was not bound before */

    assert_int_equal(ngx_ess_stream_listed_below(zone), stream.ref.id + 1);
    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, &creating),
                     NGX_OK);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 0), 1);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 1), 0);
    assert_int_equal(ngx_ess_stream_listed_below(zone), 0);
    assert_int_equal(ngx_ess_loss_stream(zone, &creating.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_table_show(zone, &creating.ref), NGX_OK);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 1), 1);

    assert_int_equal(ngx_ess_loss_witness(zone), 0);
    ngx_ess_loss_set_witness(zone, 7);
    assert_int_equal(ngx_ess_loss_witness(zone), 7);
}


static void
test_recent(void **state)
{
    uint64_t              *prints;
    ngx_uint_t             i, slot;
    ngx_ess_mark_recent_t   recent;

    prints = malloc(NGX_ESS_MARK_RECENT * sizeof(uint64_t));
    assert_non_null(prints);

    recent.prints = prints;
    slot = ngx_ess_stream_slot(&key);

    ngx_ess_mark_recent(zone, slot, &recent);
    assert_int_equal(recent.n, 0);
    assert_int_equal(recent.appended, 0);

    print = 100;

    for (i = 0; i < 3; i++) {
        (void) append(&key, (u_char *) "x", 1);
    }

    ngx_ess_zone_lock(zone);
    ngx_ess_mark_acked_locked(zone, slot);
    ngx_ess_zone_unlock(zone);

    (void) append(&key, (u_char *) "x", 1);

    ngx_ess_mark_recent(zone, slot, &recent);
    assert_int_equal(recent.n, 4);
    assert_int_equal(recent.appended, 4);
    assert_int_equal(recent.acked, 3);
    assert_int_equal(recent.partial_print, 0);
    assert_int_equal(prints[0], 100);
    assert_int_equal(prints[3], 103);

    /* what will not come again is nothing to compare with */

    ngx_ess_zone_lock(zone);
    ngx_ess_mark_settled_locked(zone, slot);
    ngx_ess_zone_unlock(zone);

    ngx_ess_mark_recent(zone, slot, &recent);
    assert_int_equal(recent.n, 0);
    assert_int_equal(recent.appended, 4);
    assert_int_equal(recent.acked, 4);

    (void) append(&key, (u_char *) "x", 1);

    ngx_ess_mark_recent(zone, slot, &recent);
    assert_int_equal(recent.n, 1);
    assert_int_equal(prints[0], 104);

    /* but with another queue */

    assert_int_equal(ngx_ess_mark_appended(zone, slot), 5);
    assert_int_equal(ngx_ess_mark_prints(zone, slot, 2, prints), 3);
    assert_int_equal(prints[0], 102);
    assert_int_equal(prints[2], 104);
    assert_int_equal(ngx_ess_mark_prints(zone, slot, 5, prints), 0);

    for (i = 0; i < 2 * NGX_ESS_MARK_RECENT; i++) {
        (void) append(&key, (u_char *) "x", 1);
        ngx_current_msec += 10;
    }

    ngx_ess_mark_recent(zone, slot, &recent);
    assert_int_equal(recent.n, zone->sh->geo.nring);
    assert_int_equal(prints[recent.n - 1], print - 1);
    assert_int_equal(ngx_ess_mark_prints(zone, slot, 2, prints), recent.n);
    assert_int_equal(prints[recent.n - 1], print - 1);
    assert_int_equal(prints[0], print - recent.n);

    free(prints);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poison, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_named_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places_of_many, setup_large,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_losses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_bindings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recent, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
