/*
 * Streams looked up by id, uuid and key, and walked past one that is gone.
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


#define STREAMS  5


static ngx_str_t              key = ngx_string("abc");
static ngx_str_t              other = ngx_string("def");
static ngx_ess_zone_t        *zone;
static ngx_ess_stream_info_t  streams[STREAMS];


static int
setup(void **state)
{
    ngx_uint_t  i;

    zone = ngx_unit_zone(1024 * 1024);

    if (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < STREAMS; i++) {
        if (ngx_ess_table_reserve(zone, (i == 2) ? &other : &key,
                                  &ngx_unit_bound, 0, NULL, &streams[i])
            != NGX_OK
            || ngx_ess_table_show(zone, &streams[i].ref) != NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_free(zone);

    return 0;
}


static uint64_t
id_of(ngx_ess_seg_t i)
{
    return i ? ngx_ess_zone_stream(zone->sh, i)->id : 0;
}


static void
delete(ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_delete_begin(zone, &info->ref), NGX_OK);
    ngx_ess_table_remove(zone, &info->ref);
}


static void
test_one(void **state)
{
    ngx_ess_zone_sh_t     *sh;
    ngx_ess_stream_ref_t  *ref;

    sh = zone->sh;
    ref = &streams[1].ref;

    assert_true(id_of(ngx_ess_lookup_id_locked(sh, ref->id)) == ref->id);
    assert_true(id_of(ngx_ess_lookup_uuid_locked(sh, streams[1].uuid))
                == ref->id);
    assert_true(id_of(ngx_ess_lookup_ref_locked(sh, ref->id, ref->epoch))
                == ref->id);

    /* another life of the log */

    assert_int_equal(ngx_ess_lookup_ref_locked(sh, ref->id, ref->epoch + 1),
                     0);

    delete(&streams[1]);

    assert_int_equal(ngx_ess_lookup_id_locked(sh, ref->id), 0);
    assert_int_equal(ngx_ess_lookup_uuid_locked(sh, streams[1].uuid), 0);
}


static void
test_walk(void **state)
{
    ngx_uint_t               n;
    ngx_ess_seg_t            i;
    ngx_ess_lookup_cursor_t  c;

    /* the one that the walk stands on goes meanwhile */

    delete(&streams[1]);

    c.id = streams[1].ref.id;
    c.buckets = 0;

    for (n = 2; n < STREAMS; n++) {
        assert_int_equal(ngx_ess_lookup_after_locked(zone->sh, &c, &i),
                         NGX_OK);
        assert_true(id_of(i) == streams[n].ref.id);

        c.id = id_of(i);
    }

    assert_int_equal(ngx_ess_lookup_after_locked(zone->sh, &c, &i), NGX_OK);
    assert_int_equal(i, 0);
}


static void
test_key(void **state)
{
    uint32_t       hash;
    uint64_t       sought;
    ngx_uint_t     n, looks;
    ngx_ess_seg_t  i;

    hash = ngx_ess_lookup_key_hash(&key);
    i = 0;

    for (n = 0; n < STREAMS; n++) {
        if (n == 2) {
            continue;
        }

        i = ngx_ess_lookup_key_locked(zone->sh, &key, hash, i);
        assert_true(id_of(i) == streams[n].ref.id);
    }

    assert_int_equal(ngx_ess_lookup_key_locked(zone->sh, &key, hash, i), 0);

    /* behind one that is gone */

    delete(&streams[1]);

    sought = 0;
    looks = NGX_ESS_LOOKUP_LOOKS;

    assert_int_equal(ngx_ess_lookup_key_after_locked(zone->sh, &key, hash,
                                                     streams[1].ref.id,
                                                     &sought, &looks, &i),
                     NGX_OK);
    assert_true(id_of(i) == streams[3].ref.id);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
