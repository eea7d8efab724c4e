/*
 * A reply as a response: its status and type, which a stranger chose, its
 * coding, unpacking in slices, and what is sent.
 *
 * links: src/rpc/ngx_ess_call_answer.c src/ngx_ess_header.c src/ngx_ess_str.c
 * links: t/unit/fake_turn.c
 * links: src/amqp/ngx_ess_amqp_property.c src/amqp/ngx_ess_amqp_table.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <math.h>
#include <cmocka.h>

#include "ngx_ess_body.h"
#include "ngx_ess_call_answer.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define INFLATE  ((ngx_ess_inflate_t *) &test_unpacked)
#define BLOCKS   16


static ngx_log_t                test_log;
static ngx_cycle_t              test_cycle;
static ngx_http_request_t       test_request;
static ngx_table_elt_t          test_line;
static ngx_ess_call_conf_t      test_conf;
static ngx_ess_call_answer_t    test_answer;
static ngx_ess_amqp_delivery_t  test_delivery;
static amqp_basic_properties_t  test_properties;
static amqp_table_entry_t       test_entries[4];
static void                    *test_blocks[BLOCKS];
static ngx_uint_t               test_nblocks;
static ngx_int_t                test_left;      /* allocations until one
                                                   fails */
static ngx_uint_t               test_slices;    /* until it is unpacked */
static ngx_int_t                test_unpacked;  /* how that ends */
static ngx_int_t                test_sent;      /* the header is */

ngx_queue_t            ngx_posted_next_events;
volatile ngx_cycle_t  *ngx_cycle = &test_cycle;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    if (test_left-- == 0) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);
    test_blocks[test_nblocks] = malloc(size);

    return test_blocks[test_nblocks++];
}


void *
ngx_list_push(ngx_list_t *list)
{
    return test_left-- == 0 ? NULL : &test_line;
}


ngx_ess_inflate_t *
ngx_ess_inflate_create(ngx_str_t *text, ngx_uint_t gzip, size_t max)
{
    assert_true(gzip);
    assert_int_equal(max, test_conf.max_reply);

    if (test_left-- == 0) {
        return NULL;
    }

    ngx_unit_trace("unpack %.*s", (int) text->len, (char *) text->data);

    return INFLATE;
}


ngx_int_t
ngx_ess_inflate_step(ngx_ess_inflate_t *in, const char **detail)
{
    assert_ptr_equal(in, INFLATE);

    return test_slices-- ? NGX_AGAIN : test_unpacked;
}


ngx_int_t
ngx_ess_inflate_take(ngx_ess_inflate_t *in, ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_str_set(text, "unpacked");

    return NGX_OK;
}


void
ngx_ess_inflate_destroy(ngx_ess_inflate_t *in)
{
    assert_ptr_equal(in, INFLATE);
    ngx_unit_trace("destroy");
}


ngx_int_t
ngx_http_send_header(ngx_http_request_t *r)
{
    ngx_unit_trace("header");

    return test_sent;
}


ngx_int_t
ngx_ess_body_send(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_unit_trace("body %.*s", (int) text->len, (char *) text->data);

    return NGX_OK;
}


static void
unpacked(ngx_ess_call_answer_t *answer, ngx_int_t rc)
{
    assert_ptr_equal(answer, &test_answer);
    ngx_unit_trace("unpacked: %d", (int) rc);
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(&test_request, 0, sizeof(test_request));
    memset(&test_answer, 0, sizeof(test_answer));
    memset(&test_delivery, 0, sizeof(test_delivery));
    memset(&test_properties, 0, sizeof(test_properties));
    memset(&test_line, 0, sizeof(test_line));

    test_cycle.log = &test_log;
    test_conf.max_reply = 100;
    test_conf.unpack = NGX_ESS_RPC_AUTO;
    test_answer.request = &test_request;
    test_answer.conf = &test_conf;
    test_answer.handler = unpacked;
    test_properties.headers.entries = test_entries;
    test_delivery.properties = &test_properties;
    ngx_str_set(&test_delivery.body, "reply");
    test_delivery.body_size = 5;

    test_left = -1;
    test_slices = 0;
    test_unpacked = NGX_OK;
    test_sent = NGX_OK;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
    assert_true(ngx_queue_empty(&ngx_posted_next_events));

    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }

    return 0;
}


