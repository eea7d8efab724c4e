/*
 * A response is collected: what grows, what is too large, where it ends.
 *
 * links: src/request/ngx_ess_request_collect.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_request_collect.h"


#define MAX  20000


static ngx_ess_request_collect_t  test;
static off_t                      test_taken;
static size_t                     test_allocated;    /* the last time */
static ngx_uint_t                 test_no_memory;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    test_allocated = size;

    return test_no_memory ? NULL : malloc(size);
}


static int
setup(void **state)
{
    ngx_memzero(&test, sizeof(test));
    test.max = MAX;
    test_taken = 0;
    test_allocated = 0;
    test_no_memory = 0;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_request_collect_free(&test);

    assert_null(test.body.data);
    assert_int_equal(test.size, 0);

    return 0;
}


static void
buffer(ngx_chain_t *cl, ngx_buf_t *b, u_char *data, size_t len, ngx_uint_t last)
{
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->pos = data;
    b->last = data + len;
    b->memory = (len != 0);
    b->last_buf = last;

    cl->buf = b;
    cl->next = NULL;
}


static ngx_int_t
add(size_t len, off_t expected, ngx_uint_t last)
{
    ngx_int_t    rc;
    ngx_buf_t    b;
    ngx_chain_t  cl;

    static u_char  data[MAX + 1];

    memset(data, 'a', sizeof(data));
    buffer(&cl, &b, data, len, last);

    rc = ngx_ess_request_collect(&test, &cl, expected, &test_taken, NULL);

    if (rc == NGX_OK) {
        assert_ptr_equal(b.pos, b.last);
    }

    return rc;
}


static void
test_whole(void **state)
{
    assert_int_equal(add(0, -1, 0), NGX_OK);
    assert_int_equal(add(5, -1, 0), NGX_OK);
    assert_int_equal(test.last, 0);
    assert_int_equal(add(7, -1, 1), NGX_OK);
    assert_int_equal(test.last, 1);
    assert_int_equal(test_taken, 12);

    /* behind the end: taken, and dropped */

    assert_int_equal(add(3, -1, 1), NGX_OK);
    assert_int_equal(test_taken, 15);

    assert_int_equal(test.body.len, 12);
    assert_memory_equal(test.body.data, "aaaaaaaaaaaa", 12);
}


static void
test_empty(void **state)
{
    assert_int_equal(add(0, 0, 1), NGX_OK);
    assert_int_equal(test.last, 1);
    assert_int_equal(test.body.len, 0);
    assert_int_equal(test_allocated, 0);
}


static void
test_chain(void **state)
{
    ngx_buf_t    b[3];
    ngx_chain_t  cl[3];

    buffer(&cl[0], &b[0], (u_char *) "abc", 3, 0);
    buffer(&cl[1], &b[1], NULL, 0, 0);
    buffer(&cl[2], &b[2], (u_char *) "de", 2, 1);

    b[0].in_file = 1;
    b[0].file_last = 3;
    b[1].flush = 1;

    cl[0].next = &cl[1];
    cl[1].next = &cl[2];

    assert_int_equal(ngx_ess_request_collect(&test, cl, -1, &test_taken, NULL),
                     NGX_OK);

    assert_int_equal(test.body.len, 5);
    assert_memory_equal(test.body.data, "abcde", 5);
    assert_int_equal(test.last, 1);
    assert_int_equal(b[0].file_pos, 3);
}


static void
test_only_in_a_file(void **state)
{
    ngx_buf_t    b;
    ngx_chain_t  cl;

    buffer(&cl, &b, NULL, 0, 1);
    b.in_file = 1;
    b.file_last = 10;

    assert_int_equal(ngx_ess_request_collect(&test, &cl, -1, &test_taken,
                                             NULL),
                     NGX_ERROR);
}


static void
test_room(void **state)
{
    /* as large as it is said to be */

    assert_int_equal(add(10, 9000, 0), NGX_OK);
    assert_int_equal(test_allocated, 9000);
    assert_int_equal(add(8990, 9000, 0), NGX_OK);
    assert_int_equal(test_allocated, 9000);

    /* larger than that, all the same */

    assert_int_equal(add(1, 9000, 0), NGX_OK);
    assert_int_equal(test_allocated, 18000);
    assert_int_equal(add(MAX - 9001, 9000, 1), NGX_OK);
    assert_int_equal(test_allocated, MAX);
    assert_int_equal(test.body.len, MAX);
}


static void
test_too_large(void **state)
{
    assert_int_equal(add(1, MAX + 1, 0), NGX_DECLINED);
    assert_int_equal(test_allocated, 0);

    assert_int_equal(add(MAX + 1, -1, 0), NGX_DECLINED);
    assert_int_equal(add(MAX - 1, -1, 0), NGX_OK);
    assert_int_equal(add(2, -1, 0), NGX_DECLINED);
    assert_int_equal(add(1, -1, 1), NGX_OK);
    assert_int_equal(test.body.len, MAX);
}


static void
test_memory(void **state)
{
    assert_int_equal(add(100, -1, 0), NGX_OK);

    test_no_memory = 1;
    assert_int_equal(add(10000, -1, 0), NGX_ERROR);
    assert_int_equal(test.body.len, 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_in_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
