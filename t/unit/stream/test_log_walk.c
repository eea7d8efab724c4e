/*
 * Which streams get an event with several keys: each once, in order of their
 * ids, also when it is appended in parts and streams go between them.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_random.h"


#define KEYS     6
#define STREAMS  600


static ngx_ess_zone_t         *zone;
static ngx_ess_stream_info_t   streams[STREAMS];
static ngx_uint_t              key_of[STREAMS];     /* KEYS: it is gone */
static uint64_t                right[STREAMS];      /* events */
static ngx_str_t               keys[KEYS];          /* all of one slot */
static u_char                  names[KEYS][NGX_ESS_MAX_KEY];
static uint64_t                print;
static ngx_uint_t              slot;


/* long ones, too, which are kept in two places */

static int
setup(void **state)
{
    ngx_uint_t  i, n;

    zone = ngx_unit_zone(8 * 1024 * 1024);
    print = 1;
    slot = 3;

    for (i = 0, n = 0; n < KEYS; i++) {
        memset(names[n], 'k', sizeof(names[n]));
        keys[n].data = names[n];
        keys[n].len = sprintf((char *) names[n], "%d", (int) i);
        names[n][keys[n].len] = 'k';
        keys[n].len += (n % 2) ? 100 : 0;

        n += (ngx_ess_stream_slot(&keys[n]) == slot);
    }

    return ngx_ess_process_attach(zone, 1, &ngx_unit_log) != NGX_OK;
}


static int
teardown(void **state)
{
    ngx_unit_end(zone);

    return 0;
}


static void
create(ngx_uint_t i, ngx_uint_t key)
{
    key_of[i] = key;
    right[i] = 0;

    assert_int_equal(ngx_ess_table_reserve(zone, &keys[key],
                                           &ngx_unit_bound, 0, NULL,
                                           &streams[i]),
                     NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &streams[i].ref), NGX_OK);
}


static void
drop(ngx_uint_t i)
{
    if (key_of[i] == KEYS) {
        return;
    }

    key_of[i] = KEYS;

    assert_int_equal(ngx_ess_table_delete_begin(zone, &streams[i].ref),
                     NGX_OK);
    ngx_ess_table_remove(zone, &streams[i].ref);
}


/* in each stream that is there are as many events as there should be */

static void
check(ngx_uint_t n)
{
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info;

    for (i = 0; i < n; i++) {

        if (key_of[i] == KEYS) {
            continue;
        }

        assert_int_equal(ngx_ess_stream_by_id(zone, streams[i].ref.id, &info),
                         NGX_OK);
        assert_int_equal(info.last_ordinal, right[i]);
    }
}


static ngx_int_t
append(ngx_ess_event_t *event, ngx_uint_t force)
{
    ngx_int_t       rc;
    ngx_str_t       key;
    ngx_ess_wake_t  wake;

    ngx_memzero(&wake, sizeof(wake));
    ngx_str_set(&key, "of any other slot");
    ngx_str_set(&event->body, "hello");

    ngx_ess_zone_lock(zone);
    rc = ngx_unit_append_locked(zone, slot, &key, event, print, force,
                                &wake);
    ngx_ess_zone_unlock(zone);

    return rc;
}


static void
test_each_once(void **state)
{
    ngx_uint_t           i;
    ngx_ess_event_t      event;
    ngx_ess_event_key_t  ks[4];

    for (i = 0; i < 12; i++) {
        create(i, i * 5 % 4);
    }

    /* twice the same, and one that no stream has */

    for (i = 0; i < 4; i++) {
        assert_int_equal(ngx_ess_stream_event_key(&ks[i],
                                                  &keys[(i * 5 + 2) % 8 % 5]),
                         slot);
    }

    assert_ptr_equal(ks[0].key.data, keys[2].data);
    assert_ptr_equal(ks[1].key.data, keys[2].data);
    assert_ptr_equal(ks[2].key.data, keys[4].data);
    assert_ptr_equal(ks[3].key.data, keys[1].data);

    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    event.keys = ks;
    event.nkeys = 4;

    assert_int_equal(append(&event, 1), 6);

    for (i = 0; i < 12; i++) {
        right[i] = (key_of[i] == 1 || key_of[i] == 2);
    }

    check(12);

    /* for one of them only; and without a key of the slot for none */

    for (i = 0; i < 4; i++) {
        ks[i].from = 0;
    }

    print++;
    event.uuid = streams[2].uuid;
    right[2]++;
    assert_int_equal(key_of[2], 2);
    assert_int_equal(append(&event, 1), 6);
    check(12);

    event.uuid = NULL;
    event.nkeys = 0;
    assert_int_equal(append(&event, 1), 0);
    check(12);
}


/* in many holds of the mutex, between which streams go */

static void
test_holds(void **state)
{
    ngx_int_t              rc;
    ngx_uint_t             i, j, n, nkeys, holds;
    uint64_t               seen[STREAMS];
    ngx_ess_event_t        event;
    ngx_ess_event_key_t    ks[KEYS * 40];

    holds = 0;

    for (i = 0; i < STREAMS; i++) {
        create(i, random_below(KEYS));
    }

    for (n = 0; n < 200; n++) {

        nkeys = 1 + random_below(n % 10 ? KEYS : KEYS * 40);

        for (i = 0; i < nkeys; i++) {
            (void) ngx_ess_stream_event_key(&ks[i],
                                            &keys[random_below(KEYS)]);
        }

        for (i = 0; i < STREAMS; i++) {
            seen[i] = right[i];

            for (j = 0; j < nkeys; j++) {

                if (key_of[i] < KEYS && ks[j].key.data == keys[key_of[i]].data)
                {
                    right[i] = seen[i] + 1;
                }
            }
        }

        ngx_memzero(&event, sizeof(ngx_ess_event_t));
        event.keys = ks;
        event.nkeys = nkeys;
        print++;

        while ((rc = append(&event, 0)) == NGX_BUSY) {
            holds++;
            assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

            /* the one that would be next, and others */

            for (i = 0; i < STREAMS; i++) {

                if (streams[i].ref.id == ks[0].id
                    || random_below(99) == 0)
                {
                    drop(i);
                }
            }
        }

        assert_true(rc >= 0);
        check(STREAMS);

        for (i = 0; i < STREAMS; i++) {

            if (key_of[i] == KEYS) {
                create(i, random_below(KEYS));
            }
        }
    }

    assert_true(holds > 200);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holds, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
