/*
 * Counters: a block a process slot, sums, and gauges that go with the process.
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


static void
test_counters(void **state)
{
    uint64_t         value;
    ngx_ess_zone_t  *zone;

    zone = ngx_unit_zone(1024 * 1024);

    /* the master has no block */

    ngx_ess_counter_add(zone, NGX_ESS_C_GAPS, 1);
    ngx_ess_counter_set(zone, NGX_ESS_C_CONNECTED, 1);
    assert_null(ngx_ess_counter_own(zone));
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_GAPS), 0);

    assert_int_equal(ngx_ess_process_attach(zone, 2, &ngx_unit_log), NGX_OK);
    ngx_ess_counter_add(zone, NGX_ESS_C_GAPS, 3);
    ngx_ess_counter_set(zone, NGX_ESS_C_CONNECTED, 1);

    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);
    ngx_ess_counter_add(zone, NGX_ESS_C_GAPS, 4);
    ngx_ess_counter_own(zone)[NGX_ESS_C_GAPS]++;
    ngx_ess_counter_set(zone, NGX_ESS_C_CONNECTED, 1);

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_GAPS), 8);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_CONNECTED), 2);
    assert_int_equal(ngx_ess_counter_of(zone, 2, NGX_ESS_C_GAPS, &value),
                     NGX_OK);
    assert_int_equal(value, 3);

    /* what was counted stays, what is now goes with the process */

    ngx_ess_process_detach(zone);

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_GAPS), 8);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_CONNECTED), 1);
    assert_int_equal(ngx_ess_counter_of(zone, 3, NGX_ESS_C_GAPS, &value),
                     NGX_DECLINED);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
