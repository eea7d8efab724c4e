/*
 * Decimal numbers: how they compare, which are integers, multiples, and within
 * a double.
 *
 * links: src/ngx_ess_json_number.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_json_number.h"


static ngx_ess_json_number_t
number(const char *s)
{
    ngx_str_t              text;
    ngx_ess_json_number_t  n;

    text.data = (u_char *) s;
    text.len = strlen(s);

    ngx_ess_json_number_read(&text, &n);

    return n;
}


static int
cmp(const char *one, const char *two)
{
    int                    rc;
    ngx_ess_json_number_t  a, b;

    a = number(one);
    b = number(two);

    rc = ngx_ess_json_number_cmp(&a, &b);

    return (rc > 0) - (rc < 0);
}


static void
test_order(void **state)
{
    size_t  i, j;

    /* in each row equal ones, the rows in their order */

    static const char  *const rows[][6] = {
        { "-1e99999999999999999999999" },
        { "-1e400", "-0.1e401", "-10e399" },
        { "-9007199254740993" },
        { "-9007199254740992", "-9007199254740992.0" },
        { "-1.5", "-15e-1", "-0.15E+1" },
        { "-1" },
        { "-1e-400" },
        { "-1e-99999999999999999999999" },
        { "0", "-0", "0.0", "-0.000", "0e999999999999999999999", "0E-1" },
        { "2e-99999999999999999999999" },
        { "1e-400" },
        { "0.0001", "1e-4", "10e-5", "0.00010" },
        { "1", "1.0", "1e0", "10e-1", "0.1e1", "1.000000E-0" },
        { "1.0000000000000000000000000000000000000000000001" },
        { "1.5" },
        { "10", "1e1", "10.0", "100e-1", "0.001e4" },
        { "100", "1E2", "1e+2", "100.000", "1e0000000000000000000000002" },
        { "100.5" },
        { "105" },
        { "1000000000000000000000000000000000000" },
        { "1000000000000000000000000000000000001" },
        { "1e400" },
        { "1e99999999999999999999999" }
    };

    const size_t  n = sizeof(rows) / sizeof(rows[0]);

    for (i = 0; i < n * 6; i++) {
        for (j = 0; j < n * 6; j++) {
            if (rows[i / 6][i % 6] && rows[j / 6][j % 6]) {
                assert_int_equal(cmp(rows[i / 6][i % 6], rows[j / 6][j % 6]),
                                 (i / 6 > j / 6) - (i / 6 < j / 6));
            }
        }
    }
}


static void
test_integer(void **state)
{
    size_t                 i;
    ngx_ess_json_number_t  n;

    static const char  *const yes[] = { "0", "-0.0", "1", "1.0", "1e3", "1.5e1",
                                        "123456789012345678901234567890",
                                        "1e999999999999999999999" };
    static const char  *const no[] = { "0.5", "1.5", "15e-1", "1e-3", "-10.01",
                                       "1e-999999999999999999999" };

    for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        n = number(yes[i]);
        assert_true(ngx_ess_json_number_integer(&n));
    }

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        n = number(no[i]);
        assert_false(ngx_ess_json_number_integer(&n));
    }
}


static void
test_double(void **state)
{
    size_t                 i;
    ngx_ess_json_number_t  n;

    static const char  *const yes[] = { "0", "-0", "1e308", "-1e308", "1e-400",
                                        "1.7976931348623157e308",
                                        "-1.7976931348623158e308",
                                        "1e-999999999999999999999" };
    static const char  *const no[] = { "1e309", "-1e400", "1.8e308",
                                       "1.797693134862316e308",
                                       "1e999999999999999999999" };

    for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        n = number(yes[i]);
        assert_true(ngx_ess_json_number_double(&n));
    }

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        n = number(no[i]);
        assert_false(ngx_ess_json_number_double(&n));
    }
}


static void
test_multiple(void **state)
{
    size_t                 i;
    ngx_ess_json_number_t  n, of;

    static const struct {
        const char  *number;
        const char  *of;
        ngx_uint_t   yes;
    } rows[] = {
        { "0", "7", 1 }, { "7", "7", 1 }, { "-14.0", "7", 1 }, { "8", "7", 0 },
        { "4.5", "1.5", 1 }, { "35", "1.5", 0 }, { "0.0075", "0.0001", 1 },
        { "0.00751", "0.0001", 0 }, { "19.99", "0.01", 1 }, { "1.1", "0.1", 1 },
        { "1e308", "0.123456789", 0 }, { "1e400", "3", 0 }, { "3e400", "3", 1 },
        { "1e99999999999999999999", "1024", 1 },
        { "1e99999999999999999999", "3", 0 },
        { "1e-99999999999999999999", "3", 0 },
        { "9007199254740993", "3", 1 }, { "9007199254740993", "9", 0 },
        { "9007199254740993", "107", 1 }, { "9007199254740992", "107", 0 },
        { "999999999999999999", "999999999999999999", 1 },
        { "12391239123", "1e-8", 1 }, { "1", "2.5", 0 }, { "5", "2.5", 1 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = number(rows[i].number);
        of = number(rows[i].of);

        if (ngx_ess_json_number_multiple(&n, &of) != rows[i].yes) {
            fail_msg("%s of %s", rows[i].number, rows[i].of);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_multiple),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
