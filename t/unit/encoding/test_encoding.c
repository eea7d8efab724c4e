/*
 * Bytes that several lists of frames share; the sanitizer finds what is freed
 * too early or never.
 *
 * links: src/encoding/ngx_ess_encoding.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_encoding.h"


static ngx_uint_t  test_fail;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_fail ? NULL : malloc(size);
}


static void
test_bytes_go_with_their_last_reference(void **state)
{
    u_char      *data;
    ngx_uint_t   i;

    test_fail = 0;

    data = ngx_ess_encoding_alloc(100, NULL);
    assert_non_null(data);
    assert_int_equal(ngx_ess_encoding_data(data)->mark, 0);
    ngx_memset(data, 'x', 100);

    for (i = 0; i < 3; i++) {
        ngx_ess_encoding_hold(data);
    }

    for (i = 0; i < 3; i++) {
        assert_false(ngx_ess_encoding_free(data));
        assert_int_equal(data[99], 'x');
    }

    assert_true(ngx_ess_encoding_free(data));
}


static void
test_none_and_no_memory(void **state)
{
    u_char  *data;

    ngx_ess_encoding_hold(NULL);
    assert_false(ngx_ess_encoding_free(NULL));

    test_fail = 1;
    assert_null(ngx_ess_encoding_alloc(1, NULL));
    test_fail = 0;

    /* of no bytes there is a block as well */

    data = ngx_ess_encoding_alloc(0, NULL);
    assert_non_null(data);
    assert_true(ngx_ess_encoding_free(data));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bytes_go_with_their_last_reference),
        cmocka_unit_test(test_none_and_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
