/*
 * A response, or that there is none, as the reply to a caller: properties,
 * packing, where it goes, and each way in which it is settled.
 *
 * links: src/rpc/ngx_ess_consume_reply.c src/rpc/ngx_ess_consume_door.c
 * links: src/ngx_ess_str.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_reply.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static ngx_log_t                     test_log;
static ngx_ess_consume_conf_t        test_consume;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_message_t     test_msg;
static ngx_ess_request_t             test_request;
static amqp_basic_properties_t       test_properties;
static ngx_str_t                     test_reply_to;
static void                         *test_block;    /* of its pool */
static ngx_uint_t                    test_no_memory;
static ngx_uint_t                    test_slices;   /* until it is packed */
static ngx_int_t                     test_packed;   /* how that ends */
static ngx_str_t                     test_text;     /* what is packed */

ngx_queue_t  ngx_posted_next_events;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    assert_null(test_block);

    return test_no_memory ? NULL : (test_block = malloc(size));
}


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    assert_int_equal(flag, AMQP_BASIC_REPLY_TO_FLAG);

    return test_reply_to;
}


ngx_ess_gzip_t *
ngx_ess_gzip_create(ngx_str_t *text, ngx_log_t *log)
{
    test_text = *text;

    return test_no_memory ? NULL : (ngx_ess_gzip_t *) &test_text;
}


ngx_int_t
ngx_ess_gzip_step(ngx_ess_gzip_t *gz)
{
    return test_slices-- ? NGX_AGAIN : test_packed;
}


void
ngx_ess_gzip_text(ngx_ess_gzip_t *gz, ngx_str_t *text)
{
    ngx_str_set(text, "packed");
}


void
ngx_ess_rpc_publisher_publish(ngx_ess_rpc_publish_t *pub)
{
    ngx_unit_trace("to %.*s%s: %.*s", (int) pub->queue.len,
                   (char *) pub->queue.data,
                   pub->mandatory ? " mandatory" : "", (int) pub->body.len,
                   (char *) pub->body.data);
}


static void
settled(ngx_ess_consume_message_t *msg, ngx_int_t rc, ngx_str_t *text)
{
    assert_false(msg->in_flight);
    ngx_unit_trace("settled %d %.*s", (int) rc, (int) text->len,
                   (char *) text->data);
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(&test_msg, 0, sizeof(test_msg));
    memset(&test_properties, 0, sizeof(test_properties));
    memset(&test_request, 0, sizeof(test_request));

    test_no_memory = 0;
    test_slices = 0;
    test_packed = NGX_OK;
    test_consume.pack = NGX_ESS_RPC_NONE;
    test_queue.consume = &test_consume;
    ngx_str_set(&test_reply_to, "caller");

    test_msg.queue = &test_queue;
    test_msg.properties = &test_properties;
    test_msg.settled = settled;
    test_msg.end = NGX_ESS_REQUEST_DONE;
    test_msg.status = 200;
    test_msg.event.data = &test_msg;
    test_msg.event.log = &test_log;
    ngx_str_set(&test_request.type, "a/b");
    ngx_str_set(&test_request.body, "body");

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
    assert_true(ngx_queue_empty(&ngx_posted_next_events));

    free(test_block);
    test_block = NULL;

    return 0;
}


static void
replies(void)
{
    assert_int_equal(ngx_ess_consume_reply(&test_msg, &test_request), NGX_OK);
}


static void
is(amqp_bytes_t *bytes, const char *text)
{
    assert_int_equal(bytes->len, strlen(text));
    assert_memory_equal(bytes->bytes, text, bytes->len);
}


/* The next turn of the event loop. */

static void
turn(void)
{
    ngx_event_t  *ev;

    ngx_unit_posted();

    if (!ngx_queue_empty(&ngx_posted_next_events)) {
        ev = ngx_queue_data(ngx_queue_head(&ngx_posted_next_events),
                            ngx_event_t, queue);
        ngx_delete_posted_event(ev);
        ngx_post_event(ev, &ngx_posted_events);
    }
}


