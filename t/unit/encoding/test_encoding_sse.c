/*
 * Events of an event stream: the codec's bytes, as they are or in one chunk of
 * HTTP/1.1 each.
 *
 * links: src/encoding/ngx_ess_encoding_sse.c
 * links: src/encoding/ngx_ess_sse_codec.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c t/unit/encoding/one_frame.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_frame.h"
#include "ngx_ess_encoding_sse.h"


static int
test_setup(void **state)
{
    one_frame_fail = 0;

    return 0;
}


static void
test_events(void **state)
{
    ngx_uint_t  one;

    for (one = 0; one < 2; one++) {
        one_frame_is(&ngx_ess_encoding_sse[0], one, BYTES("a\nb"),
                     BYTES("id: ab12-7\ndata: a\ndata: b\n\n"));
        one_frame_is(&ngx_ess_encoding_sse[1], one, BYTES("a\nb"),
                     BYTES("1c\r\nid: ab12-7\ndata: a\ndata: b\n\n\r\n"));

        one_frame_is(&ngx_ess_encoding_sse[0], one, BYTES(""),
                     BYTES("id: ab12-7\ndata: \n\n"));

        one_frame_is(&ngx_ess_encoding_sse[0], one, BYTES("\xff"),
                     BYTES("id: ab12-7\nevent: binary\ndata: /w==\n\n"));
        one_frame_is(&ngx_ess_encoding_sse[1], one, BYTES("\xff"),
                     BYTES("25\r\nid: ab12-7\nevent: binary\ndata: /w==\n\n"
                           "\r\n"));
    }
}


static void
test_gap(void **state)
{
    one_frame_gap_is(&ngx_ess_encoding_sse[0], 3, 5,
                     BYTES("event: gap\nid: ab12-5\n"
                           "data: {\"from\":3,\"to\":5}\n\n"));
    one_frame_gap_is(&ngx_ess_encoding_sse[1], 3, 5,
                     BYTES("2f\r\nevent: gap\nid: ab12-5\n"
                           "data: {\"from\":3,\"to\":5}\n\n\r\n"));

    /* nobody knows how many */

    one_frame_gap_is(&ngx_ess_encoding_sse[1], 3, 2,
                     BYTES("32\r\nevent: gap\nid: ab12-2\n"
                           "data: {\"from\":3,\"to\":null}\n\n\r\n"));
}


static void
test_part(void **state)
{
    ngx_uint_t  one;

    for (one = 0; one <= 1; one++) {
        one_frame_is(&ngx_ess_encoding_sse_part[0], one, BYTES("a\nb"),
                     BYTES("data: a\ndata: b\n\n"));
        one_frame_is(&ngx_ess_encoding_sse_part[1], one, BYTES("a\nb"),
                     BYTES("data: a\ndata: b\n\n\r\n"));

        one_frame_is(&ngx_ess_encoding_sse_part[0], one, BYTES(""),
                     BYTES("data: \n\n"));

        one_frame_is(&ngx_ess_encoding_sse_part[0], one, BYTES("\xff"),
                     BYTES(": base64\ndata: /w==\n\n"));
        one_frame_is(&ngx_ess_encoding_sse_part[1], one, BYTES("\xff"),
                     BYTES(": base64\ndata: /w==\n\n\r\n"));
    }

    one_frame_gap_is(&ngx_ess_encoding_sse_part[0], 3, 5,
                     BYTES("\"from\":3,\"to\":5}\n\n"));
    one_frame_gap_is(&ngx_ess_encoding_sse_part[1], 3, 2,
                     BYTES("\"from\":3,\"to\":null}\n\n\r\n"));
}


/* The client's own lines and the shared part, or, with a code, the notice of
   the end; chunked, one chunk is what is not chunked. */

