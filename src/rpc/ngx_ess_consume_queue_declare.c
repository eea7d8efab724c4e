
/*
 * A queue is looked for by a passive declare, which takes it as it is, whatever
 * its arguments; when it is not there, it is declared.  All state is the
 * worker's.
 */


#include "ngx_ess_consume_queue_declare.h"


static void ngx_ess_consume_queue_declare_send(
    ngx_ess_consume_queue_declare_t *d, ngx_uint_t creates);
static void ngx_ess_consume_queue_declare_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);


void
ngx_ess_consume_queue_declare(ngx_ess_consume_queue_declare_t *d,
    ngx_ess_amqp_channel_t *admin)
{
    d->busy = 1;
    d->admin = admin;

    ngx_ess_consume_queue_declare_send(d, 0);
}


static void
ngx_ess_consume_queue_declare_send(ngx_ess_consume_queue_declare_t *d,
    ngx_uint_t creates)
{
    amqp_queue_declare_t  *declare;

    d->creates = creates;

    declare = ngx_ess_amqp_op_init(&d->op, AMQP_QUEUE_DECLARE_METHOD,
                                   ngx_ess_consume_queue_declare_answered, d);

    declare->queue.bytes = d->name->data;
    declare->queue.len = d->name->len;
    declare->passive = !creates;
    declare->durable = (creates && d->how == NGX_ESS_CONSUME_DURABLE);

    ngx_ess_amqp_op(d->admin, &d->op);
}


static void
ngx_ess_consume_queue_declare_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_consume_queue_declare_t  *d;

    d = op->data;

    if (rc == NGX_DECLINED && !d->creates && code == AMQP_NOT_FOUND
        && d->how != NGX_ESS_CONSUME_PASSIVE)
    {
        ngx_ess_consume_queue_declare_send(d, 1);
        return;
    }

    if (rc == NGX_DECLINED && d->creates && code == AMQP_PRECONDITION_FAILED) {

        /* somebody was faster, and declared it otherwise */

        rc = NGX_OK;
    }

    d->busy = 0;
    d->handler(d, rc, code, text);
}
