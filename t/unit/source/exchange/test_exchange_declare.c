/*
 * What is declared is looked up, made when it is not there, and used as it is
 * when it differs, which is said, and found out, once.
 *
 * links: src/source/exchange/ngx_ess_exchange_declare.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_exchange_declare.h"
#include "ngx_trace.h"


#define INEQUIVALENT  "PRECONDITION_FAILED - inequivalent arg 'type'"


ngx_ess_exchange_worker_t            ngx_ess_exchange_worker;

static ngx_log_t                     quiet = { .log_level = NGX_LOG_DEBUG };
static ngx_ess_exchange_worker_t    *worker = &ngx_ess_exchange_worker;
static ngx_ess_exchange_declared_t   declared;


void *
ngx_ess_amqp_op_init(ngx_ess_amqp_op_t *op, amqp_method_number_t method,
    ngx_ess_amqp_op_pt handler, void *data)
{
    assert_int_equal(method, AMQP_QUEUE_DECLARE_METHOD);

    op->handler = handler;
    op->data = data;

    return &op->fields;
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    assert_ptr_equal(ch, worker->admin);
    assert_ptr_equal(op, &declared.op);
}


void
ngx_ess_exchange_worker_kick(ngx_ess_exchange_worker_t *w)
{
    ngx_unit_trace("kick");
}


void
ngx_ess_exchange_worker_retry(ngx_ess_exchange_worker_t *w)
{
    ngx_unit_trace("retry");
}


void
ngx_ess_exchange_worker_refused(ngx_ess_exchange_worker_t *w, const char *what,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("%s %u", what, (unsigned) code);
}


static void
fill(ngx_ess_exchange_declared_t *d, void *fields, ngx_uint_t passive)
{
    assert_ptr_equal(fields, &d->op.fields);
    ngx_unit_trace("%s", passive ? "lookup" : "declare");
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
    memset(worker, 0, sizeof(ngx_ess_exchange_worker_t));
    memset(&declared, 0, sizeof(ngx_ess_exchange_declared_t));

    worker->log = &quiet;
    worker->refused = waiting;
    worker->admin = (ngx_ess_amqp_channel_t *) &quiet;

    declared.type = &type;
    declared.worker = worker;
    declared.slot = &worker->slots[2];

    ngx_unit_trace_clear();

    return 0;
}


static void
answer(ngx_int_t rc, ngx_uint_t code, const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    declared.op.handler(&declared.op, rc, NULL, code, &s);
}


static void
refuse(ngx_uint_t code, const char *text)
{
    answer(NGX_DECLINED, code, text);
}


static void
test_there(void **state)
{
    ngx_ess_exchange_declare(&declared);
    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced("lookup");

    answer(NGX_OK, 0, "");
    ngx_unit_traced("declare");

    answer(NGX_OK, 0, "");
    ngx_unit_traced("ready", "kick");

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced();
}


static void
test_not_there(void **state)
{
    ngx_ess_exchange_declare(&declared);
    refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("lookup", "declare");

    answer(NGX_OK, 0, "");
    ngx_unit_traced("created", "kick");
}


/* somebody else made it meanwhile, otherwise */

static void
test_overtaken(void **state)
{
    ngx_ess_exchange_declare(&declared);
    refuse(AMQP_NOT_FOUND, "no queue");
    ngx_unit_traced("lookup", "declare");

    refuse(AMQP_PRECONDITION_FAILED, INEQUIVALENT);
    ngx_unit_traced("log: it differs", "ready", "kick");
}


static void
test_differs(void **state)
{
    ngx_ess_exchange_declare(&declared);
    answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup", "declare");

    refuse(AMQP_PRECONDITION_FAILED, INEQUIVALENT);
    ngx_unit_traced("log: it differs", "ready", "kick");

    declared.state = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_exchange_declare(&declared);
    answer(NGX_OK, 0, "");
    ngx_unit_traced("lookup", "ready", "kick");
}


/* the right to look it up is not the right to declare it */

static void
test_forbidden(void **state)
{
    ngx_ess_exchange_declare(&declared);
    answer(NGX_OK, 0, "");
    refuse(AMQP_ACCESS_REFUSED, "ACCESS_REFUSED");
    ngx_unit_traced("lookup", "declare", "ready", "kick");
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
        refuse(AMQP_NOT_FOUND, "no queue");
        ngx_unit_traced("lookup", "declare");

        refuse(i ? AMQP_ACCESS_REFUSED : AMQP_PRECONDITION_FAILED, texts[i]);
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
    worker->admin = NULL;

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced();

    worker->admin = (ngx_ess_amqp_channel_t *) &quiet;

    ngx_ess_exchange_declare(&declared);
    answer(NGX_ABORT, 0, "");
    ngx_unit_traced("lookup");

    ngx_ess_exchange_declare(&declared);
    ngx_unit_traced("lookup");
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
