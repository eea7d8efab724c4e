/*
 * A stream of a command: where from, and what is wrong with it, while it can
 * still be said of which.
 *
 * links: src/client/ngx_ess_command_json.c src/client/ngx_ess_command_stream.c
 * links: src/ngx_ess_json_read.c src/ngx_ess_json_string.c
 * links: src/ngx_ess_json_unique.c src/ngx_ess_str.c src/ngx_ess_utf8.c
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_percent.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_command_stream.h"


static ngx_ess_command_stream_t  stream;


static const char *
of(const char *text, ngx_uint_t joins)
{
    ngx_str_t             s;
    ngx_ess_json_value_t  value;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_json_read(&s, &value, NULL), NGX_OK);

    return joins ? ngx_ess_command_stream_joined(&stream, &value)
                 : ngx_ess_command_stream_left(&stream, &value);
}


#define JOINS(text)   assert_null(of(text, 1))
#define LEAVES(text)  assert_null(of(text, 0))

#define REFUSED(text, joins, named)                                           \
    do {                                                                      \
        assert_non_null(of(text, joins));                                     \
        assert_int_equal(stream.given.data != NULL, named);                   \
    } while (0)


static void
test_joined(void **state)
{
    JOINS("{\"stream\":\"a\"}");
    assert_int_equal(stream.pos.type, NGX_ESS_POSITION_NEW);
    assert_int_equal(stream.nkeys, 0);
    assert_ptr_equal(stream.stream.data, stream.text);
    assert_int_equal(stream.stream.len, 1);

    JOINS("{\"from\":\"5f3a-42\",\"keys\":[\"k\"],\"stream\":\"a\"}");
    assert_int_equal(stream.pos.type, NGX_ESS_POSITION_EVENT);
    assert_int_equal(stream.pos.epoch, 0x5f3a);
    assert_int_equal(stream.pos.ordinal, 42);
    assert_int_equal(stream.nkeys, 1);

    JOINS("{\"stream\":\"a\",\"ordinal\":9223372036854775806}");
    assert_int_equal(stream.pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(stream.pos.ordinal, 9223372036854775806ULL);

    JOINS("{\"stream\":\"a\",\"timestamp\":0}");
    assert_int_equal(stream.pos.type, NGX_ESS_POSITION_TIMESTAMP);
    assert_int_equal(stream.pos.timestamp, 0);

    REFUSED("\"a\"", 1, 0);
    REFUSED("[{\"stream\":\"a\"}]", 1, 0);
    REFUSED("{}", 1, 0);
    REFUSED("{\"keys\":[\"k\"]}", 1, 0);
    REFUSED("{\"stream\":null}", 1, 0);

    REFUSED("{\"stream\":\"a\",\"from\":\"x\"}", 1, 1);
    REFUSED("{\"keys\":5,\"stream\":\"a\"}", 1, 1);
    REFUSED("{\"keys\":5,\"x\":1,\"stream\":\"a\"}", 1, 0);
    REFUSED("{\"stream\":\"a\",\"ordinal\":9223372036854775807}", 1, 1);
    REFUSED("{\"stream\":\"a\",\"ordinal\":-0}", 1, 1);
    REFUSED("{\"stream\":\"a\",\"ordinal\":0,\"timestamp\":0}", 1, 1);

    REFUSED("{\"stream\":\"\"}", 1, 1);
    assert_int_equal(stream.stream.len, 0);
    assert_int_equal(stream.given.len, 0);
}


static void
test_left(void **state)
{
    LEAVES("\"a\"");
    assert_memory_equal(stream.stream.data, "a", 1);

    LEAVES("{\"stream\":\"a\"}");
    LEAVES("{\"stream\":\"a\",\"keys\":[\"k\",\"l\"]}");
    assert_int_equal(stream.nkeys, 2);

    REFUSED("5", 0, 0);
    REFUSED("[\"a\"]", 0, 0);
    REFUSED("{}", 0, 0);
    REFUSED("{\"stream\":\"a\",\"ordinal\":1}", 0, 0);
    REFUSED("{\"stream\":\"a\",\"keys\":[]}", 0, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_left)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
