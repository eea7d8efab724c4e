/*
 * Grants: what a claim's list lets in, and which token renews which.
 *
 * links: src/auth/ngx_ess_jwt_grant.c src/ngx_ess_str.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_jwt_conf.h"
#include "ngx_ess_jwt_grant.h"


#define UUID  "0123456789abcdef0123456789abcdef"


static ngx_time_t           now;
volatile ngx_time_t        *ngx_cached_time = &now;

static ngx_ess_jwt_conf_t   conf;
static ngx_uint_t           fails;          /* 1: there is no memory */


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return fails ? NULL : malloc(size);
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    return fails ? NULL : malloc(size);
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    free(pool);
}


/* A token is its claims here, or what is wrong with it. */

ngx_int_t
ngx_ess_jwt_token_verify(ngx_ess_jwt_policy_t *policy, ngx_str_t *token,
    time_t time, ngx_pool_t *pool, ngx_str_t *claims, time_t *expires,
    const char **reason)
{
    assert_ptr_equal(policy, &conf.policy);
    assert_non_null(pool);

    if (token->data[0] != '{') {
        *reason = (char *) token->data;
        return NGX_DECLINED;
    }

    *claims = *token;
    *expires = 17;

    return NGX_OK;
}


static ngx_ess_jwt_grant_t *
grant_of(const char *claims)
{
    ngx_str_t  text;

    text.data = (u_char *) claims;
    text.len = strlen(claims);

    return ngx_ess_jwt_grant_create(&conf, &text, 42, NULL);
}


static ngx_uint_t
allows(const char *claims, const char *uuid, const char *name,
    const char *key)
{
    ngx_str_t             texts[3], *given[3];
    ngx_uint_t            i, yes;
    const char           *said[3];
    ngx_ess_jwt_grant_t  *grant;

    grant = grant_of(claims);
    assert_non_null(grant);

    said[0] = uuid;
    said[1] = name;
    said[2] = key;

    for (i = 0; i < 3; i++) {
        texts[i].data = (u_char *) said[i];
        texts[i].len = said[i] ? strlen(said[i]) : 0;
        given[i] = said[i] ? &texts[i] : NULL;
    }

    yes = ngx_ess_jwt_grant_allows(grant, given[0], given[1], given[2]);

    ngx_ess_jwt_grant_release(grant);

    return yes;
}


#define YES(list, uuid, name, key)                                            \
    assert_int_equal(allows("{\"s\":" list "}", uuid, name, key), 1)

#define NO(list, uuid, name, key)                                             \
    assert_int_equal(allows("{\"s\":" list "}", uuid, name, key), 0)


static void
test_whole_streams(void **state)
{
    ngx_str_set(&conf.streams, "s");

    YES("\"*\"", UUID, NULL, NULL);
    YES("[\"x\",\"*\"]", UUID, "name", "key");

    YES("\"" UUID "\"", UUID, NULL, NULL);
    YES("[1,null,\"" UUID "\"]", UUID, "name", "key");
    YES("[\"other\",\"name\"]", UUID, "name", NULL);
    YES("[\"other\",\"name\"]", UUID, "name", "key");
    YES("\"name\"", NULL, "name", NULL);

    NO("\"name\"", UUID, NULL, NULL);
    NO("\"nam\"", UUID, "name", NULL);
    NO("\"names\"", UUID, "name", NULL);
    NO("\"Name\"", UUID, "name", NULL);
    NO("\"\"", UUID, "", NULL);
    NO("[]", UUID, "name", NULL);
    NO("{\"name\":\"name\"}", UUID, "name", NULL);
    NO("[[\"name\"]]", UUID, "name", NULL);
    NO("17", UUID, "17", NULL);
    NO("null", UUID, "null", NULL);
    NO("\"na*\"", UUID, "name", NULL);

    /* the claim is missing; what stands behind it is not its */

    assert_int_equal(allows("{}", UUID, "name", NULL), 0);
    assert_int_equal(allows("{\"S\":\"name\"}", UUID, "name", NULL), 0);
    assert_int_equal(allows("{\"s\":\"x\",\"t\":\"name\"}", UUID, "name",
                            NULL), 0);
}


