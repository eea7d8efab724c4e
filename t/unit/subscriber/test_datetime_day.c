/*
 * Which number of a date is the year, which the month, which the day.
 *
 * links: src/subscriber/ngx_ess_datetime_day.c
 * links: src/subscriber/ngx_ess_datetime_token.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>
#include "ngx_ess_datetime_day.h"


static void
test_begin(ngx_ess_datetime_day_t *d)
{
    memset(d, 0, sizeof(ngx_ess_datetime_day_t));

    d->now = 2026;
    d->y = d->m = NGX_ESS_DATETIME_DAY_UNSET;
    d->year = d->month = d->day = NGX_ESS_DATETIME_DAY_UNSET;
}


static void
test_resolved(void **state)
{
    size_t                   i, k;
    ngx_ess_datetime_day_t   d;

    /* a name of a month is 100 more than its number; "": no more */

    static const struct {
        const char  *n[3];
        int          year, month, day;
    } rows[] = {
        { { "2026" }, 2026, -1, -1 }, { { "28" }, -1, -1, 28 },
        { { "32" }, 32, -1, -1 }, { { "@11" }, -1, 11, -1 },
        { { "@11", "28" }, -1, 11, 28 }, { { "99", "@11" }, 99, 11, -1 },
        { { "11", "28" }, -1, 11, 28 }, { { "28", "11" }, -1, 28, 11 },
        { { "99", "01" }, 99, 1, -1 }, { { "01", "99" }, 99, 1, -1 },
        { { "01", "02", "03" }, 3, 1, 2 }, { { "13", "02", "03" }, 3, 2, 13 },
        { { "99", "02", "03" }, 99, 2, 3 },
        { { "2026", "11", "28" }, 2026, 11, 28 },
        { { "11", "28", "2026" }, 2026, 11, 28 },
        { { "28", "11", "2026" }, 2026, 11, 28 },
        { { "@11", "28", "26" }, 26, 11, 28 },
        { { "@11", "99", "28" }, 99, 11, 28 },
        { { "28", "@11", "26" }, 26, 11, 28 },
        { { "99", "@11", "28" }, 99, 11, 28 },
        { { "26", "28", "@11" }, 26, 11, 28 },
        { { "28", "99", "@11" }, 99, 11, 28 },
        { { "2026", "@11", "28" }, 2026, 11, 28 },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_begin(&d);

        for (k = 0; k < 3 && rows[i].n[k]; k++) {
            assert_int_equal((*rows[i].n[k] == '@')
                             ? ngx_ess_datetime_day_add_month(&d,
                                                      atoi(rows[i].n[k] + 1))
                             : ngx_ess_datetime_day_add(&d,
                                                      (u_char *) rows[i].n[k],
                                                      strlen(rows[i].n[k])),
                             NGX_OK);
        }

        ngx_ess_datetime_day_resolve(&d);

        assert_int_equal(d.year, rows[i].year);
        assert_int_equal(d.month, rows[i].month);
        assert_int_equal(d.day, rows[i].day);
        assert_int_equal(d.century, rows[i].year > 99);
    }
}


static void
test_too_many(void **state)
{
    ngx_ess_datetime_day_t  d;

    test_begin(&d);

    assert_int_equal(ngx_ess_datetime_day_add(&d, (u_char *) "2x", 2),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_datetime_day_add_month(&d, -1), NGX_DECLINED);
    assert_int_equal(ngx_ess_datetime_day_add_month(&d, 2), NGX_OK);
    assert_int_equal(ngx_ess_datetime_day_add_month(&d, 3), NGX_DECLINED);
    assert_int_equal(ngx_ess_datetime_day_add_number(&d, 1999, 1), NGX_OK);
    assert_int_equal(ngx_ess_datetime_day_add_number(&d, 2000, 1),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_datetime_day_add_number(&d, 3, 0), NGX_OK);
    assert_int_equal(ngx_ess_datetime_day_add_number(&d, 4, 0), NGX_DECLINED);
}


static void
test_calendar(void **state)
{
    ngx_ess_datetime_day_t    d;
    ngx_ess_datetime_token_t  t = { (u_char *) "29", 2, 1, 1 };

    assert_int_equal(ngx_ess_datetime_day_last(2024, 2), 29);
    assert_int_equal(ngx_ess_datetime_day_last(1900, 2), 28);
    assert_int_equal(ngx_ess_datetime_day_last(2000, 2), 29);
    assert_int_equal(ngx_ess_datetime_day_last(2026, 11), 30);
    assert_int_equal(ngx_ess_datetime_day_last(2026, 12), 31);
    assert_int_equal(ngx_ess_datetime_day_last(2026, 0), 0);
    assert_int_equal(ngx_ess_datetime_day_last(2026, 13), 0);

    test_begin(&d);
    assert_int_equal(ngx_ess_datetime_day_year(&d, 75), 2075);
    assert_int_equal(ngx_ess_datetime_day_year(&d, 76), 1976);
    assert_int_equal(ngx_ess_datetime_day_year(&d, 100), 100);
    d.now = 2060;
    assert_int_equal(ngx_ess_datetime_day_year(&d, 9), 2109);

    assert_true(ngx_ess_datetime_day_may_be_day(&d, &t));
    (void) ngx_ess_datetime_day_add_month(&d, 2);
    assert_true(ngx_ess_datetime_day_may_be_day(&d, &t));
    (void) ngx_ess_datetime_day_add_number(&d, 2023, 1);
    assert_false(ngx_ess_datetime_day_may_be_day(&d, &t));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_resolved),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_calendar)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
