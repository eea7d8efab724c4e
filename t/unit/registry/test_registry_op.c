/*
 * How long a worker stays for operations.
 *
 * links: src/registry/ngx_ess_registry.c src/registry/ngx_ess_registry_op.c
 * links: src/registry/ngx_ess_registry_undo.c
 * links: src/registry/ngx_ess_registry_upkeep.c src/ngx_ess_escape.c
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/registry/fake_registry.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_registry.h"


static void
test_worker_stays_for_what_is_under_way(void **state)
{
    ngx_uint_t  timers;

    timers = ngx_unit_timers;

    create(0, NULL);
    assert_int_equal(ngx_unit_timers, timers + 1);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_ERROR, "ACCESS_REFUSED");
    assert_int_equal(ngx_unit_timers, timers + 1);

    /* what waits for a failing store is left to the other workers */
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(ngx_unit_timers, timers);

    ngx_ess_registry_upkeep_tick();
    assert_int_equal(ngx_unit_timers, timers + 1);

    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(ngx_unit_timers, timers);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

    const struct CMUnitTest  tests[] = {
        t(test_worker_stays_for_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
