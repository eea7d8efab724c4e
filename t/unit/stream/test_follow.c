/*
 * Logs that follow a RabbitMQ stream: who is the follower, and which events
 * are appended.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_follower.c
 */


#include "one_follower.h"


static void
append(uint64_t ordinal, const char *body)
{
    ngx_ess_event_t        event;
    ngx_ess_stream_ref_t  *ref;

    ngx_memzero(&event, sizeof(event));

    ref = &stream.ref;

    event.body.data = (u_char *) body;
    event.body.len = strlen(body);
    event.ordinal = ordinal;
    event.timestamp = ordinal;
    event.streams = &ref;
    event.nstreams = 1;

    ngx_ess_zone_lock(zone);
    assert_int_equal(ngx_unit_append_locked(zone, NGX_ESS_SLOTS, &key,
                                            &event, 0, 1, &wake), 1);
    assert_int_equal(zone->sh->undo, 0);
    ngx_ess_zone_unlock(zone);
}


/* the ordinals of the events that are in the log, and -1 for a GONE */

static void
expect(int n, ...)
{
    int                 i;
    size_t              need;
    u_char              buf[4096];
    va_list             args;
    uint64_t            seq;
    ngx_uint_t          count;
    ngx_ess_seg_t       last;
    ngx_ess_record_t    records[16];
    ngx_ess_log_lost_t  lost;

    seq = 0;
    last = 0;
    count = 16;

    assert_int_equal(ngx_ess_log_read(zone, &stream.ref, &seq, &last, buf,
                                      sizeof(buf), records, &count, &lost,
                                      &need), NGX_OK);
    assert_int_equal(count, n);

    va_start(args, n);

    for (i = 0; i < n; i++) {
        assert_int_equal(va_arg(args, int),
                         records[i].type == NGX_ESS_RECORD_GONE
                         ? -1 : (int) records[i].ordinal);
    }

    va_end(args);
}


static void
test_append(void **state)
{
    uint64_t               ordinal;
    ngx_ess_log_place_t    place;
    ngx_ess_stream_info_t  info;

    assert_int_equal(stream.ref.epoch, EPOCH);
    assert_true(stream.kind.follows);

    /* nothing comes in before the end is known */

    append(1, "x");
    expect(0);

    ordinal = 77;
    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 0);

    append(1, "x");
    expect(0);

    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 10,
                                          &wake),
                     NGX_OK);
    append(9, "x");
    append(10, "x");
    append(11, "x");
    append(10, "x");
    expect(2, 10, 11);

    /* the broker's ordinals count, also that of a POISON; holes stay holes */

    append(12, "POISON");
    append(13, "x");
    append(20, "x");
    append(15, "x");
    expect(5, 10, 11, 12, 13, 20);

    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                     NGX_OK);
    assert_int_equal(info.first_ordinal, 10);
    assert_int_equal(info.last_ordinal, 20);
    assert_int_equal(info.events, 4);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 12, &place),
                     NGX_OK);
    assert_int_equal(place.gap.from, 0);
    assert_int_equal(place.seq, 4);
    assert_int_equal(place.have, 12);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 13, &place),
                     NGX_OK);
    assert_int_equal(place.gap.from, 0);
    assert_int_equal(place.seq, 5);
    assert_int_equal(place.have, 13);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 16, &place),
                     NGX_OK);
    assert_int_equal(place.seq, 5);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 3, &place),
                     NGX_OK);
    assert_int_equal(place.gap.from, 4);
    assert_int_equal(place.gap.to, 9);
    assert_int_equal(place.have, 9);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 21, &place),
                     NGX_OK);
    assert_int_equal(place.gap.from, 22);
    assert_int_equal(place.gap.to, 20);
    assert_int_equal(place.seq, 6);
    assert_int_equal(place.have, 20);

    /* no events of an exchange, though the key is the same */

    assert_int_equal(ngx_ess_stream_slot(&key), stream.slot);

    ngx_ess_zone_lock(zone);
    assert_int_equal(ngx_ess_lookup_key_locked(zone->sh, &key,
                                     ngx_ess_lookup_key_hash(&key), 0), 0);
    ngx_ess_zone_unlock(zone);
}


/* It is filled first: what was there before is for replays only. */

