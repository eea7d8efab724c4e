/*
 * Unit tests of the body that creates a stream: each refusal and its text,
 * each truncation, the limits; input lies against a guard page.
 *
 * links: src/api/ngx_ess_api_body*.c src/ngx_ess_json.c
 * links: src/ngx_ess_key.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c t/unit/ngx_pools.c
 * links: t/unit/api/fake_sources.c src/ngx_ess_source_conf.c
 * links: src/ngx_ess_name.c src/ngx_ess_str.c t/unit/ngx_parse.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_declare.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_api_body.h"
#include "ngx_ess_rabbitmq_declare.h"
#include "ngx_ess_utf8.h"
#include "fake_sources.h"
#include "ngx_guard.h"


#define NGX_TEST_ROOM  (NGX_ESS_API_MAX_BODY + 4096)


static u_char              *guarded;        /* the end of the usable room */
static ngx_ess_api_body_t   body;
static ngx_uint_t           number;         /* of the source without a name */


static int
setup(void **state)
{
    guarded = ngx_unit_guard(NGX_TEST_ROOM);

    return guarded ? 0 : -1;
}


static ngx_int_t
parse_of(ngx_array_t *sources, const char *text)
{
    u_char  *p;
    size_t   len;

    len = strlen(text);
    p = guarded - len;
    memcpy(p, text, len);
    memset(&body, 0, sizeof(body));

    return ngx_ess_api_body_parse(p, len, sources, 0, &body);
}


static ngx_int_t
parse(const void *data, size_t len)
{
    u_char  *p;

    p = guarded - len;
    memcpy(p, data, len);
    memset(&body, 0, sizeof(body));

    return ngx_ess_api_body_parse(p, len, &fake_sources, number, &body);
}


static void
good(const char *text, const char *key)
{
    assert_int_equal(parse(text, strlen(text)), NGX_OK);
    assert_int_equal(body.key_len, strlen(key));
    assert_memory_equal(body.key, key, body.key_len);
}


static void
bad_bytes(const void *data, size_t len, ngx_uint_t status, const char *word)
{
    assert_int_equal(parse(data, len), NGX_DECLINED);
    assert_int_equal(body.status, status);

    if (strstr((char *) body.detail, word) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", word, body.detail);
    }
}


static void
bad(const char *text, ngx_uint_t status, const char *word)
{
    bad_bytes(text, strlen(text), status, word);
}


static void
test_accepted(void **state)
{
    good("{\"routing_key\":\"abc\"}", "abc");
    good(" \t\r\n{ \"routing_key\" : \"abc\" } \n", "abc");
    good("{\"routing_key\":\"a\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/\"}",
         "a\xc3\xa9\xf0\x9f\x98\x80\n\"\\/");
    good("{\"routing_key\":\"\xc3\xa9\"}", "\xc3\xa9");
    good("{\"routing_key\":\"\\\\u0000\"}", "\\u0000");
    good("{\"routing_\\u006bey\":\"k\"}", "k");
}


static void
test_syntax(void **state)
{
    bad("", 400, "empty");
    bad("abc", 400, "not JSON");
    bad("routing_key=abc", 400, "not JSON");
    bad("{\"routing_key\":\"abc\"", 400, "not JSON");
    bad("{\"routing_key\":\"abc\"}}", 400, "follows");
    bad("{\"routing_key\":\"abc\"} x", 400, "follows");
    bad("{\"routing_key\":\"abc\",}", 400, "not JSON");
    bad("{'routing_key':'abc'}", 400, "not JSON");
    bad("{\"routing_key\":\"\\ud800\"}", 400, "not JSON");
    bad("{\"routing_key\":\"\\u00\"}", 400, "not JSON");
    bad("{\"routing_key\":\"a\nb\"}", 400, "control");
    bad_bytes("{\"routing_key\":\"a\0b\"}", 21, 400, "control");
    bad_bytes("{\"routing_key\":\"ab\"}\0", 21, 400, "control");
    bad_bytes("\0{\"routing_key\":\"ab\"}", 21, 400, "control");
}


