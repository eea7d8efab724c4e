/*
 * Who asks for a stream that there is not: 404, or a WebSocket that is accepted
 * and closed, but only where the request is one for a WebSocket.
 *
 * links: src/client/ngx_ess_client_unknown.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ngx_timer.h"
#include "ngx_trace.h"
#include "ngx_ess_client_unknown.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_ws.h"


static ngx_int_t test_start(ngx_http_request_t *r, void *session);
static size_t test_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason);


ngx_module_t               ngx_ess_module;
const ngx_ess_transport_t  ngx_ess_ws = {
    .session_size = 8, .start = test_start, .close = test_close
};


static struct {
    ngx_uint_t           upgrade;           /* it asks for a WebSocket */
    ngx_int_t            ws;
    ngx_int_t            start;
    ngx_uint_t           fail;              /* the nth allocation; 0: none */
    ngx_http_request_t   request;
    ngx_connection_t     connection;
    ngx_event_t          write;
    ngx_log_t            log;
    ngx_ess_loc_conf_t   conf;
    void                *confs[1];
    char                 session[8];
    u_char               data[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_buf_t            buf;
} test;


ngx_uint_t
ngx_ess_header_lists(ngx_http_request_t *r, const char *name,
    const char *token)
{
    assert_string_equal((char *) name, "upgrade");
    assert_string_equal((char *) token, "websocket");

    return test.upgrade;
}


ngx_int_t
ngx_ess_ws_check(ngx_http_request_t *r)
{
    return test.ws;
}


static ngx_int_t
test_start(ngx_http_request_t *r, void *session)
{
    assert_ptr_equal(session, test.session);
    ngx_unit_trace("start");

    return test.start;
}


static size_t
test_close(void *session, u_char *buf, ngx_uint_t code, ngx_str_t *reason)
{
    ngx_unit_trace("close %d %.*s", (int) code, (int) reason->len,
                   reason->data);

    return 16;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    assert_int_equal(size, sizeof(test.session));

    return (test.fail == 1) ? NULL : test.session;
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    test.buf.pos = test.data;
    test.buf.last = test.data;

    assert_int_equal(size, sizeof(test.data));

    return (test.fail == 2) ? NULL : &test.buf;
}


ngx_int_t
ngx_http_output_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    assert_ptr_equal(in->buf, &test.buf);
    assert_null(in->next);
    assert_true(test.buf.last_buf && test.buf.flush);

    ngx_unit_trace("send %d", (int) (test.buf.last - test.buf.pos));

    return NGX_AGAIN;
}


void
ngx_http_test_reading(ngx_http_request_t *r)
{
}


void
ngx_http_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_unit_trace("finalize %d", (int) rc);
}


static int
test_setup(void **state)
{
    memset(&test, 0, sizeof(test));
    test.request.main = &test.request;
    test.request.connection = &test.connection;
    test.request.loc_conf = test.confs;
    test.connection.write = &test.write;
    test.write.log = &test.log;
    test.write.data = &test.connection;
    test.confs[ngx_ess_module.ctx_index] = &test.conf;
    test.conf.subscribe_unknown = 4404;
    test.upgrade = 1;
    ngx_unit_trace_clear();

    return 0;
}


static ngx_int_t
test_unknown(ngx_uint_t code)
{
    return ngx_ess_client_unknown(&test.request, code);
}


static void
test_refused(void **state)
{
    assert_int_equal(test_unknown(0), NGX_DECLINED);

    test.upgrade = 0;
    assert_int_equal(test_unknown(1000), NGX_DECLINED);

    test.upgrade = 1;
    test.ws = 426;
    assert_int_equal(test_unknown(1000), 426);

    test.upgrade = 0;
    assert_int_equal(test_unknown(1000), NGX_DECLINED);

    ngx_unit_traced();
    assert_false(test.request.lingering_close);
}


static void
test_closed(void **state)
{
    assert_int_equal(test_unknown(4404), NGX_DONE);
    ngx_unit_traced("start");
    assert_int_equal(test.request.count, 1);
    assert_true(test.write.delayed && test.write.timer_set);

    /* the socket takes more, but it is not time yet */

    test.request.write_event_handler(&test.request);
    ngx_unit_traced();

    test.write.delayed = 0;
    test.request.write_event_handler(&test.request);
    ngx_unit_traced("close 4404 Unknown stream", "send 16", "finalize -2");
    assert_true(test.request.lingering_close);
}


static void
test_failed(void **state)
{
    test.fail = 1;
    assert_int_equal(test_unknown(1000), NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_unit_traced();

    test.fail = 2;
    assert_int_equal(test_unknown(1000), NGX_DONE);
    test.write.delayed = 0;
    test.request.write_event_handler(&test.request);
    ngx_unit_traced("start", "finalize -1");

    test.start = NGX_ERROR;
    assert_int_equal(test_unknown(1000), NGX_ERROR);
    ngx_unit_traced("start");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_refused, test_setup),
        cmocka_unit_test_setup(test_closed, test_setup),
        cmocka_unit_test_setup(test_failed, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
