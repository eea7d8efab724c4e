/*
 * How a session comes to a socket: nodes in turn, and lookups that take longer
 * than an attempt.
 *
 * links: src/amqp/ngx_ess_amqp_connect.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_amqp_session.h"
#include "ngx_ess_backoff.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define NODES  2


static ngx_log_t                test_log;
static ngx_pool_t               test_pool;
static ngx_event_t              test_read, test_write;
static ngx_connection_t         test_connection;
static ngx_thread_task_t       *test_task;      /* the last one posted */
static ngx_ess_amqp_node_t      test_nodes[NODES];
static ngx_ess_amqp_conf_t      test_conf;
static ngx_ess_amqp_session_t   s;
static ngx_ess_amqp_resolve_t  *test_resolves[NODES];


ngx_int_t
ngx_thread_task_post(ngx_thread_pool_t *tp, ngx_thread_task_t *task)
{
    ngx_unit_trace("lookup");
    test_task = task;

    return NGX_OK;
}


ngx_int_t
ngx_event_connect_peer(ngx_peer_connection_t *pc)
{
    struct sockaddr_in  *sin;

    sin = (struct sockaddr_in *) pc->sockaddr;
    ngx_unit_trace("connect %d:%d", (int) (ntohl(sin->sin_addr.s_addr) & 255),
                   (int) ntohs(sin->sin_port));

    pc->connection = &test_connection;

    return NGX_AGAIN;
}


ngx_int_t
ngx_event_get_peer(ngx_peer_connection_t *pc, void *data)
{
    return NGX_OK;
}


void
ngx_close_connection(ngx_connection_t *c)
{
    assert_ptr_equal(c, &test_connection);
}


ngx_int_t
ngx_tcp_nodelay(ngx_connection_t *c)
{
    return NGX_OK;
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    return &test_pool;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    assert_ptr_equal(pool, &test_pool);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


void
ngx_inet_set_port(struct sockaddr *sa, in_port_t port)
{
    ((struct sockaddr_in *) sa)->sin_port = htons(port);
}


size_t
ngx_sock_ntop(struct sockaddr *sa, socklen_t socklen, u_char *text, size_t len,
    ngx_uint_t port)
{
    return 0;
}


ngx_int_t
ngx_ssl_create_connection(ngx_ssl_t *ssl, ngx_connection_t *c, ngx_uint_t flags)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_ssl_handshake(ngx_connection_t *c)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_ssl_shutdown(ngx_connection_t *c)
{
    return NGX_OK;
}


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    return 1000;
}


ngx_int_t
ngx_ess_amqp_trouble(ngx_ess_amqp_session_t *session, const char *fmt, ...)
{
    ngx_unit_trace("trouble");

    return NGX_ERROR;
}


static void
timeout(ngx_event_t *ev)
{
    if (s.state == NGX_ESS_AMQP_IDLE) {
        ngx_ess_amqp_connect(&s);
        return;
    }

    ngx_ess_amqp_connect_close(&s);
    s.state = NGX_ESS_AMQP_IDLE;
    ngx_ess_amqp_connect_next(&s);
}


/* The thread is done. */

static void
resolved(ngx_thread_task_t *task)
{
    task->handler(task->ctx, &test_log);
    task->event.handler(&task->event);
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    ngx_memzero(&s, sizeof(s));
    ngx_memzero(test_resolves, sizeof(test_resolves));

    for (i = 0; i < NODES; i++) {
        test_nodes[i].port = 5000 + i;
    }

    /* looked up as names are */

    ngx_str_set(&test_nodes[0].host, "127.0.0.1");
    ngx_str_set(&test_nodes[1].host, "127.0.0.2");

    test_conf.nodes.elts = test_nodes;
    test_conf.nodes.nelts = NODES;

    test_connection.read = &test_read;
    test_connection.write = &test_write;

    s.conf = &test_conf;
    s.parent_log = &test_log;
    s.connect.resolves = test_resolves;
    s.connect.timer.handler = timeout;
    s.connect.timer.log = &test_log;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_amqp_connect_close(&s);
    ngx_ess_amqp_connect_forget(&s);

    return ngx_unit_pending() != 0;
}


static void
test_nodes_in_turn(void **state)
{
    ngx_ess_amqp_connect(&s);
    ngx_unit_traced("lookup");
    resolved(test_task);
    ngx_unit_traced("connect 1:5000");

    ngx_unit_pass(5000);
    ngx_unit_traced("lookup");
    resolved(test_task);
    ngx_unit_traced("connect 2:5001");

    /* all were tried: after a while, from the first on, looked up again */

    ngx_unit_pass(5000);
    ngx_unit_traced();
    assert_int_equal(s.state, NGX_ESS_AMQP_IDLE);

    ngx_unit_pass(1000);
    ngx_unit_traced("lookup");
    resolved(test_task);
    ngx_unit_traced("connect 1:5000");
}


/* a name server that is down makes a lookup take longer than an attempt */

static void
test_late_lookup_is_kept(void **state)
{
    ngx_thread_task_t  *late;

    ngx_ess_amqp_connect(&s);
    ngx_unit_traced("lookup");
    late = test_task;

    ngx_unit_pass(5000);
    ngx_unit_traced("lookup");
    resolved(late);
    ngx_unit_traced();
    resolved(test_task);
    ngx_unit_traced("connect 2:5001");

    ngx_unit_pass(5000);
    ngx_unit_traced();
    ngx_unit_pass(1000);
    ngx_unit_traced("connect 1:5000");
}


/* an open session that ends: its node's name may have other addresses now */

static void
test_looked_up_again_after_the_end(void **state)
{
    ngx_ess_amqp_connect(&s);
    resolved(test_task);
    ngx_unit_traced("lookup", "connect 1:5000");

    ngx_ess_amqp_connect_close(&s);
    ngx_ess_amqp_connect_later(&s);
    ngx_unit_pass(1000);
    ngx_unit_traced("lookup");
    resolved(test_task);
    ngx_unit_traced("connect 1:5000");
}


static void
test_end_before_the_lookup(void **state)
{
    ngx_ess_amqp_connect(&s);
    ngx_unit_traced("lookup");

    ngx_ess_amqp_connect_close(&s);
    ngx_ess_amqp_connect_forget(&s);
    test_resolves[0] = NULL;
    resolved(test_task);
    ngx_unit_traced();
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_nodes_in_turn),
        t(test_late_lookup_is_kept),
        t(test_looked_up_again_after_the_end),
        t(test_end_before_the_lookup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
