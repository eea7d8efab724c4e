/*
 * Which stream a request names, and who learns of it.
 *
 * links: src/client/ngx_ess_client_stream.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/fake_problem.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c t/unit/ngx_timer.c
 * links: src/ngx_ess_name.c src/ngx_ess_str.c src/ngx_ess_percent.c
 */


#include "fake_client.h"
#include "fake_problem.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_jwt.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static ngx_int_t              test_allows;  /* NGX_ERROR: no memory */
static ngx_ess_client_named_t test_named;
static ngx_ess_stream_info_t  test_info;


/* a uuid is the last byte of a text of two that begins with "u" */

ngx_int_t
ngx_ess_stream_uuid_parse(u_char *uuid, ngx_str_t *text)
{
    memset(uuid, text->len ? text->data[text->len - 1] : '\0',
           NGX_ESS_UUID_LEN);

    return (text->len == 2 && text->data[0] == 'u') ? NGX_OK : NGX_DECLINED;
}


u_char *
ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid)
{
    memset(text, uuid[0], NGX_ESS_UUID_TEXT);

    return text;
}


ngx_int_t
ngx_ess_stream_by_uuid(ngx_ess_zone_t *zone, const u_char *uuid,
    ngx_ess_stream_info_t *info)
{
    if (uuid[0] == '2') {
        return NGX_DECLINED;
    }

    memset(info, 0, sizeof(ngx_ess_stream_info_t));
    info->ref.id = uuid[0];
    memcpy(info->uuid, uuid, NGX_ESS_UUID_LEN);

    if (uuid[0] == '3') {
        info->name_len = 4;
        memcpy(info->name, "name", 4);
    }

    return NGX_OK;
}


/* "name", which is that of "u3" */

ngx_int_t
ngx_ess_stream_by_name(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info)
{
    u_char  uuid[NGX_ESS_UUID_LEN];

    memset(uuid, '3', NGX_ESS_UUID_LEN);

    if (ngx_strncmp(name->data, "name", name->len) != 0) {
        return NGX_DECLINED;
    }

    return ngx_ess_stream_by_uuid(zone, uuid, info);
}


