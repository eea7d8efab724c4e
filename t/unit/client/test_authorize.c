/*
 * A question about subscriptions, from what is added to it to the verdicts:
 * what is asked, every way an answer may fail, and what is kept of it.
 *
 * links: src/client/ngx_ess_authorize.c src/client/ngx_ess_authorize_cache.c
 * links: src/client/ngx_ess_authorize_json.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_str.c
 * links: t/unit/ngx_pools.c t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_authorize.h"
#include "ngx_ess_authorize_cache.h"
#include "ngx_ess_client.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_request.h"
#include "ngx_trace.h"


#define GRANT  ((ngx_ess_jwt_grant_t *) &test_held)


extern ngx_uint_t  ngx_unit_pools;

static ngx_log_t                  test_log;
static ngx_time_t                 test_time;
static ngx_uint_t                 test_held;
static ngx_uint_t                 test_room;
static ngx_int_t                  test_target;
static ngx_str_t                  test_sub;
static ngx_str_t                  test_claims;
static ngx_ess_authorize_conf_t   test_conf;
static ngx_connection_t           test_connection;
static ngx_ess_request_t          test_request;
static ngx_http_request_t         test_nginx;
static ngx_pool_t                *test_pool;
static char                       test_body[1024];
static ngx_ess_authorize_t       *test_question;
static ngx_uint_t                 test_answers;
static ngx_ess_stream_info_t      test_info;
static char                       test_counted[NGX_ESS_C_N];

ngx_ess_zone_t  *ngx_ess_client_zone;

volatile ngx_msec_t    ngx_current_msec;
volatile ngx_time_t   *ngx_cached_time = &test_time;


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    return memset(ngx_palloc(pool, size), 0, size);
}


void *
ngx_array_push(ngx_array_t *a)
{
    void  *elts;

    if (a->nelts == a->nalloc) {
        elts = ngx_palloc(a->pool, 2 * a->size * a->nalloc);
        memcpy(elts, a->elts, a->size * a->nelts);
        a->elts = elts;
        a->nalloc *= 2;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    test_counted[counter] += n;
}


ngx_ess_jwt_grant_t *
ngx_ess_jwt_grant_hold(ngx_ess_jwt_grant_t *grant)
{
    test_held += (grant != NULL);

    return grant;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    test_held -= (grant != NULL);
}


ngx_str_t
ngx_ess_jwt_grant_sub(ngx_ess_jwt_grant_t *grant)
{
    return test_sub;
}


ngx_str_t
ngx_ess_jwt_grant_claims(ngx_ess_jwt_grant_t *grant)
{
    return test_claims;
}


ngx_uint_t
ngx_ess_request_room(void)
{
    return test_room;
}


ngx_ess_request_t *
ngx_ess_request_create(const ngx_ess_request_conf_t *conf, ngx_log_t *log)
{
    test_request.conf = conf;
    test_request.request = &test_nginx;
    test_nginx.pool = test_pool;

    return &test_request;
}


ngx_int_t
ngx_ess_request_target(ngx_ess_request_t *req, ngx_str_t *method,
    ngx_str_t *uri)
{
    assert_memory_equal(method->data, "POST", 4);

    return test_target;
}


ngx_int_t
ngx_ess_request_body(ngx_ess_request_t *req, ngx_str_t *type, ngx_str_t *body)
{
    assert_true(body->len < sizeof(test_body));
    memcpy(test_body, body->data, body->len);
    test_body[body->len] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_ess_request_client(ngx_ess_request_t *req, ngx_connection_t *c)
{
    assert_ptr_equal(c, &test_connection);

    return NGX_OK;
}


void
ngx_ess_request_run(ngx_ess_request_t *req)
{
    ngx_unit_trace("run");
}


void
ngx_ess_request_abort(ngx_ess_request_t *req, ngx_pool_t *pool)
{
    ngx_unit_trace("abort");
}


static void
answered(void *data)
{
    assert_ptr_equal(data, &test_info);
    test_answers++;
}


static int
test_setup(void **state)
{
    ngx_cycle->log = &test_log;
    test_pool = ngx_create_pool(1024, &test_log);
    test_held = 1;
    test_room = 1;
    test_target = NGX_OK;
    test_answers = 0;
    ngx_str_null(&test_sub);
    ngx_str_null(&test_claims);
    test_conf.cache = 0;
    test_conf.timeout = 2000;
    ngx_str_set(&test_conf.uri, "/authorize");
    ngx_str_set(&test_connection.addr_text, "192.0.2.1");
    test_time.sec++;

    test_info.name_len = 6;
    memcpy(test_info.name, "prices", 6);

    memset(test_counted, 0, sizeof(test_counted));

    ngx_unit_trace_clear();

    return 0;
}


static int
test_teardown(void **state)
{
    if (test_question) {
        ngx_ess_authorize_free(test_question);
        test_question = NULL;
    }

    ngx_ess_authorize_cache_exit();
    ngx_destroy_pool(test_pool);

    assert_int_equal(test_held, 1);
    assert_int_equal(ngx_unit_pools, 0);

    return 0;
}


/* About all of it, and keys of it; nobody is asked about the one between. */

