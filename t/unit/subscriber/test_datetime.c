/*
 * Points in time in words and numbers, each truncated everywhere as well.
 * More are compared with python-dateutil from outside.
 *
 * links: src/subscriber/ngx_ess_datetime.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>
#include "ngx_ess_datetime.h"


/* Saturday, 2026-11-28 13:14:15, and its beginning */
#define NOW       1795871655
#define MIDNIGHT  1795824000

/* a month's last day */
#define LAST      1706659201                /* 2024-01-31 00:00:01 */


static const struct {
    const char  *text;
    time_t       now;
    uint64_t     ms;
} test_forms[] = {
    { "13:00", NOW, (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "28 Nov 2026", NOW, MIDNIGHT * 1000ULL },
    { "Nov 28 2026 13:00", NOW, (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "28/11/2026", NOW, MIDNIGHT * 1000ULL },
    { "11/28/2026", NOW, MIDNIGHT * 1000ULL },
    { "01/02/2026", NOW, 1767312000000 },   /* the month is first */
    { "20261128T130000Z", NOW, (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "2026-11-28T13:00:00.123+01:00", NOW,
      (MIDNIGHT + 12 * 3600) * 1000ULL + 123 },
    { "Sat, 28 Nov 2026 1:00:00 pm GMT", NOW,
      (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "Saturday", NOW, MIDNIGHT * 1000ULL },
    { "Sun", NOW, (MIDNIGHT + 86400) * 1000ULL },
    { "Fri", NOW, (MIDNIGHT + 6 * 86400) * 1000ULL },
    { "Fri, 13:00", NOW, (MIDNIGHT + 6 * 86400 + 13 * 3600) * 1000ULL },
    { "Fri, 28 Nov 2026", NOW, MIDNIGHT * 1000ULL },
    { "Sat Nov 28 13:00:00 2026", NOW, (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "13:30:15.5", NOW, (MIDNIGHT + 48615) * 1000ULL + 500 },
    { "13:30:15,0069 -0330", NOW, (MIDNIGHT + 61215) * 1000ULL + 6 },
    { "1:30:15 pm, 28 Nov", NOW, (MIDNIGHT + 48615) * 1000ULL },
    { "12 am", NOW, MIDNIGHT * 1000ULL },
    { "31 Jan", LAST, 1706659200000 },
    { "29 Feb", LAST, 1709164800000 },
    { "28-Nov-26T13Z", NOW, (MIDNIGHT + 13 * 3600) * 1000ULL },
    { "1/31/75", NOW, 3316118400000 },
    { "31/1/76", NOW, 191894400000 },
    { "1 Jan 1960", NOW, 0 },
};


static ngx_int_t
test_read(const char *text, size_t len, time_t now, uint64_t *ms)
{
    ngx_int_t  rc;
    ngx_str_t  copy;

    /* the sanitizer guards its end */

    copy.data = malloc(len ? len : 1);
    assert_non_null(copy.data);
    memcpy(copy.data, text, len);
    copy.len = len;

    rc = ngx_ess_datetime(&copy, now, ms);

    free(copy.data);

    return rc;
}


static void
test_right(void **state)
{
    size_t    i, len;
    uint64_t  ms;

    for (i = 0; i < sizeof(test_forms) / sizeof(test_forms[0]); i++) {
        len = strlen(test_forms[i].text);

        if (test_read(test_forms[i].text, len, test_forms[i].now, &ms) != NGX_OK
            || ms != test_forms[i].ms)
        {
            fail_msg("%s: %lu", test_forms[i].text, (unsigned long) ms);
        }

        while (len--) {
            (void) test_read(test_forms[i].text, len, NOW, &ms);
        }
    }
}


static void
test_wrong(void **state)
{
    size_t    i;
    uint64_t  ms;

    static const char  *texts[] = {
        "", " ", ",", "-", ":", "13:", "13:60", "24:00", "13:00:60", "now",
        "am", "13:00.", "13:00:00.", "13:00:00.x", "13:00 pm", "13",
        "yesterday", "28", "2026", "Nov", "Nov 2026", "2026-11", "Feb 30",
        "2026-02-29", "29 Feb", "2026-13-01", "0000-01-01", "0026-11-28",
        "10000-01-01", "2026-11-28T", "2026-11-28Tx", "2026-1128", "2026112",
        "20261128T1", "13:00 EST", "13:00 +24:00", "13:00 -24", "13:00 +01:60",
        "13:00 +", "13:00 +1", "+01 13:00", "13:00 UTC+3", "0x10", "1e3",
        "2026--28", "Nov Dec", "1 2 3 4", "1999 2000", "nan", "28 Nov 28 Nov",
        "13:00 14:00", "Fri Fri", "Nov 28,2026", "28th Nov",
        "13:00\x80", "13\x7f",
        "99999999999999999999 Nov",
        "1 Nov 2026                                                       "
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (test_read(texts[i], strlen(texts[i]), NOW, &ms) != NGX_DECLINED) {
            fail_msg("%s: %lu", texts[i], (unsigned long) ms);
        }
    }

    assert_int_equal(test_read("13:00\0", 6, NOW, &ms), NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_wrong)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
