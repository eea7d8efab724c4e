/*
 * WebSocket as a transport: the handshake; what a client says, to whoever
 * listens; pings and the close of either side; what is kept between two reads.
 *
 * links: src/transport/ngx_ess_ws.c src/transport/ngx_ess_ws_codec.c
 * links: src/transport/ngx_ess_ws_deflate.c src/ngx_ess_str.c
 * links: src/ngx_ess_utf8.c t/unit/fake_problem.c t/unit/ngx_string.c
 * links: t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ngx_sha1.h>
#include "ngx_trace.h"
#include "ngx_ess_header.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_str.h"
#include "ngx_ess_ws.h"
#include "ngx_ess_ws_codec.h"


/* a frame's header and its mask, which is zero: the payload can be read */
#define FRAME(first, len)  first len "\0\0\0\0"
#define BYTES(text)        text, sizeof(text) - 1


#define TEST_HEADERS       7


static struct {
    const char  *name;                      /* NULL: there is none */
    const char  *value;
} test_headers[TEST_HEADERS];

static uint64_t                   test_session[8];
static ngx_http_request_t         test_request;
static ngx_connection_t           test_connection;
static ngx_log_t                  test_log;
static ngx_uint_t                 test_offered;
static ngx_ess_transport_input_t  test_in;
static ngx_uint_t                 test_listens;
static ngx_uint_t                 test_fail;    /* the next one does */


