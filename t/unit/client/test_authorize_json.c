/*
 * Questions about subscriptions, and answers to them: which fit, and what they
 * allow.  Answers lie against a guard page, and every truncation is refused.
 *
 * links: src/client/ngx_ess_authorize_json.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_str.c
 * links: t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_authorize_json.h"
#include "ngx_guard.h"


#define ROOM  65536


static u_char                     *test_end;
static u_char                      test_uuid[NGX_ESS_UUID_LEN] = { 0x5f, 0xa0 };
static ngx_ess_authorize_key_t     test_keys[3];
static ngx_ess_authorize_entry_t   test_entries[3];


/* All of one, three keys of the third one, of which "b" is known; nobody is
   asked about the second one. */

static int
test_setup(void **state)
{
    static const char  *names = "a\0b\0\"\303\274";

    memset(test_keys, 0, sizeof(test_keys));
    memset(test_entries, 0, sizeof(test_entries));

    ngx_str_set(&test_keys[0].key, "a");
    ngx_str_set(&test_keys[1].key, "b");
    test_keys[2].key.data = (u_char *) names + 4;
    test_keys[2].key.len = 3;
    test_keys[1].known = 1;

    test_entries[0].uuid = test_uuid;
    test_entries[0].asked = 1;
    ngx_str_set(&test_entries[0].name, "prices");

    test_entries[2].uuid = test_uuid;
    test_entries[2].asked = 1;
    ngx_str_set(&test_entries[2].routing_key, "r\\k");
    test_entries[2].keys = test_keys;
    test_entries[2].nkeys = 3;
    test_entries[2].all.known = 1;
    test_entries[2].all.allowed = 1;

    if (test_end == NULL) {
        test_end = ngx_unit_guard(ROOM);
    }

    return test_end ? 0 : -1;
}


static void
test_question(void **state)
{
    u_char      buf[1024];
    size_t      len;
    ngx_str_t   address = ngx_string("192.0.2.1");
    ngx_str_t   claims = ngx_string("{\"sub\":\"u\"}");
    ngx_str_t   query = ngx_string("a=\"\\\374\x1f&b=%20");
    ngx_str_t   none = ngx_null_string;

    static const char  head[] =
        "{\"subscribe\":[{\"stream\":\"5fa0000000000000000000000000000"
        "0\",\"name\":\"prices\",\"routing_key\":null,\"keys\":null},"
        "{\"stream\":\"5fa00000000000000000000000000000\",\"name\":null,"
        "\"routing_key\":\"r\\\\k\",\"keys\":[\"a\",\"\\\"\303\274\"]}],"
        "\"address\":\"192.0.2.1\",\"claims\":";
    static const char  first[] =
        "{\"sub\":\"u\"},\"query\":\"a=\\\"\\\\%FC%1F&b=%20\"}";
    static const char  second[] = "null,\"query\":\"\"}";

    len = ngx_ess_authorize_json_question(NULL, test_entries, 3, &address,
                                          &claims, &query);
    assert_int_equal(len, sizeof(head) - 1 + sizeof(first) - 1);
    assert_true(len < sizeof(buf));
    assert_int_equal(ngx_ess_authorize_json_question(buf, test_entries, 3,
                                                     &address, &claims,
                                                     &query),
                     len);
    assert_memory_equal(buf, head, sizeof(head) - 1);
    assert_memory_equal(buf + sizeof(head) - 1, first, sizeof(first) - 1);

    len = ngx_ess_authorize_json_question(buf, test_entries, 3, &address,
                                          &none, &none);
    assert_int_equal(len, sizeof(head) - 1 + sizeof(second) - 1);
    assert_memory_equal(buf + sizeof(head) - 1, second, sizeof(second) - 1);
}


static ngx_int_t
answer(const char *text, size_t len)
{
    ngx_int_t    rc;
    ngx_str_t    body;
    const char  *wrong;

    body.data = test_end - len;
    body.len = len;
    memcpy(body.data, text, len);

    wrong = NULL;
    rc = ngx_ess_authorize_json_answer(&body, test_entries, 3, &wrong);

    assert_int_equal(rc == NGX_OK, wrong == NULL);

    return rc;
}


static void
allowed(const char *text, unsigned all, unsigned a, unsigned u)
{
    assert_int_equal(answer(text, strlen(text)), NGX_OK);
    assert_int_equal(test_entries[0].all.allowed, all);
    assert_int_equal(test_keys[0].allowed, a);
    assert_int_equal(test_keys[1].allowed, 0);
    assert_int_equal(test_keys[2].allowed, u);
    assert_int_equal(test_entries[2].all.allowed, 1);
}


static void
test_answers(void **state)
{
    allowed("{\"allow\":[true,true]}", 1, 1, 1);
    allowed("{\"allow\":[false,false]}", 0, 0, 0);
    allowed("{\"allow\":[true,[\"a\"]]}", 1, 1, 0);
    allowed(" {\"x\":[1],\"\\u0061llow\":[true,[]]} \n", 1, 0, 0);
    allowed("{\"allow\":[true,[\"\\\"\\u00fc\",\"zzz\",\"b\"]]}", 1, 0, 1);

    /* some keys are not all of it */

    allowed("{\"allow\":[[\"a\"],[\"a\"]]}", 0, 1, 0);
    allowed("{\"allow\":[[],[\"\\ud800\"]]}", 0, 0, 0);
}


static void
test_what_does_not_fit(void **state)
{
    size_t       i;
    char         text[4096];
    const char  *wrong[] = {
        "", "x", "[true,true]", "{}", "null", "{\"allow\":true}",
        "{\"allow\":[]}", "{\"allow\":[true]}", "{\"allow\":[true,true,true]}",
        "{\"allow\":[true,null]}", "{\"allow\":[true,1]}",
        "{\"allow\":[true,\"a\"]}", "{\"allow\":[true,[1]]}",
        "{\"allow\":[true,[[\"a\"]]]}", "{\"allow\":[true,true]} x",
        "{\"allow\":[true,true],\"allow\":[true,true]}",
        "{\"allow\":[true,[\"\xff\"]]}",
    };
    const char   good[] = "{\"allow\":[true,[\"a\"]]}";

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(answer(wrong[i], strlen(wrong[i])), NGX_DECLINED);
    }

    for (i = 0; i < sizeof(good) - 1; i++) {
        assert_int_equal(answer(good, i), NGX_DECLINED);
    }

    /* a key that is longer than any */

    memset(text, 'k', sizeof(text));
    memcpy(text, "{\"allow\":[true,[\"a\",\"", 21);
    memcpy(text + sizeof(text) - 5, "\"]]}", 5);
    allowed(text, 1, 1, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_question, test_setup),
        cmocka_unit_test_setup(test_answers, test_setup),
        cmocka_unit_test_setup(test_what_does_not_fit, test_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