static void
test_response(void **state)
{
    amqp_basic_properties_t  *p;

    test_properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    test_properties.correlation_id = amqp_cstring_bytes("id");

    replies();
    ngx_unit_traced("to caller mandatory: body");
    assert_true(test_msg.in_flight);
    assert_int_equal(test_msg.state, NGX_ESS_CONSUME_REPLYING);

    p = test_msg.publish.properties;
    assert_int_equal(p->_flags, AMQP_BASIC_CONTENT_TYPE_FLAG
                                |AMQP_BASIC_TYPE_FLAG
                                |AMQP_BASIC_HEADERS_FLAG
                                |AMQP_BASIC_CORRELATION_ID_FLAG);
    is(&p->content_type, "a/b");
    is(&p->type, "result");
    is(&p->correlation_id, "id");

    assert_int_equal(p->headers.num_entries, 1);
    is(&p->headers.entries[0].key, "http_status");
    assert_int_equal(p->headers.entries[0].value.kind, AMQP_FIELD_KIND_I32);
    assert_int_equal(p->headers.entries[0].value.value.i32, 200);
}


/* The response's memory goes when the handler returns. */

static void
test_response_is_copied(void **state)
{
    char  body[] = "body", type[] = "a/b";

    test_request.body.data = (u_char *) body;
    test_request.type.data = (u_char *) type;

    replies();

    memset(body, 'x', 4);
    memset(type, 'x', 3);

    ngx_unit_traced("to caller mandatory: body");
    assert_memory_equal(test_msg.publish.body.data, "body", 4);
    is(&test_msg.published.content_type, "a/b");
}


static void
test_statuses(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   status;
        const char  *type;
    } row[] = {
        { 204, "result" }, { 404, "result" }, { 499, "result" },
        { 500, "error" }, { 503, "error" }, { 599, "error" }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_msg.status = row[i].status;
        replies();
        is(&test_msg.published.type, row[i].type);
        assert_int_equal(test_msg.reply_header.value.value.i32,
                         row[i].status);

        free(test_block);
        test_block = NULL;
    }

    ngx_unit_trace_clear();
}


/* A short string of AMQP has no more bytes. */

static void
test_types(void **state)
{
    static char  type[256];

    memset(type, 'a', sizeof(type));
    test_request.type.data = (u_char *) type;

    test_request.type.len = 255;
    replies();
    assert_true(test_msg.published._flags & AMQP_BASIC_CONTENT_TYPE_FLAG);
    assert_int_equal(test_msg.published.content_type.len, 255);
    free(test_block);
    test_block = NULL;

    test_request.type.len = 256;
    replies();
    assert_false(test_msg.published._flags & AMQP_BASIC_CONTENT_TYPE_FLAG);
    free(test_block);
    test_block = NULL;

    ngx_str_null(&test_request.type);
    ngx_str_null(&test_request.body);
    replies();
    assert_int_equal(test_msg.published._flags,
                     AMQP_BASIC_TYPE_FLAG|AMQP_BASIC_HEADERS_FLAG);

    ngx_unit_traced("to caller mandatory: body", "to caller mandatory: body",
                    "to caller mandatory: ");
}


static void
test_no_response(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_ess_request_end_e   end;
        ngx_uint_t              status;
        ngx_uint_t              is;
        const char             *words;
    } row[] = {
        { NGX_ESS_REQUEST_TIMEOUT, 0, 504, "did not answer in time\"}" },
        { NGX_ESS_REQUEST_TIMEOUT, 200, 504, "did not answer in time\"}" },
        { NGX_ESS_REQUEST_TOO_LARGE, 200, 502, "takes (max_reply)\"}" },
        { NGX_ESS_REQUEST_BROKEN, 200, 502, "the middle of its answer\"}" },
        { NGX_ESS_REQUEST_BROKEN, 0, 502, "the middle of its answer\"}" },
        { NGX_ESS_REQUEST_DONE, 0, 502, "the middle of its answer\"}" }
    };

    /* half a response is nobody's */

    ngx_str_set(&test_msg.coding, "br");

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_msg.end = row[i].end;
        test_msg.status = row[i].status;

        replies();
        ngx_unit_trace_clear();

        is(&test_msg.published.content_type, "application/problem+json");
        is(&test_msg.published.type, "error");
        assert_false(test_msg.published._flags
                     & AMQP_BASIC_CONTENT_ENCODING_FLAG);
        assert_int_equal(test_msg.reply_header.value.value.i32, row[i].is);
        assert_int_equal(test_msg.status, row[i].is);

        assert_int_equal(memcmp(test_msg.publish.body.data
                                + test_msg.publish.body.len
                                - strlen(row[i].words), row[i].words,
                                strlen(row[i].words)),
                         0);
    }
}


/* What was never a request has no status. */

