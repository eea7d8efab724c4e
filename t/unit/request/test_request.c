/*
 * The life of a request without a client: how it ends, who is told, once and
 * never from within, and what an abort leaves behind.
 *
 * links: src/request/ngx_ess_request.c src/request/ngx_ess_request_collect.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_request.h"
#include "ngx_ess_request_connection.h"
#include "ngx_ess_request_in.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define POOL    ((ngx_pool_t *) &test_pool)
#define ASKERS  ((ngx_pool_t *) &test_log)      /* a pool of an abort */


static ngx_log_t                test_log;
static ngx_cycle_t              test_cycle;
static ngx_pool_t               test_pool;
static ngx_connection_t         test_connection;
static ngx_event_t              test_read, test_write;
static ngx_http_request_t       test_nginx;
static ngx_http_request_body_t  test_body;
static ngx_http_cleanup_t       test_ended;
static ngx_pool_cleanup_t       test_gone;
static ngx_ess_request_conf_t   test_conf;
static ngx_ess_request_t       *test_request;
static ngx_int_t                test_left;      /* steps until one fails */

volatile ngx_cycle_t  *ngx_cycle = &test_cycle;


static ngx_uint_t
fails(void)
{
    return test_left-- == 0;
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return fails() ? NULL : calloc(1, size);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return fails() ? NULL : malloc(size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    assert_int_equal(size, sizeof(test_body));
    memset(&test_body, 0, sizeof(test_body));

    return fails() ? NULL : &test_body;
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    static ngx_table_elt_t  room[20];

    assert_true(size <= sizeof(room));

    return fails() ? NULL : room;
}


u_char *
ngx_ess_request_connection_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    return buf;
}


ngx_connection_t *
ngx_ess_request_connection_create(ngx_log_t *own, ngx_http_conf_ctx_t *conf,
    ngx_log_t *log)
{
    if (fails()) {
        return NULL;
    }

    ((ngx_http_log_ctx_t *) own->data)->connection = &test_connection;

    test_connection.log = own;
    test_connection.pool = POOL;

    return &test_connection;
}


ngx_int_t
ngx_ess_request_connection_client(ngx_connection_t *own, ngx_connection_t *c)
{
    assert_ptr_equal(own, &test_connection);

    return NGX_OK;
}


ngx_int_t
ngx_ess_request_in_target(ngx_http_request_t *r, ngx_str_t *method,
    ngx_str_t *uri)
{
    return NGX_OK;
}


ngx_int_t
ngx_ess_request_in_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    return NGX_OK;
}


ngx_int_t
ngx_ess_request_in_body(ngx_http_request_t *r, ngx_str_t *type,
    ngx_str_t *body)
{
    return NGX_OK;
}


/* nginx's part */

ngx_http_request_t *
ngx_http_create_request(ngx_connection_t *c)
{
    test_nginx.connection = c;
    test_nginx.pool = POOL;

    return fails() ? NULL : &test_nginx;
}


ngx_http_cleanup_t *
ngx_http_cleanup_add(ngx_http_request_t *r, size_t size)
{
    return fails() ? NULL : &test_ended;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    return fails() ? NULL : &test_gone;
}


void
ngx_http_free_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_cleanup_pt  handler;

    assert_ptr_equal(r, &test_nginx);

    handler = test_ended.handler;
    test_ended.handler = NULL;

    ngx_unit_trace(r->logged ? "free" : "log, free");

    if (handler) {
        handler(test_ended.data);
    }
}


void
ngx_http_close_connection(ngx_connection_t *c)
{
    ngx_pool_cleanup_pt  handler;

    assert_ptr_equal(c, &test_connection);
    assert_false(c->timedout);

    ngx_unit_trace("close");

    handler = test_gone.handler;
    test_gone.handler = NULL;

    if (handler) {
        handler(test_gone.data);
    }
}


void
ngx_close_connection(ngx_connection_t *c)
{
    ngx_unit_trace("close");
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_unit_trace(pool == ASKERS ? "destroy the asker's pool"
                                  : "destroy the pool");
}


void
ngx_http_process_request(ngx_http_request_t *r)
{
    ngx_unit_trace("process");
}


void
ngx_http_run_posted_requests(ngx_connection_t *c)
{
}


/* It ends, whatever it was in the middle of. */

static void
nginx_ends(void)
{
    ngx_http_free_request(&test_nginx, 0);
    ngx_http_close_connection(&test_connection);
}


static void
stopped(ngx_event_t *ev)
{
    assert_true(test_connection.close && test_connection.error);

    ngx_unit_trace("stop");
    nginx_ends();
}


static ngx_chain_t *
sends(const char *text, ngx_uint_t last)
{
    ngx_buf_t    b;
    ngx_chain_t  cl;

    memset(&b, 0, sizeof(b));

    b.pos = (u_char *) text;
    b.last = b.pos + strlen(text);
    b.memory = 1;
    b.last_buf = last;

    cl.buf = &b;
    cl.next = NULL;

    return test_connection.send_chain(&test_connection, &cl, 0);
}


