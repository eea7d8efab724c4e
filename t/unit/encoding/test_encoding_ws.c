/*
 * Events as messages of a WebSocket: text or binary, with ordinal and
 * timestamp where they are wanted, deflated where that is shorter; notices of
 * gaps; and no memory.
 *
 * links: src/encoding/ngx_ess_encoding_ws.c src/encoding/ngx_ess_annotate.c
 * links: src/encoding/ngx_ess_encoding_message.c
 * links: src/ngx_ess_json_*.c t/unit/ngx_pool.c
 * links: src/transport/ngx_ess_ws_codec.c src/transport/ngx_ess_ws_deflate.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 * links: t/unit/encoding/one_frame.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_frame.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_encoding_ws.h"
#include "ngx_ess_ws_deflate.h"


static const ngx_ess_encoding_t  *test_all[] = {
    &ngx_ess_encoding_ws[0][0], &ngx_ess_encoding_ws[1][0],
    &ngx_ess_encoding_ws[0][1], &ngx_ess_encoding_ws[1][1]
};


static int
test_setup(void **state)
{
    ngx_ess_encoding_message_init(6, 20);
    one_frame_fail = 0;

    return 0;
}


static void
test_bodies(void **state)
{
    size_t                      i;
    char                        body[70001];
    char                        text[70011];
    const ngx_ess_encoding_t  **e;

    static const size_t  sizes[] = { 125, 126, 65535, 65536, 70000 };

    static const struct {
        const char  *head;
        size_t       len;
    } heads[] = {
        { "\x81\x7d", 2 },
        { "\x81\x7e\x00\x7e", 4 },
        { "\x81\x7e\xff\xff", 4 },
        { "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10 },
        { "\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70", 10 }
    };

    /* a small event is never deflated */

    for (e = test_all; e < test_all + 4; e += 2) {
        one_frame_is(*e, 0, BYTES("hello"), BYTES("\x81\x05hello"));
        one_frame_is(*e, 0, BYTES(""), BYTES("\x81\x00"));
        one_frame_is(*e, 0, BYTES("\xff"), BYTES("\x82\x01\xff"));
    }

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(body, 'x', sizes[i]);
        memcpy(text, heads[i].head, heads[i].len);
        memcpy(text + heads[i].len, body, sizes[i]);

        one_frame_is(&ngx_ess_encoding_ws[0][0], 0, body, sizes[i], text,
                          heads[i].len + sizes[i]);
    }
}


static void
test_annotated(void **state)
{
    const ngx_ess_encoding_t  *e;

    e = &ngx_ess_encoding_ws[1][0];

    one_frame_is(e, 0, BYTES("a"),
                      BYTES("\x81\x1f" "a|ordinal: 7|timestamp: 1234567"));
    one_frame_is(e, 0, BYTES("{\"a\":1} "),
                      BYTES("\x81\x30" "{\"a\":1,\"ess_ordinal\":7,"
                            "\"ess_timestamp\":1234567} "));

    /* what is no text stays as it is */

    one_frame_is(e, 0, BYTES("{\xff}"), BYTES("\x82\x03{\xff}"));

    /* nor does what begins as an object, and is none; it is said of it */

    one_frame_unannotated = 1;
    one_frame_is(e, 0, BYTES("{a}"), BYTES("\x81\x03{a}"));
    (void) ngx_ess_encoding_free(one_frame(&ngx_ess_encoding_ws[1][1], 0,
                   BYTES("{aaaaaaaaaaaaaaaaaaaaaaa")).data);
    one_frame_unannotated = 0;
}


/* only what begins as what it is, and is not empty */

static void
test_strict(void **state)
{
    size_t                     i, k;
    ngx_ess_encoding_frame_t   frame;
    const ngx_ess_encoding_t  *e;

    static const struct {
        const char  *body;
        size_t       len;
    } left_out[] = {
        { BYTES("") }, { BYTES("\xff") }, { BYTES("{\xff}") }, { BYTES("{") },
        { BYTES("{bad json") }, { BYTES(" {bad json") }, { BYTES("{}x") },
        { BYTES("{\"a\":1}{}") }
    };

    for (k = 0; k < NGX_ESS_ENCODING_WS_KINDS; k++) {
        assert_int_equal(ngx_ess_encoding_ws[k][0].gap != NULL, k == 1 || k == 3);
        assert_int_equal(ngx_ess_encoding_ws[k][1].gap != NULL, k == 1 || k == 3);
    }

    for (k = 3; k < 5; k++) {
        e = &ngx_ess_encoding_ws[k][0];

        for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
            assert_int_equal(one_frame_encode(e, 0, left_out[i].body,
                                              left_out[i].len, &frame),
                             NGX_DECLINED);
            assert_int_equal(one_frame_encode(e + 1, 1, left_out[i].body,
                                              left_out[i].len, &frame),
                             NGX_DECLINED);
        }

        one_frame_is(e, 0, BYTES("a"),
                     BYTES("\x81\x1f" "a|ordinal: 7|timestamp: 1234567"));
        one_frame_is(e, 0, BYTES(" "),
                     BYTES("\x81\x1f" " |ordinal: 7|timestamp: 1234567"));
        one_frame_is(e, 0, BYTES("[1]"),
                     BYTES("\x81\x21" "[1]|ordinal: 7|timestamp: 1234567"));

        /* white space would hide that it is an object */

        one_frame_is(e, 0, BYTES("\n {\"a\":1} "),
                     BYTES("\x81\x30" "{\"a\":1,\"ess_ordinal\":7,"
                           "\"ess_timestamp\":1234567} "));
    }
}


