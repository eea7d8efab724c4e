/*
 * Answers to commands as messages: lists that grow, what is not said for want
 * of an id, what is counted, and no memory anywhere.
 *
 * links: src/client/ngx_ess_v1_answer.c src/client/ngx_ess_command_answer.c
 * links: src/encoding/ngx_ess_encoding.c src/ngx_ess_utf8.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_v1_answer.h"


#define NO_ID  NGX_ESS_COMMAND_NO_ID

#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


const uint32_t  ngx_ess_counter_codes[NGX_ESS_COUNTER_CODES] = {
    200, 400, 401, 403, 404, 409, 413, 429, 503, 500
};

static ngx_ess_multi_t      test_multi;
static ngx_ess_v1_answer_t  test_answer;
static ngx_str_t            test_name = ngx_string("prices");
static ngx_ess_event_id_t   test_at = { 0x5f3a, 42 };


u_char *
ngx_ess_encoding_message(ngx_ess_encoding_frame_t *out,
    ngx_ess_ws_opcode_e opcode, ngx_uint_t deflated, size_t len,
    ngx_log_t *log)
{
    assert_int_equal(opcode, NGX_ESS_WS_TEXT);
    assert_false(deflated);

    out->data = ngx_ess_encoding_alloc(len, log);
    out->len = len;

    return out->data;
}


ngx_int_t
ngx_ess_multi_say(ngx_ess_multi_t *multi, u_char *data, size_t len)
{
    assert_ptr_equal(multi, &test_multi);

    ngx_unit_trace("%.*s", (int) len, data);
    (void) ngx_ess_encoding_free(data);

    return fake.done;
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    ngx_memzero(&test_multi, sizeof(ngx_ess_multi_t));
    ngx_memzero(&test_answer, sizeof(ngx_ess_v1_answer_t));
    test_multi.client = fake.client;

    return 0;
}


static ngx_int_t
test_list(ngx_ess_command_type_e type, int64_t id)
{
    return ngx_ess_v1_answer_list(&test_answer, &test_multi, type, id);
}


/* So many commands of the type were answered with the code at that place. */

static void
test_counted(ngx_ess_command_type_e type, ngx_uint_t code, uint64_t n)
{
    assert_int_equal(fake.counters[NGX_ESS_C_COMMANDS
                                   + type * NGX_ESS_COUNTER_CODES + code], n);
}


static void
test_subscribed(void **state)
{
    ngx_ess_command_error_t  full = { 503, ngx_string("full") };
    ngx_ess_command_error_t  gone = { 404, ngx_string("none") };

    ngx_ess_v1_answer_entry(&test_answer, &test_name, 17, &test_at);
    ngx_ess_v1_answer_refused(&test_answer, &test_name, &gone);

    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 2), NGX_OK);

    ngx_ess_v1_answer_refused(&test_answer, &test_name, &full);
    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 4), NGX_OK);

    ngx_unit_traced("{\"id\":2,\"subscribed\":["
                    "{\"stream\":\"prices\",\"s\":17,\"at\":\"5f3a-42\"},"
                    "{\"stream\":\"prices\",\"error\":{\"code\":404,"
                    "\"message\":\"none\"}}]}",
                    "{\"id\":4,\"subscribed\":["
                    "{\"stream\":\"prices\",\"error\":{\"code\":503,"
                    "\"message\":\"full\",\"retry\":1}}]}");

    test_counted(NGX_ESS_COMMAND_SUBSCRIBE, 0, 2);
    test_counted(NGX_ESS_COMMAND_SUBSCRIBE, 4, 1);
    test_counted(NGX_ESS_COMMAND_SUBSCRIBE, 8, 1);

    /* it is empty again */

    assert_null(test_answer.data);
    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 3), NGX_OK);
    ngx_unit_traced("{\"id\":3,\"subscribed\":[]}");
}


/* Entries are said also without an id; neither of both is not. */

static void
test_without_id(void **state)
{
    ngx_ess_v1_answer_left(&test_answer, &test_name);
    ngx_ess_v1_answer_left(&test_answer, &test_name);

    assert_int_equal(test_list(NGX_ESS_COMMAND_UNSUBSCRIBE, NO_ID), NGX_OK);
    ngx_unit_traced("{\"unsubscribed\":[\"prices\",\"prices\"]}");

    assert_int_equal(test_list(NGX_ESS_COMMAND_UNSUBSCRIBE, NO_ID), NGX_OK);
    ngx_unit_traced();

    test_counted(NGX_ESS_COMMAND_UNSUBSCRIBE, 0, 2);
}


/* Larger than its first room, several times over. */

