/*
 * Ordinals: reserved in blocks, again before a block is used up.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"


static ngx_str_t  key = ngx_string("abc");


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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ordinals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
