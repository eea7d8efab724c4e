/*
 * Which types a request accepts, and how much.
 *
 * links: src/ngx_ess_accept.c src/ngx_ess_str.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ngx_ess_accept.h"
#include "ngx_ess_header.h"


static ngx_http_request_t  test_request;
static const char         *test_accept[3];  /* up to NULL */


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    ngx_uint_t               i;
    static ngx_table_elt_t   h[3];

    assert_string_equal(name, "accept");

    i = prev ? prev - h + 1 : 0;

    h[i].value.data = (u_char *) test_accept[i];
    h[i].value.len = test_accept[i] ? strlen(test_accept[i]) : 0;

    return test_accept[i] ? &h[i] : NULL;
}


static void
test_weights(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *accept;
        ngx_uint_t   any;
        ngx_uint_t   named;
    } rows[] = {
        { NULL, 1000, 0 },
        { "", 0, 0 },
        { ",;, ;q=1", 0, 0 },
        { "text/plain", 1000, 1000 },
        { " Text/PLAIN ; q=0.5", 500, 500 },
        { "text/plain;q=0.001", 1, 1 },
        { "text/plain;Q=0.25;a=b", 250, 250 },
        { "text/plain;a=b;q=0", 0, 0 },
        { "text/plain;q=0.", 0, 0 },
        { "text/plain;q=0.000", 0, 0 },
        { "text/plain;q=0.99999", 999, 999 },
        { "text/plain;q=0x", 0, 0 },
        { "text/plain;q=1.000", 1000, 1000 },
        { "text/plain;q=7", 1000, 1000 },
        { "text/plain;q=", 1000, 1000 },
        { "text/plain;q", 1000, 1000 },
        { "text/plain;q=0.2, text/plain;q=0.4", 400, 400 },
        { "text/plainer, text/plai", 0, 0 },
        { "text/*;q=0.3", 300, 0 },
        { "TEXT/*, */*;q=0.1", 1000, 0 },
        { "*/*;q=0.1", 100, 0 },
        { "*/*, text/*;q=0.2", 200, 0 },
        { "*/*, text/*;q=0.2, text/plain;q=0", 0, 0 },
        { "text/plain;q=0.1, */*", 100, 100 },
        { "text/, text, *, /*, te*t/*, text/**", 0, 0 },
        { "application/*", 0, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_accept[0] = rows[i].accept;

        if (ngx_ess_accept(&test_request, "text/plain") != rows[i].any
            || ngx_ess_accept_named(&test_request, "text/plain")
               != rows[i].named)
        {
            fail_msg("\"%s\"", rows[i].accept);
        }
    }
}


static void
test_lines(void **state)
{
    test_accept[0] = "*/*;q=0.1";
    test_accept[1] = "text/plain;q=0.5";

    assert_int_equal(ngx_ess_accept(&test_request, "text/plain"), 500);
    assert_int_equal(ngx_ess_accept_named(&test_request, "text/plain"), 500);
    assert_int_equal(ngx_ess_accept(&test_request, "text/html"), 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
