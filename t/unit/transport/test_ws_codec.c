
/*
 * The WebSocket codec: valid and invalid frames, each cut at every byte and
 * truncated at every byte, with the input right before a guard page.
 *
 * links: src/transport/ngx_ess_ws_codec.c src/ngx_ess_utf8.c
 * links: src/transport/ngx_ess_ws_deflate.c t/unit/ngx_string.c
 * links: src/ngx_ess_str.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_ws_codec.h"
#include "ngx_guard.h"


#define TEST_ROOM  (256 * 1024)


/* what the parser said: a line per frame, and the end */

typedef struct {
    ngx_uint_t   frames;
    u_char       opcodes[64];
    uint16_t     codes[64];
    u_char       control_len[64];
    u_char       control[64][NGX_ESS_WS_MAX_CONTROL];
    ngx_int_t    rc;
    uint16_t     code;
} test_trace_t;


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    ngx_int_t    rc;                        /* after the last byte */
    ngx_uint_t   frames;
    uint16_t     code;
} test_case_t;


static u_char       *test_end;              /* the guard page */
static const u_char  test_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };


#define CASE(name, data, rc, frames, code)                                    \
    { name, data, sizeof(data) - 1, rc, frames, code }

/* masked with zeros, so that the payload can be read here */
#define M0  "\0\0\0\0"

