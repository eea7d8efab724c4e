/*
 * The stream table: the life of a stream, loading, very many, a full zone.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"


static uint32_t   number;
static ngx_str_t  key = ngx_string("abc");
static ngx_str_t  other = ngx_string("def");


static void
test_life(void **state)
{
    uint64_t               seq, next;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  a, b, info;

    zone = make(1024 * 1024);

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &a), NGX_OK);
    assert_int_equal(a.ref.id, 1);
    assert_int_equal(a.state, NGX_ESS_STREAM_CREATING);
    assert_int_equal(a.reserved_ordinal, 65536);
    assert_int_equal(a.first_ordinal, 1);
    assert_int_equal(a.last_ordinal, 0);
    assert_true(a.ref.epoch != 0);
    assert_int_equal(a.slot, ngx_ess_stream_slot(&key));

    /* found by nobody yet */

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_by_uuid(zone, a.uuid, &info),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_list(zone, 0, &info, 1), 0);
    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_interest_subscribe(zone, &a.ref, NULL, &seq, &next,
                                                &number),
                     NGX_DECLINED);

    assert_int_equal(ngx_ess_table_show(zone, &a.ref), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &a.ref), NGX_DECLINED);

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_memory_equal(info.uuid, a.uuid, NGX_ESS_UUID_LEN);
    assert_int_equal(info.key_len, 3);
    assert_memory_equal(info.key, "abc", 3);
    assert_int_equal(ngx_ess_stream_by_uuid(zone, a.uuid, &info), NGX_OK);
    assert_int_equal(info.ref.id, 1);

    /* an id is not used again */

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &b), NGX_OK);
    assert_int_equal(b.ref.id, 2);
    ngx_ess_table_remove(zone, &b.ref);
    assert_int_equal(ngx_ess_table_show(zone, &b.ref), NGX_DECLINED);
    create(zone, &key, &b);
    assert_int_equal(b.ref.id, 3);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_DELETING);
    (void) ngx_ess_table_show(zone, &a.ref);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_VISIBLE);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    ngx_ess_table_remove(zone, &a.ref);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_DECLINED);
    assert_int_equal(zone->sh->nstreams, 1);

    done(zone);
}


static void
test_closed(void **state)
{
    size_t                 need;
    uint64_t               seq, next;
    ngx_ess_log_lost_t     lost;
    ngx_uint_t             n;
    ngx_ess_seg_t          last;
    ngx_ess_zone_t        *zone;
    ngx_ess_record_t       rec;
    ngx_ess_stream_info_t  a, info;

    zone = make(1024 * 1024);
    create(zone, &key, &a);
    last = 0;

    assert_int_equal(ngx_ess_interest_subscribe(zone, &a.ref, NULL, &seq, &next,
                                                &number), NGX_OK);
    assert_int_equal(ngx_ess_interest_subscribe(zone, &a.ref, NULL, &seq, &next,
                                                &number), NGX_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.subscribers, 2);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    ngx_ess_table_remove(zone, &a.ref);

    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_by_uuid(zone, a.uuid, &info),
                     NGX_DECLINED);

    n = 1;
    assert_int_equal(ngx_ess_log_read(zone, &a.ref, &seq, &last, NULL, 0,
                                      &rec, &n, &lost, &need), NGX_DONE);

    ngx_ess_interest_unsubscribe(zone, &a.ref);
    assert_int_equal(zone->sh->nstreams, 1);
    ngx_ess_interest_unsubscribe(zone, &a.ref);
    assert_int_equal(zone->sh->nstreams, 0);

    assert_int_equal(ngx_ess_log_read(zone, &a.ref, &seq, &last, NULL, 0,
                                      &rec, &n, &lost, &need), NGX_DECLINED);
    done(zone);
}


static void
test_load(void **state)
{
    ngx_uint_t             i;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  row, info, list[8];

    static uint64_t        ids[] = { 10, 500000, 3, 7, 140010, 4 };
    static uint64_t        order[] = { 3, 4, 7, 10, 140010, 500000 };

    zone = ngx_unit_zone(1024 * 1024);

    for (i = 0; i < 6; i++) {
        ngx_memzero(&row, sizeof(row));
        row.ref.id = ids[i];
        row.ref.epoch = 42 + i;
        row.kind = ngx_unit_bound;
        row.uuid[0] = i + 1;
        row.last_ordinal = 1000;
        row.reserved_ordinal = 1000 + NGX_ESS_ORDINALS;
        row.key_len = 255;
        ngx_memset(row.key, 'k', 255);
        assert_int_equal(ngx_ess_table_load(zone, &row), NGX_OK);
        assert_int_equal(ngx_ess_table_load(zone, &row), NGX_ABORT);
        row.ref.id += 100;
        assert_int_equal(ngx_ess_table_load(zone, &row), NGX_ABORT);
    }

    row.ref.id = 0;
    assert_int_equal(ngx_ess_table_load(zone, &row), NGX_ABORT);

    assert_int_equal(ngx_ess_stream_list(zone, 0, list, 8), 6);

    for (i = 0; i < 6; i++) {
        assert_int_equal(list[i].ref.id, order[i]);
    }

    assert_int_equal(ngx_ess_stream_list(zone, 5, list, 2), 2);
    assert_int_equal(list[0].ref.id, 7);
    assert_int_equal(list[1].ref.id, 10);
    assert_int_equal(ngx_ess_stream_list(zone, 10, list, 1), 1);
    assert_int_equal(list[0].ref.id, 140010);
    assert_int_equal(ngx_ess_stream_list(zone, 140009, list, 1), 1);
    assert_int_equal(list[0].ref.id, 140010);
    assert_int_equal(ngx_ess_stream_list(zone, 500000, list, 1), 0);
    assert_int_equal(ngx_ess_stream_list(zone, (uint64_t) -1, list, 1), 0);

    assert_int_equal(ngx_ess_stream_by_id(zone, 3, &info), NGX_OK);
    assert_int_equal(info.ref.epoch, 44);
    assert_int_equal(info.last_ordinal, 1000);
    assert_int_equal(info.reserved_ordinal, 1000 + NGX_ESS_ORDINALS);
    assert_int_equal(info.key_len, 255);
    assert_memory_equal(info.key, row.key, 255);

    ngx_ess_table_last_id(zone, 600000);
    ngx_ess_table_last_id(zone, 5);
    assert_int_equal(ngx_ess_process_attach(zone, 0, &ngx_unit_log), NGX_OK);
    create(zone, &key, &info);
    assert_int_equal(info.ref.id, 600001);

    done(zone);
}


