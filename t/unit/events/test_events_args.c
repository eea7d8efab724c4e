/*
 * Query strings of pages: each parameter, what is wrong with it, and the query
 * string of the next page.
 *
 * links: src/events/ngx_ess_events_args.c src/events/ngx_ess_events_cursor.c
 * links: src/ngx_ess_date.c src/ngx_ess_percent.c src/ngx_ess_str.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_events_args.h"
#include "ngx_guard.h"


#define ROOM  4096


static u_char                 *guarded;     /* the end of the usable room */
static ngx_ess_events_args_t   args;


static int
setup(void **state)
{
    guarded = ngx_unit_guard(ROOM);

    return guarded ? 0 : -1;
}


static ngx_int_t
take(const char *query)
{
    ngx_str_t  text;

    text.len = strlen(query);
    text.data = guarded - text.len;

    memcpy(text.data, query, text.len);

    return ngx_ess_events_args_read(&args, &text);
}


/* Who follows the log asks for nothing of a page; "from" is not looked at. */

static void
test_follow(void **state)
{
    ngx_uint_t  i, j;
    ngx_str_t   text;
    char        query[32];

    ngx_str_null(&text);
    assert_int_equal(ngx_ess_events_args_follow(&args, &text), NGX_OK);
    ngx_str_set(&text, "from=5f3a-17&from=%&stream_from_ordinal=3&key=size");
    assert_int_equal(ngx_ess_events_args_follow(&args, &text), NGX_OK);

    for (i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        if (i == NGX_ESS_EVENTS_ARGS_OF_FROM) {
            continue;
        }

        text.data = (u_char *) query;
        text.len = sprintf(query, "a&%s=%s",
                           (char *) ngx_ess_events_args_names[i].data,
                           (i % 2) ? "1" : "%");

        assert_int_equal(ngx_ess_events_args_follow(&args, &text),
                         NGX_DECLINED);

        for (j = 0; j < NGX_ESS_EVENTS_ARGS_N; j++) {
            assert_int_equal(args.values[j].wrong != NULL, i == j);
        }
    }
}


static void
test_defaults(void **state)
{
    assert_int_equal(take(""), NGX_OK);
    assert_int_equal(args.size, 10);
    assert_int_equal(args.from, 0);
    assert_false(args.desc);
    assert_false(args.total);
    assert_int_equal(take("&&a=b&=&sizes=0&Size=x&%73ize=x"), NGX_OK);
    assert_int_equal(args.size, 10);
}


static void
test_sizes(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *query;
        ngx_uint_t   size;                  /* 0: it is wrong */
    } sizes[] = {
        { "size=1", 1 }, { "size=1000", 1000 }, { "size=+007", 7 },
        { "size=%2B7", 7 }, { "size= 7 ", 7 }, { "size=x&size=3", 3 },
        { "size=0", 0 }, { "size=-0", 0 }, { "size=-1", 0 }, { "size=", 0 },
        { "size", 0 }, { "size=1001", 0 }, { "size=1.5", 0 },
        { "size=99999999999999999999999", 0 }, { "size=-", 0 },
        { "size=3&size=x", 0 }, { "size=%", 0 }, { "size=1%000", 0 },
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(take(sizes[i].query),
                         sizes[i].size ? NGX_OK : NGX_DECLINED);

        if (sizes[i].size) {
            assert_int_equal(args.size, sizes[i].size);

        } else {
            assert_non_null(args.values[NGX_ESS_EVENTS_ARGS_OF_SIZE].wrong);
        }
    }
}


static void
test_next_page(void **state)
{
    u_char                    text[NGX_ESS_EVENTS_ARGS_TEXT];
    u_char                   *last;
    ngx_ess_events_cursor_t   cursor = { 1, 0 };

    assert_int_equal(take("from=5&type=%C3%A9+%26&since="
                          "2024-01-01T00:00:00+01:00&order=desc&x=y&total=1"),
                     NGX_OK);
    assert_int_equal(args.from, 5);
    assert_true(args.since == 1704063600000);
    assert_true(args.desc && args.total);

    last = ngx_ess_events_args_write(text, &args, &cursor);
    *last = '\0';

    assert_string_equal(text, "size=10&type=%C3%A9%20%26"
                              "&since=2024-01-01T00%3A00%3A00%2B01%3A00"
                              "&order=desc&total=1"
                              "&after=AQAAAAAAAAABAAAAAAAAAAA");

    /* it asks for the same */

    assert_int_equal(take((char *) text), NGX_OK);
    assert_int_equal(args.after.seq, 1);
    assert_true(args.since == 1704063600000);
    assert_true(args.desc && args.total);
}


/* The empty type is one as any other. */

static void
test_types(void **state)
{
    ngx_uint_t                i;
    u_char                    text[NGX_ESS_EVENTS_ARGS_TEXT];
    u_char                   *last;
    ngx_str_t                *type;
    ngx_ess_events_cursor_t   cursor = { 1, 0 };

    static const char  *empty[] = { "type=", "type", "type=a&type=" };

    type = &args.values[NGX_ESS_EVENTS_ARGS_OF_TYPE].text;

    for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        assert_int_equal(take(empty[i]), NGX_OK);
        assert_non_null(type->data);
        assert_int_equal(type->len, 0);

        last = ngx_ess_events_args_write(text, &args, &cursor);
        *last = '\0';

        assert_string_equal(text,
                            "size=10&type=&after=AQAAAAAAAAABAAAAAAAAAAA");
    }

    assert_int_equal(take("types="), NGX_OK);
    assert_null(type->data);
}


static void
test_longest(void **state)
{
    char                      query[ROOM];
    u_char                    text[NGX_ESS_EVENTS_ARGS_TEXT];
    u_char                   *last;
    ngx_uint_t                i;
    ngx_ess_events_cursor_t   cursor = { INT64_MAX, -1 };

    strcpy(query, "type=");

    for (i = 0; i < 256; i++) {
        strcat(query, "%01");
    }

    assert_int_equal(take(query), NGX_OK);

    last = ngx_ess_events_args_write(text, &args, &cursor);

    assert_true((size_t) (last - text) <= sizeof(text));

    strcat(query, "x");

    assert_int_equal(take(query), NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_next_page),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_follow),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
