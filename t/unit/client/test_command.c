/*
 * Commands: what is taken and how, what is refused and whose error it is, and
 * every truncation; the message lies against a guard page.
 *
 * links: src/client/ngx_ess_command*.c src/ngx_ess_json_read.c
 * links: src/ngx_ess_json_string.c src/ngx_ess_json_unique.c src/ngx_ess_str.c
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_percent.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_command.h"
#include "ngx_guard.h"


/* what one() read, as a line each */

static u_char  *guard;
static char     seen[16384];


static void
say(const char *fmt, ...)
{
    size_t   n;
    va_list  args;

    n = strlen(seen);

    va_start(args, fmt);
    vsnprintf(seen + n, sizeof(seen) - n, fmt, args);
    va_end(args);
}


static void
say_stream(ngx_ess_command_stream_t *stream)
{
    u_char       buf[NGX_ESS_COMMAND_KEY];
    ngx_str_t    key;
    ngx_uint_t   n;

    say(" %.*s", (int) stream->given.len, stream->given.data);

    if (stream->error.code) {
        say("!%d", (int) stream->error.code);
        return;
    }

    if (stream->pos.type == NGX_ESS_POSITION_EVENT) {
        say("@%llx-%llu", (unsigned long long) stream->pos.epoch,
            (unsigned long long) stream->pos.ordinal);

    } else if (stream->pos.type == NGX_ESS_POSITION_ORDINAL) {
        say("@%llu", (unsigned long long) stream->pos.ordinal);

    } else if (stream->pos.type == NGX_ESS_POSITION_TIMESTAMP) {
        say("@t%llu", (unsigned long long) stream->pos.timestamp);
    }

    key.data = buf;

    for (n = 0; ngx_ess_command_key(stream, &key) == NGX_OK; n++) {
        say("#%.*s", (int) key.len, key.data);
    }

    assert_int_equal(n, stream->nkeys);
    assert_in_range(stream->stream.len, 1, NGX_ESS_COMMAND_STREAM);
}


static void
say_command(ngx_ess_command_t *cmd)
{
    ngx_ess_command_stream_t  stream;

    static const char  *const verbs[NGX_ESS_COMMANDS] = {
        "none", "subscribe", "unsubscribe", "token", "ping"
    };

    if (cmd->id != NGX_ESS_COMMAND_NO_ID) {
        say("%lld ", (long long) cmd->id);
    }

    say("%s", verbs[cmd->type]);

    if (cmd->error.code) {
        assert_int_equal(cmd->error.code, 400);
        assert_true(cmd->error.message.len > 0);
        say("!400");

    } else if (cmd->type == NGX_ESS_COMMAND_TOKEN) {
        say(" %.*s", (int) cmd->token.len, cmd->token.data);

    } else if (cmd->type == NGX_ESS_COMMAND_PING) {
        say(" %lld", (long long) cmd->ping);

    } else {
        while (ngx_ess_command_stream(cmd, &stream) == NGX_OK) {
            say_stream(&stream);
        }
    }

    say("\n");
}


static ngx_int_t
one(const char *text, size_t len)
{
    u_char                    *data;
    ngx_int_t                  rc;
    ngx_ess_command_t          cmd;
    ngx_ess_command_cursor_t   cursor;

    seen[0] = '\0';

    data = guard - len;
    memcpy(data, text, len);

    rc = ngx_ess_command_open(&cursor, data, len);

    if (rc != NGX_OK) {
        return rc;
    }

    while (ngx_ess_command_next(&cursor, &cmd) == NGX_OK) {
        say_command(&cmd);
    }

    return NGX_OK;
}


static void
reads(const char *text, const char *expected)
{
    assert_int_equal(one(text, strlen(text)), NGX_OK);
    assert_string_equal(seen, expected);
}


