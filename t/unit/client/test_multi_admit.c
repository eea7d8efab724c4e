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
#include "ngx_ess_client_stream.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_name.h"


#define GRANT  ((ngx_ess_jwt_grant_t *) &test_listed)

#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static ngx_str_t                 test_uuid = ngx_string("u-u-i-d");
static ngx_str_t                 test_name = ngx_string("prices");
static ngx_str_t                 test_keys[] = {
    ngx_string("a"), ngx_string("b")
};

static ngx_uint_t                test_there;    /* the stream is */
static ngx_uint_t                test_declared; /* so is it */
static ngx_ess_stream_info_t     test_stream;
static ngx_int_t                 test_listed;   /* that many keys; -1: nothing
                                                   of it */
static ngx_ess_stream_info_t     test_info;
static ngx_ess_command_error_t   test_error;


ngx_uint_t
ngx_ess_name_is_uuid(ngx_str_t *name)
{
    return name == &test_uuid;
}


ngx_int_t
ngx_ess_client_stream_find(ngx_str_t *text, ngx_ess_client_named_t *named,
    ngx_ess_stream_info_t *info)
{
    memset(named, 0, sizeof(*named));
    named->named = (text != &test_uuid);

    if (!test_there) {
        return NGX_DECLINED;
    }

    *info = test_stream;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_client_stream_listed(ngx_ess_jwt_grant_t *grant,
    ngx_ess_client_named_t *named, ngx_str_t *keys, ngx_uint_t nkeys)
{
    return grant == NULL || (ngx_int_t) nkeys <= test_listed;
}


ngx_uint_t
ngx_ess_registry_created_declared(ngx_str_t *name)
{
    return test_declared;
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    test_there = 1;
    test_declared = 0;
    test_listed = -1;
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

    test_there = 0;
    test_refused(NULL, &test_uuid, 0, 404, "there is no such stream");
}


/* Whether there is one is not said either. */

static void
test_no_names(void **state)
{
    fake.conf.subscribe_names = 0;
    test_admitted(NULL, &test_uuid, 0);

    test_refused(NULL, &test_name, 0, 403, "streams are subscribed to by their "
                 "uuid here, not by a name");
    test_there = 0;
    test_refused(NULL, &test_name, 0, 403, "streams are subscribed to by their "
                 "uuid here, not by a name");
}


static void
test_token(void **state)
{
    test_refused(GRANT, &test_name, 0, 403, "the token does not list it");

    test_listed = 1;
    test_admitted(GRANT, &test_name, 1);
    test_refused(GRANT, &test_name, 2, 403, "the token does not list it");
}


static void
test_unknown(void **state)
{
    test_there = 0;
    test_refused(GRANT, &test_name, 1, 403, "the token does not list it");

    test_listed = 1;
    test_refused(GRANT, &test_name, 1, 404, "there is no such stream");
    test_refused(GRANT, &test_uuid, 0, 404, "there is no such stream");

    /* not yet */

    test_declared = 1;
    test_refused(GRANT, &test_name, 1, 503, "the stream is being made: try "
                 "again a little later");
    test_listed = 0;
    test_refused(GRANT, &test_name, 1, 403, "the token does not list it");
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
