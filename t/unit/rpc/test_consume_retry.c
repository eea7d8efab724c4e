/*
 * What a response means for its message, and when the next try is.
 *
 * links: src/rpc/ngx_ess_consume_retry.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_retry.h"


#define DONE   NGX_ESS_CONSUME_RETRY_DONE
#define AGAIN  NGX_ESS_CONSUME_RETRY_AGAIN
#define NEVER  NGX_ESS_CONSUME_RETRY_NEVER


/* nginx's own are not linked: HTTP dates are a table here */

time_t
ngx_parse_http_time(u_char *value, size_t len)
{
    static const char  date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

    return (len == sizeof(date) - 1 && memcmp(value, date, len) == 0)
           ? 784111777 : NGX_ERROR;
}


static void
test_without_a_caller(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t               status;
        ngx_ess_consume_retry_e  what;
    } row[] = {
        { 200, DONE }, { 201, DONE }, { 204, DONE }, { 302, DONE },
        { 304, DONE }, { 399, DONE },
        { 400, NEVER }, { 404, NEVER }, { 413, NEVER }, { 422, NEVER },
        { 499, NEVER }, { 100, NEVER }, { 600, NEVER }, { 999, NEVER },
        { 408, AGAIN }, { 425, AGAIN }, { 429, AGAIN }, { 500, AGAIN },
        { 502, AGAIN }, { 503, AGAIN }, { 504, AGAIN }, { 599, AGAIN },
        { 0, AGAIN }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(ngx_ess_consume_retry(0, NGX_ESS_REQUEST_DONE,
                                               row[i].status),
                         row[i].what);
        assert_int_equal(ngx_ess_consume_retry(0, NGX_ESS_REQUEST_BROKEN,
                                               row[i].status), AGAIN);
    }

    assert_int_equal(ngx_ess_consume_retry(0, NGX_ESS_REQUEST_TIMEOUT, 0),
                     AGAIN);
    assert_int_equal(ngx_ess_consume_retry(0, NGX_ESS_REQUEST_TOO_LARGE, 200),
                     AGAIN);
}


static void
test_with_a_caller(void **state)
{
    ngx_uint_t  status, again;

    for (status = 200; status < 600; status++) {
        again = (status >= 502 && status <= 504);

        assert_int_equal(ngx_ess_consume_retry(1, NGX_ESS_REQUEST_DONE,
                                               status),
                         again ? AGAIN : DONE);
    }

    assert_int_equal(ngx_ess_consume_retry(1, NGX_ESS_REQUEST_DONE, 0), AGAIN);
    assert_int_equal(ngx_ess_consume_retry(1, NGX_ESS_REQUEST_BROKEN, 200),
                     AGAIN);
    assert_int_equal(ngx_ess_consume_retry(1, NGX_ESS_REQUEST_TIMEOUT, 0),
                     AGAIN);
    assert_int_equal(ngx_ess_consume_retry(1, NGX_ESS_REQUEST_TOO_LARGE, 200),
                     AGAIN);
}


static void
test_delay(void **state)
{
    ngx_uint_t  i, n;
    ngx_msec_t  delay, low;

    for (n = 1; n < 120; n++) {
        low = (n > 6) ? 60000 : (ngx_msec_t) 1000 << (n - 1);
        low = (low > 60000) ? 60000 : low;

        for (i = 0; i < 50; i++) {
            delay = ngx_ess_consume_retry_delay(1000, n);

            assert_true(delay >= low && delay <= 60000
                        && delay <= low + low / 4);
        }
    }

    assert_true(ngx_ess_consume_retry_delay(1, 1) >= 1);
    assert_int_equal(ngx_ess_consume_retry_delay(60000, 1), 60000);
}


static ngx_msec_t
after(const char *text, time_t now)
{
    ngx_str_t  value;

    value.data = (u_char *) text;
    value.len = strlen(text);

    return ngx_ess_consume_retry_after(&value, now);
}


static void
test_after(void **state)
{
    assert_int_equal(after("0", 0), 0);
    assert_int_equal(after("1", 0), 1000);
    assert_int_equal(after("299", 0), 299000);
    assert_int_equal(after("300", 0), 300000);
    assert_int_equal(after("301", 0), 300000);
    assert_int_equal(after("99999999999999999999999999", 0), 300000);

    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 784111770), 7000);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777), 0);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 800000000), 0);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 0), 300000);

    assert_int_equal(after("", 0), NGX_TIMER_INFINITE);
    assert_int_equal(after("-1", 0), NGX_TIMER_INFINITE);
    assert_int_equal(after("1.5", 0), NGX_TIMER_INFINITE);
    assert_int_equal(after("soon", 0), NGX_TIMER_INFINITE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_without_a_caller),
        cmocka_unit_test(test_with_a_caller),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_after)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
