/*
 * How a client of several streams over SSE enters: at once, or when the logs of
 * all of them follow their streams.
 *
 * links: t/unit/client/fake_authorize.c
 * links: src/client/ngx_ess_multi_enter_sse.c t/unit/ngx_string.c
 * links: t/unit/ngx_pool.c t/unit/ngx_trace.c t/unit/fake_problem.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "fake_problem.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_said.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_multi_enter_sse.h"
#include "ngx_ess_multi_query.h"
#include "ngx_ess_source.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_wait.h"
#include "ngx_trace.h"


void ngx_unit_pool_free(void);


static ngx_ess_multi_sse_stream_t  test_streams[3];
static ngx_ess_multi_entry_t       test_entries[3];
static ngx_str_t                   test_sources[3];
static ngx_uint_t                  test_kinds[3];

static ngx_ess_source_attach_t    *test_attaches[3];
static ngx_uint_t                  test_nattaches;

static ngx_int_t                   test_body;
static ngx_int_t                   test_query;
static ngx_int_t                   test_join;
static ngx_uint_t                  test_drain;
static ngx_uint_t                  test_full;
static ngx_http_cleanup_t          test_cleanup;
static void                       *test_ctx[8];
static ngx_http_request_t          test_request;
static ngx_ess_loc_conf_t          test_conf;
static void                       *test_confs[8] = { &test_conf };
static ngx_ess_authorize_conf_t    test_authorize;
static ngx_ess_client_t            test_client;
static ngx_cycle_t                 test_cycle;

volatile ngx_cycle_t       *ngx_cycle = &test_cycle;
ngx_ess_zone_t             *ngx_ess_client_zone;
const ngx_ess_transport_t   ngx_ess_sse;
ngx_module_t                ngx_ess_module;


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    if (p) {
        memset(p, 0, size);
    }

    return p;
}


ngx_int_t
ngx_ess_sse_check_body(ngx_http_request_t *r)
{
    return test_body;
}


void
ngx_ess_client_said(ngx_http_request_t *r, ngx_ess_position_said_t *said)
{
    memset(said, 0, sizeof(ngx_ess_position_said_t));
}


ngx_int_t
ngx_ess_multi_query_read(ngx_http_request_t *r, ngx_ess_position_said_t *said,
    ngx_ess_multi_query_t *wanted)
{
    wanted->n = 3;
    wanted->streams = test_streams;
    wanted->entries = test_entries;
    wanted->sources = test_sources;
    wanted->kinds = test_kinds;

    return test_query;
}


ngx_int_t
ngx_ess_multi_query_join(ngx_ess_client_t *client,
    ngx_ess_multi_query_t *wanted)
{
    ngx_unit_trace("join");

    return test_join;
}


ngx_int_t
ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    ngx_unit_trace("rejected %d", (int) reason);

    return rc;
}


ngx_int_t
ngx_ess_client_reject_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport)
{
    ngx_unit_trace("sent away");

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_reject_full(ngx_http_request_t *r)
{
    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


ngx_uint_t
ngx_ess_drain_active(void)
{
    return test_drain;
}


ngx_uint_t
ngx_ess_client_max_reached(void)
{
    return test_full;
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


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    test_cleanup.handler = gone;
    test_cleanup.data = data;

    return &test_cleanup;
}


void
ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    assert_null(test_cleanup.handler);

    ngx_unit_trace("finish %d", (int) rc);
}


void
ngx_ess_source_attach(ngx_ess_zone_t *zone, ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("attach %.*s", (int) attach->key.len, attach->key.data);

    test_attaches[test_nattaches++] = attach;
}


void
ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("cancel %.*s", (int) attach->key.len, attach->key.data);
}


/* The third one was deleted. */

ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    info->ref.id = id;

    return (id == 12) ? NGX_DECLINED : NGX_OK;
}


ngx_ess_client_t *
ngx_ess_client_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, uint64_t stream)
{
    assert_int_equal(stream, 0);

    return &test_client;
}