ngx_int_t
ngx_http_complex_value(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *value)
{
    *value = val->value;

    return value->data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ess_jwt_grant(ngx_http_request_t *r, ngx_ess_jwt_grant_t **grant)
{
    *grant = (ngx_ess_jwt_grant_t *) &test_allows;

    return (test_allows == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    assert_ptr_equal(grant, &test_allows);
}


/* a key that is "x" it does not list */

ngx_uint_t
ngx_ess_jwt_grant_allows(ngx_ess_jwt_grant_t *grant, ngx_str_t *uuid,
    ngx_str_t *name, ngx_str_t *key)
{
    ngx_unit_trace("%c %.*s %.*s",
                   uuid->len ? uuid->data[NGX_ESS_UUID_TEXT - 1] : '-',
                   name->len ? (int) name->len : 1,
                   name->len ? (char *) name->data : "-",
                   key ? (int) key->len : 1, key ? (char *) key->data : "-");

    return test_allows == NGX_OK && (key == NULL || key->data[0] != 'x');
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);
    test_allows = NGX_OK;

    return 0;
}


static ngx_int_t
find(const char *uri, ngx_str_t *key)
{
    fake.request.uri.data = (u_char *) uri;
    fake.request.uri.len = strlen(uri);

    return ngx_ess_client_stream(&fake.request, key, &test_named, &test_info);
}


static void
test_found(void **state)
{
    ngx_uint_t                i;
    ngx_http_complex_value_t  value;

    static const char  *uris[] = { "", "/", "/u1/x", "/u11" };

    for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        assert_int_equal(find(uris[i], NULL), NGX_DECLINED);
    }

    ngx_unit_traced();

    assert_int_equal(find("/x/u1", NULL), NGX_OK);
    assert_int_equal(test_info.ref.id, '1');
    assert_int_equal(find("/x/u1/", NULL), NGX_OK);
    assert_int_equal(find("/x/u2", NULL), NGX_DECLINED);
    ngx_unit_traced("1 - -", "1 - -", "2 - -");

    /* what the directive says counts, not the path */

    memset(&value, 0, sizeof(value));
    ngx_str_set(&value.value, "u1");
    fake.conf.subscribe_uuid = &value;
    assert_int_equal(find("/x", NULL), NGX_OK);

    value.value.data = NULL;
    assert_int_equal(find("/x", NULL), NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_unit_traced("1 - -");
}


/* A token may list the name of a stream whose uuid is asked for; who may not
   have a stream does not learn whether it is there. */

static void
test_allowed(void **state)
{
    ngx_str_t  key = ngx_string("key");

    assert_int_equal(find("/u3", &key), NGX_OK);
    ngx_unit_traced("3 name key");
    assert_int_equal(fake.counters[NGX_ESS_C_REJECTED
                                   + NGX_ESS_REJECTED_CLAIM], 0);

    test_allows = NGX_DECLINED;
    assert_int_equal(find("/u3", NULL), NGX_HTTP_FORBIDDEN);
    assert_int_equal(find("/u2", NULL), NGX_HTTP_FORBIDDEN);
    ngx_unit_traced("3 name -", "2 - -");
    assert_int_equal(fake.counters[NGX_ESS_C_REJECTED
                                   + NGX_ESS_REJECTED_CLAIM], 2);

    test_allows = NGX_ERROR;
    assert_int_equal(find("/u1", NULL), NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_unit_traced();
}


/* Each of the keys that are asked for. */

static void
test_keys(void **state)
{
    ngx_str_t             keys[] = {
        ngx_string("a"), ngx_string("b"), ngx_string("x")
    };
    ngx_ess_jwt_grant_t  *grant;

    assert_int_equal(ngx_ess_jwt_grant(&fake.request, &grant), NGX_OK);
    assert_int_equal(find("/u3", NULL), NGX_OK);
    ngx_unit_trace_clear();

    assert_true(ngx_ess_client_stream_listed(grant, &test_named, keys, 0));
    assert_true(ngx_ess_client_stream_listed(grant, &test_named, keys, 2));
    assert_false(ngx_ess_client_stream_listed(grant, &test_named, keys, 3));
    ngx_unit_traced("3 name -", "3 name a", "3 name b",
                    "3 name a", "3 name b", "3 name x");
}


/* By name where the location says so, and no uuid is there. */

static void
test_by_name(void **state)
{
    ngx_http_complex_value_t  uuid, name;

    memset(&uuid, 0, sizeof(uuid));
    memset(&name, 0, sizeof(name));

    ngx_str_set(&name.value, "name");
    fake.conf.subscribe_name = &name;

    assert_int_equal(find("/u1", NULL), NGX_OK);
    assert_int_equal(test_info.ref.id, '3');
    ngx_unit_traced("3 name -");

    /* what it was asked by stays when the stream's own does not */

    assert_true(test_named.named);
    assert_ptr_equal(test_named.name.data, name.value.data);

    ngx_str_set(&uuid.value, "u1");
    fake.conf.subscribe_uuid = &uuid;
    assert_int_equal(find("/x", NULL), NGX_OK);
    assert_int_equal(test_info.ref.id, '1');
    assert_false(test_named.named);

    ngx_str_set(&uuid.value, "");
    assert_int_equal(find("/x", NULL), NGX_OK);
    assert_int_equal(test_info.ref.id, '3');
    ngx_unit_traced("1 - -", "3 name -");

    /* unknown, and none at all */

    ngx_str_set(&name.value, "other");
    assert_int_equal(find("/u1", NULL), NGX_DECLINED);
    ngx_unit_traced("- other -");

    test_allows = NGX_DECLINED;
    assert_int_equal(find("/u1", NULL), NGX_HTTP_FORBIDDEN);
    ngx_unit_traced("- other -");

    ngx_str_set(&name.value, "a#b");
    assert_int_equal(find("/u1", NULL), NGX_DECLINED);
    ngx_str_set(&name.value, "");
    assert_int_equal(find("/u1", NULL), NGX_DECLINED);
    ngx_unit_traced();

    /* of the query string it is as it was sent */

    fake.conf.subscribe_name_query = 1;
    assert_int_equal(find("/u1", NULL), NGX_DECLINED);
    ngx_str_set(&name.value, "n%61me%");
    assert_int_equal(find("/u1", NULL), NGX_DECLINED);
    ngx_unit_traced();

    test_allows = NGX_OK;
    ngx_str_set(&name.value, "n%61me");
    assert_int_equal(find("/u1", NULL), NGX_OK);
    assert_int_equal(test_info.ref.id, '3');
    ngx_unit_traced("3 name -");

    name.value.data = NULL;
    assert_int_equal(find("/u1", NULL), NGX_HTTP_INTERNAL_SERVER_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_found),
        TEST(test_by_name),
        TEST(test_allowed),
        TEST(test_keys)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
