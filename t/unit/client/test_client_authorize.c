/*
 * A request that waits for a back end's word: let in, refused, put off, gone,
 * and while the worker stops.
 *
 * links: src/client/ngx_ess_client_authorize.c t/unit/fake_problem.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_problem.h"
#include "ngx_ess_client_authorize.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_wait.h"
#include "ngx_trace.h"


static ngx_ess_loc_conf_t            test_conf;
static ngx_ess_authorize_conf_t      test_authorize;
static ngx_http_core_srv_conf_t      test_server;
static void                         *test_confs[] = { &test_conf };
static void                         *test_servers[] = { &test_server };
static ngx_http_request_t            test_request;
static ngx_connection_t              test_connection;
static ngx_http_cleanup_t            test_cleanup;
static ngx_ess_client_authorize_t    test_wait;
static ngx_ess_authorize_e           test_verdicts[2];
static ngx_int_t                     test_ask;
static ngx_uint_t                    test_drain;
static void                        (*test_handler)(void *data);

ngx_module_t  ngx_ess_module;
ngx_module_t  ngx_http_core_module;


ngx_int_t
ngx_ess_jwt_grant(ngx_http_request_t *r, ngx_ess_jwt_grant_t **grant)
{
    *grant = NULL;

    return NGX_OK;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
}


ngx_ess_authorize_t *
ngx_ess_authorize_create(ngx_ess_authorize_conf_t *conf,
    ngx_ess_jwt_grant_t *grant)
{
    assert_ptr_equal(conf, &test_authorize);

    return (ngx_ess_authorize_t *) &test_wait;
}


ngx_int_t
ngx_ess_authorize_ask(ngx_ess_authorize_t *a, ngx_http_conf_ctx_t *ctx,
    ngx_connection_t *c, ngx_str_t *query, void (*handler)(void *data),
    void *data)
{
    test_handler = handler;

    return test_ask;
}


ngx_uint_t
ngx_ess_authorize_n(ngx_ess_authorize_t *a)
{
    return 2;
}


ngx_ess_authorize_e
ngx_ess_authorize_verdict(ngx_ess_authorize_t *a, ngx_uint_t n,
    ngx_str_t *key)
{
    return test_verdicts[n];
}


void
ngx_ess_authorize_free(ngx_ess_authorize_t *a)
{
    ngx_unit_trace("free");
}


ngx_http_cleanup_t *
ngx_http_cleanup_add(ngx_http_request_t *r, size_t size)
{
    return &test_cleanup;
}


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    static ngx_http_cleanup_t  cleanup;

    return &cleanup;
}


void
ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_unit_trace("finish %d", (int) rc);
}


void
ngx_ess_client_max_join(void)
{
    ngx_unit_trace("one more");
}


void
ngx_ess_client_max_leave(void)
{
    ngx_unit_trace("one less");
}


ngx_uint_t
ngx_ess_drain_active(void)
{
    return test_drain;
}


ngx_int_t
ngx_ess_client_reject_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport)
{
    ngx_unit_trace("sent away");

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    ngx_unit_trace("rejected");
    assert_int_equal(reason, NGX_ESS_REJECTED_AUTHORIZE);

    return rc;
}


static ngx_int_t
enter(ngx_http_request_t *r, void *data)
{
    ngx_unit_trace("enter");

    return NGX_DONE;
}


static int
test_setup(void **state)
{
    test_conf.authorize = &test_authorize;
    memset(&test_request, 0, sizeof(test_request));
    test_request.main = &test_request;
    test_request.connection = &test_connection;
    test_request.loc_conf = test_confs;
    test_request.srv_conf = test_servers;

    memset(&test_wait, 0, sizeof(test_wait));
    test_wait.request = &test_request;
    test_wait.enter = enter;

    test_verdicts[0] = NGX_ESS_AUTHORIZE_ALLOWED;
    test_verdicts[1] = NGX_ESS_AUTHORIZE_ALLOWED;
    test_ask = NGX_AGAIN;
    test_drain = 0;

    ngx_unit_trace_clear();

    assert_int_equal(ngx_ess_client_authorize_begin(&test_wait), NGX_OK);

    return 0;
}


static void
test_at_once(void **state)
{
    test_ask = NGX_OK;
    assert_int_equal(ngx_ess_client_authorize_ask(&test_wait), NGX_DONE);
    ngx_unit_traced("free", "enter");
    assert_null(test_cleanup.handler);
}


static void
test_later(void **state)
{
    assert_int_equal(ngx_ess_client_authorize_ask(&test_wait), NGX_DONE);
    assert_int_equal(test_request.count, 1);
    ngx_unit_traced("one more");

    test_handler(&test_wait);
    ngx_unit_traced("one less", "free", "enter", "finish -4");
    assert_null(test_cleanup.handler);
}


static void
test_refused(void **state)
{
    test_ask = NGX_OK;
    test_verdicts[1] = NGX_ESS_AUTHORIZE_REFUSED;
    assert_int_equal(ngx_ess_client_authorize_ask(&test_wait), 403);
    ngx_unit_traced("free", "rejected");

    test_setup(state);
    test_verdicts[0] = NGX_ESS_AUTHORIZE_UNKNOWN;
    (void) ngx_ess_client_authorize_ask(&test_wait);
    test_handler(&test_wait);
    ngx_unit_traced("one more", "one less", "free", "Retry-After: 1",
                    "rejected", "finish 503");
}


static void
test_gone(void **state)
{
    (void) ngx_ess_client_authorize_ask(&test_wait);
    test_cleanup.handler(test_cleanup.data);
    ngx_unit_traced("one more", "one less", "free");

    test_setup(state);
    test_cleanup.handler(test_cleanup.data);
    ngx_unit_traced("free");
}


/* The question goes with the request. */

static void
test_while_the_worker_stops(void **state)
{
    (void) ngx_ess_client_authorize_ask(&test_wait);
    test_drain = 1;
    test_handler(&test_wait);
    ngx_unit_traced("one more", "one less", "sent away", "finish 0");
    assert_non_null(test_cleanup.handler);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_at_once, test_setup),
        cmocka_unit_test_setup(test_later, test_setup),
        cmocka_unit_test_setup(test_refused, test_setup),
        cmocka_unit_test_setup(test_gone, test_setup),
        cmocka_unit_test_setup(test_while_the_worker_stops, test_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
