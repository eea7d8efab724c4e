/*
 * permessage-deflate: offers, messages deflated and inflated again, clients'
 * messages cut at every byte, the RFC's examples, bombs.
 *
 * links: src/transport/ngx_ess_ws_deflate.c src/transport/ngx_ess_ws_codec.c
 * links: src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c
 * links: src/ngx_ess_str.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_ws_codec.h"
#include "ngx_random.h"


#define BIG  200000


/* what client() sends, nobody reads */
static ngx_uint_t  test_ignore;


#define ANSWER                                                                \
    "permessage-deflate; server_no_context_takeover; "                        \
    "client_no_context_takeover"

#define ANSWER_BITS  ANSWER "; server_max_window_bits=15"

#define PMD  "permessage-deflate"


/* What is answered to the offers of a line; "answer" NULL: nothing. */

static void
offered(const char *line, const char *answer)
{
    ngx_int_t  rc;
    ngx_str_t  s, got;

    s.len = strlen(line);
    s.data = malloc(s.len ? s.len : 1);
    memcpy(s.data, line, s.len);

    rc = ngx_ess_ws_deflate_offer(&s, &got);
    free(s.data);

    if (rc != (answer ? NGX_OK : NGX_DECLINED)
        || (answer && (got.len != strlen(answer)
                       || memcmp(got.data, answer, got.len) != 0)))
    {
        fail_msg("%s", line);
    }
}


static void
test_offers(void **state)
{
    size_t  i;

    static const struct {
        const char  *line;
        const char  *answer;
    } offers[] = {
        { PMD, ANSWER },
        { "Permessage-Deflate", ANSWER },
        { " permessage-deflate ", ANSWER },
        { ",,permessage-deflate,", ANSWER },
        { PMD "; server_no_context_takeover; client_no_context_takeover",
          ANSWER },
        { "x-webkit-deflate-frame, permessage-deflate", ANSWER },

        /* a client may use any window; nothing is asked of it */

        { PMD "; client_max_window_bits", ANSWER },
        { PMD ";client_max_window_bits=8", ANSWER },
        { PMD "; client_max_window_bits=15", ANSWER },
        { PMD "; client_max_window_bits=\"10\"", ANSWER },

        /* ours is the largest one, and accepted only by saying so */

        { PMD "; server_max_window_bits=15", ANSWER_BITS },
        { PMD " ; server_max_window_bits = 15", ANSWER_BITS },
        { PMD "; server_max_window_bits=\"15\"", ANSWER_BITS },
        { PMD "; client_max_window_bits; server_max_window_bits=15; "
          "server_no_context_takeover", ANSWER_BITS },

        /* the first one that can be accepted */

        { PMD "; server_max_window_bits=10, permessage-deflate", ANSWER },
        { PMD "; server_max_window_bits=10, "
          PMD "; server_max_window_bits=15, " PMD, ANSWER_BITS },
        { PMD ", " PMD "; server_max_window_bits=15", ANSWER },
        { PMD "; x; server_max_window_bits=15, " PMD, ANSWER },
        { PMD "; server_max_window_bits=15; x, " PMD, ANSWER },

        { "", NULL },
        { ",", NULL },
        { ";", NULL },
        { "permessage-deflat", NULL },
        { "permessage-deflatex", NULL },
        { PMD ";", NULL },
        { PMD "; x", NULL },
        { PMD "; server_max_window_bits", NULL },
        { PMD "; server_max_window_bits=8", NULL },
        { PMD "; server_max_window_bits=14", NULL },
        { PMD "; server_max_window_bits=16", NULL },
        { PMD "; server_max_window_bits=", NULL },
        { PMD "; server_max_window_bits=\"\"", NULL },
        { PMD "; server_max_window_bits=\"", NULL },
        { PMD "; server_max_window_bits=015", NULL },
        { PMD "; server_max_window_bits=15; server_max_window_bits=15", NULL },
        { PMD "; client_max_window_bits=7", NULL },
        { PMD "; client_max_window_bits=16", NULL },
        { PMD "; client_max_window_bits=1", NULL },
        { PMD "; client_max_window_bits=100", NULL },
        { PMD "; client_max_window_bits=x", NULL },
        { PMD "; client_no_context_takeover=1", NULL },
        { PMD "; server_no_context_takeover=", NULL },
        { PMD "; client_max_window_bits; client_max_window_bits", NULL },
        { PMD "; client_no_context_takeover; client_no_context_takeover",
          NULL },
        { "deflate", NULL },
        { "\"permessage-deflate\"", NULL }
    };

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        offered(offers[i].line, offers[i].answer);
    }
}


