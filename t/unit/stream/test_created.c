/*
 * Streams made on demand: limits, use and end.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"
#include "ngx_ess_created.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_log.h"
#include "ngx_ess_table.h"


static ngx_ess_created_limits_t  limits;
static ngx_str_t                 key = ngx_string("k");


static ngx_int_t
reserve(ngx_ess_zone_t *zone, const char *name, ngx_uint_t limited,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_stream_attr_t  attr;

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));

    attr.name.data = (u_char *) name;
    attr.name.len = strlen(name);
    attr.created = 1;
    attr.limits = limited ? &limits : NULL;

    return ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, &attr, info);
}


static void
made(ngx_ess_zone_t *zone, const char *name, ngx_ess_stream_info_t *info)
{
    assert_int_equal(reserve(zone, name, 0, info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info->ref), NGX_OK);
}


static void
address(ngx_ess_zone_t *zone, uint32_t n)
{
    struct sockaddr_in  sin;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = n;

    ngx_ess_created_address(zone, (struct sockaddr *) &sin, &limits);
}


static ngx_int_t
find(ngx_ess_zone_t *zone, const char *name)
{
    ngx_str_t              text;
    ngx_ess_stream_info_t  info;

    text.data = (u_char *) name;
    text.len = strlen(name);

    return ngx_ess_created_find(zone, &text, &info);
}


/* All that is old; how many. */

static ngx_uint_t
expire(ngx_ess_zone_t *zone, ngx_msec_t idle)
{
    uint32_t               cursor;
    ngx_int_t              rc;
    ngx_uint_t             n;
    ngx_ess_stream_info_t  info;

    cursor = 0;
    n = 0;

    while ((rc = ngx_ess_created_expire(zone, idle, &cursor, &info))
           != NGX_DECLINED)
    {
        if (rc == NGX_OK) {
            assert_int_equal(info.state, NGX_ESS_STREAM_DELETING);
            assert_true(info.created);
            ngx_ess_table_remove(zone, &info.ref);
            n++;
        }
    }

    return n;
}


static void
append(ngx_ess_zone_t *zone)
{
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "body");

    assert_true(ngx_ess_log_append(zone, &key, &event, 1, &wake) > 0);
}


static void
test_max(void **state)
{
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   a, b, info;

    zone = make(2 * 1024 * 1024);

    limits.max = 2;
    limits.rate = 1000;

    assert_int_equal(ngx_ess_created_number(zone), 0);
    assert_int_equal(reserve(zone, "a", 1, &a), NGX_OK);
    assert_int_equal(reserve(zone, "a", 1, &info), NGX_ABORT);
    assert_int_equal(reserve(zone, "b", 1, &b), NGX_OK);
    assert_int_equal(reserve(zone, "c", 1, &info), NGX_AGAIN);
    assert_int_equal(ngx_ess_created_number(zone), 2);

    /* half-made ones count; whoever keeps to no limits is not refused */

    ngx_ess_table_remove(zone, &a.ref);
    assert_int_equal(ngx_ess_created_number(zone), 1);
    assert_int_equal(reserve(zone, "c", 1, &a), NGX_OK);
    assert_int_equal(reserve(zone, "d", 0, &info), NGX_OK);
    assert_int_equal(ngx_ess_created_number(zone), 3);

    done(zone);
}


/* How many an address may make at once. */

static ngx_uint_t
burst(ngx_ess_zone_t *zone, ngx_uint_t most)
{
    ngx_int_t              rc;
    ngx_uint_t             n;
    ngx_ess_stream_info_t  info;

    for (n = 0; n < most; n++) {
        rc = reserve(zone, "name", 1, &info);

        if (rc == NGX_BUSY) {
            return n;
        }

        assert_int_equal(rc, NGX_OK);
        ngx_ess_table_remove(zone, &info.ref);
    }

    return n;
}


static void
test_rate(void **state)
{
    ngx_uint_t       i, rate;
    ngx_ess_zone_t  *zone;

    static const ngx_uint_t  rates[] = { 1, 2, 3, 7, 10, 600, 1000 };

    zone = make(2 * 1024 * 1024);

    limits.max = 10;

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        limits.rate = rate = rates[i];
        address(zone, 100 + i);

        ngx_current_msec += 100000;

        assert_in_range(burst(zone, 2000), rate, rate + rate / 100);
        assert_int_equal(burst(zone, 2000), 0);

        /* half a second is worth half of them */

        ngx_current_msec += 500;
        assert_in_range(burst(zone, 2000), rate / 2, rate / 2 + rate / 100 + 1);

        /* however long nobody came, it is never more than a second's */

        ngx_current_msec += 3600 * 1000;
        assert_in_range(burst(zone, 2000), rate, rate + rate / 100);
    }

    done(zone);
}


/* One that makes many keeps no other from it: but for the cells of both rows
   they would have to share. */

