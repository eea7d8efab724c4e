/*
 * Ids as few bytes: what was packed comes out again, what does not fit is told,
 * and so is what is broken.
 *
 * links: src/api/ngx_ess_publish_ids.c t/unit/ngx_pool.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_publish_ids.h"


void ngx_unit_pool_free(void);


#define ROOM  184
#define MAX   10000


static u_char              buf[ROOM];
static ngx_ess_event_id_t  ids[MAX + 1];


/* Each event to so many streams; a run of ordinals ends behind each "run". */

static ngx_uint_t
fill(ngx_uint_t streams, ngx_uint_t events, ngx_uint_t run)
{
    ngx_uint_t  i, s;

    for (i = 0; i < events; i++) {
        for (s = 0; s < streams; s++) {
            ids[i * streams + s].epoch = 0xfedcba9876543210 + s;
            ids[i * streams + s].ordinal = 1 + s * 1000000 + i
                                           + 3 * (i / run);
        }
    }

    return streams * events;
}


static size_t
pack(ngx_uint_t n)
{
    memset(buf, 0, sizeof(buf));

    return ngx_ess_publish_ids_pack(buf, ROOM, ids, n);
}


static void
good(ngx_uint_t streams, ngx_uint_t events, ngx_uint_t run)
{
    size_t               len, i;
    ngx_uint_t           n, out;
    ngx_ess_event_id_t  *got;

    n = fill(streams, events, run);
    len = pack(n);
    assert_true(len > 0 && len <= ROOM);

    assert_int_equal(ngx_ess_publish_ids_unpack(NULL, buf, len, &got, &out),
                     NGX_OK);
    assert_int_equal(out, n);
    assert_memory_equal(got, ids, n * sizeof(ngx_ess_event_id_t));

    for (i = 0; i < len; i++) {
        assert_int_equal(ngx_ess_publish_ids_unpack(NULL, buf, i, &got, &out),
                         NGX_DECLINED);
        assert_int_equal(ngx_ess_publish_ids_pack(buf, i, ids, n), 0);
        (void) pack(n);
    }

    ngx_unit_pool_free();
}


static void
test_there_and_back(void **state)
{
    good(1, 1, 1);
    good(1, MAX, MAX);
    good(1, 1000, 256);
    good(1, 40, 1);
    good(2, 5000, 1000);
    good(12, 600, 600);
    good(12, 1, 1);

    ids[0].epoch = 0;
    ids[0].ordinal = UINT64_MAX;
    assert_int_equal(pack(1), 1 + 1 + 8 + 10 + 1);
}


static void
test_what_does_not_fit(void **state)
{
    assert_int_equal(pack(0), 0);
    assert_int_equal(pack(fill(1, 1000, 1)), 0);
    assert_int_equal(pack(fill(30, 1, 1)), 0);
    assert_int_equal(pack(fill(300, 2, 2)), 0);

    /* a stream that came, or went, between two events */

    (void) fill(2, 3, 3);
    assert_int_equal(pack(5), 0);
    ids[3].epoch++;
    assert_int_equal(pack(6), 0);
}


static void
test_broken(void **state)
{
    size_t               i, k, len;
    ngx_uint_t           n;
    ngx_ess_event_id_t  *got;

    len = pack(fill(2, 3, 2));

    for (i = 0; i < len; i++) {
        for (k = 1; k < 256; k++) {
            buf[i] ^= (u_char) k;

            if (ngx_ess_publish_ids_unpack(NULL, buf, len, &got, &n) == NGX_OK)
            {
                assert_true(n && n <= MAX);
            }

            buf[i] ^= (u_char) k;
            ngx_unit_pool_free();
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
