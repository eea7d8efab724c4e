/*
 * Answers to commands: their bytes, and that as many are written as was said.
 *
 * links: src/client/ngx_ess_command_answer.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_command_answer.h"
#include "ngx_guard.h"


static u_char    *guard;
static ngx_str_t  written;


static void
said(const char *expected, size_t len)
{
    assert_int_equal(written.len, len);
    assert_memory_equal(written.data, expected, len);
}


/* Against the guard page: one byte more faults. */

#define SAID(expected, function, ...)                                         \
    do {                                                                      \
        written.len = function(NULL, __VA_ARGS__);                            \
        written.data = guard - written.len;                                   \
        assert_int_equal(function(written.data, __VA_ARGS__), written.len);   \
        said(expected, sizeof(expected) - 1);                                 \
    } while (0)

#define NO_ID  NGX_ESS_COMMAND_NO_ID


static void
test_subscribed(void **state)
{
    ngx_str_t                name = ngx_string("prices");
    ngx_ess_event_id_t       at = { 0x5f3a, 42 };
    ngx_ess_event_id_t       last = { 0xffffffffffffffff,
                                      9223372036854775807 };
    ngx_ess_command_error_t  error = { 403, ngx_string("not \"allowed\"\n") };

    SAID("{\"id\":2,\"subscribed\":[", ngx_ess_command_answer_subscribed, 2);
    SAID("{\"subscribed\":[", ngx_ess_command_answer_subscribed, NO_ID);
    SAID("{\"id\":9007199254740991,\"subscribed\":[",
         ngx_ess_command_answer_subscribed, NGX_ESS_COMMAND_MAX_INT);

    SAID("{\"stream\":\"prices\",\"s\":17,\"at\":\"5f3a-42\"}",
         ngx_ess_command_answer_entry, 1, &name, 17, &at);
    SAID(",{\"stream\":\"prices\",\"s\":4294967295,"
         "\"at\":\"ffffffffffffffff-9223372036854775807\"}",
         ngx_ess_command_answer_entry, 0, &name, 4294967295u, &last);

    SAID("{\"stream\":\"prices\",\"error\":{\"code\":403,"
         "\"message\":\"not \\\"allowed\\\"\\n\"}}",
         ngx_ess_command_answer_refused, 1, &name, &error);
    error.code = 503;
    SAID(",{\"stream\":\"prices\",\"error\":{\"code\":503,"
         "\"message\":\"not \\\"allowed\\\"\\n\",\"retry\":1}}",
         ngx_ess_command_answer_refused, 0, &name, &error);

    written.len = ngx_ess_command_answer_end(NULL);
    written.data = guard - written.len;
    assert_int_equal(ngx_ess_command_answer_end(written.data), written.len);
    said("]}", 2);
}


static void
test_unsubscribed(void **state)
{
    ngx_str_t  name = ngx_string("\\u0061");

    SAID("{\"id\":3,\"unsubscribed\":[",
         ngx_ess_command_answer_unsubscribed, 3);
    SAID("{\"unsubscribed\":[", ngx_ess_command_answer_unsubscribed, NO_ID);

    /* as it was given */

    SAID("\"\\u0061\"", ngx_ess_command_answer_left, 1, &name);
    SAID(",\"\\u0061\"", ngx_ess_command_answer_left, 0, &name);
}


static size_t
whole(u_char *p, ngx_ess_command_answer_e type, int64_t id, int64_t n,
    ngx_uint_t code, const char *text)
{
    ngx_ess_command_error_t  error = { code, { strlen(text),
                                               (u_char *) text } };
    ngx_ess_command_whole_t  w = { type, id, n, &error };

    return ngx_ess_command_answer_whole(p, &w);
}


static void
test_whole(void **state)
{
    SAID("{\"id\":4,\"token\":{\"expires\":1795900000}}", whole,
         NGX_ESS_COMMAND_ANSWER_TOKEN, 4, 1795900000, 0, "");
    SAID("{\"id\":4,\"token\":{\"expires\":null}}", whole,
         NGX_ESS_COMMAND_ANSWER_TOKEN, 4, 0, 0, "");

    SAID("{\"id\":5,\"pong\":0}", whole, NGX_ESS_COMMAND_ANSWER_PONG, 5, 0, 0,
         "");
    SAID("{\"pong\":-9007199254740991}", whole, NGX_ESS_COMMAND_ANSWER_PONG,
         NO_ID, -NGX_ESS_COMMAND_MAX_INT, 0, "");

    SAID("{\"id\":7,\"error\":{\"code\":400,\"message\":\"malformed\"}}", whole,
         NGX_ESS_COMMAND_ANSWER_ERROR, 7, 0, 400, "malformed");
    SAID("{\"error\":{\"code\":503,\"message\":\"later\",\"retry\":1}}", whole,
         NGX_ESS_COMMAND_ANSWER_ERROR, NO_ID, 0, 503, "later");

    SAID("{\"s\":4294967295,\"end\":{\"code\":1000,"
         "\"reason\":\"the stream was deleted\"}}", whole,
         NGX_ESS_COMMAND_ANSWER_OVER, 4294967295, 0, 1000,
         "the stream was deleted");
}


/* What a broker said. */

static void
test_text(void **state)
{
    SAID("{\"s\":0,\"end\":{\"code\":1011,"
         "\"reason\":\"\xc3\xa9\\\\\\\"\\t\\u0001\"}}", whole,
         NGX_ESS_COMMAND_ANSWER_OVER, 0, 0, 1011, "\xc3\xa9\\\"\t\x01");
    SAID("{\"s\":0,\"end\":{\"code\":1011,\"reason\":\"??????? x\"}}", whole,
         NGX_ESS_COMMAND_ANSWER_OVER, 0, 0, 1011,
         "\xff\xc3\xa9\\\"\t\x01 x");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_subscribed),
        cmocka_unit_test(test_unsubscribed),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_text)
    };

    guard = ngx_unit_guard(4096);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