static void
test_meaning(void **state)
{
    bad("[]", 422, "object");
    bad("\"abc\"", 422, "object");
    bad("null", 422, "object");
    bad("17", 422, "object");
    bad("{}", 422, "missing");
    bad("{\"routing_key\":5}", 422, "string");
    bad("{\"routing_key\":null}", 422, "string");
    bad("{\"routing_key\":[\"abc\"]}", 422, "string");
    bad("{\"routing_key\":\"\"}", 422, "empty");
    bad("{\"routing_key\":\"a\\u0000b\"}", 422, "NUL");
    bad("{\"routing_key\":\"\\u0000\"}", 422, "NUL");
    bad("{\"routing_key\":\"\xff\"}", 422, "UTF-8");
    bad("{\"routing_key\":\"\xc0\x80\"}", 422, "UTF-8");
    bad("{\"routing_key\":\"\xed\xa0\x80\"}", 422, "UTF-8");
    bad("{\"routing_key\":\"\xf4\x90\x80\x80\"}", 422, "UTF-8");
    bad("{\"routing_key\":\"k\",\"x\":\"\xff\"}", 422, "UTF-8");
}


#define MEMBERS                                                               \
    "\" is unknown; known are \"routing_key\", \"source\", "                  \
    "\"declare\", \"name\", \"key\", \"log\", "                               \
    "\"max_length_bytes\", \"max_age\", \"stream_max_segment_size_bytes\""


