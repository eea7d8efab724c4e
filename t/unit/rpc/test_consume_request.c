/*
 * A message as a request: its headers, its body, its address, and what of the
 * response counts.
 *
 * links: src/rpc/ngx_ess_consume_request.c src/rpc/ngx_ess_consume_header.c
 * links: src/amqp/ngx_ess_amqp_property.c src/amqp/ngx_ess_amqp_table.c
 * links: src/ngx_ess_header.c src/ngx_ess_str.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_request.h"
#include "ngx_ess_consume_retry.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define BLOCKS  64


static ngx_log_t                     test_log;
static ngx_time_t                    test_time;
static ngx_http_core_loc_conf_t      test_location;
static ngx_ess_consume_conf_t        test_consume;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_message_t     test_msg;
static amqp_basic_properties_t       test_properties;
static amqp_table_entry_t            test_entries[4];
static ngx_ess_request_t             test_request;
static ngx_http_request_t            test_nginx;
static ngx_table_elt_t               test_lines[4];
static ngx_http_complex_value_t      test_uri;
static ngx_int_t                     test_left;     /* calls until one fails */
static ngx_int_t                     test_target;
static ngx_uint_t                    test_quiet;
static void                         *test_blocks[BLOCKS];
static ngx_uint_t                    test_nblocks;
static ngx_ess_request_t            *test_of;

volatile ngx_time_t  *ngx_cached_time = &test_time;


static ngx_uint_t
fails(void)
{
    return test_left-- == 0;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    if (fails()) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);
    test_blocks[test_nblocks] = malloc(size);

    return test_blocks[test_nblocks++];
}


ngx_int_t
ngx_http_complex_value(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *value)
{
    assert_ptr_equal(r, &test_nginx);
    ngx_str_set(value, "/by/value");

    return fails() ? NGX_ERROR : NGX_OK;
}


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    ngx_str_t      text = ngx_null_string;
    amqp_bytes_t  *b;

    b = (flag == AMQP_BASIC_CONTENT_TYPE_FLAG) ? &test_properties.content_type
        : (flag == AMQP_BASIC_CONTENT_ENCODING_FLAG)
        ? &test_properties.content_encoding
        : (flag == AMQP_BASIC_MESSAGE_ID_FLAG) ? &test_properties.message_id
        : (flag == AMQP_BASIC_REPLY_TO_FLAG) ? &test_properties.reply_to
        : NULL;

    if (b && (test_properties._flags & flag)) {
        text.data = b->bytes;
        text.len = b->len;
    }

    return text;
}


ngx_msec_t
ngx_ess_consume_retry_after(ngx_str_t *value, time_t now)
{
    assert_int_equal(now, 1000);

    return ngx_atoi(value->data, value->len);
}


ngx_ess_request_t *
ngx_ess_request_create(const ngx_ess_request_conf_t *conf, ngx_log_t *log)
{
    test_request.conf = conf;
    test_request.request = &test_nginx;

    return fails() ? NULL : &test_request;
}


