/*
 * PostgreSQL's binary format of numbers, texts and arrays, byte by byte.
 *
 * links: src/events/postgresql/ngx_ess_postgresql_array.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_postgresql_array.h"


/* as array_send() of a server writes ARRAY['a', NULL, '']::text[] */

static void
test_texts(void **state)
{
    u_char  buf[64], *p;

    static const u_char  expected[] =
        "\0\0\0\1" "\0\0\0\1" "\0\0\0\31" "\0\0\0\3" "\0\0\0\1"
        "\0\0\0\1" "a" "\377\377\377\377" "\0\0\0\0";

    p = ngx_ess_postgresql_array_head(buf, NGX_ESS_POSTGRESQL_TEXT, 3);
    p = ngx_ess_postgresql_array_item(p, (u_char *) "a", 1);
    p = ngx_ess_postgresql_array_item(p, NULL, 0);
    p = ngx_ess_postgresql_array_item(p, (u_char *) "", 0);

    assert_int_equal(p - buf, sizeof(expected) - 1);
    assert_int_equal(p - buf, ngx_ess_postgresql_array_size(3, 1));
    assert_memory_equal(buf, expected, sizeof(expected) - 1);
}


static void
test_numbers(void **state)
{
    u_char  buf[64], *p;

    static const u_char  expected[] =
        "\0\0\0\1" "\0\0\0\1" "\0\0\0\24" "\0\0\0\2" "\0\0\0\1"
        "\0\0\0\10" "\0\0\0\1\2\3\4\5"
        "\0\0\0\10" "\377\377\377\377\377\377\377\376";

    p = ngx_ess_postgresql_array_head(buf, NGX_ESS_POSTGRESQL_INT8, 2);
    p = ngx_ess_postgresql_array_int(p, 0x0102030405LL);
    p = ngx_ess_postgresql_array_int(p, -2);

    assert_int_equal(p - buf, sizeof(expected) - 1);
    assert_int_equal(p - buf, ngx_ess_postgresql_array_size(2, 16));
    assert_memory_equal(buf, expected, sizeof(expected) - 1);
}


static void
test_params(void **state)
{
    ngx_str_t                    text = ngx_string("it's"), none;
    ngx_ess_postgresql_params_t  params;

    ngx_memzero(&params, sizeof(params));
    ngx_memzero(&none, sizeof(none));

    assert_int_equal(ngx_ess_postgresql_param_int(&params, 258), 1);
    assert_int_equal(ngx_ess_postgresql_param_text(&params, &text), 2);
    assert_int_equal(ngx_ess_postgresql_param_text(&params, &none), 3);

    assert_int_equal(params.n, 3);
    assert_int_equal(params.types[0], NGX_ESS_POSTGRESQL_INT8);
    assert_int_equal(params.lengths[0], 8);
    assert_memory_equal(params.values[0], "\0\0\0\0\0\0\1\2", 8);
    assert_int_equal(params.types[1], NGX_ESS_POSTGRESQL_TEXT);
    assert_int_equal(params.lengths[1], 4);
    assert_memory_equal(params.values[1], "it's", 4);

    /* an empty text is no NULL */

    assert_non_null(params.values[2]);
    assert_int_equal(params.lengths[2], 0);
    assert_int_equal(params.formats[2], 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_params)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
