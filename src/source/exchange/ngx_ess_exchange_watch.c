
/*
 * The exchange.  Is it still the one that the keys were bound to?  When it is
 * deleted its bindings go, and RabbitMQ tells nobody.  So nginx has an exchange
 * of its own beside it, the witness: one that deletes itself with its last
 * binding, whose only one leads to the exchange.
 *
 *   publishers ──► exchange ──► slot queues
 *                     ▲
 *   nobody ──────► witness "ess.<node>.<exchange>"      gone: so were all
 *                                                       bindings
 *
 * Each worker binds it again once a second, which changes nothing, or fails.
 * To bind it takes the right to write to the exchange; without that only an
 * exchange that is not there is noticed.  All state is the worker's, but what
 * the zone knows: that there was a witness, and how often all was lost.
 */


#include "ngx_ess_exchange_watch.h"
#include "ngx_ess_loss.h"


#define NGX_ESS_EXCHANGE_WATCH_TIME  1000   /* ms between two looks */


static ngx_int_t ngx_ess_exchange_watch_name(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
static void ngx_ess_exchange_watch_fill(ngx_ess_exchange_declared_t *d,
    void *fields, ngx_uint_t passive);
static void ngx_ess_exchange_watch_ready(ngx_ess_exchange_declared_t *d,
    ngx_uint_t created);
static void ngx_ess_exchange_watch_failed(ngx_ess_exchange_declared_t *d,
    ngx_uint_t code, ngx_str_t *text);
static ngx_uint_t ngx_ess_exchange_watch_known(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_declare(ngx_ess_exchange_worker_t *w,
    ngx_uint_t passive);
static void ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_not_found(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w);


static const ngx_ess_exchange_declared_type_t  ngx_ess_exchange_watch_type = {
    AMQP_EXCHANGE_DECLARE_METHOD,
    "exchange \"%V\" is not as configured and is used as it is: %V",
    "broker refused the exchange",
    ngx_ess_exchange_watch_fill,
    ngx_ess_exchange_watch_ready,
    ngx_ess_exchange_watch_failed
};


ngx_int_t
ngx_ess_exchange_watch_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    w->exchange.type = &ngx_ess_exchange_watch_type;
    w->exchange.worker = w;
    w->exchange.name = w->conf->exchange;

    w->watch.number = ngx_ess_loss_number(w->zone);

    return ngx_ess_exchange_watch_name(w, cycle);
}


static ngx_int_t
ngx_ess_exchange_watch_name(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    u_char               *p;
    size_t                len;
    uint32_t              hash;
    ngx_ess_amqp_node_t  *node;

    len = sizeof("ess..") - 1 + w->conf->node.len + w->conf->exchange.len;

    if (len > NGX_ESS_EXCHANGE_NAME) {
        /* it cannot be watched */
        return NGX_OK;
    }

    p = ngx_pnalloc(cycle->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    w->watch.name.data = p;
    w->watch.name.len = ngx_sprintf(p, "ess.%V.%V", &w->conf->node,
                                    &w->conf->exchange)
                        - p;

    node = w->conf->amqp.nodes.elts;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, node->vhost.data, node->vhost.len);
    ngx_crc32_update(&hash, w->watch.name.data, w->watch.name.len);
    ngx_crc32_final(hash);

    w->watch.hash = hash ? hash : 1;

    return NGX_OK;
}


static void
ngx_ess_exchange_watch_fill(ngx_ess_exchange_declared_t *d, void *fields,
    ngx_uint_t passive)
{
    amqp_exchange_declare_t *m = fields;

    ngx_ess_exchange_worker_t  *w;

    w = d->worker;

    if (passive) {
        w->watch.there = w->watch.seen || ngx_ess_exchange_watch_known(w);
    }

    m->exchange = ngx_ess_exchange_worker_bytes(&d->name);
    m->type = amqp_cstring_bytes(w->conf->topic ? "topic" : "direct");
    m->durable = 1;
    m->passive = passive;
}


static void
ngx_ess_exchange_watch_ready(ngx_ess_exchange_declared_t *d,
    ngx_uint_t created)
{
    ngx_ess_exchange_worker_t  *w;

    w = d->worker;

    if (created) {

        if (!w->watch.anew && w->watch.there) {
            ngx_ess_exchange_watch_note(w);
        }

        w->watch.state = NGX_ESS_EXCHANGE_UNKNOWN;
        w->watch.anew = 1;
    }

    w->watch.seen = 1;

    ngx_ess_exchange_worker_gauge(w);
}


static void
ngx_ess_exchange_watch_failed(ngx_ess_exchange_declared_t *d, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = d->worker;

    ngx_cpystrn(w->exchange_text, text->data,
                ngx_min(text->len + 1, sizeof(w->exchange_text)));

    ngx_ess_exchange_worker_gauge(w);
}


void
ngx_ess_exchange_watch_tick(ngx_ess_exchange_worker_t *w)
{
    if (w->watch.number != ngx_ess_loss_number(w->zone)) {
        ngx_ess_exchange_watch_lost(w);

    } else if (ngx_current_msec - w->watch.time
               >= NGX_ESS_EXCHANGE_WATCH_TIME)
    {
        ngx_ess_exchange_watch_now(w);
    }
}


ngx_uint_t
ngx_ess_exchange_watch_settled(ngx_ess_exchange_worker_t *w)
{
    return w->watch.state == NGX_ESS_EXCHANGE_READY
           || w->watch.state == NGX_ESS_EXCHANGE_REFUSED;
}


static ngx_uint_t
ngx_ess_exchange_watch_known(ngx_ess_exchange_worker_t *w)
{
    return ngx_ess_loss_witness(w->zone) == w->watch.hash;
}


void
ngx_ess_exchange_watch(ngx_ess_exchange_worker_t *w)
{
    if (w->admin == NULL
        || w->exchange.state != NGX_ESS_EXCHANGE_READY
        || w->watch.state != NGX_ESS_EXCHANGE_UNKNOWN
        || w->watch.busy)
    {
        return;
    }

    if (w->watch.name.len == 0) {
        w->watch.state = NGX_ESS_EXCHANGE_REFUSED;
        return;
    }

    if (w->watch.anew) {
        w->watch.state = NGX_ESS_EXCHANGE_CREATE;
        ngx_ess_exchange_watch_declare(w, 0);
        return;
    }

    w->watch.state = NGX_ESS_EXCHANGE_LOOKUP;

    ngx_ess_exchange_watch_look(w);
}


void
ngx_ess_exchange_watch_now(ngx_ess_exchange_worker_t *w)
{
    if (w->admin && !w->watch.busy
        && w->exchange.state == NGX_ESS_EXCHANGE_READY
        && ngx_ess_exchange_watch_settled(w))
    {
        ngx_ess_exchange_watch_look(w);
    }
}


static void
ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w)
{
    w->watch.time = ngx_current_msec;
    w->watch.number_then = w->watch.number;
    w->watch.known = ngx_ess_exchange_watch_known(w);

    if (w->watch.state == NGX_ESS_EXCHANGE_REFUSED) {
        ngx_ess_exchange_watch_declare(w, 1);

    } else {
        ngx_ess_exchange_watch_bind(w);
    }
}


