/*
 * Positions in a stream as a query string has them; input right before a
 * guard page.
 *
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c
 * links: src/ngx_ess_percent.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>
#include "ngx_ess_position.h"


/* the sanitizer guards what malloc() gives; ":1" is the header 1 */

static ngx_int_t
parse(const char *query, ngx_ess_position_t *pos, ngx_str_t *reason)
{
    ngx_int_t                rc;
    ngx_str_t               *args;
    ngx_ess_position_said_t  said;

    memset(&said, 0, sizeof(said));
    said.now = 1795871655;                  /* 2026-11-28 13:14:15 */

    args = (*query == ':') ? &said.headers[query[1] - '0'] : &said.args;
    query += (*query == ':') ? 2 : 0;

    args->len = strlen(query);
    args->data = malloc(args->len ? args->len : 1);
    assert_non_null(args->data);
    memcpy(args->data, query, args->len);

    rc = ngx_ess_position_parse(&said, pos, reason);

    free(args->data);

    return rc;
}


static void
ok(const char *query, ngx_ess_position_type_e type, uint64_t epoch,
    uint64_t value)
{
    ngx_str_t           reason;
    ngx_ess_position_t  pos;

    if (parse(query, &pos, &reason) != NGX_OK) {
        fail_msg("%s: %.*s", query, (int) reason.len, reason.data);
    }

    assert_int_equal(pos.type, type);
    assert_int_equal(pos.epoch, epoch);
    assert_int_equal(type == NGX_ESS_POSITION_TIMESTAMP ? pos.timestamp
                                                        : pos.ordinal, value);
}


static void
wrong(const char *query)
{
    ngx_str_t           reason;
    ngx_ess_position_t  pos;

    if (parse(query, &pos, &reason) != NGX_DECLINED) {
        fail_msg("%s is no position", query);
    }

    assert_in_range(reason.len, 1, 123);
}


static void
test_numbers(void **state)
{
    ok("", NGX_ESS_POSITION_NEW, 0, 0);
    ok("x=1&from_=2&&=", NGX_ESS_POSITION_NEW, 0, 0);
    ok("stream_from_ordinal=0", NGX_ESS_POSITION_ORDINAL, 0, 0);
    ok("a=b&stream_from_ordinal=%31%37&c", NGX_ESS_POSITION_ORDINAL, 0, 17);
    ok("stream_from_ordinal=9223372036854775806", NGX_ESS_POSITION_ORDINAL, 0,
       9223372036854775806);
    ok("stream_from_timestamp=1700000000123", NGX_ESS_POSITION_TIMESTAMP, 0,
       1700000000123);
    ok("from=ffffffffffffffff-3", NGX_ESS_POSITION_EVENT, 0xffffffffffffffff,
       3);
    ok("from=0aB-9223372036854775806", NGX_ESS_POSITION_EVENT, 0xab,
       9223372036854775806);

    wrong("stream_from_ordinal");
    wrong("stream_from_ordinal=");
    wrong("stream_from_ordinal=-1");
    wrong("stream_from_ordinal=+1");
    wrong("stream_from_ordinal=1x");
    wrong("stream_from_ordinal=%3");
    wrong("stream_from_ordinal=%zz");
    wrong("stream_from_ordinal=9223372036854775807");
    wrong("stream_from_ordinal=99999999999999999999999999");
    wrong("stream_from_ordinal=1&stream_from_ordinal=1");
    wrong("from=1-1&stream_from_timestamp=1");
    wrong("from=");
    wrong("from=-");
    wrong("from=-1");
    wrong("from=1-");
    wrong("from=1");
    wrong("from=g-1");
    wrong("from=11111111111111111-1");
    wrong("from=1-1-1");
    wrong("stream_from_timestamp=1.5");
    wrong("stream_from_datetime=00000000000000000000000000000000000000000000"
          "000000000000000000000000000000000000000000000");
}


#define AT(text, ms)  ok("stream_from_datetime=" text,                        \
                         NGX_ESS_POSITION_TIMESTAMP, 0, ms)

static void
test_datetimes(void **state)
{
    AT("1970-01-01", 0);
    AT("1970-01-02", 86400000);
    AT("2026-01-31T10:11:12Z", 1769854272000);
    AT("2026-01-31T10:11:12z", 1769854272000);
    AT("2026-01-31T10:11:12", 1769854272000);
    AT("2026-01-31%2010:11:12", 1769854272000);
    AT("2026-01-31t10:11:12.3", 1769854272300);
    AT("2026-01-31T10:11:12,345999999999", 1769854272345);
    AT("2026-01-31T10:11", 1769854260000);
    AT("20260131T101112Z", 1769854272000);
    AT("20260131T1011", 1769854260000);
    AT("2026-01-31T11:11:12%2B01:00", 1769854272000);
    AT("2026-01-31T11:11:12+01:00", 1769854272000);
    AT("2026-01-31T11:11:12+01", 1769854272000);
    AT("2026-01-31T04:41:12-0530", 1769854272000);
    AT("2026-01-31T24:00:00", 1769904000000);
    AT("2016-12-31T23:59:60Z", 1483228800000);
    AT("2000-02-29", 951782400000);
    AT("1969-12-31T23:59:59Z", 0);
    AT("0001-01-01", 0);
    AT("9999-12-31T23:59:59Z", 253402300799000);

    /* in other words; what is left out is today's */

    AT("28%20Nov%202026", 1795824000000);
    AT("28+Nov+2026+13:00", 1795870800000);
    AT("13:00%2B01:00", 1795867200000);
    AT("13:00+01:00", 1795867200000);
    AT("2026-01-31T10", 1769853600000);
    AT("13:00+12+Nov+2026", 1794488400000);

    wrong("stream_from_datetime=2026");
    wrong("stream_from_datetime=2026-01");
    wrong("stream_from_datetime=2026-01-31T");
    wrong("stream_from_datetime=2026-01-31T10:11:12.");
    wrong("stream_from_datetime=2026-01-31T10:11:12+1");
    wrong("stream_from_datetime=2026-0131");
    wrong("stream_from_datetime=202601-31");
    wrong("stream_from_datetime=2026-02-29");
    wrong("stream_from_datetime=1900-02-29");
    wrong("stream_from_datetime=2026-00-01");
    wrong("stream_from_datetime=2026-13-01");
    wrong("stream_from_datetime=2026-01-00");
    wrong("stream_from_datetime=2026-04-31");
    wrong("stream_from_datetime=2026-01-31T10:60");
    wrong("stream_from_datetime=2026-01-31T25:00");
    wrong("stream_from_datetime=2026-01-31T24:01");
    wrong("stream_from_datetime=2026-01-31T10:11:61");
    wrong("stream_from_datetime=2026-01-31T10:11:12Zx");
    wrong("stream_from_datetime=2026-01-31T10:11:12+24:00");
    wrong("stream_from_datetime=2026-01-31T10:11:12+01:60");
    wrong("stream_from_datetime=0000-01-01");
}


