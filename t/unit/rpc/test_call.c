/*
 * A request as a call: what is refused, what the call has of the request, each
 * way in which it ends, and that all of it is counted once.
 *
 * links: src/rpc/ngx_ess_call.c src/ngx_ess_header.c src/ngx_ess_str.c
 * links: src/ngx_ess_escape.c src/ngx_ess_utf8.c t/unit/fake_problem.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_problem.h"
#include "ngx_ess_call.h"
#include "ngx_ess_call_answer.h"
#include "ngx_ess_call_body.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_call_flight.h"
#include "ngx_ess_wait.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define BLOCKS  16


static ngx_log_t               test_log;
static ngx_connection_t        test_connection;
static ngx_http_request_t      test_request;
static ngx_http_cleanup_t      test_cleanup;
static ngx_table_elt_t         test_lines[4];
static ngx_ess_loc_conf_t      test_loc;
static void                   *test_locs[1] = { &test_loc };
static ngx_ess_call_conf_t     test_conf;
static ngx_ess_rpc_conf_t      test_rpc;
static ngx_array_t             test_list;
static ngx_str_t               test_names[2];
static ngx_str_t               test_queue;      /* of the request */
static ngx_uint_t              test_foreign;
static ngx_int_t               test_check;      /* of the body */
static ngx_int_t               test_read;
static ngx_int_t               test_body_rc;
static ngx_int_t               test_answer_rc;
static ngx_uint_t              test_status;     /* of the reply */
static ngx_int_t               test_value;      /* of the queue's evaluation */
static ngx_int_t               test_left;       /* allocations until one
                                                   fails */
static void                   *test_blocks[BLOCKS];
static ngx_uint_t              test_nblocks;
static ngx_int_t               test_in_flight;
static ngx_ess_call_body_t    *test_body;
static ngx_ess_call_message_t *test_message;
static ngx_ess_call_answer_t  *test_answer;

volatile ngx_msec_t  ngx_current_msec;
ngx_module_t         ngx_ess_module;


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    if (test_left-- == 0) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);
    test_blocks[test_nblocks] = calloc(1, size);

    return test_blocks[test_nblocks++];
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_left-- == 0 ? NULL : calloc(1, size);
}


ngx_uint_t
ngx_ess_origin_is_foreign(ngx_http_request_t *r)
{
    return test_foreign;
}


ngx_int_t
ngx_http_complex_value(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *value)
{
    *value = test_queue;

    return test_value;
}


ngx_int_t
ngx_ess_call_body_check(ngx_http_request_t *r, ngx_ess_call_conf_t *conf)
{
    return test_check;
}


ngx_int_t
ngx_http_read_client_request_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_unit_trace("read");

    if (test_read == NGX_OK) {
        handler(r);
    }

    return test_read;
}


void
ngx_http_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_unit_trace("finalize %d", (int) rc);
}


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    if (test_left-- == 0) {
        return NULL;
    }

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


ngx_int_t
ngx_ess_call_body(ngx_ess_call_body_t *body)
{
    test_body = body;

    ngx_str_set(&body->text, "body");
    ngx_str_set(&body->coding, "br");

    return test_body_rc;
}


void
ngx_ess_call_body_cancel(ngx_ess_call_body_t *body)
{
    test_body = NULL;
}


ngx_int_t
ngx_ess_call_channel_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    return NGX_OK;
}


void
ngx_ess_call_channel_exit(void)
{
}


void
ngx_ess_call_channel_publish(ngx_ess_call_message_t *m)
{
    test_message = m;

    ngx_unit_trace("publish %.*s to %.*s of %d, %d ms: %.*s|%.*s|%.*s|%.*s",
                   (int) m->body.len, (char *) m->body.data,
                   (int) m->queue.len, (char *) m->queue.data,
                   (int) m->exchange, (int) m->timeout,
                   (int) m->type.len, (char *) m->type.data,
                   (int) m->coding.len, (char *) m->coding.data,
                   (int) m->traceparent.len, (char *) m->traceparent.data,
                   (int) m->tracestate.len, (char *) m->tracestate.data);
}


