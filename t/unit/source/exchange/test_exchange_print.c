/*
 * Fingerprints of deliveries: what a quorum queue adds and sorts does not
 * count, all else does; properties that are cut off anywhere are read no
 * further.
 *
 * links: src/source/exchange/ngx_ess_exchange_print.c
 * links: src/amqp/ngx_ess_amqp_table.c
 * links: src/source/exchange/ngx_ess_redelivery.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_exchange_print.h"
#include "ngx_ess_rabbitmq_c.h"
#include "ngx_guard.h"


static ngx_str_t  key = ngx_string("key");
static ngx_str_t  body = ngx_string("body");


/* encodes them, with "n" of the headers in this order */

static ngx_str_t
encode(const char *type, int n, const int *order, const char *id)
{
    static u_char            buf[4][1024];
    static int               next;
    int                      i;
    amqp_bytes_t             out;
    amqp_table_entry_t       entries[8];
    amqp_basic_properties_t  p;
    ngx_str_t                s;

    static const char  *names[] = {
        "zeta", "alpha", "x-delivery-count", "x-acquired-count", "beta"
    };

    memset(&p, 0, sizeof(p));
    memset(entries, 0, sizeof(entries));

    if (type) {
        p._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        p.content_type = amqp_cstring_bytes(type);
    }

    if (n) {
        p._flags |= AMQP_BASIC_HEADERS_FLAG;
        p.headers.num_entries = n;
        p.headers.entries = entries;
    }

    for (i = 0; i < n; i++) {
        entries[i].key = amqp_cstring_bytes(names[order[i]]);
        entries[i].value.kind = AMQP_FIELD_KIND_I64;
        entries[i].value.value.i64 = order[i];
    }

    if (id) {
        p._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
        p.message_id = amqp_cstring_bytes(id);
    }

    next = (next + 1) % 4;

    out.bytes = buf[next];
    out.len = sizeof(buf[next]);

    i = amqp_encode_properties(AMQP_BASIC_CLASS, &p, out);
    assert_true(i > 0);

    s.data = buf[next];
    s.len = i;

    return s;
}


static uint64_t
print(ngx_str_t properties, ngx_uint_t quorum)
{
    return ngx_ess_exchange_print(&key, &properties, &body, quorum);
}


static void
test_counted(void **state)
{
    uint64_t    none, two;
    ngx_str_t   s;

    none = print(encode("text", 0, NULL, "1"), 1);
    two = print(encode("text", 2, (int[]) { 0, 1 }, "1"), 1);

    assert_int_equal(print(encode("text", 1, (int[]) { 2 }, "1"), 1), none);
    assert_int_equal(print(encode("text", 2, (int[]) { 3, 2 }, "1"), 1), none);

    assert_int_equal(print(encode("text", 2, (int[]) { 1, 0 }, "1"), 1), two);
    assert_int_equal(print(encode("text", 3, (int[]) { 1, 2, 0 }, "1"), 1),
                     two);

    /* of any value: the octet before "zeta", of 14, and the id, of 2 */

    s = encode("text", 3, (int[]) { 1, 2, 0 }, "1");
    s.data[s.len - 2 - 14 - 1]++;
    assert_int_equal(print(s, 1), two);
}


static void
test_all_else_counts(void **state)
{
    uint64_t  p;

    p = print(encode("text", 2, (int[]) { 0, 1 }, "1"), 1);

    assert_int_not_equal(print(encode("next", 2, (int[]) { 0, 1 }, "1"), 1), p);
    assert_int_not_equal(print(encode(NULL, 2, (int[]) { 0, 1 }, "1"), 1), p);
    assert_int_not_equal(print(encode("text", 2, (int[]) { 0, 1 }, "2"), 1), p);
    assert_int_not_equal(print(encode("text", 2, (int[]) { 0, 1 }, NULL), 1),
                         p);
    assert_int_not_equal(print(encode("text", 1, (int[]) { 0 }, "1"), 1), p);
    assert_int_not_equal(print(encode("text", 2, (int[]) { 0, 4 }, "1"), 1), p);
    assert_int_not_equal(print(encode("text", 3, (int[]) { 0, 1, 4 }, "1"), 1),
                         p);
}


static void
test_classic(void **state)
{
    assert_int_not_equal(print(encode("text", 2, (int[]) { 0, 1 }, "1"), 0),
                         print(encode("text", 2, (int[]) { 1, 0 }, "1"), 0));
    assert_int_not_equal(print(encode("text", 1, (int[]) { 2 }, "1"), 0),
                         print(encode("text", 0, NULL, "1"), 0));
}


/* wherever they end, and whatever the lengths in them say: properties end at a
   guard page */

static void
test_cut(void **state)
{
    size_t      n;
    u_char     *last;
    ngx_str_t   whole, s;

    whole = encode("text", 3, (int[]) { 1, 2, 0 }, "1");

    last = ngx_unit_guard(whole.len);
    assert_non_null(last);

    for (n = 0; n <= whole.len; n++) {
        s.data = last - n;
        s.len = n;
        memcpy(s.data, whole.data, n);
        assert_int_not_equal(print(s, 1), 0);
    }

    ngx_str_null(&whole);
    assert_int_not_equal(print(whole, 1), 0);
}


static void
test_broken(void **state)
{
    size_t      n;
    u_char     *last;
    ngx_str_t   whole, s;

    whole = encode("text", 3, (int[]) { 1, 2, 0 }, "1");

    last = ngx_unit_guard(whole.len);
    assert_non_null(last);

    s.data = last - whole.len;
    s.len = whole.len;

    for (n = 0; n < whole.len; n++) {
        memcpy(s.data, whole.data, whole.len);
        s.data[n] = 0xff;
        assert_int_not_equal(print(s, 1), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_all_else_counts),
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
