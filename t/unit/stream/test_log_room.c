/*
 * Room in the zone: which records go, and for whom.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"


#define BODY  1000                          /* of each event: five segments */


static u_char  body[BODY];


static void
append_some(ngx_uint_t n)
{
    while (n--) {
        assert_true(append(&key, body, BODY) > 0);
    }
}


static ngx_ess_stream_info_t *
info(void)
{
    static ngx_ess_stream_info_t  i;

    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &i), NGX_OK);

    return &i;
}


static ngx_ess_seg_t
seg(void)
{
    return ngx_ess_lookup_id_locked(zone->sh, stream.ref.id);
}


static void
subscribe(void)
{
    uint32_t  number;
    uint64_t  seq, ordinal;

    assert_int_equal(ngx_ess_interest_subscribe(zone, &stream.ref, NULL, &seq,
                                                &ordinal, &number),
                     NGX_OK);
}


/* ngx_ess_log_room_locked(), which leaves the journal empty. */

static ngx_int_t
room(uint32_t n, ngx_uint_t force, ngx_uint_t *evict)
{
    ngx_int_t  rc;

    ngx_ess_zone_lock(zone);
    rc = ngx_ess_log_room_locked(zone, n, force, evict);
    assert_int_equal(zone->sh->undo, 0);
    ngx_ess_zone_unlock(zone);

    return rc;
}


static void
test_enough(void **state)
{
    append_some(5);

    assert_int_equal(room(zone->sh->nfree, 0, NULL), NGX_OK);
    assert_int_equal(info()->events, 5);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY), 0);
}


static void
test_oldest_goes(void **state)
{
    append_some(5);

    /* for one segment a whole record */

    assert_int_equal(room(zone->sh->nfree + 1, 0, NULL), NGX_OK);
    assert_int_equal(info()->events, 4);
    assert_int_equal(info()->first_ordinal, 2);
    assert_int_equal(info()->bytes, 4 * BODY);

    assert_int_equal(room(zone->sh->nfree + 6, 0, NULL), NGX_OK);
    assert_int_equal(info()->first_ordinal, 4);

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY), 3);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED), 3);
}


static void
test_never_enough(void **state)
{
    uint32_t  all;

    append_some(5);

    all = zone->sh->geo.nsegs - 1 - zone->sh->nstatic;

    /* then nothing goes */

    assert_int_equal(room(all + 1, 1, NULL), NGX_DECLINED);
    assert_int_equal(info()->events, 5);

    assert_int_equal(room(all, 1, NULL), NGX_OK);
    assert_int_equal(info()->events, 0);
    assert_int_equal(zone->sh->nfree, all);
}


static void
test_so_many_at_a_time(void **state)
{
    uint32_t    n;
    ngx_uint_t  evict;

    append_some(5);

    n = zone->sh->nfree + 20;
    evict = 3;

    assert_int_equal(room(n, 0, &evict), NGX_BUSY);
    assert_int_equal(evict, 0);
    assert_int_equal(info()->events, 2);

    /* none is left of them */

    assert_int_equal(room(n, 0, &evict), NGX_BUSY);
    assert_int_equal(info()->events, 2);

    evict = 3;
    assert_int_equal(room(n, 0, &evict), NGX_OK);
    assert_int_equal(evict, 2);
    assert_int_equal(info()->events, 1);
}


static void
test_unseen_stays(void **state)
{
    subscribe();
    append_some(3);

    assert_int_equal(room(zone->sh->nfree + 1, 0, NULL), NGX_AGAIN);
    assert_int_equal(info()->events, 3);

    assert_int_equal(room(zone->sh->nfree + 1, 1, NULL), NGX_OK);
    assert_int_equal(info()->events, 2);

    /* one that shows no sign of life is not waited for */

    ngx_current_msec += 1100;
    assert_int_equal(room(zone->sh->nfree + 1, 0, NULL), NGX_OK);
    assert_int_equal(info()->events, 1);
}


static void
bounds(size_t len, ngx_uint_t *evict)
{
    ngx_ess_zone_lock(zone);
    ngx_ess_log_room_bounds_locked(zone, seg(), len,
                                   ngx_ess_zone_now(zone->sh), evict);
    assert_int_equal(zone->sh->undo, 0);
    ngx_ess_zone_unlock(zone);
}