/* A client's message of one deflated frame, or of parts with control frames
   between; returns what the parser says of all of it. */

static ngx_int_t
client(ngx_ess_ws_parser_t *parser, ngx_ess_ws_opcode_e opcode, u_char *data,
    size_t len, size_t step)
{
    size_t     i, n;
    u_char    *buf, *p, *last, *end;
    ngx_int_t  rc;

    buf = malloc(len + 14);
    p = buf;
    *p++ = 0xc0 | opcode;

    if (len < 126) {
        *p++ = 0x80 | (u_char) len;

    } else if (len < 65536) {
        *p++ = 0x80 | 126;
        *p++ = (u_char) (len >> 8);
        *p++ = (u_char) len;

    } else {
        fail();
    }

    memcpy(p, "\x12\x34\x56\x78", 4);

    for (i = 0; i < len; i++) {
        p[4 + i] = data[i] ^ p[i & 3];
    }

    last = p + 4 + len;

    memset(parser, 0, sizeof(ngx_ess_ws_parser_t));
    parser->deflate = 1;
    parser->keep = !test_ignore;
    rc = NGX_AGAIN;

    for (p = buf; p < last; p = end) {
        n = last - p;
        end = p + (step && step < n ? step : n);

        rc = ngx_ess_ws_codec_parse(parser, &p, end);

        if (rc != NGX_AGAIN) {
            break;
        }
    }

    free(buf);

    if (rc == NGX_OK) {
        /* whole; what is in it is not looked at here */
        free(parser->message);
        parser->message = NULL;
    }

    return rc;
}


static void
inflates(const char *raw, size_t len, const char *text)
{
    size_t                n, done;
    u_char               *p, *last;
    u_char                out[7], got[256];
    ngx_int_t             rc;
    ngx_ess_ws_inflate_t *in;

    static u_char  tail[] = { 0, 0, 0xff, 0xff };

    in = ngx_ess_ws_inflate_create();
    assert_non_null(in);
    done = 0;
    p = (u_char *) raw;
    last = p + len;

    for ( ;; ) {
        rc = ngx_ess_ws_inflate(in, &p, last, out, sizeof(out), &n);
        assert_true(rc != NGX_ERROR);
        memcpy(got + done, out, n);
        done += n;

        if (rc == NGX_AGAIN) {

            if (last == tail + 4) {
                break;
            }

            p = tail;
            last = tail + 4;
        }
    }

    assert_int_equal(done, strlen(text));
    assert_memory_equal(got, text, done);

    ngx_ess_ws_inflate_destroy(in);
}


/* RFC 7692, 7.2.3 */

static void
test_rfc(void **state)
{
    inflates("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");
    inflates("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello");
    inflates("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello");
    inflates("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13,
             "Hello");
}


