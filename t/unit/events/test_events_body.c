/*
 * Bodies of events: what each is found to be, each truncation, slices of any
 * size; input lies against a guard page.
 *
 * links: src/events/ngx_ess_events_body.c src/ngx_ess_json_list.c
 * links: src/ngx_ess_json_number.c src/ngx_ess_json_portable.c
 * links: src/ngx_ess_json_read.c src/ngx_ess_json_string.c
 * links: src/ngx_ess_json_unique.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_events_body.h"
#include "ngx_guard.h"


#define ROOM  65536
#define MAX   300


static u_char                *guarded;      /* the end of the usable room */
static ngx_ess_events_body_t  body;


static int
setup(void **state)
{
    guarded = ngx_unit_guard(ROOM);

    return guarded ? 0 : -1;
}


/* "seen": for each event a letter, and its id */

static ngx_int_t
walk(const char *text, size_t len, ngx_uint_t alone, size_t slice, char *seen)
{
    size_t                   stop;
    ngx_int_t                rc;
    ngx_ess_json_step_t      step;
    ngx_ess_json_pointer_t   id;

    static const char  letters[] = "FOIL";

    ngx_memzero(&step, sizeof(step));
    ngx_memzero(&body, sizeof(body));

    ngx_str_set(&step.name, "id");
    step.index = (ngx_uint_t) NGX_ERROR;
    id.steps = &step;
    id.nsteps = 1;

    memcpy(guarded - len, text, len);

    body.list.text.data = guarded - len;
    body.list.text.len = len;
    body.list.alone = alone;
    body.max_event = MAX;
    body.id = &id;

    stop = slice;
    *seen = '\0';

    for ( ;; ) {
        rc = ngx_ess_events_body_next(&body, stop);

        if (rc == NGX_OK) {
            seen += sprintf(seen, "%c%.*s ", letters[body.fault],
                            (int) body.found.span.len,
                            (char *) body.found.span.data);
            continue;
        }

        if (rc != NGX_AGAIN) {
            return rc;
        }

        assert_true(body.list.pos >= stop);
        stop = body.list.pos + slice;
    }
}


static ngx_int_t
all(const char *text, ngx_uint_t alone, char *seen)
{
    char       again[4096];
    ngx_int_t  rc;

    rc = walk(text, strlen(text), alone, ROOM, seen);

    assert_int_equal(walk(text, strlen(text), alone, 1, again), rc);
    assert_string_equal(again, seen);

    return rc;
}


static char *
deep(char *p, int n)
{
    memset(p, '[', n);
    strcpy(p + n, "\"]\"");
    memset(p + n + 3, ']', n);

    return p + 2 * n + 3;
}


static void
test_faults(void **state)
{
    char  text[8192], seen[4096], *p;

    assert_int_equal(all("[{\"id\":\"a\"}, {\"id\":2},{},1,\"x\",null,[{}]]",
                         0, seen),
                     NGX_DONE);
    assert_string_equal(seen, "F\"a\" F2 F O O O O ");

    assert_int_equal(all("[{\"id\":1,\"a\":1,\"a\":2},{\"id\":2,\"b\":1e400},"
                         "{\"id\":3,\"c\":\"\\u0000\"},{\"id\":4,\"d\":"
                         "\"\xff\"},{\"id\":5,\"e\":\"\\ud800\"},{\"id\":6}]",
                         0, seen),
                     NGX_DONE);
    assert_string_equal(seen, "I1 I2 I3 I4 I5 F6 ");

    /* too deep, and far too deep */

    p = text + sprintf(text, "[{\"id\":1,\"a\":");
    p = deep(p, 63);
    p += sprintf(p, "},{\"id\":2,\"a\":");
    p = deep(p, 64);
    p += sprintf(p, "},{\"id\":3,\"a\":");
    p = deep(p, 120);
    p += sprintf(p, "},{\"id\":4}]");

    assert_int_equal(all(text, 0, seen), NGX_DONE);
    assert_string_equal(seen, "F1 I2 I3 F4 ");
}