static void
test_taken(void **state)
{
    reads("{\"id\":1,\"subscribe\":{\"stream\":\"abc\"}}",
          "1 subscribe abc\n");

    reads(" { \"id\" : 2 , \"subscribe\" : [ {\"stream\":\"a\",\"from\":"
          "\"5f3a-42\"} , {\"stream\":\"b\",\"ordinal\":0},{\"stream\":\"c\","
          "\"timestamp\":1795871133389},{\"stream\":\"d\",\"keys\":[\"eu\" , "
          "\"us\"],\"from\":\"77-9\"} ] } ",
          "2 subscribe a@5f3a-42 b@0 c@t1795871133389 d@77-9#eu#us\n");

    reads("{\"id\":3,\"unsubscribe\":[\"a\",{\"stream\":\"b\",\"keys\":"
          "[\"us\"]},{\"stream\":\"c\"}]}",
          "3 unsubscribe a b#us c\n");

    reads("{\"unsubscribe\":\"a\"}", "unsubscribe a\n");
    reads("{\"unsubscribe\":{\"keys\":[\"k\"],\"stream\":\"a\"}}",
          "unsubscribe a#k\n");
    reads("{\"unsubscribe\":[]}", "unsubscribe\n");
    reads("{\"subscribe\":[]}", "subscribe\n");

    reads("{\"id\":4,\"token\":\"a.b.c\"}", "4 token a.b.c\n");
    reads("{\"id\":5,\"ping\":0}", "5 ping 0\n");
    reads("{\"ping\":-9007199254740991,\"id\":9007199254740991}",
          "9007199254740991 ping -9007199254740991\n");
    reads("{\"id\":0,\"ping\":17}", "0 ping 17\n");

    reads("[]", "");
    reads("[ ]", "");
    reads("[{\"ping\":1} , {\"id\":2,\"ping\":2}]", "ping 1\n2 ping 2\n");
}


static void
test_escapes(void **state)
{
    reads("{\"\\u0069d\":1,\"subscribe\":{\"stream\":\"\\u0061b\",\"keys\":"
          "[\"\\u00e9\\n\",\"\\ud83d\\ude00\"]}}",
          "1 subscribe \\u0061b#\xc3\xa9\n#\xf0\x9f\x98\x80\n");
}


static void
test_command_is_wrong(void **state)
{
    reads("5", "none!400\n");
    reads("\"x\"", "none!400\n");
    reads("null", "none!400\n");
    reads("[1,{\"ping\":2},[]]", "none!400\nping 2\nnone!400\n");

    reads("{}", "none!400\n");
    reads("{\"id\":7}", "7 none!400\n");
    reads("{\"id\":7,\"what\":1}", "7 none!400\n");
    reads("{\"what\":1,\"id\":7,\"ping\":1}", "7 ping!400\n");
    reads("{\"Ping\":1,\"id\":7}", "7 none!400\n");
    reads("{\"ping\":1,\"token\":\"x\",\"id\":7}", "7 ping!400\n");
    reads("{\"ping\":1,\"ping\":1,\"id\":7}", "7 ping!400\n");
    reads("{\"id\":7,\"id\":8,\"ping\":1}", "7 ping!400\n");
    reads("{\"a-name-that-is-longer-than-all\":1}", "none!400\n");

    reads("{\"id\":-1,\"ping\":1}", "ping!400\n");
    reads("{\"id\":1.5,\"ping\":1}", "ping!400\n");
    reads("{\"id\":1e3,\"ping\":1}", "ping!400\n");
    reads("{\"id\":\"1\",\"ping\":1}", "ping!400\n");
    reads("{\"id\":null,\"ping\":1}", "ping!400\n");
    reads("{\"id\":9007199254740992,\"ping\":1}", "ping!400\n");
    reads("{\"id\":99999999999999999999999999,\"ping\":1}", "ping!400\n");

    reads("{\"ping\":\"x\"}", "ping!400\n");
    reads("{\"ping\":-9007199254740992}", "ping!400\n");
    reads("{\"id\":1,\"token\":1}", "1 token!400\n");
    reads("{\"id\":1,\"token\":null}", "1 token!400\n");

    /* no stream to say it of */

    reads("{\"id\":1,\"subscribe\":\"a\"}", "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":null}", "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":[{\"stream\":\"a\"},\"b\"]}",
          "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":{}}", "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":[[{\"stream\":\"a\"}]]}",
          "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":{\"stream\":5}}", "1 subscribe!400\n");

    /* a member that nobody knows, whatever else is wrong */

    reads("{\"id\":1,\"subscribe\":[{\"stream\":\"a\"},{\"stream\":\"b\","
          "\"x\":1}]}", "1 subscribe!400\n");
    reads("{\"id\":1,\"subscribe\":{\"ordinal\":-1,\"x\":1,\"stream\":\"a\"}}",
          "1 subscribe!400\n");

    /* an unsubscribe's answer has no place for one */

    reads("{\"id\":1,\"unsubscribe\":5}", "1 unsubscribe!400\n");
    reads("{\"id\":1,\"unsubscribe\":[\"a\",{}]}", "1 unsubscribe!400\n");
    reads("{\"id\":1,\"unsubscribe\":{\"stream\":\"a\",\"from\":\"1-1\"}}",
          "1 unsubscribe!400\n");
    reads("{\"id\":1,\"unsubscribe\":{\"stream\":\"a\",\"keys\":[]}}",
          "1 unsubscribe!400\n");
    reads("{\"id\":1,\"unsubscribe\":\"\"}", "1 unsubscribe!400\n");
}


