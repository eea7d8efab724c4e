/*
 * Lists through segments: at both ends, in between, without a tail, and as a
 * ring.
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
#include "ngx_ess_list.h"


#define N  4


static ngx_ess_zone_t  *zone;
static ngx_ess_seg_t    head, tail;
static ngx_ess_seg_t    segs[N];


static int
setup(void **state)
{
    ngx_uint_t     i;
    ngx_ess_seg_t  last;

    zone = ngx_unit_zone(1024 * 1024);

    ngx_ess_zone_lock(zone);

    for (i = 0; i < N; i++) {
        segs[i] = ngx_ess_zone_take_locked(zone->sh, 1, &last);
        ngx_memset(ngx_ess_zone_seg(zone->sh, segs[i]), 0xff,
                   NGX_ESS_SEGMENT_SIZE);
    }

    ngx_ess_journal_commit_locked(zone->sh);

    head = 0;
    tail = 0;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_zone_unlock(zone);
    ngx_unit_free(zone);

    return 0;
}


/* Between these two, 0: at an end. */

static void
put(ngx_uint_t i, ngx_ess_seg_t prev, ngx_ess_seg_t next)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(zone->sh, segs[i]);
    s->prev = prev;
    s->next = next;

    ngx_ess_list_link_locked(zone->sh, &ngx_ess_list_streams, &head, &tail,
                             segs[i]);
}


static void
drop(ngx_uint_t i)
{
    ngx_ess_list_unlink_locked(zone->sh, &ngx_ess_list_streams, &head, &tail,
                               segs[i]);
}


/* The list has these, in that order and in the other one. */

static void
expect(const char *order)
{
    ngx_uint_t         n;
    ngx_ess_seg_t      i, prev;
    ngx_ess_stream_t  *s;

    prev = 0;
    n = 0;

    for (i = head; i; i = s->next) {
        assert_true(order[n] != '\0');
        assert_int_equal(i, segs[order[n++] - '0']);

        s = ngx_ess_zone_stream(zone->sh, i);
        assert_int_equal(s->prev, prev);
        prev = i;
    }

    assert_int_equal(order[n], '\0');
    assert_int_equal(tail, prev);
}


static void
test_ends(void **state)
{
    put(0, 0, 0);
    expect("0");

    put(1, segs[0], 0);
    expect("01");

    put(2, 0, segs[0]);
    expect("201");

    put(3, segs[0], segs[1]);
    expect("2031");

    drop(0);
    expect("231");
    drop(2);
    expect("31");
    drop(1);
    expect("3");
    drop(3);
    expect("");
}


static void
test_push(void **state)
{
    ngx_uint_t         i;
    ngx_ess_stream_t  *s;

    for (i = 0; i < N; i++) {
        ngx_ess_list_push_locked(zone->sh, &ngx_ess_list_want, &head,
                                 segs[i]);
    }

    /* the last one is the first */

    assert_int_equal(head, segs[N - 1]);

    for (i = N - 1; i; i--) {
        s = ngx_ess_zone_stream(zone->sh, segs[i]);
        assert_int_equal(s->want_next, segs[i - 1]);
        assert_int_equal(s->want_prev, (i == N - 1) ? 0 : segs[i + 1]);
    }

    /* the end, which no word names */

    ngx_ess_list_unlink_locked(zone->sh, &ngx_ess_list_want, &head, NULL,
                               segs[0]);
    assert_int_equal(ngx_ess_zone_stream(zone->sh, segs[1])->want_next, 0);

    for (i = N - 1; i; i--) {
        ngx_ess_list_unlink_locked(zone->sh, &ngx_ess_list_want, &head, NULL,
                                   segs[i]);
    }

    assert_int_equal(head, 0);
}


static void
test_ring(void **state)
{
    ngx_ess_stream_t  *one, *two;

    one = ngx_ess_zone_stream(zone->sh, segs[0]);
    two = ngx_ess_zone_stream(zone->sh, segs[1]);

    one->key_prev = segs[0];
    one->key_next = segs[0];
    ngx_ess_list_link_locked(zone->sh, &ngx_ess_list_keys, NULL, NULL,
                             segs[0]);
    assert_int_equal(one->key_next, segs[0]);

    two->key_prev = segs[0];
    two->key_next = segs[0];
    ngx_ess_list_link_locked(zone->sh, &ngx_ess_list_keys, NULL, NULL,
                             segs[1]);

    assert_int_equal(one->key_next, segs[1]);
    assert_int_equal(one->key_prev, segs[1]);

    ngx_ess_list_unlink_locked(zone->sh, &ngx_ess_list_keys, NULL, NULL,
                               segs[0]);

    assert_int_equal(two->key_next, segs[1]);
    assert_int_equal(two->key_prev, segs[1]);
}


static void
test_undone(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_list_push_locked(sh, &ngx_ess_list_want, &sh->want, segs[0]);
    ngx_ess_journal_commit_locked(sh);

    ngx_ess_list_push_locked(sh, &ngx_ess_list_want, &sh->want, segs[1]);
    ngx_ess_list_unlink_locked(sh, &ngx_ess_list_want, &sh->want, NULL,
                               segs[0]);
    assert_int_equal(sh->want, segs[1]);

    /* it died */

    ngx_ess_journal_rollback_locked(sh);

    assert_int_equal(sh->want, segs[0]);
    assert_int_equal(ngx_ess_zone_stream(sh, segs[0])->want_prev, 0);
    assert_int_equal(ngx_ess_zone_stream(sh, segs[0])->want_next, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_push, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undone, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
