/*
 * Clients that name their streams themselves: who asks for what, and who is
 * not let in.
 *
 * links: src/client/ngx_ess_multi_enter.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_multi_enter.h"
#include "ngx_ess_multi_enter_sse.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_ws.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


const ngx_ess_transport_t  ngx_ess_ws;

static ngx_int_t   test_sse;
static ngx_int_t   test_ws;
static ngx_int_t   test_v1;
static ngx_int_t   test_create;
static ngx_uint_t  test_no_client;


ngx_int_t
ngx_ess_sse_check(ngx_http_request_t *r)
{
    return test_sse;
}


ngx_int_t
ngx_ess_ws_check(ngx_http_request_t *r)
{
    return test_ws;
}


ngx_int_t
ngx_ess_ws_check_v1(ngx_http_request_t *r)
{
    return test_v1;
}


ngx_int_t
ngx_ess_multi_enter_sse(ngx_http_request_t *r)
{
    ngx_unit_trace("sse");

    return NGX_DONE;
}


ngx_int_t
ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    assert_int_equal(reason, NGX_ESS_REJECTED_REQUEST);
    ngx_unit_trace("rejected");

    return rc;
}


ngx_int_t
ngx_ess_client_reject_full(ngx_http_request_t *r)
{
    ngx_unit_trace("full");

    return 503;
}


ngx_int_t
ngx_ess_client_reject_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport)
{
    assert_ptr_equal(transport, &ngx_ess_ws);
    ngx_unit_trace("away");

    return 503;
}


ngx_ess_client_t *
ngx_ess_client_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, uint64_t stream)
{
    assert_ptr_equal(transport, &ngx_ess_ws);
    assert_int_equal(stream, 0);

    return test_no_client ? NULL : fake.client;
}


ngx_int_t
ngx_ess_v1_create(ngx_ess_client_t *client, ngx_ess_v1_begin_t *begin)
{
    assert_ptr_equal(client, fake.client);
    assert_null(begin->info);
    assert_false(begin->only);
    assert_int_equal(begin->key.len, 0);
    ngx_unit_trace("create");

    return test_create;
}


ngx_int_t
ngx_ess_client_start(ngx_ess_client_t *client)
{
    /* whoever looks for the request's client finds it */

    assert_ptr_equal(fake.ctx[0], client);
    ngx_unit_trace("start");

    return NGX_DONE;
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    fake.ctx[0] = NULL;
    test_sse = NGX_DECLINED;
    test_ws = NGX_OK;
    test_v1 = NGX_OK;
    test_create = NGX_OK;
    test_no_client = 0;

    return 0;
}


static ngx_int_t
test_enter(void)
{
    return ngx_ess_multi_enter(&fake.request);
}


static void
test_entered(void **state)
{
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("create", "start");

    test_sse = NGX_OK;
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("sse");
}


static void
test_wrong(void **state)
{
    test_v1 = 400;
    assert_int_equal(test_enter(), 400);

    test_ws = 426;
    assert_int_equal(test_enter(), 426);
    ngx_unit_traced("rejected", "rejected");
    assert_null(fake.ctx[0]);
}


/* A worker that exits takes none, however many it has. */

static void
test_no_room(void **state)
{
    fake.full = 1;
    assert_int_equal(test_enter(), 503);
    ngx_unit_traced("full");

    fake.draining = 1;
    assert_int_equal(test_enter(), 503);
    ngx_unit_traced("away");
}


static void
test_no_memory(void **state)
{
    test_create = NGX_ERROR;
    assert_int_equal(test_enter(), 500);
    ngx_unit_traced("create");

    test_no_client = 1;
    assert_int_equal(test_enter(), 500);
    ngx_unit_traced();
    assert_null(fake.ctx[0]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_entered),
        TEST(test_wrong),
        TEST(test_no_room),
        TEST(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