static ngx_int_t
ask(void)
{
    ngx_int_t  rc;
    ngx_str_t  query = ngx_string("q");
    ngx_str_t  keys[] = {
        ngx_string("us"), ngx_string("eu"), ngx_string("us")
    };

    if (test_question) {
        ngx_ess_authorize_free(test_question);
    }

    test_question = ngx_ess_authorize_create(&test_conf, GRANT);

    assert_int_equal(ngx_ess_authorize_add(test_question, &test_info, NULL, 0),
                     NGX_OK);
    assert_int_equal(ngx_ess_authorize_skip(test_question), NGX_OK);
    assert_int_equal(ngx_ess_authorize_add(test_question, &test_info, keys, 3),
                     NGX_OK);
    assert_int_equal(ngx_ess_authorize_n(test_question), 3);
    assert_int_equal(ngx_ess_authorize_full(test_question), 0);

    rc = ngx_ess_authorize_ask(test_question, NULL, &test_connection, &query,
                               answered, &test_info);

    assert_int_equal(ngx_unit_trace_count("run"), (rc == NGX_AGAIN));
    ngx_unit_trace_clear();

    return rc;
}


static void
answer(ngx_ess_request_end_e end, ngx_uint_t status, const char *body)
{
    ngx_uint_t  n;

    test_request.end = end;
    test_request.status = status;
    test_request.body.data = (u_char *) body;
    test_request.body.len = strlen(body);

    n = test_answers;
    test_request.conf->handler(&test_request);
    assert_int_equal(test_answers, n + 1);
}


static void
verdicts(ngx_ess_authorize_e all, ngx_ess_authorize_e keys, const char *which)
{
    ngx_str_t  key;

    assert_int_equal(ngx_ess_authorize_verdict(test_question, 0, &key), all);
    assert_int_equal(key.len, 0);
    assert_int_equal(ngx_ess_authorize_verdict(test_question, 1, &key),
                     NGX_ESS_AUTHORIZE_UNKNOWN);
    assert_int_equal(ngx_ess_authorize_verdict(test_question, 2, &key), keys);
    assert_int_equal(key.len, strlen(which));
    assert_int_equal(memcmp(key.data ? key.data : (u_char *) "", which,
                            key.len),
                     0);
}


/* Requests so far, by how they ended. */

static void
counted(ngx_uint_t allowed, ngx_uint_t refused, ngx_uint_t failed)
{
    char  *n = &test_counted[NGX_ESS_C_AUTHORIZED];

    assert_int_equal(n[NGX_ESS_AUTHORIZED_ALLOWED], allowed);
    assert_int_equal(n[NGX_ESS_AUTHORIZED_REFUSED], refused);
    assert_int_equal(n[NGX_ESS_AUTHORIZED_FAILED], failed);
}


static void
test_allowed(void **state)
{
    u_char  other[NGX_ESS_UUID_LEN] = { 1 };

    assert_int_equal(ask(), NGX_AGAIN);
    assert_string_equal(test_body,
        "{\"subscribe\":[{\"stream\":\"00000000000000000000000000000000\","
        "\"name\":\"prices\",\"routing_key\":null,\"keys\":null},"
        "{\"stream\":\"00000000000000000000000000000000\","
        "\"name\":\"prices\",\"routing_key\":null,\"keys\":[\"eu\",\"us\"]}],"
        "\"address\":\"192.0.2.1\",\"claims\":null,\"query\":\"q\"}");
    counted(0, 0, 0);
    answer(NGX_ESS_REQUEST_DONE, 200, "{\"allow\":[true,true]}");
    verdicts(NGX_ESS_AUTHORIZE_ALLOWED, NGX_ESS_AUTHORIZE_ALLOWED, "");
    counted(1, 0, 0);

    assert_true(ngx_ess_authorize_is(test_question, 0, test_info.uuid));
    assert_false(ngx_ess_authorize_is(test_question, 0, other));
    assert_false(ngx_ess_authorize_is(test_question, 1, test_info.uuid));
}


