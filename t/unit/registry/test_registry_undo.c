/*
 * Half-made streams are undone, also when the store refuses it at first.
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
#include "ngx_ess_registry_undo.h"


static void
test_undo_is_tried_again_while_the_store_fails(void **state)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_ERROR, "ACCESS_REFUSED");
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);

    /* who waits is told at once, and once */
    assert_int_equal(calls, 1);
    assert_int_equal(zone->sh->nstreams, 1);
    assert_int_equal(visible(), 0);

    ngx_ess_registry_upkeep_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(waiting(), 0);

    ngx_ess_registry_upkeep_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(zone->sh->nstreams, 0);
}


/* each worker tries a portion of them in a second */

static void
test_many_at_a_time(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_REGISTRY_UNDO_MAX + 1; i++) {
        create(0, NULL);
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(NGX_ERROR, "ACCESS_REFUSED");
        store(NGX_ESS_STORE_REMOVE, NGX_ERROR);

        assert_int_equal(calls, 1);
        calls = 0;
    }

    assert_int_equal(ngx_ess_registry_undo_count(),
                     NGX_ESS_REGISTRY_UNDO_MAX + 1);

    ngx_ess_registry_undo_retry();
    assert_int_equal(waiting(), NGX_ESS_REGISTRY_UNDO_MAX);

    while (waiting()) {
        store(NGX_ESS_STORE_REMOVE, NGX_OK);
    }

    assert_int_equal(ngx_ess_registry_undo_count(), 1);
    assert_int_equal(zone->sh->nstreams, 1);

    ngx_ess_registry_undo_retry();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(ngx_ess_registry_undo_count(), 0);
    assert_int_equal(zone->sh->nstreams, 0);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

    const struct CMUnitTest  tests[] = {
        t(test_many_at_a_time),
        t(test_undo_is_tried_again_while_the_store_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
