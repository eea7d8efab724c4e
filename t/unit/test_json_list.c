/*
 * A JSON array taken apart: its elements, each truncation, slices of any size,
 * and elements that are not read.
 *
 * links: src/ngx_ess_json_list.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "ngx_ess_json_list.h"
#include "ngx_guard.h"


#define ROOM  4096


static u_char  *guarded;                    /* the end of the usable room */
static size_t   pos;                        /* where the last one ended */


static int
setup(void **state)
{
    guarded = ngx_unit_guard(ROOM);

    return guarded ? 0 : -1;
}


/* Returns what the last call did; "seen" has where elements began. */

static ngx_int_t
walk(const char *data, size_t len, ngx_uint_t alone, size_t slice, char *seen)
{
    size_t                stop;
    ngx_int_t             rc;
    ngx_ess_json_list_t   list;

    memset(&list, 0, sizeof(list));
    memcpy(guarded - len, data, len);

    list.text.data = guarded - len;
    list.text.len = len;
    list.alone = alone;

    *seen = '\0';
    stop = slice;

    for ( ;; ) {
        rc = ngx_ess_json_list_next(&list, stop);
        assert_true(list.pos <= len);

        if (rc == NGX_OK) {
            assert_true(list.pos < len);
            seen += sprintf(seen, "%d ", (int) list.pos);
            ngx_ess_json_list_skip(&list);
            continue;
        }

        if (rc != NGX_AGAIN) {
            pos = list.pos;
            return rc;
        }

        assert_true(list.pos >= stop);
        stop = list.pos + slice;
    }
}


static ngx_int_t
all(const char *text, ngx_uint_t alone, char *seen)
{
    char       again[ROOM];
    size_t     slice;
    ngx_int_t  rc;

    rc = walk(text, strlen(text), alone, ROOM, seen);

    for (slice = 1; slice < strlen(text); slice++) {
        assert_int_equal(walk(text, strlen(text), alone, slice, again), rc);
        assert_string_equal(again, seen);
    }

    return rc;
}


static void
test_lists(void **state)
{
    char  seen[ROOM];

    assert_int_equal(all("[]", 0, seen), NGX_DONE);
    assert_string_equal(seen, "");

    assert_int_equal(all("\xef\xbb\xbf [ ] ", 1, seen), NGX_DONE);
    assert_string_equal(seen, "");

    assert_int_equal(all("[1,{\"a\":[\"]\",\"\\\"]\"]} , \"x,\\\\\",[[]]]\n",
                         0, seen),
                     NGX_DONE);
    assert_string_equal(seen, "1 3 23 30 ");
}


static void
test_alone(void **state)
{
    char  seen[ROOM];

    assert_int_equal(all(" {\"a\":\"}\"} ", 1, seen), NGX_DONE);
    assert_string_equal(seen, "1 ");

    assert_int_equal(all("{\"a\":{}}", 1, seen), NGX_DONE);
    assert_string_equal(seen, "0 ");

    assert_int_equal(all("{\"a\":{}},{}", 1, seen), NGX_DECLINED);
    assert_int_equal(pos, 8);

    assert_int_equal(all("{\"a\":{}}", 0, seen), NGX_ABORT);
    assert_int_equal(all(" 1", 1, seen), NGX_ABORT);
    assert_int_equal(all("null", 1, seen), NGX_ABORT);
}


static void
test_broken(void **state)
{
    char  seen[ROOM];

    static const struct {
        const char  *text;
        size_t       pos;
    } broken[] = {
        { "", 0 },
        { " ", 1 },
        { "x", 0 },
        { "]", 0 },
        { "[", 1 },
        { "[] 1", 3 },
        { "[1", 2 },
        { "[1 2]", 3 },
        { "[1,", 3 },
        { "[\"a", 3 },
        { "[{\"a\":1]", 8 },
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(all(broken[i].text, 0, seen), NGX_DECLINED);
        assert_int_equal(pos, broken[i].pos);
    }
}


static void
test_truncations(void **state)
{
    char    seen[ROOM];
    size_t  len;

    static const char  text[] = "[{\"a\":[1,\"\\\\\\\"\"]},2]";

    for (len = 0; len < sizeof(text) - 1; len++) {
        assert_int_equal(walk(text, len, 1, ROOM, seen), NGX_DECLINED);
        assert_int_equal(walk(text, len, 1, 1, seen), NGX_DECLINED);
    }

    assert_int_equal(walk(text, len, 1, 1, seen), NGX_DONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_truncations),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
