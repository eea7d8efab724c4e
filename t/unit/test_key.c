/*
 * Rules for keys: which there are, and what each finds in an event.
 *
 * links: src/ngx_ess_key.c src/ngx_ess_json_*.c src/ngx_ess_utf8.c
 * links: src/ngx_ess_str.c t/unit/ngx_string.c t/unit/ngx_pools.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_key.h"


extern ngx_uint_t  ngx_unit_pools;
extern uint32_t    ngx_crc32_table_short_data[16];


static ngx_int_t
test_header(ngx_str_t *headers, ngx_str_t *name, u_char *buf, ngx_str_t *text)
{
    if (name->len != 1 || name->data[0] != 'n') {
        return NGX_DECLINED;
    }

    text->data = buf;
    text->len = ngx_sprintf(buf, "%V", headers) - buf;

    return NGX_OK;
}


/* NULL: none */

static void
finds(const char *rule, const char *body, const char *key)
{
    ngx_str_t         r, k;
    ngx_ess_event_t   event;
    u_char            buf[NGX_ESS_MAX_KEY];

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = (u_char *) body;
    event.body.len = strlen(body);
    ngx_str_set(&event.routing_key, "orders.eu");
    ngx_str_set(&event.headers, "text");
    event.header = test_header;

    r.data = (u_char *) rule;
    r.len = strlen(rule);
    k.data = buf;
    k.len = 0;

    if (key == NULL) {
        assert_int_equal(ngx_ess_key_find(&event, &r, &k), NGX_DECLINED);
        return;
    }

    assert_int_equal(ngx_ess_key_find(&event, &r, &k), NGX_OK);
    assert_int_equal(k.len, strlen(key));
    assert_memory_equal(k.data, key, k.len);
}


static void
test_find(void **state)
{
    char  body[8 * NGX_ESS_MAX_KEY], key[NGX_ESS_MAX_KEY + 1];

    finds("routing_key", "", "orders.eu");
    finds("none", "{}", NULL);
    finds("header:n", "", "text");
    finds("header:m", "", NULL);
    finds("nonsense", "", NULL);

    finds("json:/a", "{\"a\":\"x\\u0079\\n\"}", "xy\n");
    finds("json:/a", "{\"a\":-1.50E+3}", "-1.50E+3");
    finds("json:/a", "{\"a\":true}", "true");
    finds("json:/a", "{\"a\":null}", NULL);
    finds("json:/a", "{\"a\":[1]}", NULL);
    finds("json:/a", "{\"a\":{}}", NULL);
    finds("json:/a", "{\"a\":\"\"}", NULL);
    finds("json:/a", "{\"a\":\"\\udc00\"}", NULL);
    finds("json:/a", "{\"a\":1", NULL);
    finds("json:/a", "{\"b\":1}", NULL);
    finds("json:", "\"all\"", "all");

    memset(key, 'k', NGX_ESS_MAX_KEY);
    key[NGX_ESS_MAX_KEY] = '\0';

    snprintf(body, sizeof(body), "\"%s\"", key);
    finds("json:", body, key);
    snprintf(body, sizeof(body), "\"%sk\"", key);
    finds("json:", body, NULL);
}


/* more rules than places, again and again */

static void
test_many(void **state)
{
    char        rule[32], body[32], key[8];
    ngx_uint_t  i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 500; i++) {
            snprintf(rule, sizeof(rule), "json:/a%lu", i);
            snprintf(body, sizeof(body), "{\"a%lu\":%lu}", i, i);
            snprintf(key, sizeof(key), "%lu", i);

            finds(rule, body, key);
            finds(rule, body, key);
        }
    }

    assert_in_range(ngx_unit_pools, 1, 64);
}


static void
wrong(const char *text, size_t len, const char *part)
{
    ngx_str_t            s;
    ngx_pool_t          *pool;
    const char          *detail;
    ngx_ess_key_rule_t   rule;

    s.data = (u_char *) text;
    s.len = len;
    pool = ngx_create_pool(1, NULL);

    assert_int_equal(ngx_ess_key_compile(&rule, pool, &s, &detail),
                     NGX_DECLINED);
    assert_non_null(strstr(detail, part));

    ngx_destroy_pool(pool);
}


static void
test_wrong(void **state)
{
    char  text[300];

    wrong("", 0, "\"routing_key\", \"header:NAME\"");
    wrong("key", 3, "\"routing_key\", \"header:NAME\"");
    wrong("routing_key ", 12, "\"routing_key\", \"header:NAME\"");
    wrong("header:", 7, "the header's name");
    wrong("json:a", 6, "begins with \"/\"");
    wrong("json:/a~2", 9, "\"~0\"");

    memset(text, 'a', sizeof(text));
    memcpy(text, "header:", 7);
    wrong(text, 256, "255 bytes");
}


int
main(void)
{
    ngx_uint_t  i;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_wrong)
    };

    for (i = 0; i < 16; i++) {
        ngx_crc32_table_short_data[i] = (uint32_t) (i * 2654435761u);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