static void
test_fill(void **state)
{
    uint32_t              number;
    uint64_t              ordinal, seq, next;
    ngx_ess_log_place_t   place;

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_live(zone, &stream.ref, &wake),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 7, &wake),
                     NGX_AGAIN);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_FILLING);
    append(7, "x");
    append(9, "x");
    assert_int_equal(ngx_ess_follow_live(other, &stream.ref, &wake),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_live(zone, &stream.ref, &wake), NGX_OK);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_LIVE);
    append(10, "x");
    expect(3, 7, 9, 10);

    assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, 6, &place),
                     NGX_OK);
    assert_int_equal(place.gap.from, 0);

    /* whoever dies while it is filled is succeeded by one who begins anew */

    assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 0, &wake),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 7, &wake),
                     NGX_AGAIN);
    append(7, "x");
    ngx_ess_process_detach(zone);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);
    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 0);

    /* not while somebody has an interest: it would get what was before */

    assert_int_equal(ngx_ess_interest_subscribe(other, &stream.ref, NULL, &seq,
                                                &next, &number),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_begin(other, &stream.ref, 0, 10, 7, &wake),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_LIVE);
    expect(0);
}


static void
test_claim(void **state)
{
    uint64_t  ordinal;

    assert_int_equal(ngx_ess_follow_state(zone, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_BUSY);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_ATTACHING);
    assert_true(ngx_ess_follow_mine(zone, &stream.ref));
    assert_false(ngx_ess_follow_mine(other, &stream.ref));

    /* by one who is not the follower nothing is changed */

    assert_int_equal(ngx_ess_follow_begin(other, &stream.ref, 0, 5, 5,
                                          &wake),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_missing(other, &stream.ref, &wake),
                     NGX_DECLINED);

    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 5, 5,
                                          &wake),
                     NGX_OK);
    append(5, "x");
    append(6, "x");

    /* again: it goes on */

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 7);

    /* it dies: the next one goes on */

    ngx_ess_process_detach(zone);

    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);
    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 7);
    expect(2, 5, 6);

    /* one of a new generation takes over from one that lives */

    zone->generation = 2;
    assert_int_equal(ngx_ess_process_attach(zone, 4, &ngx_unit_log), NGX_OK);

    assert_int_equal(ngx_ess_follow_state(zone, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_LIVE);
    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 7);
    assert_false(ngx_ess_follow_mine(other, &stream.ref));
    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_BUSY);
}


static void
test_release(void **state)
{
    uint64_t  ordinal, seq, next;
    uint32_t  number;

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 5, 5,
                                          &wake),
                     NGX_OK);
    append(5, "x");

    /* with somebody who reads it goes on, or is left to another one */

    assert_int_equal(ngx_ess_interest_subscribe(other, &stream.ref, NULL, &seq,
                                                &next, &number), NGX_OK);
    assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 0, &wake),
                     NGX_BUSY);
    assert_true(ngx_ess_follow_mine(zone, &stream.ref));
    assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 1, &wake),
                     NGX_OK);
    assert_int_equal(wake.procs[0], 1 << 3);
    expect(1, 5);

    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 6);

    ngx_ess_interest_unsubscribe(other, &stream.ref);

    /* without: it begins anew */

    assert_int_equal(ngx_ess_follow_release(other, &stream.ref, 0, &wake),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_state(zone, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);
    expect(0);
    append(6, "x");
    expect(0);

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 0);
}


static void
test_missing(void **state)
{
    uint64_t  ordinal;

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_missing(zone, &stream.ref, &wake),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_state(other, &stream.ref),
                     NGX_ESS_FOLLOW_MISSING);
    expect(0);

    /* it may have come meanwhile */

    assert_int_equal(ngx_ess_follow_claim(other, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 0);
    assert_int_equal(ngx_ess_follow_begin(other, &stream.ref, 0, 1, 1,
                                          &wake),
                     NGX_OK);
    append(1, "x");

    /* gone while it was followed: they are told behind what there was */

    assert_int_equal(ngx_ess_follow_missing(other, &stream.ref, &wake),
                     NGX_OK);
    expect(2, 1, -1);
    append(2, "x");
    expect(2, 1, -1);

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ordinal, 0);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 1, 1,
                                          &wake),
                     NGX_OK);
    append(1, "x");
    expect(1, 1);
}


/* It follows another log, whose numbers are others. */

