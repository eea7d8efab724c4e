
/*
 * Is the exchange still the one that the keys were bound to?  When it is
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


struct ngx_ess_exchange_watch_s {
    ngx_str_t                    name;      /* empty: cannot be watched */
    uint32_t                     hash;      /* of it, for the zone */
    ngx_ess_amqp_op_t            op;
    ngx_msec_t                   time;      /* of the last look */
    uint32_t                     number;    /* of the last loss that this worker
                                               has acted on */
    uint32_t                     number_then;   /* the same, when it looked */
    unsigned                     busy:1;
    unsigned                     known:1;   /* a witness was made before */
    unsigned                     anew:1;    /* to be made, now */
};


static ngx_int_t ngx_ess_exchange_watch_name(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
static void ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_declare(ngx_ess_exchange_worker_t *w,
    ngx_uint_t passive);
static void ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_not_found(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w);


ngx_int_t
ngx_ess_exchange_watch_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    w->watch = ngx_pcalloc(cycle->pool, sizeof(ngx_ess_exchange_watch_t));
    if (w->watch == NULL) {
        return NGX_ERROR;
    }

    w->watch->number = ngx_ess_loss_number(w->zone);

    return ngx_ess_exchange_watch_name(w, cycle);
}


static ngx_int_t
ngx_ess_exchange_watch_name(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    u_char                    *p;
    size_t                     len;
    uint32_t                   hash;
    ngx_ess_amqp_node_t       *node;
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;
    len = sizeof("ess..") - 1 + w->conf->node.len + w->conf->exchange.len;

    if (len > NGX_ESS_EXCHANGE_NAME) {
        /* it cannot be watched */
        return NGX_OK;
    }

    p = ngx_pnalloc(cycle->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    x->name.data = p;
    x->name.len = ngx_sprintf(p, "ess.%V.%V", &w->conf->node,
                              &w->conf->exchange)
                  - p;

    node = w->conf->amqp.nodes.elts;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, node->vhost.data, node->vhost.len);
    ngx_crc32_update(&hash, x->name.data, x->name.len);
    ngx_crc32_final(hash);

    x->hash = hash ? hash : 1;

    return NGX_OK;
}


void
ngx_ess_exchange_watch_tick(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    if (x->number != ngx_ess_loss_number(w->zone)) {
        ngx_ess_exchange_watch_lost(w);

    } else if (ngx_current_msec - x->time >= NGX_ESS_EXCHANGE_WATCH_TIME) {
        ngx_ess_exchange_watch_now(w);
    }
}


ngx_uint_t
ngx_ess_exchange_watch_settled(ngx_ess_exchange_worker_t *w)
{
    return w->witness == NGX_ESS_EXCHANGE_READY
           || w->witness == NGX_ESS_EXCHANGE_REFUSED;
}


ngx_uint_t
ngx_ess_exchange_watch_known(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    return ngx_ess_loss_witness(w->zone) == x->hash;
}


void
ngx_ess_exchange_watch(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    if (w->admin == NULL
        || w->exchange != NGX_ESS_EXCHANGE_READY
        || w->witness != NGX_ESS_EXCHANGE_UNKNOWN
        || x->busy)
    {
        return;
    }

    if (x->name.len == 0) {
        w->witness = NGX_ESS_EXCHANGE_REFUSED;
        return;
    }

    if (x->anew) {
        w->witness = NGX_ESS_EXCHANGE_CREATE;
        ngx_ess_exchange_watch_declare(w, 0);
        return;
    }

    w->witness = NGX_ESS_EXCHANGE_LOOKUP;

    ngx_ess_exchange_watch_look(w);
}


void
ngx_ess_exchange_watch_now(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    if (w->admin && !x->busy
        && w->exchange == NGX_ESS_EXCHANGE_READY
        && ngx_ess_exchange_watch_settled(w))
    {
        ngx_ess_exchange_watch_look(w);
    }
}


