/*
 * The logs: append, bounds, POISON.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"


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


/* What became of an event, for whoever asks. */

static void
test_ids(void **state)
{
    ngx_int_t           n;
    ngx_str_t           other;
    ngx_uint_t          i;
    ngx_ess_wake_t      wake;
    ngx_ess_event_t     event;
    ngx_ess_event_id_t  ids[NGX_ESS_LOG_IDS + 1];

    static const struct {
        const char     *body;
        const char     *key;
        ngx_uint_t      nids;
    } cases[] = {
        { "one", "key", 1 }, { "POISON", "key", 0 }, { "two", "key", 1 },
        { "three", "other", 0 }
    };

    ngx_memzero(&wake, sizeof(wake));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_memzero(&event, sizeof(ngx_ess_event_t));

        event.body.data = (u_char *) cases[i].body;
        event.body.len = strlen(cases[i].body);
        event.ids = ids;

        other = key;

        if (strcmp(cases[i].key, "other") == 0) {
            ngx_str_set(&other, "other");
        }

        n = ngx_ess_log_append(zone, &other, &event, 0, &wake);

        assert_int_equal(n, other.data == key.data);
        assert_int_equal(event.nids, cases[i].nids);

        if (event.nids) {
            assert_int_equal(ids[0].epoch, stream.ref.epoch);
            assert_int_equal(ids[0].ordinal, 1 + i / 2);
        }
    }
}


static void
test_many_streams(void **state)
{
    ngx_str_t              wrong;
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info, deleted;

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                               &ngx_unit_bound, 0, NULL,
                                               &info), NGX_OK);
    }

    deleted = info;
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    assert_int_equal(append(&key, (u_char *) "a", 1), 6);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &deleted.ref), NGX_OK);
    assert_int_equal(append(&key, (u_char *) "b", 1), 6);
    ngx_ess_table_remove(zone, &deleted.ref);
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
                                           &ngx_unit_bound, 0, NULL,
                                           &deleted), NGX_OK);
    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, NULL,
                                           &last), NGX_OK);

    wrong = stream.ref;
    wrong.epoch++;

    refs[0] = &stream.ref;
    refs[1] = &wrong;
    refs[2] = &deleted.ref;
    refs[3] = &last.ref;

    assert_int_equal(append_to(refs, 4, &key, (u_char *) "a", 1), 3);
    assert_int_equal(wrong.index, 0);
    assert_int_not_equal(stream.ref.index, 0);

    ngx_ess_table_remove(zone, &deleted.ref);

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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_log_test(test_poison),
        one_log_test(test_bounds),
        one_log_test(test_ids),
        one_log_test(test_many_streams),
        one_log_test(test_named_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
