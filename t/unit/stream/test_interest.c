/*
 * Interest in streams: of which processes, and in closed ones.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/many_streams.c
 */


#include "many_streams.h"


static ngx_str_t               key = ngx_string("abc");
static uint32_t                number;


/* a long log of a closed stream goes in pieces */

static void
test_closed(void **state)
{
    uint64_t               seq, next;
    ngx_uint_t             i, total, nfree, before;
    ngx_ess_wake_t         wake;
    ngx_ess_stream_info_t  info;

    ngx_memzero(&wake, sizeof(wake));

    ngx_ess_zone_room(zone, &before, &total);
    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &info), NGX_OK);
    ngx_ess_table_remove(zone, &info.ref);

    assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[9].ref, NULL,
                                                &seq, &next, &number),
                     NGX_OK);

    for (i = 0; i < 700; i++) {
        append(9, &wake);
    }

    assert_int_equal(ngx_ess_table_delete_begin(zone, &streams[9].ref),
                     NGX_OK);
    ngx_ess_table_remove(zone, &streams[9].ref);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    ngx_ess_interest_unsubscribe(zone, &streams[9].ref);

    for (i = 0; i < 700; i++) {
        append(10, &wake);
    }

    assert_int_equal(ngx_ess_table_delete_begin(zone, &streams[10].ref),
                     NGX_OK);
    ngx_ess_table_remove(zone, &streams[10].ref);

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_int_equal(nfree, before + 2);
}


/* who has an interest: processes, until their last subscriber leaves */

static void
test_processes(void **state)
{
    uint64_t               seq, next;
    ngx_uint_t             p;
    ngx_ess_wake_t         procs;
    ngx_ess_stream_ref_t  *ref;

    ref = &streams[3].ref;

    for (p = 2; p <= 5; p += 3) {
        zone->proc = p;
        assert_false(ngx_ess_interest_subscribed(zone, ref));
        assert_int_equal(ngx_ess_interest_subscribe(zone, ref, NULL, &seq,
                                                    &next, &number),
                         NGX_OK);
        assert_true(ngx_ess_interest_subscribed(zone, ref));
    }

    assert_int_equal(ngx_ess_interest_subscribe(zone, ref, NULL, &seq, &next,
                                                &number),
                     NGX_OK);
    assert_int_equal(number, 3);

    ngx_ess_interest_procs(zone, ref, &procs);
    assert_int_equal(procs.procs[0], 1 << 2 | 1 << 5);

    ngx_ess_interest_unsubscribe(zone, ref);
    assert_true(ngx_ess_interest_subscribed(zone, ref));
    ngx_ess_interest_unsubscribe(zone, ref);
    assert_false(ngx_ess_interest_subscribed(zone, ref));

    ngx_ess_interest_procs(zone, ref, &procs);
    assert_int_equal(procs.procs[0], 1 << 2);

    zone->proc = 2;
    ngx_ess_interest_unsubscribe(zone, ref);
    ngx_ess_interest_procs(zone, ref, &procs);
    assert_int_equal(procs.procs[0], 0);
}


static void
test_many_of_one_client(void **state)
{
    uint64_t                   seq, next;
    ngx_uint_t                 i;
    ngx_ess_stream_ref_t       refs[100];
    ngx_ess_interest_entry_t   entries[100];

    ngx_memzero(entries, sizeof(entries));

    /* the last one is not there; each is told by itself */

    for (i = 0; i < 100; i++) {
        refs[i] = streams[20 + i % 50].ref;
        entries[i].ref = refs[i];
        entries[i].again = (i >= 50);
    }

    entries[99].ref.epoch++;

    ngx_ess_interest_subscribe_many(zone, entries, 100);

    for (i = 0; i < 99; i++) {
        assert_int_equal(entries[i].rc, NGX_OK);
        assert_int_equal(entries[i].ordinal, entries[i % 50].ordinal);
    }

    assert_int_equal(entries[99].rc, NGX_DECLINED);

    /* one more of each, and the client counts once */

    for (i = 0; i < 50; i++) {
        assert_int_equal(ngx_ess_interest_subscribe(zone, &refs[i], NULL, &seq,
                                                    &next, &number),
                         NGX_OK);
        assert_int_equal(number, entries[i].number + 1);
        ngx_ess_interest_unsubscribe(zone, &refs[i]);
        assert_true(ngx_ess_interest_subscribed(zone, &refs[i]));
    }

    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    ngx_ess_interest_unsubscribe_many(zone, refs, 50);

    for (i = 0; i < 50; i++) {
        assert_false(ngx_ess_interest_subscribed(zone, &refs[i]));
    }

    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_closed,
                                        many_streams_setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_processes,
                                        many_streams_setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_many_of_one_client,
                                        many_streams_setup,
                                        many_streams_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
