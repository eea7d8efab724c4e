/*
 * What is asked within nginx's request: which methods, headers and bodies are
 * taken, and that none of them is there twice or frames the body.
 *
 * links: src/request/ngx_ess_request_in.c src/ngx_ess_str.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_request_in.h"
#include "ngx_ess_request_uri.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define BLOCKS  64


static ngx_http_request_t           test_request;
static ngx_http_request_body_t      test_body;
static ngx_http_core_main_conf_t    test_main;
static void                        *test_mains[1] = { &test_main };
static ngx_table_elt_t              test_lines[8];
static ngx_int_t                    test_uri;
static ngx_int_t                    test_left;      /* allocations until one
                                                       fails */
static void                        *test_blocks[BLOCKS];
static ngx_uint_t                   test_nblocks;
static ngx_uint_t                   test_handled;
static ngx_int_t                    test_handles;

ngx_module_t  ngx_http_core_module;


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    if (test_left-- == 0) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);
    test_blocks[test_nblocks] = malloc(size);

    return test_blocks[test_nblocks++];
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    return p ? memset(p, 0, size) : NULL;
}


ngx_chain_t *
ngx_alloc_chain_link(ngx_pool_t *pool)
{
    return ngx_palloc(pool, sizeof(ngx_chain_t));
}


void *
ngx_list_push(ngx_list_t *list)
{
    if (test_left-- == 0) {
        return NULL;
    }

    return &test_lines[list->part.nelts++];
}


ngx_uint_t
ngx_hash_strlow(u_char *dst, u_char *src, size_t n)
{
    ngx_uint_t  key;

    for (key = 0; n--; dst++, src++) {
        *dst = tolower(*src);
        key = key * 31 + *dst;
    }

    return key;
}


static ngx_int_t
handled(ngx_http_request_t *r, ngx_table_elt_t *h, ngx_uint_t offset)
{
    test_handled++;

    return test_handles;
}


/* those that nginx has a field for */

void *
ngx_hash_find(ngx_hash_t *hash, ngx_uint_t key, u_char *name, size_t len)
{
    static ngx_http_header_t  host = {
        ngx_string("Host"), offsetof(ngx_http_headers_in_t, host), handled
    };

    static ngx_http_header_t  other = { ngx_null_string, 0, handled };

    return (len == 4 && memcmp(name, "host", 4) == 0) ? &host
           : (len == 12 && memcmp(name, "content-type", 12) == 0) ? &other
           : (len == 14 && memcmp(name, "content-length", 14) == 0) ? &other
           : NULL;
}


ngx_int_t
ngx_ess_request_uri(ngx_ess_request_uri_t *target, ngx_pool_t *pool,
    const ngx_str_t *uri)
{
    target->path = *uri;
    target->unparsed = *uri;
    ngx_str_set(&target->args, "a=b");

    return test_uri;
}


void
ngx_http_set_exten(ngx_http_request_t *r)
{
}


static int
test_setup(void **state)
{
    memset(&test_request, 0, sizeof(test_request));
    memset(&test_body, 0, sizeof(test_body));
    memset(test_lines, 0xff, sizeof(test_lines));

    test_request.main_conf = test_mains;
    test_request.request_body = &test_body;
    test_request.headers_in.headers.part.elts = test_lines;
    ngx_str_set(&test_request.http_protocol, "HTTP/1.1");

    test_uri = NGX_OK;
    test_left = -1;
    test_handled = 0;
    test_handles = NGX_OK;

    return 0;
}


static int
test_teardown(void **state)
{
    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }

    return 0;
}


static ngx_int_t
target(const char *method)
{
    ngx_str_t  name, uri = ngx_string("/a");

    name.data = (u_char *) method;
    name.len = strlen(method);

    return ngx_ess_request_in_target(&test_request, &name, &uri);
}


static ngx_int_t
header(const char *name, const char *value)
{
    ngx_str_t  n, v;

    n.data = (u_char *) name;
    n.len = strlen(name);
    v.data = (u_char *) value;
    v.len = strlen(value);

    return ngx_ess_request_in_header(&test_request, &n, &v);
}


static ngx_int_t
body(const char *type, const char *text)
{
    ngx_str_t  t, b;

    t.data = (u_char *) type;
    t.len = type ? strlen(type) : 0;
    b.data = (u_char *) text;
    b.len = strlen(text);

    return ngx_ess_request_in_body(&test_request, type ? &t : NULL, &b);
}


static ngx_uint_t
lines(void)
{
    return test_request.headers_in.headers.part.nelts;
}


static void
test_target(void **state)
{
    assert_int_equal(target("POST"), NGX_OK);
    assert_int_equal(test_request.method, NGX_HTTP_POST);
    assert_int_equal(test_request.request_line.len, 16);
    assert_memory_equal(test_request.request_line.data, "POST /a HTTP/1.1",
                        16);
    assert_int_equal(test_request.uri.len, 2);
    assert_int_equal(test_request.args.len, 3);

    /* one that nginx has no number for */

    assert_int_equal(target("PURGE"), NGX_OK);
    assert_int_equal(test_request.method, NGX_HTTP_UNKNOWN);
    assert_int_equal(test_request.method_name.len, 5);

    test_uri = NGX_DECLINED;
    assert_int_equal(target("GET"), NGX_DECLINED);
    test_uri = NGX_ERROR;
    assert_int_equal(target("GET"), NGX_ERROR);
}