ngx_int_t
ngx_ess_request_header(ngx_ess_request_t *req, ngx_str_t *name,
    ngx_str_t *value)
{
    if (fails()) {
        return NGX_ERROR;
    }

    if (!test_quiet) {
        ngx_unit_trace("%.*s: %.*s", (int) name->len, (char *) name->data,
                       (int) value->len, (char *) value->data);
    }

    /* that it is not taken is no reason to give up */

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_request_body(ngx_ess_request_t *req, ngx_str_t *type, ngx_str_t *body)
{
    if (!test_quiet) {
        ngx_unit_trace("%.*s|%.*s", (int) type->len, (char *) type->data,
                       (int) body->len, (char *) body->data);
    }

    return fails() ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_ess_request_target(ngx_ess_request_t *req, ngx_str_t *method,
    ngx_str_t *uri)
{
    if (fails()) {
        return NGX_ERROR;
    }

    ngx_unit_trace("%.*s %.*s", (int) method->len, (char *) method->data,
                   (int) uri->len, (char *) uri->data);

    return test_target;
}


void
ngx_ess_request_run(ngx_ess_request_t *req)
{
    ngx_unit_trace("run");
}


void
ngx_ess_request_abort(ngx_ess_request_t *req, ngx_pool_t *pool)
{
    assert_null(pool);
    ngx_unit_trace("abort");
}


ngx_ess_request_t *
ngx_ess_request_of(ngx_http_request_t *r)
{
    return test_of;
}


static void
responded(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("end %d status %d", (int) msg->end, (int) msg->status);
}


static int
test_setup(void **state)
{
    ngx_unit_trace_clear();

    memset(&test_msg, 0, sizeof(test_msg));
    memset(&test_properties, 0, sizeof(test_properties));
    memset(&test_nginx, 0, sizeof(test_nginx));
    memset(test_lines, 0, sizeof(test_lines));

    test_time.sec = 1000;
    test_left = -1;
    test_target = NGX_OK;
    test_quiet = 0;
    test_of = NULL;

    ngx_str_set(&test_location.name, "/work");
    ngx_str_set(&test_consume.method, "POST");
    test_consume.location = &test_location;
    test_consume.uri = NULL;
    test_consume.timeout = 5000;
    test_consume.max_reply = 100;
    ngx_str_set(&test_queue.name, "q");
    test_queue.consume = &test_consume;

    test_properties.headers.entries = test_entries;
    test_msg.queue = &test_queue;
    test_msg.properties = &test_properties;
    test_msg.responded = responded;
    test_msg.log = &test_log;
    ngx_str_set(&test_msg.exchange, "ex");
    ngx_str_set(&test_msg.key, "key");
    ngx_str_set(&test_msg.text, "body");

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


static void
property(amqp_flags_t flag, amqp_bytes_t *field, const char *value)
{
    test_properties._flags |= flag;
    *field = amqp_cstring_bytes(value);
}


static void
header(const char *name, const char *value)
{
    amqp_table_entry_t  *e;

    test_properties._flags |= AMQP_BASIC_HEADERS_FLAG;

    e = &test_entries[test_properties.headers.num_entries++];
    e->key = amqp_cstring_bytes(name);
    e->value.kind = AMQP_FIELD_KIND_UTF8;
    e->value.value.bytes = amqp_cstring_bytes(value);
}


static void
test_least(void **state)
{
    ngx_str_null(&test_msg.exchange);

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_traced("AMQP-Queue: q", "AMQP-Attempt: 1", "AMQP-Redelivered: 0",
                    "AMQP-Routing-Key: key",
                    "application/octet-stream|body", "POST /work", "run");

    assert_ptr_equal(test_msg.request, &test_request);
    assert_int_equal(test_msg.attempts, 1);
    assert_int_equal(test_request.conf->timeout, 5000);
    assert_int_equal(test_request.conf->max, 100);

    /* the next try */

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("AMQP-Attempt: 2"), 1);
    ngx_unit_trace_clear();
}


static void
test_most(void **state)
{
    test_msg.redelivered = 1;
    test_properties._flags = AMQP_BASIC_TIMESTAMP_FLAG;
    test_properties.timestamp = UINT64_MAX;
    property(AMQP_BASIC_MESSAGE_ID_FLAG, &test_properties.message_id, "id");
    property(AMQP_BASIC_REPLY_TO_FLAG, &test_properties.reply_to, "caller");
    property(AMQP_BASIC_CONTENT_TYPE_FLAG, &test_properties.content_type,
             "a/b");
    property(AMQP_BASIC_CONTENT_ENCODING_FLAG,
             &test_properties.content_encoding, "br");
    header("Host", "evil");
    header("traceparent", "00-1");
    test_consume.uri = &test_uri;

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_traced("AMQP-Queue: q", "AMQP-Attempt: 1", "AMQP-Redelivered: 1",
                    "AMQP-Exchange: ex", "AMQP-Routing-Key: key",
                    "AMQP-Timestamp: 18446744073709551615",
                    "AMQP-Message-Id: id", "AMQP-Reply-To: caller",
                    "AMQP-Content-Encoding: br", "AMQP-Header-Host: evil",
                    "traceparent: 00-1", "a/b|body", "POST /by/value", "run");

    /* what was inflated has the coding no more */

    test_msg.unpacked = 1;
    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("Encoding"), 0);
    ngx_unit_trace_clear();
}


/* A value that would begin a header of its own is left out. */

static void
test_values(void **state)
{
    ngx_str_set(&test_msg.key, "a\r\nHost: b");
    property(AMQP_BASIC_MESSAGE_ID_FLAG, &test_properties.message_id, "a\x01");
    property(AMQP_BASIC_CONTENT_TYPE_FLAG, &test_properties.content_type,
             "a/b\r\nX: y");
    header("a", "x\ny");
    header("b:", "x");

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_traced("AMQP-Queue: q", "AMQP-Attempt: 1", "AMQP-Redelivered: 0",
                    "AMQP-Exchange: ex", "application/octet-stream|body",
                    "POST /work", "run");
}


/* It is not tried, so it is no attempt. */

static void
test_not_made(void **state)
{
    ngx_int_t  i, rc;

    test_quiet = 1;
    test_consume.uri = &test_uri;
    property(AMQP_BASIC_MESSAGE_ID_FLAG, &test_properties.message_id, "id");
    header("a", "b");

    for (i = 0; /* void */ ; i++) {
        test_left = i;
        rc = ngx_ess_consume_request(&test_msg);

        if (rc == NGX_OK) {
            break;
        }

        assert_int_equal(rc, NGX_ERROR);
        assert_int_equal(test_msg.attempts, 0);
        assert_null(test_msg.request);
        assert_int_equal(ngx_unit_trace_count("run"), 0);
        assert_int_equal(ngx_unit_trace_count("abort"), i ? 1 : 0);
        ngx_unit_trace_clear();

        while (test_nblocks) {
            free(test_blocks[--test_nblocks]);
        }
    }

    assert_true(i > 10);
    ngx_unit_traced("POST /by/value", "run");

    /* an address that is unsafe */

    test_msg.attempts = 2;
    test_msg.request = NULL;
    test_left = -1;
    test_target = NGX_DECLINED;
    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_DECLINED);
    ngx_unit_traced("POST /by/value", "abort");
    assert_int_equal(test_msg.attempts, 2);
    assert_null(test_msg.request);
}