static const test_case_t  test_cases[] = {
    CASE("empty text", "\x81\x80" M0, NGX_AGAIN, 1, 0),
    CASE("text", "\x81\x85" M0 "Hello", NGX_AGAIN, 1, 0),
    CASE("RFC 6455 5.7 masked text",
         "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", NGX_AGAIN, 1, 0),
    CASE("binary", "\x82\x83" M0 "\xff\xfe\x00", NGX_AGAIN, 1, 0),
    CASE("two messages", "\x81\x81" M0 "a\x82\x81" M0 "b", NGX_AGAIN, 2, 0),
    CASE("fragments", "\x01\x81" M0 "a\x00\x81" M0 "b\x80\x81" M0 "c",
         NGX_AGAIN, 3, 0),
    CASE("empty fragments", "\x01\x80" M0 "\x00\x80" M0 "\x80\x80" M0,
         NGX_AGAIN, 3, 0),
    CASE("ping between fragments",
         "\x01\x81" M0 "a\x89\x82" M0 "hi\x80\x81" M0 "c", NGX_AGAIN, 3, 0),
    CASE("close between fragments",
         "\x01\x81" M0 "a\x88\x82" M0 "\x03\xe8", NGX_AGAIN, 2, 0),
    CASE("character across fragments",
         "\x01\x81" M0 "\xe2\x00\x81" M0 "\x82\x80\x81" M0 "\xac",
         NGX_AGAIN, 3, 0),
    CASE("character across fragments, ping within",
         "\x01\x81" M0 "\xe2\x89\x81" M0 "x\x80\x82" M0 "\x82\xac",
         NGX_AGAIN, 3, 0),
    CASE("ping", "\x89\x80" M0, NGX_AGAIN, 1, 0),
    CASE("pong", "\x8a\x81" M0 "x", NGX_AGAIN, 1, 0),
    CASE("close without code", "\x88\x80" M0, NGX_AGAIN, 1, 0),
    CASE("close", "\x88\x85" M0 "\x03\xe9" "bye", NGX_AGAIN, 1, 0),
    CASE("close 4999", "\x88\x82" M0 "\x13\x87", NGX_AGAIN, 1, 0),

    CASE("not masked", "\x81\x05", NGX_ERROR, 0, 1002),
    CASE("rsv1", "\xc1", NGX_ERROR, 0, 1002),
    CASE("rsv2", "\xa1", NGX_ERROR, 0, 1002),
    CASE("rsv3", "\x91", NGX_ERROR, 0, 1002),
    CASE("opcode 3", "\x83", NGX_ERROR, 0, 1002),
    CASE("opcode 7", "\x87", NGX_ERROR, 0, 1002),
    CASE("opcode 11", "\x8b", NGX_ERROR, 0, 1002),
    CASE("opcode 15", "\x8f", NGX_ERROR, 0, 1002),
    CASE("fragmented ping", "\x09", NGX_ERROR, 0, 1002),
    CASE("fragmented close", "\x08", NGX_ERROR, 0, 1002),
    CASE("ping of 126", "\x89\xfe", NGX_ERROR, 0, 1002),
    CASE("close of 127", "\x88\xff", NGX_ERROR, 0, 1002),
    CASE("nothing to continue", "\x80", NGX_ERROR, 0, 1002),
    CASE("nothing to continue any more", "\x81\x81" M0 "a\x80",
         NGX_ERROR, 1, 1002),
    CASE("message within a message", "\x01\x81" M0 "a\x81",
         NGX_ERROR, 1, 1002),
    CASE("16 bits for 125", "\x81\xfe\x00\x7d", NGX_ERROR, 0, 1002),
    CASE("64 bits for 65535", "\x82\xff\0\0\0\0\0\0\xff\xff",
         NGX_ERROR, 0, 1002),
    CASE("64 bits, highest set", "\x82\xff\x80\0\0\0\0\1\0\0",
         NGX_ERROR, 0, 1002),
    CASE("1 GiB, at the header", "\x82\xff\0\0\0\0\x40\0\0\0",
         NGX_ERROR, 0, 1009),
    CASE("largest length", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
         NGX_ERROR, 0, 1009),
    CASE("65537 bytes", "\x82\xff\0\0\0\0\0\1\0\1", NGX_ERROR, 0, 1009),
    CASE("too big by fragments", "\x02\x81" M0 "a\x80\xff\0\0\0\0\0\1\0\0",
         NGX_ERROR, 1, 1009),
    CASE("close of 1", "\x88\x81" M0 "\x03", NGX_ERROR, 0, 1002),
    CASE("close 999", "\x88\x82" M0 "\x03\xe7", NGX_ERROR, 0, 1002),
    CASE("close 1004", "\x88\x82" M0 "\x03\xec", NGX_ERROR, 0, 1002),
    CASE("close 1005", "\x88\x82" M0 "\x03\xed", NGX_ERROR, 0, 1002),
    CASE("close 1006", "\x88\x82" M0 "\x03\xee", NGX_ERROR, 0, 1002),
    CASE("close 1015", "\x88\x82" M0 "\x03\xf7", NGX_ERROR, 0, 1002),
    CASE("close 2999", "\x88\x82" M0 "\x0b\xb7", NGX_ERROR, 0, 1002),
    CASE("close 5000", "\x88\x82" M0 "\x13\x88", NGX_ERROR, 0, 1002),
    CASE("close, bad reason", "\x88\x83" M0 "\x03\xe8\xff",
         NGX_ERROR, 0, 1007),
    CASE("close, half a character", "\x88\x83" M0 "\x03\xe8\xc3",
         NGX_ERROR, 0, 1007),
    CASE("text, bad byte", "\x81\x81" M0 "\xff", NGX_ERROR, 0, 1007),
    CASE("text, bad byte before its end", "\x81\x85" M0 "a\xff",
         NGX_ERROR, 0, 1007),
    CASE("text, half a character", "\x81\x81" M0 "\xc3", NGX_ERROR, 0, 1007),
    CASE("text, bad across fragments", "\x01\x81" M0 "\xe2\x80\x81" M0 "a",
         NGX_ERROR, 1, 1007)
};


/* feeds len bytes that end at the guard page, in two parts when cut < len */