static void
test_stream_is_wrong(void **state)
{
    char  text[1024], expected[1024], name[200];

#define ENTRY(members, expected)                                              \
    reads("{\"id\":1,\"subscribe\":[{\"stream\":\"a\"" members "},"           \
          "{\"stream\":\"b\"}]}", "1 subscribe a" expected " b\n")

    ENTRY("", "");
    ENTRY(",\"stream\":\"c\"", "!400");
    ENTRY(",\"from\":\"5f3a\"", "!400");
    ENTRY(",\"from\":5", "!400");
    ENTRY(",\"from\":\"5f3a-42,1-1\"", "!400");
    ENTRY(",\"from\":\"fffffffffffffffff-1\"", "!400");
    ENTRY(",\"from\":\"ffffffffffffffff-0\"", "@ffffffffffffffff-0");
    ENTRY(",\"from\":\"1-1\",\"ordinal\":1", "!400");
    ENTRY(",\"ordinal\":1,\"timestamp\":1", "!400");
    ENTRY(",\"ordinal\":-1", "!400");
    ENTRY(",\"ordinal\":\"1\"", "!400");
    ENTRY(",\"ordinal\":9223372036854775806", "@9223372036854775806");
    ENTRY(",\"ordinal\":9223372036854775807", "!400");
    ENTRY(",\"timestamp\":1.5", "!400");
    ENTRY(",\"timestamp\":-1", "!400");
    ENTRY(",\"timestamp\":0", "@t0");
    ENTRY(",\"keys\":[]", "!400");
    ENTRY(",\"keys\":\"k\"", "!400");
    ENTRY(",\"keys\":[1]", "!400");
    ENTRY(",\"keys\":[\"\"]", "!400");
    ENTRY(",\"keys\":[\"k\",\"k\"]", "#k#k");

    /* the stream is answered with, wherever it stands */

    reads("{\"subscribe\":{\"ordinal\":\"\",\"stream\":\"a\"}}",
          "subscribe a!400\n");
    reads("{\"subscribe\":{\"stream\":\"\"}}", "subscribe !400\n");

    memset(name, 'n', sizeof(name));
    sprintf(text, "{\"subscribe\":{\"stream\":\"%.128s\"}}", name);
    sprintf(expected, "subscribe %.128s\n", name);
    reads(text, expected);

    sprintf(text, "{\"subscribe\":{\"stream\":\"%.129s\"}}", name);
    sprintf(expected, "subscribe %.129s!400\n", name);
    reads(text, expected);
}


static void
test_key_length(void **state)
{
    char  text[1024], expected[1024], key[257];

    memset(key, 'k', sizeof(key));

    sprintf(text, "{\"subscribe\":{\"stream\":\"a\",\"keys\":[\"%.255s\"]}}",
            key);
    sprintf(expected, "subscribe a#%.255s\n", key);
    reads(text, expected);

    sprintf(text, "{\"subscribe\":{\"stream\":\"a\",\"keys\":[\"%.256s\"]}}",
            key);
    reads(text, "subscribe a!400\n");
}


/* "n" times between "before" and "after" */

static char *
many(const char *before, const char *item, ngx_uint_t n, const char *after)
{
    char        *text;
    ngx_uint_t   i;

    text = malloc(strlen(before) + n * (strlen(item) + 1) + strlen(after) + 1);
    assert_non_null(text);

    strcpy(text, before);

    for (i = 0; i < n; i++) {
        if (i) {
            strcat(text, ",");
        }

        strcat(text, item);
    }

    return strcat(text, after);
}


static ngx_uint_t
lines(void)
{
    char        *p;
    ngx_uint_t   n;

    n = 0;

    for (p = seen; *p; p++) {
        n += (*p == '\n');
    }

    return n;
}