static void
test_bounds(void **state)
{
    ngx_uint_t  evict;

    append_some(10);
    zone->log_size = 6 * BODY;
    evict = 100;

    /* what is young stays */

    bounds(BODY, &evict);
    assert_int_equal(info()->events, 10);

    ngx_current_msec += 1100;

    bounds(BODY, &evict);
    assert_int_equal(info()->events, 5);
    assert_int_equal(evict, 95);

    /* one place is the new one's */

    zone->log_count = 4;
    bounds(BODY, &evict);
    assert_int_equal(info()->events, 3);

    zone->log_age = 2000;
    bounds(BODY, &evict);
    assert_int_equal(info()->events, 3);

    ngx_current_msec += 1000;
    evict = 2;

    bounds(BODY, &evict);
    assert_int_equal(info()->events, 1);
    assert_int_equal(evict, 0);

    evict = 2;
    bounds(BODY, &evict);
    assert_int_equal(info()->events, 0);
    assert_int_equal(evict, 1);

    /* by its own bounds, not for want of room */

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY), 0);
}


static void
test_bounds_all_may_go(void **state)
{
    ngx_uint_t  evict;

    append_some(3);
    ngx_current_msec += 1100;
    evict = 100;

    bounds(zone->log_size + 1, &evict);
    assert_int_equal(info()->events, 0);
}


static void
test_bounds_unseen(void **state)
{
    ngx_uint_t  evict;

    append_some(3);
    subscribe();
    append_some(3);

    /* it lives, and has them before it */

    ngx_current_msec += 1500;
    ngx_ess_zone_proc(zone->sh, zone->proc)->progress
        = ngx_ess_zone_now(zone->sh);

    zone->log_count = 1;
    evict = 100;

    bounds(BODY, &evict);
    assert_int_equal(info()->events, 6);

    ngx_current_msec += 1500;

    bounds(BODY, &evict);
    assert_int_equal(info()->events, 0);
}


static void
test_for_streams(void **state)
{
    uint32_t            n;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    for (n = 1; ngx_ess_log_room_left_locked(zone, n); n++) {
        /* void */
    }

    /* an eighth of all is for events, and two of the largest size */

    assert_int_equal(sh->nstatic + n - 1,
                     sh->geo.nsegs - 1
                     - ngx_max((sh->geo.nsegs - 1) / 8,
                               2 * ngx_ess_zone_record_segs(
                                       zone->max_event
                                       + NGX_ESS_ZONE_HEAD)));

    assert_int_equal(ngx_ess_log_room_make_locked(zone, n), NGX_DECLINED);

    ngx_ess_zone_unlock(zone);

    append_some(300);

    ngx_ess_zone_lock(zone);

    assert_true(sh->nfree < n - 1);
    assert_int_equal(ngx_ess_log_room_make_locked(zone, n - 1), NGX_OK);
    assert_true(sh->nfree >= n - 1);
    assert_int_equal(sh->undo, 0);

    ngx_ess_zone_unlock(zone);

    assert_true(info()->events < 300);
}


static void
test_clear(void **state)
{
    append_some(5);

    ngx_ess_zone_lock(zone);

    assert_int_equal(ngx_ess_log_room_clear_locked(zone, seg(), 3),
                     NGX_AGAIN);
    assert_int_equal(zone->sh->undo, 0);
    assert_int_equal(ngx_ess_zone_stream(zone->sh, seg())->count, 2);

    assert_int_equal(ngx_ess_log_room_clear_locked(zone, seg(), 2), NGX_OK);
    assert_int_equal(ngx_ess_log_room_clear_locked(zone, seg(), 0), NGX_OK);

    ngx_ess_zone_unlock(zone);

    assert_int_equal(info()->events, 0);
    assert_int_equal(info()->first_ordinal, 6);
}


static void
test_expire(void **state)
{
    append_some(3);
    ngx_current_msec += 2000;
    append_some(2);

    zone->log_age = 0;
    ngx_current_msec += 2000;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 5);

    zone->log_age = 3000;
    ngx_ess_log_room_expire(zone, 2);
    assert_int_equal(info()->events, 3);

    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 2);

    /* a second old at least, whatever is configured */

    zone->log_age = 1;
    append_some(1);
    ngx_current_msec += 900;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 1);

    ngx_current_msec += 200;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 0);
}


static void
test_expire_unseen(void **state)
{
    subscribe();
    append_some(3);

    zone->log_age = 1000;
    ngx_current_msec += 1500;
    ngx_ess_zone_proc(zone->sh, zone->proc)->progress
        = ngx_ess_zone_now(zone->sh);

    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 3);

    ngx_current_msec += 1500;
    ngx_ess_log_room_expire(zone, 100);
    assert_int_equal(info()->events, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_log_test(test_enough),
        one_log_test(test_oldest_goes),
        one_log_test(test_never_enough),
        one_log_test(test_so_many_at_a_time),
        one_log_test(test_unseen_stays),
        one_log_test(test_bounds),
        one_log_test(test_bounds_all_may_go),
        one_log_test(test_bounds_unseen),
        one_log_test(test_for_streams),
        one_log_test(test_clear),
        one_log_test(test_expire),
        one_log_test(test_expire_unseen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