static void
test_refusals(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *why;
        ngx_uint_t   status;
        const char  *words;
    } row[] = {
        { NGX_ESS_CONSUME_WHY_TOO_LARGE, 413, "(client_max_body_size)\"}" },
        { NGX_ESS_CONSUME_WHY_INFLATE, 400, "not gzip, or is damaged\"}" },
        { NGX_ESS_CONSUME_WHY_URI, 400, "properties (uri)\"}" }
    };

    test_msg.status = 0;
    test_properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    test_properties.correlation_id = amqp_cstring_bytes("id");

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_msg.why = row[i].why;

        assert_int_equal(ngx_ess_consume_reply_refusal(&test_msg), NGX_OK);
        ngx_unit_trace_clear();

        is(&test_msg.published.content_type, "application/problem+json");
        is(&test_msg.published.type, "error");
        is(&test_msg.published.correlation_id, "id");
        assert_int_equal(test_msg.reply_header.value.value.i32,
                         row[i].status);
        assert_int_equal(test_msg.status, 0);

        assert_int_equal(memcmp(test_msg.publish.body.data
                                + test_msg.publish.body.len
                                - strlen(row[i].words), row[i].words,
                                strlen(row[i].words)),
                         0);
    }
}


/* RabbitMQ gives back what it delivers there. */

static void
test_to_a_channel(void **state)
{
    ngx_str_set(&test_reply_to, "amq.rabbitmq.reply-to.abc");
    replies();
    ngx_unit_traced("to amq.rabbitmq.reply-to.abc: body");
}


static void
test_packed_in_slices(void **state)
{
    test_consume.pack = NGX_ESS_RPC_GZIP;
    test_slices = 2;

    replies();
    assert_int_equal(test_msg.state, NGX_ESS_CONSUME_PACKING);
    assert_false(test_msg.in_flight);
    assert_memory_equal(test_text.data, "body", 4);
    ngx_unit_traced();

    turn();
    turn();
    ngx_unit_traced();
    turn();
    ngx_unit_traced("to caller mandatory: packed");

    is(&test_msg.published.content_encoding, "gzip");
    assert_true(test_msg.in_flight);
    assert_int_equal(test_msg.state, NGX_ESS_CONSUME_REPLYING);
}


/* What is a problem is packed; what came with a coding is not, again. */

static void
test_what_is_packed(void **state)
{
    test_consume.pack = NGX_ESS_RPC_GZIP;

    ngx_str_set(&test_msg.coding, "br");
    replies();
    ngx_unit_traced("to caller mandatory: body");
    is(&test_msg.published.content_encoding, "br");

    test_msg.end = NGX_ESS_REQUEST_TIMEOUT;
    replies();
    ngx_unit_traced();
    turn();
    ngx_unit_traced("to caller mandatory: packed");
    is(&test_msg.published.content_encoding, "gzip");
    is(&test_msg.published.content_type, "application/problem+json");
}


static void
test_memory_is_short(void **state)
{
    test_no_memory = 1;
    assert_int_equal(ngx_ess_consume_reply(&test_msg, &test_request),
                     NGX_ERROR);

    test_consume.pack = NGX_ESS_RPC_GZIP;
    test_msg.end = NGX_ESS_REQUEST_TIMEOUT;
    assert_int_equal(ngx_ess_consume_reply(&test_msg, &test_request),
                     NGX_ERROR);

    /* while it is packed */

    test_no_memory = 0;
    test_packed = NGX_ERROR;
    replies();
    ngx_unit_traced();
    turn();
    ngx_unit_traced("settled -6 no memory");
}


static void
test_settled(void **state)
{
    ngx_uint_t  i;
    ngx_str_t   text = ngx_string("why");

    static const ngx_int_t  rcs[] = { NGX_OK, NGX_DECLINED, NGX_ERROR };

    static const char  *const lines[] = {
        "settled 0 why", "settled -5 why", "settled -1 why"
    };

    test_msg.end = NGX_ESS_REQUEST_TIMEOUT;

    for (i = 0; i < 3; i++) {
        replies();
        ngx_unit_trace_clear();
        test_msg.publish.handler(&test_msg.publish, rcs[i], &text);
        ngx_unit_traced(lines[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_response),
        TEST(test_response_is_copied),
        TEST(test_statuses),
        TEST(test_types),
        TEST(test_no_response),
        TEST(test_refusals),
        TEST(test_to_a_channel),
        TEST(test_packed_in_slices),
        TEST(test_what_is_packed),
        TEST(test_memory_is_short),
        TEST(test_settled)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