/* the payload of a deflated message, inflated again */

static void
test_inflated(ngx_ess_encoding_frame_t *frame, u_char first, const char *body,
    size_t len)
{
    size_t                 n;
    u_char                *p, out[1024];
    ngx_ess_ws_inflate_t  *in;

    assert_int_equal(frame->data[0], first | 0x40);
    assert_int_equal(frame->data[1], frame->len - 2);

    in = ngx_ess_ws_inflate_create();
    assert_non_null(in);

    p = frame->data + 2;
    assert_int_equal(ngx_ess_ws_inflate(in, &p, frame->data + frame->len, out,
                                        sizeof(out), &n), NGX_AGAIN);
    assert_int_equal(n, len);
    assert_memory_equal(out, body, len);

    ngx_ess_ws_inflate_destroy(in);
}


static void
test_deflated(void **state)
{
    ngx_ess_encoding_frame_t   frame;

    static const char  text[] = "abcabcabcabcabcabcabcabcabcabcabcabcabc";
    static const char  bytes[] = "\xff" "bcabcabcabcabcabcabcabcabcabcabc";

    frame = one_frame(&ngx_ess_encoding_ws[0][1], 0, BYTES(text));
    test_inflated(&frame, 0x81, BYTES(text));
    (void) ngx_ess_encoding_free(frame.data);

    frame = one_frame(&ngx_ess_encoding_ws[0][1], 0, BYTES(bytes));
    test_inflated(&frame, 0x82, BYTES(bytes));
    (void) ngx_ess_encoding_free(frame.data);

    frame = one_frame(&ngx_ess_encoding_ws[1][1], 0,
                       BYTES("aaaaaaaaaaaaaaaaaaaa"));
    test_inflated(&frame, 0x81,
                  BYTES("aaaaaaaaaaaaaaaaaaaa|ordinal: 7"
                        "|timestamp: 1234567"));
    (void) ngx_ess_encoding_free(frame.data);

    /* not for one client alone, nor below ess_deflate's size, nor what were
       longer */

    one_frame_is(&ngx_ess_encoding_ws[0][1], 1,
                      BYTES("aaaaaaaaaaaaaaaaaaaa"),
                      BYTES("\x81\x14" "aaaaaaaaaaaaaaaaaaaa"));
    one_frame_is(&ngx_ess_encoding_ws[0][1], 0,
                      BYTES("aaaaaaaaaaaaaaaaaaa"),
                      BYTES("\x81\x13" "aaaaaaaaaaaaaaaaaaa"));
    one_frame_is(&ngx_ess_encoding_ws[0][1], 0,
                      BYTES("abcdefghijklmnopqrstuvwxyz0123456789"),
                      BYTES("\x81\x24" "abcdefghijklmnopqrstuvwxyz"
                            "0123456789"));
}


static void
test_gap(void **state)
{
    ngx_uint_t  i;

    assert_null(ngx_ess_encoding_ws[0][0].gap);
    assert_null(ngx_ess_encoding_ws[0][1].gap);

    for (i = 1; i < 4; i += 2) {
        one_frame_gap_is(test_all[i], 3, 5,
                       BYTES("\x81\x1d{\"ess_gap\":{\"from\":3,\"to\":5}}"));
        one_frame_gap_is(test_all[i], 3, 2,
                       BYTES("\x81\x20{\"ess_gap\":{\"from\":3,"
                             "\"to\":null}}"));
    }
}


static void
test_memory(void **state)
{
    ngx_uint_t                 i;
    ngx_ess_encoding_frame_t   frame;

    for (i = 0; i < 4; i++) {
        one_frame_failed(test_all[i]);
    }

    /* without memory to deflate it goes as it is */

    for (i = 2; i <= 3; i++) {
        one_frame_fail = i;
        frame = one_frame(&ngx_ess_encoding_ws[0][1], 0,
                           BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert_int_equal(one_frame_fail, 0);
        assert_int_equal(frame.len, 30);
        assert_memory_equal(frame.data, "\x81\x1c" "aaaa", 6);
        (void) ngx_ess_encoding_free(frame.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_bodies, test_setup),
        cmocka_unit_test_setup(test_annotated, test_setup),
        cmocka_unit_test_setup(test_deflated, test_setup),
        cmocka_unit_test_setup(test_strict, test_setup),
        cmocka_unit_test_setup(test_gap, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