ngx_int_t
ngx_ess_client_start(ngx_ess_client_t *client)
{
    ngx_unit_trace("start");

    return NGX_DONE;
}


/* The second and the third one follow another stream. */

static int
test_setup(void **state)
{
    static u_char  names[] = "abc";

    ngx_uint_t  i;

    test_body = NGX_OK;
    test_query = NGX_OK;
    test_join = NGX_OK;
    test_drain = 0;
    test_full = 0;
    test_nattaches = 0;

    memset(&test_request, 0, sizeof(test_request));
    test_request.main = &test_request;
    test_request.ctx = test_ctx;
    test_request.loc_conf = test_confs;
    test_conf.authorize = NULL;

    for (i = 0; i < 3; i++) {
        test_entries[i].entry.follow = (i > 0);
        test_entries[i].entry.ref.id = 10 + i;
        test_sources[i] = (ngx_str_t) { i ? 1 : 0, &names[i] };
        test_streams[i].stream = (ngx_str_t) { 1, &names[i] };
    }

    ngx_unit_trace_clear();

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static void
test_refused(void **state)
{
    test_body = NGX_HTTP_BAD_REQUEST;
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), 400);
    assert_int_equal(ngx_unit_trace_count("rejected"), 1);
    ngx_unit_trace_clear();

    test_body = NGX_OK;
    test_query = NGX_HTTP_NOT_FOUND;
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), 404);

    test_query = NGX_OK;
    test_full = 1;
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), 503);
    ngx_unit_traced();

    test_drain = 1;
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_OK);
    ngx_unit_traced("sent away");
}


static void
test_at_once(void **state)
{
    test_entries[1].entry.follow = 0;
    test_entries[2].entry.follow = 0;

    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    ngx_unit_traced("join", "start");

    test_join = 429;
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), 429);
    ngx_unit_traced("join");
}


static void
test_asked(void **state)
{
    test_conf.authorize = &test_authorize;

    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    ngx_unit_traced("ask", "about 10 with 0 keys", "about 11 with 0 keys",
                    "one more", "attach b", "attach c");
}


static void
answer(ngx_uint_t i, ngx_int_t rc)
{
    ngx_str_t  text = ngx_string("no such stream");

    test_attaches[i]->handler(test_attaches[i], rc, &text);
}


static void
test_attached(void **state)
{
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    assert_int_equal(test_request.count, 1);
    ngx_unit_traced("one more", "attach b", "attach c");

    answer(1, NGX_OK);
    ngx_unit_traced();

    answer(0, NGX_OK);
    ngx_unit_traced("one less", "join", "start", "finish -4");
}


static void
test_attach_failed(void **state)
{
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    ngx_unit_trace_clear();

    answer(0, NGX_DECLINED);
    assert_int_equal(ngx_unit_trace_count("cancel c"), 1);
    assert_int_equal(ngx_unit_trace_count("cancel b"), 0);
    assert_int_equal(ngx_unit_trace_count("rejected"), 1);
    assert_int_equal(ngx_unit_trace_count("finish 503"), 1);
    assert_int_equal(ngx_unit_trace_count("join"), 0);
    assert_string_equal(fake_problem, "stream \"b\": no such stream");
    ngx_unit_trace_clear();
}


static void
test_attach_drained(void **state)
{
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    answer(0, NGX_OK);
    ngx_unit_trace_clear();

    test_drain = 1;
    answer(1, NGX_OK);
    ngx_unit_traced("one less", "sent away", "finish 0");
}


static void
test_request_gone(void **state)
{
    assert_int_equal(ngx_ess_multi_enter_sse(&test_request), NGX_DONE);
    answer(0, NGX_OK);
    ngx_unit_trace_clear();

    test_cleanup.handler(test_cleanup.data);
    ngx_unit_traced("one less", "cancel c");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_at_once, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_asked, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_attached, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_attach_failed, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_attach_drained, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(test_request_gone, test_setup,
                                        test_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
