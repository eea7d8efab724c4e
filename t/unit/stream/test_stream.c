/*
 * What is told of streams: uuids, keys, marks of unbinding.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/ngx_string.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"


static uint32_t   number;
static ngx_str_t  key = ngx_string("abc");
static ngx_str_t  other = ngx_string("def");


static void
test_uuid_text(void **state)
{
    u_char     uuid[NGX_ESS_UUID_LEN], back[NGX_ESS_UUID_LEN];
    u_char     text[NGX_ESS_UUID_TEXT];
    ngx_str_t  s;

    ngx_memset(uuid, 0xa5, sizeof(uuid));
    uuid[0] = 0x01;

    assert_ptr_equal(ngx_ess_stream_uuid_text(text, uuid),
                     text + NGX_ESS_UUID_TEXT);
    assert_memory_equal(text, "01a5", 4);

    s.data = text;

    for (s.len = 0; s.len < NGX_ESS_UUID_TEXT; s.len++) {
        assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
    }

    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_OK);
    assert_memory_equal(uuid, back, NGX_ESS_UUID_LEN);

    text[31] = 'g';
    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
    text[31] = 'A';
    assert_int_equal(ngx_ess_stream_uuid_parse(back, &s), NGX_DECLINED);
}


static void
test_unbinding(void **state)
{
    ngx_uint_t             i;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  info;
    ngx_str_t              k;
    u_char                 text[8];

    zone = make(1024 * 1024);

    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 0);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_OK);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_BUSY);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 1);
    ngx_ess_stream_unbind_end(zone, &key);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &key), 0);

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &info), NGX_OK);
    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &key), NGX_DECLINED);

    k.data = text;

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        k.len = snprintf((char *) text, sizeof(text), "k%d", (int) i);
        assert_int_equal(ngx_ess_stream_unbind_begin(zone, &k), NGX_OK);
    }

    assert_int_equal(ngx_ess_stream_unbind_begin(zone, &other), NGX_BUSY);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &k), 1);

    ngx_ess_process_detach(zone);
    assert_int_equal(ngx_ess_stream_unbinding(zone, &k), 0);

    done(zone);
}


static void
test_keys(void **state)
{
    uint64_t               cursor, seq, next;
    ngx_uint_t             i, n, found;
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_key_t   keys[4];
    ngx_ess_stream_info_t  info;

    zone = make(1024 * 1024);

    for (i = 0; i < 10; i++) {
        create(zone, (i % 2) ? &key : &other, &info);

        if (i < 3) {
            assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL,
                                                        &seq, &next, &number),
                             NGX_OK);
        }
    }

    cursor = 0;
    found = 0;

    while ((n = ngx_ess_stream_keys(zone, 0xffff, 0, &cursor, keys, 4))) {
        found += n;
    }

    assert_int_equal(found, 10);

    cursor = 0;
    assert_int_equal(ngx_ess_stream_keys(zone, 0xffff, 1, &cursor, keys, 4),
                     3);
    assert_int_equal(keys[0].len, 3);
    assert_memory_equal(keys[0].data, "def", 3);
    assert_int_equal(keys[0].slot, ngx_ess_stream_slot(&other));
    assert_int_equal(ngx_ess_stream_keys(zone, 0xffff, 1, &cursor, keys, 4),
                     0);

    cursor = 0;
    assert_int_equal(ngx_ess_stream_keys(zone,
                                         1 << ngx_ess_stream_slot(&key),
                                         1, &cursor, keys, 4), 1);

    done(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_uuid_text),
        cmocka_unit_test(test_unbinding),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
