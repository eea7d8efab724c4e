/*
 * Times of RFC 3339, held against timegm(); what is none; each truncation, at a
 * guard page.
 *
 * links: src/ngx_ess_date.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <time.h>
#include "ngx_ess_date.h"
#include "ngx_guard.h"


static u_char  *test_end;


static int
setup(void **state)
{
    test_end = ngx_unit_guard(4096);

    return test_end ? 0 : -1;
}


static ngx_int_t
parse(const char *text, size_t len, int64_t *ms)
{
    memcpy(test_end - len, text, len);

    return ngx_ess_date_parse(test_end - len, len, ms);
}


static void
test_times(void **state)
{
    size_t   i;
    int64_t  ms;

    static const struct {
        const char  *text;
        int64_t      ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01t00:00:00z", 0 },
        { "1970-01-01T00:00:00-00:00", 0 },
        { "1970-01-01T01:00:00+01:00", 0 },
        { "1969-12-31T19:30:00.5-04:30", 500 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "1969-12-31T23:59:59.9999999999999999999999Z", -1 },
        { "2024-01-01T13:45:10Z", 1704116710000LL },
        { "2024-01-01T13:45:10.1Z", 1704116710100LL },
        { "2024-01-01T13:45:10.123456Z", 1704116710123LL },
        { "2016-12-31T23:59:60Z", 1483228800000LL },
        { "2016-12-31T15:59:60.25-08:00", 1483228800250LL },
        { "0000-01-01T00:00:00Z", -62167219200000LL },
        { "0000-02-29T00:00:00Z", -62167219200000LL + 59 * 86400000LL },
        { "9999-12-31T23:59:59.999Z", 253402300799999LL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ms = 42;

        if (parse(rows[i].text, strlen(rows[i].text), &ms) != NGX_OK
            || ms != rows[i].ms)
        {
            fail_msg("%s: %ld", rows[i].text, (long) ms);
        }
    }
}


static void
test_refused(void **state)
{
    size_t   i;
    int64_t  ms;

    static const char  *const texts[] = {
        "", "2024", "2024-01-01", "2024-01-01T13:45Z", "2024-01-01T13:45:10",
        "2024-01-01 13:45:10Z", "2024-01-01T13:45:10+01", "20240101T134510Z",
        "2024-01-01T13:45:10+0100", "2024-01-01T13:45:10.Z",
        "2024-01-01T13:45:10,5Z", "2024-13-01T13:45:10Z",
        "2024-00-01T13:45:10Z", "2024-01-32T13:45:10Z", "2024-01-00T13:45:10Z",
        "2023-02-29T13:45:10Z", "1900-02-29T13:45:10Z", "2024-04-31T13:45:10Z",
        "2024-01-01T24:00:00Z", "2024-01-01T13:60:10Z", "2024-01-01T13:45:61Z",
        "2024-01-01T13:45:60Z", "2016-12-31T22:59:60Z",
        "2024-01-01T13:45:10+24:00", "2024-01-01T13:45:10+23:60",
        "2024-01-01T13:45:10Z ", " 2024-01-01T13:45:10Z",
        "2024-01-01T13:45:10ZZ", "-2024-01-01T13:45:10Z",
        "+024-01-01T13:45:10Z", "2024-1-01T13:45:10Z", "12024-01-01T13:45:10Z",
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z", "2024-01-01T13:45:1\xe0\xa5\xa6Z"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(texts[i], strlen(texts[i]), &ms) != NGX_DECLINED) {
            fail_msg("%s is a time", texts[i]);
        }
    }
}


static void
test_truncated(void **state)
{
    size_t       i;
    int64_t      ms;
    const char  *text = "2024-01-01T13:45:10.25+01:30";

    for (i = 0; i < strlen(text); i++) {
        assert_int_equal(parse(text, i, &ms), NGX_DECLINED);
    }
}


/* Each day of 400 years and each hundredth of all others. */

static void
test_days(void **state)
{
    char        text[64];
    time_t      at;
    size_t      len;
    int64_t     ms;
    struct tm   tm;

    for (at = -62167219200LL; at < 253402300800LL;
         at += (at > 0 && at < 12622780800LL) ? 86400 + 61 : 8640000 + 61)
    {
        assert_non_null(gmtime_r(&at, &tm));

        len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);

        assert_int_equal(parse(text, len, &ms), NGX_OK);
        assert_int_equal(ms, (int64_t) at * 1000);
        assert_int_equal(ngx_ess_date_day((u_char *) text, 10), NGX_OK);
        assert_int_equal(ngx_ess_date_day((u_char *) text, 9), NGX_DECLINED);
        assert_int_equal(ngx_ess_date_day((u_char *) text, 11), NGX_DECLINED);
    }

    assert_int_equal(ngx_ess_date_day((u_char *) "", 0), NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_days),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
