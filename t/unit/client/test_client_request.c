/*
 * What stays of the request: who frees the client, when the whole request may
 * go, and when only the buffers of its header.
 *
 * links: src/client/ngx_ess_client_request.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_client_request.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


#define TEST_HEADER   "GET /path?args HTTP/1.1\r\nHost: example\r\n\r\n"
#define TEST_ADDRESS  "192.0.2.1"


ngx_module_t               ngx_http_realip_module = {
    .ctx_index = 1
};

static void               *test_ctx[2];
static ngx_buf_t           test_buf;
static struct sockaddr_in  test_own;        /* the connection's address, and */
static struct sockaddr_in  test_real;       /* what realip has found */
static ngx_uint_t          test_frees;
static ngx_uint_t          test_other;      /* another module's cleanup ran */


/* nginx's, as far as pools go */

void
ngx_http_free_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool;

    test_frees++;

    for (cln = r->cleanup; cln; cln = cln->next) {
        if (cln->handler) {
            cln->handler(cln->data);
        }
    }

    for (pool = r->pool->cleanup; pool; pool = pool->next) {
        if (pool->handler) {
            pool->handler(pool->data);
            pool->handler = NULL;
        }
    }

    r->connection->destroyed = 1;
    test_real.sin_port = 0;
}


static void
test_cleanup(void *data)
{
    test_other++;
}


static void
test_realip_cleanup(void *data)
{
    fake.connection.sockaddr = (struct sockaddr *) &test_own;
    ngx_str_null(&fake.connection.addr_text);
}


static u_char *
test_at(const char *text)
{
    return (u_char *) strstr((char *) test_buf.start, text);
}


static void
test_str(ngx_str_t *str, const char *text)
{
    str->data = test_at(text);
    str->len = strlen(text);
}


static int
test_setup(void **state)
{
    static void  *main_confs[2];

    (void) fake_client_setup(state);

    test_frees = 0;
    test_other = 0;

    ngx_memzero(test_ctx, sizeof(test_ctx));
    fake.request.ctx = test_ctx;
    fake.request.main_conf = main_confs;
    main_confs[ngx_http_core_module.ctx_index] = &fake.core_main;

    /* all that nginx has read is in the connection's buffer */

    ngx_memzero(&test_buf, sizeof(ngx_buf_t));
    test_buf.start = ngx_palloc(NULL, 1024);
    assert_non_null(test_buf.start);
    memcpy(test_buf.start, TEST_HEADER, sizeof(TEST_HEADER));
    test_buf.pos = test_buf.start + sizeof(TEST_HEADER) - 1;
    test_buf.last = test_buf.pos;
    test_buf.end = test_buf.start + 1024;

    fake.connection.buffer = &test_buf;
    fake.connection.sockaddr = (struct sockaddr *) &test_own;
    fake.connection.socklen = sizeof(struct sockaddr_in);
    fake.request.header_in = &test_buf;

    assert_int_equal(ngx_ess_client_request_own(fake.client), NGX_OK);

    return 0;
}


/* The client is not the test's to free. */

static void
test_owned(void)
{
    fake.client = NULL;
}


static void
test_own_request(void **state)
{
    ngx_http_free_request(&fake.request, 0);
    ngx_unit_traced("detach");
    test_owned();
}


static void
test_own_memory(void **state)
{
    ngx_uint_t         i;
    ngx_ess_client_t  *client;

    for (i = 1; i <= 2; i++) {
        client = calloc(1, sizeof(ngx_ess_client_t));
        client->request = &fake.request;
        fake.fail = i;
        assert_int_equal(ngx_ess_client_request_own(client), NGX_ERROR);
    }

    /* the pool's cleanup frees it, or it was freed at once */

    test_owned();
}


static void
test_releasable(void **state)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool;

    assert_true(ngx_ess_client_request_releasable(fake.client));

    fake.request.count = 2;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    fake.request.count = 1;

    fake.request.blocked = 1;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    fake.request.blocked = 0;

    fake.request.http_version = NGX_HTTP_VERSION_20;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    fake.request.http_version = NGX_HTTP_VERSION_11;

    fake.request.out = (ngx_chain_t *) &fake;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    fake.request.out = NULL;

    /* another module waits for its end */

    cln = ngx_http_cleanup_add(&fake.request, 0);
    assert_true(ngx_ess_client_request_releasable(fake.client));
    cln->handler = test_cleanup;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    cln->handler = NULL;

    pool = ngx_pool_cleanup_add(&fake.pool, 0);
    assert_true(ngx_ess_client_request_releasable(fake.client));
    pool->handler = test_cleanup;
    assert_false(ngx_ess_client_request_releasable(fake.client));
    pool->handler = NULL;

    test_owned();
}


