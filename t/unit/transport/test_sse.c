/*
 * Server-Sent Events as a transport: which requests are for it, the header that
 * begins a session, and what is said within one.
 *
 * links: src/transport/ngx_ess_sse.c src/ngx_ess_accept.c src/ngx_ess_str.c
 * links: t/unit/ngx_string.c
 * links: t/unit/ngx_trace.c t/unit/fake_problem.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ngx_trace.h"
#include "ngx_ess_header.h"
#include "ngx_ess_sse.h"


static ngx_http_request_t  test_request;
static const char         *test_accept[3];  /* up to NULL */
static ngx_uint_t          test_upgrade;    /* to a WebSocket */
static ngx_int_t           test_added;
static ngx_int_t           test_header;
static ngx_int_t           test_filter;
static u_char              test_session[16];


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    ngx_uint_t               i;
    const char              *value;
    static ngx_table_elt_t   h[3];

    i = prev ? prev - h + 1 : 0;
    value = (strcmp(name, "accept") == 0) ? test_accept[i] : NULL;

    h[i].value.data = (u_char *) value;
    h[i].value.len = value ? strlen(value) : 0;

    return value ? &h[i] : NULL;
}


ngx_uint_t
ngx_ess_header_lists(ngx_http_request_t *r, const char *name,
    const char *token)
{
    return test_upgrade;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    ngx_unit_trace("%s: %.*s", name, (int) len, (const char *) value);

    return test_added;
}


ngx_int_t
ngx_http_send_header(ngx_http_request_t *r)
{
    ngx_unit_trace("%d %.*s", (int) r->headers_out.status,
                   (int) r->headers_out.content_type.len,
                   r->headers_out.content_type.data);

    return test_header;
}


ngx_int_t
ngx_http_output_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    int         n;
    ngx_buf_t  *b;

    b = in->buf;
    n = atoi((char *) b->pos + sizeof("retry: ") - 1);

    assert_true(b->flush);
    assert_memory_equal(b->pos, "retry: ", 7);
    assert_int_equal(b->last - b->pos, sizeof("retry: 1000\n") - 1);
    assert_int_equal(b->last[-1], '\n');
    assert_true(n >= 1000 && n < 3000);

    ngx_unit_trace("retry");

    free(b->start);
    free(b);

    return test_filter;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    static ngx_table_elt_t  h;

    memset(&h, 0, sizeof(h));
    assert_int_equal(size, sizeof(h));

    return &h;
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t  *b;

    b = calloc(1, sizeof(ngx_buf_t));
    b->start = malloc(size + 1);
    b->pos = b->start;
    b->last = b->start;

    return b;
}


static int
test_setup(void **state)
{
    memset(&test_request, 0, sizeof(test_request));
    memset(test_session, 0, sizeof(test_session));
    assert_true(ngx_ess_sse.session_size <= sizeof(test_session));

    test_request.http_version = NGX_HTTP_VERSION_11;
    test_accept[0] = NULL;
    test_upgrade = 0;
    test_added = NGX_OK;
    test_header = NGX_OK;
    test_filter = NGX_OK;
    ngx_unit_trace_clear();

    return 0;
}


static void
test_check(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *accept;
        ngx_int_t    rc;
    } rows[] = {
        { "text/event-stream", NGX_OK },
        { "Text/Event-Stream", NGX_OK },
        { " text/html , text/event-stream ; q=0.1", NGX_OK },
        { "text/event-stream;q=1", NGX_OK },
        { "text/event-stream; charset=utf-8", NGX_OK },
        { "text/event-stream;q=0.001", NGX_OK },
        { "text/event-stream;q=0", NGX_DECLINED },
        { "text/event-stream; Q=0.000", NGX_DECLINED },
        { "text/event-stream;a=b;q=0", NGX_DECLINED },
        { "text/event-stream2", NGX_DECLINED },
        { "text/*", NGX_DECLINED },
        { "*/*", NGX_DECLINED },
        { "", NGX_DECLINED }
    };

    assert_int_equal(ngx_ess_sse_check(&test_request), NGX_DECLINED);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_accept[0] = rows[i].accept;

        if (ngx_ess_sse_check(&test_request) != rows[i].rc) {
            fail_msg("\"%s\"", rows[i].accept);
        }
    }

    /* in any line of it, but not of an upgrade */

    test_accept[1] = "text/event-stream";
    assert_int_equal(ngx_ess_sse_check(&test_request), NGX_OK);

    test_upgrade = 1;
    assert_int_equal(ngx_ess_sse_check(&test_request), NGX_DECLINED);

    test_accept[1] = NULL;
}


