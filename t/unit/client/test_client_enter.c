/*
 * How a client enters: who is refused, with which answer and which counter;
 * what its subscription is to be; the wait for a log that follows another one.
 *
 * links: t/unit/client/fake_multi.c
 * links: t/unit/client/fake_authorize.c
 * links: src/client/ngx_ess_client_create.c src/client/ngx_ess_client_reject.c
 * links: src/client/ngx_ess_client_enter.c t/unit/client/fake_client.c
 * links: src/client/ngx_ess_client_said.c
 * links: t/unit/client/fake_client_calls.c src/ngx_ess_escape.c
 * links: src/ngx_ess_origin.c src/ngx_ess_str.c t/unit/fake_problem.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "fake_problem.h"
#include "ngx_ess_client_demand.h"
#include "ngx_ess_client_enter.h"
#include "ngx_ess_client_key.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_header.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_client_request.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_subscriber.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_ws.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define TEST_REJECTED(reason)                                                 \
    test_rejected(NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_ ## reason)


static ngx_int_t test_sse_start(ngx_http_request_t *r, void *session);


const ngx_ess_transport_t  ngx_ess_ws = { .answers = 1, .session_size = 8 };
const ngx_ess_transport_t  ngx_ess_sse = { .start = test_sse_start };

const char *const          ngx_ess_position_headers[] = { "xo", "xt", "xd" };


static const ngx_ess_encoding_t  test_encoding[NGX_ESS_TRANSPORTS][2];

static const ngx_ess_conf_serves_t  test_serves = { .open = 1 };
static struct {
    ngx_uint_t                   sse;       /* what the request asks for */
    ngx_uint_t                   deflates;
    ngx_int_t                    ws;        /* what its handshake is */
    const char                  *origin;    /* NULL: it has none */
    const char                  *last_id;
    ngx_int_t                    position;
    ngx_int_t                    found;     /* its stream */
    ngx_int_t                    enters;    /* its subscription */
    ngx_uint_t                   untold, follows;

    ngx_ess_source_attach_t     *attach;    /* that waits */
    ngx_http_cleanup_t           cleanup;
    ngx_ess_client_t            *client;
    ngx_ess_subscriber_entry_t   entry;
    ngx_ess_main_conf_t          main_conf, *main_confs;
} test;


/* neighbours */

static ngx_int_t
test_sse_start(ngx_http_request_t *r, void *session)
{
    ngx_unit_trace(session ? "start" : "start without session");
    return fake.start;
}


ngx_int_t
ngx_ess_client_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_str_null(key);

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_key_fits(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info)
{
    return NGX_OK;
}


ngx_int_t
ngx_ess_sse_check(ngx_http_request_t *r)
{
    return test.sse ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_ess_sse_chunks(ngx_http_request_t *r)
{
    return r->http_version == NGX_HTTP_VERSION_11;
}


ngx_int_t
ngx_ess_ws_check(ngx_http_request_t *r)
{
    return test.ws;
}


ngx_uint_t
ngx_ess_ws_deflates(ngx_http_request_t *r)
{
    return test.deflates;
}


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    const char              *value;
    static ngx_table_elt_t   h;

    value = !strcmp(name, "origin") ? test.origin
            : (*name == 'l') ? test.last_id : NULL;
    h.value.data = (u_char *) value;
    h.value.len = value ? strlen(value) : 0;
    return value ? &h : NULL;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    ngx_unit_trace("%s: %.*s", name, (int) len, (const char *) value);
    return fake.handled;
}


ngx_int_t
ngx_ess_position_event(ngx_str_t *value, ngx_ess_position_t *pos)
{
    ngx_unit_trace("event %.*s", (int) value->len, value->data);
    pos->type = NGX_ESS_POSITION_EVENT;

    return test.position;
}


ngx_int_t
ngx_ess_position_parse(ngx_ess_position_said_t *said, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    assert_true(said->now == ngx_time() && !said->many);
    ngx_str_set(reason, "why");
    pos->type = NGX_ESS_POSITION_ORDINAL;

    return test.position;
}


ngx_int_t
ngx_ess_client_demand(ngx_http_request_t *r, ngx_int_t found,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info,
    ngx_http_handler_pt enter)
{
    return found;
}


