/*
 * May a client have a stream: names only where the location lets clients name
 * streams, tokens, keys of streams that have a rule for them; and who may not
 * have it does not learn whether it is there.
 *
 * links: src/client/ngx_ess_multi_admit.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_multi_admit.h"


#define GRANT  ((ngx_ess_jwt_grant_t *) &test_lists)

#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static ngx_str_t                 test_uuid = ngx_string("u-u-i-d");
static ngx_str_t                 test_name = ngx_string("prices");
static ngx_str_t                 test_keys[] = {
    ngx_string("a"), ngx_string("b")
};

static ngx_uint_t                test_there;    /* the stream is */
static ngx_ess_stream_info_t     test_stream;
static const char               *test_lists;    /* uuid, name, name#key or
                                                   name#all that the token
                                                   has; a list */
static ngx_ess_stream_info_t     test_info;
static ngx_ess_command_error_t   test_error;


ngx_int_t
ngx_ess_stream_uuid_parse(u_char *uuid, ngx_str_t *text)
{
    return text->len == test_uuid.len
           && memcmp(text->data, test_uuid.data, text->len) == 0
           ? NGX_OK : NGX_DECLINED;
}


u_char *
ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid)
{
    assert_ptr_not_equal(text, NULL);
    memset(text, 'u', NGX_ESS_UUID_TEXT);

    return text + NGX_ESS_UUID_TEXT;
}


static ngx_int_t
test_found(const char *how, ngx_ess_stream_info_t *info)
{
    ngx_unit_trace("%s", how);

    if (!test_there) {
        return NGX_DECLINED;
    }

    *info = test_stream;

    return NGX_OK;
}


ngx_int_t
ngx_ess_stream_by_uuid(ngx_ess_zone_t *zone, const u_char *uuid,
    ngx_ess_stream_info_t *info)
{
    return test_found("by uuid", info);
}


ngx_int_t
ngx_ess_stream_by_name(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info)
{
    return test_found("by name", info);
}


ngx_uint_t
ngx_ess_jwt_grant_allows(ngx_ess_jwt_grant_t *grant, ngx_str_t *uuid,
    ngx_str_t *name, ngx_str_t *key)
{
    char  asked[128];

    snprintf(asked, sizeof(asked), "%s %.*s#%.*s;", uuid ? "uuid" : "none",
             name ? (int) name->len : 1, name ? (char *) name->data : "-",
             key ? (int) key->len : 3, key ? (char *) key->data : "all");

    return strstr(test_lists, asked) != NULL;
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    test_there = 1;
    test_lists = "";
    memset(&test_stream, 0, sizeof(test_stream));
    memset(&test_error, 0, sizeof(test_error));
    test_stream.name_len = test_name.len;
    memcpy(test_stream.name, test_name.data, test_name.len);
    test_stream.rule_len = 11;
    fake.conf.subscribe_names = 1;

    return 0;
}


static void
test_admitted(ngx_ess_jwt_grant_t *grant, ngx_str_t *text, ngx_uint_t nkeys)
{
    assert_int_equal(ngx_ess_multi_admit(&fake.conf, grant, text, test_keys,
                                         nkeys, &test_info, &test_error),
                     NGX_OK);
    assert_int_equal(test_info.name_len, test_name.len);
}


static void
test_refused(ngx_ess_jwt_grant_t *grant, ngx_str_t *text, ngx_uint_t nkeys,
    ngx_uint_t code, const char *message)
{
    assert_int_equal(ngx_ess_multi_admit(&fake.conf, grant, text, test_keys,
                                         nkeys, &test_info, &test_error),
                     NGX_DECLINED);
    assert_int_equal(test_error.code, code);
    assert_int_equal(test_error.message.len, strlen(message));
    assert_memory_equal(test_error.message.data, message, strlen(message));
}


static void
test_without_token(void **state)
{
    test_admitted(NULL, &test_uuid, 0);
    test_admitted(NULL, &test_name, 2);
    ngx_unit_traced("by uuid", "by name");

    test_there = 0;
    test_refused(NULL, &test_uuid, 0, 404, "there is no such stream");
}


/* It is not even looked for. */

static void
test_no_names(void **state)
{
    fake.conf.subscribe_names = 0;
    test_admitted(NULL, &test_uuid, 0);
    ngx_unit_traced("by uuid");

    test_refused(NULL, &test_name, 0, 403, "streams are subscribed to by their "
                 "uuid here, not by a name");
    ngx_unit_traced();
}


static void
test_token(void **state)
{
    test_refused(GRANT, &test_name, 0, 403, "the token does not list it");

    test_lists = "uuid prices#all;";
    test_admitted(GRANT, &test_name, 0);
    test_admitted(GRANT, &test_uuid, 0);
    test_refused(GRANT, &test_name, 1, 403, "the token does not list it");

    /* each of the keys */

    test_lists = "uuid prices#a;";
    test_admitted(GRANT, &test_name, 1);
    test_refused(GRANT, &test_name, 2, 403, "the token does not list it");

    test_lists = "uuid prices#a;uuid prices#b;";
    test_admitted(GRANT, &test_name, 2);
    test_refused(GRANT, &test_name, 0, 403, "the token does not list it");

    /* one without a name has none */

    test_stream.name_len = 0;
    test_lists = "uuid -#all;uuid -#a;";
    assert_int_equal(ngx_ess_multi_admit_grant(GRANT, &test_stream, NULL, 0),
                     NGX_OK);
    assert_int_equal(ngx_ess_multi_admit_grant(GRANT, &test_stream, test_keys,
                                               1), NGX_OK);
}


static void
test_unknown(void **state)
{
    test_there = 0;
    test_refused(GRANT, &test_name, 0, 403, "the token does not list it");
    test_refused(GRANT, &test_uuid, 0, 403, "the token does not list it");

    test_lists = "none prices#all;";
    test_refused(GRANT, &test_name, 0, 404, "there is no such stream");

    test_lists = "uuid -#all;";
    test_refused(GRANT, &test_uuid, 0, 404, "there is no such stream");
}


/* Who may have keys of it, or all of it. */

static void
test_no_rule(void **state)
{
    test_stream.rule_len = 0;
    test_admitted(NULL, &test_name, 0);
    test_refused(NULL, &test_name, 1, 409, "the stream has no rule for keys: "
                 "subscribe to all of it");
    test_refused(GRANT, &test_name, 1, 403, "the token does not list it");
}


static void
test_entry(void **state)
{
    ngx_ess_subscriber_entry_t  entry;

    memset(&entry, 0, sizeof(entry));
    test_stream.ref.id = 7;
    test_stream.kind.follows = 1;
    test_stream.untold = 1;

    ngx_ess_multi_admit_entry(&fake.conf, &test_stream, &entry);
    assert_int_equal(entry.ref.id, 7);
    assert_true(entry.follow && entry.live && entry.untold);
    assert_false(entry.poison);

    fake.conf.subscribe_poison = 1;
    ngx_ess_multi_admit_entry(&fake.conf, &test_stream, &entry);
    assert_true(entry.poison);

    /* what does not follow has no past of its own */

    test_stream.kind.follows = 0;
    ngx_ess_multi_admit_entry(&fake.conf, &test_stream, &entry);
    assert_false(entry.follow || entry.live || entry.poison);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_without_token),
        TEST(test_no_names),
        TEST(test_token),
        TEST(test_unknown),
        TEST(test_no_rule),
        TEST(test_entry)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
