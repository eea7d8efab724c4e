
/*
 * Bindings of routing keys to slot queues: those that the API asks for, and
 * the removal of those that nobody wants; which ones are made again, and when,
 * is in _rebind.c.  An operation's memory is the worker's; it goes back when
 * the session has called its handler, cancelled or not.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_declare.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_rabbitmq_declare.h"


#define NGX_ESS_EXCHANGE_UNBINDS           1024 /* under way, or waiting */

/* a key is unbound once in this time, however many deliveries come with it */
#define NGX_ESS_EXCHANGE_UNWANTED_TIME     1000 /* ms */


typedef enum {
    NGX_ESS_EXCHANGE_BIND_API = 0,
    NGX_ESS_EXCHANGE_BIND_STREAM,           /* of the API, too: declared */
    NGX_ESS_EXCHANGE_BIND_AGAIN,
    NGX_ESS_EXCHANGE_BIND_UNBIND
} ngx_ess_exchange_bind_e;


typedef struct {
    ngx_ess_amqp_op_t            op;
    ngx_queue_t                  queue;     /* of all operations */
    ngx_queue_t                  waiting;   /* when not sent */
    ngx_ess_exchange_bind_e      type;
    ngx_ess_source_bind_t       *bind;      /* of the API */
    ngx_ess_exchange_bind_pt     handler;   /* of a key that is bound again,
                                               otherwise NULL */
    ngx_ess_exchange_slot_t     *slot;

    ngx_ess_source_options_t     options;
    amqp_table_entry_t           arguments[NGX_ESS_RABBITMQ_DECLARE_N];

    unsigned                     sent:1;
    unsigned                     retried:1;
    unsigned                     former:1;  /* it is about the slot's former
                                               queue now */
    ngx_str_t                    key;
    u_char                       data[NGX_ESS_MAX_KEY];
} ngx_ess_exchange_binding_t;


static ngx_ess_exchange_binding_t *ngx_ess_exchange_bind_alloc(
    ngx_ess_exchange_worker_t *w, ngx_ess_exchange_bind_e type,
    ngx_str_t *key);
