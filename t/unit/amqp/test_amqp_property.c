/*
 * When an event was published: each kind of header and each size of number
 * that publishers send, and what is no time.
 *
 * links: src/amqp/ngx_ess_amqp_property.c t/unit/ngx_string.c
 * links: src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_amqp_property.h"


#define NOW  1795871133389


static amqp_table_entry_t       entry;
static amqp_basic_properties_t  properties;


static amqp_field_value_t *
header(int kind)
{
    memset(&properties, 0, sizeof(properties));
    properties._flags = AMQP_BASIC_HEADERS_FLAG;
    properties.headers.num_entries = 1;
    properties.headers.entries = &entry;

    memset(&entry, 0, sizeof(entry));
    entry.key = amqp_cstring_bytes("timestamp_in_ms");
    entry.value.kind = kind;

    return &entry.value;
}


static void
is(uint64_t ms)
{
    assert_int_equal(ngx_ess_amqp_property_time(&properties), ms);
}


static void
seconds(uint64_t timestamp, uint64_t ms)
{
    memset(&properties, 0, sizeof(properties));
    properties._flags = AMQP_BASIC_TIMESTAMP_FLAG;
    properties.timestamp = timestamp;

    is(ms);
}


static void
test_property(void **state)
{
    assert_int_equal(ngx_ess_amqp_property_time(NULL), 0);

    memset(&properties, 0, sizeof(properties));
    properties.timestamp = 1795871133;
    is(0);

    seconds(1795871133, 1795871133000);
    seconds(1, 1000);
    seconds(99999999999, 99999999999000);

    /* in milliseconds */

    seconds(NOW, NOW);
    seconds(100000000000, 100000000000);
    seconds(99999999999999, 99999999999999);

    /* no time: none, in microseconds, and before 1970 */

    seconds(0, 0);
    seconds(100000000000000, 0);
    seconds(NOW * 1000, 0);
    seconds(INT64_MAX, 0);
    seconds(UINT64_MAX, 0);
    seconds((uint64_t) -62135596800, 0);
}


static void
test_header(void **state)
{
    static const char  *texts[] = { "", "-1", "1e12", "0x12", " 1", "1.5",
                                    "99999999999999999999", "0" };
    size_t               i;

    header('l')->value.i64 = NOW;
    is(NOW);
    header('L')->value.u64 = NOW;
    is(NOW);
    header('I')->value.i32 = 1000;
    is(1000);
    header('i')->value.u32 = 4000000000;
    is(4000000000);
    header('s')->value.i16 = 12;
    is(12);
    header('u')->value.u16 = 65535;
    is(65535);
    header('b')->value.i8 = 12;
    is(12);
    header('B')->value.u8 = 255;
    is(255);
    header('d')->value.f64 = 1795871133389.25;
    is(NOW);
    header('f')->value.f32 = 1024;
    is(1024);
    header('T')->value.u64 = 1795871133;
    is(1795871133000);
    header('T')->value.u64 = NOW;
    is(NOW);
    header('S')->value.bytes = amqp_cstring_bytes("1795871133389");
    is(NOW);

    /* no time, so it is the property's */

    header('l')->value.i64 = -1;
    is(0);
    properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties.timestamp = 7;
    is(7000);

    header('l')->value.i64 = 0;
    is(0);
    header('l')->value.i64 = INT64_MAX;
    is(0);
    header('L')->value.u64 = UINT64_MAX;
    is(0);
    header('I')->value.i32 = -1;
    is(0);
    header('s')->value.i16 = -1;
    is(0);
    header('b')->value.i8 = -1;
    is(0);
    header('d')->value.f64 = -1;
    is(0);
    header('d')->value.f64 = NAN;
    is(0);
    header('d')->value.f64 = INFINITY;
    is(0);
    header('d')->value.f64 = 1e300;
    is(0);
    header('f')->value.f32 = NAN;
    is(0);
    header('V');
    is(0);
    header('t')->value.boolean = 1;
    is(0);
    header('x')->value.bytes = amqp_cstring_bytes("1795871133389");
    is(0);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        header('S')->value.bytes = amqp_cstring_bytes(texts[i]);
        is(0);
    }

    header('l')->value.i64 = NOW;
    entry.key = amqp_cstring_bytes("timestamp_in_m");
    is(0);
}


/* Properties as they come: flags, a type, an encoding, and the headers. */

static void
raw_is(const char *table, size_t len, const char *name, const char *text)
{
    u_char     *raw, *p;
    ngx_str_t   r, n, t;
    ngx_uint_t  skip;
    u_char      buf[NGX_ESS_AMQP_PROPERTY_TEXT];

    n.data = (u_char *) name;
    n.len = strlen(name);

    for (skip = 0; skip < 4; skip++) {
        raw = malloc(2 + 8 + 4 + len);
        assert_non_null(raw);

        p = raw;
        *p++ = 0x20 | (skip & 1 ? 0x80 : 0) | (skip & 2 ? 0x40 : 0);
        *p++ = 0;

        if (skip & 1) {
            memcpy(p, "\3a/b", 4);
            p += 4;
        }

        if (skip & 2) {
            memcpy(p, "\2id", 3);
            p += 3;
        }

        *p++ = 0;
        *p++ = 0;
        *p++ = 0;
        *p++ = (u_char) len;
        memcpy(p, table, len);

        r.data = raw;
        r.len = p + len - raw;

        if (text == NULL) {
            assert_int_equal(ngx_ess_amqp_property_raw(&r, &n, buf, &t),
                             NGX_DECLINED);

        } else {
            assert_int_equal(ngx_ess_amqp_property_raw(&r, &n, buf, &t),
                             NGX_OK);
            assert_int_equal(t.len, strlen(text));
            assert_memory_equal(t.data, text, t.len);
        }

        /* no part of them is read behind its end */

        for ( /* void */ ; r.len; r.len--) {
            (void) ngx_ess_amqp_property_raw(&r, &n, buf, &t);
        }

        free(raw);
    }
}


#define raw(table, name, text)                                                \
    raw_is(table, sizeof(table) - 1, name, text)

static void
test_raw(void **state)
{
    ngx_str_t  none, name;
    u_char     buf[NGX_ESS_AMQP_PROPERTY_TEXT];

    raw("", "n", NULL);
    raw("\1nS\0\0\0\4text", "n", "text");
    raw("\1nS\0\0\0\4text", "m", NULL);
    raw("\1nx\0\0\0\1b", "n", "b");
    raw("\1mV\1nt\1", "n", "true");
    raw("\1nt\0", "n", "false");
    raw("\1nb\xff", "n", "-1");
    raw("\1nB\xff", "n", "255");
    raw("\1ns\x80\0", "n", "-32768");
    raw("\1nu\x80\0", "n", "32768");
    raw("\1nI\xff\xff\xff\xfe", "n", "-2");
    raw("\1ni\xff\xff\xff\xff", "n", "4294967295");
    raw("\1nl\x80\0\0\0\0\0\0\0", "n", "-9223372036854775808");
    raw("\1nT\0\0\0\0\0\0\1\0", "n", "256");
    raw("\1nV", "n", NULL);
    raw("\1nd\0\0\0\0\0\0\0\0", "n", NULL);
    raw("\1nF\0\0\0\3\1nV", "n", NULL);
    raw("\1aF\0\0\0\4\1nt\1\1nt\0", "n", "false");
    raw("\1nS\0\0\0\x7ftext", "n", NULL);

    ngx_str_null(&none);
    ngx_str_set(&name, "n");
    assert_int_equal(ngx_ess_amqp_property_raw(&none, &name, buf, &none),
                     NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_property),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_raw)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