static void
own_is(const char *label, const char *body, size_t len, ngx_uint_t code,
    const char *expected)
{
    char                        text[512];
    size_t                      n;
    u_char                     *p, *buf;
    ngx_str_t                   part, reason;
    ngx_uint_t                  gap, chunked;
    ngx_ess_encoding_frame_t    frame;
    ngx_ess_encoding_sse_own_t  own;

    gap = (body == NULL);

    own.label = (ngx_str_t) { strlen(label), (u_char *) label };
    own.stream = (ngx_str_t) ngx_string("abc");
    own.id = (ngx_str_t) ngx_string("ab12-7,1-0");

    reason = (ngx_str_t) ngx_string("the \"reason\"\n");

    for (chunked = 0; chunked <= 1; chunked++) {

        own.chunked = chunked;

        if (gap) {
            assert_int_equal(ngx_ess_encoding_sse_part[chunked].gap(
                                 &ngx_ess_encoding_sse_part[chunked], NULL,
                                 0xab12, 3, 5, &frame, NULL),
                             NGX_OK);

        } else {
            frame = one_frame(&ngx_ess_encoding_sse_part[chunked], 0, body,
                              len);
        }

        part.data = frame.data;
        part.len = code ? 0 : frame.len;

        n = code ? ngx_ess_encoding_sse_end_len(&own, code, &reason)
                 : ngx_ess_encoding_sse_own_len(&own, &part, gap);

        /* vsprintf() ends with a zero, too */

        buf = malloc(n + part.len + 1);
        assert_non_null(buf);

        p = code ? ngx_ess_encoding_sse_end(buf, &own, code, &reason)
                 : ngx_ess_encoding_sse_own(buf, &own, &part, gap);

        assert_ptr_equal(p, buf + n);

        memcpy(p, part.data, part.len);
        buf[n + part.len] = '\0';

        if (chunked) {
            (void) snprintf(text, sizeof(text), "%zx\r\n%.400s\r\n",
                            strlen(expected), expected);
            expected = text;
        }

        assert_string_equal((char *) buf, expected);

        free(buf);
        (void) ngx_ess_encoding_free(frame.data);
    }
}


#define ID  "id: ab12-7,1-0\n"

static void
test_own(void **state)
{
    own_is("", BYTES("a\nb"), 0, ID "data: a\ndata: b\n\n");
    own_is("prices", BYTES("a"), 0, "event: prices\n" ID "data: a\n\n");
    own_is("", BYTES(""), 0, ID "data: \n\n");

    /* a comment of the body's is none of ours */

    own_is("", BYTES(": base64\n"), 0, ID "data: : base64\ndata: \n\n");

    own_is("", BYTES("\xff"), 0,
           "event: binary\n" ID ": base64\ndata: /w==\n\n");
    own_is("prices", BYTES("\xff"), 0,
           "event: prices\n" ID ": base64\ndata: /w==\n\n");
}


static void
test_own_notice(void **state)
{
    own_is("", NULL, 0, 0,
           "event: gap\n" ID "data: {\"stream\":\"abc\",\"from\":3,\"to\":5}"
           "\n\n");
    own_is("prices", NULL, 0, 0,
           "event: gap\n" ID "data: {\"stream\":\"abc\",\"label\":\"prices\","
           "\"from\":3,\"to\":5}\n\n");

    own_is("", BYTES(""), 1000,
           "event: end\n" ID "data: {\"stream\":\"abc\",\"code\":1000,"
           "\"reason\":\"the \\\"reason\\\"\\n\"}\n\n");
    own_is("prices", BYTES(""), 1000,
           "event: end\n" ID "data: {\"stream\":\"abc\",\"label\":\"prices\","
           "\"code\":1000,\"reason\":\"the \\\"reason\\\"\\n\"}\n\n");
}


static void
test_memory(void **state)
{
    one_frame_failed(&ngx_ess_encoding_sse_part[0]);
    one_frame_failed(&ngx_ess_encoding_sse_part[1]);

    one_frame_failed(&ngx_ess_encoding_sse[0]);
    one_frame_failed(&ngx_ess_encoding_sse[1]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_events, test_setup),
        cmocka_unit_test_setup(test_gap, test_setup),
        cmocka_unit_test_setup(test_part, test_setup),
        cmocka_unit_test_setup(test_own, test_setup),
        cmocka_unit_test_setup(test_own_notice, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