void
ngx_ess_call_flight_cancel(ngx_ess_call_message_t *m)
{
    test_message = NULL;
}


ngx_int_t
ngx_ess_call_answer(ngx_ess_call_answer_t *answer, ngx_ess_amqp_delivery_t *d)
{
    test_answer = answer;
    answer->status = test_status;
    answer->detail = "it is wrong";

    return test_answer_rc;
}


ngx_int_t
ngx_ess_call_answer_send(ngx_ess_call_answer_t *answer)
{
    ngx_unit_trace("send");

    return NGX_OK;
}


void
ngx_ess_call_answer_cancel(ngx_ess_call_answer_t *answer)
{
    test_answer = NULL;
}


void
ngx_ess_rpc_figures_call(ngx_ess_call_outcome_e outcome)
{
    static const char  *const names[NGX_ESS_CALL_OUTCOMES] = {
        "reply", "error", "no_queue", "timeout", "unavailable", "refused",
        "bad_reply", "gone", "late"
    };

    ngx_unit_trace("counted %s", names[outcome]);
}


void
ngx_ess_rpc_figures_call_time(ngx_msec_t ms)
{
    ngx_unit_trace("took %d", (int) ms);
}


void
ngx_ess_rpc_figures_in_flight(ngx_int_t n)
{
    test_in_flight += n;
}


static void
header(const char *name, const char *value)
{
    ngx_table_elt_t  *h;

    h = &test_lines[test_request.headers_in.headers.part.nelts++];

    h->key.data = (u_char *) name;
    h->key.len = strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = strlen(value);
    h->hash = 1;
}


static int
test_setup(void **state)
{
    ngx_unit_trace_clear();

    memset(&test_request, 0, sizeof(test_request));
    memset(&test_cleanup, 0, sizeof(test_cleanup));

    test_log.log_level = NGX_LOG_ERR;
    test_connection.log = &test_log;
    test_request.connection = &test_connection;
    test_request.loc_conf = test_locs;
    test_request.headers_in.headers.part.elts = test_lines;
    test_request.headers_in.headers.last = &test_request.headers_in.headers
                                                .part;
    test_loc.call = &test_conf;
    test_conf.queues = NULL;
    test_conf.max = 2;
    test_conf.max_body = 10;
    test_conf.timeout = 5000;
    test_conf.exchange = 3;
    test_conf.number = 1;
    test_rpc.calls.nelts = 2;

    ngx_str_set(&test_queue, "q");
    ngx_str_set(&test_names[0], "p");
    ngx_str_set(&test_names[1], "q");
    test_list.elts = test_names;
    test_list.nelts = 2;

    test_foreign = 0;
    test_check = NGX_OK;
    test_read = NGX_OK;
    test_body_rc = NGX_OK;
    test_answer_rc = NGX_OK;
    test_status = 200;
    test_value = NGX_OK;
    test_left = -1;
    test_in_flight = 0;

    assert_int_equal(ngx_ess_call_init(&test_rpc, &test_log), NGX_OK);

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(test_in_flight, 0);

    ngx_ess_call_exit();
    ngx_ess_call_exit();

    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }

    return 0;
}


static ngx_int_t
request(void)
{
    return ngx_ess_call_handler(&test_request);
}


/* One that is published. */

static void
published(void)
{
    assert_int_equal(request(), NGX_DONE);
    assert_non_null(test_message);
    assert_int_equal(ngx_unit_trace_count("publish body to q of 3, 5000 ms"),
                     1);
    ngx_unit_trace_clear();
}


static void
comes(ngx_int_t rc, const char *words)
{
    ngx_str_t                text;
    ngx_ess_amqp_delivery_t  d;

    text.data = (u_char *) words;
    text.len = strlen(words);

    test_message->handler(test_message, rc, rc == NGX_OK ? &d : NULL, &text);
}