/* Forgets what was set before. */

static void
anew(void **state)
{
    (void) test_teardown(state);
    (void) test_setup(state);
}


static ngx_int_t
answer(void)
{
    return ngx_ess_call_answer(&test_answer, &test_delivery);
}


static void
is(ngx_str_t *text, const char *expected)
{
    assert_int_equal(text->len, strlen(expected));
    assert_int_equal(text->len ? memcmp(text->data, expected, text->len) : 0,
                     0);
}


static amqp_field_value_t *
http_status(int kind)
{
    test_properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    test_properties.headers.num_entries = 1;

    test_entries[0].key = amqp_cstring_bytes("http_status");
    test_entries[0].value.kind = kind;

    return &test_entries[0].value;
}


static void
encoding(const char *coding)
{
    test_properties._flags |= AMQP_BASIC_CONTENT_ENCODING_FLAG;
    test_properties.content_encoding = amqp_cstring_bytes(coding);
}


static void
type(const char *text)
{
    test_properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    test_properties.content_type = amqp_cstring_bytes(text);
}


/* Without properties. */

static void
test_least(void **state)
{
    char  body[] = "reply";

    test_delivery.body.data = (u_char *) body;

    assert_int_equal(answer(), NGX_OK);

    memset(body, 'x', 5);

    assert_int_equal(test_answer.status, 200);
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    ngx_unit_traced("header", "body reply");

    is(&test_request.headers_out.content_type, "application/octet-stream");
    assert_int_equal(test_request.headers_out.content_type_len, 24);
    assert_int_equal(test_request.headers_out.content_length_n, 5);
    assert_int_equal(test_request.headers_out.status, 200);
    assert_null(test_request.headers_out.content_encoding);
}


static void
test_type_of_the_message(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *type;
        ngx_uint_t   status;
    } row[] = {
        { "result", 200 }, { "error", 500 }, { "Error", 200 }, { "", 200 },
        { "errors", 200 }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        anew(state);
        test_properties._flags = AMQP_BASIC_TYPE_FLAG;
        test_properties.type = amqp_cstring_bytes(row[i].type);

        assert_int_equal(answer(), NGX_OK);
        assert_int_equal(test_answer.status, row[i].status);

        /* the header counts more */

        http_status(AMQP_FIELD_KIND_I32)->value.i32 = 404;
        assert_int_equal(answer(), NGX_OK);
        assert_int_equal(test_answer.status, 404);
    }
}


static void
test_statuses(void **state)
{
    ngx_uint_t  i;

    static const struct {
        int64_t     status;
        ngx_uint_t  rc;
    } row[] = {
        { 200, 1 }, { 204, 1 }, { 599, 1 },
        { 199, 0 }, { 101, 0 }, { 600, 0 }, { 0, 0 }, { -200, 0 },
        { INT64_MAX, 0 }, { INT64_MIN, 0 }, { (1LL << 32) + 200, 0 }
    };

    static const struct {
        const char  *status;
        ngx_uint_t   rc;
    } text[] = {
        { "200", 1 }, { "404", 1 }, { "0599", 1 },
        { "600", 0 }, { "", 0 }, { "200 OK", 0 }, { "-200", 0 },
        { "99999999999999999999200", 0 }, { "2e2", 0 }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        anew(state);
        http_status(AMQP_FIELD_KIND_I64)->value.i64 = row[i].status;

        assert_int_equal(answer(), row[i].rc ? NGX_OK : NGX_DECLINED);
        assert_int_equal(row[i].rc ? test_answer.status : 0,
                         row[i].rc ? (ngx_uint_t) row[i].status : 0);
    }

    assert_string_equal(test_answer.detail, "the reply's header "
                        "\"http_status\" is no number from 200 to 599");

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        anew(state);
        http_status(AMQP_FIELD_KIND_UTF8)->value.bytes =
                                         amqp_cstring_bytes(text[i].status);

        assert_int_equal(answer(), text[i].rc ? NGX_OK : NGX_DECLINED);
    }

    /* some libraries have no other numbers */

    anew(state);
    http_status(AMQP_FIELD_KIND_F64)->value.f64 = 404;
    assert_int_equal(answer(), NGX_OK);
    assert_int_equal(test_answer.status, 404);

    http_status(AMQP_FIELD_KIND_F64)->value.f64 = NAN;
    assert_int_equal(answer(), NGX_DECLINED);
    http_status(AMQP_FIELD_KIND_BOOLEAN)->value.boolean = 1;
    assert_int_equal(answer(), NGX_DECLINED);

    /* without the flag there are no headers, whatever is there */

    test_properties._flags = 0;
    assert_int_equal(answer(), NGX_OK);
    assert_int_equal(test_answer.status, 200);
}


