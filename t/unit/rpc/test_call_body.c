/*
 * The body of a request as that of a call: which are refused before they are
 * read, which are passed on as they are, and packing in slices.
 *
 * links: src/rpc/ngx_ess_call_body.c src/ngx_ess_header.c src/ngx_ess_str.c
 * links: t/unit/fake_turn.c
 * links: t/unit/fake_problem.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_problem.h"
#include "ngx_ess_body.h"
#include "ngx_ess_call_body.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define GZIP  ((ngx_ess_gzip_t *) &test_packed)


static ngx_log_t             test_log;
static ngx_cycle_t           test_cycle;
static ngx_http_request_t    test_request;
static ngx_table_elt_t       test_lines[4];
static ngx_table_elt_t       test_answer;
static ngx_uint_t            test_no_memory;
static ngx_ess_call_conf_t   test_conf;
static ngx_ess_call_body_t   test_body;
static ngx_str_t             test_text;
static ngx_int_t             test_read;     /* how it is read */
static ngx_uint_t            test_slices;   /* until it is packed */
static ngx_int_t             test_packed;   /* how that ends */

ngx_queue_t            ngx_posted_next_events;
volatile ngx_cycle_t  *ngx_cycle = &test_cycle;


void *
ngx_list_push(ngx_list_t *list)
{
    return test_no_memory ? NULL : &test_answer;
}


ngx_int_t
ngx_ess_body_read(ngx_http_request_t *r, ngx_pool_t *pool, size_t max,
    ngx_str_t *text)
{
    *text = test_text;
    text->len = ngx_min(text->len, max);

    return test_read;
}


ngx_ess_gzip_t *
ngx_ess_gzip_create(ngx_str_t *text, ngx_log_t *log)
{
    assert_ptr_equal(text, &test_body.text);

    if (test_no_memory) {
        return NULL;
    }

    ngx_unit_trace("pack %.*s", (int) text->len, (char *) text->data);

    return GZIP;
}


ngx_int_t
ngx_ess_gzip_step(ngx_ess_gzip_t *gz)
{
    assert_ptr_equal(gz, GZIP);

    return test_slices-- ? NGX_AGAIN : test_packed;
}


void
ngx_ess_gzip_text(ngx_ess_gzip_t *gz, ngx_str_t *text)
{
    ngx_str_set(text, "packed");
}


void
ngx_ess_gzip_destroy(ngx_ess_gzip_t *gz)
{
    assert_ptr_equal(gz, GZIP);
    ngx_unit_trace("destroy");
}


static void
packed(ngx_ess_call_body_t *body, ngx_int_t rc)
{
    assert_ptr_equal(body, &test_body);
    ngx_unit_trace("packed: %d", (int) rc);
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
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(&test_request, 0, sizeof(test_request));
    memset(&test_body, 0, sizeof(test_body));
    memset(&test_answer, 0, sizeof(test_answer));

    test_cycle.log = &test_log;
    test_request.headers_in.headers.part.elts = test_lines;
    test_request.headers_in.headers.last = &test_request.headers_in.headers
                                                .part;
    test_request.headers_in.content_length_n = -1;
    test_conf.pack = NGX_ESS_RPC_NONE;
    test_conf.max_body = 10;
    test_body.request = &test_request;
    test_body.conf = &test_conf;
    test_body.handler = packed;
    ngx_str_set(&test_text, "body");

    test_no_memory = 0;
    test_read = NGX_OK;
    test_slices = 0;
    test_packed = NGX_OK;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
    assert_true(ngx_queue_empty(&ngx_posted_next_events));

    return 0;
}


static void
is(ngx_str_t *text, const char *expected)
{
    assert_int_equal(text->len, strlen(expected));
    assert_int_equal(text->len ? memcmp(text->data, expected, text->len) : 0,
                     0);
}


/* Which codings are let in, without and with "pack=gzip". */

static void
test_codings(void **state)
{
    ngx_uint_t  i;

    static char  longest[256], longer[257];

    static const struct {
        const char  *coding;
        ngx_uint_t   none;
        ngx_uint_t   gzip;
    } row[] = {
        { "gzip", 0, 0 }, { "GZIP", 0, 0 }, { "x-gzip", 0, 0 },
        { "identity", 0, 0 }, { "", 0, 0 }, { " gzip\t", 0, 0 },
        { "br", 0, 415 }, { "gzip, gzip", 0, 415 },
        { "g\x01zip", 415, 415 }, { "gzip\x7f", 415, 415 },
        { longest, 0, 415 }, { longer, 415, 415 }
    };

    memset(longest, 'a', 255);
    memset(longer, 'a', 256);

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        (void) test_setup(state);
        header("Content-Encoding", row[i].coding);

        assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf),
                         row[i].none);

        test_conf.pack = NGX_ESS_RPC_GZIP;
        assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf),
                         row[i].gzip);
    }
}