static void
test_start(void **state)
{
    test_request.keepalive = 1;
    test_request.gzip_ok = 1;

    assert_int_equal(ngx_ess_sse.start(&test_request, test_session), NGX_OK);
    ngx_unit_traced("X-Accel-Buffering: no", "200 text/event-stream",
                    "retry");
    assert_false(test_request.keepalive);

    /* it is encoded, for filters; and says nothing of that */

    assert_true(test_request.headers_out.content_encoding->value.len > 0);
    assert_int_equal(test_request.headers_out.content_encoding->hash, 0);
    assert_false(test_request.gzip_ok);
    assert_true(test_request.gzip_tested);
    assert_int_equal(test_request.headers_out.content_length_n, -1);
}


static void
test_failed(void **state)
{
    test_filter = NGX_ERROR;
    assert_int_equal(ngx_ess_sse.start(&test_request, test_session),
                     NGX_ERROR);

    test_header = NGX_HTTP_FORBIDDEN;
    assert_int_equal(ngx_ess_sse.start(&test_request, test_session),
                     NGX_ERROR);
    ngx_unit_trace_clear();

    test_added = NGX_ERROR;
    assert_int_equal(ngx_ess_sse.start(&test_request, test_session),
                     NGX_ERROR);
    ngx_unit_traced("X-Accel-Buffering: no");
}


static void
test_say(void **state)
{
    u_char     buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t  none;

    ngx_str_set(&none, "");

    assert_false(ngx_ess_sse.answers);

    assert_int_equal(ngx_ess_sse.start(&test_request, test_session), NGX_OK);
    assert_int_equal(ngx_ess_sse.ping(test_session, buf), 7);
    assert_memory_equal(buf, "2\r\n:\n\r\n", 7);
    assert_int_equal(ngx_ess_sse.close(test_session, buf, 1000, &none), 5);
    assert_memory_equal(buf, "0\r\n\r\n", 5);

    /* without chunks the end is that of the connection, or of its stream */

    test_request.http_version = NGX_HTTP_VERSION_20;
    assert_int_equal(ngx_ess_sse.start(&test_request, test_session), NGX_OK);
    assert_int_equal(ngx_ess_sse.ping(test_session, buf), 2);
    assert_memory_equal(buf, ":\n", 2);
    assert_int_equal(ngx_ess_sse.close(test_session, buf, 1000, &none), 0);
}


static void
test_body(void **state)
{
    ngx_log_t           log;
    ngx_connection_t    c;
    ngx_http_request_t  r;

    memset(&log, 0, sizeof(log));
    memset(&c, 0, sizeof(c));
    memset(&r, 0, sizeof(r));

    c.log = &log;
    r.connection = &c;

    r.headers_in.content_length_n = -1;
    assert_int_equal(ngx_ess_sse_check_body(&r), NGX_OK);

    r.headers_in.content_length_n = 0;
    assert_int_equal(ngx_ess_sse_check_body(&r), NGX_OK);

    r.headers_in.content_length_n = 5;
    assert_int_equal(ngx_ess_sse_check_body(&r), NGX_HTTP_BAD_REQUEST);

    r.headers_in.content_length_n = -1;
    r.headers_in.chunked = 1;
    assert_int_equal(ngx_ess_sse_check_body(&r), NGX_HTTP_BAD_REQUEST);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_check, test_setup),
        cmocka_unit_test_setup(test_start, test_setup),
        cmocka_unit_test_setup(test_failed, test_setup),
        cmocka_unit_test_setup(test_say, test_setup),
        cmocka_unit_test(test_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
