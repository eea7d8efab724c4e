/*
 * Which names of queues clients and publishers may have to do with, and what a
 * location allows a body.
 *
 * links: src/rpc/ngx_ess_rpc_conf.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_rpc_conf.h"


static ngx_uint_t
queue(const char *name)
{
    ngx_str_t  s;

    s.data = (u_char *) name;
    s.len = strlen(name);

    return ngx_ess_rpc_conf_queue(&s);
}


static void
test_names(void **state)
{
    char  name[257];

    memset(name, 'a', sizeof(name));

    name[256] = '\0';
    assert_false(queue(name));
    name[255] = '\0';
    assert_true(queue(name));

    assert_false(queue(""));
    assert_true(queue("a"));
    assert_true(queue("ess"));
    assert_true(queue("essay"));
    assert_true(queue("amqp"));
    assert_true(queue("my.ess.queue"));

    assert_false(queue("ess."));
    assert_false(queue("ess.test.3"));
    assert_false(queue("amq."));
    assert_false(queue("amq.gen-abc"));
}


static void
test_bodies(void **state)
{
    ngx_uint_t                i;
    ngx_http_core_loc_conf_t  clcf;

    static const struct {
        off_t   max;
        size_t  is;
    } row[] = {
        { 1, 1 }, { 1048576, 1048576 },
        { NGX_ESS_RPC_MAX_BODY, NGX_ESS_RPC_MAX_BODY },
        { NGX_ESS_RPC_MAX_BODY + 1, NGX_ESS_RPC_MAX_BODY },
        { NGX_MAX_OFF_T_VALUE, NGX_ESS_RPC_MAX_BODY },
        { 0, NGX_ESS_RPC_MAX_BODY }             /* any */
    };

    memset(&clcf, 0, sizeof(clcf));

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        clcf.client_max_body_size = row[i].max;
        assert_int_equal(ngx_ess_rpc_conf_max_body(&clcf), row[i].is);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bodies)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
