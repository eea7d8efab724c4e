/*
 * AMQP frames: what a broker sends is decoded, from input that ends at a
 * guard page, whole and cut at each byte; what is no AMQP is refused.
 *
 * links: src/amqp/ngx_ess_amqp_codec.c src/amqp/ngx_ess_amqp_table.c
 * links: t/unit/amqp/frames.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

#include "frames.h"


/* each shorter input asks for more and changes nothing */

static void
truncations(const u_char *data, size_t len)
{
    size_t                 i;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    start(&codec);

    for (i = 0; i < len; i++) {
        assert_int_equal(parse(&codec, &f, data, i), NGX_AGAIN);
        assert_true(codec.need > i);
    }

    assert_int_equal(parse(&codec, &f, data, len), NGX_OK);

    ngx_ess_amqp_codec_done(&codec);
}


/* the frame's payload, each byte cut off it, in a frame that says so */

static void
cuts(const u_char *data, size_t len)
{
    size_t                 i, n;
    u_char                 buf[4096];
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    for (i = 0; i < len - 8; i++) {
        start(&codec);

        n = frame(buf, data[0], data[1] << 8 | data[2], data + 7, i);
        assert_int_not_equal(parse(&codec, &f, buf, n), NGX_AGAIN);

        ngx_ess_amqp_codec_done(&codec);
    }
}


/* each byte of the payload, changed in several ways: no answer is wrong but
   a crash */

static void
changes(const u_char *data, size_t len)
{
    size_t                 i;
    u_char                 buf[4096];
    unsigned               c;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    static const u_char  values[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff, 'F', 'A' };

    for (i = 0; i < len; i++) {
        for (c = 0; c < sizeof(values); c++) {
            start(&codec);

            memcpy(buf, data, len);
            buf[i] = values[c];
            (void) parse(&codec, &f, buf, len);

            ngx_ess_amqp_codec_done(&codec);
        }
    }
}


static size_t
deliver(u_char *buf, size_t size)
{
    amqp_basic_deliver_t  d;

    memset(&d, 0, sizeof(d));
    d.consumer_tag = amqp_cstring_bytes("ess-7");
    d.delivery_tag = 0x0102030405060708;
    d.redelivered = 1;
    d.exchange = amqp_cstring_bytes("event-streams");
    d.routing_key = amqp_cstring_bytes("abc");

    return ngx_ess_amqp_codec_method(buf, size, 2, AMQP_BASIC_DELIVER_METHOD,
                                     &d);
}


/* headers { "a": [ 1 ], "t": { "k": "v" } }, delivery mode 2, a timestamp */

static size_t
header(u_char *buf, size_t size)
{
    int                      n;
    u_char                   payload[1024];
    amqp_bytes_t             bytes;
    amqp_table_entry_t       inner, entries[2];
    amqp_field_value_t       one;
    amqp_basic_properties_t  p;

    memset(&p, 0, sizeof(p));

    one.kind = AMQP_FIELD_KIND_I32;
    one.value.i32 = 1;

    inner.key = amqp_cstring_bytes("k");
    inner.value.kind = AMQP_FIELD_KIND_UTF8;
    inner.value.value.bytes = amqp_cstring_bytes("v");

    entries[0].key = amqp_cstring_bytes("a");
    entries[0].value.kind = AMQP_FIELD_KIND_ARRAY;
    entries[0].value.value.array.num_entries = 1;
    entries[0].value.value.array.entries = &one;

    entries[1].key = amqp_cstring_bytes("t");
    entries[1].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[1].value.value.table.num_entries = 1;
    entries[1].value.value.table.entries = &inner;

    p._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG
               | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG
               | AMQP_BASIC_CLUSTER_ID_FLAG;
    p.content_type = amqp_cstring_bytes("text/plain");
    p.headers.num_entries = 2;
    p.headers.entries = entries;
    p.delivery_mode = 2;
    p.timestamp = 1700000000;
    p.cluster_id = amqp_cstring_bytes("c");

    memset(payload, 0, 12);
    payload[1] = 60;
    payload[11] = 5;

    bytes.bytes = payload + 12;
    bytes.len = sizeof(payload) - 12;

    n = amqp_encode_properties(AMQP_BASIC_CLASS, &p, bytes);
    assert_true(n > 0 && size >= (size_t) n + 20);

    return frame(buf, AMQP_FRAME_HEADER, 2, payload, n + 12);
}


