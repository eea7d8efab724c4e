/*
 * A worker's part in RPC, put together: which sessions there are, who is told
 * what of them, and in which order all of it ends.
 *
 * links: src/rpc/ngx_ess_rpc.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_call.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_consume.h"
#include "ngx_ess_rpc.h"
#include "ngx_ess_rpc_publisher.h"
#include "ngx_trace.h"


/* a session, in place of src/amqp */

struct ngx_ess_amqp_session_s {
    const ngx_ess_amqp_handlers_t  *handlers;
    size_t                          max_body;
    ngx_uint_t                      there;
};


static ngx_log_t                test_log;
static ngx_cycle_t              test_cycle;
static ngx_ess_rpc_conf_t       test_conf;
static ngx_ess_amqp_session_t   test_sessions[2];   /* publishing, consuming */
static ngx_uint_t               test_nsessions;
static ngx_int_t                test_left;          /* steps until one fails */


static ngx_uint_t
fails(void)
{
    return test_left-- == 0;
}


ngx_ess_amqp_session_t *
ngx_ess_amqp_create(ngx_ess_amqp_conf_t *conf,
    const ngx_ess_amqp_handlers_t *handlers, void *data, size_t max_body,
    ngx_log_t *log)
{
    ngx_ess_amqp_session_t  *s;

    if (fails()) {
        return NULL;
    }

    s = &test_sessions[test_nsessions++];
    s->handlers = handlers;
    s->max_body = max_body;
    s->there = 1;

    return s;
}


void
ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s)
{
    assert_true(s->there);
    s->there = 0;

    ngx_unit_trace("destroy %d", (int) (s - test_sessions));
}


ngx_str_t *
ngx_ess_amqp_node_name(ngx_ess_amqp_session_t *s)
{
    static ngx_str_t  name = ngx_string("node");

    return &name;
}


void
ngx_ess_rpc_figures_init_process(ngx_ess_rpc_figures_t *figures)
{
}


void
ngx_ess_rpc_figures_trouble(ngx_ess_rpc_session_e session, ngx_str_t *host,
    ngx_str_t *text)
{
    ngx_unit_trace("%s: %.*s", session == NGX_ESS_RPC_CONSUMING ? "consuming"
                                                                : "publishing",
                   text ? (int) text->len : 4,
                   text ? (char *) text->data : "well");
}


void
ngx_ess_rpc_figures_blocked(ngx_str_t *host, ngx_str_t *reason)
{
    ngx_unit_trace("blocked: %.*s", reason ? (int) reason->len : 2,
                   reason ? (char *) reason->data : "no");
}


void
ngx_ess_rpc_publisher_init(ngx_log_t *log)
{
}


void
ngx_ess_rpc_publisher_exit(void)
{
    ngx_unit_trace("publisher exit");
}


void
ngx_ess_rpc_publisher_open(ngx_ess_amqp_session_t *s)
{
    ngx_unit_trace("publisher open");
}


void
ngx_ess_rpc_publisher_close(void)
{
    ngx_unit_trace("publisher close");
}


void
ngx_ess_rpc_publisher_writable(void)
{
    ngx_unit_trace("publisher writable");
}


ngx_int_t
ngx_ess_call_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    return fails() ? NGX_ERROR : NGX_OK;
}


void
ngx_ess_call_exit(void)
{
    ngx_unit_trace("calls exit");
}


void
ngx_ess_call_channel_open(ngx_ess_amqp_session_t *s)
{
    ngx_unit_trace("calls open");
}


void
ngx_ess_call_channel_close(void)
{
    ngx_unit_trace("calls close");
}


void
ngx_ess_call_channel_writable(void)
{
    ngx_unit_trace("calls writable");
}


void
ngx_ess_call_channel_failed(void)
{
    ngx_unit_trace("calls failed");
}


void
ngx_ess_call_channel_blocked(ngx_str_t *reason)
{
    ngx_unit_trace("calls %s", reason ? "blocked" : "go on");
}


ngx_int_t
ngx_ess_consume_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    return fails() ? NGX_ERROR : NGX_OK;
}


void
ngx_ess_consume_exit(void)
{
    ngx_unit_trace("messages exit");
}


void
ngx_ess_consume_delivery(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d)
{
}


void
ngx_ess_consume_lost(void)
{
}


void
ngx_ess_consume_shutdown(void)
{
    ngx_unit_trace("messages shutdown");
}


ngx_int_t
ngx_ess_consume_queue_init(ngx_ess_rpc_conf_t *conf,
    ngx_ess_consume_queue_pt handler, ngx_ess_consume_queue_lost_pt lost,
    ngx_log_t *log)
{
    return fails() ? NGX_ERROR : NGX_OK;
}