ngx_int_t
ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info)
{
    ngx_memzero(named, sizeof(ngx_ess_client_named_t));
    ngx_memzero(info, sizeof(ngx_ess_stream_info_t));
    info->ref.id = '1';
    info->kind.follows = test.follows;
    info->kind.source = 3;
    info->untold = test.untold;
    info->key_len = 3;
    memcpy(info->key, "key", 3);

    return test.found;
}


time_t
ngx_ess_jwt_expires(ngx_http_request_t *r)
{
    return (time_t) 1 << 40;
}


void
ngx_ess_source_attach(ngx_ess_zone_t *zone, ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("attach %d %.*s", (int) attach->source,
                   (int) attach->key.len, attach->key.data);
    test.attach = attach;
}


void
ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("cancel");
}


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    test.cleanup.handler = gone;
    test.cleanup.data = data;

    return (fake.handled == NGX_OK) ? &test.cleanup : NULL;
}


void
ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_unit_trace("finish %d", (int) rc);
}


/* the request would free it */

ngx_int_t
ngx_ess_client_request_own(ngx_ess_client_t *client)
{
    free(test.client);
    test.client = client;

    if (fake.control != NGX_OK) {
        free(client);
        test.client = NULL;
    }

    return fake.control;
}


ngx_ess_filtered_t *
ngx_ess_flush_filtered_create(ngx_http_request_t *r)
{
    return (ngx_ess_filtered_t *) &fake;
}


ngx_int_t
ngx_ess_subscriber_enter(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry, ngx_ess_max_subscribers_t *limit)
{
    assert_ptr_equal(sub->client, test.client);
    assert_ptr_equal(limit, &fake.conf.limit);
    test.entry = *entry;

    return test.enters;
}


ngx_int_t
ngx_ess_client_start(ngx_ess_client_t *client)
{
    ngx_unit_trace(client->code ? "begin %d %s" : "begin", client->code,
                   client->reason ? client->reason : "");

    return NGX_DONE;
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    (void) fake_client_setup(state);
    memset(&test, 0, sizeof(test));
    fake.request.method = NGX_HTTP_GET;
    test.main_conf.zone = (ngx_ess_zone_t *) &fake;
    test.main_confs = &test.main_conf;
    fake.request.main_conf = (void **) &test.main_confs;
    fake.conf.serves = &test_serves;

    for (i = 0; i < NGX_ESS_TRANSPORTS * 2; i++) {
        fake.conf.encodings[i / 2][i % 2] = &test_encoding[i / 2][i % 2];
    }

    fake.ctx[0] = NULL;

    ngx_ess_client_zone = (ngx_ess_zone_t *) &fake;

    return 0;
}


static int
test_teardown(void **state)
{
    free(test.client);
    return fake_client_teardown(state);
}


static ngx_int_t
test_enter(void)
{
    return ngx_ess_client_enter_handler(&fake.request);
}


/* That reason was counted, once, and no other one. */

static void
test_rejected(ngx_uint_t counter)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_C_N; i++) {
        assert_int_equal(fake.counters[i], i == counter);
    }

    fake.counters[counter] = 0;
}