static void
test_grows(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 100; i++) {
        ngx_ess_v1_answer_left(&test_answer, &test_name);
        assert_true(test_answer.len <= test_answer.size);
    }

    assert_int_equal(test_answer.entries, 100);
    assert_int_equal(test_answer.len, 100 * 9 - 1);
    assert_memory_equal(test_answer.data + test_answer.len - 18,
                        ",\"prices\",\"prices\"", 18);

    ngx_ess_v1_answer_drop(&test_answer);
    assert_int_equal(test_answer.entries, 0);
}


/* One entry less would tell the client something else: nothing is said. */

static void
test_list_no_memory(void **state)
{
    fake.fail = 1;
    ngx_ess_v1_answer_entry(&test_answer, &test_name, 1, &test_at);
    ngx_ess_v1_answer_entry(&test_answer, &test_name, 2, &test_at);
    assert_true(test_answer.failed);

    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 1), NGX_ERROR);
    assert_null(test_answer.data);
    assert_false(test_answer.failed);

    ngx_ess_v1_answer_entry(&test_answer, &test_name, 1, &test_at);
    fake.fail = 1;
    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 1), NGX_ERROR);
    assert_null(test_answer.data);
    ngx_unit_traced();

    fake.done = NGX_ERROR;
    assert_int_equal(test_list(NGX_ESS_COMMAND_SUBSCRIBE, 1), NGX_ERROR);
}


static void
test_whole(void **state)
{
    ngx_str_t                reason = ngx_string("deleted");
    ngx_ess_command_t        cmd;
    ngx_ess_command_error_t  error = { 418, ngx_string("odd") };

    ngx_memzero(&cmd, sizeof(ngx_ess_command_t));
    cmd.type = NGX_ESS_COMMAND_PING;
    cmd.id = 5;
    cmd.ping = 7;

    assert_int_equal(ngx_ess_v1_answer_pong(&test_multi, &cmd), NGX_OK);
    assert_int_equal(ngx_ess_v1_answer_token(&test_multi, &cmd, 99), NGX_OK);
    assert_int_equal(ngx_ess_v1_answer_error(&test_multi, &cmd, &error),
                     NGX_OK);
    error.code = 503;
    cmd.id = NO_ID;
    assert_int_equal(ngx_ess_v1_answer_error(&test_multi, &cmd, &error),
                     NGX_OK);
    assert_int_equal(ngx_ess_v1_answer_over(&test_multi, 3, 1000, &reason),
                     NGX_OK);

    /* nobody asked to hear of it */

    assert_int_equal(ngx_ess_v1_answer_pong(&test_multi, &cmd), NGX_OK);
    assert_int_equal(ngx_ess_v1_answer_token(&test_multi, &cmd, 99), NGX_OK);

    ngx_unit_traced("{\"id\":5,\"pong\":7}",
                    "{\"id\":5,\"token\":{\"expires\":99}}",
                    "{\"id\":5,\"error\":{\"code\":418,\"message\":\"odd\"}}",
                    "{\"error\":{\"code\":503,\"message\":\"odd\","
                    "\"retry\":1}}",
                    "{\"s\":3,\"end\":{\"code\":1000,"
                    "\"reason\":\"deleted\"}}");

    /* a code that is not listed is among the others */

    test_counted(NGX_ESS_COMMAND_PING, 0, 4);
    test_counted(NGX_ESS_COMMAND_PING, 8, 1);
    test_counted(NGX_ESS_COMMAND_PING, NGX_ESS_COUNTER_CODES - 1, 1);
}


static void
test_whole_no_memory(void **state)
{
    ngx_str_t                reason = ngx_string("deleted");
    ngx_ess_command_t        cmd;
    ngx_ess_command_error_t  error = { 400, ngx_string("odd") };

    ngx_memzero(&cmd, sizeof(ngx_ess_command_t));

    fake.fail = 1;
    assert_int_equal(ngx_ess_v1_answer_pong(&test_multi, &cmd), NGX_ERROR);
    fake.fail = 1;
    assert_int_equal(ngx_ess_v1_answer_token(&test_multi, &cmd, 9), NGX_ERROR);
    fake.fail = 1;
    assert_int_equal(ngx_ess_v1_answer_error(&test_multi, &cmd, &error),
                     NGX_ERROR);
    fake.fail = 1;
    assert_int_equal(ngx_ess_v1_answer_over(&test_multi, 3, 1000, &reason),
                     NGX_ERROR);
    ngx_unit_traced();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_subscribed),
        TEST(test_without_id),
        TEST(test_grows),
        TEST(test_list_no_memory),
        TEST(test_whole),
        TEST(test_whole_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
