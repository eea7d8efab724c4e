/*
 * What is declared is looked up, made when it is not there, and used as it is
 * when it differs, which is said, and found out, once.
 *
 * links: src/source/exchange/ngx_ess_exchange_declare.c
 * links: t/unit/source/exchange/fake_op.c t/unit/ngx_trace.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_op.h"
#include "ngx_ess_exchange_declare.h"
#include "ngx_trace.h"


#define INEQUIVALENT  "PRECONDITION_FAILED - inequivalent arg 'type'"


static ngx_ess_exchange_worker_t    *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_declared_t   declared;


static void
fill(ngx_ess_exchange_declared_t *d, void *fields, ngx_uint_t passive)
{
    amqp_queue_declare_t *m = fields;

    m->queue = amqp_cstring_bytes("q");
    m->passive = passive;
}


static void
ready(ngx_ess_exchange_declared_t *d, ngx_uint_t created)
{
    assert_int_equal(d->state, NGX_ESS_EXCHANGE_READY);
    ngx_unit_trace("%s", created ? "created" : "ready");
}


static void
failed(ngx_ess_exchange_declared_t *d, ngx_uint_t code, ngx_str_t *text)
{
    assert_int_equal(d->state, NGX_ESS_EXCHANGE_REFUSED);
    ngx_unit_trace("failed");
}


static void
waiting(ngx_ess_exchange_worker_t *w, ngx_ess_exchange_slot_t *slot,
    ngx_str_t *text)
{
    assert_ptr_equal(slot, &w->slots[2]);
    ngx_unit_trace("told");
}


static const ngx_ess_exchange_declared_type_t  type = {
    AMQP_QUEUE_DECLARE_METHOD, "it differs", "it was refused",
    fill, ready, failed
};


static int
setup(void **state)
{
    fake_op_init();
    ngx_memzero(&declared, sizeof(ngx_ess_exchange_declared_t));

    worker->refused = waiting;

    declared.type = &type;
    declared.worker = worker;
    declared.slot = &worker->slots[2];

    return 0;
}


static void
test_there(void **state)
{
    ngx_ess_exchange_declare(&declared);
    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced("lookup queue q");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("declare queue q");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("ready", "kick");

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced();
}


static void
test_not_there(void **state)
{
    ngx_ess_exchange_declare(&declared);
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("lookup queue q", "declare queue q");

    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("created", "kick");
}


/* somebody else made it meanwhile, otherwise */

static void
test_overtaken(void **state)
{
    ngx_ess_exchange_declare(&declared);
    fake_op_refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("lookup queue q", "declare queue q");

    fake_op_refuse(AMQP_PRECONDITION_FAILED, INEQUIVALENT);
    ngx_unit_traced("log: it differs", "ready", "kick");
}


static void
test_differs(void **state)
{
    ngx_ess_exchange_declare(&declared);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup queue q", "declare queue q");

    fake_op_refuse(AMQP_PRECONDITION_FAILED, INEQUIVALENT);
    ngx_unit_traced("log: it differs", "ready", "kick");

    declared.state = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_exchange_declare(&declared);
    fake_op_answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup queue q", "ready", "kick");
}


/* the right to look it up is not the right to declare it */

static void
test_forbidden(void **state)
{
    ngx_ess_exchange_declare(&declared);
    fake_op_answer(NGX_OK, 0, "");
    fake_op_refuse(AMQP_ACCESS_REFUSED, "ACCESS_REFUSED");
    ngx_unit_traced("lookup queue q", "declare queue q", "ready", "kick");
}


/* limits of a virtual host have the same code as what differs */

static void
test_refused(void **state)
{
    ngx_uint_t  i;

    static const char  *texts[] = { "queue limit is reached", "not allowed" };

    for (i = 0; i < 2; i++) {
        declared.state = NGX_ESS_EXCHANGE_UNKNOWN;

        ngx_ess_exchange_declare(&declared);
        fake_op_refuse(AMQP_NOT_FOUND, "no queue");
        ngx_unit_traced("lookup queue q", "declare queue q");

        fake_op_refuse(i ? AMQP_ACCESS_REFUSED : AMQP_PRECONDITION_FAILED, texts[i]);
        ngx_unit_traced(i ? "it was refused 403" : "it was refused 406",
                        "failed", "told", "retry", "kick");

        /* not before somebody says so */

        ngx_ess_exchange_declare(&declared);
        ngx_unit_traced();
    }
}


static void
test_no_session(void **state)
{
    ngx_ess_amqp_channel_t  *admin;

    admin = worker->admin;
    worker->admin = NULL;

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced();

    worker->admin = admin;

    ngx_ess_exchange_declare(&declared);
    fake_op_answer(NGX_ABORT, 0, "");
    ngx_unit_traced("lookup queue q");

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced("lookup queue q");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_there, setup),
        cmocka_unit_test_setup(test_not_there, setup),
        cmocka_unit_test_setup(test_overtaken, setup),
        cmocka_unit_test_setup(test_differs, setup),
        cmocka_unit_test_setup(test_forbidden, setup),
        cmocka_unit_test_setup(test_refused, setup),
        cmocka_unit_test_setup(test_no_session, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