static void
test_release(void **state)
{
    assert_int_equal(ngx_ess_client_request_release(fake.client), NGX_OK);

    assert_int_equal(test_frees, 1);
    ngx_unit_traced();
    assert_null(fake.client->request);
    assert_ptr_equal(fake.connection.data, fake.client);
    assert_false(fake.connection.destroyed);
    assert_null(test_buf.start);
    assert_ptr_equal(fake.connection.sockaddr, &test_own);
}


/* realip gives the connection its own address back, which the client keeps */

static void
test_realip(void **state)
{
    struct sockaddr_in  *sin;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(&fake.pool, 0);
    cln->handler = test_realip_cleanup;
    cln->data = &test_real;
    test_ctx[ngx_http_realip_module.ctx_index] = &test_real;

    test_real.sin_port = 4711;
    fake.connection.sockaddr = (struct sockaddr *) &test_real;
    ngx_str_set(&fake.connection.addr_text, TEST_ADDRESS);

    assert_true(ngx_ess_client_request_releasable(fake.client));

    /* after an internal redirect its context is gone */

    test_ctx[ngx_http_realip_module.ctx_index] = NULL;
    assert_true(ngx_ess_client_request_releasable(fake.client));

    fake.fail = 1;
    assert_int_equal(ngx_ess_client_request_release(fake.client), NGX_ERROR);
    assert_int_equal(test_frees, 0);

    assert_int_equal(ngx_ess_client_request_release(fake.client), NGX_OK);
    assert_int_equal(test_frees, 1);

    sin = (struct sockaddr_in *) fake.connection.sockaddr;
    assert_int_equal(sin->sin_port, 4711);
    assert_int_equal(fake.connection.addr_text.len, sizeof(TEST_ADDRESS) - 1);
    assert_memory_equal(fake.connection.addr_text.data, TEST_ADDRESS,
                        sizeof(TEST_ADDRESS) - 1);
}


static void
test_room(size_t room)
{
    static u_char  space[1024];

    fake.pool.d.last = space;
    fake.pool.d.end = space + room;
}


static void
test_shrink(void **state)
{
    ngx_table_elt_t             h[2];
    ngx_http_variable_value_t   variables[2];

    ngx_memzero(h, sizeof(h));
    ngx_memzero(variables, sizeof(variables));

    test_str(&fake.request.uri, "/path");
    test_str(&fake.request.args, "args");
    ngx_str_set(&fake.request.exten, "elsewhere");

    test_str(&h[0].key, "Host");
    test_str(&h[0].value, "example");
    h[0].lowcase_key = test_at("Host");
    h[1].lowcase_key = (u_char *) "host";
    fake.request.headers_in.headers.part.elts = h;
    fake.request.headers_in.headers.part.nelts = 2;

    variables[0].valid = 1;
    variables[0].data = test_at("args");
    variables[1].data = test_at("args");
    fake.request.variables = variables;
    fake.core_main.variables.nelts = 2;

    test_room(sizeof(TEST_HEADER) - 1);
    ngx_ess_client_request_shrink(fake.client);

    /* the buffer is freed; what was in it is elsewhere now */

    assert_null(test_buf.start);
    assert_memory_equal(fake.request.uri.data, "/path", 5);
    assert_memory_equal(fake.request.args.data, "args", 4);
    assert_string_equal((char *) fake.request.exten.data, "elsewhere");
    assert_memory_equal(h[0].key.data, "Host", 4);
    assert_memory_equal(h[0].value.data, "example", 7);
    assert_memory_equal(h[0].lowcase_key, "Host", 4);
    assert_string_equal((char *) h[1].lowcase_key, "host");
    assert_memory_equal(variables[0].data, "args", 4);

    test_owned();
}


static void
test_not_shrunk(void **state)
{
    ngx_buf_t            other;
    ngx_chain_t          busy;
    ngx_pool_cleanup_t  *cln;

    /* one block more would cost more than is gained */

    test_room(sizeof(TEST_HEADER) - 2);
    ngx_ess_client_request_shrink(fake.client);
    assert_non_null(test_buf.start);

    test_room(1024);
    fake.request.http_version = NGX_HTTP_VERSION_20;
    ngx_ess_client_request_shrink(fake.client);
    fake.request.http_version = NGX_HTTP_VERSION_11;

    fake.request.header_in = &other;
    ngx_ess_client_request_shrink(fake.client);
    fake.request.header_in = &test_buf;

    fake.http.busy = &busy;
    ngx_ess_client_request_shrink(fake.client);
    fake.http.busy = NULL;

    /* another module may hold on to the header */

    cln = ngx_pool_cleanup_add(&fake.pool, 0);
    cln->handler = test_cleanup;
    ngx_ess_client_request_shrink(fake.client);
    cln->handler = NULL;

    assert_non_null(test_buf.start);

    test_owned();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_own_request),
        TEST(test_own_memory),
        TEST(test_releasable),
        TEST(test_release),
        TEST(test_realip),
        TEST(test_shrink),
        TEST(test_not_shrunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
