/*
 * What a slot remembers of what it appended.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"


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
        one_log_test(test_recent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
