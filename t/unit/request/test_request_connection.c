/*
 * A connection without a socket: what nginx finds there, whose address it has,
 * and what is left when there is no memory.
 *
 * links: src/request/ngx_ess_request_connection.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_request_connection.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define BLOCKS  16


static ngx_log_t                  test_log;
static ngx_log_t                  test_own;
static ngx_http_log_ctx_t         test_ctx;
static ngx_connection_t           test_connection;
static ngx_event_t                test_read, test_write;
static ngx_http_core_srv_conf_t   test_server;
static void                      *test_servers[1] = { &test_server };
static ngx_http_conf_ctx_t        test_conf;
static ngx_int_t                  test_left;    /* allocations until one
                                                   fails */
static ngx_int_t                  test_local;   /* of another connection's */
static void                      *test_blocks[BLOCKS];
static ngx_uint_t                 test_nblocks;
static ngx_atomic_t               test_counter;

ngx_atomic_t         *ngx_connection_counter = &test_counter;
volatile ngx_msec_t   ngx_current_msec;
ngx_module_t          ngx_http_core_module;


static ngx_uint_t
fails(void)
{
    return test_left-- == 0;
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    if (fails()) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);
    test_blocks[test_nblocks] = malloc(size);

    return test_blocks[test_nblocks++];
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    return p ? memset(p, 0, size) : NULL;
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    assert_ptr_equal(log, &test_own);

    return fails() ? NULL : (ngx_pool_t *) &test_nblocks;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_unit_trace("destroy");
}


ngx_connection_t *
ngx_get_connection(ngx_socket_t s, ngx_log_t *log)
{
    assert_int_equal(s, 0);
    assert_ptr_equal(log, &test_log);

    return fails() ? NULL : &test_connection;
}


void
ngx_close_connection(ngx_connection_t *c)
{
    ngx_unit_trace("close");
}


ngx_int_t
ngx_connection_local_sockaddr(ngx_connection_t *c, ngx_str_t *s,
    ngx_uint_t port)
{
    return test_local;
}


u_char *
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + max, fmt, args);
    va_end(args);

    return p;
}


static u_char *
log_handler(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf,
    size_t len)
{
    return ngx_snprintf(buf, len, ", request");
}


static int
test_setup(void **state)
{
    ngx_unit_trace_clear();

    memset(&test_connection, 0, sizeof(test_connection));
    memset(&test_read, 0, sizeof(test_read));
    memset(&test_write, 0, sizeof(test_write));
    memset(&test_ctx, 0, sizeof(test_ctx));

    test_connection.read = &test_read;
    test_connection.write = &test_write;
    test_own.data = &test_ctx;
    test_own.action = NULL;
    test_conf.srv_conf = test_servers;
    test_left = -1;
    test_local = NGX_OK;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();

    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }

    return 0;
}


static ngx_connection_t *
create(void)
{
    return ngx_ess_request_connection_create(&test_own, &test_conf, &test_log);
}


static void
test_created(void **state)
{
    u_char                  buf[1];
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    ngx_current_msec = 77;

    c = create();
    assert_ptr_equal(c, &test_connection);

    /* nothing is done with its socket, which is none */

    assert_true(c->shared);
    assert_true(c->read->active && c->write->active);
    assert_true(c->read->eof);
    assert_true(c->write->ready);
    assert_true(c->need_last_buf);
    assert_false(c->sendfile);
    assert_int_equal(c->recv(c, buf, 1), NGX_AGAIN);
    assert_int_equal(c->recv_chain(c, NULL, 0), NGX_AGAIN);
    assert_int_equal(c->send(c, buf, 1), NGX_ERROR);

    c->read->handler(c->read);
    c->write->handler(c->write);

    assert_int_equal(c->start_time, 77);
    assert_int_equal(c->log->connection, c->number);
    assert_ptr_equal(test_ctx.connection, c);
    assert_ptr_equal(c->read->log, &test_own);

    hc = c->data;
    assert_ptr_equal(hc->conf_ctx, &test_conf);
    assert_ptr_equal(hc->addr_conf->default_server, &test_server);
    assert_null(hc->addr_conf->virtual_names);
    assert_non_null(c->buffer);

    /* each has a number of its own */

    c = create();
    assert_int_equal(c->number, test_counter - 1);
}


