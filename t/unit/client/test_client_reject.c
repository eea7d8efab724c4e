/*
 * Who is not let in: what is counted, what is answered, and that the connection
 * does not stay.
 *
 * links: src/client/ngx_ess_client_reject.c t/unit/fake_problem.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "fake_problem.h"
#include "ngx_ess_client_reject.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, fake_client_teardown)


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);
    fake.request.keepalive = 1;

    return 0;
}


static void
test_rejected(void **state)
{
    assert_int_equal(ngx_ess_client_rejected(NGX_ESS_REJECTED_ORIGIN, 403),
                     403);
    assert_int_equal(fake.counters[NGX_ESS_C_REJECTED
                                   + NGX_ESS_REJECTED_ORIGIN], 1);
    assert_true(fake.request.keepalive);
}


static void
test_full(void **state)
{
    assert_int_equal(ngx_ess_client_reject_full(&fake.request), 503);
    assert_string_equal(fake_problem, "the server's worker has as many clients "
                        "as \"ess_max_clients\" allows: try again a little "
                        "later");
    ngx_unit_traced("Retry-After: 1");

    assert_false(fake.request.keepalive);
    assert_int_equal(fake.counters[NGX_ESS_C_REJECTED
                                   + NGX_ESS_REJECTED_CLIENTS], 1);
}


/* A WebSocket's client comes again after an error, an EventSource after the end
   of its events only. */

static void
test_away(void **state)
{
    assert_int_equal(ngx_ess_client_reject_away(&fake.request, &fake_ws), 503);
    ngx_unit_traced("Retry-After: 1");
    assert_false(fake.request.keepalive);

    fake.request.keepalive = 1;
    assert_int_equal(ngx_ess_client_reject_away(&fake.request, &fake_sse),
                     NGX_OK);
    ngx_unit_traced("start without session", "last");
    assert_false(fake.request.keepalive);

    fake.start = NGX_ERROR;
    assert_int_equal(ngx_ess_client_reject_away(&fake.request, &fake_sse),
                     NGX_ERROR);
    ngx_unit_traced("start without session");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_rejected),
        TEST(test_full),
        TEST(test_away)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
