/*
 * A template's encodings: text messages, deflated where that is shorter, and
 * events of an event stream with their ids; what is left out; and no memory.
 *
 * links: src/encoding/ngx_ess_encoding.c
 * links: src/encoding/ngx_ess_encoding_template.c
 * links: src/encoding/ngx_ess_template.c src/encoding/ngx_ess_sse_codec.c
 * links: src/encoding/ngx_ess_encoding_message.c
 * links: src/encoding/ngx_ess_encoding_sse.c
 * links: src/transport/ngx_ess_ws_codec.c src/transport/ngx_ess_ws_deflate.c
 * links: src/ngx_ess_json_*.c src/ngx_ess_str.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c t/unit/ngx_pool.c t/unit/encoding/one_frame.c
 */


#include "one_frame.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_encoding_template.h"


void ngx_unit_pool_free(void);


static ngx_ess_encoding_template_t  test_et;


static int
test_setup(void **state)
{
    ngx_ess_encoding_message_init(6, 64);
    one_frame_fail = 0;
    one_frame_key = "";

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static void
test_template(const char *text)
{
    ngx_str_t                  s;
    ngx_ess_template_error_t   error;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_encoding_template_init(&test_et, NULL, &s,
                                                    &error),
                     NGX_OK);
    assert_ptr_equal(test_et.text.data, text);
}


static void
test_events(void **state)
{
    ngx_uint_t                 i;
    const ngx_ess_encoding_t  *e;

    test_template("${name}: ${json:/a}\n");

    for (i = 0; i < 2; i++) {
        e = &test_et.ws[i].encoding;

        assert_int_equal(e->templated, 1);
        assert_int_equal(e->labelled, 1);
        assert_int_equal(e->deflated, i);
        assert_int_equal(e->many, 0);
        assert_null(e->gap);

        one_frame_is(e, 0, BYTES("{\"a\":1}"), BYTES("\x81\x0aorders: 1\n"));
        one_frame_is(e, 1, BYTES("{\"a\":1}"), BYTES("\x81\x0aorders: 1\n"));
    }

    one_frame_is(&test_et.sse[0].encoding, 0, BYTES("{\"a\":1}"),
                 BYTES("id: ab12-7\ndata: orders: 1\ndata: \n\n"));
    one_frame_is(&test_et.sse[1].encoding, 0, BYTES("{\"a\":1}"),
                 BYTES("23\r\nid: ab12-7\ndata: orders: 1\ndata: \n\n\r\n"));

    /* an id is told where a page looks for it */

    one_frame_gap_is(&test_et.sse[0].encoding, 3, 5,
                     BYTES("event: gap\nid: ab12-5\n"
                           "data: {\"from\":3,\"to\":5}\n\n"));
}


static void
test_empty(void **state)
{
    test_template("${body}");

    assert_int_equal(test_et.ws[0].encoding.labelled, 0);

    one_frame_is(&test_et.ws[0].encoding, 0, BYTES(""), BYTES("\x81\x00"));
    one_frame_is(&test_et.sse[0].encoding, 0, BYTES(""),
                 BYTES("id: ab12-7\ndata: \n\n"));
}


static void
test_left_out(void **state)
{
    ngx_uint_t                 i;
    ngx_ess_encoding_frame_t   frame;

    test_template("${json:/a}");

    for (i = 0; i < 2; i++) {
        assert_int_equal(one_frame_encode(&test_et.ws[i].encoding, 0,
                                          BYTES("{}"), &frame),
                         NGX_DECLINED);
        assert_int_equal(one_frame_encode(&test_et.sse[i].encoding, 0,
                                          BYTES("a"), &frame),
                         NGX_DECLINED);
    }
}


static void
test_deflated(void **state)
{
    char                       body[1000];
    ngx_ess_encoding_frame_t   frame;

    memset(body, 'a', sizeof(body));

    test_template("<${body}>");

    frame = one_frame(&test_et.ws[1].encoding, 0, body, sizeof(body));
    assert_int_equal(frame.data[0], 0xc1);
    assert_true(frame.len < 100);
    ngx_ess_encoding_free(frame.data);

    frame = one_frame(&test_et.ws[1].encoding, 1, body, sizeof(body));
    assert_int_equal(frame.data[0], 0x81);
    assert_int_equal(frame.len, 1006);
    ngx_ess_encoding_free(frame.data);
}


static void
test_memory(void **state)
{
    ngx_ess_encoding_frame_t  frame;

    test_template("${body}");

    one_frame_failed(&test_et.ws[0].encoding);
    one_frame_failed(&test_et.ws[1].encoding);
    one_frame_failed(&test_et.sse[0].encoding);
    one_frame_failed(&test_et.sse[1].encoding);

    one_frame_fail = 2;
    assert_int_equal(one_frame_encode(&test_et.sse[1].encoding, 0, "a", 1,
                                      &frame),
                     NGX_ERROR);
}


#define TEST(f)  cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_events),
        TEST(test_empty),
        TEST(test_left_out),
        TEST(test_deflated),
        TEST(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
