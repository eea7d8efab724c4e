/*
 * What a client of ess.v1 subscribes to is asked about ahead, as far as its
 * token is the same, and the answers are taken in that order.
 *
 * links: src/client/ngx_ess_v1_authorize.c src/client/ngx_ess_command.c
 * links: src/client/ngx_ess_command_stream.c
 * links: src/client/ngx_ess_command_json.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_str.c
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_percent.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_v1_authorize.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


typedef struct {
    ngx_ess_v1_t                v1;
    ngx_ess_v1_authorize_t      own;
} test_session_t;


static test_session_t             test;
static ngx_ess_multi_t            test_multi;
static ngx_ess_authorize_conf_t   test_conf;
static ngx_http_core_srv_conf_t   test_server;
static void                      *test_servers[2];
static ngx_int_t                  test_answer;
static ngx_ess_authorize_e        test_verdict;
static ngx_str_t                  test_key;
static ngx_uint_t                 test_n;
static ngx_uint_t                 test_same;
static void                     (*test_handler)(void *data);


ngx_ess_authorize_t *
ngx_ess_authorize_create(ngx_ess_authorize_conf_t *conf,
    ngx_ess_jwt_grant_t *grant)
{
    ngx_unit_trace("create");
    test_n = 0;

    return (ngx_ess_authorize_t *) &test;
}


ngx_int_t
ngx_ess_authorize_add(ngx_ess_authorize_t *a, ngx_ess_stream_info_t *info,
    ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_unit_trace("add %c%s", info->name[0], nkeys ? " with keys" : "");
    test_n++;

    return NGX_OK;
}


ngx_int_t
ngx_ess_authorize_skip(ngx_ess_authorize_t *a)
{
    ngx_unit_trace("skip");
    test_n++;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_authorize_n(ngx_ess_authorize_t *a)
{
    return test_n;
}


ngx_uint_t
ngx_ess_authorize_full(ngx_ess_authorize_t *a)
{
    return test_n >= 3;
}


ngx_int_t
ngx_ess_authorize_ask(ngx_ess_authorize_t *a, ngx_http_conf_ctx_t *ctx,
    ngx_connection_t *c, ngx_str_t *query, void (*handler)(void *data),
    void *data)
{
    assert_int_equal(query->len, 1);
    ngx_unit_trace("ask");
    test_handler = handler;

    return test_answer;
}


ngx_ess_authorize_e
ngx_ess_authorize_verdict(ngx_ess_authorize_t *a, ngx_uint_t n,
    ngx_str_t *key)
{
    *key = test_key;

    return test_verdict;
}


ngx_uint_t
ngx_ess_authorize_is(ngx_ess_authorize_t *a, ngx_uint_t n, const u_char *uuid)
{
    return test_same;
}


void
ngx_ess_authorize_free(ngx_ess_authorize_t *a)
{
    ngx_unit_trace("free");
}


/* "x" is not to be had. */

ngx_int_t
ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf, ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_str_t *keys, ngx_uint_t nkeys,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error)
{
    info->name[0] = text->data[0];

    return (text->data[0] == 'x') ? NGX_DECLINED : NGX_OK;
}


static int
test_setup(void **state)
{
    if (fake_client_setup(state) != 0) {
        return -1;
    }

    memset(&test, 0, sizeof(test));
    memset(&test_multi, 0, sizeof(test_multi));

    test.v1.multi = &test_multi;
    test.v1.event.log = &fake.log;
    test_multi.client = fake.client;
    fake.client->conf->authorize = &test_conf;
    fake.client->conf->max_subscriptions = 2;

    test_servers[ngx_http_core_module.ctx_index] = &test_server;
    fake.request.srv_conf = test_servers;
    ngx_str_set(&fake.request.args, "q");

    test_answer = NGX_AGAIN;
    test_verdict = NGX_ESS_AUTHORIZE_ALLOWED;
    test_same = 1;
    ngx_str_null(&test_key);

    assert_int_equal(ngx_ess_v1_authorize_init(&test.v1, &fake.request),
                     NGX_OK);
    ngx_unit_trace_clear();

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_ess_v1_authorize_done(&test.v1);
    free(test.v1.messages);

    if (test.v1.event.posted) {
        ngx_delete_posted_event(&test.v1.event);
    }

    return fake_client_teardown(state);
}


/* A message, and its first command. */

