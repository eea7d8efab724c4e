/*
 * Commands of a client of "ess.v1": one after the other, a bounded number at
 * once, and what it is closed for.
 *
 * links: t/unit/client/fake_authorize.c
 * links: src/client/ngx_ess_v1.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_encoding_envelope.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_v1_stream.h"
#include "ngx_ess_v1_token.h"
#include "ngx_ess_ws.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


const ngx_ess_encoding_t            ngx_ess_encoding_envelope[2][2];

static ngx_ess_multi_t              test_multi;
static const ngx_ess_multi_kind_t  *test_kind;
static ngx_int_t                    test_grant;
static ngx_int_t                    test_join;
static ngx_int_t                    test_open;
static ngx_int_t                    test_stream;
static const char                  *test_commands;  /* of each message */
static const char                  *test_left;
static ngx_uint_t                   test_streams;   /* of a subscribe */


ngx_uint_t
ngx_ess_ws_deflates(ngx_http_request_t *r)
{
    return 1;
}


ngx_ess_multi_t *
ngx_ess_multi_create(ngx_ess_client_t *client,
    const ngx_ess_multi_kind_t *kind, const ngx_ess_encoding_t *encoding)
{
    assert_ptr_equal(encoding, &ngx_ess_encoding_envelope[1][1]);
    test_kind = kind;
    test_multi.client = client;

    return &test_multi;
}


ngx_int_t
ngx_ess_jwt_grant(ngx_http_request_t *r, ngx_ess_jwt_grant_t **grant)
{
    *grant = (test_grant == NGX_OK) ? (ngx_ess_jwt_grant_t *) &test_grant
                                    : NULL;

    return test_grant;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    ngx_unit_trace("release");
}


void
ngx_ess_multi_admit_entry(ngx_ess_loc_conf_t *conf,
    ngx_ess_stream_info_t *info, ngx_ess_subscriber_entry_t *entry)
{
}


void
ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *entries,
    ngx_uint_t n)
{
    assert_int_equal(n, 1);
    ngx_unit_trace("join, %d keys", (int) entries->entry.nkeys);

    entries->entry.rc = test_join;
}


u_char *
ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid)
{
    return ngx_cpymem(text, "uuid", 4);
}


void
ngx_ess_v1_answer_entry(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    uint32_t number, ngx_ess_event_id_t *at)
{
    ngx_unit_trace("entry %.*s", (int) given->len, given->data);
}


ngx_int_t
ngx_ess_v1_answer_list(ngx_ess_v1_answer_t *a, ngx_ess_multi_t *multi,
    ngx_ess_command_type_e type, int64_t id)
{
    assert_true(id == NGX_ESS_COMMAND_NO_ID);

    return NGX_OK;
}


void
ngx_ess_v1_answer_drop(ngx_ess_v1_answer_t *a)
{
}


ngx_int_t
ngx_ess_v1_answer_over(ngx_ess_multi_t *multi, uint32_t number,
    ngx_uint_t code, ngx_str_t *reason)
{
    ngx_unit_trace("over %d %d %.*s", (int) number, (int) code,
                   (int) reason->len, reason->data);

    return NGX_OK;
}


ngx_int_t
ngx_ess_v1_answer_error(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    ngx_ess_command_error_t *error)
{
    ngx_unit_trace("error");

    return NGX_OK;
}


ngx_int_t
ngx_ess_v1_answer_pong(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd)
{
    ngx_unit_trace("pong");

    return fake.done;
}


ngx_int_t
ngx_ess_v1_token(ngx_ess_v1_t *v1)
{
    ngx_unit_trace("token");

    return NGX_OK;
}


ngx_int_t
ngx_ess_v1_stream(ngx_ess_v1_t *v1)
{
    if (test_stream == NGX_OK && --test_streams == 0) {
        test_streams = 1;
        v1->begun = 0;
        ngx_unit_trace("streams");
    }

    return test_stream;
}