static size_t
connection_start(u_char *buf, size_t size)
{
    amqp_table_entry_t       entry;
    amqp_connection_start_t  s;

    memset(&s, 0, sizeof(s));
    s.version_minor = 9;

    entry.key = amqp_cstring_bytes("product");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes("RabbitMQ");

    s.server_properties.num_entries = 1;
    s.server_properties.entries = &entry;
    s.mechanisms = amqp_cstring_bytes("AMQPLAIN PLAIN");
    s.locales = amqp_cstring_bytes("en_US");

    return ngx_ess_amqp_codec_method(buf, size, 0,
                                     AMQP_CONNECTION_START_METHOD, &s);
}


static void
test_deliver(void **state)
{
    size_t                 n;
    u_char                 buf[1024];
    amqp_basic_deliver_t  *d;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    n = deliver(buf, sizeof(buf));

    start(&codec);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);

    /* it is the codec's, not the input's */
    memset(guard - n, 0, n);

    d = f.decoded;
    assert_int_equal(f.type, AMQP_FRAME_METHOD);
    assert_int_equal(f.channel, 2);
    assert_int_equal(f.method, AMQP_BASIC_DELIVER_METHOD);
    assert_true(d->delivery_tag == 0x0102030405060708);
    assert_int_equal(d->redelivered, 1);
    assert_int_equal(d->routing_key.len, 3);
    assert_memory_equal(d->routing_key.bytes, "abc", 3);

    ngx_ess_amqp_codec_release(&codec, 2);
    ngx_ess_amqp_codec_done(&codec);

    truncations(buf, n);
    cuts(buf, n);
    changes(buf, n);
}


static void
test_header(void **state)
{
    size_t                 n;
    u_char                 buf[1024];
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    n = header(buf, sizeof(buf));

    start(&codec);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);

    assert_int_equal(f.type, AMQP_FRAME_HEADER);
    assert_int_equal(f.body_size, 5);
    assert_int_equal(f.undecoded, 0);
    assert_int_equal(f.raw.len, n - 20);
    assert_memory_equal(f.raw.data, buf + 19, n - 20);
    assert_true(f.properties->timestamp == 1700000000);
    assert_int_equal(f.properties->headers.num_entries, 2);

    ngx_ess_amqp_codec_done(&codec);

    truncations(buf, n);
    cuts(buf, n);
    changes(buf, n);
}


/* the properties of basic, written as AMQP 0-9-1 has them (1.8.2), in their order,
   each with a value of its own */

static u_char *
property(u_char *p, unsigned i)
{
    static const u_char  headers[] = {
        0, 0, 0, 25,
        15, 't', 'i', 'm', 'e', 's', 't', 'a', 'm', 'p', '_', 'i', 'n', '_',
        'm', 's', 'l', 0, 0, 1, 0x1f, 0x71, 0xfb, 0x04, 0xcb
    };

    switch (i) {

    case 2:
        memcpy(p, headers, sizeof(headers));
        p[3] = sizeof(headers) - 4;
        return p + sizeof(headers);

    case 3:
        *p++ = 2;
        return p;

    case 4:
        *p++ = 9;
        return p;

    case 9:
        memset(p, 0, 8);
        p[7] = 77;
        return p + 8;

    default:

        /* lengths differ, and none of them is a size of the others */

        *p++ = (u_char) (20 + i);
        memset(p, 'a' + i, 20 + i);
        return p + 20 + i;
    }
}


static void
is_text(amqp_bytes_t *text, unsigned i)
{
    size_t  n;

    assert_int_equal(text->len, 20 + i);

    for (n = 0; n < text->len; n++) {
        assert_int_equal(((char *) text->bytes)[n], 'a' + i);
    }
}