/* Makes the witness; with "passive": is the exchange there, at least? */

static void
ngx_ess_exchange_watch_declare(ngx_ess_exchange_worker_t *w,
    ngx_uint_t passive)
{
    ngx_str_t                *name;
    amqp_exchange_declare_t  *m;

    w->watch.busy = 1;

    name = passive ? &w->conf->exchange : &w->watch.name;

    m = ngx_ess_amqp_op_init(&w->watch.op, AMQP_EXCHANGE_DECLARE_METHOD,
                             ngx_ess_exchange_watch_answered, w);

    m->exchange = ngx_ess_exchange_worker_bytes(name);
    m->type = amqp_cstring_bytes("fanout");
    m->durable = 1;
    m->auto_delete = 1;
    m->internal = 1;
    m->passive = passive;

    ngx_ess_amqp_op(w->admin, &w->watch.op);
}


static void
ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w)
{
    amqp_exchange_bind_t  *m;

    w->watch.busy = 1;

    m = ngx_ess_amqp_op_init(&w->watch.op, AMQP_EXCHANGE_BIND_METHOD,
                             ngx_ess_exchange_watch_answered, w);

    m->source = ngx_ess_exchange_worker_bytes(&w->watch.name);
    m->destination = ngx_ess_exchange_worker_bytes(&w->conf->exchange);

    ngx_ess_amqp_op(w->admin, &w->watch.op);
}


static void
ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = op->data;
    w->watch.busy = 0;

    if (rc == NGX_ABORT) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_ess_exchange_watch_well(w);

    } else if (code == AMQP_NOT_FOUND) {
        ngx_ess_exchange_watch_not_found(w);

    } else if (w->watch.state != NGX_ESS_EXCHANGE_REFUSED) {
        w->watch.state = NGX_ESS_EXCHANGE_REFUSED;
        w->watch.anew = 0;

        ngx_ess_amqp_trouble_once(w->session, NGX_LOG_NOTICE,
                                  "the exchange cannot be watched", code, text);
    }

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w)
{
    if (w->watch.state == NGX_ESS_EXCHANGE_CREATE) {
        w->watch.state = NGX_ESS_EXCHANGE_COMPARE;
        ngx_ess_exchange_watch_bind(w);

    } else if (w->watch.state == NGX_ESS_EXCHANGE_LOOKUP
               || w->watch.state == NGX_ESS_EXCHANGE_COMPARE)
    {
        w->watch.state = NGX_ESS_EXCHANGE_READY;
        w->watch.anew = 0;

        if (!ngx_ess_exchange_watch_known(w)) {
            ngx_ess_loss_set_witness(w->zone, w->watch.hash);
        }
    }
}


/* The witness is gone, or was never made; or the exchange is, too. */

static void
ngx_ess_exchange_watch_not_found(ngx_ess_exchange_worker_t *w)
{
    if (w->watch.state == NGX_ESS_EXCHANGE_CREATE
        || w->watch.state == NGX_ESS_EXCHANGE_COMPARE)
    {
        /* the exchange went meanwhile */

        w->watch.state = NGX_ESS_EXCHANGE_UNKNOWN;
        ngx_ess_exchange_worker_gone(w);

    } else if (w->watch.number_then != w->watch.number) {

        /* noticed by another worker since it was asked */

        return;

    } else if (w->watch.state == NGX_ESS_EXCHANGE_LOOKUP && !w->watch.known) {
        w->watch.state = NGX_ESS_EXCHANGE_CREATE;
        ngx_ess_exchange_watch_declare(w, 0);

    } else {
        ngx_ess_exchange_watch_lost(w);
    }
}


void
ngx_ess_exchange_watch_lost(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_note(w);

    w->watch.state = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_exchange_worker_gone(w);
    ngx_ess_exchange_worker_kick(w);
}


/* Once for all workers, and for each of them. */

static void
ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    if (ngx_ess_loss_exchange(w->zone, &w->watch.number)) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "bindings of exchange \"%V\" are gone, events "
                      "published until they are made again are lost",
                      &w->conf->exchange);
    }

    w->watch.anew = 1;
    w->exchange.differs = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (w->slots[i].own) {
            w->lost |= (ngx_uint_t) 1 << i;
        }
    }

    w->rebind |= w->lost;

    ngx_ess_exchange_worker_gauge(w);
}
