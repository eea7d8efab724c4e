/*
 * A queue is looked for, and declared when it is not there, if it may be.
 *
 * links: src/rpc/ngx_ess_consume_queue_declare.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_queue_declare.h"
#include "ngx_trace.h"


#define ADMIN  ((ngx_ess_amqp_channel_t *) &test_name)


static ngx_str_t                        test_name = ngx_string("q");
static ngx_ess_consume_queue_declare_t  test_declare;
static ngx_ess_amqp_op_t               *test_op;
static ngx_uint_t                       test_again;     /* from the handler */


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    amqp_queue_declare_t  *d;

    assert_ptr_equal(ch, ADMIN);
    assert_null(test_op);
    assert_int_equal(op->method, AMQP_QUEUE_DECLARE_METHOD);

    test_op = op;
    d = &op->fields.queue_declare;

    assert_false(d->exclusive);
    assert_false(d->auto_delete);
    assert_false(d->nowait);
    assert_int_equal(d->arguments.num_entries, 0);

    ngx_unit_trace("%s %.*s%s", d->passive ? "find" : "declare",
                   (int) d->queue.len, (char *) d->queue.bytes,
                   d->durable ? " durable" : "");
}


static void
handler(ngx_ess_consume_queue_declare_t *d, ngx_int_t rc, ngx_uint_t code,
    ngx_str_t *text)
{
    assert_ptr_equal(d, &test_declare);
    assert_false(d->busy);

    ngx_unit_trace("%d %d %.*s", (int) rc, (int) code, (int) text->len,
                   (char *) text->data);

    if (test_again) {
        test_again = 0;
        ngx_ess_consume_queue_declare(d, ADMIN);
    }
}


static void
begin(ngx_ess_consume_declare_e how)
{
    ngx_unit_trace_clear();

    memset(&test_declare, 0, sizeof(test_declare));

    test_declare.name = &test_name;
    test_declare.how = how;
    test_declare.handler = handler;
    test_op = NULL;
    test_again = 0;

    ngx_ess_consume_queue_declare(&test_declare, ADMIN);
    assert_true(test_declare.busy);
    ngx_unit_traced("find q");
}


static void
answer(ngx_int_t rc, ngx_uint_t code, const char *words)
{
    ngx_str_t           text;
    ngx_ess_amqp_op_t  *op;

    text.data = (u_char *) words;
    text.len = strlen(words);

    op = test_op;
    test_op = NULL;

    op->handler(op, rc, NULL, code, &text);
}


/* As it is: what it was declared with does not matter. */

static void
test_there(void **state)
{
    ngx_uint_t  how;

    for (how = NGX_ESS_CONSUME_PASSIVE; how <= NGX_ESS_CONSUME_TRANSIENT;
         how++)
    {
        begin(how);
        answer(NGX_OK, 0, "");
        ngx_unit_traced("0 0 ");
    }
}


static void
test_not_there(void **state)
{
    begin(NGX_ESS_CONSUME_PASSIVE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    ngx_unit_traced("-5 404 none");
    assert_false(test_declare.creates);

    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    ngx_unit_traced("declare q durable");
    assert_true(test_declare.busy);
    answer(NGX_OK, 0, "");
    ngx_unit_traced("0 0 ");

    begin(NGX_ESS_CONSUME_TRANSIENT);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    ngx_unit_traced("declare q");
    answer(NGX_OK, 0, "");
    ngx_unit_traced("0 0 ");
}


/* Another worker declared it meanwhile, or somebody else, otherwise. */

static void
test_somebody_was_faster(void **state)
{
    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    answer(NGX_DECLINED, AMQP_PRECONDITION_FAILED, "inequivalent");
    ngx_unit_traced("declare q durable", "0 406 inequivalent");

    /* when it is looked for that is no answer of a queue */

    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_PRECONDITION_FAILED, "whatever");
    ngx_unit_traced("-5 406 whatever");
}


static void
test_refused(void **state)
{
    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_ACCESS_REFUSED, "no right");
    ngx_unit_traced("-5 403 no right");
    assert_false(test_declare.creates);

    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    answer(NGX_DECLINED, AMQP_ACCESS_REFUSED, "no right");
    ngx_unit_traced("declare q durable", "-5 403 no right");
    assert_true(test_declare.creates);

    /* it went between the two */

    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "no vhost");
    ngx_unit_traced("declare q durable", "-5 404 no vhost");
}


static void
test_connection_is_gone(void **state)
{
    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_ABORT, 0, "");
    ngx_unit_traced("-6 0 ");

    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    answer(NGX_ABORT, 0, "");
    ngx_unit_traced("declare q durable", "-6 0 ");
}


/* The handler may begin anew, and it begins by looking. */

static void
test_again_at_once(void **state)
{
    begin(NGX_ESS_CONSUME_DURABLE);
    answer(NGX_DECLINED, AMQP_NOT_FOUND, "none");
    test_again = 1;
    answer(NGX_OK, 0, "");
    ngx_unit_traced("declare q durable", "0 0 ", "find q");
    assert_true(test_declare.busy);
    assert_false(test_declare.creates);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_there),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_somebody_was_faster),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_connection_is_gone),
        cmocka_unit_test(test_again_at_once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