static void
is_property(amqp_basic_properties_t *p, unsigned i)
{
    amqp_bytes_t  *texts[] = {
        &p->content_type, &p->content_encoding, NULL, NULL, NULL,
        &p->correlation_id, &p->reply_to, &p->expiration, &p->message_id,
        NULL, &p->type, &p->user_id, &p->app_id, &p->cluster_id
    };

    switch (i) {

    case 2:
        assert_int_equal(p->headers.num_entries, 1);
        assert_int_equal(p->headers.entries[0].value.kind,
                         AMQP_FIELD_KIND_I64);
        assert_true(p->headers.entries[0].value.value.i64 == 1234567890123);
        return;

    case 3:
        assert_int_equal(p->delivery_mode, 2);
        return;

    case 4:
        assert_int_equal(p->priority, 9);
        return;

    case 9:
        assert_true(p->timestamp == 77);
        return;

    default:
        is_text(texts[i], i);
    }
}


/* each subset of them */

static void
test_properties(void **state)
{
    size_t                 n;
    u_char                 payload[1024], buf[1024], *p;
    unsigned               i, set;
    amqp_pool_t            pool;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    start(&codec);
    init_amqp_pool(&pool, 4096);

    for (set = 0; set < 1 << 14; set++) {
        memset(payload, 0, 12);
        payload[1] = 60;
        payload[12] = (u_char) (set >> 6);
        payload[13] = (u_char) (set << 2);

        p = payload + 14;

        for (i = 0; i < 14; i++) {
            if (set & (0x2000 >> i)) {
                p = property(p, i);
            }
        }

        n = frame(buf, AMQP_FRAME_HEADER, 2, payload, p - payload);

        assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
        assert_int_equal(f.undecoded, 0);
        assert_int_equal(f.properties->_flags, set << 2);
        assert_int_equal(f.raw.len, p - payload - 12);

        for (i = 0; i < 14; i++) {
            if (set & (0x2000 >> i)) {
                is_property(f.properties, i);
            }
        }

        /* kept as they came, and decoded later */

        f.properties = ngx_ess_amqp_codec_raw(&f.raw, &pool);
        assert_int_equal(f.properties->_flags, set << 2);

        for (i = 0; i < 14; i++) {
            if (set & (0x2000 >> i)) {
                is_property(f.properties, i);
            }
        }

        recycle_amqp_pool(&pool);
        ngx_ess_amqp_codec_release(&codec, 2);

        /* the last byte is cut off */

        if (set) {
            n = frame(buf, AMQP_FRAME_HEADER, 2, payload, p - payload - 1);
            assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
            assert_int_equal(f.undecoded, 1);
            assert_int_equal(ngx_ess_amqp_codec_raw(&f.raw, &pool)->_flags, 0);
        }
    }

    empty_amqp_pool(&pool);
    ngx_ess_amqp_codec_done(&codec);
}


static void
test_start(void **state)
{
    size_t                    n;
    u_char                    buf[1024];
    ngx_ess_amqp_codec_t      codec;
    ngx_ess_amqp_frame_t      f;
    amqp_connection_start_t  *s;

    n = connection_start(buf, sizeof(buf));

    start(&codec);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);

    s = f.decoded;
    assert_int_equal(f.method, AMQP_CONNECTION_START_METHOD);
    assert_int_equal(s->version_minor, 9);
    assert_int_equal(s->mechanisms.len, 14);

    ngx_ess_amqp_codec_done(&codec);

    truncations(buf, n);
    cuts(buf, n);
    changes(buf, n);
}


