/*
 * Pairs: of more processes than a stream itself has room for.
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
#include "ngx_ess_interest.h"


static void
test_pairs(void **state)
{
    uint32_t               number;
    uint64_t               seq, ordinal;
    ngx_str_t              key = ngx_string("abc");
    ngx_uint_t             n, all;
    ngx_ess_seg_t          i, ext;
    ngx_ess_pair_t        *pair;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_t      *s;
    ngx_ess_stream_info_t  info;

    zone = ngx_unit_zone(1024 * 1024);
    all = NGX_ESS_STREAM_PAIRS + 2;

    assert_int_equal(ngx_ess_process_attach(zone, 0, &ngx_unit_log), NGX_OK);
    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, NULL,
                                           &info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    i = ngx_ess_lookup_ref_locked(zone->sh, info.ref.id, info.ref.epoch);
    s = ngx_ess_zone_stream(zone->sh, i);

    assert_int_equal(ngx_ess_pair_any_locked(zone->sh, s), 0);

    for (n = 0; n < all; n++) {
        assert_int_equal(ngx_ess_process_attach(zone, n, &ngx_unit_log),
                         NGX_OK);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL,
                                                    &seq, &ordinal, &number),
                         NGX_OK);
    }

    assert_int_equal(ngx_ess_pair_any_locked(zone->sh, s), 1);
    assert_int_equal(ngx_ess_pair_count_locked(zone->sh, s), all);

    n = 0;

    for (pair = ngx_ess_pair_next_locked(zone->sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(zone->sh, s, pair, &ext))
    {
        assert_ptr_equal(ngx_ess_pair_find_locked(zone->sh, s, n), pair);
        n++;
    }

    assert_int_equal(n, all);
    assert_null(ngx_ess_pair_find_locked(zone->sh, s, all));
    ngx_unit_end(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
