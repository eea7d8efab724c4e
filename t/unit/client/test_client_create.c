/*
 * A client's block: what it begins with, and no memory at any step.
 *
 * links: src/client/ngx_ess_client_create.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_client_request.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static ngx_ess_client_t    *test_owned;     /* goes with its request */
static ngx_int_t            test_own;
static ngx_uint_t           test_no_buffer;
static time_t               test_expires;
static ngx_ess_filtered_t   test_filtered;


time_t
ngx_ess_jwt_expires(ngx_http_request_t *r)
{
    assert_ptr_equal(r, &fake.request);

    return test_expires;
}


/* An error frees the client, now or with the request. */

ngx_int_t
ngx_ess_client_request_own(ngx_ess_client_t *client)
{
    test_owned = client;

    return test_own;
}


ngx_ess_filtered_t *
ngx_ess_flush_filtered_create(ngx_http_request_t *r)
{
    return test_no_buffer ? NULL : &test_filtered;
}


static int
test_setup(void **state)
{
    test_owned = NULL;
    test_own = NGX_OK;
    test_no_buffer = 0;
    test_expires = 0;

    return fake_client_setup(state);
}


static int
test_teardown(void **state)
{
    free(test_owned);

    return fake_client_teardown(state);
}


static ngx_ess_client_t *
test_create(void)
{
    return ngx_ess_client_create(&fake.request, &fake_ws, 7);
}


static void
test_created(void **state)
{
    ngx_uint_t         i;
    ngx_ess_client_t  *client;

    client = test_create();
    assert_non_null(client);
    assert_ptr_equal(client, test_owned);

    assert_ptr_equal(client->sub.client, client);
    assert_ptr_equal(client->transport, &fake_ws);
    assert_ptr_equal(client->request, &fake.request);
    assert_ptr_equal(client->connection, &fake.connection);
    assert_ptr_equal(client->conf, &fake.conf);
    assert_int_equal(client->stream_id, 7);
    assert_int_equal(client->since, 1700000000);
    assert_int_equal(client->expires, 0);
    assert_int_equal(client->state, NGX_ESS_CLIENT_GONE);
    assert_true(ngx_queue_empty(&client->drain));
    assert_null(client->filtered);
    assert_false(client->apart);

    /* its transport's session lies behind it */

    for (i = 0; i < fake_ws.session_size; i++) {
        assert_int_equal(((u_char *) (client + 1))[i], 0);
    }
}


/* A token's end that 32 bits cannot tell is the last one that they can. */

static void
test_far(void **state)
{
    test_expires = (time_t) NGX_MAX_UINT32_VALUE + 5;
    assert_int_equal(test_create()->expires, NGX_MAX_UINT32_VALUE);
}


static void
test_http2(void **state)
{
    ngx_ess_client_t  *client;

    fake.request.http_version = NGX_HTTP_VERSION_20;

    client = test_create();
    assert_ptr_equal(client->filtered, &test_filtered);
    assert_true(client->apart);
}


static void
test_no_memory(void **state)
{
    fake.fail = 1;
    assert_null(test_create());
    assert_null(test_owned);
}


static void
test_not_owned(void **state)
{
    test_own = NGX_ERROR;
    assert_null(test_create());
}


/* The request, which has it already, frees it. */

static void
test_not_filtered(void **state)
{
    fake.request.http_version = NGX_HTTP_VERSION_20;
    test_no_buffer = 1;
    assert_null(test_create());
    assert_non_null(test_owned);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_created),
        TEST(test_far),
        TEST(test_http2),
        TEST(test_no_memory),
        TEST(test_not_owned),
        TEST(test_not_filtered)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