static void
test_limits(void **state)
{
    char  *text;

    text = many("[", "{\"ping\":1}", 256, "]");
    assert_int_equal(one(text, strlen(text)), NGX_OK);
    assert_int_equal(lines(), 256);
    free(text);

    /* none of them has an effect */

    text = many("[", "{\"ping\":1}", 257, "]");
    reads(text, "none!400\n");
    free(text);

    text = many("{\"unsubscribe\":[", "\"a\"", 256, "]}");
    assert_int_equal(one(text, strlen(text)), NGX_OK);
    assert_null(strstr(seen, "!"));
    free(text);

    text = many("{\"unsubscribe\":[", "\"a\"", 257, "]}");
    reads(text, "unsubscribe!400\n");
    free(text);

    text = many("{\"subscribe\":[", "{\"stream\":\"a\"}", 4000, "]}");
    assert_int_equal(one(text, strlen(text)), NGX_OK);
    assert_int_equal(strlen(seen), sizeof("subscribe\n") - 1 + 4000 * 2);
    free(text);

    text = malloc(65537);
    memset(text, ' ', 65537);
    memcpy(text, "{\"ping\":1}", 10);
    assert_int_equal(one(text, 65536), NGX_OK);
    assert_string_equal(seen, "ping 1\n");
    assert_int_equal(one(text, 65537), NGX_ERROR);
    free(text);
}


static void
test_no_json(void **state)
{
    ngx_uint_t  i;

    static const char  *const texts[] = {
        "", " ", "{", "hello", "{\"ping\":01}", "{\"ping\":1}x", "{'ping':1}",
        "[{\"ping\":1},]", "{\"ping\":1}{\"ping\":1}", "{\"ping\" 1}",
        "\xef\xbb\xbf{\"ping\":1}", "{\"token\":\"a\tb\"}", "[1 2]"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(one(texts[i], strlen(texts[i])), NGX_DECLINED);
    }

    assert_int_equal(one("{\"ping\":1}\0", 11), NGX_DECLINED);
}


static void
test_truncated(void **state)
{
    size_t  len, n;

    static const char  text[] =
        "[{\"id\":2,\"subscribe\":[{\"stream\":\"a\",\"from\":\"5f3a-42\"},"
        "{\"stream\":\"b\",\"keys\":[\"eu\",\"us\"],\"ordinal\":7}]},"
        "{\"id\":3,\"unsubscribe\":[\"a\",{\"stream\":\"b\"}]},"
        "{\"token\":\"a.b.c\"},{\"ping\":-17}]";

    len = sizeof(text) - 1;

    for (n = 0; n < len; n++) {
        assert_int_equal(one(text, n), NGX_DECLINED);
    }

    reads(text, "2 subscribe a@5f3a-42 b@7#eu#us\n3 unsubscribe a b\n"
                "token a.b.c\nping -17\n");
}


/* What was left off is gone on with, also in a copy. */

static void
test_resumed(void **state)
{
    ngx_ess_command_t          cmd, copy;
    ngx_ess_command_cursor_t   cursor, later;
    ngx_ess_command_stream_t   stream;

    static char  text[] =
        "[{\"subscribe\":[{\"stream\":\"a\"},{\"stream\":\"b\"}]},"
        "{\"ping\":1}]";

    assert_int_equal(ngx_ess_command_open(&cursor, (u_char *) text,
                                          sizeof(text) - 1),
                     NGX_OK);
    assert_int_equal(ngx_ess_command_next(&cursor, &cmd), NGX_OK);
    assert_int_equal(ngx_ess_command_stream(&cmd, &stream), NGX_OK);
    assert_memory_equal(stream.stream.data, "a", 1);

    copy = cmd;
    later = cursor;

    assert_int_equal(ngx_ess_command_stream(&copy, &stream), NGX_OK);
    assert_memory_equal(stream.stream.data, "b", 1);
    assert_int_equal(ngx_ess_command_stream(&copy, &stream), NGX_DONE);
    assert_int_equal(ngx_ess_command_stream(&copy, &stream), NGX_DONE);

    assert_int_equal(ngx_ess_command_next(&later, &cmd), NGX_OK);
    assert_int_equal(cmd.ping, 1);
    assert_int_equal(ngx_ess_command_next(&later, &cmd), NGX_DONE);
    assert_int_equal(ngx_ess_command_next(&later, &cmd), NGX_DONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_command_is_wrong),
        cmocka_unit_test(test_stream_is_wrong),
        cmocka_unit_test(test_key_length),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_resumed)
    };

    guard = ngx_unit_guard(NGX_ESS_COMMAND_MAX_MESSAGE + 1);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
