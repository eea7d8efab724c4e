/*
 * Zones behind a time.
 *
 * links: src/subscriber/ngx_ess_datetime_zone.c
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
#include "ngx_ess_datetime_zone.h"


/* The zone that the text begins with; "end": its last token. */

static ngx_int_t
test_zone(const char *s, ngx_ess_datetime_zone_t *z, ngx_uint_t *end)
{
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_ess_datetime_tokens_t  d;

    memset(&d, 0, sizeof(d));
    memset(z, 0, sizeof(ngx_ess_datetime_zone_t));

    text.data = (u_char *) s;
    text.len = strlen(s);
    assert_int_equal(ngx_ess_datetime_token_cut(&d, &text), NGX_OK);

    *end = 0;
    rc = ngx_ess_datetime_zone(z, &d, end);

    if (rc == NGX_OK && z->sign) {
        (*end)++;
        rc = ngx_ess_datetime_zone(z, &d, end);
    }

    return rc;
}


static void
test_zones(void **state)
{
    size_t                   i;
    ngx_uint_t               end;
    ngx_ess_datetime_zone_t  z;

    static const struct {
        const char  *text;
        ngx_int_t    rc;
        int          offset;
        ngx_uint_t   unknown;
        ngx_uint_t   end;
    } rows[] = {
        { "Z", NGX_OK, 0, 0, 0 },
        { "z", NGX_OK, 0, 0, 0 },
        { "UTC 2026", NGX_OK, 0, 0, 0 },
        { "EST", NGX_OK, 0, 1, 0 },
        { "+01", NGX_OK, 3600, 0, 1 },
        { "-0330", NGX_OK, -12600, 0, 1 },
        { "+01:00x", NGX_OK, 3600, 0, 3 },
        { "-0300 (BRST)", NGX_OK, -10800, 0, 5 },
        { "GMT+3", NGX_OK, -10800, 0, 2 },
        { "BRST-3", NGX_OK, 10800, 0, 2 },
        { "+", NGX_DECLINED, 0, 0, 0 },
        { "+x", NGX_DECLINED, 0, 0, 0 },
        { "+001", NGX_DECLINED, 0, 0, 0 },
        { "+24", NGX_DECLINED, 0, 0, 0 },
        { "+01:", NGX_DECLINED, 0, 0, 0 },
        { "+01:60", NGX_DECLINED, 0, 0, 0 },
        { "est", NGX_AGAIN, 0, 0, 0 },
        { "TOOLONG", NGX_AGAIN, 0, 0, 0 },
        { ",", NGX_AGAIN, 0, 0, 0 },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(test_zone(rows[i].text, &z, &end), rows[i].rc);

        if (rows[i].rc == NGX_OK) {
            assert_int_equal(z.offset, rows[i].offset);
            assert_int_equal(z.unknown, rows[i].unknown);
            assert_int_equal(end, rows[i].end);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_zones)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