static void
test_websocket(void **state)
{
    ngx_ess_client_stats_t  stats;

    assert_int_equal(ngx_ess_client_enter_stats(&fake.request, &stats),
                     NGX_DECLINED);
    fake.request.content_handler = ngx_ess_client_enter_handler;
    assert_int_equal(ngx_ess_client_enter_stats(&fake.request, &stats),
                     NGX_DECLINED);

    test.untold = 1;
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("begin");

    assert_int_equal(test.entry.ref.id, '1');
    assert_ptr_equal(test.entry.encoding, &test_encoding[0][0]);
    assert_int_equal(test.entry.pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(test.entry.follow, 0);
    assert_int_equal(test.entry.live, 0);
    assert_int_equal(test.entry.untold, 1);

    assert_ptr_equal(test.client->transport, &ngx_ess_ws);
    assert_ptr_equal(test.client->connection, &fake.connection);
    assert_ptr_equal(test.client->request, &fake.request);
    assert_null(test.client->filtered);
    assert_int_equal(test.client->stream_id, '1');
    assert_int_equal(test.client->expires, NGX_MAX_UINT32_VALUE);
    assert_int_equal(test.client->since, ngx_time());
    assert_int_equal(test.client->state, NGX_ESS_CLIENT_GONE);
    assert_true(ngx_queue_empty(&test.client->drain));

    test.client->events_sent = 5;
    assert_int_equal(ngx_ess_client_enter_stats(&fake.request, &stats),
                     NGX_OK);
    assert_int_equal(stats.stream_id, '1');
    assert_int_equal(stats.events_sent, 5);
}


static void
test_encodings(void **state)
{
    test.deflates = 1;
    (void) test_enter();
    assert_ptr_equal(test.entry.encoding, &test_encoding[0][1]);

    test.sse = 1;
    (void) test_enter();
    assert_ptr_equal(test.entry.encoding, &test_encoding[NGX_ESS_TRANSPORT_SSE][1]);
    assert_ptr_equal(test.client->transport, &ngx_ess_sse);

    fake.request.http_version = NGX_HTTP_VERSION_20;
    (void) test_enter();
    assert_ptr_equal(test.entry.encoding, &test_encoding[NGX_ESS_TRANSPORT_SSE][0]);
    assert_non_null(test.client->filtered);

    ngx_unit_trace_clear();
}


static void
test_not_found(void **state)
{
    test.found = NGX_DECLINED;
    assert_int_equal(test_enter(), NGX_HTTP_NOT_FOUND);
    TEST_REJECTED(STREAM);

    test.found = NGX_HTTP_FORBIDDEN;
    assert_int_equal(test_enter(), NGX_HTTP_FORBIDDEN);
}


static void
test_refused(void **state)
{
    ngx_str_t    origins[2];
    ngx_array_t  array;

    fake.request.method = NGX_HTTP_POST;
    assert_int_equal(test_enter(), NGX_HTTP_NOT_ALLOWED);
    ngx_unit_traced("Allow: GET");
    fake.request.method = NGX_HTTP_GET;

    fake.request.main = NULL;
    assert_int_equal(test_enter(), NGX_HTTP_NOT_FOUND);
    fake.request.main = &fake.request;

    /* without a client */

    fake.request.http_version = NGX_HTTP_VERSION_9;
    assert_int_equal(test_enter(), NGX_HTTP_NOT_FOUND);
    fake.request.http_version = NGX_HTTP_VERSION_11;

    test.ws = 426;
    assert_int_equal(test_enter(), 426);
    TEST_REJECTED(REQUEST);

    test.sse = 1;
    fake.request.headers_in.content_length_n = 1;
    assert_int_equal(test_enter(), NGX_HTTP_BAD_REQUEST);
    TEST_REJECTED(REQUEST);

    test.sse = 0;
    ngx_str_set(&origins[0], "https://a");
    ngx_str_set(&origins[1], "https://b");
    array.elts = origins;
    array.nelts = 2;
    fake.conf.origins = &array;
    test.origin = "https://c";
    assert_int_equal(test_enter(), NGX_HTTP_FORBIDDEN);
    TEST_REJECTED(ORIGIN);
    ngx_unit_traced();

    test.ws = NGX_OK;
    test.origin = "HTTPS://B";
    assert_int_equal(test_enter(), NGX_DONE);

    /* who sends none is no browser */

    test.origin = NULL;
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("begin", "begin");

    ngx_ess_client_zone = NULL;
    assert_int_equal(test_enter(), NGX_HTTP_SERVICE_UNAVAILABLE);
    ngx_unit_traced("Retry-After: 1");
}


static void
test_busy(void **state)
{
    fake.request.keepalive = 1;
    test.enters = NGX_BUSY;
    assert_int_equal(test_enter(), NGX_HTTP_SERVICE_UNAVAILABLE);
    ngx_unit_traced("Retry-After: 1");
    TEST_REJECTED(LIMIT);
    assert_true(fake.request.keepalive);

    /* nor does it keep the connection from others */

    fake.full = 1;
    assert_int_equal(test_enter(), NGX_HTTP_SERVICE_UNAVAILABLE);
    ngx_unit_traced("Retry-After: 1");
    TEST_REJECTED(CLIENTS);
    assert_false(fake.request.keepalive);

    fake.full = 0;
    test.enters = NGX_DECLINED;
    assert_int_equal(test_enter(), NGX_HTTP_NOT_FOUND);
    TEST_REJECTED(STREAM);

    test.enters = NGX_ERROR;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_unit_traced();
}


static void
test_memory(void **state)
{
    fake.fail = 1;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);

    fake.control = NGX_ERROR;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);
    fake.control = NGX_OK;

    test.follows = 1;
    fake.fail = 1;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);

    fake.handled = NGX_ERROR;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);

    fake.request.method = NGX_HTTP_POST;
    assert_int_equal(test_enter(), NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* a browser shows the reason of a close, but no status */

static void
test_position(void **state)
{
    test.position = NGX_DECLINED;
    test.follows = 1;
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("begin 1002 why");
    TEST_REJECTED(POSITION);
    assert_int_equal(test.entry.pos.type, NGX_ESS_POSITION_NEW);
    assert_int_equal(test.entry.live, 0);

    test.sse = 1;
    assert_int_equal(test_enter(), NGX_HTTP_BAD_REQUEST);
    ngx_unit_traced();
    TEST_REJECTED(POSITION);
}


/* what an EventSource had last counts more than its address */

static void
test_last_id(void **state)
{
    test.last_id = "e-1";
    (void) test_enter();
    ngx_unit_traced("begin");

    test.sse = 1;
    (void) test_enter();
    ngx_unit_traced("event e-1", "begin");
    assert_int_equal(test.entry.pos.type, NGX_ESS_POSITION_EVENT);
    test.position = NGX_DECLINED;           /* of another service */
    (void) test_enter();
    test.position = NGX_OK;
    ngx_unit_traced("event e-1", "begin");

    test.last_id = "";
    (void) test_enter();
    ngx_unit_traced("begin");
    assert_int_equal(test.entry.pos.type, NGX_ESS_POSITION_ORDINAL);
}


/* an EventSource comes again when its events end, and not after an error */

static void
test_drain(void **state)
{
    fake.draining = 1;
    fake.request.keepalive = 1;
    assert_int_equal(test_enter(), NGX_HTTP_SERVICE_UNAVAILABLE);
    ngx_unit_traced("Retry-After: 1");
    assert_false(fake.request.keepalive);

    test.sse = 1;
    assert_int_equal(test_enter(), NGX_OK);
    ngx_unit_traced("start without session", "last");

    fake.start = NGX_ERROR;
    assert_int_equal(test_enter(), NGX_ERROR);
    ngx_unit_traced("start without session");
}


/* Waits for its log, which the source answers for. */

static void
test_wait(ngx_int_t rc)
{
    static ngx_str_t  text = ngx_string("why");

    fake.request.count = 1;
    test.follows = 1;

    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("one more", "attach 3 key");
    assert_int_equal(fake.request.count, 2);

    test.attach->handler(test.attach, rc, &text);
    assert_null(test.cleanup.handler);
}


static void
test_attach(void **state)
{
    test_wait(NGX_OK);
    ngx_unit_traced("one less", "begin", "finish -4");
    assert_int_equal(test.entry.follow, 1);
    assert_int_equal(test.entry.live, 1);

    test_wait(NGX_BUSY);
    ngx_unit_traced("one less", "Retry-After: 1", "finish 503");
    assert_string_equal(fake_problem, "why");
    TEST_REJECTED(SOURCE);

    /* the broker has no such stream */

    test_wait(NGX_DECLINED);
    ngx_unit_traced("one less", "begin 1013 ", "finish -4");
    TEST_REJECTED(SOURCE);
    assert_int_equal(test.entry.pos.type, NGX_ESS_POSITION_NEW);
    assert_int_equal(test.entry.live, 0);
    assert_true(test.client->missing);

    test.sse = 1;
    test_wait(NGX_DECLINED);
    ngx_unit_traced("one less", "Retry-After: 1", "finish 503");
    assert_string_equal(fake_problem, "why");
    TEST_REJECTED(SOURCE);
}


/* a drain begins, or the client goes, while it waits */

static void
test_attach_end(void **state)
{
    test.follows = 1;
    assert_int_equal(test_enter(), NGX_DONE);
    ngx_unit_traced("one more", "attach 3 key");

    test.cleanup.handler(test.cleanup.data);
    ngx_unit_traced("one less", "cancel");

    fake.draining = 1;
    test.attach->handler(test.attach, NGX_OK, NULL);
    ngx_unit_traced("one less", "Retry-After: 1", "finish 503");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_websocket),
        TEST(test_encodings),
        TEST(test_not_found),
        TEST(test_refused),
        TEST(test_busy),
        TEST(test_memory),
        TEST(test_position),
        TEST(test_last_id),
        TEST(test_drain),
        TEST(test_attach),
        TEST(test_attach_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
