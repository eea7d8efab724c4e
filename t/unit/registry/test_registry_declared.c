/*
 * Streams that nginx.conf declares: made, tried again, changed, and deleted
 * when it has them no more.
 *
 * links: src/registry/ngx_ess_registry.c src/registry/ngx_ess_registry_op.c
 * links: src/registry/ngx_ess_registry_undo.c
 * links: src/registry/ngx_ess_registry_declared.c
 * links: src/registry/ngx_ess_registry_upkeep.c src/ngx_ess_escape.c
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/registry/fake_registry.c
 * links: t/unit/ngx_str_rbtree.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_registry.h"
#include "ngx_ess_registry_declared.h"


static ngx_ess_registry_declared_t  declared[3];


static void
declare(ngx_uint_t i, const char *name, const char *rule)
{
    ngx_memzero(&declared[i], sizeof(ngx_ess_registry_declared_t));

    declared[i].key = key;
    declared[i].kind = &ngx_unit_bound;
    declared[i].attr.declared = 1;
    declared[i].attr.name.data = (u_char *) name;
    declared[i].attr.name.len = strlen(name);
    declared[i].attr.rule.data = (u_char *) rule;
    declared[i].attr.rule.len = strlen(rule);
}


static ngx_uint_t
there(const char *name)
{
    ngx_str_t  text;

    text.data = (u_char *) name;
    text.len = strlen(name);

    return ngx_ess_stream_by_name(zone, &text, &info) == NGX_OK;
}


static void
later(void)
{
    ngx_current_msec += 20000;
    ngx_ess_registry_declared_tick();
}


static void
make(ngx_uint_t n)
{
    ngx_ess_registry_declared_init(zone, declared, n);

    while (n--) {
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(NGX_OK, "");
    }
}


static void
test_made(void **state)
{
    declare(0, "a", "");
    make(1);

    assert_true(there("a"));
    assert_int_equal(info.declared, 1);

    /* all is as it should be */

    later();
    assert_int_equal(waiting(), 0);

    /* so it is for the next worker */

    declare(0, "a", "");
    ngx_ess_registry_declared_init(zone, declared, 1);
    assert_int_equal(waiting(), 0);
    assert_true(there("a"));
}


static void
test_tried_again(void **state)
{
    declare(0, "a", "");
    ngx_ess_registry_declared_init(zone, declared, 1);

    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    assert_int_equal(waiting(), 0);

    ngx_ess_registry_declared_tick();
    assert_int_equal(waiting(), 0);

    later();
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_BUSY, "the broker is away");

    /* half-made: nobody else may have the name, and it is not made twice */

    later();
    assert_int_equal(waiting(), 1);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_false(there("a"));

    later();
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");
    assert_true(there("a"));
}


/* A name that somebody else has, until it is free. */

static void
test_taken(void **state)
{
    ngx_ess_stream_attr_t  attr;

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));
    ngx_str_set(&attr.name, "a");

    assert_int_equal(ngx_ess_registry_create(zone, &key, &ngx_unit_bound, 0,
                                             &attr, NULL, handler, &calls,
                                             &op),
                     NGX_OK);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");
    calls = 0;

    declare(0, "a", "");
    ngx_ess_registry_declared_init(zone, declared, 1);
    later();
    assert_int_equal(waiting(), 0);
    assert_true(there("a"));
    assert_int_equal(info.declared, 0);

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op),
                     NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    later();
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");
    assert_true(there("a"));
    assert_int_equal(info.declared, 1);
}


static void
test_no_more(void **state)
{
    ngx_uint_t  i;

    declare(0, "a", "");
    declare(1, "b", "");
    declare(2, "c", "");

    ngx_ess_registry_declared_init(zone, declared, 3);

    for (i = 0; i < 3; i++) {
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(NGX_OK, "");
    }

    created();

    /* a reload has only the second one, and a new one */

    declare(0, "b", "");
    declare(1, "d", "");
    ngx_ess_registry_declared_init(zone, declared, 2);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");
    ngx_ess_registry_declared_tick();

    assert_int_equal(waiting(), 2);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_false(there("a") && there("c"));
    assert_true(there("a") || there("c"));

    /* not at once, for the store says that each time */

    ngx_ess_registry_declared_tick();
    assert_int_equal(waiting(), 0);

    later();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_false(there("a") || there("c"));
    assert_true(there("b"));
    assert_true(there("d"));
    assert_int_equal(unbound, 2);

    /* none at all: what nobody declares stays */

    ngx_ess_registry_declared_init(zone, declared, 0);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(ngx_ess_stream_declared_count(zone), 0);
    assert_true(visible());

    later();
    assert_int_equal(waiting(), 0);
}


static void
test_changed(void **state)
{
    uint64_t  id;

    declare(0, "a", "routing_key");
    make(1);
    assert_true(there("a"));
    id = info.ref.id;

    declare(0, "a", "json:/region");
    declared[0].attr.log_count = 7;
    ngx_ess_registry_declared_init(zone, declared, 1);

    assert_true(there("a"));
    assert_int_equal(info.ref.id, id);
    assert_int_equal(info.rule_len, 12);
    assert_memory_equal(info.rule, "json:/region", 12);
    assert_int_equal(info.log_count, 7);

    store(NGX_ESS_STORE_ATTR, NGX_OK);

    later();
    assert_int_equal(waiting(), 0);

    /* another key or source is another stream: this one stays */

    declare(0, "a", "json:/region");
    declared[0].attr.log_count = 7;
    ngx_str_set(&declared[0].key, "other");
    ngx_ess_registry_declared_init(zone, declared, 1);
    assert_int_equal(waiting(), 0);
    assert_true(there("a"));
    assert_int_equal(info.key_len, key.len);
}


/* A worker that a reload replaced makes nothing, and deletes nothing. */

static void
test_replaced(void **state)
{
    declare(0, "a", "");
    make(1);

    declare(0, "b", "");
    zone->sh->generation++;
    ngx_ess_registry_declared_init(zone, declared, 1);
    later();

    assert_int_equal(waiting(), 0);
    assert_true(there("a"));
}


#define t(name)  cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        t(test_made),
        t(test_tried_again),
        t(test_taken),
        t(test_no_more),
        t(test_changed),
        t(test_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
