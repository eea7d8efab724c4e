/*
 * What a request says of a place: its query string, and lines of its header.
 *
 * links: src/client/ngx_ess_client_said.c src/subscriber/ngx_ess_position.c
 * links: src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c src/ngx_ess_percent.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_client_said.h"
#include "ngx_ess_header.h"


static ngx_table_elt_t  test_lines[2];
static ngx_uint_t       test_nlines;        /* of X-StreamFromTimestamp */
static ngx_time_t       test_time = { .sec = 1795871655 };

volatile ngx_time_t    *ngx_cached_time = &test_time;


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    ngx_uint_t  i;

    if (strcmp(name, "x-streamfromtimestamp") != 0) {
        return NULL;
    }

    i = prev ? (ngx_uint_t) (prev - test_lines) + 1 : 0;

    return (i < test_nlines) ? &test_lines[i] : NULL;
}


static void
test_said(void **state)
{
    ngx_str_t                args = ngx_string("from=1-2");
    ngx_http_request_t       r;
    ngx_ess_position_said_t  said;

    memset(&r, 0, sizeof(r));
    r.args = args;

    test_lines[0].value = (ngx_str_t) ngx_string("17");

    for (test_nlines = 0; test_nlines <= 2; test_nlines++) {
        memset(&said, 0xff, sizeof(said));

        ngx_ess_client_said(&r, &said);

        assert_ptr_equal(said.args.data, args.data);
        assert_int_equal(said.now, 1795871655);
        assert_null(said.places);
        assert_int_equal(said.headers[0].len, 0);
        assert_int_equal(said.headers[1].len, test_nlines ? 2 : 0);
        assert_int_equal(said.headers[2].len, 0);
        assert_int_equal(said.many, test_nlines == 2);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_said)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
