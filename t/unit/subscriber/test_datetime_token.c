/*
 * Texts as tokens, and what words mean.
 *
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
#include "ngx_ess_datetime_token.h"


static void
test_cut(void **state)
{
    size_t                     i, k, n;
    char                       got[256];
    ngx_str_t                  text;
    ngx_ess_datetime_tokens_t  d;

    static const struct {
        const char  *text;
        const char  *tokens;                /* numbers with "#" before them */
    } rows[] = {
        { "", "" },
        { "13:00", "#13 : #00 " },
        { "28Nov 2026", "#28 Nov   #2026 " },
        { "Sep.25.2003", "Sep . #25 . #2003 " },
        { "28.11.2026", "#28 . #11 . #2026 " },
        { "30.5", "#30.5 " },
        { "30,5", "#30.5 " },
        { "3,5", "#3 , #5 " },
        { "28, 1", "#28 ,   #1 " },
        { "12.", "#12 . " },
        { "T13\t+01", "T #13   + #01 " },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&d, 0, sizeof(d));
        text.data = (u_char *) rows[i].text;
        text.len = strlen(rows[i].text);
        assert_int_equal(ngx_ess_datetime_token_cut(&d, &text), NGX_OK);

        for (k = 0, n = 0; k < d.n; k++) {
            n += snprintf(got + n, sizeof(got) - n, "%s%.*s ",
                          d.list[k].number ? "#" : "", (int) d.list[k].len,
                          d.list[k].data);
        }

        got[n] = '\0';
        assert_string_equal(got, rows[i].tokens);
    }
}


static void
test_numbers(void **state)
{
    int  n;

#define INT(text)                                                             \
    ngx_ess_datetime_token_int((u_char *) text, sizeof(text) - 1, &n)
#define FRACTION(text)                                                        \
    ngx_ess_datetime_token_fraction((u_char *) text, sizeof(text) - 1)

    assert_int_equal(INT("13"), NGX_OK);
    assert_int_equal(n, 13);
    assert_int_equal(INT("13.5"), NGX_OK);
    assert_int_equal(n, 13);
    assert_int_equal(INT("99999999999999999999999"), NGX_OK);
    assert_int_equal(n, 999999999);
    assert_int_equal(INT(""), NGX_DECLINED);
    assert_int_equal(INT(".5"), NGX_DECLINED);
    assert_int_equal(INT("1x"), NGX_DECLINED);

    assert_int_equal(FRACTION("13"), 0);
    assert_int_equal(FRACTION("13.5"), NGX_ESS_DATETIME_TOKEN_SCALE / 2);
    assert_int_equal(FRACTION("1.00000000000000001999"), 1);
}


static void
test_words(void **state)
{
    ngx_uint_t                 at;
    ngx_str_t                  text;
    ngx_ess_datetime_tokens_t  d;

    memset(&d, 0, sizeof(d));
    ngx_str_set(&text, "friday SEPT pm hours gmt at 12 m 13");
    assert_int_equal(ngx_ess_datetime_token_cut(&d, &text), NGX_OK);

    assert_int_equal(ngx_ess_datetime_token_weekday(&d.list[0]), 4);
    assert_int_equal(ngx_ess_datetime_token_month(&d.list[2]), 9);
    assert_int_equal(ngx_ess_datetime_token_half(&d.list[4]), 1);
    assert_int_equal(ngx_ess_datetime_token_unit(&d.list[6]), 0);
    assert_true(ngx_ess_datetime_token_utc(&d.list[8]));
    assert_true(ngx_ess_datetime_token_jumps(&d, 10));
    assert_true(ngx_ess_datetime_token_is(&d, 10, "at"));
    assert_false(ngx_ess_datetime_token_is(&d, 11, "at"));
    assert_false(ngx_ess_datetime_token_is(&d, d.n, "at"));

    assert_int_equal(ngx_ess_datetime_token_weekday(&d.list[2]),
                     NGX_ESS_DATETIME_TOKEN_NONE);
    assert_false(ngx_ess_datetime_token_jumps(&d, 0));

    assert_int_equal(ngx_ess_datetime_token_unit_of(&d, 12, &at), NGX_OK);
    assert_int_equal(at, 14);
    assert_int_equal(ngx_ess_datetime_token_unit_of(&d, 16, &at), NGX_OK);
    assert_int_equal(at, 14);
    assert_int_equal(ngx_ess_datetime_token_unit_of(&d, 2, &at),
                     NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