static void
test_a_call(void **state)
{
    header("Content-Type", "text/plain");
    header("traceparent", "00-1");
    header("Tracestate", "a=b");
    header("Cookie", "secret");

    ngx_current_msec = 1000;
    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read", "publish body to q of 3, 5000 ms: "
                    "text/plain|br|00-1|a=b");
    assert_int_equal(test_in_flight, 1);

    ngx_current_msec = 1250;
    comes(NGX_OK, "");
    ngx_unit_traced("took 250", "counted reply", "send", "finish 0");
    assert_null(test_body);
    assert_null(test_message);
    assert_null(test_answer);
}


/* What cannot be a short string, or is no clean value, is left out. */

static void
test_headers(void **state)
{
    static char  type[257], trace[514];

    memset(type, 'a', 256);
    memset(trace, 'a', 513);

    header("Content-Type", type);
    header("traceparent", trace);
    header("tracestate", "a\x01");

    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read", "publish body to q of 3, 5000 ms: |br||");
    comes(NGX_OK, "");
    ngx_unit_trace_clear();

    (void) test_teardown(state);
    (void) test_setup(state);

    type[255] = '\0';
    trace[512] = '\0';
    header("Content-Type", type);
    header("traceparent", trace);

    assert_int_equal(request(), NGX_DONE);
    assert_int_equal(test_message->type.len, 255);
    assert_int_equal(test_message->traceparent.len, 512);
    comes(NGX_OK, "");
    ngx_unit_trace_clear();
}


static void
test_refused_at_once(void **state)
{
    test_foreign = 1;
    assert_int_equal(request(), 403);
    ngx_unit_traced("counted refused");
    assert_non_null(strstr(fake_problem, "another origin"));

    test_foreign = 0;
    test_check = 413;
    assert_int_equal(request(), 413);
    ngx_unit_traced("counted refused");

    test_check = NGX_OK;
    test_read = 400;
    assert_int_equal(request(), 400);
    ngx_unit_traced("read", "counted refused");

    /* it is being read */

    test_read = NGX_AGAIN;
    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read");
}


static void
test_which_queues(void **state)
{
    test_conf.queues = &test_list;
    published();
    comes(NGX_OK, "");
    ngx_unit_trace_clear();

    ngx_str_set(&test_queue, "q\n\"");
    assert_int_equal(request(), 404);
    ngx_unit_traced("counted no_queue");
    assert_string_equal(fake_problem, "\"q\\x0A\\x22\" is none of the queues "
                        "that can be called here");

    /* part of a name is none of them, nor is no name at all */

    ngx_str_set(&test_queue, "qq");
    assert_int_equal(request(), 404);
    ngx_str_null(&test_queue);
    assert_int_equal(request(), 404);
    ngx_unit_traced("counted no_queue", "counted no_queue");

    test_value = NGX_ERROR;
    assert_int_equal(request(), 500);
    ngx_unit_traced();
}


static void
test_so_many(void **state)
{
    ngx_ess_call_message_t  *first;

    published();
    first = test_message;
    published();

    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read", "counted unavailable", "Retry-After: 1",
                    "finalize 503");
    assert_string_equal(fake_problem, "2 calls are in flight here, which is "
                        "what \"max\" of \"ess_rpc\" allows");

    comes(NGX_OK, "");
    ngx_unit_trace_clear();
    published();

    /* another location has its own */

    test_conf.number = 0;
    published();
    comes(NGX_OK, "");

    test_conf.number = 1;
    test_message = first;
    comes(NGX_OK, "");
    ngx_unit_trace_clear();

    assert_int_equal(test_in_flight, 1);
    test_in_flight = 0;
}