void
ngx_ess_consume_queue_exit(void)
{
    ngx_unit_trace("queues exit");
}


void
ngx_ess_consume_queue_open(ngx_ess_amqp_session_t *s)
{
    ngx_unit_trace("queues open");
}


void
ngx_ess_consume_queue_close(void)
{
    ngx_unit_trace("queues close");
}


void
ngx_ess_consume_queue_shutdown(void)
{
    ngx_unit_trace("queues shutdown");
}


static int
setup(void **state)
{
    ngx_unit_trace_clear();

    memset(&test_conf, 0, sizeof(test_conf));
    memset(test_sessions, 0, sizeof(test_sessions));

    test_cycle.log = &test_log;
    test_nsessions = 0;
    test_left = -1;
    test_conf.max_body = 100;
    test_conf.max_reply = 200;
    test_conf.calls.nelts = 1;
    test_conf.queues.nelts = 1;

    return 0;
}


/* Those who make requests of messages end before what these stand on; what was
   under way in a session goes with it, and only then its memory. */

static int
teardown(void **state)
{
    ngx_unit_traced();

    ngx_ess_rpc_exit_process();

    assert_false(test_sessions[0].there);
    assert_false(test_sessions[1].there);

    return 0;
}


static void
start(void)
{
    assert_int_equal(ngx_ess_rpc_init_process(&test_cycle, &test_conf),
                     NGX_OK);
}


/* A worker of a configuration without RPC. */

static void
test_never_begun(void **state)
{
    ngx_ess_rpc_shutdown();
    ngx_ess_rpc_exit_process();
    ngx_unit_traced();
}


static void
test_ends_in_order(void **state)
{
    start();
    assert_int_equal(test_nsessions, 2);

    ngx_ess_rpc_shutdown();
    ngx_unit_traced("queues shutdown", "messages shutdown");

    ngx_ess_rpc_exit_process();
    ngx_unit_traced("messages exit", "destroy 1", "destroy 0", "calls exit",
                    "queues exit", "publisher exit");
}


/* Each takes bodies as large as its directive allows. */

static void
test_sizes(void **state)
{
    start();
    assert_int_equal(test_sessions[0].max_body, 200);
    assert_int_equal(test_sessions[1].max_body, 100);
}


static void
test_calls_alone(void **state)
{
    test_conf.queues.nelts = 0;
    start();
    assert_int_equal(test_nsessions, 1);

    ngx_ess_rpc_shutdown();
    ngx_unit_traced();
}


static void
test_publishing(void **state)
{
    ngx_str_t                       text = ngx_string("why");
    ngx_ess_amqp_session_t         *s;
    const ngx_ess_amqp_handlers_t  *h;

    start();

    s = &test_sessions[0];
    h = s->handlers;

    h->failed(s, &text);
    ngx_unit_traced("publishing: why", "calls failed");
    h->open(s);
    ngx_unit_traced("publishing: well", "publisher open", "calls open");
    h->writable(s);
    ngx_unit_traced("publisher writable", "calls writable");
    h->blocked(s, &text);
    ngx_unit_traced("blocked: why", "calls blocked");
    h->blocked(s, NULL);
    ngx_unit_traced("blocked: no", "calls go on");

    /* an alarm ends with the session */

    h->close(s);
    ngx_unit_traced("blocked: no", "publisher close", "calls close");

    /* nobody calls: no channels are opened for it */

    test_conf.calls.nelts = 0;
    h->open(s);
    ngx_unit_traced("publishing: well", "publisher open");
}


/* That it is open is not yet that queues are consumed: they say that it is
   well. */

static void
test_consuming(void **state)
{
    ngx_str_t                       text = ngx_string("why");
    ngx_ess_amqp_session_t         *s;
    const ngx_ess_amqp_handlers_t  *h;

    start();

    s = &test_sessions[1];
    h = s->handlers;

    h->failed(s, &text);
    h->open(s);
    h->close(s);
    ngx_unit_traced("consuming: why", "queues open", "queues close");
    assert_null(h->blocked);
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; i < 5; i++) {
        (void) setup(state);
        test_left = i;
        assert_int_equal(ngx_ess_rpc_init_process(&test_cycle, &test_conf),
                         NGX_ERROR);

        ngx_ess_rpc_exit_process();
        assert_false(test_sessions[0].there);
        ngx_unit_trace_clear();
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_never_begun, setup),
        cmocka_unit_test_setup_teardown(test_ends_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_publishing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_consuming, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_short, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
