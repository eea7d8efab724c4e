/*
 * A client of "ess.v1" renews its token: what it is answered, when it ends
 * then, and which subscriptions are over.
 *
 * links: src/client/ngx_ess_v1_token.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_client_ping.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_v1_token.h"


#define TEST_CELLS  4

#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static ngx_ess_v1_t           test_v1;
static ngx_ess_multi_t        test_multi;
static uint32_t               test_buckets[2];
static ngx_ess_feed_t         test_feeds[TEST_CELLS];
static ngx_ess_multi_cell_t   test_cells[TEST_CELLS];  /* the first is none */
static uint64_t               test_listed;  /* bits: ids of streams */
static uint64_t               test_gone;    /* likewise: there is none */
static ngx_int_t              test_renew;
static time_t                 test_expires;
static char                   test_grants[2];

#define OLD  ((ngx_ess_jwt_grant_t *) &test_grants[0])
#define NEW  ((ngx_ess_jwt_grant_t *) &test_grants[1])


ngx_int_t
ngx_ess_jwt_grant_renew(ngx_ess_jwt_grant_t *old, ngx_str_t *token,
    ngx_log_t *log, ngx_ess_jwt_grant_t **grant, ngx_str_t *reason)
{
    assert_ptr_equal(old, OLD);
    ngx_unit_trace("renew %.*s", (int) token->len, token->data);

    *grant = NEW;
    ngx_str_set(reason, "another subject");

    return test_renew;
}


time_t
ngx_ess_jwt_grant_expires(ngx_ess_jwt_grant_t *grant)
{
    assert_ptr_equal(grant, NEW);

    return test_expires;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    assert_ptr_equal(grant, OLD);
    ngx_unit_trace("release");
}


void
ngx_ess_client_ping_wait(ngx_ess_client_t *client, ngx_msec_t delay)
{
    ngx_unit_trace("wait %d", (int) delay);
}


ngx_int_t
ngx_ess_v1_answer_error(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    ngx_ess_command_error_t *error)
{
    ngx_unit_trace("error %d %.*s", (int) error->code,
                   (int) error->message.len, error->message.data);

    return fake.done;
}


ngx_int_t
ngx_ess_v1_answer_token(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    time_t expires)
{
    ngx_unit_trace("expires %lld", (long long) expires);

    return fake.done;
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    info->ref.id = id;

    return (test_gone & (1 << id)) ? NGX_DECLINED : NGX_OK;
}


void
ngx_ess_client_stream_known(ngx_ess_stream_info_t *info,
    ngx_ess_client_named_t *named)
{
    named->uuid.len = info->ref.id;
}


ngx_uint_t
ngx_ess_client_stream_listed(ngx_ess_jwt_grant_t *grant,
    ngx_ess_client_named_t *named, ngx_str_t *keys, ngx_uint_t nkeys)
{
    assert_ptr_equal(grant, NEW);

    if (nkeys) {
        ngx_unit_trace("keys of %d: %d, %.*s", (int) named->uuid.len,
                       (int) nkeys, (int) keys[0].len, keys[0].data);
    }

    return (test_listed & (1 << named->uuid.len)) != 0;
}


ngx_ess_multi_cell_t *
ngx_ess_multi_cell(uint32_t number)
{
    assert_in_range(number, 1, TEST_CELLS - 1);

    return &test_cells[number];
}


/* Out of the table: here, the first one of its bucket. */

void
ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    uint32_t  *p;

    ngx_unit_trace("end %d %d %s", (int) sub->number, (int) code, reason);

    for (p = &test_buckets[0]; p < test_buckets + 2; p++) {

        if (*p == sub->number) {
            *p = sub->next;
            test_multi.table.n--;
            sub->next = 0;
            sub->lane = NULL;
            return;
        }
    }

    fail();
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    (void) fake_client_setup(state);

    memset(&test_v1, 0, sizeof(test_v1));
    memset(&test_multi, 0, sizeof(test_multi));
    memset(test_feeds, 0, sizeof(test_feeds));
    memset(test_cells, 0, sizeof(test_cells));

    test_listed = ~(uint64_t) 0;
    test_gone = 0;
    test_renew = NGX_OK;
    test_expires = 1700000600;

    test_v1.multi = &test_multi;
    test_v1.grant = OLD;
    ngx_str_set(&test_v1.cmd.token, "t.o.k");
    test_multi.client = fake.client;
    fake.client->expires = 1700000100;
    fake.conf.ping_interval = 30;

    /* 1 and 2 in one bucket, 3 in the other */

    for (i = 1; i < TEST_CELLS; i++) {
        test_feeds[i].lane.feed = &test_feeds[i];
        test_feeds[i].ref.id = i;
        test_cells[i].sub.lane = &test_feeds[i].lane;
        test_cells[i].sub.number = i;
    }

    test_cells[1].sub.next = 2;
    test_buckets[0] = 1;
    test_buckets[1] = 3;
    test_multi.table.buckets = test_buckets;
    test_multi.table.mask = 1;
    test_multi.table.n = 3;

    return 0;
}


static void
test_renewed(void **state)
{
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "expires 1700000600");
    assert_ptr_equal(test_v1.grant, NEW);
    assert_int_equal(fake.client->expires, 1700000600);
}


/* The client's timer waits for the end that it knew. */

static void
test_sooner(void **state)
{
    test_expires = 1700000050;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "wait 30", "expires 1700000050");

    /* never, and then at some time */

    test_v1.grant = OLD;
    test_expires = 0;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "expires 0");
    assert_int_equal(fake.client->expires, 0);

    test_v1.grant = OLD;
    test_expires = (time_t) NGX_MAX_UINT32_VALUE + 1;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "wait 30", "expires 4294967296");
    assert_int_equal(fake.client->expires, NGX_MAX_UINT32_VALUE);
}


static void
test_refused(void **state)
{
    test_renew = 403;
    test_listed = 0;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "error 403 another subject");
    assert_ptr_equal(test_v1.grant, OLD);
    assert_int_equal(fake.client->expires, 1700000100);

    test_v1.grant = NULL;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("error 401 no token let the client in, so none is "
                    "renewed");
}


/* What the new token does not list, but not what is deleted, which ends by
   itself. */

static void
test_over(void **state)
{
    test_listed = 1 << 2;
    test_gone = 1 << 3;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "expires 1700000600",
                    "end 1 3003 The new token does not list it");
    assert_int_equal(test_multi.table.n, 2);
}


static void
test_all_over(void **state)
{
    test_listed = 0;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "expires 1700000600",
                    "end 1 3003 The new token does not list it",
                    "end 2 3003 The new token does not list it",
                    "end 3 3003 The new token does not list it");
}


/* A group is asked for by its keys, and a replay by all of its own. */

static void
test_keys(void **state)
{
    ngx_str_t            keys[] = { ngx_string("a"), ngx_string("b") };
    ngx_ess_feed_keys_t  replayed = { keys, 2 };

    test_cells[1].group.group = 1;
    test_feeds[2].keys = &replayed;
    test_gone = 1 << 3;

    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_OK);
    ngx_unit_traced("renew t.o.k", "release", "expires 1700000600",
                    "keys of 2: 2, a");
}


static void
test_no_memory(void **state)
{
    fake.done = NGX_ERROR;
    test_listed = 0;
    assert_int_equal(ngx_ess_v1_token(&test_v1), NGX_ERROR);
    ngx_unit_traced("renew t.o.k", "release", "expires 1700000600");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_renewed),
        TEST(test_sooner),
        TEST(test_refused),
        TEST(test_over),
        TEST(test_all_over),
        TEST(test_keys),
        TEST(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