static void
test_no_reply(void **state)
{
    published();
    comes(NGX_DECLINED, "");
    ngx_unit_traced("counted no_queue", "finish 404");
    assert_string_equal(fake_problem, "the broker has no queue \"q\" for this "
                        "call, nobody answers it");

    published();
    comes(NGX_ABORT, "");
    ngx_unit_traced("counted timeout",
                    "log: no reply from queue \"%V\" within %M ms",
                    "finish 504");
    assert_string_equal(fake_problem, "no reply came within 5000 ms");

    published();
    comes(NGX_BUSY, "the broker is away");
    ngx_unit_traced("counted unavailable", "Retry-After: 1", "finish 503");
    assert_string_equal(fake_problem, "the broker is away");

    published();
    comes(NGX_ERROR, "");
    ngx_unit_traced("counted unavailable", "finish 500");
}


static void
test_replies(void **state)
{
    test_status = 499;
    published();
    comes(NGX_OK, "");
    ngx_unit_traced("took 0", "counted reply", "send", "finish 0");

    test_status = 500;
    published();
    comes(NGX_OK, "");
    ngx_unit_traced("took 0", "counted error", "send", "finish 0");

    test_answer_rc = NGX_DECLINED;
    published();
    comes(NGX_OK, "");
    ngx_unit_traced("counted bad_reply", "log: a reply from queue \"%V\" is "
                    "not passed on: %s", "finish 502");
    assert_string_equal(fake_problem, "it is wrong");

    test_answer_rc = NGX_ERROR;
    published();
    comes(NGX_OK, "");
    ngx_unit_traced("counted unavailable", "finish 500");

    /* it is unpacked first */

    test_answer_rc = NGX_AGAIN;
    test_status = 200;
    published();
    comes(NGX_OK, "");
    ngx_unit_traced();
    assert_int_equal(test_in_flight, 1);
    test_answer->handler(test_answer, NGX_OK);
    ngx_unit_traced("took 0", "counted reply", "send", "finish 0");
}


static void
test_bodies(void **state)
{
    test_body_rc = NGX_ABORT;
    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read", "counted refused", "finalize 413");
    assert_string_equal(fake_problem, "a call has at most 10 bytes here");

    test_body_rc = NGX_ERROR;
    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read", "counted unavailable", "finalize 500");

    /* it is packed first */

    test_body_rc = NGX_AGAIN;
    assert_int_equal(request(), NGX_DONE);
    ngx_unit_traced("read");
    assert_int_equal(test_in_flight, 1);
    test_body->handler(test_body, NGX_OK);
    ngx_unit_traced("publish body to q of 3, 5000 ms: |br||");
    comes(NGX_OK, "");
    ngx_unit_trace_clear();

    assert_int_equal(request(), NGX_DONE);
    test_body->handler(test_body, NGX_ERROR);
    ngx_unit_traced("read", "counted unavailable", "finish 500");
}


/* At each stage: nothing of it is under way any more. */

static void
test_client_is_gone(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        test_body_rc = (i == 0) ? NGX_AGAIN : NGX_OK;
        test_answer_rc = (i == 2) ? NGX_AGAIN : NGX_OK;

        assert_int_equal(request(), NGX_DONE);

        if (i == 2) {
            comes(NGX_OK, "");
        }

        ngx_unit_trace_clear();

        test_cleanup.handler(test_cleanup.data);
        ngx_unit_traced("counted gone");

        assert_null(test_cleanup.handler);
        assert_null(test_body);
        assert_null(test_message);
        assert_null(test_answer);
        assert_int_equal(test_in_flight, 0);
    }
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; i < 2; i++) {
        test_left = i;
        assert_int_equal(request(), NGX_DONE);
        ngx_unit_traced("read", "finalize 500");
    }

    ngx_ess_call_exit();
    test_left = 0;
    assert_int_equal(ngx_ess_call_init(&test_rpc, &test_log), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_a_call),
        TEST(test_headers),
        TEST(test_refused_at_once),
        TEST(test_which_queues),
        TEST(test_so_many),
        TEST(test_no_reply),
        TEST(test_replies),
        TEST(test_bodies),
        TEST(test_client_is_gone),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