static void
test_what_is_refused(void **state)
{
    header("Content-Encoding", "br");
    test_conf.pack = NGX_ESS_RPC_GZIP;

    assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf), 415);
    assert_string_equal(fake_problem, "the Content-Encoding must be gzip or "
                        "identity");
    is(&test_answer.key, "Accept-Encoding");
    is(&test_answer.value, "gzip");

    test_no_memory = 1;
    assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf), 500);

    /* which of two it would be nobody knows */

    header("content-encoding", "br");
    assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf), 415);
    assert_non_null(strstr(fake_problem, "one line"));
}


static void
test_too_large(void **state)
{
    test_request.headers_in.content_length_n = 10;
    assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf), 0);

    test_request.headers_in.content_length_n = 11;
    assert_int_equal(ngx_ess_call_body_check(&test_request, &test_conf), 413);
    assert_string_equal(fake_problem, "a call has at most 10 bytes here");

    /* chunked, it says so only when it is read */

    ngx_str_set(&test_text, "0123456789");
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_OK);
    is(&test_body.text, "0123456789");

    ngx_str_set(&test_text, "0123456789a");
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_ABORT);
    ngx_str_set(&test_text, "0123456789abc");
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_ABORT);
}


static void
test_as_it_is(void **state)
{
    ngx_uint_t  i;

    static const char  *const row[][2] = {
        { "br", "br" }, { "gzip", "gzip" }, { "X-Gzip", "gzip" },
        { "Identity", "" }, { "", "" }
    };

    assert_int_equal(ngx_ess_call_body(&test_body), NGX_OK);
    is(&test_body.text, "body");
    is(&test_body.coding, "");

    for (i = 0; i < 5; i++) {
        (void) test_setup(state);
        header("Content-Encoding", row[i][0]);

        assert_int_equal(ngx_ess_call_body(&test_body), NGX_OK);
        is(&test_body.text, "body");
        is(&test_body.coding, row[i][1]);
    }

    /* compressed already */

    (void) test_setup(state);
    test_conf.pack = NGX_ESS_RPC_GZIP;
    header("Content-Encoding", "x-gzip");
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_OK);
    is(&test_body.text, "body");
    is(&test_body.coding, "gzip");
}


static void
test_cannot_be_read(void **state)
{
    test_read = NGX_ERROR;
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_ERROR);

    test_read = NGX_OK;
    test_conf.pack = NGX_ESS_RPC_GZIP;
    test_no_memory = 1;
    assert_int_equal(ngx_ess_call_body(&test_body), NGX_ERROR);
    ngx_ess_call_body_cancel(&test_body);
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
test_packed_at_once(void **state)
{
    test_conf.pack = NGX_ESS_RPC_GZIP;

    assert_int_equal(ngx_ess_call_body(&test_body), NGX_OK);
    ngx_unit_traced("pack body");
    is(&test_body.text, "packed");
    is(&test_body.coding, "gzip");

    /* it is there until nobody wants it any more */

    ngx_ess_call_body_cancel(&test_body);
    ngx_unit_traced("destroy");
    ngx_ess_call_body_cancel(&test_body);
    ngx_unit_traced();
}


/* A worker that is to leave waits for it: so there is a timer. */

static void
test_packed_in_slices(void **state)
{
    test_conf.pack = NGX_ESS_RPC_GZIP;
    test_slices = 2;

    assert_int_equal(ngx_ess_call_body(&test_body), NGX_AGAIN);
    ngx_unit_traced("pack body");
    assert_int_equal(ngx_unit_pending(), 1);

    turn();
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 1);
    turn();
    ngx_unit_traced("packed: 0");
    is(&test_body.text, "packed");
    assert_int_equal(ngx_unit_pending(), 0);

    ngx_ess_call_body_cancel(&test_body);
    ngx_unit_traced("destroy");
}


static void
test_memory_is_short_later(void **state)
{
    test_conf.pack = NGX_ESS_RPC_GZIP;
    test_slices = 1;
    test_packed = NGX_ERROR;

    assert_int_equal(ngx_ess_call_body(&test_body), NGX_AGAIN);
    turn();
    ngx_unit_traced("pack body", "packed: -1");
    ngx_ess_call_body_cancel(&test_body);
    ngx_unit_traced("destroy");
}


static void
test_gone_between_slices(void **state)
{
    test_conf.pack = NGX_ESS_RPC_GZIP;
    test_slices = 5;

    assert_int_equal(ngx_ess_call_body(&test_body), NGX_AGAIN);
    turn();
    ngx_ess_call_body_cancel(&test_body);
    ngx_unit_traced("pack body", "destroy");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_codings),
        TEST(test_what_is_refused),
        TEST(test_too_large),
        TEST(test_as_it_is),
        TEST(test_cannot_be_read),
        TEST(test_packed_at_once),
        TEST(test_packed_in_slices),
        TEST(test_memory_is_short_later),
        TEST(test_gone_between_slices)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
