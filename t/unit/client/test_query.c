/*
 * Query strings with several streams, as lines of what was read; input right
 * before a guard page.
 *
 * links: src/client/ngx_ess_query.c
 * links: src/ngx_ess_str.c src/ngx_ess_percent.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_query.h"
#include "ngx_guard.h"


#define ROOM  16384


static u_char  *test_end;
static char     test_read[ROOM];            /* "label:stream#key#key " … */


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


static void
add(const char *before, ngx_str_t *text)
{
    size_t  len;

    len = strlen(test_read);
    snprintf(test_read + len, ROOM - len, "%s%.*s", before, (int) text->len,
             text->data);
}


static ngx_int_t
query(const char *text, size_t len, ngx_str_t *reason)
{
    u_char                  buf[NGX_ESS_QUERY_KEY];
    ngx_int_t               rc;
    ngx_str_t               args, key;
    ngx_uint_t              n;
    ngx_ess_query_stream_t  stream;

    args.len = len;
    args.data = test_end - len;
    memcpy(args.data, text, len);

    test_read[0] = '\0';
    reason->len = 0;

    while ((rc = ngx_ess_query_next(&args, &stream, reason)) == NGX_OK) {

        if (test_read[0]) {
            strcat(test_read, " ");
        }

        if (stream.label.len) {
            add("", &stream.label);
            strcat(test_read, ":");
        }

        add("", &stream.stream);

        for (n = 0; ngx_ess_query_key(&stream.keys, buf, &key); n++) {
            add("#", &key);
        }

        assert_int_equal(n, stream.nkeys);
    }

    assert_int_equal(rc == NGX_DONE, reason->len == 0);

    return rc;
}


static void
is(const char *text, const char *expected)
{
    ngx_str_t  reason;

    if (query(text, strlen(text), &reason) != NGX_DONE) {
        fail_msg("%s: %.*s", text, (int) reason.len, reason.data);
    }

    assert_string_equal(test_read, expected);
}


static void
refused(const char *text, const char *part)
{
    char       why[256];
    ngx_str_t  reason;

    assert_int_equal(query(text, strlen(text), &reason), NGX_DECLINED);
    assert_true(reason.len < sizeof(why));

    memcpy(why, reason.data, reason.len);
    why[reason.len] = '\0';

    if (strstr(why, part) == NULL) {
        fail_msg("%s: %s", text, why);
    }
}


static void
test_streams(void **state)
{
    is("", "");
    is("&&", "");
    is("streams=a&st=b&key2=x&Stream=y", "");

    is("stream=abc", "abc");
    is("stream=abc&stream=d", "abc d");
    is("&stream=abc&&stream=d&", "abc d");
    is("x=1&stream=abc&from=1-2,3-4&stream=d&y", "abc d");

    is("stream=prices:3f2a6b0e-0000-4000-8000-000000000001",
       "prices:3f2a6b0e-0000-4000-8000-000000000001");
    is("stream=p%3Aabc&stream=A-z0.9_~@:A-z0.9_~@",
       "p:abc A-z0.9_~@:A-z0.9_~@");
}


static void
test_keys(void **state)
{
    is("stream=a&key=eu&key=us&stream=b&stream=c&key=x", "a#eu#us b c#x");
    is("stream=a&x=1&key=eu&y&key=us&z", "a#eu#us");
    is("stream=a&key=a+b%2Bc%26%3D&key=%C3%A4", "a#a b+c&=#\xc3\xa4");
    is("stream=a&key=a=b", "a#a=b");
}


static void
test_refused(void **state)
{
    refused("key=a", "belongs behind");
    refused("key=a&stream=b", "belongs behind");

    refused("stream=", "uuid or the name");
    refused("stream", "uuid or the name");
    refused("stream=a&stream=", "uuid or the name");
    refused("stream=%zz", "uuid or the name");
    refused("stream=a%0Ab", "uuid or the name");
    refused("stream=a+b", "uuid or the name");
    refused("stream=a/b", "uuid or the name");
    refused("stream=p:", "uuid or the name");
    refused("stream=p:a:b", "uuid or the name");

    refused("stream=:a", "label");
    refused("stream=a+b:c", "label");
    refused("stream=a%0D%0Aid%3A:c", "label");
    refused("stream=gap:c", "label");
    refused("stream=END:c", "label");
    refused("stream=error:c", "label");

    refused("stream=a&key=", "1 to 255 bytes");
    refused("stream=a&key", "1 to 255 bytes");
    refused("stream=a&key=%ff", "1 to 255 bytes");
    refused("stream=a&key=%4", "1 to 255 bytes");
    refused("stream=a&key=ok&key=", "1 to 255 bytes");
}


static void
test_lengths(void **state)
{
    char  text[1024];

    static const char  many[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    sprintf(text, "stream=%.64s:%.128s", many, many);
    is(text, text + 7);

    sprintf(text, "stream=%.65s:%.127s", many, many);
    refused(text, "label");

    sprintf(text, "stream=%.129s", many);
    refused(text, "uuid or the name");

    sprintf(text, "stream=%.64s:%.129s", many, many);
    refused(text, "uuid or the name");

    sprintf(text, "stream=%.256s", many);
    refused(text, "uuid or the name");

    sprintf(text, "stream=a&key=%.255s", many);
    assert_int_equal(query(text, strlen(text), &(ngx_str_t) ngx_null_string),
                     NGX_DONE);

    sprintf(text, "stream=a&key=%.256s", many);
    refused(text, "1 to 255 bytes");
}


static void
test_truncated(void **state)
{
    size_t     len;
    ngx_int_t  rc;
    ngx_str_t  reason;

    static const char  text[] = "stream=p%3Aabc&key=%C3%A4&stream=b:cd&key=e";

    for (len = 0; len < sizeof(text); len++) {
        rc = query(text, len, &reason);

        assert_true(rc == NGX_DONE || rc == NGX_DECLINED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_truncated)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
