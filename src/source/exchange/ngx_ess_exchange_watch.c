
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


#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_loss.h"


#define NGX_ESS_EXCHANGE_WATCH_TIME  1000   /* ms between two looks */


static ngx_int_t ngx_ess_exchange_watch_name(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
static void ngx_ess_exchange_watch_tick(ngx_event_t *ev);
static void ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_declare(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_passive(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_not_found(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w);


ngx_int_t
ngx_ess_exchange_watch_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    if (ngx_ess_exchange_watch_name(w, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    w->losses = ngx_ess_loss_number(w->zone);

    w->watch.handler = ngx_ess_exchange_watch_tick;
    w->watch.data = w;
    w->watch.log = w->log;
    w->watch.cancelable = 1;

    ngx_add_timer(&w->watch, NGX_ESS_EXCHANGE_WATCH_TIME);

    return NGX_OK;
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

    w->witness_name.data = p;
    w->witness_name.len = ngx_sprintf(p, "ess.%V.%V", &w->conf->node,
                                      &w->conf->exchange)
                          - p;

    node = w->conf->amqp.nodes.elts;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, node->vhost.data, node->vhost.len);
    ngx_crc32_update(&hash, w->witness_name.data, w->witness_name.len);
    ngx_crc32_final(hash);

    w->witness_hash = hash ? hash : 1;

    return NGX_OK;
}


void
ngx_ess_exchange_watch_exit(ngx_ess_exchange_worker_t *w)
{
    if (w->watch.timer_set) {
        ngx_del_timer(&w->watch);
    }
}


void
ngx_ess_exchange_watch_reset(ngx_ess_exchange_worker_t *w)
{
    w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
}


static void
ngx_ess_exchange_watch_tick(ngx_event_t *ev)
{
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    if (w->draining) {
        return;
    }

    if (w->losses != ngx_ess_loss_number(w->zone)) {
        ngx_ess_exchange_watch_lost(w);

    } else if (ngx_current_msec - w->watched >= NGX_ESS_EXCHANGE_WATCH_TIME) {
        ngx_ess_exchange_watch_now(w);
    }

    ngx_add_timer(ev, ngx_ess_exchange_rebind_tick(w));
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
    return ngx_ess_loss_witness(w->zone) == w->witness_hash;
}


void
ngx_ess_exchange_watch(ngx_ess_exchange_worker_t *w)
{
    if (w->admin == NULL
        || w->exchange != NGX_ESS_EXCHANGE_READY
        || w->witness != NGX_ESS_EXCHANGE_UNKNOWN
        || w->watch_busy)
    {
        return;
    }

    if (w->witness_name.len == 0) {
        w->witness = NGX_ESS_EXCHANGE_REFUSED;
        return;
    }

    if (w->witness_anew) {
        ngx_ess_exchange_watch_declare(w);
        return;
    }

    w->witness = NGX_ESS_EXCHANGE_LOOKUP;

    ngx_ess_exchange_watch_look(w);
}


void
ngx_ess_exchange_watch_now(ngx_ess_exchange_worker_t *w)
{
    if (w->admin && !w->watch_busy
        && w->exchange == NGX_ESS_EXCHANGE_READY
        && ngx_ess_exchange_watch_settled(w))
    {
        ngx_ess_exchange_watch_look(w);
    }
}


static void
ngx_ess_exchange_watch_look(ngx_ess_exchange_worker_t *w)
{
    w->watched = ngx_current_msec;
    w->watch_losses = w->losses;
    w->watch_known = ngx_ess_exchange_watch_known(w);

    if (w->witness == NGX_ESS_EXCHANGE_REFUSED) {
        ngx_ess_exchange_watch_passive(w);

    } else {
        ngx_ess_exchange_watch_bind(w);
    }
}


static void
ngx_ess_exchange_watch_declare(ngx_ess_exchange_worker_t *w)
{
    amqp_exchange_declare_t  *m;

    w->witness = NGX_ESS_EXCHANGE_CREATE;
    w->watch_busy = 1;

    m = &w->watch_method.declare;
    ngx_memzero(m, sizeof(amqp_exchange_declare_t));

    m->exchange.bytes = w->witness_name.data;
    m->exchange.len = w->witness_name.len;
    m->type = amqp_cstring_bytes("fanout");
    m->durable = 1;
    m->auto_delete = 1;
    m->internal = 1;

    ngx_ess_amqp_op(w->admin, &w->watch_op, AMQP_EXCHANGE_DECLARE_METHOD, m,
                    AMQP_EXCHANGE_DECLARE_OK_METHOD,
                    ngx_ess_exchange_watch_answered, w);
}


static void
ngx_ess_exchange_watch_bind(ngx_ess_exchange_worker_t *w)
{
    amqp_exchange_bind_t  *m;

    w->watch_busy = 1;

    m = &w->watch_method.bind;
    ngx_memzero(m, sizeof(amqp_exchange_bind_t));

    m->source.bytes = w->witness_name.data;
    m->source.len = w->witness_name.len;
    m->destination.bytes = w->conf->exchange.data;
    m->destination.len = w->conf->exchange.len;

    ngx_ess_amqp_op(w->admin, &w->watch_op, AMQP_EXCHANGE_BIND_METHOD, m,
                    AMQP_EXCHANGE_BIND_OK_METHOD,
                    ngx_ess_exchange_watch_answered, w);
}


/* Is the exchange there, at least? */

static void
ngx_ess_exchange_watch_passive(ngx_ess_exchange_worker_t *w)
{
    amqp_exchange_declare_t  *m;

    w->watch_busy = 1;

    m = &w->watch_method.declare;
    ngx_memzero(m, sizeof(amqp_exchange_declare_t));

    m->exchange.bytes = w->conf->exchange.data;
    m->exchange.len = w->conf->exchange.len;
    m->type = amqp_cstring_bytes("direct");
    m->passive = 1;

    ngx_ess_amqp_op(w->admin, &w->watch_op, AMQP_EXCHANGE_DECLARE_METHOD, m,
                    AMQP_EXCHANGE_DECLARE_OK_METHOD,
                    ngx_ess_exchange_watch_answered, w);
}


static void
ngx_ess_exchange_watch_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = op->data;

    w->watch_busy = 0;

    if (rc == NGX_ABORT) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_ess_exchange_watch_well(w);

    } else if (code == AMQP_NOT_FOUND) {
        ngx_ess_exchange_watch_not_found(w);

    } else if (w->witness != NGX_ESS_EXCHANGE_REFUSED) {
        w->witness = NGX_ESS_EXCHANGE_REFUSED;
        w->witness_anew = 0;

        ngx_ess_amqp_trouble_once(w->session, NGX_LOG_NOTICE,
                                  "the exchange cannot be watched", code, text);
    }

    ngx_ess_exchange_kick(w);
}


static void
ngx_ess_exchange_watch_well(ngx_ess_exchange_worker_t *w)
{
    switch (w->witness) {

    case NGX_ESS_EXCHANGE_CREATE:
        w->witness = NGX_ESS_EXCHANGE_COMPARE;
        ngx_ess_exchange_watch_bind(w);
        break;

    case NGX_ESS_EXCHANGE_LOOKUP:
    case NGX_ESS_EXCHANGE_COMPARE:
        w->witness = NGX_ESS_EXCHANGE_READY;
        w->witness_anew = 0;

        if (ngx_ess_loss_witness(w->zone) != w->witness_hash) {
            ngx_ess_loss_set_witness(w->zone, w->witness_hash);
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
    switch (w->witness) {

    case NGX_ESS_EXCHANGE_CREATE:
    case NGX_ESS_EXCHANGE_COMPARE:

        /* the exchange went meanwhile */

        w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
        ngx_ess_exchange_gone(w);
        break;

    default:

        if (w->watch_losses != w->losses) {
            /* noticed by another worker since it was asked */
            break;
        }

        if (w->witness == NGX_ESS_EXCHANGE_LOOKUP && !w->watch_known) {
            ngx_ess_exchange_watch_declare(w);
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

    ngx_ess_exchange_gone(w);
    ngx_ess_exchange_kick(w);
}


void
ngx_ess_exchange_watch_created(ngx_ess_exchange_worker_t *w)
{
    if (!w->witness_anew && w->exchange_known) {
        ngx_ess_exchange_watch_note(w);
    }

    w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
    w->witness_anew = 1;
}


/* Once for all workers, and for each of them. */

static void
ngx_ess_exchange_watch_note(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    if (ngx_ess_loss_exchange(w->zone, &w->losses)) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "bindings of exchange \"%V\" are gone, events "
                      "published until they are made again are lost",
                      &w->conf->exchange);
    }

    w->witness_anew = 1;
    w->exchange_differs = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (w->slots[i].own) {
            w->lost |= (ngx_uint_t) 1 << i;
        }
    }

    w->rebind_next |= w->lost;

    ngx_ess_exchange_watch_gauge(w);
}


void
ngx_ess_exchange_watch_gauge(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i, n;

    n = w->nrestores + (w->exchange == NGX_ESS_EXCHANGE_REFUSED);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        n += (w->lost >> i) & 1;
    }

    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_UNBOUND, n);
}
