/*
 * What is kept, as a sum here and as a gauge in the zone.
 *
 * links: src/subscriber/ngx_ess_memory.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "ngx_ess_memory.h"
#include "ngx_ess_counter.h"


static ngx_ess_zone_t  test_zone;
static int64_t         test_gauge;          /* of all workers */


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_ptr_equal(zone, &test_zone);
    assert_int_equal(counter, NGX_ESS_C_MEMORY);

    test_gauge += n;
}


static void
test_the_gauge_goes_along_with_the_sum(void **state)
{
    test_gauge = 1000;                      /* another worker's */

    ngx_ess_memory_init(&test_zone, 4096);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(ngx_ess_memory_max(), 4096);
    assert_int_equal(test_gauge, 1000);

    ngx_ess_memory_take(100);
    ngx_ess_memory_take(0);
    ngx_ess_memory_take(5000);
    assert_int_equal(ngx_ess_memory_used(), 5100);
    assert_int_equal(test_gauge, 6100);

    ngx_ess_memory_give(5000);
    assert_int_equal(ngx_ess_memory_used(), 100);
    assert_int_equal(test_gauge, 1100);

    ngx_ess_memory_give(100);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(test_gauge, 1000);
}


static void
test_more_than_four_gigabytes_are_counted(void **state)
{
    test_gauge = 0;

    ngx_ess_memory_init(&test_zone, (size_t) 1 << 40);

    ngx_ess_memory_take((size_t) 1 << 33);
    assert_true(ngx_ess_memory_used() == (size_t) 1 << 33);
    assert_true(test_gauge == (int64_t) 1 << 33);
    assert_true(ngx_ess_memory_max() == (size_t) 1 << 40);

    ngx_ess_memory_give((size_t) 1 << 33);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(test_gauge, 0);
}


static void
test_a_worker_begins_with_nothing(void **state)
{
    ngx_ess_memory_init(&test_zone, 4096);
    ngx_ess_memory_take(100);

    ngx_ess_memory_init(&test_zone, 0);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(ngx_ess_memory_max(), 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_the_gauge_goes_along_with_the_sum),
        cmocka_unit_test(test_more_than_four_gigabytes_are_counted),
        cmocka_unit_test(test_a_worker_begins_with_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
