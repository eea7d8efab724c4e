/*
 * As many subscribers as a stream may have, and who leaves for another.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/many_streams.c
 */


#include "many_streams.h"


static uint32_t                number;
static uint64_t                first[NGX_ESS_DIRTY];
static uint32_t                more[NGX_ESS_WAKE_MORE];


static ngx_uint_t
subscribers(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_stream_info_t  info;

    assert_int_equal(ngx_ess_stream_by_id(zone, ref->id, &info), NGX_OK);

    return info.subscribers;
}


/* Who was told to close those below which number; 0: nobody was. */

static uint64_t
told(ngx_uint_t p)
{
    ngx_uint_t            overflow;
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    zone->proc = p;
    ngx_ess_zone_lock(zone);

    if (ngx_ess_wake_take_locked(zone, refs, first, &overflow, more) == 0) {
        first[0] = 0;
    }

    ngx_ess_zone_unlock(zone);

    return first[0];
}


static ngx_int_t
enter(ngx_uint_t p, ngx_ess_max_subscribers_t *limit)
{
    uint64_t  seq, next;

    zone->proc = p;

    return ngx_ess_interest_subscribe(zone, &streams[7].ref, limit, &seq, &next,
                                      &number);
}


/* as many subscribers as a stream may have, over two processes */

static void
test_limit(void **state)
{
    ngx_ess_stream_ref_t       *ref;
    ngx_ess_max_subscribers_t   limit;

    ref = &streams[7].ref;
    limit.max = 2;
    limit.replace = 0;

    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(number, 1);
    assert_int_equal(enter(5, &limit), NGX_OK);
    assert_int_equal(number, 2);
    assert_int_equal(enter(5, &limit), NGX_BUSY);
    assert_int_equal(enter(9, &limit), NGX_BUSY);
    assert_int_equal(told(2), 0);

    /* the first one is to leave, and does not count from now on */

    limit.replace = 1;
    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(number, 3);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(2), 2);
    assert_int_equal(told(5), 2);
    assert_int_equal(told(9), 0);

    /* who was told is told no more, whatever else the stream has */

    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(number, 4);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(5), 3);
    assert_int_equal(told(5), 0);

    /* those that were closed leave */

    ngx_ess_interest_unsubscribe(zone, ref);
    zone->proc = 2;
    ngx_ess_interest_unsubscribe(zone, ref);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    /* one leaves by itself: there is room for one */

    zone->proc = 9;
    ngx_ess_interest_unsubscribe(zone, ref);
    assert_int_equal(subscribers(ref), 1);
    assert_int_equal(told(9), 3);
    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(9), 0);

    /* no limit; then one of which there are many more */

    assert_int_equal(enter(2, NULL), NGX_OK);
    assert_int_equal(enter(2, NULL), NGX_OK);
    assert_int_equal(subscribers(ref), 4);
    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(number, 8);
    assert_int_equal(told(9), 7);
    assert_int_equal(subscribers(ref), 2);
    zone->proc = 2;
}


/* whoever cannot be told of it keeps its place */

static void
test_limit_of_one_who_is_behind(void **state)
{
    uint64_t                   seq, next;
    ngx_uint_t                 i;
    ngx_ess_wake_t             wake;
    ngx_ess_max_subscribers_t  limit;

    ngx_memzero(&wake, sizeof(wake));
    limit.max = 1;
    limit.replace = 1;

    for (i = 0; i < STREAMS; i++) {
        assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[i].ref, NULL,
                                                    &seq, &next, &number),
                         NGX_OK);
        if (i != 7 && i < NGX_ESS_DIRTY + 1) {
            append(i, &wake);
        }
    }

    assert_int_equal(ngx_ess_zone_proc(zone->sh, 2)->ndirty, NGX_ESS_DIRTY);
    assert_int_equal(enter(9, &limit), NGX_BUSY);
    assert_int_equal(subscribers(&streams[7].ref), 1);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    assert_int_equal(told(2), 0);
    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(told(2), 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_limit,
                                        many_streams_setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_one_who_is_behind,
                                        many_streams_setup,
                                        many_streams_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