static void
test_addresses(void **state)
{
    ngx_uint_t           i, refused;
    ngx_ess_zone_t      *zone;
    struct sockaddr_in6  sin6;
    uint32_t             first[2];

    zone = make(2 * 1024 * 1024);

    limits.max = 10;
    limits.rate = 3;
    refused = 0;

    address(zone, 1);
    assert_int_equal(burst(zone, 100), 3);

    for (i = 2; i < 102; i++) {
        address(zone, i);
        refused += (burst(zone, 1) == 0);
        ngx_current_msec += 1000;
        address(zone, 1);
        assert_in_range(burst(zone, 100), 2, 3);
    }

    assert_in_range(refused, 0, 1);

    /* of IPv6 who has a network is one address */

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    sin6.sin6_family = AF_INET6;
    sin6.sin6_addr.s6_addr[7] = 1;

    ngx_ess_created_address(zone, (struct sockaddr *) &sin6, &limits);
    ngx_memcpy(first, limits.address, sizeof(first));

    sin6.sin6_addr.s6_addr[8] = 1;
    ngx_ess_created_address(zone, (struct sockaddr *) &sin6, &limits);
    assert_memory_equal(first, limits.address, sizeof(first));

    sin6.sin6_addr.s6_addr[7] = 2;
    ngx_ess_created_address(zone, (struct sockaddr *) &sin6, &limits);
    assert_memory_not_equal(first, limits.address, sizeof(first));

    /* a listening socket of IPv6 that takes IPv4, too, maps that */

    address(zone, htonl(0x7f000001));
    ngx_memcpy(first, limits.address, sizeof(first));

    ngx_memzero(&sin6.sin6_addr, sizeof(struct in6_addr));
    ngx_memcpy(sin6.sin6_addr.s6_addr + 10, "\377\377\177\0\0\1", 6);
    ngx_ess_created_address(zone, (struct sockaddr *) &sin6, &limits);
    assert_memory_equal(first, limits.address, sizeof(first));

    sin6.sin6_addr.s6_addr[15] = 2;
    ngx_ess_created_address(zone, (struct sockaddr *) &sin6, &limits);
    assert_memory_not_equal(first, limits.address, sizeof(first));

    done(zone);
}


static void
test_find(void **state)
{
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   info;

    zone = make(2 * 1024 * 1024);

    assert_int_equal(find(zone, "a"), NGX_DECLINED);
    assert_int_equal(reserve(zone, "a", 0, &info), NGX_OK);
    assert_int_equal(find(zone, "a"), NGX_BUSY);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);
    assert_int_equal(find(zone, "a"), NGX_OK);
    assert_int_equal(ngx_ess_table_delete_begin(zone, &info.ref), NGX_OK);
    assert_int_equal(find(zone, "a"), NGX_BUSY);
    ngx_ess_table_remove(zone, &info.ref);
    assert_int_equal(find(zone, "a"), NGX_DECLINED);

    done(zone);
}


static void
test_expire(void **state)
{
    uint32_t                number;
    uint64_t                seq, ordinal;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   a, b, declared;

    zone = make(2 * 1024 * 1024);

    create(zone, &key, &declared);
    made(zone, "a", &a);

    /* it was looked for */

    assert_int_equal(expire(zone, 1000), 0);
    ngx_current_msec += 900;
    assert_int_equal(find(zone, "a"), NGX_OK);
    ngx_current_msec += 900;
    assert_int_equal(expire(zone, 1000), 0);

    /* an event came */

    ngx_current_msec += 90;
    append(zone);
    assert_int_equal(expire(zone, 1000), 0);
    ngx_current_msec += 900;
    assert_int_equal(expire(zone, 1000), 0);

    /* who subscribes has the time from when he was seen last */

    assert_int_equal(ngx_ess_interest_subscribe(zone, &a.ref, NULL, &seq,
                                                &ordinal, &number),
                     NGX_OK);
    ngx_current_msec += 10000;
    assert_int_equal(expire(zone, 1000), 0);
    ngx_ess_interest_unsubscribe(zone, &a.ref);
    ngx_current_msec += 900;
    assert_int_equal(expire(zone, 1000), 0);

    made(zone, "b", &b);
    ngx_current_msec += 200;
    assert_int_equal(expire(zone, 1000), 1);
    assert_int_equal(find(zone, "a"), NGX_DECLINED);
    assert_int_equal(find(zone, "b"), NGX_OK);

    /* others stay */

    ngx_current_msec += 100000;
    assert_int_equal(expire(zone, 1000), 1);
    assert_int_equal(ngx_ess_created_number(zone), 0);
    assert_int_equal(ngx_ess_stream_count(zone), 1);

    done(zone);
}


static void
test_many(void **state)
{
    ngx_uint_t              i;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   info;
    char                    name[16];

    zone = make(8 * 1024 * 1024);

    for (i = 0; i < 2000; i++) {
        sprintf(name, "name-%u", (unsigned) i);
        made(zone, name, &info);
    }

    ngx_current_msec += 5000;
    find(zone, "name-77");
    ngx_current_msec += 5000;

    assert_int_equal(expire(zone, 10000), 1999);
    assert_int_equal(find(zone, "name-77"), NGX_OK);

    done(zone);
}


static void
test_due(void **state)
{
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   info;

    zone = make(2 * 1024 * 1024);

    ngx_current_msec += 100000;
    assert_int_equal(ngx_ess_created_due(zone, 1000), 0);
    made(zone, "a", &info);
    assert_int_equal(ngx_ess_created_due(zone, 1000), 1);
    assert_int_equal(ngx_ess_created_due(zone, 1000), 0);
    ngx_current_msec += 1000;
    assert_int_equal(ngx_ess_created_due(zone, 1000), 1);

    done(zone);
}


/* What the store had counts, and has the time from the start on. */

static void
test_load(void **state)
{
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_info_t   row;

    zone = make(2 * 1024 * 1024);

    ngx_memzero(&row, sizeof(ngx_ess_stream_info_t));

    row.ref.id = 7;
    row.ref.epoch = 77;
    row.kind = ngx_unit_bound;
    row.last_ordinal = 41;
    row.reserved_ordinal = 100;
    row.key_len = 1;
    row.key[0] = 'k';
    row.name_len = 1;
    row.name[0] = 'a';
    row.created = 1;

    assert_int_equal(ngx_ess_table_load(zone, &row), NGX_OK);
    assert_int_equal(ngx_ess_created_number(zone), 1);

    ngx_current_msec += 900;
    assert_int_equal(expire(zone, 1000), 0);
    ngx_current_msec += 100;
    assert_int_equal(expire(zone, 1000), 1);

    done(zone);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_expire),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
