/*
 * Which of a message's headers become a request's: kinds, names, values, and
 * how much.
 *
 * links: src/rpc/ngx_ess_consume_header.c t/unit/ngx_string.c
 * links: src/ngx_ess_str.c
 * links: src/amqp/ngx_ess_amqp_property.c src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_header.h"


static amqp_table_entry_t        entries[64];
static amqp_table_t              table = { 0, entries };
static ngx_ess_consume_header_t  h;


static void
begin(void)
{
    memset(&h, 0, sizeof(h));
    h.table = &table;
    table.num_entries = 0;
}


static amqp_field_value_t *
add(const char *name, int kind)
{
    amqp_table_entry_t  *e;

    e = &entries[table.num_entries++];

    memset(e, 0, sizeof(*e));
    e->key = amqp_cstring_bytes(name);
    e->value.kind = kind;

    return &e->value;
}


static void
text(const char *name, const char *value)
{
    add(name, AMQP_FIELD_KIND_UTF8)->value.bytes = amqp_cstring_bytes(value);
}


static void
next(const char *line)
{
    char  found[8192];

    assert_int_equal(ngx_ess_consume_header_next(&h), line != NULL);

    if (line) {
        snprintf(found, sizeof(found), "%.*s%.*s: %.*s",
                 (int) h.prefix.len, h.prefix.data, (int) h.name.len,
                 h.name.data, (int) h.value.len, h.value.data);
        assert_string_equal(found, line);
    }
}


static void
test_names(void **state)
{
    begin();

    text("Host", "a");
    text("Content-Length", "5");
    text("", "x");
    text("X\r\nY", "x");
    text("a b", "x");
    text("a:b", "x");
    text("\xc3\xa4", "x");
    text("a(b", "x");
    text("a_b.!#$%&'*+-^`|~0Z", "x");
    entries[table.num_entries].key.bytes = "a\0b";
    text("abc", "x");
    entries[table.num_entries - 1].key.bytes = "a\0b";
    entries[table.num_entries - 1].key.len = 3;

    next("AMQP-Header-Host: a");
    next("AMQP-Header-Content-Length: 5");
    next("AMQP-Header-a_b.!#$%&'*+-^`|~0Z: x");
    next(NULL);
    next(NULL);
}


static void
test_values(void **state)
{
    begin();

    text("a", "");
    text("b", "x\r\nHost: y");
    text("c", "x\ty");
    text("d", "\x7f");
    text("e", "\xc3\xa4 \xff");
    text("f", " ");

    next("AMQP-Header-e: \xc3\xa4 \xff");
    next("AMQP-Header-f:  ");
    next(NULL);
}


static void
number(const char *name, double f64)
{
    add(name, AMQP_FIELD_KIND_F64)->value.f64 = f64;
}


static void
test_kinds(void **state)
{
    begin();

    add("i8", AMQP_FIELD_KIND_I8)->value.i8 = -128;
    add("i16", AMQP_FIELD_KIND_I16)->value.i16 = -32768;
    add("i32", AMQP_FIELD_KIND_I32)->value.i32 = -2147483647 - 1;
    add("i64", AMQP_FIELD_KIND_I64)->value.i64 = INT64_MIN;
    add("u8", AMQP_FIELD_KIND_U8)->value.u8 = 255;
    add("u16", AMQP_FIELD_KIND_U16)->value.u16 = 65535;
    add("u32", AMQP_FIELD_KIND_U32)->value.u32 = 4294967295u;
    add("u64", AMQP_FIELD_KIND_U64)->value.u64 = UINT64_MAX;
    add("t", AMQP_FIELD_KIND_TIMESTAMP)->value.u64 = 1795871133;
    add("b", AMQP_FIELD_KIND_BOOLEAN)->value.boolean = 1;
    add("b", AMQP_FIELD_KIND_BOOLEAN)->value.boolean = 0;
    add("v", AMQP_FIELD_KIND_VOID);
    add("x", AMQP_FIELD_KIND_BYTES)->value.bytes = amqp_cstring_bytes("x");
    add("F", AMQP_FIELD_KIND_TABLE);
    add("A", AMQP_FIELD_KIND_ARRAY);
    add("f", AMQP_FIELD_KIND_F32)->value.f32 = 0.1f;
    number("n", NAN);
    number("n", INFINITY);
    number("d", 0.1);
    number("d", -1e300);
    number("d", 1.0 / 3);
    number("d", 5);

    next("AMQP-Header-i8: -128");
    next("AMQP-Header-i16: -32768");
    next("AMQP-Header-i32: -2147483648");
    next("AMQP-Header-i64: -9223372036854775808");
    next("AMQP-Header-u8: 255");
    next("AMQP-Header-u16: 65535");
    next("AMQP-Header-u32: 4294967295");
    next("AMQP-Header-u64: 18446744073709551615");
    next("AMQP-Header-t: 1795871133");
    next("AMQP-Header-b: true");
    next("AMQP-Header-b: false");
    next("AMQP-Header-f: 0.1");
    next("AMQP-Header-d: 0.1");
    next("AMQP-Header-d: -1e+300");
    next("AMQP-Header-d: 0.3333333333333333");
    next("AMQP-Header-d: 5");
    next(NULL);
}


static void
decimal(uint8_t decimals, uint32_t value)
{
    amqp_field_value_t  *v;

    v = add("D", AMQP_FIELD_KIND_DECIMAL);
    v->value.decimal.decimals = decimals;
    v->value.decimal.value = value;
}


static void
test_decimals(void **state)
{
    begin();

    decimal(0, 12);
    decimal(1, 12);
    decimal(2, 12);
    decimal(5, 12);
    decimal(2, (uint32_t) -314);
    decimal(28, 2147483648u);
    decimal(29, 1);
    decimal(255, 1);

    next("AMQP-Header-D: 12");
    next("AMQP-Header-D: 1.2");
    next("AMQP-Header-D: 0.12");
    next("AMQP-Header-D: 0.00012");
    next("AMQP-Header-D: -3.14");
    next("AMQP-Header-D: -0.0000000000000000002147483648");
    next(NULL);
}


static void
test_traces(void **state)
{
    begin();

    text("TraceParent", "00-1");
    text("traceparent", "00-2");
    text("tracestate", "a\r\nb");
    text("tracestate", "a=b");
    text("traceparent2", "x");

    next("traceparent: 00-1");
    next("tracestate: a=b");
    next("AMQP-Header-traceparent2: x");
    next(NULL);
}


static void
test_sizes(void **state)
{
    int          i, n;
    static char  large[4098];

    memset(large, 'x', 4097);

    begin();

    text("a", large);
    large[4096] = '\0';
    text("b", large);
    text("c", large);
    text("d", large);
    text("e", large);
    text("f", "small");

    assert_int_equal(ngx_ess_consume_header_next(&h), 1);
    assert_int_equal(h.name.data[0], 'b');

    n = 1;

    for (i = 0; i < 10; i++) {
        n += ngx_ess_consume_header_next(&h);
    }

    assert_int_equal(n, 4);
    assert_int_equal(h.name.data[0], 'f');
    assert_true(h.total <= NGX_ESS_CONSUME_HEADER_TOTAL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_sizes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
