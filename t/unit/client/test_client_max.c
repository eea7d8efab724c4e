/*
 * The bound of a worker's clients: a number that is configured, or what its
 * connections leave.
 *
 * links: src/client/ngx_ess_client_max.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_trace.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_conf.h"


#define TEST_NOT_ENOUGH                                                       \
    "log: %ui \"worker_connections\" are not enough for clients "             \
    "of \"ess_subscribe\", %d are kept for all else"
#define TEST_NONE_LEFT                                                        \
    "log: \"ess_max_clients %i\" leaves none of the %ui "                     \
    "\"worker_connections\" for the API, health and the broker"


static ngx_ess_main_conf_t  test_conf;
static ngx_listening_t      test_listening[4];
static ngx_cycle_t          test_cycle;
volatile ngx_cycle_t       *ngx_cycle;


ngx_ess_main_conf_t *
ngx_ess_conf_main(ngx_cycle_t *cycle)
{
    return &test_conf;
}


static void
test_begin(ngx_int_t max, ngx_uint_t connections)
{
    static ngx_log_t  log = { .log_level = NGX_LOG_WARN };

    test_conf.max_clients = max;
    test_cycle.log = &log;
    test_cycle.connection_n = connections;
    test_cycle.listening.elts = test_listening;
    test_cycle.listening.nelts = 4;
    ngx_cycle = &test_cycle;

    ngx_ess_client_max_init(&test_cycle);
}


static void
test_number(void **state)
{
    test_begin(2, 1000);

    ngx_ess_client_max_join();
    assert_false(ngx_ess_client_max_reached());
    ngx_ess_client_max_join();
    assert_true(ngx_ess_client_max_reached());
    ngx_ess_client_max_leave();
    assert_false(ngx_ess_client_max_reached());

    test_begin(0, 1000);
    test_cycle.free_connection_n = 0;
    assert_false(ngx_ess_client_max_reached());
}


/* a twentieth of the connections is kept, and at least 16; those that wait for
   a request count as free */

static void
test_connections(void **state)
{
    test_begin(NGX_CONF_UNSET, 1000);
    test_cycle.reusable_connections_n = 20;
    test_cycle.free_connection_n = 30;
    assert_false(ngx_ess_client_max_reached());
    test_cycle.free_connection_n = 29;
    assert_true(ngx_ess_client_max_reached());

    test_begin(NGX_CONF_UNSET, 100);
    test_cycle.reusable_connections_n = 0;
    test_cycle.free_connection_n = 16;
    assert_false(ngx_ess_client_max_reached());
    test_cycle.free_connection_n = 15;
    assert_true(ngx_ess_client_max_reached());
}


/* of a worker's connections some listen: those of reuseport of others do not
   count */

static void
test_check(void **state)
{
    test_begin(NGX_CONF_UNSET, 20);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced(TEST_NOT_ENOUGH);

    test_begin(NGX_CONF_UNSET, 21);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced();

    test_begin(996, 1000);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced(TEST_NONE_LEFT);

    test_begin(995, 1000);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced();

    test_begin(1, 3);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced(TEST_NONE_LEFT);

#if (NGX_HAVE_REUSEPORT)

    test_listening[3].reuseport = 1;
    test_listening[3].worker = 1;

    test_begin(996, 1000);
    ngx_ess_client_max_check(&test_cycle);
    ngx_unit_traced();

#endif
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