static void
ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    x->time = ngx_current_msec;
    x->number_then = x->number;
    x->known = ngx_ess_exchange_watch_known(w);

    if (w->witness == NGX_ESS_EXCHANGE_REFUSED) {
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
    ngx_str_t                 *name;
    amqp_exchange_declare_t   *m;
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;
    x->busy = 1;

    name = passive ? &w->conf->exchange : &x->name;

    m = ngx_ess_amqp_op_init(&x->op, AMQP_EXCHANGE_DECLARE_METHOD,
                             ngx_ess_exchange_watch_answered, w);

    m->exchange = ngx_ess_exchange_worker_bytes(name);
    m->type = amqp_cstring_bytes("fanout");
    m->durable = 1;
    m->auto_delete = 1;
    m->internal = 1;
    m->passive = passive;

    ngx_ess_amqp_op(w->admin, &x->op);
}


static void
ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w)
{
    amqp_exchange_bind_t      *m;
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    x->busy = 1;

    m = ngx_ess_amqp_op_init(&x->op, AMQP_EXCHANGE_BIND_METHOD,
                             ngx_ess_exchange_watch_answered, w);

    m->source = ngx_ess_exchange_worker_bytes(&x->name);
    m->destination = ngx_ess_exchange_worker_bytes(&w->conf->exchange);

    ngx_ess_amqp_op(w->admin, &x->op);
}


static void
ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_watch_t   *x;
    ngx_ess_exchange_worker_t  *w;

    w = op->data;
    x = w->watch;

    x->busy = 0;

    if (rc == NGX_ABORT) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_ess_exchange_watch_well(w);

    } else if (code == AMQP_NOT_FOUND) {
        ngx_ess_exchange_watch_not_found(w);

    } else if (w->witness != NGX_ESS_EXCHANGE_REFUSED) {
        w->witness = NGX_ESS_EXCHANGE_REFUSED;
        x->anew = 0;

        ngx_ess_amqp_trouble_once(w->session, NGX_LOG_NOTICE,
                                  "the exchange cannot be watched", code, text);
    }

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    switch (w->witness) {

    case NGX_ESS_EXCHANGE_CREATE:
        w->witness = NGX_ESS_EXCHANGE_COMPARE;
        ngx_ess_exchange_watch_bind(w);
        break;

    case NGX_ESS_EXCHANGE_LOOKUP:
    case NGX_ESS_EXCHANGE_COMPARE:
        w->witness = NGX_ESS_EXCHANGE_READY;
        x->anew = 0;

        if (ngx_ess_loss_witness(w->zone) != x->hash) {
            ngx_ess_loss_set_witness(w->zone, x->hash);
        }

        break;

    default:
        break;
    }
}


/* The witness is gone, or was never made; or the exchange is, too. */

static void
ngx_ess_exchange_watch_not_found(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    switch (w->witness) {

    case NGX_ESS_EXCHANGE_CREATE:
    case NGX_ESS_EXCHANGE_COMPARE:

        /* the exchange went meanwhile */

        w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
        ngx_ess_exchange_worker_gone(w);
        break;

    default:

        if (x->number_then != x->number) {
            /* noticed by another worker since it was asked */
            break;
        }

        if (w->witness == NGX_ESS_EXCHANGE_LOOKUP && !x->known) {
            w->witness = NGX_ESS_EXCHANGE_CREATE;
            ngx_ess_exchange_watch_declare(w, 0);
            break;
        }

        ngx_ess_exchange_watch_lost(w);
    }
}


void
ngx_ess_exchange_watch_lost(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_watch_note(w);

    w->witness = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_exchange_worker_gone(w);
    ngx_ess_exchange_worker_kick(w);
}


void
ngx_ess_exchange_watch_created(ngx_ess_exchange_worker_t *w, ngx_uint_t known)
{
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    if (!x->anew && known) {
        ngx_ess_exchange_watch_note(w);
    }

    w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
    x->anew = 1;
}


/* Once for all workers, and for each of them. */

static void
ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                 i;
    ngx_ess_exchange_watch_t  *x;

    x = w->watch;

    if (ngx_ess_loss_exchange(w->zone, &x->number)) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "bindings of exchange \"%V\" are gone, events "
                      "published until they are made again are lost",
                      &w->conf->exchange);
    }

    x->anew = 1;
    w->exchange_differs = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (w->slots[i].own) {
            w->lost |= (ngx_uint_t) 1 << i;
        }
    }

    w->rebind |= w->lost;

    ngx_ess_exchange_worker_gauge(w);
}
