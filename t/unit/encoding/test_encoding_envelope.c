/*
 * Envelopes as messages of a WebSocket, which are text, deflated where that is
 * shorter, and as events of an event stream; notices of gaps; and no memory.
 *
 * links: src/encoding/ngx_ess_encoding_envelope.c
 * links: src/encoding/ngx_ess_encoding_message.c
 * links: src/encoding/ngx_ess_encoding_sse.c src/encoding/ngx_ess_sse_codec.c
 * links: src/encoding/ngx_ess_envelope.c src/ngx_ess_json_*.c
 * links: t/unit/ngx_pool.c
 * links: src/transport/ngx_ess_ws_codec.c src/transport/ngx_ess_ws_deflate.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 * links: t/unit/encoding/one_frame.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_frame.h"
#include "ngx_ess_encoding_envelope.h"
#include "ngx_ess_encoding_message.h"


static int
test_setup(void **state)
{
    ngx_ess_encoding_message_init(6, 64);
    one_frame_fail = 0;
    one_frame_key = "";

    return 0;
}


static void
test_events(void **state)
{
    ngx_uint_t                 many, deflated;
    const ngx_ess_encoding_t  *e;

    for (many = 0; many < 2; many++) {
        for (deflated = 0; deflated < 2; deflated++) {

            e = &ngx_ess_encoding_envelope[many][deflated];

            assert_int_equal(e->many, many);
            assert_int_equal(e->deflated, deflated);
            assert_int_equal(e->labelled, 1);

            one_frame_key = "";
            one_frame_is(e, 0, BYTES(" 42 "),
                         BYTES("\x81\x2c{\"s\":17,\"id\":\"ab12-7\","
                               "\"t\":1234567,\"data\":42}"));

            /* in JSON, binary bodies are text as well */

            one_frame_is(e, 1, BYTES("\xff"),
                         BYTES("\x81\x32{\"s\":17,\"id\":\"ab12-7\","
                               "\"t\":1234567,\"base64\":\"/w==\"}"));

            one_frame_key = "eu";
            one_frame_is(e, 0, BYTES("hi"),
                         BYTES("\x81\x39{\"s\":17,\"id\":\"ab12-7\","
                               "\"t\":1234567,\"key\":\"eu\","
                               "\"text\":\"hi\"}"));
        }
    }
}


static void
test_deflated(void **state)
{
    char                       body[1000];
    ngx_ess_encoding_frame_t   plain, frame;

    memset(body, 'a', sizeof(body));

    plain = one_frame(&ngx_ess_encoding_envelope[1][0], 0, body, sizeof(body));
    assert_int_equal(plain.data[0], 0x81);

    frame = one_frame(&ngx_ess_encoding_envelope[1][1], 0, body, sizeof(body));
    assert_int_equal(frame.data[0], 0xc1);
    assert_true(frame.len < 100);
    (void) ngx_ess_encoding_free(frame.data);

    /* not for one client alone */

    frame = one_frame(&ngx_ess_encoding_envelope[1][1], 1, body, sizeof(body));
    assert_int_equal(frame.len, plain.len);
    assert_memory_equal(frame.data, plain.data, plain.len);
    (void) ngx_ess_encoding_free(frame.data);

    (void) ngx_ess_encoding_free(plain.data);
}


static void
test_gap(void **state)
{
    one_frame_gap_is(&ngx_ess_encoding_envelope[0][0], 3, 5,
                     BYTES("\x81\x20{\"s\":17,\"gap\":{\"from\":3,"
                           "\"to\":5}}"));
    one_frame_gap_is(&ngx_ess_encoding_envelope[1][1], 3, 2,
                     BYTES("\x81\x23{\"s\":17,\"gap\":{\"from\":3,"
                           "\"to\":null}}"));

    /* with an id, as all that an event stream says of events */

    one_frame_gap_is(&ngx_ess_encoding_envelope_sse[0], 3, 5,
                     BYTES("event: gap\nid: ab12-5\n"
                           "data: {\"from\":3,\"to\":5}\n\n"));
}


static void
test_sse(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        assert_int_equal(ngx_ess_encoding_envelope_sse[i].labelled, 1);
        assert_int_equal(ngx_ess_encoding_envelope_sse[i].chunked, i);
    }

    one_frame_is(&ngx_ess_encoding_envelope_sse[0], 0, BYTES("[1,\n2]"),
                 BYTES("id: ab12-7\ndata: {\"s\":17,\"id\":\"ab12-7\","
                       "\"t\":1234567,\"data\":[1,\ndata: 2]}\n\n"));
    one_frame_is(&ngx_ess_encoding_envelope_sse[1], 1, BYTES("\xff"),
                 BYTES("45\r\nid: ab12-7\ndata: {\"s\":17,"
                       "\"id\":\"ab12-7\",\"t\":1234567,"
                       "\"base64\":\"/w==\"}\n\n\r\n"));
}


static void
test_memory(void **state)
{
    ngx_ess_encoding_frame_t  frame;

    one_frame_failed(&ngx_ess_encoding_envelope[0][0]);
    one_frame_failed(&ngx_ess_encoding_envelope[1][1]);
    one_frame_failed(&ngx_ess_encoding_envelope_sse[1]);

    one_frame_fail = 2;
    assert_int_equal(one_frame_encode(&ngx_ess_encoding_envelope_sse[1], 0,
                                      "a", 1, &frame),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_events, test_setup),
        cmocka_unit_test_setup(test_deflated, test_setup),
        cmocka_unit_test_setup(test_gap, test_setup),
        cmocka_unit_test_setup(test_sse, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