static void
test_parse(const void *data, size_t len, size_t cut, test_trace_t *t)
{
    u_char               *p, *last;
    ngx_int_t             rc;
    ngx_uint_t            part;
    ngx_ess_ws_parser_t   parser;

    memset(&parser, 0, sizeof(parser));
    memset(t, 0, sizeof(test_trace_t));

    t->rc = NGX_AGAIN;

    for (part = 0; part < 2; part++) {

        size_t  from = part ? cut : 0;
        size_t  n = part ? len - cut : cut;

        p = test_end - n;
        last = test_end;

        if (n) {
            memcpy(p, (const u_char *) data + from, n);
        }

        for ( ;; ) {
            rc = ngx_ess_ws_codec_parse(&parser, &p, last);
            assert_true(p <= last);

            if (rc != NGX_OK) {
                break;
            }

            assert_true(t->frames < 64);

            t->opcodes[t->frames] = parser.opcode;

            if (parser.opcode >= NGX_ESS_WS_CLOSE) {
                t->control_len[t->frames] = parser.control_len;
                memcpy(t->control[t->frames], parser.control,
                       parser.control_len);
            }

            if (parser.opcode == NGX_ESS_WS_CLOSE) {
                t->codes[t->frames] = parser.code;
            }

            t->frames++;
        }

        if (rc == NGX_AGAIN) {
            assert_ptr_equal(p, last);
        }

        if (t->rc == NGX_AGAIN) {
            t->rc = rc;
            t->code = (rc == NGX_ERROR) ? parser.code : 0;
        }

        if (rc == NGX_ERROR) {
            assert_non_null(parser.reason);
            assert_true(strlen(parser.reason) <= 123);
        }
    }
}


static void
test_ws_codec_cases(void **state)
{
    size_t              cut, len;
    ngx_uint_t          i;
    test_trace_t        whole, t;
    const test_case_t  *c;

    for (i = 0; i < sizeof(test_cases) / sizeof(test_cases[0]); i++) {
        c = &test_cases[i];

        test_parse(c->data, c->len, c->len, &whole);

        if (whole.rc != c->rc || whole.frames != c->frames
            || whole.code != c->code)
        {
            fail_msg("%s: rc %d, frames %u, code %u", c->name,
                     (int) whole.rc, (unsigned) whole.frames, whole.code);
        }

        /* cut in two at every byte: the same */

        for (cut = 0; cut < c->len; cut++) {
            test_parse(c->data, c->len, cut, &t);

            if (memcmp(&t, &whole, sizeof(t)) != 0) {
                fail_msg("%s: cut at %zu differs", c->name, cut);
            }
        }

        /* truncated at every byte: no more than that, and no error but the
           one to come */

        for (len = 0; len < c->len; len++) {
            test_parse(c->data, len, len, &t);

            assert_true(t.frames <= whole.frames);
            assert_true(t.rc == NGX_AGAIN || t.rc == whole.rc);
            assert_memory_equal(t.opcodes, whole.opcodes, t.frames);
        }
    }
}


static void
test_ws_codec_payload(void **state)
{
    test_trace_t  t;

    test_parse("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11, 4, &t);

    assert_int_equal(t.frames, 1);
    assert_int_equal(t.control_len[0], 5);
    assert_memory_equal(t.control[0], "Hello", 5);

    test_parse("\x88\x85\0\0\0\0\x03\xe9" "bye", 11, 7, &t);

    assert_int_equal(t.codes[0], 1001);

    test_parse("\x88\x80\0\0\0\0", 6, 6, &t);

    assert_int_equal(t.codes[0], NGX_ESS_WS_NO_STATUS);
}


/* a client's frame of "len" bytes of 'a', or of text given */

static size_t
test_build(u_char *buf, u_char first, const u_char *text, size_t len)
{
    size_t  i, n;

    n = ngx_ess_ws_codec_header(buf, NGX_ESS_WS_BINARY, 0, len);

    buf[0] = first;
    buf[1] |= 0x80;

    memcpy(buf + n, test_mask, 4);
    n += 4;

    for (i = 0; i < len; i++) {
        buf[n + i] = (u_char) ((text ? text[i] : 'a') ^ test_mask[i & 3]);
    }

    return n + len;
}


static void
test_ws_codec_sizes(void **state)
{
    size_t         n;
    u_char        *buf;
    ngx_uint_t     i;
    test_trace_t   t;

    static const size_t  sizes[] = { 0, 1, 7, 8, 9, 124, 125, 126, 127, 128,
                                     65534, 65535, 65536 };

    buf = malloc(TEST_ROOM);
    assert_non_null(buf);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {

        n = test_build(buf, 0x81, NULL, sizes[i]);

        test_parse(buf, n, n, &t);
        assert_int_equal(t.rc, NGX_AGAIN);
        assert_int_equal(t.frames, 1);

        test_parse(buf, n, n / 2, &t);
        assert_int_equal(t.rc, NGX_AGAIN);
        assert_int_equal(t.frames, 1);
    }

    n = test_build(buf, 0x81, NULL, 65537);
    test_parse(buf, n, n, &t);
    assert_int_equal(t.rc, NGX_ERROR);
    assert_int_equal(t.code, 1009);

    /* a message after a large one may be large, too */

    n = test_build(buf, 0x81, NULL, 65536);
    n += test_build(buf + n, 0x81, NULL, 65536);
    test_parse(buf, n, n, &t);
    assert_int_equal(t.rc, NGX_AGAIN);
    assert_int_equal(t.frames, 2);

    free(buf);
}


/* each byte of a text damaged by a wrong mask must be found, wherever */

static void
test_ws_codec_unmask(void **state)
{
    size_t        n, cut, len, i;
    u_char        buf[128], text[64];
    test_trace_t  t;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) (i & 1 ? 0xa9 : 0xc3);
    }

    for (len = 0; len <= sizeof(text); len += 2) {
        n = test_build(buf, 0x81, text, len);

        for (cut = 0; cut <= n; cut++) {
            test_parse(buf, n, cut, &t);
            assert_int_equal(t.rc, NGX_AGAIN);
            assert_int_equal(t.frames, 1);
        }
    }
}