static void
test_methods(void **state)
{
    ngx_uint_t  i;

    static const char  *const no[] = {
        "", "post", "Post", "POST ", "PO ST", "GET\r\n", "GET1", "TRACE",
        "CONNECT", "M-SEARCH", "\xc3\x84"
    };

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_int_equal(target(no[i]), NGX_DECLINED);
    }
}


static void
test_header(void **state)
{
    ngx_table_elt_t  *h;

    assert_int_equal(header("X-One", "a"), NGX_OK);
    assert_int_equal(lines(), 1);

    h = &test_lines[0];
    assert_memory_equal(h->key.data, "X-One", 5);
    assert_memory_equal(h->lowcase_key, "x-one", 5);
    assert_int_equal(h->value.len, 1);

    /* by it proxy_pass finds what it is to replace */

    assert_true(h->hash > 1);

    /* of those that nginx does not know there may be several */

    assert_int_equal(header("x-one", "b"), NGX_OK);
    assert_int_equal(lines(), 2);
    assert_int_equal(test_handled, 0);
}


static void
test_headers_of_nginx(void **state)
{
    assert_int_equal(header("Host", "a"), NGX_OK);
    assert_ptr_equal(test_request.headers_in.host, &test_lines[0]);
    assert_int_equal(test_handled, 0);
    assert_int_equal(header("HOST", "b"), NGX_DECLINED);
    assert_int_equal(lines(), 1);

    assert_int_equal(header("content-TYPE", "a/b"), NGX_OK);
    assert_int_equal(test_handled, 1);
    assert_int_equal(header("Content-Type", "a/b"), NGX_DECLINED);
    assert_int_equal(lines(), 2);
    assert_int_equal(test_handled, 1);

    (void) test_setup(state);
    test_handles = NGX_ERROR;
    assert_int_equal(header("Content-Type", "a/b"), NGX_ERROR);
}


/* They frame the body, or concern the connection. */

static void
test_headers_of_the_connection(void **state)
{
    ngx_uint_t  i;

    static const char  *const no[] = {
        "Connection", "Content-Length", "Expect", "Keep-Alive", "TE",
        "Transfer-Encoding", "Upgrade", "transfer-encoding", "CONNECTION"
    };

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_int_equal(header(no[i], "x"), NGX_DECLINED);
    }

    assert_int_equal(header("Transfer-Encodin", "x"), NGX_OK);
    assert_int_equal(header("Transfer-Encodings", "x"), NGX_OK);
    assert_int_equal(lines(), 2);
}


/* Each byte in a name and in a value. */

static void
test_bytes(void **state)
{
    int          c;
    char         text[4] = "a?b";
    ngx_uint_t   is;

    static const char  *other = "!#$%&'*+-.^_`|~";

    for (c = 1; c < 256; c++) {
        text[1] = c;
        test_request.headers_in.headers.part.nelts = 0;

        is = (c < 128 && (isalnum(c) || strchr(other, c) != NULL));
        assert_int_equal(header(text, "x"), is ? NGX_OK : NGX_DECLINED);

        is = (c == '\t' || (c >= 32 && c != 127));
        assert_int_equal(header("x", text), is ? NGX_OK : NGX_DECLINED);

        (void) test_teardown(state);
    }

    assert_int_equal(header("", "x"), NGX_DECLINED);
    assert_int_equal(header("x", ""), NGX_OK);
}


static void
test_body_of_it(void **state)
{
    ngx_buf_t  *b;

    assert_int_equal(body("a/b", "text"), NGX_OK);
    assert_int_equal(lines(), 2);
    assert_memory_equal(test_lines[0].key.data, "Content-Length", 14);
    assert_int_equal(test_lines[0].value.len, 1);
    assert_memory_equal(test_lines[0].value.data, "4", 1);
    assert_memory_equal(test_lines[1].value.data, "a/b", 3);
    assert_int_equal(test_request.headers_in.content_length_n, 4);

    b = test_body.bufs->buf;
    assert_null(test_body.bufs->next);
    assert_int_equal(b->last - b->pos, 4);
    assert_memory_equal(b->pos, "text", 4);
    assert_true(b->memory && b->last_buf && b->start == b->pos);

    /* once */

    assert_int_equal(body("a/b", "text"), NGX_DECLINED);
}


static void
test_empty_body(void **state)
{
    assert_int_equal(body(NULL, ""), NGX_OK);
    assert_int_equal(lines(), 1);
    assert_memory_equal(test_lines[0].value.data, "0", 1);
    assert_int_equal(test_request.headers_in.content_length_n, 0);
    assert_null(test_body.bufs);
}


static void
test_type_of_a_body(void **state)
{
    assert_int_equal(body("a/b\r\nX: y", "text"), NGX_DECLINED);

    (void) test_setup(state);
    assert_int_equal(header("Content-Type", "a/b"), NGX_OK);
    assert_int_equal(body("c/d", "text"), NGX_DECLINED);
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t  i;

    for (i = 0; /* void */ ; i++) {
        (void) test_setup(state);
        test_left = i;

        if (body("a/b", "text") == NGX_OK) {
            break;
        }

        (void) test_teardown(state);
    }

    assert_int_equal(i, 7);

    (void) test_setup(state);
    test_left = 0;
    assert_int_equal(target("GET"), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_target),
        TEST(test_methods),
        TEST(test_header),
        TEST(test_headers_of_nginx),
        TEST(test_headers_of_the_connection),
        TEST(test_bytes),
        TEST(test_body_of_it),
        TEST(test_empty_body),
        TEST(test_type_of_a_body),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
