/*
 * Labels of streams: one for each, with a number of its own.
 *
 * links: src/subscriber/ngx_ess_label.c t/unit/ngx_rbtree.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_label.h"
#include "ngx_ess_stream.h"


#define TEST_LABELS  1000


static ngx_uint_t      test_no_memory;
static ngx_uint_t      test_no_random;
static ngx_uint_t      test_randoms;        /* numbers that were asked for */
static ngx_ess_zone_t  test_zone;


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_no_memory ? NULL : calloc(1, size);
}


/* Each number comes twice. */

ngx_int_t
ngx_ess_zone_random(void *p, size_t len, ngx_log_t *log)
{
    uint32_t  number;

    assert_int_equal(len, sizeof(uint32_t));

    number = (uint32_t) (test_randoms++ / 2) * 2654435761u;
    ngx_memcpy(p, &number, len);

    return test_no_random ? NGX_ERROR : NGX_OK;
}


/* That with the id 7 has a name, that with 8 is gone. */

ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    assert_ptr_equal(zone, &test_zone);
    ngx_memset(info, 0xff, sizeof(ngx_ess_stream_info_t));

    if (id == 8) {
        return NGX_DECLINED;
    }

    info->name_len = (id == 7) ? 4 : 0;
    ngx_memcpy(info->name, "room", 4);

    return NGX_OK;
}


static int
test_begin(void **state)
{
    test_no_memory = 0;
    test_no_random = 0;
    test_randoms = 0;
    ngx_ess_label_init(&test_zone);

    return 0;
}


static int
test_compare(const void *one, const void *two)
{
    const ngx_ess_label_t  *a, *b;

    a = *(ngx_ess_label_t *const *) one;
    b = *(ngx_ess_label_t *const *) two;

    return (a->number < b->number) ? -1 : a->number > b->number;
}


static void
test_each_stream_has_one_with_its_own_number(void **state)
{
    ngx_uint_t              i;

    static ngx_ess_label_t  *labels[TEST_LABELS];

    for (i = 0; i < TEST_LABELS; i++) {
        labels[i] = ngx_ess_label_get(i * 37 % TEST_LABELS, NULL);
        assert_non_null(labels[i]);
        assert_ptr_equal(ngx_ess_label_get(i * 37 % TEST_LABELS, NULL),
                         labels[i]);
    }

    for (i = 0; i < TEST_LABELS; i++) {
        ngx_ess_label_release(labels[i]);
        assert_ptr_equal(ngx_ess_label_get(i * 37 % TEST_LABELS, NULL),
                         labels[i]);
    }

    qsort(labels, TEST_LABELS, sizeof(ngx_ess_label_t *), test_compare);

    for (i = 1; i < TEST_LABELS; i++) {
        assert_true(labels[i - 1]->number < labels[i]->number);
    }

    for (i = 0; i < TEST_LABELS; i++) {
        ngx_ess_label_release(labels[i]);
        ngx_ess_label_release(labels[i]);
    }
}


static void
test_the_name_of_the_stream(void **state)
{
    ngx_uint_t        i;
    ngx_ess_label_t  *label;

    for (i = 6; i <= 8; i++) {
        label = ngx_ess_label_get(i, NULL);
        assert_non_null(label);
        assert_int_equal(label->name.len, i == 7 ? 4 : 0);
        assert_memory_equal(label->name.data, "room", label->name.len);
        ngx_ess_label_release(label);
    }

    ngx_ess_label_release(NULL);
}


static void
test_without_memory_or_random_bits(void **state)
{
    test_no_memory = 1;
    assert_null(ngx_ess_label_get(1, NULL));

    test_no_memory = 0;
    test_no_random = 1;
    assert_null(ngx_ess_label_get(1, NULL));
}


#define TEST(name)  cmocka_unit_test_setup(name, test_begin)


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        TEST(test_each_stream_has_one_with_its_own_number),
        TEST(test_the_name_of_the_stream),
        TEST(test_without_memory_or_random_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