void
ngx_ess_multi_announced(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("announced");
}


void
ngx_ess_client_free_multi(ngx_ess_client_t *client)
{
    test_kind->done(client->multi);
    client->multi = NULL;
    ngx_unit_trace("free");
}


ngx_int_t
ngx_ess_client_close_answered(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    ngx_unit_trace("close answered %d %s", (int) code, reason);

    return fake.done;
}


void
ngx_ess_multi_due(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("due");
}


void
ngx_ess_encoding_hold(u_char *data)
{
}


void
ngx_ess_multi_flush_piece(u_char *data, size_t len, ngx_ess_frame_t *frame,
    ngx_uint_t behind)
{
    ngx_unit_trace("piece %.*s", (int) len, data);
}


void
ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("cancel");
}


ngx_int_t
ngx_ess_command_open(ngx_ess_command_cursor_t *cursor, u_char *data,
    size_t len)
{
    ngx_unit_trace("open %.*s", (int) len, data);
    test_left = test_commands;

    return test_open;
}


ngx_int_t
ngx_ess_command_next(ngx_ess_command_cursor_t *cursor, ngx_ess_command_t *cmd)
{
    if (*test_left == '\0') {
        return NGX_DONE;
    }

    memset(cmd, 0, sizeof(*cmd));

    cmd->error.code = (*test_left == 'e') ? 400 : 0;
    cmd->type = (*test_left == 'p') ? NGX_ESS_COMMAND_PING
                : (*test_left == 't') ? NGX_ESS_COMMAND_TOKEN
                : NGX_ESS_COMMAND_SUBSCRIBE;
    test_left++;

    return NGX_OK;
}


static ngx_int_t
test_create(ngx_ess_v1_begin_t *begin)
{
    return ngx_ess_v1_create(fake.client, begin);
}


static int
test_setup(void **state)
{
    ngx_ess_v1_begin_t  begin;

    (void) fake_client_setup(state);

    memset(&test_multi, 0, sizeof(test_multi));
    memset(&begin, 0, sizeof(begin));
    test_grant = NGX_OK;
    test_join = NGX_OK;
    test_open = NGX_OK;
    test_stream = NGX_OK;
    test_commands = "";
    test_left = "";
    test_streams = 1;
    fake.read.ready = 0;

    assert_int_equal(test_create(&begin), NGX_OK);
    assert_true(fake.client->many && fake.client->apart);

    return 0;
}


static int
test_teardown(void **state)
{
    test_kind->done(&test_multi);
    assert_null(test_multi.own);
    test_kind->done(&test_multi);
    assert_int_equal(ngx_unit_pending(), 0);

    return fake_client_teardown(state);
}


static void
test_say(const char *text)
{
    ngx_str_t  message;

    message.data = (u_char *) text;
    message.len = strlen(text);
    ngx_ess_v1_message(fake.client, &message, 1);
}


static void
test_begins(void **state)
{
    ngx_ess_v1_begin_t     begin;
    ngx_ess_stream_info_t  info;

    memset(&begin, 0, sizeof(begin));
    memset(&info, 0, sizeof(info));
    begin.info = &info;
    info.name[0] = 'n';
    info.name_len = 1;

    test_kind->done(&test_multi);
    assert_int_equal(test_create(&begin), NGX_OK);
    ngx_unit_traced("release", "join, 0 keys", "entry uuid", "announced");

    test_kind->done(&test_multi);
    begin.named = 1;
    begin.only = 1;
    ngx_str_set(&begin.key, "k");
    assert_int_equal(test_create(&begin), NGX_OK);
    ngx_unit_traced("release", "join, 1 keys", "entry n", "announced");

    /* who is not let in leaves nothing behind */

    test_kind->done(&test_multi);
    ngx_unit_trace_clear();
    test_join = NGX_BUSY;
    assert_int_equal(test_create(&begin), NGX_BUSY);
    ngx_unit_traced("join, 1 keys", "release", "free");
    assert_null(fake.client->multi);

    test_grant = NGX_ERROR;
    assert_int_equal(test_create(&begin), NGX_ERROR);
    ngx_unit_traced("free");

    fake.fail = 1;
    assert_int_equal(test_create(&begin), NGX_ERROR);
    ngx_unit_traced("free");
}