static void
test_round_trip(void **state)
{
    size_t                len, n, i;
    u_char               *data, *out;
    ngx_ess_ws_parser_t   parser;

    data = malloc(BIG);
    out = malloc(BIG);

    for (len = 1; len < 60000; len = len * 3 + 1) {

        for (i = 0; i < len; i++) {
            data[i] = "abcdefgh\n"[(i * i / 7) % 9];
        }

        n = ngx_ess_ws_deflate(out, len, data, len, 6);

        if (len < 64) {
            continue;
        }

        assert_true(n > 0 && n < len);

        assert_int_equal(client(&parser, NGX_ESS_WS_TEXT, out, n, 0), NGX_OK);
        assert_int_equal(parser.data_len, len);
        assert_null(parser.inflate);
        assert_int_equal(client(&parser, NGX_ESS_WS_TEXT, out, n, 1), NGX_OK);
        assert_int_equal(parser.data_len, len);

        /* truncated: the message goes on, and is let go */

        for (i = 1; i < 30; i++) {
            assert_int_equal(client(&parser, NGX_ESS_WS_TEXT, out, n - i % n,
                                    0) == NGX_AGAIN, 0);
            ngx_ess_ws_codec_done(&parser);
            ngx_ess_ws_codec_done(&parser);
        }
    }

    /* what does not get shorter stays as it is */

    for (i = 0; i < 1000; i++) {
        data[i] = (u_char) random_below(256);
    }

    assert_int_equal(ngx_ess_ws_deflate(out, 1000, data, 1000, 6), 0);
    assert_int_equal(ngx_ess_ws_deflate(out, 0, data, 0, 6), 0);
    assert_int_equal(ngx_ess_ws_deflate(out, 4, data, 0, 6), 0);

    free(data);
    free(out);
}


/* A message that nobody reads is not inflated, whatever it is. */

static void
test_ignored(void **state)
{
    size_t                n;
    u_char               *zeros, *out;
    ngx_ess_ws_parser_t   parser;

    zeros = calloc(1, BIG);
    out = malloc(BIG);

    n = ngx_ess_ws_deflate(out, BIG, zeros, BIG, 6);

    test_ignore = 1;

    assert_int_equal(client(&parser, NGX_ESS_WS_TEXT, out, n, 0), NGX_OK);
    assert_int_equal(parser.data_len, 0);
    assert_true(ngx_ess_ws_codec_between(&parser));

    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY,
                            (u_char *) "\xff\xff\xff\xff", 4, 1),
                     NGX_OK);
    assert_null(parser.inflate);

    test_ignore = 0;

    free(zeros);
    free(out);
}


static void
test_clients(void **state)
{
    size_t                n;
    u_char               *zeros, *out;
    ngx_ess_ws_parser_t   parser;

    zeros = calloc(1, BIG);
    out = malloc(BIG);

    /* a bomb: 200 bytes, 200,000 inflated */

    n = ngx_ess_ws_deflate(out, BIG, zeros, BIG, 6);
    assert_true(n > 0 && n < 400);
    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY, out, n, 0),
                     NGX_ERROR);
    assert_int_equal(parser.code, NGX_ESS_WS_TOO_BIG);
    assert_string_equal(parser.reason, "message is too big when inflated");
    assert_null(parser.inflate);

    n = ngx_ess_ws_deflate(out, BIG, zeros, NGX_ESS_WS_MAX_MESSAGE, 6);
    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY, out, n, 1), NGX_OK);

    n = ngx_ess_ws_deflate(out, BIG, zeros, NGX_ESS_WS_MAX_MESSAGE + 1, 6);
    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY, out, n, 1),
                     NGX_ERROR);

    /* not UTF-8 when inflated */

    memset(zeros, 0xff, 1000);
    n = ngx_ess_ws_deflate(out, BIG, zeros, 1000, 6);
    assert_int_equal(client(&parser, NGX_ESS_WS_TEXT, out, n, 0), NGX_ERROR);
    assert_int_equal(parser.code, NGX_ESS_WS_INVALID_DATA);
    assert_string_equal(parser.reason, "text is not UTF-8");
    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY, out, n, 0), NGX_OK);

    /* not deflated at all */

    memset(out, 0xff, 10);
    assert_int_equal(client(&parser, NGX_ESS_WS_BINARY, out, 10, 0),
                     NGX_ERROR);
    assert_int_equal(parser.code, NGX_ESS_WS_INVALID_DATA);
    assert_string_equal(parser.reason, "message cannot be inflated");

    /* control frames are not; nor what was not negotiated */

    assert_int_equal(client(&parser, NGX_ESS_WS_PING, out, 1, 0), NGX_ERROR);
    assert_string_equal(parser.reason, "reserved bits are set");
    assert_int_equal(client(&parser, NGX_ESS_WS_CONTINUATION, out, 1, 0),
                     NGX_ERROR);
    assert_string_equal(parser.reason, "reserved bits are set");

    free(zeros);
    free(out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_rfc),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_clients)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
