/*
 * The zone: reloads, its directive, its least size.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"


static ngx_str_t  key = ngx_string("abc");


static void
test_reload(void **state)
{
    ngx_ess_zone_t        *zone, *next;
    ngx_ess_stream_info_t  a, info;

    zone = make(1024 * 1024);
    assert_true(zone->fresh);
    create(zone, &key, &a);

    next = ngx_unit_reload(zone);
    assert_false(next->fresh);
    assert_ptr_equal(next->sh, zone->sh);
    assert_int_equal(ngx_ess_stream_by_id(next, a.ref.id, &info), NGX_OK);

    assert_int_equal(ngx_ess_zone_generation(zone), zone->generation);
    ngx_ess_zone_new_generation(next);
    assert_true(ngx_ess_zone_generation(zone) > zone->generation);

    ngx_unit_free_handle(next);
    done(zone);
}


static void
test_add(void **state)
{
    char            *rv;
    ngx_conf_t       cf;
    ngx_str_t        name = ngx_string("streams");
    ngx_cycle_t      cycle, old;
    ngx_shm_zone_t   zones[2];
    ngx_ess_zone_t   zone;

    ngx_memzero(&cf, sizeof(cf));
    ngx_memzero(&cycle, sizeof(cycle));
    ngx_memzero(&old, sizeof(old));
    ngx_memzero(zones, sizeof(zones));

    cf.cycle = &cycle;
    cycle.old_cycle = &old;

    ngx_memzero(&zone, sizeof(zone));
    rv = ngx_ess_zone_add(&cf, &zone, &name, 4096 * 1024);
    assert_ptr_equal(rv, NGX_CONF_OK);
    assert_int_equal(zone.shm_zone->shm.size, 4096 * 1024);

    old.shared_memory.part.elts = zones;
    old.shared_memory.part.nelts = 2;
    zones[0].shm.name = name;
    zones[0].shm.size = 77;
    zones[1].shm.name = name;
    zones[1].shm.size = 2048 * 1024;
    zones[1].tag = &ngx_ess_module;

    ngx_memzero(&zone, sizeof(zone));
    rv = ngx_ess_zone_add(&cf, &zone, &name, 4096 * 1024);
    assert_ptr_equal(rv, NGX_CONF_OK);
    assert_int_equal(zone.shm_zone->shm.size, 2048 * 1024);
    assert_int_equal(zone.proc, NGX_ESS_PROCS);
}


static void
test_min_size(void **state)
{
    size_t                 size, event;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;

    for (event = 1024; event <= 64 * 1024 * 1024; event *= 4) {
        size = ngx_ess_zone_min_size(event);
        assert_true(size >= 1024 * 1024 && size < 4 * event + 2 * 1024 * 1024);

        zone = make(size - 8192);
        zone->max_event = event;
        create(zone, &key, &info);
        done(zone);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_min_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
