/*
 * Events of an event stream: the codec's bytes, as they are or in one chunk of
 * HTTP/1.1 each.
 *
 * links: src/encoding/ngx_ess_encoding_sse.c
 * links: src/encoding/ngx_ess_sse_codec.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c t/unit/encoding/one_frame.c
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
test_memory(void **state)
{
    one_frame_failed(&ngx_ess_encoding_sse[0]);
    one_frame_failed(&ngx_ess_encoding_sse[1]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_events, test_setup),
        cmocka_unit_test_setup(test_gap, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