/* Others have their turn, and it goes on. */

static void
test_next(void)
{
    ngx_ess_v1_t  *v1;

    v1 = test_multi.own;
    assert_true(v1->event.posted);
    ngx_delete_posted_event(&v1->event);
    v1->event.handler(&v1->event);
}


/* Nothing is read from it until all was carried out. */

static void
test_commands_in_order(void **state)
{
    test_commands = "pse";
    test_say("one");
    test_say("two");
    assert_true(fake.client->deaf);

    ngx_unit_posted();
    ngx_unit_traced("open one", "pong", "streams", "error",
                    "open two", "pong", "streams", "error", "due");
    assert_false(fake.client->deaf);
}


/* To check one takes as long as many other commands. */

static void
test_tokens(void **state)
{
    test_commands = "tpt";
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("open x", "token", "due");
    assert_true(fake.client->deaf);

    test_next();
    ngx_unit_traced("pong", "token", "due");
    test_next();
    ngx_unit_traced("due");
    assert_false(fake.client->deaf);
}


/* Of many streams so many in one iteration of the event loop. */

static void
test_slice(void **state)
{
    test_commands = "s";
    test_streams = 100;
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("open x", "due");
    assert_int_equal(test_streams, 100 - 62);
    assert_true(fake.client->deaf);

    test_next();
    ngx_unit_traced("streams", "due");
    assert_false(fake.client->deaf);
}


/* What came before is answered. */

static void
test_closed(void **state)
{
    ngx_str_t  data = ngx_string("x");

    test_commands = "ps";
    test_say("before");
    ngx_ess_v1_message(fake.client, &data, 0);
    test_say("not heard any more");
    ngx_unit_posted();
    ngx_unit_traced("open before", "pong", "streams",
                    "close answered 1003 Commands are text");

    fake.client->state = NGX_ESS_CLIENT_FINISHING;
    test_kind->heard(&test_multi);
    test_next();
    ngx_unit_traced();
    assert_true(fake.client->deaf);
}


static void
test_malformed(void **state)
{
    test_open = NGX_DECLINED;
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("open x", "close answered 1003 A command is a JSON object, or an "
                    "array of them");
}


static void
test_no_memory(void **state)
{
    fake.fail = 1;
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("close answered 1011 Internal error");

    /* where it has none for an answer */

    fake.client->state = NGX_ESS_CLIENT_OPEN;
    ((ngx_ess_v1_t *) test_multi.own)->close = 0;
    fake.done = NGX_ERROR;
    test_commands = "p";
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("open x", "pong", "close 1011 Internal error");
    fake.done = NGX_OK;
}


/* It takes its answers first; then it goes on. */

static void
test_answers(void **state)
{
    test_commands = "p";
    test_multi.said = 65537;
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("due");

    test_multi.said = 0;
    test_kind->heard(&test_multi);
    assert_true(((ngx_ess_v1_t *) test_multi.own)->event.posted);
}


/* A source that is waited for; the client goes. */

static void
test_waits(void **state)
{
    test_commands = "s";
    test_stream = NGX_AGAIN;
    test_say("x");
    ngx_unit_posted();
    ngx_unit_traced("open x", "due");
    assert_true(fake.client->deaf);

    ((ngx_ess_v1_t *) test_multi.own)->waits = 1;
    test_kind->done(&test_multi);
    ngx_unit_traced("cancel", "release");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_begins),
        TEST(test_commands_in_order),
        TEST(test_tokens),
        TEST(test_slice),
        TEST(test_closed),
        TEST(test_malformed),
        TEST(test_no_memory),
        TEST(test_answers),
        TEST(test_waits)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
