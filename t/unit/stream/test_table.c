/*
 * The stream table: ids, uuids, keys, the life of a stream, a full zone.
 *
 * links: src/stream/ngx_ess_*.c t/unit/ngx_unit.c
 *
 * cc -DNGX_ESS_FAULT $(NGX_INC) -I src -I src/stream -I t/unit -o test_table
 *    t/unit/stream/test_table.c (the above) -lcmocka
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "ngx_unit.h"


static uint32_t   number;
static ngx_str_t  key = ngx_string("abc");
static ngx_str_t  other = ngx_string("def");


static ngx_ess_zone_t *
make(size_t size)
{
    ngx_ess_zone_t  *zone;

    zone = ngx_unit_zone(size);

    ngx_ess_zone_new_generation(zone);
    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);

    return zone;
}


static void
done(ngx_ess_zone_t *zone)
{
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    ngx_unit_free(zone);
}


static void
create(ngx_ess_zone_t *zone, ngx_str_t *k, ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_reserve(zone, k,
                                           &ngx_unit_bound, 0, info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info->ref), NGX_OK);
}


static void
test_life(void **state)
{
    uint64_t               seq, next;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  a, b, info;

    zone = make(1024 * 1024);

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, &a), NGX_OK);
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
                                           &ngx_unit_bound, 0, &b), NGX_OK);
    assert_int_equal(b.ref.id, 2);
    ngx_ess_table_release(zone, &b.ref);
    assert_int_equal(ngx_ess_table_show(zone, &b.ref), NGX_DECLINED);
    create(zone, &key, &b);
    assert_int_equal(b.ref.id, 3);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_DELETING);
    ngx_ess_table_delete_cancel(zone, &a.ref);
    assert_int_equal(ngx_ess_stream_by_id(zone, 1, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_VISIBLE);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    ngx_ess_table_delete_commit(zone, &a.ref);
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
    ngx_ess_table_delete_commit(zone, &a.ref);

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
test_uuid_text(void **state)
{
    u_char     uuid[NGX_ESS_UUID_LEN], back[NGX_ESS_UUID_LEN];
    u_char     text[NGX_ESS_UUID_TEXT];
    ngx_str_t  s;

    ngx_memset(uuid, 0xa5, sizeof(uuid));
    uuid[0] = 0x01;

    assert_ptr_equal(ngx_ess_stream_uuid_text(text, uuid),
                     text + NGX_ESS_UUID_TEXT);
    assert_memory_equal(text, "01a5", 4);

    s.data = text;

    for (s.len = 0; s.len < NGX_ESS_UUID_TEXT; s.len++) {
        assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
    }

    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_OK);
    assert_memory_equal(uuid, back, NGX_ESS_UUID_LEN);

    text[31] = 'g';
    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
    text[31] = 'A';
    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
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


static void
test_orphans(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;

    zone = make(1024 * 1024);
    create(zone, &key, &info);

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        if (ngx_ess_process_attach(zone, 5, &ngx_unit_log) == NGX_OK
            && ngx_ess_table_delete_begin(zone, &info.ref) == NGX_OK
            && ngx_ess_table_reserve(zone, &other,
                                     &ngx_unit_bound, 0, &info) == NGX_OK
            && ngx_ess_stream_unbind_begin(zone, &key) == NGX_DECLINED
            && ngx_ess_pending_orphan(zone, &info) == NGX_DECLINED)
        {
            _exit(0);
        }

        _exit(1);
    }

    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);

    /* gone, but nobody found out yet */
    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_DECLINED);

    ngx_ess_process_sweep(zone, &ngx_unit_log);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_CREATING);
    ngx_ess_table_release(zone, &info.ref);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(info.state, NGX_ESS_STREAM_DELETING);
    ngx_ess_table_delete_commit(zone, &info.ref);

    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_DECLINED);
    assert_int_equal(zone->sh->nstreams, 0);

    /* a new life in the same process slot does not own what the last left */

    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, &info), NGX_OK);
    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_pending_orphan(zone, &info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    done(zone);
}


static void
test_unbinding(void **state)
{
    ngx_uint_t             i;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;
    ngx_str_t              k;
    u_char                 text[8];

    zone = make(1024 * 1024);

    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 0);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_OK);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_BUSY);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 1);
    ngx_ess_stream_unbind_end(zone, &key);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 0);

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, &info), NGX_OK);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_DECLINED);

    k.data = text;

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        k.len = snprintf((char *) text, sizeof(text), "k%d", (int) i);
        assert_int_equal(ngx_ess_stream_unbind_begin(zone, &k), NGX_OK);
    }

    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &other), NGX_BUSY);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &k), 1);

    ngx_ess_process_detach(zone);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &k), 0);

    done(zone);
}


static void
test_keys(void **state)
{
    uint64_t               cursor, seq, next;
    ngx_uint_t             i, n, found;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_key_t   keys[4];
    ngx_ess_stream_info_t  info;

    zone = make(1024 * 1024);

    for (i = 0; i < 10; i++) {
        create(zone, (i % 2) ? &key : &other, &info);

        if (i < 3) {
            assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL,
                                                        &seq, &next, &number),
                             NGX_OK);
        }
    }

    cursor = 0;
    found = 0;

    while ((n = ngx_ess_stream_keys(zone, 0xffff, 0, &cursor, keys, 4))) {
        found += n;
    }

    assert_int_equal(found, 10);

    cursor = 0;
    assert_int_equal(ngx_ess_stream_keys(zone, 0xffff, 1, &cursor, keys, 4),
                     3);
    assert_int_equal(keys[0].len, 3);
    assert_memory_equal(keys[0].data, "def", 3);
    assert_int_equal(keys[0].slot, ngx_ess_stream_slot(&other));
    assert_int_equal(ngx_ess_stream_keys(zone, 0xffff, 1, &cursor, keys, 4),
                     0);

    cursor = 0;
    assert_int_equal(ngx_ess_stream_keys(zone,
                                         1 << ngx_ess_stream_slot(&key),
                                         1, &cursor, keys, 4), 1);

    done(zone);
}