static void
ended(ngx_ess_request_t *req, ngx_http_request_t *r)
{
    assert_ptr_equal(r, &test_nginx);
    ngx_unit_trace("ended");
}


static void
handler(ngx_ess_request_t *req)
{
    static const char  *const words[] = {
        "done", "broken", "timeout", "too large"
    };

    assert_ptr_equal(req, test_request);
    assert_null(req->request);

    ngx_unit_trace("%s %d %.*s: %.*s", words[req->end], (int) req->status,
                   (int) req->type.len, (char *) req->type.data,
                   (int) req->body.len, (char *) req->body.data);
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    memset(&test_connection, 0, sizeof(test_connection));
    memset(&test_nginx, 0, sizeof(test_nginx));
    memset(&test_ended, 0, sizeof(test_ended));
    memset(&test_gone, 0, sizeof(test_gone));
    memset(&test_conf, 0, sizeof(test_conf));

    test_cycle.log = &test_log;
    test_log.log_level = NGX_LOG_ERR;
    test_connection.read = &test_read;
    test_connection.write = &test_write;
    test_read.handler = stopped;
    test_nginx.headers_out.content_length_n = -1;
    test_nginx.headers_out.status = 200;
    test_conf.handler = handler;
    test_conf.ended = ended;
    test_conf.timeout = 5000;
    test_conf.max = 10;
    test_left = -1;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
create(void)
{
    test_request = ngx_ess_request_create(&test_conf, &test_log);
    assert_non_null(test_request);
}


static void
run(void)
{
    create();
    ngx_ess_request_run(test_request);
    ngx_unit_traced("process");
}


static void
type(const char *name, const char *charset)
{
    ngx_http_headers_out_t  *out;

    out = &test_nginx.headers_out;
    out->content_type.data = (u_char *) name;
    out->content_type.len = strlen(name);
    out->content_type_len = strcspn(name, ";");
    out->charset.data = (u_char *) charset;
    out->charset.len = strlen(charset);
}


static void
test_done(void **state)
{
    type("a/b", "utf-8");
    run();

    assert_null(sends("one", 0));
    assert_null(sends(" two", 1));
    ngx_unit_posted();
    ngx_unit_traced();

    nginx_ends();
    ngx_unit_traced("log, free", "ended", "close");
    ngx_unit_posted();
    ngx_unit_traced("done 200 a/b; charset=utf-8: one two");
}


/* As it was set before nginx is made to run it. */

static void
test_made(void **state)
{
    create();
    assert_int_equal(test_nginx.http_version, NGX_HTTP_VERSION_9);
    assert_true(test_nginx.internal);
    assert_true(test_nginx.valid_location);
    assert_true(test_nginx.main_filter_need_in_memory);
    assert_ptr_equal(test_nginx.request_body, &test_body);
    assert_int_equal(ngx_unit_pending(), 0);

    ngx_ess_request_abort(test_request, NULL);
    ngx_unit_trace_clear();
}


static void
test_statuses(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   status;
        ngx_uint_t   err_status;
        const char  *type;
        const char  *charset;
        const char  *line;
    } row[] = {
        { 201, 0, "a/b", "", "done 201 a/b: " },
        { 204, 0, "a/b", "", "done 204 : " },
        { 304, 0, "a/b", "", "done 304 : " },
        { 200, 404, "a/b", "", "done 404 a/b: " },
        { 500, 0, "", "utf-8", "done 500 : " },
        { 200, 0, "a/b; charset=x", "utf-8", "done 200 a/b; charset=x: " }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        (void) test_setup(state);
        test_nginx.headers_out.status = row[i].status;
        test_nginx.err_status = row[i].err_status;
        type(row[i].type, row[i].charset);

        run();
        assert_null(sends("", 1));
        nginx_ends();
        ngx_unit_trace_clear();
        ngx_unit_posted();
        ngx_unit_traced(row[i].line);
    }
}


/* The upstream breaks off: half a response is none. */

static void
test_broken(void **state)
{
    type("a/b", "");
    test_nginx.header_sent = 1;
    run();
    assert_null(sends("half", 0));
    nginx_ends();
    ngx_unit_posted();
    ngx_unit_traced("log, free", "ended", "close", "broken 200 a/b: half");

    /* "return 444" */

    (void) test_setup(state);
    run();
    nginx_ends();
    ngx_unit_posted();
    ngx_unit_traced("log, free", "ended", "close", "broken 0 : ");
}


static void
test_timeout(void **state)
{
    run();
    assert_null(sends("half", 0));
    ngx_unit_pass(4999);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("log: request was not answered in %M ms", "stop",
                    "log, free", "ended", "close", "timeout 0 : half");

    /* the response is there; a mirror is not */

    (void) test_setup(state);
    run();
    assert_null(sends("all", 1));
    ngx_unit_pass(5000);
    ngx_unit_traced("stop", "log, free", "ended", "close", "done 200 : all");
}


/* Nobody is told from within, nor is nginx's request ended there. */

