/*
 * Nudges: when, to whom, and with what happens to a client meanwhile.
 *
 * links: src/client/ngx_ess_client_nudge.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_client_nudge.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define TEST_MANY  600


static ngx_ess_client_t  *test_many_clients[TEST_MANY];


static void
test_handler(ngx_ess_client_t *client)
{
    ngx_unit_trace("nudge");

    if (fake.done == NGX_DONE && client->nudged) {
        ngx_ess_client_nudge_stop(client);
    }
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    ngx_ess_client_nudge_init(test_handler, &fake.log);

    fake.client->since = (uint32_t) ngx_time();
    fake.client->nudge = 1;

    return 0;
}


static int
test_teardown(void **state)
{
    if (fake.client->nudged) {
        ngx_ess_client_nudge_stop(fake.client);
    }

    return fake_client_teardown(state);
}


static void
test_posted_next(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    assert_false(ngx_queue_empty(&ngx_posted_next_events));

    q = ngx_queue_head(&ngx_posted_next_events);
    ev = ngx_queue_data(q, ngx_event_t, queue);

    ngx_delete_posted_event(ev);
    ev->handler(ev);
}


static void
test_twice(void **state)
{
    ngx_ess_client_nudge_start(fake.client);
    assert_false(fake.client->nudge);
    assert_true(fake.client->nudged);

    ngx_unit_pass(99);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("nudge");

    ngx_unit_pass(899);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("nudge");

    assert_false(fake.client->nudged);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_not_new(void **state)
{
    fake.client->since -= 3;
    ngx_ess_client_nudge_start(fake.client);
    assert_false(fake.client->nudge);
    assert_false(fake.client->nudged);

    fake.client->since += 3;
    fake.fail = 1;
    ngx_ess_client_nudge_start(fake.client);
    assert_false(fake.client->nudged);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* at any time */

static void
test_ended(void **state)
{
    ngx_ess_client_nudge_start(fake.client);
    ngx_ess_client_nudge_stop(fake.client);
    ngx_unit_pass(1000);
    ngx_unit_traced();

    ngx_ess_client_nudge_start(fake.client);
    ngx_unit_pass(100);
    ngx_unit_traced("nudge");
    ngx_ess_client_nudge_stop(fake.client);
    ngx_unit_pass(1000);
    ngx_unit_traced();

    /* by a nudge */

    ngx_ess_client_nudge_start(fake.client);
    fake.done = NGX_DONE;
    ngx_unit_pass(100);
    ngx_unit_traced("nudge");
    assert_false(fake.client->nudged);

    ngx_unit_pass(1000);
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
}


static ngx_uint_t
test_count_nudged(void)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < TEST_MANY; i++) {
        n += test_many_clients[i]->nudged;
    }

    return n;
}


/* each by itself, in slices; every third one ends before */

static void
test_many(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < TEST_MANY; i++) {
        test_many_clients[i] = calloc(1, sizeof(ngx_ess_client_t) + 16);
        assert_non_null(test_many_clients[i]);

        *test_many_clients[i] = *fake.client;
    }

    for (i = 0; i < TEST_MANY; i++) {
        ngx_ess_client_nudge_start(test_many_clients[(i * 7) % TEST_MANY]);
    }

    for (i = 0; i < TEST_MANY; i += 3) {
        ngx_ess_client_nudge_stop(test_many_clients[i]);
    }

    assert_int_equal(test_count_nudged(), TEST_MANY * 2 / 3);

    ngx_unit_pass(100);
    test_posted_next();
    assert_true(ngx_queue_empty(&ngx_posted_next_events));

    ngx_unit_pass(900);
    assert_int_equal(test_count_nudged(), TEST_MANY * 2 / 3 - 256);
    test_posted_next();
    assert_int_equal(test_count_nudged(), 0);
    assert_int_equal(ngx_unit_pending(), 0);

    for (i = 0; i < TEST_MANY; i++) {
        free(test_many_clients[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_twice),
        TEST(test_not_new),
        TEST(test_ended),
        TEST(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