static void
test_ordinals(void **state)
{
    ngx_uint_t             i;
    ngx_ess_zone_t        *zone;
    ngx_ess_wake_t         wake;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  a, info;

    zone = make(1024 * 1024);
    create(zone, &key, &a);

    ngx_memzero(&wake, sizeof(wake));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "x");
    event.timestamp = 1;

    for (i = 1; i < 32768; i++) {
        ngx_ess_zone_lock(zone);
        (void) ngx_unit_append_locked(zone, a.slot, &key, &event, i, 1, &wake);
        ngx_ess_zone_unlock(zone);
        ngx_current_msec += 10;
    }

    assert_int_equal(ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal), NGX_DECLINED);

    ngx_ess_zone_lock(zone);
    (void) ngx_unit_append_locked(zone, a.slot, &key, &event, i, 1, &wake);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal), NGX_OK);
    assert_int_equal(info.ref.id, a.ref.id);
    assert_int_equal(info.reserved_ordinal, 2 * 65536);
    assert_int_equal(ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal), NGX_DECLINED);

    /* the store failed: once more */
    ngx_ess_ordinal_reserved(zone, &a.ref, 0);
    assert_int_equal(ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal), NGX_OK);
    ngx_ess_ordinal_reserved(zone, &a.ref, info.reserved_ordinal);
    assert_int_equal(ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal), NGX_DECLINED);
    assert_int_equal(ngx_ess_stream_by_id(zone, a.ref.id, &info), NGX_OK);
    assert_int_equal(info.reserved_ordinal, 2 * 65536);
    assert_int_equal(info.last_ordinal, 32768);

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
                                  &ngx_unit_bound, 0, &info) != NGX_OK
            || ngx_ess_table_show(zone, &info.ref) != NGX_OK)
        {
            fail_msg("stream %d", (int) i);
        }

        if (i > 20000 && i < 90000) {
            if (ngx_ess_table_delete_begin(zone, &info.ref) != NGX_OK) {
                fail();
            }

            ngx_ess_table_delete_commit(zone, &info.ref);
        }
    }

    assert_int_equal(ngx_ess_stream_list(zone, 50000, list, 10), 10);
    assert_int_equal(list[0].ref.id, 90000);
    assert_int_equal(ngx_ess_stream_list(zone, 19999, list, 10), 10);
    assert_int_equal(list[0].ref.id, 20000);
    assert_int_equal(list[1].ref.id, 90000);

    for (n = 30001; n < 300000; n++) {
        if (ngx_ess_table_reserve(zone, &key,
                                  &ngx_unit_bound, 0, &info) != NGX_OK) {
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
                                      &ngx_unit_bound, 0, &info) == NGX_OK; n++) {
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


static void
test_reload(void **state)
{
    ngx_ess_zone_t        *zone, *next;
    ngx_ess_stream_info_t  a, info;

    zone = make(1024 * 1024);
    assert_true(zone->fresh);
    create(zone, &key, &a);

    next = ngx_unit_reload(zone);
    assert_false(next->fresh);
    assert_ptr_equal(next->sh, zone->sh);
    assert_int_equal(ngx_ess_stream_by_id(next, a.ref.id, &info), NGX_OK);

    assert_int_equal(ngx_ess_zone_generation(zone), zone->generation);
    ngx_ess_zone_new_generation(next);
    assert_true(ngx_ess_zone_generation(zone) > zone->generation);

    ngx_unit_free_handle(next);
    done(zone);
}


static void
test_add(void **state)
{
    char            *rv;
    ngx_conf_t       cf;
    ngx_str_t        name = ngx_string("streams");
    ngx_cycle_t      cycle, old;
    ngx_shm_zone_t   zones[2];
    ngx_ess_zone_t   zone;

    ngx_memzero(&cf, sizeof(cf));
    ngx_memzero(&cycle, sizeof(cycle));
    ngx_memzero(&old, sizeof(old));
    ngx_memzero(zones, sizeof(zones));

    cf.cycle = &cycle;
    cycle.old_cycle = &old;

    ngx_memzero(&zone, sizeof(zone));
    rv = ngx_ess_zone_add(&cf, &zone, &name, 4096 * 1024);
    assert_ptr_equal(rv, NGX_CONF_OK);
    assert_int_equal(zone.shm_zone->shm.size, 4096 * 1024);

    old.shared_memory.part.elts = zones;
    old.shared_memory.part.nelts = 2;
    zones[0].shm.name = name;
    zones[0].shm.size = 77;
    zones[1].shm.name = name;
    zones[1].shm.size = 2048 * 1024;
    zones[1].tag = &ngx_ess_module;

    ngx_memzero(&zone, sizeof(zone));
    rv = ngx_ess_zone_add(&cf, &zone, &name, 4096 * 1024);
    assert_ptr_equal(rv, NGX_CONF_OK);
    assert_int_equal(zone.shm_zone->shm.size, 2048 * 1024);
    assert_int_equal(zone.proc, NGX_ESS_PROCS);
}


static void
test_min_size(void **state)
{
    size_t                 size, event;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;

    for (event = 1024; event <= 64 * 1024 * 1024; event *= 4) {
        size = ngx_ess_zone_min_size(event);
        assert_true(size >= 1024 * 1024 && size < 4 * event + 2 * 1024 * 1024);

        zone = make(size - 8192);
        zone->max_event = event;
        create(zone, &key, &info);
        done(zone);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_uuid_text),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_unbinding),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ordinals),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_min_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
