
/*
 * What is declared: the exchange, and the queues of slots, which any worker may
 * declare, for a binding.  Whoever waits for it is told by a kick.  All state
 * is the worker's.
 */


#include "ngx_ess_exchange_declare.h"


static void ngx_ess_exchange_declare_send(ngx_ess_exchange_declared_t *d,
    ngx_ess_exchange_declared_e state);
static void ngx_ess_exchange_declare_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_declare_failed(ngx_ess_exchange_declared_t *d,
    ngx_uint_t code, ngx_str_t *text);
static ngx_uint_t ngx_ess_exchange_declare_usable(
    ngx_ess_exchange_declared_t *d, ngx_uint_t code, ngx_str_t *text);


void
ngx_ess_exchange_declare(ngx_ess_exchange_declared_t *d)
{
    if (d->state == NGX_ESS_EXCHANGE_UNKNOWN && d->worker->admin) {
        ngx_ess_exchange_declare_send(d, NGX_ESS_EXCHANGE_LOOKUP);
    }
}


static void
ngx_ess_exchange_declare_send(ngx_ess_exchange_declared_t *d,
    ngx_ess_exchange_declared_e state)
{
    void  *fields;

    d->state = state;

    fields = ngx_ess_amqp_op_init(&d->op, d->type->method,
                                  ngx_ess_exchange_declare_answered, d);

    d->type->fill(d, fields, state == NGX_ESS_EXCHANGE_LOOKUP);

    ngx_ess_amqp_op(d->worker->admin, &d->op);
}


static void
ngx_ess_exchange_declare_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_declared_t  *d;
    ngx_ess_exchange_declared_e   state;

    d = op->data;
    state = d->state;

    if (rc == NGX_ABORT) {
        d->state = NGX_ESS_EXCHANGE_UNKNOWN;
        return;
    }

    if (state == NGX_ESS_EXCHANGE_LOOKUP) {

        if (rc == NGX_OK && !d->differs) {
            ngx_ess_exchange_declare_send(d, NGX_ESS_EXCHANGE_COMPARE);
            return;
        }

        if (code == AMQP_NOT_FOUND) {
            ngx_ess_exchange_declare_send(d, NGX_ESS_EXCHANGE_CREATE);
            return;
        }
    }

    if (rc == NGX_OK || ngx_ess_exchange_declare_usable(d, code, text)) {
        d->state = NGX_ESS_EXCHANGE_READY;

        /* not asked again: each refusal costs the channel */
        d->differs |= (rc != NGX_OK);

        if (code == AMQP_PRECONDITION_FAILED) {
            ngx_log_error(NGX_LOG_WARN, d->worker->log, 0, d->type->differs,
                          &d->name, text);
        }

        d->type->ready(d, rc == NGX_OK && state == NGX_ESS_EXCHANGE_CREATE);

    } else {
        ngx_ess_exchange_declare_failed(d, code, text);
    }

    ngx_ess_exchange_worker_kick(d->worker);
}


/* It is not there, or the node that has it is not. */

static void
ngx_ess_exchange_declare_failed(ngx_ess_exchange_declared_t *d,
    ngx_uint_t code, ngx_str_t *text)
{
    d->state = NGX_ESS_EXCHANGE_REFUSED;

    ngx_ess_exchange_worker_refused(d->worker, d->type->refused, code, text);

    d->type->failed(d, code, text);
    d->worker->refused(d->worker, d->slot, text);

    ngx_ess_exchange_worker_retry(d->worker);
}


/* 1: it is there, although it could not be declared; somebody may have been
   faster.  Of queues, limits of a virtual host answer with the same code. */

static ngx_uint_t
ngx_ess_exchange_declare_usable(ngx_ess_exchange_declared_t *d,
    ngx_uint_t code, ngx_str_t *text)
{
    if (d->state == NGX_ESS_EXCHANGE_COMPARE
        && (d->slot == NULL || code == AMQP_ACCESS_REFUSED))
    {
        return 1;
    }

    return d->state != NGX_ESS_EXCHANGE_LOOKUP
           && code == AMQP_PRECONDITION_FAILED
           && ngx_strlcasestrn(text->data, text->data + text->len,
                               (u_char *) "inequivalent arg", 16 - 1);
}