static void
line(ngx_uint_t i, const char *name, const char *value)
{
    test_lines[i].hash = 1;
    test_lines[i].key.data = (u_char *) name;
    test_lines[i].key.len = strlen(name);
    test_lines[i].value.data = (u_char *) value;
    test_lines[i].value.len = strlen(value);
}


static void
test_response(void **state)
{
    ngx_list_part_t  *part;

    static char             longest[257];
    static ngx_list_part_t  second;

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_trace_clear();

    assert_int_equal(test_msg.retry_after, NGX_TIMER_INFINITE);

    /* one that was taken away, and what is in another part */

    line(0, "retry-after", "7");
    line(1, "Content-Encoding", "gzip");
    line(2, "Retry-After", "9");
    test_lines[2].hash = 0;
    part = &test_nginx.headers_out.headers.part;
    part->elts = test_lines;
    part->nelts = 1;
    part->next = &second;
    second.elts = test_lines + 1;
    second.nelts = 2;
    second.next = NULL;

    test_request.conf->ended(&test_request, &test_nginx);
    assert_int_equal(test_msg.retry_after, 7);
    assert_int_equal(test_msg.coding.len, 4);
    assert_memory_equal(test_msg.coding.data, "gzip", 4);

    /* it is the message's: the response goes */

    assert_true(test_msg.coding.data == test_msg.coding_buf);

    test_request.end = NGX_ESS_REQUEST_DONE;
    test_request.status = 503;
    test_request.conf->handler(&test_request);
    ngx_unit_traced("end 0 status 503");

    /* the next one says nothing */

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_trace_clear();
    assert_int_equal(test_msg.coding.len, 0);
    assert_int_equal(test_msg.retry_after, NGX_TIMER_INFINITE);
    assert_int_equal(test_msg.status, 0);

    /* a coding of the longest, and one that is no short string */

    memset(longest, 'a', 255);
    line(1, "Content-Encoding", longest);
    test_request.conf->ended(&test_request, &test_nginx);
    assert_int_equal(test_msg.coding.len, 255);

    ngx_str_null(&test_msg.coding);
    memset(longest, 'a', 256);
    line(1, "Content-Encoding", longest);
    test_request.conf->ended(&test_request, &test_nginx);
    assert_int_equal(test_msg.coding.len, 0);
}


/* Any other request without a client is none of a message. */

static void
test_whose_it_is(void **state)
{
    ngx_ess_request_conf_t  other;
    ngx_ess_request_t       req;

    assert_null(ngx_ess_consume_request_message(&test_nginx));

    assert_int_equal(ngx_ess_consume_request(&test_msg), NGX_OK);
    ngx_unit_trace_clear();
    test_of = &test_request;
    assert_ptr_equal(ngx_ess_consume_request_message(&test_nginx), &test_msg);

    memset(&other, 0, sizeof(other));
    memset(&req, 0, sizeof(req));
    other.data = &test_msg;
    req.conf = &other;
    test_of = &req;
    assert_null(ngx_ess_consume_request_message(&test_nginx));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_least),
        TEST(test_most),
        TEST(test_values),
        TEST(test_not_made),
        TEST(test_response),
        TEST(test_whose_it_is)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