/* of the handshake */

ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    ngx_uint_t              i;
    static ngx_table_elt_t  h[TEST_HEADERS];

    for (i = prev ? prev - h + 1 : 0; i < TEST_HEADERS; i++) {
        if (test_headers[i].name && strcmp(test_headers[i].name, name) == 0) {
            h[i].value.data = (u_char *) test_headers[i].value;
            h[i].value.len = strlen(test_headers[i].value);

            return &h[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_ess_header_lists(ngx_http_request_t *r, const char *name,
    const char *token)
{
    ngx_str_t         rest, item;
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_find(r, name, h)) != NULL) {
        rest = h->value;

        while (ngx_ess_str_item(&rest, ',', &item)) {
            if (ngx_ess_str_is(&item, token)) {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    ngx_unit_trace("%s: %.*s", name, (int) len, (const char *) value);

    return test_fail ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_ess_jwt_offered(ngx_http_request_t *r)
{
    return test_offered;
}


ngx_int_t
ngx_http_send_header(ngx_http_request_t *r)
{
    ngx_unit_trace("%d", (int) r->headers_out.status);

    return NGX_OK;
}


ngx_int_t
ngx_http_send_special(ngx_http_request_t *r, ngx_uint_t flags)
{
    assert_int_equal(flags, NGX_HTTP_FLUSH);

    return NGX_OK;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    static u_char  buf[64];

    assert_true(size <= sizeof(buf));

    return buf;
}


void
ngx_sha1_init(ngx_sha1_t *ctx)
{
}


void
ngx_sha1_update(ngx_sha1_t *ctx, const void *data, size_t size)
{
}


void
ngx_sha1_final(u_char result[20], ngx_sha1_t *ctx)
{
    memset(result, 0, 20);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_fail ? NULL : malloc(size);
}


static void
test_message(void *data, ngx_str_t *message, ngx_uint_t text)
{
    assert_ptr_equal(data, &test_in);

    if (message->len > 64) {
        ngx_unit_trace("%d bytes", (int) message->len);
        return;
    }

    ngx_unit_trace(text ? "text %.*s" : "bytes %.*s", (int) message->len,
                   message->data);
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    static const char  *headers[] = {
        "upgrade", "h2c, WebSocket", "connection", "keep-alive, Upgrade",
        "sec-websocket-version", "13",
        "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="
    };

    memset(test_headers, 0, sizeof(test_headers));

    for (i = 0; i < 4; i++) {
        test_headers[i].name = headers[2 * i];
        test_headers[i].value = headers[2 * i + 1];
    }

    memset(&test_request, 0, sizeof(test_request));
    test_request.http_version = NGX_HTTP_VERSION_11;
    test_request.connection = &test_connection;
    test_connection.log = &test_log;
    test_offered = 0;

    memset(test_session, 0, sizeof(test_session));
    assert_true(ngx_ess_ws.session_size <= sizeof(test_session));

    test_listens = 1;
    test_fail = 0;
    ngx_unit_trace_clear();

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_ess_ws.done(test_session);
    ngx_ess_ws.done(test_session);

    return 0;
}


/* The client sends that, in parts of so many bytes, 0: at once. */

static void
test_send(const char *data, size_t len, size_t step)
{
    size_t   n;
    u_char  *buf;

    for ( /* void */ ; len; len -= n, data += n) {
        n = (step && step < len) ? step : len;

        buf = malloc(n);
        memcpy(buf, data, n);

        memset(&test_in, 0, sizeof(test_in));
        test_in.message = test_listens ? test_message : NULL;
        test_in.data = &test_in;

        ngx_ess_ws.input(test_session, buf, n, &test_in, NULL);
        free(buf);
    }
}


/* its answer is that frame */

static void
test_answer(const char *frame, size_t len)
{
    assert_int_equal(test_in.out_len, len);

    if (len) {
        assert_memory_equal(test_in.out, frame, len);
    }
}


static void
test_messages(void **state)
{
    size_t  step;

    for (step = 0; step < 3; step++) {
        test_send(BYTES(FRAME("\x81", "\x82") "hi"
                        FRAME("\x82", "\x81") "b"
                        FRAME("\x81", "\x80")), step);
        ngx_unit_traced("text hi", "bytes b", "text ");

        /* with a mask, cut anywhere */

        test_send(BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), step);
        ngx_unit_traced("text Hello");
    }
}


/* frames of their own between the fragments are no part of it */

static void
test_fragments(void **state)
{
    size_t  step;

    for (step = 0; step < 3; step++) {
        test_send(BYTES(FRAME("\x01", "\x82") "ab"
                        FRAME("\x89", "\x81") "p"
                        FRAME("\x00", "\x80")
                        FRAME("\x8a", "\x81") "q"
                        FRAME("\x80", "\x81") "c"
                        FRAME("\x81", "\x81") "d"), step);
        ngx_unit_traced("text abc", "text d");
    }

    assert_int_equal(test_in.failed, 0);
}


static void
test_deflated(void **state)
{
    ngx_ess_ws_parser_t  parser;

    /* RFC 7692, 7.2.3.1; as nobody has negotiated it here, a parser's */

    u_char   data[] = "\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"
                      "\x41\x83\0\0\0\0\xf2\x48\xcd"
                      "\x80\x84\0\0\0\0\xc9\xc9\x07\x00";
    u_char  *p, *last;

    memset(&parser, 0, sizeof(parser));
    parser.deflate = 1;
    parser.keep = 1;

    p = data;
    last = data + sizeof(data) - 1;

    assert_int_equal(ngx_ess_ws_codec_parse(&parser, &p, last), NGX_OK);
    assert_int_equal(parser.data_len, 5);
    assert_memory_equal(parser.message, "Hello", 5);

    assert_int_equal(ngx_ess_ws_codec_parse(&parser, &p, last), NGX_OK);
    assert_true(parser.in_message);
    assert_int_equal(ngx_ess_ws_codec_parse(&parser, &p, last), NGX_OK);
    assert_int_equal(parser.data_len, 5);
    assert_memory_equal(parser.message, "Hello", 5);

    ngx_ess_ws_codec_done(&parser);
    assert_null(parser.message);
}


static void
test_too_big(void **state)
{
    size_t   n;
    u_char  *buf;

    n = NGX_ESS_WS_MAX_MESSAGE;
    buf = malloc(14 + n + 6);
    memcpy(buf, "\x02\xff\0\0\0\0\0\1\0\0\0\0\0\0", 14);
    memset(buf + 14, 'x', n);
    memcpy(buf + 14 + n, "\x80\x80\0\0\0\0", 6);

    test_send((char *) buf, 14 + n + 6, 1000);
    ngx_unit_traced("65536 bytes");

    /* one byte more, in another fragment */

    buf[14 + n + 1] = 0x81;
    test_send((char *) buf, 14 + n + 2, 16384);
    ngx_unit_traced();
    assert_int_equal(test_in.failed, 1);
    test_answer(BYTES("\x88\x14\x03\xf1" "message is too big"));

    free(buf);
}


/* Whether the session keeps anything, which is a pointer in it. */

static void
test_keeps(ngx_uint_t keeps)
{
    assert_int_equal(test_session[0] != 0, keeps);
}


/* as many as a client's buffer has, behind one that had begun before, with a
   close behind them; of more the last ones */

static void
test_pings(void **state)
{
    size_t   i, n, len;
    u_char  *buf, *p;

    for (n = 16384 / 131; n <= 16384; n += 16384 - 16384 / 131) {
        len = n * 131 + 6;
        buf = malloc(len);
        p = buf;

        for (i = 0; i < n; i++) {
            p = ngx_cpymem(p, FRAME("\x89", "\xfd"), 6);
            memset(p, 'a' + i % 26, 125);
            p += 125;
        }

        p = ngx_cpymem(p, FRAME("\x88", "\x80"), 6);

        (void) test_setup(state);
        test_send((char *) buf, len, 0);
        free(buf);

        assert_int_equal(test_in.messages, n + 1);
        assert_int_equal(test_in.closing, 1);
        assert_int_equal(test_in.out_last, 2);
        assert_int_equal((test_in.out_len - 2) % 127, 0);

        if (n == 16384 / 131) {
            assert_int_equal(test_in.out_len, n * 127 + 2);
        }

        p = test_in.out + test_in.out_len - 2 - 127;
        assert_memory_equal(p, "\x8a\x7d", 2);
        assert_int_equal(p[2], 'a' + (n - 1) % 26);
    }
}


/* what nobody reads is not kept; within a message its parser is */

static void
test_nobody_listens(void **state)
{
    test_listens = 0;

    test_send(BYTES(FRAME("\x81", "\x82") "hi"), 0);
    ngx_unit_traced();
    assert_int_equal(test_in.messages, 1);
    test_keeps(0);

    test_send(BYTES(FRAME("\x01", "\x82") "hi"), 0);
    test_keeps(1);
    test_send(BYTES(FRAME("\x80", "\x82") "hi"), 1);
    ngx_unit_traced();
    test_keeps(0);
}


static void
test_no_memory(void **state)
{
    test_fail = 1;

    /* what is whole takes none */

    test_send(BYTES(FRAME("\x89", "\x81") "a"), 0);
    test_answer(BYTES("\x8a\x01" "a"));
    assert_int_equal(test_in.failed, 0);

    test_send(BYTES(FRAME("\x01", "\x82") "hi"), 0);

    assert_int_equal(test_in.failed, 1);
    assert_non_null(test_in.reason);
    assert_int_equal(test_in.out_len, 0);

    /* what comes then is dropped */

    test_send(BYTES(FRAME("\x81", "\x82") "hi"), 0);
    ngx_unit_traced();
}


static void
test_ping(void **state)
{
    u_char     buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t  reason;

    /* each is answered */

    test_send(BYTES(FRAME("\x89", "\x81") "a" FRAME("\x89", "\x82") "bc"), 0);
    test_answer(BYTES("\x8a\x01" "a" "\x8a\x02" "bc"));
    assert_int_equal(test_in.out_last, 4);
    assert_int_equal(test_in.messages, 2);

    assert_int_equal(ngx_ess_ws.ping(test_session, buf), 2);
    assert_memory_equal(buf, "\x89\x00", 2);
    assert_int_equal(ngx_ess_ws.nudge(test_session, buf), 2);
    assert_memory_equal(buf, "\x8a\x00", 2);

    /* after our close there is neither, and nothing that is read */

    ngx_str_set(&reason, "bye");
    assert_int_equal(ngx_ess_ws.close(test_session, buf, 1000, &reason), 7);
    assert_memory_equal(buf, "\x88\x05\x03\xe8" "bye", 7);
    assert_int_equal(ngx_ess_ws.close(test_session, buf, 1000, &reason), 0);
    assert_int_equal(ngx_ess_ws.ping(test_session, buf), 0);
    assert_int_equal(ngx_ess_ws.nudge(test_session, buf), 0);

    test_send(BYTES(FRAME("\x89", "\x81") "a"
                    FRAME("\x81", "\x81") "a"), 0);
    test_answer(BYTES(""));
    ngx_unit_traced();
    assert_int_equal(test_in.closing, 0);

    /* it answers ours */

    test_send(BYTES(FRAME("\x88", "\x80")), 0);
    test_answer(BYTES(""));
    assert_int_equal(test_in.closing, 1);
}


static void
test_close(void **state)
{
    test_send(BYTES(FRAME("\x89", "\x81") "a"
                    FRAME("\x88", "\x82") "\x03\xe9"
                    FRAME("\x81", "\x81") "x"), 0);

    /* behind the pong; what follows is dropped */

    test_answer(BYTES("\x8a\x01" "a" "\x88\x02\x03\xe9"));
    assert_int_equal(test_in.closing, 1);
    assert_int_equal(test_in.messages, 2);
    ngx_unit_traced();
}


static void
test_error(void **state)
{
    u_char     buf[NGX_ESS_TRANSPORT_MAX_CONTROL];
    ngx_str_t  reason;

    test_send(BYTES(FRAME("\x89", "\x81") "a" "\x83"), 0);
    assert_int_equal(test_in.failed, 1);
    test_answer(BYTES("\x8a\x01" "a" "\x88\x11\x03\xea" "reserved opcode"));

    /* nothing is answered when we have closed */

    memset(test_session, 0, sizeof(test_session));
    ngx_str_set(&reason, "");
    (void) ngx_ess_ws.close(test_session, buf, 1000, &reason);
    test_send(BYTES("\x83"), 0);
    assert_int_equal(test_in.failed, 1);
    test_answer(BYTES(""));
}


/* one header is another one, and the handshake is wrong */

static void
test_check(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   header;
        const char  *value;                 /* NULL: it is missing */
        ngx_int_t    rc;
    } rows[] = {
        { 0, "websocket", NGX_OK },
        { 0, "websocket2", 426 },
        { 0, NULL, 426 },
        { 1, "close", 426 },
        { 1, NULL, 426 },
        { 2, "8", 426 },
        { 2, NULL, 426 },
        { 3, NULL, NGX_HTTP_BAD_REQUEST },
        { 3, "", NGX_HTTP_BAD_REQUEST },
        { 3, "dGhlIHNhbXBsZSBub25jZQAA", NGX_HTTP_BAD_REQUEST },
        { 3, "!GhlIHNhbXBsZSBub25jZQ==", NGX_HTTP_BAD_REQUEST },
        { 3, "dGhlIHNhbXBsZSBub25jZQ==AAA=", NGX_HTTP_BAD_REQUEST }
    };

    assert_int_equal(ngx_ess_ws_check(&test_request), NGX_OK);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) test_setup(state);

        test_headers[rows[i].header].value = rows[i].value;

        if (rows[i].value == NULL) {
            test_headers[rows[i].header].name = NULL;
        }

        if (ngx_ess_ws_check(&test_request) != rows[i].rc) {
            fail_msg("header %d: %s", (int) rows[i].header, rows[i].value);
        }
    }
}


static void
test_check_request(void **state)
{
    /* two keys, a body, a protocol that has no upgrade */

    test_headers[4] = test_headers[3];
    assert_int_equal(ngx_ess_ws_check(&test_request), NGX_HTTP_BAD_REQUEST);
    test_headers[4].name = NULL;

    test_request.headers_in.content_length_n = 1;
    assert_int_equal(ngx_ess_ws_check(&test_request), NGX_HTTP_BAD_REQUEST);
    ngx_unit_traced();

    test_request.http_version = NGX_HTTP_VERSION_10;
    assert_int_equal(ngx_ess_ws_check(&test_request), 426);
    ngx_unit_traced();
}


#define TEST_ACCEPT  "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void
test_start(void **state)
{
    test_request.keepalive = 1;
    assert_int_equal(ngx_ess_ws.start(&test_request, test_session), NGX_OK);
    ngx_unit_traced("Upgrade: websocket", TEST_ACCEPT, "101");
    assert_false(test_request.keepalive);

    /* in the second line of two */

    test_headers[4].name = "sec-websocket-extensions";
    test_headers[4].value = "x";
    test_headers[5].name = "sec-websocket-extensions";
    test_headers[5].value = "permessage-deflate";
    assert_int_equal(ngx_ess_ws_deflates(&test_request), 0);

    ngx_ess_ws_init(1);
    test_offered = 1;
    assert_int_equal(ngx_ess_ws_deflates(&test_request), 1);
    assert_int_equal(ngx_ess_ws.start(&test_request, test_session), NGX_OK);
    ngx_unit_traced("Upgrade: websocket", TEST_ACCEPT,
                    "Sec-WebSocket-Protocol: ess.jwt",
                    "Sec-WebSocket-Extensions: permessage-deflate; "
                    "server_no_context_takeover; client_no_context_takeover",
                    "101");
    ngx_ess_ws_init(0);

    test_fail = 1;
    assert_int_equal(ngx_ess_ws.start(&test_request, test_session),
                     NGX_ERROR);
    ngx_unit_traced("Upgrade: websocket");
}


/* What is behind "ess.jwt" is a token. */

static void
test_v1(void **state)
{
    ngx_uint_t  i, speaks;

    static const char  *const offers[] = {
        "ess.v1", "ess.v1, ess.jwt, x", "ess.jwt, x, ess.v1", "a,ess.v1",
        "ess.jwt, ess.v1", "ESS.V1", "ess.v12", "ess.v1 x", ""
    };

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        test_headers[4].name = "sec-websocket-protocol";
        test_headers[4].value = offers[i];
        speaks = (i < 4);

        assert_int_equal(ngx_ess_ws_speaks_v1(&test_request), speaks);
        assert_int_equal(ngx_ess_ws_check_v1(&test_request),
                         speaks ? NGX_OK : NGX_HTTP_BAD_REQUEST);
    }
}


int
main(void)
{
#define TEST(t)  cmocka_unit_test_setup_teardown(t, test_setup, test_teardown)

    const struct CMUnitTest  tests[] = {
        TEST(test_check),
        TEST(test_check_request),
        TEST(test_start),
        TEST(test_v1),
        TEST(test_messages),
        TEST(test_fragments),
        TEST(test_deflated),
        TEST(test_too_big),
        TEST(test_nobody_listens),
        TEST(test_no_memory),
        TEST(test_pings),
        TEST(test_ping),
        TEST(test_close),
        TEST(test_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
