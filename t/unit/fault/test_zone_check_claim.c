/*
 * The checker's claims: each segment is one thing.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


static u_char                seen[10];
static ngx_log_t             quiet;         /* of no level */
static ngx_ess_zone_sh_t     sh;
static ngx_ess_zone_check_t  ck;


static int
setup(void **state)
{
    ngx_memzero(seen, sizeof(seen));
    ngx_memzero(&ck, sizeof(ngx_ess_zone_check_t));

    sh.geo.nsegs = 10;
    sh.fresh = 5;

    ck.sh = &sh;
    ck.log = &quiet;
    ck.seen = seen;

    return 0;
}


static void
test_claim(void **state)
{
    assert_int_equal(ngx_ess_zone_check_is(&ck, 4, NGX_ESS_CHECK_KEY), 0);
    assert_int_equal(ngx_ess_zone_check_claim(&ck, 4, NGX_ESS_CHECK_KEY),
                     NGX_OK);
    assert_int_equal(ngx_ess_zone_check_is(&ck, 4, NGX_ESS_CHECK_KEY), 1);
    assert_int_equal(ngx_ess_zone_check_is(&ck, 4, NGX_ESS_CHECK_BODY), 0);
    assert_int_equal(ck.faults, 0);

    /* twice, also as the same */

    assert_int_equal(ngx_ess_zone_check_claim(&ck, 4, NGX_ESS_CHECK_KEY),
                     NGX_ERROR);
    assert_int_equal(ngx_ess_zone_check_claim(&ck, 4, NGX_ESS_CHECK_BODY),
                     NGX_ERROR);
    assert_int_equal(ngx_ess_zone_check_is(&ck, 4, NGX_ESS_CHECK_KEY), 1);
    assert_int_equal(ck.faults, 2);
}


static void
test_bounds(void **state)
{
    /* segment 0 is none, and from sh.fresh on none was used */

    assert_int_equal(ngx_ess_zone_check_claim(&ck, 0, NGX_ESS_CHECK_FREE),
                     NGX_ERROR);
    assert_int_equal(ngx_ess_zone_check_claim(&ck, 5, NGX_ESS_CHECK_FREE),
                     NGX_ERROR);
    assert_int_equal(ngx_ess_zone_check_claim(&ck, 1000000,
                                              NGX_ESS_CHECK_FREE),
                     NGX_ERROR);
    assert_int_equal(ck.faults, 3);

    assert_int_equal(ngx_ess_zone_check_is(&ck, 5, NGX_ESS_CHECK_LOST), 0);
    assert_int_equal(ngx_ess_zone_check_is(&ck, 1000000, NGX_ESS_CHECK_LOST),
                     0);
}


static void
test_fault(void **state)
{
    char        *text;
    size_t       size, lines;
    ngx_uint_t   i;

    ck.log = &ngx_unit_log;
    ngx_unit_messages = open_memstream(&text, &size);

    for (i = 0; i < 1000; i++) {
        ngx_ess_zone_check_fault(&ck, "something", 7, 8);
    }

    (void) fclose(ngx_unit_messages);
    ngx_unit_messages = stderr;

    /* all are counted, and the first ones told */

    assert_int_equal(ck.faults, 1000);
    assert_non_null(strstr(text, "ess zone check: something: at 7, found 8\n"));

    for (lines = 0, i = 0; text[i]; i++) {
        lines += (text[i] == '\n');
    }

    assert_int_equal(lines, 50);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_claim, setup),
        cmocka_unit_test_setup(test_bounds, setup),
        cmocka_unit_test_setup(test_fault, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
