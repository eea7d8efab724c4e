/*
 * How streams come into being and go, over a real stream table, with a store
 * and a source that answer when the test says so, and what it says.
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


#define EPOCH  0x1234567890abcdefULL


static void
test_create_is_seen_when_stored_and_bound(void **state)
{
    create(0, NULL);
    assert_int_equal(visible(), 0);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    assert_int_equal(visible(), 0);
    assert_int_equal(calls, 0);
    assert_memory_equal(bound->key.data, "abc", 3);
    assert_null(bound->declare);

    source(NGX_OK, "");
    assert_int_equal(visible(), 1);
    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(info.key_len, 3);
}


static void
test_rabbitmq_stream_has_no_key_to_be_bound(void **state)
{
    create(EPOCH, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_null(bound);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(visible(), 1);
}


static void
test_rabbitmq_stream_is_declared(void **state)
{
    ngx_ess_source_options_t  declare;

    ngx_memzero(&declare, sizeof(declare));
    declare.data[0] = 1000;

    create(EPOCH, &declare);
    declare.data[0] = 0;
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_int_equal(bound->declare->data[0], 1000);

    source(NGX_DECLINED, "inequivalent arg");
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(result, NGX_ESS_REGISTRY_CONFLICT);
    assert_string_equal(text, "inequivalent arg");
    assert_int_equal(visible(), 0);
}


static void
test_create_that_is_not_stored_leaves_nothing(void **state)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_STORE);
    assert_string_equal(text, "disk full");
    assert_null(bound);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_create_that_is_refused_is_undone(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_int_t                  rc;
        const char                *words;
        ngx_ess_registry_result_e  result;
    } tests[] = {
        { NGX_BUSY, "the broker is silent", NGX_ESS_REGISTRY_BUSY },
        { NGX_ERROR, "ACCESS_REFUSED", NGX_ESS_REGISTRY_REFUSED },
        { NGX_DECLINED, "other arguments", NGX_ESS_REGISTRY_CONFLICT },
        { NGX_ERROR, "", NGX_ESS_REGISTRY_REFUSED }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        calls = 0;

        create(0, NULL);
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(tests[i].rc, tests[i].words);

        /* not before the row is gone: a restart would bring it back */
        assert_int_equal(calls, 0);

        store(NGX_ESS_STORE_REMOVE, NGX_OK);

        assert_int_equal(calls, 1);
        assert_int_equal(result, tests[i].result);
        assert_string_equal(text, tests[i].words);
        assert_int_equal(zone->sh->nstreams, 0);
    }
}


static void
test_create_goes_on_when_nobody_waits(void **state)
{
    create(0, NULL);
    ngx_ess_registry_forget(op);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    assert_int_equal(calls, 0);
    assert_int_equal(visible(), 1);
}


static void
test_full_zone(void **state)
{
    ngx_int_t  rc;

    while ((rc = ngx_ess_registry_create(zone, &key, &ngx_unit_bound, 0, NULL,
                                         NULL,
                                         handler, &calls,
                                         &op))
           == NGX_OK)
    {
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(NGX_OK, "");
    }

    assert_int_equal(rc, NGX_DECLINED);
    assert_int_equal(waiting(), 0);
}


static void
test_delete(void **state)
{
    created();

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    assert_int_equal(calls, 0);
    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_DECLINED);

    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(unbound, 1);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_rabbitmq_stream_is_not_unbound(void **state)
{
    create(EPOCH, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(unbound, 0);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_delete_that_is_not_stored_changes_nothing(void **state)
{
    created();

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);

    assert_int_equal(result, NGX_ESS_REGISTRY_STORE);
    assert_int_equal(unbound, 0);
    assert_int_equal(visible(), 1);

    /* and it can be tried again */

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    ngx_ess_registry_forget(op);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(visible(), 0);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

    const struct CMUnitTest  tests[] = {
        t(test_create_is_seen_when_stored_and_bound),
        t(test_rabbitmq_stream_has_no_key_to_be_bound),
        t(test_rabbitmq_stream_is_declared),
        t(test_create_that_is_not_stored_leaves_nothing),
        t(test_create_that_is_refused_is_undone),
        t(test_create_goes_on_when_nobody_waits),
        t(test_full_zone),
        t(test_delete),
        t(test_rabbitmq_stream_is_not_unbound),
        t(test_delete_that_is_not_stored_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
