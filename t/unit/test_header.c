/*
 * Lines of a request's header: which are found, and that a walk over all lines
 * of a name looks at each line once, however many there are.
 *
 * links: src/ngx_ess_header.c src/ngx_ess_str.c
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

#include "ngx_ess_header.h"


#define LINES  1000
#define PART   20                           /* as in nginx's list */


static ngx_uint_t          compared;
static ngx_list_part_t     parts[LINES / PART];
static ngx_table_elt_t     lines[LINES];
static ngx_http_request_t  request;


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    compared++;

    return strncasecmp((char *) s1, (char *) s2, n);
}


void *
ngx_list_push(ngx_list_t *list)
{
    return NULL;
}


static void
make(const char *name)
{
    ngx_uint_t  i;

    memset(parts, 0, sizeof(parts));
    memset(lines, 0, sizeof(lines));

    for (i = 0; i < LINES; i++) {
        lines[i].key.data = (u_char *) name;
        lines[i].key.len = strlen(name);
    }

    for (i = 0; i < LINES / PART; i++) {
        parts[i].elts = &lines[i * PART];
        parts[i].nelts = PART;
        parts[i].next = (i + 1 < LINES / PART) ? &parts[i + 1] : NULL;
    }

    request.headers_in.headers.part = parts[0];
    compared = 0;
}


static void
test_each_line_once(void **state)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    make("cookie");
    h = NULL;

    for (n = 0; (h = ngx_ess_header_find(&request, "Cookie", h)); n++) {
        assert_ptr_equal(h, &lines[n]);
    }

    assert_int_equal(n, LINES);
    assert_int_equal(compared, LINES);
}


static void
test_those_of_the_name(void **state)
{
    make("x");

    lines[7].key.data = (u_char *) "ORIGIN";
    lines[7].key.len = 6;
    lines[999].key = lines[7].key;

    assert_ptr_equal(ngx_ess_header_find(&request, "origin", NULL), &lines[7]);
    assert_ptr_equal(ngx_ess_header_find(&request, "origin", &lines[7]),
                     &lines[999]);
    assert_null(ngx_ess_header_find(&request, "origin", &lines[999]));
    assert_null(ngx_ess_header_find(&request, "accept", NULL));
}


static void
test_clean(void **state)
{
    int     ch;
    u_char  text[3] = "a b";

    assert_true(ngx_ess_header_is_clean(text, 3));
    assert_true(ngx_ess_header_is_clean(NULL, 0));

    for (ch = 0; ch < 256; ch++) {
        text[2] = ch;
        assert_int_equal(ngx_ess_header_is_clean(text, 3),
                         ch >= 0x20 && ch != 0x7f);
    }
}


static void
test_lists(void **state)
{
    make("upgrade");

    ngx_str_set(&lines[3].value, "h2c, WebSocket");
    assert_true(ngx_ess_header_lists(&request, "Upgrade", "websocket"));
    assert_true(ngx_ess_header_lists(&request, "upgrade", "h2c"));
    assert_false(ngx_ess_header_lists(&request, "upgrade", "socket"));
    assert_false(ngx_ess_header_lists(&request, "connection", "h2c"));
}


static void
test_drop(void **state)
{
    ngx_uint_t  i;

    make("Expires");
    lines[8].key.len = 3;

    for (i = 0; i < LINES; i++) {
        lines[i].hash = 1;
    }

    request.headers_out.headers.part = parts[0];
    ngx_ess_header_drop(&request, "expires");

    for (i = 0; i < LINES; i++) {
        assert_int_equal(lines[i].hash, i == 8);
    }
}


/* a line that is there counts more, but not one that was dropped */

static void
test_default(void **state)
{
    make("Retry-After");

    lines[8].hash = 1;
    request.headers_out.headers.part = parts[0];
    assert_int_equal(ngx_ess_header_default(&request, "retry-after", "1", 1),
                     NGX_OK);

    ngx_ess_header_drop(&request, "retry-after");
    assert_int_equal(ngx_ess_header_default(&request, "retry-after", "1", 1),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_line_once),
        cmocka_unit_test(test_those_of_the_name),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