static void
test_content_types(void **state)
{
    type("text/plain; charset=utf-8");
    assert_int_equal(answer(), NGX_OK);
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    is(&test_request.headers_out.content_type, "text/plain; charset=utf-8");
    assert_int_equal(test_request.headers_out.content_type_len, 10);
    ngx_unit_trace_clear();

    anew(state);
    type("");
    assert_int_equal(answer(), NGX_OK);
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    is(&test_request.headers_out.content_type, "application/octet-stream");

    ngx_unit_trace_clear();

    anew(state);
    type("text/plain\r\nSet-Cookie: a=b");
    assert_int_equal(answer(), NGX_DECLINED);
    assert_string_equal(test_answer.detail, "the reply's content_type has "
                        "control characters");

    anew(state);
    type("text/plain");
    test_properties.content_type.bytes = "a\0b";
    test_properties.content_type.len = 3;
    assert_int_equal(answer(), NGX_DECLINED);
}


static void
test_codings(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *coding;
        const char  *passed;
    } row[] = {
        { "gzip", "gzip" }, { "GZIP", "gzip" }, { "br", "br" },
        { "zstd", "zstd" }, { "deflate", "deflate" },
        { "compress", "compress" },
        { "utf-8", "" }, { "", "" }, { "br\r\nX: y", "" }, { "gzip, br", "" }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        anew(state);
        test_conf.unpack = NGX_ESS_RPC_NONE;
        encoding(row[i].coding);

        assert_int_equal(answer(), NGX_OK);
        assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
        ngx_unit_traced("header", "body reply");
        is(&test_line.value, row[i].passed);
    }
}


static void
test_what_is_unpacked(void **state)
{
    ngx_uint_t  i, all;

    static const struct {
        const char  *coding;
        ngx_uint_t   gzip;
    } row[] = {
        { "gzip", 1 }, { "Gzip", 1 }, { "br", 0 }, { "utf-8", 0 }, { "", 0 }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (all = 0; all < 2; all++) {
            anew(state);
            test_conf.unpack = all ? NGX_ESS_RPC_GZIP : NGX_ESS_RPC_AUTO;
            encoding(row[i].coding);

            assert_int_equal(answer(), NGX_OK);

            if (!all && !row[i].gzip) {
                ngx_unit_traced();
                continue;
            }

            ngx_unit_traced("unpack reply", "destroy");
            assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
            ngx_unit_traced("header", "body unpacked");
            assert_null(test_request.headers_out.content_encoding);
            assert_int_equal(test_request.headers_out.content_length_n, 8);
        }
    }

    /* nothing there is to be unpacked */

    anew(state);
    encoding("gzip");
    ngx_str_null(&test_delivery.body);
    assert_int_equal(answer(), NGX_OK);
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    ngx_unit_traced("header", "body ");
    assert_null(test_request.headers_out.content_encoding);
}


