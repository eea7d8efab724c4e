/*
 * Lanes by key: found, held, walked, and gone with the last reference.
 *
 * links: src/subscriber/ngx_ess_lane.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_lane.h"
#include "ngx_ess_zone.h"


#define TEST_KEYS  5000


static ngx_uint_t        test_fail;         /* the nth allocation from now */
static ngx_int_t         test_random;       /* what the kernel says */
static ngx_ess_lanes_t  *test_lanes;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return (test_fail && --test_fail == 0) ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


ngx_int_t
ngx_ess_zone_random(void *p, size_t len, ngx_log_t *log)
{
    ngx_memset(p, 0xa5, len);

    return test_random;
}


static int
test_begin(void **state)
{
    test_fail = 0;
    test_random = NGX_OK;
    test_lanes = NULL;

    return ngx_ess_lane_seed(NULL) != NGX_OK;
}


static ngx_str_t
test_key(ngx_uint_t i)
{
    ngx_str_t    key;
    static char  text[16];

    key.len = (size_t) snprintf(text, sizeof(text), "k%u", (unsigned) i);
    key.data = (u_char *) text;

    return key;
}


static ngx_ess_lane_t *
test_get(ngx_uint_t i)
{
    ngx_str_t  key;

    key = test_key(i);

    return ngx_ess_lane_get(&test_lanes, NULL, &key, NULL);
}


static ngx_ess_lane_t *
test_find(ngx_uint_t i)
{
    ngx_str_t  key;

    key = test_key(i);

    return ngx_ess_lane_find(test_lanes, &key);
}


static void
test_the_hash_grows_and_shrinks_and_goes(void **state)
{
    ngx_uint_t       i;
    ngx_ess_lane_t  *lane;

    assert_null(test_find(0));

    for (i = 0; i < TEST_KEYS; i++) {
        lane = test_get(i);
        assert_non_null(lane);
        assert_int_equal(lane->refs, 1);
        assert_true(ngx_queue_empty(&lane->idle));
    }

    assert_int_equal(test_lanes->n, TEST_KEYS);
    assert_true(test_lanes->nbuckets >= TEST_KEYS);

    for (i = 0; i < TEST_KEYS; i++) {
        lane = test_find(i);
        assert_non_null(lane);
        assert_ptr_equal(test_get(i), lane);
        ngx_ess_lane_release(&test_lanes, lane);
    }

    for (i = 1; i < TEST_KEYS; i++) {
        ngx_ess_lane_release(&test_lanes, test_find(i));
        assert_null(test_find(i));
    }

    assert_non_null(test_get(TEST_KEYS));
    assert_true(test_lanes->nbuckets < TEST_KEYS);

    ngx_ess_lane_release(&test_lanes, test_find(TEST_KEYS));
    assert_non_null(test_lanes);
    ngx_ess_lane_release(&test_lanes, test_find(0));
    assert_null(test_lanes);
}


static void
test_keys_are_bytes(void **state)
{
    ngx_uint_t       i;
    ngx_ess_lane_t  *lane;

    static u_char     longest[255];
    static ngx_str_t  keys[] = {
        ngx_string("a"), ngx_string("a\0"), ngx_string("aa"), ngx_string("b"),
        { sizeof(longest), longest }
    };

    for (i = 0; i < 5; i++) {
        lane = ngx_ess_lane_get(&test_lanes, NULL, &keys[i], NULL);
        assert_int_equal(lane->key_len, keys[i].len);
        assert_memory_equal(ngx_ess_lane_key(lane), keys[i].data, keys[i].len);
    }

    assert_int_equal(test_lanes->n, 5);

    for (i = 0; i < 5; i++) {
        lane = ngx_ess_lane_find(test_lanes, &keys[i]);
        ngx_ess_lane_release(&test_lanes, lane);
    }
}


static void
test_the_empty_key_has_no_lane(void **state)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    assert_non_null(test_get(1));
    assert_null(ngx_ess_lane_find(test_lanes, &none));
    ngx_ess_lane_release(&test_lanes, test_find(1));
}