static void
test_ws_codec_header(void **state)
{
    u_char  buf[NGX_ESS_WS_MAX_HEADER];

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_TEXT, 0, 0), 2);
    assert_memory_equal(buf, "\x81\x00", 2);

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_TEXT, 0, 125), 2);
    assert_memory_equal(buf, "\x81\x7d", 2);

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_BINARY, 0, 126),
                     4);
    assert_memory_equal(buf, "\x82\x7e\x00\x7e", 4);

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_TEXT, 0, 65535),
                     4);
    assert_memory_equal(buf, "\x81\x7e\xff\xff", 4);

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_TEXT, 0, 65536),
                     10);
    assert_memory_equal(buf, "\x81\x7f\0\0\0\0\0\1\0\0", 10);

    assert_int_equal(ngx_ess_ws_codec_header(buf, NGX_ESS_WS_PING, 0, 0), 2);
    assert_memory_equal(buf, "\x89\x00", 2);
}


static void
test_ws_codec_close(void **state)
{
    size_t      i;
    u_char      buf[2 + NGX_ESS_WS_MAX_CONTROL], text[200];
    ngx_str_t   reason;

    reason.data = (u_char *) "bye";
    reason.len = 3;

    assert_int_equal(ngx_ess_ws_codec_close(buf, 1000, &reason), 7);
    assert_memory_equal(buf, "\x88\x05\x03\xe8" "bye", 7);

    assert_int_equal(ngx_ess_ws_codec_close(buf, NGX_ESS_WS_NO_STATUS,
                                            &reason), 2);
    assert_memory_equal(buf, "\x88\x00", 2);

    reason.data = NULL;
    reason.len = 0;

    assert_int_equal(ngx_ess_ws_codec_close(buf, 1012, &reason), 4);
    assert_memory_equal(buf, "\x88\x02\x03\xf4", 4);

    /* too long: cut between characters */

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) (i & 1 ? 0xa9 : 0xc3);
    }

    reason.data = text;
    reason.len = sizeof(text);

    assert_int_equal(ngx_ess_ws_codec_close(buf, 1011, &reason), 126);
    assert_int_equal(buf[1], 124);
    assert_true(ngx_ess_utf8_valid(buf + 4, 122));

    memset(text, 'a', sizeof(text));

    assert_int_equal(ngx_ess_ws_codec_close(buf, 1011, &reason), 127);
    assert_int_equal(buf[1], 125);
}


static int
test_setup(void **state)
{
    test_end = ngx_unit_guard(TEST_ROOM);

    return test_end ? 0 : -1;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ws_codec_cases),
        cmocka_unit_test(test_ws_codec_payload),
        cmocka_unit_test(test_ws_codec_sizes),
        cmocka_unit_test(test_ws_codec_unmask),
        cmocka_unit_test(test_ws_codec_header),
        cmocka_unit_test(test_ws_codec_close)
    };

    return cmocka_run_group_tests(tests, test_setup, NULL);
}