static void
test_body_and_heartbeat(void **state)
{
    size_t                 n;
    u_char                 buf[64];
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    n = frame(buf, AMQP_FRAME_BODY, 1, "hello", 5);

    start(&codec);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
    assert_int_equal(f.type, AMQP_FRAME_BODY);
    assert_int_equal(f.body.len, 5);
    assert_ptr_equal(f.body.data, guard - 6);

    assert_int_equal(ngx_ess_amqp_codec_heartbeat(buf), 8);
    assert_int_equal(parse(&codec, &f, buf, 8), NGX_OK);
    assert_int_equal(f.type, AMQP_FRAME_HEARTBEAT);

    ngx_ess_amqp_codec_done(&codec);

    truncations(buf, 8);
}


static void
refused(const void *data, size_t len, const char *text)
{
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    start(&codec);
    assert_int_equal(parse(&codec, &f, data, len), NGX_ERROR);
    assert_non_null(strstr(codec.error, text));
    ngx_ess_amqp_codec_done(&codec);
}


static void
test_refused(void **state)
{
    size_t  n;
    u_char  buf[1024];

    refused("HTTP/1.1 400 Bad Request\r\n", 26, "does not speak AMQP");
    refused("\x15\x03\x03", 3, "does not speak AMQP");
    refused("220 mail", 8, "does not speak AMQP");
    refused("AMQP\0\1\0\0", 8, "another version");
    refused("APRIL123", 8, "does not speak AMQP");

    /* sizes: one more than fits, and the largest */
    refused("\1\0\1\0\0\xff\xf9", 7, "larger");
    refused("\1\0\1\xff\xff\xff\xff", 7, "larger");

    refused("\1\0\3\0\0\0\4", 7, "never opened");
    refused("\3\0\1\0\0\0\1x\0", 9, "end octet");

    /* a method of a client, and one that nobody has */
    n = frame(buf, AMQP_FRAME_METHOD, 1, "\0\x32\0\x0a\0\0\0\0\0\0\0\0", 12);
    refused(buf, n, "no client expects");
    n = frame(buf, AMQP_FRAME_METHOD, 1, "\xff\xff\xff\xff", 4);
    refused(buf, n, "no client expects");
    n = frame(buf, AMQP_FRAME_METHOD, 1, "\0\x3c\0\x3c", 4);
    refused(buf, n, "cannot be decoded");

    n = frame(buf, AMQP_FRAME_HEADER, 1, "\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0", 14);
    refused(buf, n, "content header");
}


static void
test_tune(void **state)
{
    u_char                *buf, *payload;
    size_t                 n;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    payload = calloc(1, NGX_ESS_AMQP_FRAME_MAX);
    buf = malloc(NGX_ESS_AMQP_FRAME_MAX + 8);
    assert_non_null(payload);
    assert_non_null(buf);

    n = frame(buf, AMQP_FRAME_BODY, 1, payload, NGX_ESS_AMQP_FRAME_MAX - 8);

    start(&codec);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_ERROR);
    ngx_ess_amqp_codec_done(&codec);

    start(&codec);
    assert_int_equal(ngx_ess_amqp_codec_tune(&codec, 1 << 30), NGX_OK);
    assert_int_equal(codec.frame_max, NGX_ESS_AMQP_FRAME_MAX);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);

    n = frame(buf, AMQP_FRAME_BODY, 1, payload, NGX_ESS_AMQP_FRAME_MAX - 7);
    assert_int_equal(parse(&codec, &f, buf, n), NGX_ERROR);
    ngx_ess_amqp_codec_done(&codec);

    start(&codec);
    assert_int_equal(ngx_ess_amqp_codec_tune(&codec, 1), NGX_OK);
    assert_int_equal(codec.frame_max, NGX_ESS_AMQP_FRAME_MIN);
    ngx_ess_amqp_codec_done(&codec);

    free(payload);
    free(buf);
}


/* a method into each size of buffer that is too small, and into the right one */

