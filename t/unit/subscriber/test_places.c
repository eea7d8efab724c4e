/*
 * Places in several streams: what is written is as long as was said and is
 * read back, each truncation is told; input right before a guard page.
 *
 * links: src/subscriber/ngx_ess_places.c src/subscriber/ngx_ess_position.c
 * links: src/subscriber/ngx_ess_datetime.c
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
#include "ngx_ess_places.h"
#include "ngx_guard.h"


static u_char  *test_end;


static int
setup(void **state)
{
    test_end = ngx_unit_guard(2 * NGX_ESS_PLACES_LEN);

    return test_end ? 0 : -1;
}


/* The number of places that were found; with "n" of them they are there. */

static ngx_uint_t
parse(const char *text, size_t len, ngx_ess_position_t *pos, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_str_t   s;
    ngx_uint_t  i, found;

    s.len = len;
    s.data = test_end - len;
    memcpy(s.data, text, len);

    memset(pos, 0xff, n * sizeof(ngx_ess_position_t));

    rc = ngx_ess_places_parse(&s, pos, n, &found);

    assert_int_equal(rc, found == n ? NGX_OK : NGX_DECLINED);

    for (i = 0; i < n; i++) {
        assert_int_equal(pos[i].type, NGX_ESS_POSITION_EVENT);
        assert_int_equal(pos[i].timestamp, 0);

        if (rc != NGX_OK) {
            assert_int_equal(pos[i].epoch, 0);
            assert_int_equal(pos[i].ordinal, 0);
        }
    }

    return found;
}

#define PARSE(text, pos, n)  parse(text, sizeof(text) - 1, pos, n)


static void
written(const ngx_ess_event_id_t *places, ngx_uint_t n, const char *expected)
{
    size_t   len;
    u_char  *p;

    len = strlen(expected);
    p = test_end - len;

    assert_int_equal(ngx_ess_places_len(places, n), len);
    assert_ptr_equal(ngx_ess_places_write(p, places, n), test_end);
    assert_memory_equal(p, expected, len);
}


static void
test_write(void **state)
{
    static const ngx_ess_event_id_t  places[] = {
        { 0x5f3a, 43 }, { 0x77, 9 }, { 0x12c, 0 }, { 1, 3 }
    };

    static const ngx_ess_event_id_t  bounds[] = {
        { (uint64_t) -1, INT64_MAX }, { 0, 10 }, { 16, 99 }, { 15, 100 }
    };

    written(places, 4, "5f3a-43,77-9,12c-0,1-3");
    written(places, 1, "5f3a-43");
    written(bounds, 4, "ffffffffffffffff-9223372036854775807,0-10,10-99,"
                       "f-100");
}


static void
test_parse(void **state)
{
    ngx_ess_position_t  pos[4];

    assert_int_equal(PARSE("5f3a-43,77-9,12c-0,1-3", pos, 4), 4);
    assert_int_equal(pos[0].epoch, 0x5f3a);
    assert_int_equal(pos[0].ordinal, 43);
    assert_int_equal(pos[2].epoch, 0x12c);
    assert_int_equal(pos[2].ordinal, 0);
    assert_int_equal(pos[3].epoch, 1);
    assert_int_equal(pos[3].ordinal, 3);

    assert_int_equal(PARSE("5f3a-43", pos, 1), 1);

    /* another number of them */

    assert_int_equal(PARSE("5f3a-43,77-9,12c-0,1-3", pos, 3), 4);
    assert_int_equal(PARSE("5f3a-43,77-9,12c-0", pos, 4), 3);
    assert_int_equal(PARSE("1-1", pos, 2), 1);

    /* none at all */

    assert_int_equal(PARSE("", pos, 1), 0);
    assert_int_equal(PARSE(",", pos, 2), 0);
    assert_int_equal(PARSE("1-1,", pos, 2), 0);
    assert_int_equal(PARSE(",1-1", pos, 2), 0);
    assert_int_equal(PARSE("1-1,,1-2", pos, 3), 0);
    assert_int_equal(PARSE("1-1, 1-2", pos, 2), 0);
    assert_int_equal(PARSE("1-1;1-2", pos, 2), 0);
    assert_int_equal(PARSE("1-1,g-2", pos, 2), 0);
    assert_int_equal(PARSE("1-1,2", pos, 2), 0);
    assert_int_equal(PARSE("1-1,-2", pos, 2), 0);
    assert_int_equal(PARSE("1-1,10000000000000000-2", pos, 2), 0);
    assert_int_equal(PARSE("1-9223372036854775807", pos, 1), 0);
}


static void
test_truncated(void **state)
{
    size_t              len;
    ngx_uint_t          found;
    ngx_ess_position_t  pos[4];

    static const char  text[] = "5f3a-43,77-9,12c-0,1-31";

    for (len = 0; len < sizeof(text) - 1; len++) {
        found = parse(text, len, pos, 4);

        /* only the last number may be shorter */

        assert_int_equal(found == 4, len == sizeof(text) - 2);
    }
}


static void
test_longest(void **state)
{
    size_t              len;
    u_char              buf[NGX_ESS_PLACES_LEN];
    ngx_uint_t          i;
    ngx_ess_event_id_t  places[NGX_ESS_PLACES_MAX];
    ngx_ess_position_t  pos[NGX_ESS_PLACES_MAX];

    for (i = 0; i < NGX_ESS_PLACES_MAX; i++) {
        places[i].epoch = (uint64_t) -1;
        places[i].ordinal = INT64_MAX - 1;
    }

    len = ngx_ess_places_len(places, NGX_ESS_PLACES_MAX);
    assert_in_range(len, 1, NGX_ESS_PLACES_LEN);

    assert_ptr_equal(ngx_ess_places_write(buf, places, NGX_ESS_PLACES_MAX),
                     buf + len);
    assert_int_equal(parse((char *) buf, len, pos, NGX_ESS_PLACES_MAX),
                     NGX_ESS_PLACES_MAX);
    assert_true(pos[63].epoch == (uint64_t) -1);
    assert_true(pos[63].ordinal == INT64_MAX - 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_longest)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