static void
message(const char *text)
{
    free(test.v1.messages);
    test.v1.messages = malloc(sizeof(ngx_ess_v1_message_t) + strlen(text));
    test.v1.messages->len = strlen(text);
    memcpy(test.v1.messages->data, text, strlen(text));

    assert_int_equal(ngx_ess_command_open(&test.v1.cursor,
                                          test.v1.messages->data,
                                          strlen(text)),
                     NGX_OK);
    assert_int_equal(ngx_ess_command_next(&test.v1.cursor, &test.v1.cmd),
                     NGX_OK);
}


static void
take(void)
{
    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_OK);
    assert_int_equal(ngx_ess_command_stream(&test.v1.cmd, &test.v1.stream),
                     NGX_OK);
    ngx_ess_v1_authorize_next(&test.v1);
}


static void
test_ahead(void **state)
{
    message("[{\"subscribe\":[{\"stream\":\"a\"},{\"stream\":\"x\"}]},"
            "{\"ping\":1},{\"subscribe\":{\"stream\":\"b\","
            "\"keys\":[\"k\"]}},{\"unsubscribe\":\"a\"}]");

    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_AGAIN);
    ngx_unit_traced("create", "add a", "skip", "add b with keys", "ask");
    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_AGAIN);

    test_handler(&test.v1);
    assert_true(test.v1.event.posted);

    take();
    take();

    /* the next command's is known already, and then nothing is asked */

    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_OK);
    (void) ngx_ess_command_next(&test.v1.cursor, &test.v1.cmd);
    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_OK);
    (void) ngx_ess_command_next(&test.v1.cursor, &test.v1.cmd);
    take();
    ngx_unit_traced();

    assert_int_equal(ngx_ess_v1_authorize_ask(&test.v1), NGX_OK);
    ngx_unit_traced("free");
}


/* Claims of another token are another question's; so is what is too much. */

static void
test_apart(void **state)
{
    test_answer = NGX_OK;

    message("[{\"subscribe\":{\"stream\":\"a\"}},{\"token\":\"t\"},"
            "{\"subscribe\":[{\"stream\":\"b\"},{\"stream\":\"c\"},"
            "{\"stream\":\"d\"},{\"stream\":\"e\"}]}]");
    take();
    ngx_unit_traced("create", "add a", "ask");

    (void) ngx_ess_command_next(&test.v1.cursor, &test.v1.cmd);
    (void) ngx_ess_command_next(&test.v1.cursor, &test.v1.cmd);
    take();
    take();
    take();
    ngx_unit_traced("free", "create", "add b", "add c", "add d", "ask");
    take();
    ngx_unit_traced("free", "create", "add e", "ask");
}


/* Too many keys, what is malformed, and another stream than the address's. */

static void
test_not_asked(void **state)
{
    test_answer = NGX_OK;
    test.v1.only = 7;

    message("{\"subscribe\":[{\"stream\":\"a\",\"keys\":[\"1\",\"2\",\"3\"]},"
            "{\"stream\":\"b\",\"ordinal\":-1},{\"stream\":\"c\"}]}");
    take();
    ngx_unit_traced("create", "skip", "skip", "skip", "ask");
}


static void
test_verdicts(void **state)
{
    ngx_ess_stream_info_t     info;
    ngx_ess_command_error_t   error;

    memset(&info, 0, sizeof(info));
    test_answer = NGX_OK;
    message("{\"subscribe\":{\"stream\":\"a\"}}");
    take();

    assert_int_equal(ngx_ess_v1_authorize_admit(&test.v1, &info, &error),
                     NGX_OK);

    test_same = 0;
    assert_int_equal(ngx_ess_v1_authorize_admit(&test.v1, &info, &error),
                     NGX_DECLINED);
    assert_int_equal(error.code, 503);

    test_same = 1;
    test_verdict = NGX_ESS_AUTHORIZE_UNKNOWN;
    assert_int_equal(ngx_ess_v1_authorize_admit(&test.v1, &info, &error),
                     NGX_DECLINED);
    assert_int_equal(error.code, 503);

    test_verdict = NGX_ESS_AUTHORIZE_REFUSED;
    assert_int_equal(ngx_ess_v1_authorize_admit(&test.v1, &info, &error),
                     NGX_DECLINED);
    assert_int_equal(error.code, 403);

    ngx_str_set(&test_key, "us");
    assert_int_equal(ngx_ess_v1_authorize_admit(&test.v1, &info, &error),
                     NGX_DECLINED);
    assert_int_equal(error.code, 403);
    assert_memory_equal(error.message.data + error.message.len - 4, "\"us\"",
                        4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_ahead),
        TEST(test_apart),
        TEST(test_not_asked),
        TEST(test_verdicts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