/* 100,000 in 64 MiB, lists over gaps, and what fits at all */

static void
test_many(void **state)
{
    ngx_uint_t             i, n, nfree, total;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info, list[10];
    ngx_str_t              k;
    u_char                 text[64];

    zone = make(64 * 1024 * 1024);
    zone->max_event = 1024 * 1024;
    k.data = text;

    for (i = 1; i <= 100000; i++) {
        k.len = snprintf((char *) text, sizeof(text),
                         "some.key.of.usual.length.%d", (int) i);

        if (ngx_ess_table_reserve(zone, &k,
                                  &ngx_unit_bound, 0, NULL, &info) != NGX_OK
            || ngx_ess_table_show(zone, &info.ref) != NGX_OK)
        {
            fail_msg("stream %d", (int) i);
        }

        if (i > 20000 && i < 90000) {
            if (ngx_ess_table_delete_begin(zone, &info.ref) != NGX_OK) {
                fail();
            }

            ngx_ess_table_remove(zone, &info.ref);
        }
    }

    assert_int_equal(ngx_ess_stream_list(zone, 50000, list, 10), 10);
    assert_int_equal(list[0].ref.id, 90000);
    assert_int_equal(ngx_ess_stream_list(zone, 19999, list, 10), 10);
    assert_int_equal(list[0].ref.id, 20000);
    assert_int_equal(list[1].ref.id, 90000);

    for (n = 30001; n < 300000; n++) {
        if (ngx_ess_table_reserve(zone, &key,
                                  &ngx_unit_bound, 0, NULL, &info) != NGX_OK) {
            break;
        }
    }

    ngx_ess_zone_room(zone, &nfree, &total);

    assert_true(n > 200000);
    assert_true(nfree >= total / 8);

    done(zone);
}


static void
test_full(void **state)
{
    ngx_uint_t             n, i, nfree, total;
    ngx_ess_zone_t        *zone;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info, a;
    ngx_ess_wake_t         wake;
    u_char                 body[65536];

    zone = make(1024 * 1024);
    create(zone, &key, &a);

    ngx_memzero(&wake, sizeof(wake));
    ngx_memset(body, 'b', sizeof(body));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = body;
    event.body.len = sizeof(body);
    event.timestamp = 1;

    /* young events make room for a stream, and streams leave room for one */

    for (i = 0; i < 20; i++) {
        ngx_ess_zone_lock(zone);
        assert_int_equal(ngx_unit_append_locked(zone, a.slot, &key, &event,
                                                i, 1, &wake), 1);
        ngx_ess_zone_unlock(zone);
    }

    assert_true(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY) > 0);

    for (n = 0; ngx_ess_table_reserve(zone, &other,
                                      &ngx_unit_bound, 0, NULL,
                                      &info) == NGX_OK; n++) {
        /* void */
    }

    assert_true(n > 1000);

    ngx_ess_zone_room(zone, &nfree, &total);

    ngx_ess_zone_lock(zone);
    assert_int_equal(ngx_unit_append_locked(zone, a.slot, &key, &event,
                                            i, 1, &wake), 1);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(ngx_ess_stream_by_id(zone, a.ref.id, &info), NGX_OK);
    assert_int_equal(info.last_ordinal, 21);
    assert_true(info.events >= 1);

    /* what does not fit is dropped, not half appended; it has an ordinal */

    assert_int_equal(ngx_unit_alerts, 0);
    zone->sh->nstatic += zone->sh->geo.nsegs - 100 - zone->sh->nstatic;
    ngx_ess_zone_lock(zone);
    (void) ngx_unit_append_locked(zone, a.slot, &key, &event, i, 1, &wake);
    (void) ngx_unit_append_locked(zone, a.slot, &key, &event, i, 1, &wake);
    ngx_ess_zone_unlock(zone);
    assert_int_equal(ngx_unit_alerts, 1);
    ngx_unit_alerts = 0;

    assert_int_equal(ngx_ess_stream_by_id(zone, a.ref.id, &info), NGX_OK);
    assert_int_equal(info.last_ordinal, 23);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