static void
test_from_nobody(void **state)
{
    ngx_connection_t  *c;

    c = create();
    assert_int_equal(c->sockaddr->sa_family, AF_UNIX);
    assert_int_equal(c->addr_text.len, 5);
    assert_memory_equal(c->addr_text.data, "unix:", 5);
    assert_ptr_equal(c->local_sockaddr, c->sockaddr);
    assert_int_equal(c->local_socklen, c->socklen);
}


/* It may live longer than the client's. */

static void
test_from_a_client(void **state)
{
    char                 text[] = "192.0.2.1";
    ngx_connection_t    *c, client;
    struct sockaddr_in   remote, local;

    memset(&client, 0, sizeof(client));
    memset(&remote, 0, sizeof(remote));
    memset(&local, 0, sizeof(local));

    remote.sin_family = AF_INET;
    remote.sin_port = 1;
    local.sin_family = AF_INET;
    local.sin_port = 2;
    client.sockaddr = (struct sockaddr *) &remote;
    client.socklen = sizeof(remote);
    client.local_sockaddr = (struct sockaddr *) &local;
    client.local_socklen = sizeof(local);
    client.addr_text.data = (u_char *) text;
    client.addr_text.len = 9;

    c = create();
    assert_int_equal(ngx_ess_request_connection_client(c, &client), NGX_OK);

    memset(&remote, 0xff, sizeof(remote));
    memset(&local, 0xff, sizeof(local));
    memset(text, 'x', 9);

    assert_int_equal(((struct sockaddr_in *) c->sockaddr)->sin_port, 1);
    assert_int_equal(((struct sockaddr_in *) c->local_sockaddr)->sin_port, 2);
    assert_int_equal(c->socklen, sizeof(remote));
    assert_int_equal(c->addr_text.len, 9);
    assert_memory_equal(c->addr_text.data, "192.0.2.1", 9);
}


static void
test_client_is_gone(void **state)
{
    ngx_int_t          i;
    ngx_connection_t  *c, client;

    memset(&client, 0, sizeof(client));
    client.sockaddr = (struct sockaddr *) &client;
    client.local_sockaddr = (struct sockaddr *) &client;
    client.socklen = 4;
    client.local_socklen = 4;
    client.addr_text.data = (u_char *) "a";
    client.addr_text.len = 1;

    c = create();
    test_local = NGX_ERROR;
    assert_int_equal(ngx_ess_request_connection_client(c, &client), NGX_ERROR);

    /* it keeps the address that it had */

    test_local = NGX_OK;

    for (i = 0; i < 3; i++) {
        test_left = i;
        assert_int_equal(ngx_ess_request_connection_client(c, &client),
                         NGX_ERROR);
        assert_int_equal(c->sockaddr->sa_family, AF_UNIX);
        assert_int_equal(c->addr_text.len, 5);
    }
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; /* void */ ; i++) {
        test_left = i;

        if (create()) {
            break;
        }

        if (i == 0) {
            ngx_unit_traced();

        } else if (i == 1) {
            ngx_unit_traced("close");

        } else {
            ngx_unit_traced("close", "destroy");
        }
    }

    assert_int_equal(i, 6);
}


/* As nginx's own lines on requests. */

static void
test_logged(void **state)
{
    size_t               len;
    u_char               buf[64], *p;
    ngx_http_request_t   r;

    (void) create();

    p = ngx_ess_request_connection_log_error(&test_own, buf, sizeof(buf));
    assert_int_equal(p - buf, 15);
    assert_memory_equal(buf, ", client: unix:", 15);

    memset(&r, 0, sizeof(r));
    r.log_handler = log_handler;
    test_ctx.request = &r;
    test_own.action = "reading";

    p = ngx_ess_request_connection_log_error(&test_own, buf, sizeof(buf));
    assert_int_equal(p - buf, 38);
    assert_memory_equal(buf, " while reading, client: unix:, request", 38);

    /* a line that is cut */

    for (len = 0; len < 38; len++) {
        memset(buf, 'x', sizeof(buf));
        p = ngx_ess_request_connection_log_error(&test_own, buf, len);
        assert_int_equal(p - buf, len);
        assert_int_equal(buf[len], 'x');
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_created),
        TEST(test_from_nobody),
        TEST(test_from_a_client),
        TEST(test_client_is_gone),
        TEST(test_memory_is_short),
        TEST(test_logged)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
