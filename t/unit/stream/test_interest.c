/*
 * Interest in streams: closed ones, and how many subscribers there may be.
 *
 * links: src/stream/ngx_ess_*.c t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


#define STREAMS  600


static ngx_str_t               key = ngx_string("abc");
static ngx_ess_zone_t         *zone;
static ngx_ess_stream_info_t   streams[STREAMS];
static uint32_t                number;
static uint64_t                first[NGX_ESS_DIRTY];


static ngx_str_t *
key_of(ngx_uint_t i)
{
    static u_char     text[16];
    static ngx_str_t  k;

    k.data = text;
    k.len = snprintf((char *) text, sizeof(text), "k%d", (int) i);

    return &k;
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    zone = ngx_unit_zone(1024 * 1024);

    if (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < STREAMS; i++) {
        if (ngx_ess_table_reserve(zone, key_of(i),
                                  &ngx_unit_bound, 0, &streams[i]) != NGX_OK
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
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    ngx_unit_free(zone);

    return faults != 0;
}


static void
append(ngx_uint_t i, ngx_ess_wake_t *wake)
{
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "x");
    event.timestamp = 1;

    ngx_ess_zone_lock(zone);
    assert_int_equal(
        ngx_unit_append_locked(zone, ngx_ess_stream_slot(key_of(i)),
                               key_of(i), &event, 1, 0, wake), 1);
    ngx_ess_zone_unlock(zone);
}


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
                                           &ngx_unit_bound, 0, &info), NGX_OK);
    ngx_ess_table_release(zone, &info.ref);

    assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[9].ref, NULL,
                                                &seq, &next, &number),
                     NGX_OK);

    for (i = 0; i < 700; i++) {
        append(9, &wake);
    }

    assert_int_equal(ngx_ess_table_delete_begin(zone, &streams[9].ref),
                     NGX_OK);
    ngx_ess_table_delete_commit(zone, &streams[9].ref);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    ngx_ess_interest_unsubscribe(zone, &streams[9].ref);

    for (i = 0; i < 700; i++) {
        append(10, &wake);
    }

    assert_int_equal(ngx_ess_table_delete_begin(zone, &streams[10].ref),
                     NGX_OK);
    ngx_ess_table_delete_commit(zone, &streams[10].ref);

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_int_equal(nfree, before + 2);
}


static ngx_uint_t
subscribers(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_stream_info_t  info;

    assert_int_equal(ngx_ess_stream_by_id(zone, ref->id, &info), NGX_OK);

    return info.subscribers;
}


/* Who was told to close those below which number; 0: nobody was. */

static uint64_t
told(ngx_uint_t p)
{
    ngx_uint_t            overflow;
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    zone->proc = p;
    ngx_ess_zone_lock(zone);

    if (ngx_ess_wake_take_locked(zone, refs, first, &overflow) == 0) {
        first[0] = 0;
    }

    ngx_ess_zone_unlock(zone);

    return first[0];
}


static ngx_int_t
enter(ngx_uint_t p, ngx_ess_interest_limit_t *limit)
{
    uint64_t  seq, next;

    zone->proc = p;

    return ngx_ess_interest_subscribe(zone, &streams[7].ref, limit, &seq, &next,
                                      &number);
}


/* as many subscribers as a stream may have, over two processes */

static void
test_limit(void **state)
{
    ngx_ess_stream_ref_t     *ref;
    ngx_ess_interest_limit_t  limit;

    ref = &streams[7].ref;
    limit.max = 2;
    limit.replace = 0;

    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(number, 1);
    assert_int_equal(enter(5, &limit), NGX_OK);
    assert_int_equal(number, 2);
    assert_int_equal(enter(5, &limit), NGX_BUSY);
    assert_int_equal(enter(9, &limit), NGX_BUSY);
    assert_int_equal(told(2), 0);

    /* the first one is to leave, and does not count from now on */

    limit.replace = 1;
    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(number, 3);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(2), 2);
    assert_int_equal(told(5), 2);
    assert_int_equal(told(9), 0);

    /* who was told is told no more, whatever else the stream has */

    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(number, 4);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(5), 3);
    assert_int_equal(told(5), 0);

    /* those that were closed leave */

    ngx_ess_interest_unsubscribe(zone, ref);
    zone->proc = 2;
    ngx_ess_interest_unsubscribe(zone, ref);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    /* one leaves by itself: there is room for one */

    zone->proc = 9;
    ngx_ess_interest_unsubscribe(zone, ref);
    assert_int_equal(subscribers(ref), 1);
    assert_int_equal(told(9), 3);
    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(subscribers(ref), 2);
    assert_int_equal(told(9), 0);

    /* no limit; then one of which there are many more */

    assert_int_equal(enter(2, NULL), NGX_OK);
    assert_int_equal(enter(2, NULL), NGX_OK);
    assert_int_equal(subscribers(ref), 4);
    assert_int_equal(enter(2, &limit), NGX_OK);
    assert_int_equal(number, 8);
    assert_int_equal(told(9), 7);
    assert_int_equal(subscribers(ref), 2);
    zone->proc = 2;
}


/* whoever cannot be told of it keeps its place */

static void
test_limit_of_one_who_is_behind(void **state)
{
    uint64_t                  seq, next;
    ngx_uint_t                i;
    ngx_ess_interest_limit_t  limit;
    ngx_ess_wake_t            wake;

    ngx_memzero(&wake, sizeof(wake));
    limit.max = 1;
    limit.replace = 1;

    for (i = 0; i < STREAMS; i++) {
        assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[i].ref, NULL,
                                                    &seq, &next, &number),
                         NGX_OK);
        if (i != 7 && i < NGX_ESS_DIRTY + 1) {
            append(i, &wake);
        }
    }

    assert_int_equal(ngx_ess_zone_proc(zone->sh, 2)->ndirty, NGX_ESS_DIRTY);
    assert_int_equal(enter(9, &limit), NGX_BUSY);
    assert_int_equal(subscribers(&streams[7].ref), 1);
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    assert_int_equal(told(2), 0);
    assert_int_equal(enter(9, &limit), NGX_OK);
    assert_int_equal(told(2), 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_one_who_is_behind,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