static void
test_too_large(void **state)
{
    run();
    assert_null(sends("0123456789", 0));
    assert_ptr_equal(sends("a", 0), NGX_CHAIN_ERROR);
    ngx_unit_traced("log: response is larger than %uz bytes");
    ngx_unit_posted();
    assert_int_equal(ngx_unit_trace_count("stop"), 1);
    assert_int_equal(ngx_unit_trace_count("too large"), 1);
    ngx_unit_trace_clear();

    /* that is known before it comes */

    (void) test_setup(state);
    test_nginx.headers_out.content_length_n = 11;
    run();
    assert_ptr_equal(sends("a", 0), NGX_CHAIN_ERROR);
    nginx_ends();
    ngx_unit_posted();
    assert_int_equal(ngx_unit_trace_count("stop"), 0);
    assert_int_equal(ngx_unit_trace_count("too large"), 1);
    ngx_unit_trace_clear();
}


static void
test_aborted_before_it_runs(void **state)
{
    create();
    ngx_ess_request_abort(test_request, ASKERS);
    ngx_unit_traced("free", "close", "destroy the asker's pool");
}


/* Nginx may still use what the request was given. */

static void
test_aborted(void **state)
{
    run();
    assert_null(sends("half", 0));
    ngx_ess_request_abort(test_request, ASKERS);
    ngx_unit_traced();
    assert_null(ngx_ess_request_of(&test_nginx));
    assert_ptr_equal(sends("more", 1), NGX_CHAIN_ERROR);

    ngx_unit_posted();
    ngx_unit_traced("stop", "log, free", "close", "destroy the asker's pool");

    /* it ends by itself before that */

    (void) test_setup(state);
    run();
    ngx_ess_request_abort(test_request, NULL);
    nginx_ends();
    ngx_unit_posted();
    ngx_unit_traced("log, free", "close");
}


/* Nginx let go of it, and whoever asked is about to be told. */

static void
test_aborted_at_the_end(void **state)
{
    run();
    assert_null(sends("all", 1));
    nginx_ends();
    ngx_unit_trace_clear();

    ngx_ess_request_abort(test_request, ASKERS);
    ngx_unit_traced("destroy the asker's pool");
    ngx_unit_posted();
    ngx_unit_traced();
}


static void
test_whose_it_is(void **state)
{
    ngx_log_t           log;
    ngx_connection_t    other;
    ngx_http_request_t  r;

    memset(&log, 0, sizeof(log));
    memset(&other, 0, sizeof(other));
    memset(&r, 0, sizeof(r));
    other.log = &log;
    r.connection = &other;
    assert_null(ngx_ess_request_of(&r));

    run();
    assert_ptr_equal(ngx_ess_request_of(&test_nginx), test_request);

    /* a subrequest, which has its connection */

    r.connection = &test_connection;
    assert_ptr_equal(ngx_ess_request_of(&r), test_request);

    ngx_ess_request_abort(test_request, NULL);
    ngx_unit_posted();
    ngx_unit_trace_clear();
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; /* void */ ; i++) {
        (void) test_setup(state);
        test_left = i;
        test_request = ngx_ess_request_create(&test_conf, &test_log);

        if (test_request) {
            break;
        }

        /* what was opened is closed, once */

        assert_int_equal(ngx_unit_trace_count("close"), i < 2 ? 0 : 1);
    }

    assert_int_equal(i, 7);
    ngx_ess_request_abort(test_request, NULL);

    /* for the body, and for its type */

    for (i = 0; i < 2; i++) {
        (void) test_setup(state);
        type("a/b", "");
        run();
        test_left = i;
        assert_ptr_equal(sends("x", 1), NGX_CHAIN_ERROR);
        ngx_unit_posted();
        assert_int_equal(ngx_unit_trace_count("broken"), 1);
    }

    ngx_unit_trace_clear();
}


static void
test_room(void **state)
{
    ngx_uint_t  i;

    /* connections: all, free, idle ones of clients */

    static const struct {
        ngx_uint_t  n, nfree, idle, room;
    } row[] = {
        { 1024, 1024, 0, 1 }, { 1024, 130, 0, 1 }, { 1024, 129, 0, 0 },
        { 1024, 100, 30, 1 }, { 1024, 2, 1000, 0 }, { 1024, 3, 1000, 1 },
        { 64, 10, 0, 1 }, { 64, 9, 0, 0 }, { 8, 4, 0, 1 }, { 8, 3, 0, 0 }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_cycle.connection_n = row[i].n;
        test_cycle.free_connection_n = row[i].nfree;
        test_cycle.reusable_connections_n = row[i].idle;
        assert_int_equal(ngx_ess_request_room(), row[i].room);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_done),
        TEST(test_made),
        TEST(test_statuses),
        TEST(test_broken),
        TEST(test_timeout),
        TEST(test_too_large),
        TEST(test_aborted_before_it_runs),
        TEST(test_aborted),
        TEST(test_aborted_at_the_end),
        TEST(test_whose_it_is),
        TEST(test_memory_is_short),
        TEST(test_room)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