static void
test_another_epoch(void **state)
{
    size_t                  need;
    u_char                  buf[64];
    uint64_t                ordinal, seq, next;
    uint32_t                number;
    ngx_uint_t              n;
    ngx_ess_seg_t           last;
    ngx_ess_event_t         event;
    ngx_ess_record_t        records[4];
    ngx_ess_log_lost_t      lost;
    ngx_ess_log_place_t     place;
    ngx_ess_stream_ref_t    old, *to;
    ngx_ess_stream_info_t   info;

    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 5, 5,
                                          &wake),
                     NGX_OK);
    assert_int_equal(stream.ref.epoch, EPOCH);
    append(5, "x");

    old = stream.ref;
    assert_int_equal(ngx_ess_interest_subscribe(other, &old, NULL, &seq,
                                                &next, &number), NGX_OK);

    assert_int_equal(ngx_ess_follow_missing(zone, &stream.ref, &wake),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                     NGX_OK);
    assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 77, 9, 7, &wake),
                     NGX_OK);
    assert_int_equal(stream.ref.epoch, 77);
    append(9, "x");
    expect(1, 9);

    /* with the name that it had nobody reads it, or writes into it */

    n = 4;
    last = 0;
    assert_int_equal(ngx_ess_log_read(other, &old, &seq, &last, buf,
                                      sizeof(buf), records, &n, &lost, &need),
                     NGX_ABORT);
    assert_int_equal(ngx_ess_log_search_ordinal(other, &old, 5, &place),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_interest_subscribe(other, &old, NULL, &seq,
                                                &next, &number), NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_state(other, &old),
                     NGX_ESS_FOLLOW_MISSING);

    ngx_memzero(&event, sizeof(event));
    to = &old;
    ngx_str_set(&event.body, "x");
    event.ordinal = 10;
    event.streams = &to;
    event.nstreams = 1;
    assert_int_equal(ngx_ess_log_append(other, &key, &event, 1, &wake), 0);
    expect(1, 9);

    /* but who was there leaves by it */

    assert_true(ngx_ess_interest_subscribed(other, &old));
    ngx_ess_interest_unsubscribe(other, &old);
    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info), NGX_OK);
    assert_int_equal(info.subscribers, 0);
    assert_int_equal(info.ref.epoch, 77);

    assert_int_equal(ngx_ess_follow_current(other, &old),
                     NGX_ESS_FOLLOW_LIVE);
    assert_int_equal(old.epoch, 77);

    /* and so does the next follower */

    old.epoch = EPOCH;
    assert_int_equal(ngx_ess_follow_release(zone, &old, 1, &wake), NGX_OK);
    assert_int_equal(ngx_ess_follow_claim(other, &old, &ordinal), NGX_OK);
    assert_int_equal(old.epoch, 77);

    /* a deletion that was begun before */

    old.epoch = EPOCH;
    assert_int_equal(ngx_ess_table_delete_begin(zone, &old), NGX_OK);
    ngx_ess_table_remove(zone, &old);
    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                     NGX_DECLINED);
}


static void
test_no_stream(void **state)
{
    uint64_t               ordinal;
    ngx_ess_stream_info_t  info;

    /* one whose events come from the exchange is followed by nobody */

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &info), NGX_OK);
    assert_false(info.kind.follows);
    assert_int_equal(ngx_ess_follow_claim(zone, &info.ref, &ordinal),
                     NGX_DECLINED);
    ngx_ess_table_remove(zone, &info.ref);

    assert_int_equal(ngx_ess_follow_claim(zone, &info.ref, &ordinal),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_state(zone, &info.ref),
                     NGX_ESS_FOLLOW_MISSING);
}


/* Freed in several holds of the mutex. */

static void
test_a_long_log_is_emptied_as_well(void **state)
{
    uint64_t               ordinal;
    ngx_uint_t             i, release;
    ngx_ess_stream_info_t  info;

    for (release = 0; release < 2; release++) {
        assert_int_equal(ngx_ess_follow_claim(zone, &stream.ref, &ordinal),
                         NGX_OK);
        assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 10, 10,
                                              &wake),
                         NGX_OK);

        for (i = 10; i < 900; i++) {
            append(i, "x");
        }

        assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                         NGX_OK);
        assert_int_equal(info.events, 890);

        if (release) {
            assert_int_equal(ngx_ess_follow_release(zone, &stream.ref, 0,
                                                    &wake),
                             NGX_OK);
        } else {
            assert_int_equal(ngx_ess_follow_begin(zone, &stream.ref, 0, 5, 5,
                                                  &wake),
                             NGX_OK);
        }

        assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info),
                         NGX_OK);
        assert_int_equal(info.events, 0);
        expect(0);
    }
}


static void
test_a_process_without_a_slot_follows_nothing(void **state)
{
    uint64_t         ordinal;
    ngx_ess_zone_t  *master;

    master = ngx_unit_reload(zone);
    master->generation = 1;

    assert_int_equal(ngx_ess_follow_claim(master, &stream.ref, &ordinal),
                     NGX_DECLINED);
    assert_false(ngx_ess_follow_mine(master, &stream.ref));
    assert_int_equal(ngx_ess_follow_begin(master, &stream.ref, 0, 9, 9, &wake),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_follow_state(master, &stream.ref),
                     NGX_ESS_FOLLOW_NONE);

    ngx_unit_free_handle(master);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_follower_test(test_append),
        one_follower_test(test_fill),
        one_follower_test(test_claim),
        one_follower_test(test_release),
        one_follower_test(test_missing),
        one_follower_test(test_another_epoch),
        one_follower_test(test_no_stream),
        one_follower_test(test_a_long_log_is_emptied_as_well),
        one_follower_test(test_a_process_without_a_slot_follows_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