/* the same in headers, as they are */

static void
test_headers(void **state)
{
    ngx_str_t                reason;
    ngx_ess_position_t       pos;
    ngx_ess_position_said_t  said;

    ok(":05", NGX_ESS_POSITION_ORDINAL, 0, 5);
    ok(":11700000000123", NGX_ESS_POSITION_TIMESTAMP, 0, 1700000000123);
    ok(":228 Nov 2026", NGX_ESS_POSITION_TIMESTAMP, 0, 1795824000000);
    ok(":0", NGX_ESS_POSITION_NEW, 0, 0);

    wrong(":0x");
    wrong(":1-1");
    wrong(":228%20Nov%202026");
    wrong(":2                                                               "
          "1 Nov 2026");

    memset(&said, 0, sizeof(said));
    ngx_str_set(&said.headers[0], "5");
    ngx_str_set(&said.args, "x=1");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason), NGX_OK);

    ngx_str_set(&said.args, "stream_from_ordinal=5");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason),
                     NGX_DECLINED);
    assert_in_range(reason.len, 1, 123);

    ngx_str_set(&said.args, "");
    ngx_str_set(&said.headers[1], "5");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason),
                     NGX_DECLINED);

    ngx_str_set(&said.headers[1], "");
    said.many = 1;
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason),
                     NGX_DECLINED);
}


/* each day of two centuries, by the C library */

static void
test_days(void **state)
{
    char       text[64];
    time_t     t;
    struct tm  tm;

    for (t = 0; t < (time_t) 86400 * 73000; t += 86400) {
        assert_non_null(gmtime_r(&t, &tm));
        strftime(text, sizeof(text), "stream_from_datetime=%Y-%m-%d", &tm);
        ok(text, NGX_ESS_POSITION_TIMESTAMP, 0, (uint64_t) t * 1000);
    }
}


static void
test_last_event_id(void **state)
{
    size_t              i;
    ngx_str_t           value;
    ngx_ess_position_t  pos;

    static const char  *foreign[] = {
        "17", "undefined", "1690000000:0", "5f3a-17:2", "5f3a-", "-17", "\xff",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "11111111111111111-1",
        "5f3a-9223372036854775807", " 5f3a-17"
    };

    ngx_str_set(&value, "5f3a-17");
    assert_int_equal(ngx_ess_position_event(&value, &pos), NGX_OK);
    assert_int_equal(pos.type, NGX_ESS_POSITION_EVENT);
    assert_int_equal(pos.epoch, 0x5f3a);
    assert_int_equal(pos.ordinal, 17);

    /* an epoch that no log has, whatever was read of it */

    for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        value.data = (u_char *) foreign[i];
        value.len = strlen(foreign[i]);

        assert_int_equal(ngx_ess_position_event(&value, &pos), NGX_DECLINED);
        assert_int_equal(pos.type, NGX_ESS_POSITION_EVENT);
        assert_int_equal(pos.epoch, 0);
        assert_int_equal(pos.ordinal, 0);
    }
}


/* Of several streams: what from= has is another's to read. */

static void
test_places(void **state)
{
    ngx_str_t                places, reason;
    ngx_ess_position_t       pos;
    ngx_ess_position_said_t  said;

    memset(&said, 0, sizeof(said));
    said.places = &places;

    places.len = 0;
    said.args = (ngx_str_t) ngx_string("stream=a&from=1-2%2C3-4&key=b");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason), NGX_OK);
    assert_int_equal(pos.type, NGX_ESS_POSITION_EVENT);
    assert_int_equal(places.len, sizeof("1-2%2C3-4") - 1);
    assert_memory_equal(places.data, "1-2%2C3-4", places.len);

    said.args = (ngx_str_t) ngx_string("from=");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason), NGX_OK);
    assert_int_equal(pos.type, NGX_ESS_POSITION_EVENT);
    assert_int_equal(places.len, 0);

    said.args = (ngx_str_t) ngx_string("stream_from_ordinal=7");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason), NGX_OK);
    assert_int_equal(pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(pos.ordinal, 7);

    said.args = (ngx_str_t) ngx_string("from=1-1&from=1-1");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason),
                     NGX_DECLINED);

    said.args = (ngx_str_t) ngx_string("from=1-1&stream_from_ordinal=1");
    assert_int_equal(ngx_ess_position_parse(&said, &pos, &reason),
                     NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_datetimes),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_last_event_id),
        cmocka_unit_test(test_places)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
