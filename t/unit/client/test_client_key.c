/*
 * The key of a location's clients: what its variable may be, and whether the
 * stream has keys.
 *
 * links: src/client/ngx_ess_client_key.c src/ngx_ess_utf8.c
 * links: src/ngx_ess_percent.c src/ngx_ess_str.c t/unit/ngx_pool.c
 * links: t/unit/fake_problem.c t/unit/ngx_trace.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fake_problem.h"
#include "ngx_ess_client_key.h"
#include "ngx_ess_conf.h"


ngx_module_t  ngx_ess_module;

void ngx_unit_pool_free(void);

static ngx_str_t                 test_value;    /* len -1: no memory */
static ngx_http_complex_value_t  test_complex;
static ngx_ess_loc_conf_t        test_conf;
static void                     *test_confs[] = { &test_conf };
static ngx_http_request_t        test_request = { .loc_conf = test_confs };


ngx_int_t
ngx_http_complex_value(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *value)
{
    assert_ptr_equal(val, &test_complex);

    if (test_value.len == (size_t) -1) {
        return NGX_ERROR;
    }

    *value = test_value;

    return NGX_OK;
}


static ngx_int_t
test_key(const char *value, size_t len)
{
    ngx_int_t  rc;
    ngx_str_t  key;

    test_value.data = (u_char *) value;
    test_value.len = len;

    rc = ngx_ess_client_key(&test_request, &key);

    if (rc == NGX_OK) {
        assert_int_equal(key.len, test_conf.subscribe_key ? len : 0);
    }

    return rc;
}


static int
test_begin(void **state)
{
    ngx_memzero(&test_conf, sizeof(ngx_ess_loc_conf_t));
    test_conf.subscribe_key = &test_complex;

    return 0;
}


static void
test_without_one_all_events(void **state)
{
    test_conf.subscribe_key = NULL;
    assert_int_equal(test_key("a", 1), NGX_OK);
}


static void
test_an_empty_one(void **state)
{
    assert_int_equal(test_key("", 0), NGX_HTTP_FORBIDDEN);
    assert_string_equal(fake_problem, "this address has the events of one key "
                        "only, and the request says none");

    test_conf.subscribe_any_key = 1;
    assert_int_equal(test_key("", 0), NGX_OK);
}


static void
test_what_is_a_key(void **state)
{
    static char  longest[256];

    memset(longest, 'k', sizeof(longest));

    assert_int_equal(test_key("a", 1), NGX_OK);
    assert_int_equal(test_key("\xc3\xa4", 2), NGX_OK);
    assert_int_equal(test_key(longest, 255), NGX_OK);
    assert_int_equal(test_key(longest, 256), NGX_HTTP_FORBIDDEN);
    assert_int_equal(test_key("\xc3", 1), NGX_HTTP_FORBIDDEN);
    assert_string_equal(fake_problem, "the key of the events is longer than "
                        "255 bytes, or it is not UTF-8");
    assert_int_equal(test_key(NULL, (size_t) -1),
                     NGX_HTTP_INTERNAL_SERVER_ERROR);
}


static void
test_of_the_query_string_it_is_decoded(void **state)
{
    test_conf.subscribe_key_query = 1;
    assert_int_equal(test_key("", 0), NGX_HTTP_FORBIDDEN);
    assert_int_equal(test_key("ab", 2), NGX_OK);
    assert_int_equal(test_key("%zz", 3), NGX_HTTP_FORBIDDEN);
    assert_string_equal(fake_problem, "the key of the events is malformed: two "
                        "hex digits follow a percent sign");
    assert_int_equal(test_key("%c3", 3), NGX_HTTP_FORBIDDEN);

    ngx_unit_pool_free();
}


static void
test_a_stream_has_keys_or_none(void **state)
{
    ngx_str_t              key;
    ngx_ess_stream_info_t  info;

    ngx_memzero(&info, sizeof(ngx_ess_stream_info_t));
    ngx_str_set(&key, "a");

    assert_int_equal(ngx_ess_client_key_fits(&test_request, &key, &info),
                     NGX_HTTP_CONFLICT);

    key.len = 0;
    assert_int_equal(ngx_ess_client_key_fits(&test_request, &key, &info),
                     NGX_OK);

    key.len = 1;
    info.rule_len = 1;
    assert_int_equal(ngx_ess_client_key_fits(&test_request, &key, &info),
                     NGX_OK);
}


#define TEST(name)  cmocka_unit_test_setup(name, test_begin)


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        TEST(test_without_one_all_events),
        TEST(test_an_empty_one),
        TEST(test_what_is_a_key),
        TEST(test_of_the_query_string_it_is_decoded),
        TEST(test_a_stream_has_keys_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