static void
test_that_of_the_whole_stream_stays(void **state)
{
    ngx_ess_lane_t  lane;

    ngx_ess_lane_init(&lane, NULL);
    ngx_ess_lane_hold(&lane);
    ngx_ess_lane_release(&test_lanes, &lane);
    assert_int_equal(lane.refs, 0);
}


static void
test_count(ngx_ess_lane_t *lane, void *data)
{
    (*(ngx_uint_t *) data)++;
    assert_int_equal(lane->refs, 2);
}


static void
test_release(ngx_ess_lane_t *lane, void *data)
{
    (*(ngx_uint_t *) data)++;
    ngx_ess_lane_release(&test_lanes, lane);
}


static void
test_while_they_are_walked_they_may_go(void **state)
{
    ngx_uint_t  i, n;

    n = 0;
    ngx_ess_lane_each(&test_lanes, test_count, &n);
    assert_int_equal(n, 0);

    for (i = 0; i < 100; i++) {
        assert_non_null(test_get(i));
    }

    ngx_ess_lane_each(&test_lanes, test_count, &n);
    assert_int_equal(n, 100);

    ngx_ess_lane_each(&test_lanes, test_release, &n);
    assert_int_equal(n, 200);
    assert_null(test_lanes);
}


static void
test_those_with_somebody_are_found_until_all_have_left(void **state)
{
    ngx_uint_t       i;
    ngx_queue_t      subs[1000];
    ngx_ess_lane_t  *lane;

    assert_null(ngx_ess_lane_any(test_lanes));

    for (i = 0; i < 1000; i++) {
        lane = test_get(i);
        assert_non_null(lane);
        ngx_queue_insert_tail(&lane->idle, &subs[i]);
    }

    /* one without, which is not found */

    assert_non_null(test_get(1000));

    for (i = 0; i < 1000; i++) {
        lane = ngx_ess_lane_any(test_lanes);
        assert_non_null(lane);

        ngx_queue_remove(ngx_queue_head(&lane->idle));
        ngx_ess_lane_release(&test_lanes, lane);

        assert_true(test_lanes->at < test_lanes->nbuckets);
    }

    assert_null(ngx_ess_lane_any(test_lanes));

    /* wherever the search begins */

    lane = test_get(2);
    ngx_queue_insert_tail(&lane->idle, &subs[2]);
    assert_ptr_equal(ngx_ess_lane_any(test_lanes), lane);

    ngx_ess_lane_release(&test_lanes, lane);
    ngx_ess_lane_release(&test_lanes, test_find(1000));
    assert_null(test_lanes);
}


static void
test_without_memory(void **state)
{
    ngx_uint_t  i;

    /* the lane, the hash, its buckets */

    for (i = 1; i <= 3; i++) {
        test_fail = i;
        assert_null(test_get(1));
        assert_int_equal(test_fail, 0);
        assert_null(test_lanes);
    }

    /* more buckets are not needed */

    for (i = 0; i < 8; i++) {
        assert_non_null(test_get(i));
    }

    test_fail = 2;
    assert_non_null(test_get(8));
    assert_int_equal(test_fail, 0);
    assert_int_equal(test_lanes->nbuckets, 8);

    for (i = 0; i < 9; i++) {
        ngx_ess_lane_release(&test_lanes, test_find(i));
    }

    assert_null(test_lanes);
}


static void
test_without_random_bits(void **state)
{
    test_random = NGX_ERROR;
    assert_int_equal(ngx_ess_lane_seed(NULL), NGX_ERROR);
}


#define TEST(name)  cmocka_unit_test_setup(name, test_begin)


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        TEST(test_the_hash_grows_and_shrinks_and_goes),
        TEST(test_keys_are_bytes),
        TEST(test_the_empty_key_has_no_lane),
        TEST(test_that_of_the_whole_stream_stays),
        TEST(test_while_they_are_walked_they_may_go),
        TEST(test_those_with_somebody_are_found_until_all_have_left),
        TEST(test_without_memory),
        TEST(test_without_random_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
