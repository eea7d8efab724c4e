/*
 * Contents: put together from frames, whatever their sizes, and taken apart.
 *
 * links: src/amqp/ngx_ess_amqp_content.c src/amqp/ngx_ess_amqp_codec.c
 * links: src/amqp/ngx_ess_amqp_table.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_content.h"
#include "ngx_trace.h"


#define MAX_BODY   8
#define FRAME_MAX  24

#define bytes_of(text)  { sizeof(text) - 1, (u_char *) text }


static ngx_uint_t                no_memory;
static u_char                    sent[64 * 1024];
static u_char                   *lies;      /* where the last body was */
static ngx_ess_amqp_session_t    s;
static ngx_ess_amqp_channel_t    ch;
static amqp_basic_deliver_t      deliver;
static amqp_basic_return_t       back;
static amqp_basic_properties_t   properties;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return no_memory ? NULL : malloc(size);
}


ngx_int_t
ngx_ess_amqp_trouble(ngx_ess_amqp_session_t *session, const char *fmt, ...)
{
    ngx_unit_trace("trouble: %s", fmt);

    return NGX_ERROR;
}


ngx_int_t
ngx_ess_amqp_io_room(ngx_ess_amqp_session_t *session, size_t size)
{
    assert_true(size <= sizeof(sent));

    return no_memory ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_ess_amqp_io_method(ngx_ess_amqp_session_t *session, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded)
{
    assert_int_equal(method, AMQP_BASIC_PUBLISH_METHOD);
    ngx_unit_trace("method on %d", (int) channel);

    return NGX_OK;
}


static void
delivery(ngx_ess_amqp_channel_t *channel, ngx_ess_amqp_delivery_t *d)
{
    lies = d->body.data;

    ngx_unit_trace("%d of %d, tag %d, %.*s/%.*s: %.*s%s", (int) d->body.len,
                   (int) d->body_size, (int) d->tag, (int) d->exchange.len,
                   (char *) d->exchange.data, (int) d->key.len,
                   (char *) d->key.data, (int) d->body.len,
                   (char *) d->body.data, d->over_size ? " too large" : "");
}


static void
returned(ngx_ess_amqp_channel_t *channel, uint64_t number, ngx_str_t *key)
{
    ngx_unit_trace("returned %d, %.*s", (int) number, (int) key->len,
                   (char *) key->data);
}


static const ngx_ess_amqp_channel_handlers_t  handlers = {
    .delivery = delivery,
    .returned = returned
};


/* A method came that a content follows. */

static void
begin(ngx_uint_t delivered)
{
    ch.deliver = delivered ? &deliver : NULL;
    ch.returned = delivered ? NULL : &back;
    ch.want = NGX_ESS_AMQP_WANT_HEADER;
}


static ngx_int_t
header(uint64_t size)
{
    ngx_ess_amqp_frame_t  frame;

    ngx_memzero(&frame, sizeof(frame));
    frame.properties = &properties;
    frame.body_size = size;

    return ngx_ess_amqp_content_header(&ch, &frame);
}


static ngx_int_t
body(const char *text)
{
    ngx_str_t  b;

    b.data = (u_char *) text;
    b.len = strlen(text);

    return ngx_ess_amqp_content_body(&ch, &b);
}


static int
setup(void **state)
{
    ngx_unit_trace_clear();

    no_memory = 0;

    ngx_memzero(&s, sizeof(s));
    ngx_memzero(&ch, sizeof(ch));
    ngx_memzero(&deliver, sizeof(deliver));
    ngx_memzero(&back, sizeof(back));
    ngx_memzero(&properties, sizeof(properties));

    s.max_body = MAX_BODY;
    s.state = NGX_ESS_AMQP_OPEN;
    s.io.codec.frame_max = FRAME_MAX;
    s.io.out.start = s.io.out.pos = s.io.out.last = sent;
    s.io.out.end = sent + sizeof(sent);

    ch.session = &s;
    ch.handlers = &handlers;
    ch.number = 3;
    ch.state = NGX_ESS_AMQP_CH_OPEN;

    deliver.consumer_tag = amqp_cstring_bytes("ess-7");
    deliver.exchange = amqp_cstring_bytes("ex");
    deliver.routing_key = amqp_cstring_bytes("key");
    back.routing_key = amqp_cstring_bytes("gone");

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_amqp_content_reset(&ch);

    return 0;
}


static void
test_whole_body_stays_where_it_is(void **state)
{
    const char  *text = "hello";

    begin(1);
    assert_int_equal(header(5), NGX_OK);
    ngx_unit_traced();
    assert_int_equal(body(text), NGX_OK);
    ngx_unit_traced("5 of 5, tag 7, ex/key: hello");
    assert_ptr_equal(lies, text);
    assert_int_equal(ch.want, NGX_ESS_AMQP_WANT_METHOD);

    /* of an empty one no frame comes */

    begin(1);
    assert_int_equal(header(0), NGX_OK);
    ngx_unit_traced("0 of 0, tag 7, ex/key: ");
}


static void
test_body_in_parts_is_put_together(void **state)
{
    begin(1);
    assert_int_equal(header(MAX_BODY), NGX_OK);
    assert_int_equal(body("abc"), NGX_OK);
    assert_int_equal(body(""), NGX_OK);
    assert_int_equal(body("de"), NGX_OK);
    ngx_unit_traced();
    assert_int_equal(body("fgh"), NGX_OK);
    ngx_unit_traced("8 of 8, tag 7, ex/key: abcdefgh");
    assert_null(ch.body);
}


/* nothing of it is kept; its last frame tells it from others */

static void
test_too_large_body(void **state)
{
    no_memory = 1;

    begin(1);
    assert_int_equal(header(MAX_BODY + 1), NGX_OK);
    assert_int_equal(body("abcdef"), NGX_OK);
    ngx_unit_traced();
    assert_int_equal(body("ghi"), NGX_OK);
    ngx_unit_traced("3 of 9, tag 7, ex/key: ghi too large");
}


static void
test_frames_that_belong_to_nothing(void **state)
{
    assert_int_equal(header(1), NGX_ERROR);
    ngx_unit_traced("trouble: it sent a content header without a method");
    assert_int_equal(body("a"), NGX_ERROR);
    ngx_unit_traced("trouble: it sent a body frame that belongs to no content");

    /* a header for a header; more than was said */

    begin(1);
    assert_int_equal(header(3), NGX_OK);
    assert_int_equal(header(3), NGX_ERROR);
    ngx_unit_traced("trouble: it sent a content header without a method");
    assert_int_equal(body("ab"), NGX_OK);
    assert_int_equal(body("cd"), NGX_ERROR);
    ngx_unit_traced("trouble: it sent a body frame that belongs to no content");
}


static void
test_no_memory(void **state)
{
    no_memory = 1;

    begin(1);
    assert_int_equal(header(3), NGX_OK);
    assert_int_equal(body("ab"), NGX_ERROR);
    ngx_unit_traced("trouble: no memory");
}


static void
test_what_came_back(void **state)
{
    begin(0);
    assert_int_equal(header(1), NGX_OK);
    assert_int_equal(body("a"), NGX_OK);
    ngx_unit_traced("returned 0, gone");

    properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = amqp_cstring_bytes("12");

    begin(0);
    assert_int_equal(header(0), NGX_OK);
    ngx_unit_traced("returned 12, gone");
}


static void
test_tags(void **state)
{
    ngx_uint_t  i;

    static struct {
        amqp_bytes_t  tag;
        ngx_uint_t    number;
    } cases[] = {
        { bytes_of("ess-7"), 7 },
        { bytes_of("ess-15"), 15 },
        { bytes_of("42"), 42 },
        { bytes_of("ess-"), 0 },
        { bytes_of(""), 0 },
        { bytes_of("99999999999999999999999"), 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_ess_amqp_content_tag(&cases[i].tag),
                         cases[i].number);
    }
}


static ngx_int_t
publish(const char *text)
{
    ngx_str_t             b;
    amqp_basic_publish_t  m;

    ngx_memzero(&m, sizeof(m));
    b.data = (u_char *) text;
    b.len = strlen(text);

    return ngx_ess_amqp_publish(&ch, &m, &properties, &b);
}


static void
test_publish_takes_a_body_apart(void **state)
{
    /* 8 bytes are a frame's own, 14 are a header's without properties */

    static const u_char  frames[] =
        "\x02\x00\x03\x00\x00\x00\x0e\x00\x3c\x00\x00"
            "\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\xce"
        "\x03\x00\x03\x00\x00\x00\x10" "abcdefghijklmnop\xce"
        "\x03\x00\x03\x00\x00\x00\x04" "qrst\xce";

    assert_int_equal(publish("abcdefghijklmnopqrst"), NGX_OK);
    ngx_unit_traced("method on 3");
    assert_int_equal(s.io.out.last - sent, sizeof(frames) - 1);
    assert_memory_equal(sent, frames, sizeof(frames) - 1);
}


static void
test_publish_waits(void **state)
{
    s.blocked = 1;
    assert_int_equal(publish("a"), NGX_AGAIN);
    s.blocked = 0;

    ch.state = NGX_ESS_AMQP_CH_OPENING;
    assert_int_equal(publish("a"), NGX_AGAIN);
    ch.state = NGX_ESS_AMQP_CH_OPEN;

    s.io.broken = 1;
    assert_int_equal(publish("a"), NGX_AGAIN);
    s.io.broken = 0;

    s.io.out.last = sent + NGX_ESS_AMQP_OUT_HIGH;
    assert_int_equal(publish("a"), NGX_AGAIN);
    s.io.out.last = sent;

    no_memory = 1;
    assert_int_equal(publish("a"), NGX_ERROR);
    ngx_unit_traced();
}


/* nor is its method sent, and the session goes on */

static void
test_publish_of_what_fits_no_header(void **state)
{
    properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = amqp_cstring_bytes("longer than a frame may be");

    assert_int_equal(publish("a"), NGX_DECLINED);
    ngx_unit_traced("method on 3");
    assert_ptr_equal(s.io.out.last, sent);
    assert_int_equal(s.io.broken, 0);
}


/* which is sent none the less, by a frame of that size */

static void
test_publish_of_a_header_larger_than_a_method(void **state)
{
    static char  text[NGX_ESS_AMQP_METHOD_MAX];

    amqp_table_entry_t  entry;

    memset(text, 'a', sizeof(text));
    entry.key = amqp_cstring_bytes("k");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes.bytes = text;
    entry.value.value.bytes.len = sizeof(text);

    properties._flags = AMQP_BASIC_HEADERS_FLAG;
    properties.headers.num_entries = 1;
    properties.headers.entries = &entry;

    s.io.codec.frame_max = NGX_ESS_AMQP_METHOD_MAX;
    assert_int_equal(publish("a"), NGX_DECLINED);
    ngx_unit_traced("method on 3");

    s.io.codec.frame_max = 2 * NGX_ESS_AMQP_METHOD_MAX;
    assert_int_equal(publish("a"), NGX_OK);
    ngx_unit_traced("method on 3");
    assert_true(s.io.out.last - sent > (ssize_t) sizeof(text));
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_whole_body_stays_where_it_is),
        t(test_body_in_parts_is_put_together),
        t(test_too_large_body),
        t(test_frames_that_belong_to_nothing),
        t(test_no_memory),
        t(test_what_came_back),
        t(test_tags),
        t(test_publish_takes_a_body_apart),
        t(test_publish_waits),
        t(test_publish_of_what_fits_no_header),
        t(test_publish_of_a_header_larger_than_a_method),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