static void
test_members(void **state)
{
    size_t   n;
    char     text[1024], name[512];

    bad("{\"routing_key\":\"k\",\"sourse\":\"stream\"}", 422,
        "the member \"sourse" MEMBERS);
    bad("{\"Routing_Key\":\"abc\"}", 422, "the member \"Routing_Key\"");
    bad("{\"\":1}", 422, "the member \"" MEMBERS);
    bad("{\"routing_key\":\"k\",\"source\\u0000\":1}", 422,
        "the member \"source");
    bad("{\"x\":{\"routing_key\":\"abc\"}}", 422, "the member \"x\"");
    bad("{\"max_age\":1,\"max-age\":1}", 422, "the member \"max-age\"");

    bad("{\"routing_key\":1,\"routing_key\":\"k\"}", 422,
        "the body has the member \"routing_key\" twice");
    bad("{\"routing_key\":\"k\",\"routing_\\u006bey\":\"k\"}", 422, "twice");
    bad("{\"routing_key\":\"k\",\"source\":null,\"source\":\"stream\"}", 422,
        "\"source\" twice");
    bad("{\"max_age\":1,\"max_age\":1}", 422, "\"max_age\" twice");

    /* a long one is cut, but not within a character */

    for (n = 60; n < 70; n++) {
        memset(name, 'a', n);
        name[n] = 0;
        strcat(name, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
        snprintf(text, sizeof(text), "{\"%s\":1}", name);

        bad(text, 422, "..." MEMBERS);
        assert_true(ngx_ess_utf8_valid(body.detail,
                                       strlen((char *) body.detail)));
    }
}


#define K  "{\"routing_key\":\"k\","


static void
test_attributes(void **state)
{
    size_t  n;
    char    text[1024], name[300];

    good("{\"routing_key\":\"k\"}", "k");
    assert_int_equal(body.attr.name.len, 0);
    assert_int_equal(body.attr.rule.len, 0);
    assert_true(body.attr.log_size == 0 && body.attr.log_age == 0);

    good(K "\"name\":\"Orders.eu_1~@-\",\"key\":\"json:/a~1b/0\"}", "k");
    assert_int_equal(body.attr.name.len, 14);
    assert_memory_equal(body.attr.name.data, "Orders.eu_1~@-", 14);
    assert_int_equal(body.attr.rule.len, 12);
    assert_memory_equal(body.attr.rule.data, "json:/a~1b/0", 12);
    assert_int_equal(body.attr.declared, 0);

    good(K "\"key\":\"none\"}", "k");
    assert_int_equal(body.attr.rule.len, 0);
    good(K "\"key\":\"routing_key\"}", "k");
    good(K "\"key\":\"header:x\"}", "k");
    good(K "\"key\":\"json:\"}", "k");
    good(K "\"name\":\"1a\"}", "k");
    good(K "\"name\":\"0123456789abcdef0123456789abcdeg\"}", "k");

    for (n = 127; n < 130; n++) {
        memset(name, 'a', n);
        name[n] = '\0';
        snprintf(text, sizeof(text), K "\"name\":\"%s\"}", name);

        if (n > 128) {
            bad(text, 422, "\"name\" must be 1 to 128 bytes");

        } else {
            good(text, "k");
            assert_int_equal(body.attr.name.len, n);
        }
    }

    bad(K "\"name\":\"\"}", 422, "\"name\" must be 1 to 128 bytes");
    bad(K "\"name\":1}", 422, "\"name\" is not a string");
    bad(K "\"name\":null}", 422, "\"name\" is not a string");
    bad(K "\"name\":\"a b\"}", 422, "letters, digits and \"._~@-\" only");
    bad(K "\"name\":\"a/b\"}", 422, "letters");
    bad(K "\"name\":\"\xc3\xa9\"}", 422, "letters");
    bad(K "\"name\":\"a\\u0000\"}", 422, "NUL");
    bad(K "\"name\":\"123\"}", 422, "digits");
    bad(K "\"name\":\"0123456789abcdef0123456789ABCDEF\"}", 422, "uuid");
    bad(K "\"name\":\"01234567-89ab-cdef-0123-456789abcdef\"}", 422, "uuid");
    bad(K "\"name\":\"version\"}", 422, "\"version\"");
    bad(K "\"name\":\"subscribers\"}", 422, "\"version\"");
    bad(K "\"name\":\"socketio\"}", 422, "\"version\"");
    bad(K "\"name\":\"..\"}", 422, "parts of paths");

    bad(K "\"key\":1}", 422, "\"key\" is not a string");
    bad(K "\"key\":\"\"}", 422, "\"key\" is no rule: a rule for keys is");
    bad(K "\"key\":\"header:\"}", 422, "followed by the header's name");
    bad(K "\"key\":\"json:a\"}", 422, "begins with \"/\"");
    bad(K "\"key\":\"json:/~\"}", 422, "\"~\" is written \"~0\"");
    bad(K "\"key\":\"json:/~2\"}", 422, "\"~\" is written \"~0\"");
    bad(K "\"key\":\"region\"}", 422, "\"json:/pointer\"");

    memset(name, 'a', 249);
    name[249] = '\0';
    snprintf(text, sizeof(text), K "\"key\":\"header:%s\"}", name);
    bad(text, 422, "at most 255 bytes");
    name[248] = '\0';
    snprintf(text, sizeof(text), K "\"key\":\"header:%s\"}", name);
    good(text, "k");
    assert_int_equal(body.attr.rule.len, 255);
}


static void
test_log(void **state)
{
    good(K "\"log\":{\"size\":1000,\"count\":5,\"age\":60}}", "k");
    assert_true(body.attr.log_size == 1000);
    assert_int_equal(body.attr.log_count, 5);
    assert_true(body.attr.log_age == 60000);

    good(K "\"log\":{\"size\":\"64k\",\"age\":\"2h\"}}", "k");
    assert_true(body.attr.log_size == 65536);
    assert_int_equal(body.attr.log_count, 0);
    assert_true(body.attr.log_age == 7200000);

    good(K "\"log\":{\"age\":15552000}}", "k");
    good(K "\"log\":{\"count\":4294967295}}", "k");

    bad(K "\"log\":{}}", 422, "\"log\" must be an object");
    bad(K "\"log\":[]}", 422, "\"log\" must be an object");
    bad(K "\"log\":[1]}", 422, "\"log\" must be an object");
    bad(K "\"log\":5}", 422, "\"log\" must be an object");
    bad(K "\"log\":null}", 422, "\"log\" must be an object");
    bad(K "\"log\":{\"x\":1}}", 422, "\"log\" must be an object");
    bad(K "\"log\":{\"size\":1,\"size\":1}}", 422, "each once");
    bad(K "\"log\":{\"size\":0}}", 422, "\"size\" of \"log\" must be");
    bad(K "\"log\":{\"size\":1.5}}", 422, "\"size\" of \"log\" must be");
    bad(K "\"log\":{\"size\":1e300}}", 422, "\"size\" of \"log\" must be");
    bad(K "\"log\":{\"size\":\"x\"}}", 422, "\"size\" of \"log\" must be");
    bad(K "\"log\":{\"size\":null}}", 422, "\"size\" of \"log\" must be");
    bad(K "\"log\":{\"count\":4294967296}}", 422, "\"count\" of \"log\"");
    bad(K "\"log\":{\"count\":\"5\"}}", 422, "\"count\" of \"log\" must be");
    bad(K "\"log\":{\"age\":15552001}}", 422, "180 days");
    bad(K "\"log\":{\"age\":\"10ms\"}}", 422, "\"age\" of \"log\" must be");
    bad(K "\"log\":{\"age\":-1}}", 422, "\"age\" of \"log\" must be");
}


static void
declare(ngx_ess_source_bind_t *bind)
{
    /* void */
}


/* Two sources with the same options, more than a word has bits. */

static void
test_many_options(void **state)
{
    size_t                   i;
    ngx_array_t              twins;
    static char              names[71][8];
    static const char       *twice = "{\"o3\":1,\"o3\":1}";
    ngx_ess_source_t         row[2];
    ngx_ess_source_entry_t   entries[2];
    ngx_ess_source_option_t  options[71];

    memset(options, 0, sizeof(options));
    memset(row, 0, sizeof(row));

    for (i = 0; i < 70; i++) {
        snprintf(names[i], sizeof(names[i]), "o%d", (int) i);
        options[i].name.data = (u_char *) names[i];
        options[i].name.len = strlen(names[i]);
        options[i].is = "a number";
        options[i].offset = offsetof(ngx_ess_source_options_t,
                                     data);
    }

    for (i = 0; i < 2; i++) {
        row[i].name.data = (u_char *) (i ? "b" : "a");
        row[i].name.len = 1;
        row[i].options = options;
        row[i].declare = declare;
        entries[i].row = &row[i];
    }

    twins.elts = entries;
    twins.nelts = 2;

    assert_int_equal(parse_of(&twins, "{\"routing_key\":\"k\",\"source\":"
                              "\"a\",\"declare\":true,\"o3\":1,\"o67\":1}"),
                     NGX_OK);
    assert_int_equal(parse_of(&twins, twice), NGX_DECLINED);
    assert_non_null(strstr((char *) body.detail, "\"o3\" twice"));

    memset(&options[1], 0, sizeof(options[1]));

    assert_int_equal(parse_of(&twins, "{\"x\":1}"), NGX_DECLINED);
    assert_string_equal((char *) body.detail,
                        "the member \"x\" is unknown; known are "
                        "\"routing_key\", \"source\", \"declare\", \"name\", "
                        "\"key\", \"log\", \"o0\"");
}


static const char *
source(void)
{
    return (char *) body.source->row->name.data;
}


static void
test_source(void **state)
{
    good("{\"routing_key\":\"k\"}", "k");
    assert_string_equal(source(), "exchange");
    assert_int_equal(body.declare, 0);

    number = 1;
    good("{\"routing_key\":\"k\"}", "k");
    assert_string_equal(source(), "stream");

    good("{\"routing_key\":\"k\",\"source\":\"exchange\"}", "k");
    assert_string_equal(source(), "exchange");
    number = 0;

    good("{\"routing_key\":\"k\",\"source\":\"stream\",\"declare\":false}",
         "k");
    assert_string_equal(source(), "stream");
    assert_int_equal(body.declare, 0);

    bad("{\"routing_key\":\"k\",\"source\":\"queue\"}", 422,
        "\"source\" is neither \"exchange\" nor \"stream\"");
    bad("{\"routing_key\":\"k\",\"source\":null}", 422, "\"source\"");
    bad("{\"routing_key\":\"k\",\"source\":\"stream\\u0000\"}", 422,
        "\"source\"");
    bad("{\"routing_key\":\"k\",\"declare\":1}", 422, "\"declare\"");
}


#define DECLARE(rest)                                                         \
    "{\"routing_key\":\"k\",\"source\":\"stream\"," rest ",\"declare\":true}"


static void
test_declare(void **state)
{
    ngx_ess_rabbitmq_declare_t  *options;

    options = (ngx_ess_rabbitmq_declare_t *) &body.options;

    good("{\"routing_key\":\"k\",\"source\":\"stream\",\"declare\":true}", "k");
    assert_int_equal(body.declare, 1);
    assert_int_equal(options->max_length, 0);
    assert_int_equal(options->max_segment, 0);
    assert_string_equal((char *) options->max_age, "");

    good(DECLARE("\"max_length_bytes\":9007199254740992,\"max_age\":\"7D\","
                 "\"stream_max_segment_size_bytes\":1e6"), "k");
    assert_int_equal(options->max_length, 9007199254740992);
    assert_int_equal(options->max_segment, 1000000);
    assert_string_equal((char *) options->max_age, "7D");

    good(DECLARE("\"max_age\":\"999999999s\""), "k");
    assert_string_equal((char *) options->max_age, "999999999s");

    bad("{\"declare\":true,\"routing_key\":\"k\"}", 422,
        "\"declare\" is for \"source\": \"stream\" only");
    bad("{\"routing_key\":\"k\",\"max_age\":\"7D\"}", 422,
        "\"max_length_bytes\", \"max_age\" and "
        "\"stream_max_segment_size_bytes\" need \"declare\": true");
    bad("{\"routing_key\":\"k\",\"declare\":false,\"max_length_bytes\":7}", 422,
        "need");

    bad(DECLARE("\"max_length_bytes\":0"), 422, "\"max_length_bytes\"");
    bad(DECLARE("\"max_length_bytes\":-1"), 422, "\"max_length_bytes\"");
    bad(DECLARE("\"max_length_bytes\":1.5"), 422, "\"max_length_bytes\"");
    bad(DECLARE("\"max_length_bytes\":1e300"), 422, "\"max_length_bytes\"");
    bad(DECLARE("\"max_length_bytes\":\"5\""), 422, "\"max_length_bytes\"");
    bad(DECLARE("\"stream_max_segment_size_bytes\":null"), 422,
        "\"stream_max_segment_size_bytes\"");
    bad(DECLARE("\"max_age\":7"), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"\""), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"7\""), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"D\""), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"7d\""), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"7DD\""), 422, "\"max_age\"");
    bad(DECLARE("\"max_age\":\"1000000000s\""), 422, "\"max_age\"");
}