static void
test_refused(void **state)
{
    (void) ask();
    answer(NGX_ESS_REQUEST_DONE, 403, "whatever");
    verdicts(NGX_ESS_AUTHORIZE_REFUSED, NGX_ESS_AUTHORIZE_REFUSED, "eu");

    (void) ask();
    answer(NGX_ESS_REQUEST_DONE, 200, "{\"allow\":[true,[\"eu\"]]}");
    verdicts(NGX_ESS_AUTHORIZE_ALLOWED, NGX_ESS_AUTHORIZE_REFUSED, "us");
    counted(0, 2, 0);
}


static void
test_no_answer(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_ess_request_end_e   end;
        ngx_uint_t              status;
        const char             *body;
    } cases[] = {
        { NGX_ESS_REQUEST_BROKEN, 200, "{\"allow\":[true,true]}" },
        { NGX_ESS_REQUEST_TIMEOUT, 0, "" },
        { NGX_ESS_REQUEST_TOO_LARGE, 200, "" },
        { NGX_ESS_REQUEST_DONE, 201, "{\"allow\":[true,true]}" },
        { NGX_ESS_REQUEST_DONE, 401, "" },
        { NGX_ESS_REQUEST_DONE, 502, "" },
        { NGX_ESS_REQUEST_DONE, 200, "" },
        { NGX_ESS_REQUEST_DONE, 200, "{\"allow\":[true]}" },
        { NGX_ESS_REQUEST_DONE, 200, "{\"allow\":[true,1]}" }
    };

    ngx_str_set(&test_sub, "\"u\"");
    test_conf.cache = 1000;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ask(), NGX_AGAIN);
        answer(cases[i].end, cases[i].status, cases[i].body);
        verdicts(NGX_ESS_AUTHORIZE_UNKNOWN, NGX_ESS_AUTHORIZE_UNKNOWN, "");
        counted(0, 0, i + 1);
    }
}


static void
test_not_asked(void **state)
{
    test_room = 0;
    assert_int_equal(ask(), NGX_OK);
    verdicts(NGX_ESS_AUTHORIZE_UNKNOWN, NGX_ESS_AUTHORIZE_UNKNOWN, "");

    test_room = 1;
    test_target = NGX_DECLINED;
    assert_int_equal(ask(), NGX_OK);
    verdicts(NGX_ESS_AUTHORIZE_UNKNOWN, NGX_ESS_AUTHORIZE_UNKNOWN, "");

    test_target = NGX_OK;
    ngx_str_set(&test_claims, "{\"a\":1,\"a\":2}");
    assert_int_equal(ask(), NGX_OK);
    verdicts(NGX_ESS_AUTHORIZE_UNKNOWN, NGX_ESS_AUTHORIZE_UNKNOWN, "");
    counted(0, 0, 3);
}


static void
test_kept(void **state)
{
    ngx_str_set(&test_sub, "\"u\"");
    ngx_str_set(&test_claims, "{\"sub\":\"u\"}");
    test_conf.cache = 1000;

    (void) ask();
    answer(NGX_ESS_REQUEST_DONE, 200, "{\"allow\":[true,[\"eu\"]]}");

    assert_int_equal(ask(), NGX_OK);
    verdicts(NGX_ESS_AUTHORIZE_ALLOWED, NGX_ESS_AUTHORIZE_REFUSED, "us");
    assert_int_equal(test_answers, 1);

    ngx_current_msec += 1000;
    assert_int_equal(ask(), NGX_AGAIN);
    answer(NGX_ESS_REQUEST_DONE, 403, "");

    assert_int_equal(ask(), NGX_OK);
    verdicts(NGX_ESS_AUTHORIZE_REFUSED, NGX_ESS_AUTHORIZE_REFUSED, "eu");

    /* what is kept is no request */

    counted(0, 2, 0);
}


static void
test_gone(void **state)
{
    assert_int_equal(ask(), NGX_AGAIN);
    ngx_ess_authorize_free(test_question);
    test_question = NULL;
    ngx_unit_traced("abort");
    assert_int_equal(test_answers, 0);
    counted(0, 0, 0);
    assert_int_equal(test_counted[NGX_ESS_C_AUTHORIZED
                                  + NGX_ESS_AUTHORIZED_ABANDONED], 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_allowed, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_refused, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_no_answer, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_not_asked, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_kept, test_setup, test_teardown),
        cmocka_unit_test_setup_teardown(test_gone, test_setup, test_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
