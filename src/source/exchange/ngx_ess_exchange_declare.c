
/*
 * The exchange: looked up first, made when it is not there, and used as it is
 * when it differs.  All state is the worker's.
 */


#include "ngx_ess_exchange_declare.h"
#include "ngx_ess_exchange_publish.h"
#include "ngx_ess_exchange_watch.h"


struct ngx_ess_exchange_declare_s {
    ngx_ess_amqp_op_t            op;
    unsigned                     known:1;   /* it was there before it was
                                               looked up */
    unsigned                     seen:1;    /* by this process, ever */
};


static void ngx_ess_exchange_declare_send(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_declared_e state);
static void ngx_ess_exchange_declare_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_declare_ready(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_declare_refused(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_declare_compared(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text);


ngx_int_t
ngx_ess_exchange_declare_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    w->declare = ngx_pcalloc(cycle->pool, sizeof(ngx_ess_exchange_declare_t));

    return w->declare ? NGX_OK : NGX_ERROR;
}


void
ngx_ess_exchange_declare(ngx_ess_exchange_worker_t *w)
{
    if (w->exchange == NGX_ESS_EXCHANGE_UNKNOWN) {
        ngx_ess_exchange_declare_send(w, NGX_ESS_EXCHANGE_LOOKUP);
    }
}


static void
ngx_ess_exchange_declare_send(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_declared_e state)
{
    amqp_exchange_declare_t     *m;
    ngx_ess_exchange_declare_t  *d;

    d = w->declare;

    w->exchange = state;

    if (state == NGX_ESS_EXCHANGE_LOOKUP) {
        d->known = d->seen || ngx_ess_exchange_watch_known(w);
    }

    m = ngx_ess_amqp_op_init(&d->op, AMQP_EXCHANGE_DECLARE_METHOD,
                             ngx_ess_exchange_declare_answered, w);

    m->exchange = ngx_ess_exchange_worker_bytes(&w->conf->exchange);
    m->type = amqp_cstring_bytes(w->conf->topic ? "topic" : "direct");
    m->durable = 1;
    m->passive = (state == NGX_ESS_EXCHANGE_LOOKUP);

    ngx_ess_amqp_op(w->admin, &d->op);
}


static void
ngx_ess_exchange_declare_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = op->data;

    if (rc == NGX_ABORT) {
        w->exchange = NGX_ESS_EXCHANGE_UNKNOWN;
        return;
    }

    if (rc == NGX_OK) {

        if (w->exchange == NGX_ESS_EXCHANGE_LOOKUP && !w->exchange_differs) {
            ngx_ess_exchange_declare_send(w, NGX_ESS_EXCHANGE_COMPARE);
            return;
        }

        if (w->exchange == NGX_ESS_EXCHANGE_CREATE) {
            ngx_ess_exchange_watch_created(w, w->declare->known);
        }

        ngx_ess_exchange_declare_ready(w);

    } else if (w->exchange == NGX_ESS_EXCHANGE_LOOKUP
               && code == AMQP_NOT_FOUND)
    {
        ngx_ess_exchange_declare_send(w, NGX_ESS_EXCHANGE_CREATE);
        return;

    } else if (w->exchange == NGX_ESS_EXCHANGE_COMPARE) {
        ngx_ess_exchange_declare_compared(w, code, text);

    } else {
        ngx_ess_exchange_declare_refused(w, code, text);
    }

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_declare_ready(ngx_ess_exchange_worker_t *w)
{
    w->exchange = NGX_ESS_EXCHANGE_READY;
    w->declare->seen = 1;

    ngx_ess_exchange_worker_gauge(w);
    ngx_ess_exchange_publish_pump();
}


static void
ngx_ess_exchange_declare_refused(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text)
{
    w->exchange = NGX_ESS_EXCHANGE_REFUSED;

    ngx_cpystrn(w->exchange_text, text->data,
                ngx_min(text->len + 1, sizeof(w->exchange_text)));

    ngx_ess_exchange_worker_refused(w, "broker refused the exchange", code,
                                    text);

    ngx_ess_exchange_worker_gauge(w);
    w->refused(w, NULL, text);
    ngx_ess_exchange_publish_pump();
    ngx_ess_exchange_worker_retry(w);
}


/* the exchange is there, but could not be declared: it may be used */

static void
ngx_ess_exchange_declare_compared(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text)
{
    /* not asked again: each refusal costs the channel */
    w->exchange_differs = 1;

    if (code == AMQP_PRECONDITION_FAILED) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "exchange \"%V\" is not as configured and is used as "
                      "it is: %V", &w->conf->exchange, text);
    }

    ngx_ess_exchange_declare_ready(w);
}