static void ngx_ess_exchange_bind_free(ngx_ess_exchange_binding_t *b);
static void ngx_ess_exchange_bind_wait(ngx_ess_exchange_binding_t *b);
static ngx_uint_t ngx_ess_exchange_bind_late(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_bind_send(ngx_ess_exchange_binding_t *b);
static void ngx_ess_exchange_bind_declare(ngx_ess_exchange_binding_t *b);
static void ngx_ess_exchange_bind_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_bind_answer(ngx_ess_exchange_binding_t *b,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_exchange_bind_unbind_later(ngx_ess_exchange_binding_t *b);
static void ngx_ess_exchange_bind_send_unbind(ngx_ess_exchange_binding_t *b,
    ngx_str_t *queue);
static void ngx_ess_exchange_bind_done(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);


void
ngx_ess_exchange_bind_init(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_init(&w->binds.bindings);
    ngx_queue_init(&w->binds.waiting);
}


static ngx_ess_exchange_binding_t *
ngx_ess_exchange_bind_alloc(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_bind_e type, ngx_str_t *key)
{
    ngx_ess_exchange_binding_t  *b;

    /* at the exit, what others give up is no matter any more */

    if (w->session == NULL || key->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    b = ngx_calloc(sizeof(ngx_ess_exchange_binding_t), w->log);
    if (b == NULL) {
        return NULL;
    }

    b->type = type;
    b->slot = &w->slots[ngx_ess_stream_slot(key)];

    b->key.len = key->len;
    b->key.data = b->data;
    ngx_memcpy(b->data, key->data, key->len);

    ngx_queue_insert_tail(&w->binds.bindings, &b->queue);

    return b;
}


static void
ngx_ess_exchange_bind_free(ngx_ess_exchange_binding_t *b)
{
    ngx_queue_remove(&b->queue);
    ngx_free(b);
}


void
ngx_ess_exchange_bind(ngx_ess_source_bind_t *bind)
{
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_exchange_binding_t  *b;

    bind->op = NULL;

    w = &ngx_ess_exchange_worker;

    b = ngx_ess_exchange_bind_alloc(w,
                                    bind->declare
                                    ? NGX_ESS_EXCHANGE_BIND_STREAM
                                    : NGX_ESS_EXCHANGE_BIND_API,
                                    &bind->key);
    if (b == NULL) {
        /* its time limit will tell */
        return;
    }

    if (bind->declare) {
        b->options = *bind->declare;
    }

    b->bind = bind;
    bind->op = b;

    ngx_ess_exchange_bind_wait(b);
    ngx_ess_exchange_bind_waiting(w);
}


void
ngx_ess_exchange_bind_cancel(ngx_ess_source_bind_t *bind)
{
    ngx_ess_exchange_binding_t  *b;

    b = bind->op;

    if (b == NULL) {
        return;
    }

    bind->op = NULL;
    b->bind = NULL;

    if (b->sent) {
        ngx_ess_amqp_op_cancel(&b->op);
        return;
    }

    ngx_queue_remove(&b->waiting);
    ngx_ess_exchange_bind_free(b);
}


static void
ngx_ess_exchange_bind_wait(ngx_ess_exchange_binding_t *b)
{
    b->sent = 0;
    ngx_queue_insert_tail(&b->slot->worker->binds.waiting, &b->waiting);
}


void
ngx_ess_exchange_bind_waiting(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t                 *q, *next;
    ngx_ess_exchange_binding_t  *b;

    if (w->admin == NULL) {
        return;
    }

    for (q = ngx_queue_head(&w->binds.waiting);
         q != ngx_queue_sentinel(&w->binds.waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        b = ngx_queue_data(q, ngx_ess_exchange_binding_t, waiting);

        if (b->type == NGX_ESS_EXCHANGE_BIND_STREAM) {
            ngx_queue_remove(q);
            ngx_ess_exchange_bind_declare(b);
            continue;
        }

        if (b->type == NGX_ESS_EXCHANGE_BIND_UNBIND) {
            ngx_queue_remove(q);
            w->binds.unbinds--;
            ngx_ess_source_unbind(w->zone, NGX_ESS_SOURCE_EXCHANGE, &b->key);
            ngx_ess_exchange_bind_free(b);
            continue;
        }

        if (ngx_ess_exchange_bind_late(b->slot)) {
            continue;
        }

        ngx_ess_exchange_declare(&b->slot->queue);

        if (w->exchange.state == NGX_ESS_EXCHANGE_READY
            && b->slot->queue.state == NGX_ESS_EXCHANGE_READY)
        {
            ngx_queue_remove(q);
            ngx_ess_exchange_bind_send(b);
        }
    }
}


/* This worker leaves, and "queues=" was changed: what would be bound to the
   slot's queue now, behind the back of who empties that, waits in vain.  Its
   time limit tells the caller. */

static ngx_uint_t
ngx_ess_exchange_bind_late(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    return w->draining
           && ngx_ess_broker_queue(w->zone, slot->number, !w->conf->quorum)
              == NGX_ESS_BROKER_THERE;
}


static void
ngx_ess_exchange_bind_send(ngx_ess_exchange_binding_t *b)
{
    amqp_queue_bind_t          *m;
    ngx_ess_exchange_worker_t  *w;

    w = b->slot->worker;

    m = ngx_ess_amqp_op_init(&b->op, AMQP_QUEUE_BIND_METHOD,
                             (b->type == NGX_ESS_EXCHANGE_BIND_API)
                             ? ngx_ess_exchange_bind_answered
                             : ngx_ess_exchange_bind_done,
                             b);

    m->queue = ngx_ess_exchange_worker_bytes(&b->slot->queue.name);
    m->exchange = ngx_ess_exchange_worker_bytes(&w->conf->exchange);
    m->routing_key = ngx_ess_exchange_worker_bytes(&b->key);

    b->sent = 1;

    ngx_ess_amqp_op(w->admin, &b->op);
}


static void
ngx_ess_exchange_bind_declare(ngx_ess_exchange_binding_t *b)
{
    amqp_queue_declare_t  *m;

    m = ngx_ess_amqp_op_init(&b->op, AMQP_QUEUE_DECLARE_METHOD,
                             ngx_ess_exchange_bind_answered, b);

    m->queue = ngx_ess_exchange_worker_bytes(&b->key);
    m->durable = 1;
    m->arguments.entries = b->arguments;
    m->arguments.num_entries = ngx_ess_rabbitmq_declare(&b->options,
                                                        b->arguments);

    b->sent = 1;

    ngx_ess_amqp_op(b->slot->worker->admin, &b->op);
}


static void
ngx_ess_exchange_bind_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_uint_t                   gone, stream;
    ngx_ess_exchange_slot_t     *slot;
    ngx_ess_exchange_binding_t  *b;

    b = op->data;
    slot = b->slot;
    stream = (b->type == NGX_ESS_EXCHANGE_BIND_STREAM);
    gone = (code == AMQP_NOT_FOUND && !stream);

    if (b->bind == NULL) {
        ngx_ess_exchange_bind_free(b);

    } else if (rc == NGX_ABORT || (gone && !b->retried)
               || (!stream && ngx_ess_exchange_bind_late(slot)))
    {
        /* for the next session, or once more, within the caller's time */
        b->retried |= gone;
        ngx_ess_exchange_bind_wait(b);

    } else if (rc == NGX_OK || (stream && code == AMQP_PRECONDITION_FAILED)) {
        ngx_ess_exchange_bind_answer(b, rc, text);

    } else {
        if (!stream) {
            ngx_ess_amqp_trouble_once(slot->worker->session, NGX_LOG_ERR,
                                      "broker refused a binding", code, text);
        }

        ngx_ess_exchange_bind_answer(b, NGX_ERROR, text);
    }

    if (gone) {
        ngx_ess_exchange_slot_gone(slot);
        ngx_ess_exchange_worker_kick(slot->worker);
    }
}


static void
ngx_ess_exchange_bind_answer(ngx_ess_exchange_binding_t *b, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_source_bind_t  *bind;

    bind = b->bind;
    bind->op = NULL;

    ngx_ess_exchange_bind_free(b);

    bind->handler(bind, rc, text);
}


void
ngx_ess_exchange_bind_refused(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_str_t *text)
{
    ngx_queue_t                 *q, *next, refused;
    ngx_ess_exchange_binding_t  *b;

    ngx_queue_init(&refused);

    for (q = ngx_queue_head(&w->binds.waiting);
         q != ngx_queue_sentinel(&w->binds.waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        b = ngx_queue_data(q, ngx_ess_exchange_binding_t, waiting);

        if (b->type == NGX_ESS_EXCHANGE_BIND_API
            && (slot == NULL || b->slot == slot))
        {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&refused, q);
        }
    }

    /* a handler may cancel any other of them, or bind again */

    while (!ngx_queue_empty(&refused)) {
        q = ngx_queue_head(&refused);
        ngx_queue_remove(q);

        b = ngx_queue_data(q, ngx_ess_exchange_binding_t, waiting);
        ngx_ess_exchange_bind_answer(b, NGX_ERROR, text);
    }
}


ngx_int_t
ngx_ess_exchange_bind_again(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *key, ngx_ess_exchange_bind_pt handler)
{
    ngx_str_t                    s;
    ngx_ess_exchange_binding_t  *b;

    s.data = key->data;
    s.len = key->len;

    b = ngx_ess_exchange_bind_alloc(w, NGX_ESS_EXCHANGE_BIND_AGAIN, &s);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->handler = handler;

    ngx_ess_exchange_bind_send(b);

    return NGX_OK;
}


void
ngx_ess_exchange_bind_unbind(ngx_str_t *key)
{
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_exchange_binding_t  *b;

    w = &ngx_ess_exchange_worker;
    b = NULL;

    if (w->binds.unbinds < NGX_ESS_EXCHANGE_UNBINDS) {
        b = ngx_ess_exchange_bind_alloc(w, NGX_ESS_EXCHANGE_BIND_UNBIND, key);
    }

    if (b == NULL) {
        ngx_ess_stream_unbind_end(w->zone, key);
        return;
    }

    w->binds.unbinds++;

    if (w->admin == NULL) {
        ngx_ess_exchange_bind_unbind_later(b);
        return;
    }

    b->sent = 1;

    ngx_ess_exchange_bind_send_unbind(b, &b->slot->queue.name);
}


/* Without a session: asked for again once there is one.  The key is not marked
   until then, so that it can be bound. */

static void
ngx_ess_exchange_bind_unbind_later(ngx_ess_exchange_binding_t *b)
{
    ngx_ess_stream_unbind_end(b->slot->worker->zone, &b->key);
    ngx_ess_exchange_bind_wait(b);
}


static void
ngx_ess_exchange_bind_send_unbind(ngx_ess_exchange_binding_t *b,
    ngx_str_t *queue)
{
    amqp_queue_unbind_t        *m;
    ngx_ess_exchange_worker_t  *w;

    w = b->slot->worker;

    m = ngx_ess_amqp_op_init(&b->op, AMQP_QUEUE_UNBIND_METHOD,
                             ngx_ess_exchange_bind_done, b);

    m->queue = ngx_ess_exchange_worker_bytes(queue);
    m->exchange = ngx_ess_exchange_worker_bytes(&w->conf->exchange);
    m->routing_key = ngx_ess_exchange_worker_bytes(&b->key);

    ngx_ess_amqp_op(w->admin, &b->op);
}


/* A key was bound again, or unbound: then it is unbound from the slot's former
   queue as well.  Of those that were bound again this is left out when this
   worker leaves: the next one may use that queue, and have bound them to it. */

static void
ngx_ess_exchange_bind_done(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_uint_t                   former;
    ngx_ess_exchange_slot_t     *slot;
    ngx_ess_exchange_bind_pt     handler;
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_exchange_binding_t  *b;

    b = op->data;
    w = b->slot->worker;
    slot = b->slot;
    handler = b->handler;

    if (rc == NGX_DECLINED && (b->former || handler == NULL)) {

        /* with 404 the binding went with its queue or exchange */

        if (code != AMQP_NOT_FOUND) {
            ngx_ess_amqp_trouble_once(w->session, NGX_LOG_WARN,
                                      "broker refused to remove a binding",
                                      code, text);
        }

        rc = NGX_OK;
    }

    former = (slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND);

    if (handler) {
        former = former && !w->draining;

    } else {
        former |= (slot->former.state == NGX_ESS_EXCHANGE_FORMER_TAKEN);
    }

    if (rc == NGX_OK && !b->former && former) {
        b->former = 1;
        ngx_ess_exchange_bind_send_unbind(b, &slot->former.name);
        return;
    }

    if (handler) {

        /* the stream may have been deleted, and the key unbound, by another
           worker since the key was read: then it is unbound again */

        if (rc == NGX_OK) {
            ngx_ess_source_unbind(w->zone, NGX_ESS_SOURCE_EXCHANGE, &b->key);
        }

        ngx_ess_exchange_bind_free(b);

        handler(slot, rc, code, text);

    } else if (rc == NGX_ABORT) {
        ngx_ess_exchange_bind_unbind_later(b);

    } else {
        w->binds.unbinds--;

        ngx_ess_stream_unbind_end(w->zone, &b->key);
        ngx_ess_exchange_bind_free(b);
    }
}


/*
 * Deliveries with one key may come by the thousand before its binding is gone.
 * Keys that share a place have turns: a later delivery asks again.
 */

void
ngx_ess_exchange_bind_unwanted(ngx_ess_exchange_worker_t *w, ngx_str_t *key)
{
    ngx_msec_t  *last;

    last = &w->binds.unwanted[ngx_murmur_hash2(key->data, key->len)
                        % NGX_ESS_EXCHANGE_UNWANTED];

    if (ngx_current_msec - *last >= NGX_ESS_EXCHANGE_UNWANTED_TIME) {
        *last = ngx_current_msec;
        ngx_ess_source_unbind(w->zone, NGX_ESS_SOURCE_EXCHANGE, key);
    }
}


void
ngx_ess_exchange_bind_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t                 *q;
    ngx_ess_exchange_binding_t  *b;

    while (!ngx_queue_empty(&w->binds.bindings)) {
        q = ngx_queue_head(&w->binds.bindings);
        b = ngx_queue_data(q, ngx_ess_exchange_binding_t, queue);

        if (b->type == NGX_ESS_EXCHANGE_BIND_UNBIND) {
            ngx_ess_stream_unbind_end(w->zone, &b->key);
        }

        if (b->bind) {
            b->bind->op = NULL;
        }

        ngx_ess_exchange_bind_free(b);
    }

    ngx_queue_init(&w->binds.waiting);
}
