/*
 * Cursors: there and back, and what is none.
 *
 * links: src/events/ngx_ess_events_cursor.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_date.h"
#include "ngx_ess_events_cursor.h"


static void
test_there_and_back(void **state)
{
    u_char                    text[NGX_ESS_EVENTS_CURSOR];
    ngx_str_t                 s;
    ngx_uint_t                i;
    ngx_ess_events_cursor_t   cursor;

    static const ngx_ess_events_cursor_t  cursors[] = {
        { 0, 0 }, { 1, -1 }, { INT64_MAX, NGX_ESS_DATE_FIRST },
        { 77, NGX_ESS_DATE_END - 1 },
        { 0x0123456789abcdefULL, 1704116710123 }
    };

    for (i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        s.data = text;
        s.len = ngx_ess_events_cursor_write(text, &cursors[i]) - text;

        assert_int_equal(s.len, NGX_ESS_EVENTS_CURSOR);
        assert_int_equal(ngx_ess_events_cursor_read(&s, &cursor), NGX_OK);
        assert_true(cursor.seq == cursors[i].seq);
        assert_true(cursor.time == cursors[i].time);

        for (s.len = 0; s.len < NGX_ESS_EVENTS_CURSOR; s.len++) {
            assert_int_equal(ngx_ess_events_cursor_read(&s, &cursor),
                             NGX_DECLINED);
        }
    }
}


static void
test_no_event_has_that_time(void **state)
{
    u_char                    text[NGX_ESS_EVENTS_CURSOR];
    ngx_str_t                 s;
    ngx_uint_t                i;
    ngx_ess_events_cursor_t   cursor;

    static const ngx_ess_events_cursor_t  cursors[] = {
        { 1, INT64_MIN }, { 1, NGX_ESS_DATE_FIRST - 1 },
        { 1, NGX_ESS_DATE_END }, { 1, INT64_MAX }
    };

    for (i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        s.data = text;
        s.len = ngx_ess_events_cursor_write(text, &cursors[i]) - text;

        assert_int_equal(ngx_ess_events_cursor_read(&s, &cursor),
                         NGX_DECLINED);
    }
}


static void
test_others(void **state)
{
    ngx_str_t                 s;
    ngx_uint_t                i;
    ngx_ess_events_cursor_t   cursor;

    static const char *const  others[] = {
        "",
        "AgAAAAAAAAABAAAAAAAAAAA",          /* another version */
        "Af__________AAAAAAAAAAA",          /* a number without a sign */
        "AQAAAAAAAAABAAAAAAAAAAB",          /* other bits at the end */
        "AQAAAAAAAAABAAAAAAAAA A",
        "AQAAAAAAAAABAAAAAAAAAAA=",
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        s.data = (u_char *) others[i];
        s.len = strlen(others[i]);

        assert_int_equal(ngx_ess_events_cursor_read(&s, &cursor),
                         NGX_DECLINED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_no_event_has_that_time),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
