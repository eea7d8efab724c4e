/*
 * Frames of messages: their headers; deflated in place, unless the event is
 * small, or that were longer, or there is no memory.
 *
 * links: src/encoding/ngx_ess_encoding_message.c
 * links: src/transport/ngx_ess_ws_codec.c src/transport/ngx_ess_ws_deflate.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c t/unit/encoding/one_frame.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "one_frame.h"
#include "ngx_ess_encoding_message.h"


static int
test_setup(void **state)
{
    ngx_ess_encoding_message_init(6, 20);
    one_frame_fail = 0;

    return 0;
}


static void
test_frame(ngx_ess_encoding_frame_t *frame, const char *text, size_t len)
{
    u_char  *p;

    ngx_memzero(frame, sizeof(ngx_ess_encoding_frame_t));

    p = ngx_ess_encoding_message(frame, NGX_ESS_WS_BINARY, 0, len, NULL);
    assert_non_null(p);
    assert_ptr_equal(p + len, frame->data + frame->len);

    memcpy(p, text, len);
}


static void
test_deflate(void **state)
{
    char                      text[1000];
    ngx_ess_encoding_frame_t  frame;

    memset(text, 'a', sizeof(text));
    test_frame(&frame, text, sizeof(text));

    ngx_ess_encoding_message_deflate(&frame, 20, sizeof(text), NULL);

    assert_int_equal(frame.data[0], 0xc2);
    assert_true(frame.len < 100);
    assert_int_equal(frame.data[1] + 2, frame.len);

    (void) ngx_ess_encoding_free(frame.data);
}


static void
test_stays(void **state)
{
    size_t                    i;
    char                      text[64];
    ngx_ess_encoding_frame_t  frame;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (char) (i * 37 + i * i * 11);
    }

    /* small, or longer when it is deflated */

    for (i = 19; i < 21; i++) {
        test_frame(&frame, text, sizeof(text));
        ngx_ess_encoding_message_deflate(&frame, i, sizeof(text), NULL);

        assert_int_equal(frame.len, sizeof(text) + 2);
        assert_int_equal(frame.data[0], 0x82);
        assert_memory_equal(frame.data + 2, text, sizeof(text));

        (void) ngx_ess_encoding_free(frame.data);
    }
}


static void
test_memory(void **state)
{
    char                      text[64];
    ngx_uint_t                fail;
    ngx_ess_encoding_frame_t  frame;

    one_frame_fail = 1;
    assert_null(ngx_ess_encoding_message(&frame, NGX_ESS_WS_TEXT, 0, 1, NULL));

    memset(text, 'a', sizeof(text));

    for (fail = 1; fail <= 2; fail++) {
        test_frame(&frame, text, sizeof(text));

        one_frame_fail = fail;
        ngx_ess_encoding_message_deflate(&frame, 64, sizeof(text), NULL);
        assert_int_equal(one_frame_fail, 0);

        assert_int_equal(frame.len, sizeof(text) + 2);
        assert_memory_equal(frame.data + 2, text, sizeof(text));

        (void) ngx_ess_encoding_free(frame.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_deflate, test_setup),
        cmocka_unit_test_setup(test_stays, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