static void
test_large(void **state)
{
    char    text[8192], seen[4096], *p;
    size_t  n;

    for (n = MAX - 12; n < MAX + 6; n++) {
        p = text + sprintf(text, "[{\"id\":1,\"a\":\"");
        memset(p, 'x', n);
        strcpy(p + n, "\"},{\"id\":2}]");

        assert_int_equal(all(text, 0, seen), NGX_DONE);
        assert_string_equal(seen, (n + 15 <= MAX) ? "F1 F2 " : "L1 F2 ");
    }

    p = text + sprintf(text, "[{\"a\":\"");
    memset(p, '[', 4000);
    strcpy(p + 4000, "\\\"\",\"id\":1},\"");
    p += strlen(p);
    memset(p, ']', 1000);
    strcpy(p + 1000, "\",{}]");

    assert_int_equal(all(text, 0, seen), NGX_DONE);
    assert_string_equal(seen, "L O F ");
}


static void
test_no_lists(void **state)
{
    char        seen[4096];
    ngx_uint_t  i;

    static const struct {
        const char                   *text;
        ngx_ess_events_body_wrong_e   reason;
        size_t                        wrong;
    } rows[] = {
        { "", NGX_ESS_EVENTS_BODY_NONE, 0 },
        { " \n", NGX_ESS_EVENTS_BODY_NONE, 2 },
        { " null ", NGX_ESS_EVENTS_BODY_NONE, 1 },
        { "nulls", NGX_ESS_EVENTS_BODY_BROKEN, 4 },
        { "{}", NGX_ESS_EVENTS_BODY_NO_LIST, 0 },
        { "{]", NGX_ESS_EVENTS_BODY_BROKEN, 1 },
        { "1", NGX_ESS_EVENTS_BODY_NO_LIST, 0 },
        { "\"a", NGX_ESS_EVENTS_BODY_BROKEN, 2 },
        { "[{]", NGX_ESS_EVENTS_BODY_BROKEN, 2 },
        { "[{\"a\":01}]", NGX_ESS_EVENTS_BODY_BROKEN, 7 },
        { "[{\"a\":\"\t\"}]", NGX_ESS_EVENTS_BODY_BROKEN, 7 },
        { "[{},]", NGX_ESS_EVENTS_BODY_BROKEN, 4 },
        { "[{} {}]", NGX_ESS_EVENTS_BODY_BROKEN, 4 },
        { "[] []", NGX_ESS_EVENTS_BODY_BROKEN, 3 },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(all(rows[i].text, 0, seen), NGX_DECLINED);
        assert_int_equal(body.reason, rows[i].reason);
        assert_int_equal(body.wrong, rows[i].wrong);
    }
}


static void
test_alone(void **state)
{
    char  seen[4096];

    assert_int_equal(all(" {\"id\":1} ", 1, seen), NGX_DONE);
    assert_string_equal(seen, "F1 ");
    assert_int_equal(all("{\"id\":1,\"id\":1}", 1, seen), NGX_DONE);
    assert_string_equal(seen, "I1 ");
    assert_int_equal(all("{},{}", 1, seen), NGX_DECLINED);
    assert_int_equal(all("1", 1, seen), NGX_DECLINED);
    assert_int_equal(body.reason, NGX_ESS_EVENTS_BODY_NO_LIST);
}


static void
test_truncations(void **state)
{
    char    seen[4096];
    size_t  len;

    static const char  text[] =
        " [{\"id\":\"a\\n\\u00e9\",\"x\":[1.5e3,true,null]},{\"a\":1,\"a\":2}]";

    for (len = 0; len < sizeof(text) - 1; len++) {
        assert_int_equal(walk(text, len, 0, ROOM, seen), NGX_DECLINED);
        assert_int_equal(walk(text, len, 0, 1, seen), NGX_DECLINED);
    }

    assert_int_equal(walk(text, len, 0, 1, seen), NGX_DONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_no_lists),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_truncations),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
