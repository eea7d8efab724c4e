/*
 * $ess_rpc_name: what follows the location's prefix in the path, where there is
 * a prefix.
 *
 * links: src/rpc/ngx_ess_call_variables.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_call_variables.h"


static ngx_http_request_t        test_request;
static ngx_http_core_loc_conf_t  test_location;
static void                     *test_locs[1] = { &test_location };

ngx_module_t  ngx_http_core_module;


/* NULL: it is not found */

static const char *
name(const char *location, const char *uri)
{
    ngx_http_variable_value_t  v;

    static char  found[64];

    test_request.loc_conf = test_locs;
    test_request.uri.data = (u_char *) uri;
    test_request.uri.len = strlen(uri);
    test_location.name.data = (u_char *) location;
    test_location.name.len = strlen(location);

    memset(&v, 0, sizeof(v));

    assert_int_equal(ngx_ess_call_variables[0].get_handler(&test_request, &v,
                                          ngx_ess_call_variables[0].data),
                     NGX_OK);

    if (v.not_found) {
        assert_false(v.valid);
        return NULL;
    }

    assert_true(v.valid);
    assert_false(v.no_cacheable);
    memcpy(found, v.data, v.len);
    found[v.len] = '\0';

    return found;
}


static void
test_behind_the_prefix(void **state)
{
    assert_string_equal(name("/call/", "/call/a"), "a");
    assert_string_equal(name("/call/", "/call/a/b"), "a/b");
    assert_string_equal(name("/call", "/call/a"), "/a");
    assert_string_equal(name("/", "/a"), "a");
}


static void
test_nothing_is_behind_it(void **state)
{
    assert_null(name("/call/", "/call/"));
    assert_null(name("/call/", "/call"));

    /* a rewrite ... break */

    assert_null(name("/call/", "/other/a"));
    assert_null(name("/call/", "/a"));
}


static void
test_no_prefix(void **state)
{
    test_location.named = 1;
    assert_null(name("@call", "@call/a"));
    test_location.named = 0;

#if (NGX_PCRE)
    test_location.regex = (void *) &test_request;
    assert_null(name("^/call", "^/calls"));
    test_location.regex = NULL;
#endif
}


static void
test_one_of_them(void **state)
{
    assert_int_equal(ngx_ess_call_variables[0].name.len, 12);
    assert_memory_equal(ngx_ess_call_variables[0].name.data, "ess_rpc_name",
                        12);
    assert_int_equal(ngx_ess_call_variables[1].name.len, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_behind_the_prefix),
        cmocka_unit_test(test_nothing_is_behind_it),
        cmocka_unit_test(test_no_prefix),
        cmocka_unit_test(test_one_of_them)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