static void
test_keys(void **state)
{
    ngx_str_set(&conf.streams, "s");

    YES("\"name#eu\"", UUID, "name", "eu");
    YES("\"" UUID "#eu\"", UUID, "name", "eu");
    YES("[\"name#us\",\"name#eu\"]", UUID, "name", "eu");
    NO("\"name#eu\"", UUID, "name", "eur");
    NO("\"name#eu\"", UUID, "name", "e");
    NO("\"name#eu\"", UUID, "names", "eu");
    NO("\"name#eu\"", UUID, NULL, "eu");

    /* all of it is more than one key, or all that begin so */

    NO("\"name#eu\"", UUID, "name", NULL);
    NO("\"name#eu*\"", UUID, "name", NULL);
    NO("\"name#*\"", UUID, "name", NULL);

    YES("\"name#eu*\"", UUID, "name", "eu");
    YES("\"name#eu*\"", UUID, "name", "eu.de");
    NO("\"name#eu*\"", UUID, "name", "us");
    NO("\"name#eu*\"", UUID, "name", "e");
    YES("\"name#*\"", UUID, "name", "x");
    YES("\"name#a#b\"", UUID, "name", "a#b");
    YES("\"name#a*b\"", UUID, "name", "a*b");
    NO("\"name#\"", UUID, "name", "x");
    NO("\"*#eu\"", UUID, "name", "eu");
}


/* The location does not say "streams=", or no token let the client in. */

static void
test_everything(void **state)
{
    ngx_str_t  name = ngx_string("name");

    ngx_str_null(&conf.streams);

    assert_int_equal(allows("{\"s\":[]}", UUID, "name", NULL), 1);

    assert_int_equal(ngx_ess_jwt_grant_allows(NULL, &name, NULL, NULL), 1);
    assert_int_equal(ngx_ess_jwt_grant_expires(NULL), 0);
    assert_null(ngx_ess_jwt_grant_hold(NULL));
    ngx_ess_jwt_grant_release(NULL);
}


static ngx_int_t
renews(const char *before, const char *token)
{
    ngx_int_t             rc;
    ngx_str_t             text, reason;
    ngx_ess_jwt_grant_t  *old, *grant;

    old = grant_of(before);
    assert_non_null(old);

    text.data = (u_char *) token;
    text.len = strlen(token);

    rc = ngx_ess_jwt_grant_renew(old, &text, NULL, &grant, &reason);

    if (rc == NGX_OK) {
        assert_ptr_not_equal(grant, old);
        assert_int_equal(ngx_ess_jwt_grant_expires(grant), 17);
        ngx_ess_jwt_grant_release(grant);

    } else {
        assert_true(reason.len > 0);
    }

    assert_int_equal(ngx_ess_jwt_grant_expires(old), 42);
    ngx_ess_jwt_grant_release(old);

    return rc;
}


static void
test_renewed(void **state)
{
    ngx_str_t             token, reason;
    ngx_ess_jwt_grant_t  *old, *grant;

    ngx_str_set(&conf.streams, "s");

    assert_int_equal(renews("{\"sub\":\"a\"}", "{\"sub\":\"a\"}"), NGX_OK);
    assert_int_equal(renews("{}", "{}"), NGX_OK);
    assert_int_equal(renews("{\"sub\":5}", "{\"sub\":5}"), NGX_OK);

    assert_int_equal(renews("{\"sub\":\"a\"}", "{\"sub\":\"b\"}"), 403);
    assert_int_equal(renews("{\"sub\":\"a\"}", "{}"), 403);
    assert_int_equal(renews("{}", "{\"sub\":\"a\"}"), 403);
    assert_int_equal(renews("{\"sub\":\"\"}", "{}"), 403);
    assert_int_equal(renews("{\"sub\":5}", "{\"sub\":\"5\"}"), 403);
    assert_int_equal(renews("{\"sub\":5}", "{\"sub\":6}"), 403);

    assert_int_equal(renews("{}", "it has expired"), 401);

    ngx_str_set(&token, "it has expired");
    assert_int_equal(ngx_ess_jwt_grant_renew(NULL, &token, NULL, &grant,
                                             &reason), 401);

    old = grant_of("{}");
    assert_int_equal(ngx_ess_jwt_grant_renew(old, &token, NULL, &grant,
                                             &reason), 401);
    assert_memory_equal(reason.data, "the token was refused: it has expired",
                        reason.len);
    ngx_ess_jwt_grant_release(old);
}


static void
test_no_memory(void **state)
{
    ngx_str_t             token = ngx_string("{}");
    ngx_str_t             reason;
    ngx_ess_jwt_grant_t  *old, *grant;

    old = grant_of("{}");

    fails = 1;
    assert_null(grant_of("{\"s\":\"x\"}"));
    assert_int_equal(ngx_ess_jwt_grant_renew(old, &token, NULL, &grant,
                                             &reason), 500);
    fails = 0;

    assert_ptr_equal(ngx_ess_jwt_grant_hold(old), old);
    ngx_ess_jwt_grant_release(old);
    assert_int_equal(ngx_ess_jwt_grant_expires(old), 42);
    ngx_ess_jwt_grant_release(old);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole_streams),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