static void
test_too_large(void **state)
{
    test_delivery.body_size = 100;
    assert_int_equal(answer(), NGX_OK);

    test_delivery.body_size = 101;
    assert_int_equal(answer(), NGX_DECLINED);
    assert_non_null(strstr(test_answer.detail, "max_reply"));

    test_delivery.body_size = 5;
    test_delivery.over_size = 1;
    assert_int_equal(answer(), NGX_DECLINED);

    /* unpacked it is */

    anew(state);
    encoding("gzip");
    test_unpacked = NGX_ABORT;
    assert_int_equal(answer(), NGX_DECLINED);
    assert_non_null(strstr(test_answer.detail, "inflated"));
    ngx_unit_traced("unpack reply", "destroy");
}


static void
turn(void)
{
    ngx_event_t  *ev;

    assert_false(ngx_queue_empty(&ngx_posted_next_events));

    ev = ngx_queue_data(ngx_queue_head(&ngx_posted_next_events), ngx_event_t,
                        queue);
    ngx_delete_posted_event(ev);
    ev->handler(ev);
}


static void
test_slice_by_slice(void **state)
{
    encoding("gzip");
    test_slices = 2;

    assert_int_equal(answer(), NGX_AGAIN);
    assert_int_equal(ngx_unit_pending(), 1);
    turn();
    ngx_unit_traced("unpack reply");
    turn();
    ngx_unit_traced("destroy", "unpacked: 0");

    test_slices = 1;
    test_unpacked = NGX_DECLINED;
    assert_int_equal(answer(), NGX_AGAIN);
    turn();
    ngx_unit_traced("unpack reply", "destroy", "unpacked: -5");
    assert_string_equal(test_answer.detail,
                        "the reply is not gzip, or broken");

    test_slices = 1;
    test_unpacked = NGX_ERROR;
    encoding("gzip");
    assert_int_equal(answer(), NGX_AGAIN);
    turn();
    ngx_unit_traced("unpack reply", "destroy", "unpacked: -1");
    ngx_ess_call_answer_cancel(&test_answer);
}


static void
test_gone_between_slices(void **state)
{
    ngx_ess_call_answer_cancel(&test_answer);

    encoding("gzip");
    test_slices = 5;

    assert_int_equal(answer(), NGX_AGAIN);
    turn();
    ngx_ess_call_answer_cancel(&test_answer);
    ngx_ess_call_answer_cancel(&test_answer);
    ngx_unit_traced("unpack reply", "destroy");
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; /* void */ ; i++) {
        anew(state);
        type("text/plain");
        encoding("gzip");
        test_left = i;

        if (answer() == NGX_OK) {
            break;
        }

        ngx_unit_traced();
    }

    assert_int_equal(i, 3);
    ngx_unit_traced("unpack reply", "destroy");

    /* for the header of a coding */

    anew(state);
    encoding("br");
    assert_int_equal(answer(), NGX_OK);
    test_left = 0;
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_ERROR);
    ngx_unit_traced();
}


static void
test_header_alone(void **state)
{
    ngx_uint_t  i;

    static const ngx_int_t  rcs[] = { NGX_ERROR, NGX_HTTP_NOT_MODIFIED };

    assert_int_equal(answer(), NGX_OK);

    for (i = 0; i < 2; i++) {
        test_sent = rcs[i];
        assert_int_equal(ngx_ess_call_answer_send(&test_answer), rcs[i]);
        ngx_unit_traced("header");
    }

    test_sent = NGX_OK;
    test_request.header_only = 1;
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    ngx_unit_traced("header");
    assert_int_equal(test_request.headers_out.content_length_n, 5);

    /* the header waits for the client: so does the body */

    test_sent = NGX_AGAIN;
    test_request.header_only = 0;
    assert_int_equal(ngx_ess_call_answer_send(&test_answer), NGX_OK);
    ngx_unit_traced("header", "body reply");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_least),
        TEST(test_type_of_the_message),
        TEST(test_statuses),
        TEST(test_content_types),
        TEST(test_codings),
        TEST(test_what_is_unpacked),
        TEST(test_too_large),
        TEST(test_slice_by_slice),
        TEST(test_gone_between_slices),
        TEST(test_memory_is_short),
        TEST(test_header_alone)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