static void
test_encode(void **state)
{
    size_t              i, n;
    u_char              buf[256];
    amqp_queue_bind_t   bind;

    memset(&bind, 0, sizeof(bind));
    bind.queue = amqp_cstring_bytes("ess.node.7");
    bind.exchange = amqp_cstring_bytes("event-streams");
    bind.routing_key = amqp_cstring_bytes("abc");

    n = ngx_ess_amqp_codec_method(buf, sizeof(buf), 258,
                                  AMQP_QUEUE_BIND_METHOD, &bind);
    assert_true(n > 0);
    assert_int_equal(buf[0], AMQP_FRAME_METHOD);
    assert_int_equal(buf[1], 1);
    assert_int_equal(buf[2], 2);
    assert_int_equal(buf[3] << 24 | buf[4] << 16 | buf[5] << 8 | buf[6],
                     n - 8);
    assert_int_equal(buf[n - 1], 0xCE);

    for (i = 0; i <= n; i++) {
        assert_int_equal(ngx_ess_amqp_codec_method(guarded(buf, i), i, 258,
                                                   AMQP_QUEUE_BIND_METHOD,
                                                   &bind),
                         i < n ? 0 : n);
    }
}


/* what is published is read back */

static void
test_content(void **state)
{
    size_t                    i, n, used;
    u_char                    buf[512];
    amqp_table_entry_t        entry;
    ngx_ess_amqp_codec_t      codec;
    ngx_ess_amqp_frame_t      frame;
    amqp_basic_properties_t   properties;

    memset(&properties, 0, sizeof(properties));
    properties._flags = AMQP_BASIC_HEADERS_FLAG|AMQP_BASIC_MESSAGE_ID_FLAG
                        |AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = 2;
    properties.message_id = amqp_cstring_bytes("1-2");
    properties.headers.entries = &entry;
    properties.headers.num_entries = 1;
    entry.key = amqp_cstring_bytes("timestamp_in_ms");
    entry.value.kind = AMQP_FIELD_KIND_I64;
    entry.value.value.i64 = 1234567890123;

    n = ngx_ess_amqp_codec_header(buf, sizeof(buf), 258, 0x0102030405,
                                  &properties);
    assert_true(n > 20);

    for (i = 0; i < n; i++) {
        assert_int_equal(ngx_ess_amqp_codec_header(guarded(buf, i), i, 258,
                                                   0x0102030405, &properties),
                         0);
    }

    assert_int_equal(ngx_ess_amqp_codec_init(&codec), NGX_OK);
    codec.channel_max = 258;

    assert_int_equal(ngx_ess_amqp_codec_parse(&codec, &frame, buf, n, &used),
                     NGX_OK);
    assert_int_equal(used, n);
    assert_int_equal(frame.type, AMQP_FRAME_HEADER);
    assert_int_equal(frame.channel, 258);
    assert_int_equal(frame.body_size, 0x0102030405);
    assert_int_equal(frame.properties->delivery_mode, 2);
    assert_int_equal(frame.properties->headers.entries[0].value.value.i64,
                     1234567890123);
    ngx_ess_amqp_codec_release(&codec, 258);

    n = ngx_ess_amqp_codec_body(guarded(buf, 13), 258, (u_char *) "hello", 5);
    assert_int_equal(n, 13);
    assert_int_equal(ngx_ess_amqp_codec_parse(&codec, &frame, guard - 13, 13,
                                              &used),
                     NGX_OK);
    assert_int_equal(used, 13);
    assert_int_equal(frame.type, AMQP_FRAME_BODY);
    assert_int_equal(frame.body.len, 5);
    assert_memory_equal(frame.body.data, "hello", 5);

    ngx_ess_amqp_codec_done(&codec);
}


/* many deliveries: what was decoded is really freed */

static void
test_release(void **state)
{
    size_t                 i, n;
    u_char                 buf[1024];
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    start(&codec);

    n = header(buf, sizeof(buf));
    assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
    ngx_ess_amqp_codec_release(&codec, 2);

    for (i = 0; i < 1000; i++) {
        u_char  *first = f.raw.data;

        assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
        assert_ptr_equal(f.raw.data, first);
        ngx_ess_amqp_codec_release(&codec, 2);
    }

    ngx_ess_amqp_codec_done(&codec);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_deliver),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_body_and_heartbeat),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_tune),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_release)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