static void
test_lengths(void **state)
{
    char     text[1024];
    char    *large;
    size_t   n;

    for (n = 250; n < 300; n++) {
        memset(text, 0, sizeof(text));
        strcpy(text, "{\"routing_key\":\"");
        memset(text + strlen(text), 'k', n);
        strcat(text, "\"}");

        if (n <= NGX_ESS_MAX_KEY) {
            assert_int_equal(parse(text, strlen(text)), NGX_OK);
            assert_int_equal(body.key_len, n);

        } else {
            bad(text, 422, "255");
        }
    }

    large = malloc(NGX_ESS_API_MAX_BODY + 1);
    assert_non_null(large);

    memset(large, ' ', NGX_ESS_API_MAX_BODY + 1);
    memcpy(large, "{\"routing_key\":\"abc\"}", 21);

    assert_int_equal(parse(large, NGX_ESS_API_MAX_BODY), NGX_OK);
    bad_bytes(large, NGX_ESS_API_MAX_BODY + 1, 413, "limit");

    memset(large, '[', NGX_ESS_API_MAX_BODY);
    bad_bytes(large, NGX_ESS_API_MAX_BODY, 400, "not JSON");

    free(large);
}


static void
test_truncated(void **state)
{
    size_t       n;
    const char  *text;

    text = "{\"source\":\"stream\",\"declare\":true,\"max_length_bytes\":25e3,"
           "\"routing_key\":\"abc\\n\\ud83d\\ude00\xc3\xa9\"}";

    for (n = 0; n < strlen(text); n++) {
        assert_int_equal(parse(text, n), NGX_DECLINED);
    }

    assert_int_equal(parse(text, n), NGX_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_many_options),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_declare),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_truncated),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
