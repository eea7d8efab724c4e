
/*
 * Which RabbitMQ streams this worker follows, or waits for another worker to
 * follow.  Runs in a worker; what is common to all is in the zone: see
 * ngx_ess_follow.h.
 */


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_rabbitmq_follower.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_follow.h"


/* ms; between looks at the follower, and while somebody waits for it */
#define NGX_ESS_RABBITMQ_STREAMS_TICK  500
#define NGX_ESS_RABBITMQ_STREAMS_POLL  20


static ngx_ess_rabbitmq_follower_t *ngx_ess_rabbitmq_streams_find(
    ngx_ess_exchange_worker_t *w, uint64_t id);
static ngx_ess_rabbitmq_follower_t *ngx_ess_rabbitmq_streams_create(
    ngx_ess_exchange_worker_t *w, ngx_ess_stream_ref_t *ref, ngx_str_t *key);
static void ngx_ess_rabbitmq_streams_free(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_streams_ask(ngx_event_t *ev);
static void ngx_ess_rabbitmq_streams_asked(ngx_ess_rabbitmq_follower_t *live);
static ngx_uint_t ngx_ess_rabbitmq_streams_missing(
    ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_streams_tick(ngx_event_t *ev);
static ngx_uint_t ngx_ess_rabbitmq_streams_unused(
    ngx_ess_rabbitmq_follower_t *live);


void
ngx_ess_rabbitmq_streams_init(ngx_ess_exchange_worker_t *w)
{
    ngx_rbtree_init(&w->live, &w->live_sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&w->lives);
    ngx_queue_init(&w->readers);

    w->live_tick.handler = ngx_ess_rabbitmq_streams_tick;
    w->live_tick.data = w;
    w->live_tick.log = w->log;
    w->live_tick.cancelable = 1;
}


void
ngx_ess_rabbitmq_streams_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t                  *q;
    ngx_ess_rabbitmq_follower_t  *live;

    while (!ngx_queue_empty(&w->lives)) {
        q = ngx_queue_head(&w->lives);
        live = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        ngx_ess_rabbitmq_streams_answer(live, NGX_BUSY);

        if (live->mine) {
            (void) ngx_ess_follow_release(w->zone, &live->ref, 1,
                                          &w->live_wake);
        }

        ngx_ess_rabbitmq_streams_free(live);
    }

    ngx_ess_amqp_reader_session_destroyed(&w->readers);

    ngx_ess_notify_wake(w->zone, &w->live_wake);

    if (w->live_tick.timer_set) {
        ngx_del_timer(&w->live_tick);
    }
}


static ngx_ess_rabbitmq_follower_t *
ngx_ess_rabbitmq_streams_find(ngx_ess_exchange_worker_t *w, uint64_t id)
{
    ngx_rbtree_key_t      key;
    ngx_rbtree_node_t    *node;

    key = (ngx_rbtree_key_t) id;
    node = w->live.root;

    while (node != &w->live_sentinel) {

        if (node->key == key) {
            return ngx_rbtree_data(node, ngx_ess_rabbitmq_follower_t, node);
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_ess_rabbitmq_follower_t *
ngx_ess_rabbitmq_streams_create(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_ref_t *ref, ngx_str_t *key)
{
    ngx_ess_rabbitmq_follower_t  *live;

    if (key->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    live = ngx_calloc(sizeof(ngx_ess_rabbitmq_follower_t), w->log);
    if (live == NULL) {
        return NULL;
    }

    live->worker = w;
    live->ref = *ref;
    live->used = ngx_current_msec;

    live->key.len = key->len;
    live->key.data = live->data;
    ngx_memcpy(live->data, key->data, key->len);

    live->timer.handler = ngx_ess_rabbitmq_follower_timer;
    live->timer.data = live;
    live->timer.log = w->log;
    live->timer.cancelable = 1;

    live->ask.handler = ngx_ess_rabbitmq_streams_ask;
    live->ask.data = live;
    live->ask.log = w->log;

    ngx_queue_init(&live->attaches);

    live->node.key = (ngx_rbtree_key_t) ref->id;
    ngx_rbtree_insert(&w->live, &live->node);
    ngx_queue_insert_tail(&w->lives, &live->queue);

    if (!w->live_tick.timer_set) {
        ngx_add_timer(&w->live_tick, NGX_ESS_RABBITMQ_STREAMS_TICK);
    }

    return live;
}


static void
ngx_ess_rabbitmq_streams_free(ngx_ess_rabbitmq_follower_t *live)
{
    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }

    if (live->ask.posted) {
        ngx_delete_posted_event(&live->ask);
    }

    ngx_rbtree_delete(&live->worker->live, &live->node);
    ngx_queue_remove(&live->queue);

    ngx_free(live);
}


void
ngx_ess_rabbitmq_streams_attach(ngx_ess_exchange_worker_t *w,
    ngx_ess_replay_attach_t *attach)
{
    ngx_ess_rabbitmq_follower_t  *live;

    live = ngx_ess_rabbitmq_streams_find(w, attach->ref.id);

    if (live == NULL) {
        live = ngx_ess_rabbitmq_streams_create(w, &attach->ref, &attach->key);
        if (live == NULL) {
            /* its time limit will tell */
            return;
        }
    }

    live->used = ngx_current_msec;

    /* answered from the event: not from within this */

    attach->fresh = 1;
    ngx_queue_insert_tail(&live->attaches, &attach->queue);

    ngx_post_event(&live->ask, &ngx_posted_events);
}


static void
ngx_ess_rabbitmq_streams_ask(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_follower_t  *live;

    live = ev->data;

    switch (live->state) {

    case NGX_ESS_RABBITMQ_FOLLOWER_OTHER:
        ngx_ess_rabbitmq_streams_look(live);
        return;

    case NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING:
        ngx_ess_rabbitmq_streams_answer(live, NGX_OK);
        return;

    default:
        /* it will be told */
        return;
    }
}


void
ngx_ess_rabbitmq_streams_cancel(ngx_ess_replay_attach_t *attach)
{
    if (attach->queue.next) {
        ngx_queue_remove(&attach->queue);
        attach->queue.next = NULL;
    }
}


void
ngx_ess_rabbitmq_streams_changed(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_ref_t *ref)
{
    ngx_queue_t                  *q, *next;
    ngx_ess_rabbitmq_follower_t  *live;

    if (ref->id) {
        live = ngx_ess_rabbitmq_streams_find(w, ref->id);

        if (live) {
            ngx_ess_rabbitmq_streams_look(live);
        }

        return;
    }

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_ess_rabbitmq_streams_look(
            ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue));
    }
}


void
ngx_ess_rabbitmq_streams_look(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_int_t                   rc;
    ngx_ess_exchange_worker_t  *w;

    if (live->state != NGX_ESS_RABBITMQ_FOLLOWER_OTHER) {
        return;
    }

    w = live->worker;

    switch (ngx_ess_follow_state(w->zone, &live->ref)) {

    case NGX_ESS_FOLLOW_LIVE:
        ngx_ess_rabbitmq_streams_answer(live, NGX_OK);
        return;

    case NGX_ESS_FOLLOW_ATTACHING:
    case NGX_ESS_FOLLOW_FILLING:
        ngx_ess_rabbitmq_streams_asked(live);

        if (!ngx_queue_empty(&live->attaches)) {
            ngx_add_timer(&live->timer, NGX_ESS_RABBITMQ_STREAMS_POLL);
        }

        return;

    case NGX_ESS_FOLLOW_MISSING:

        /* that is the answer to those who had asked before */

        if (!ngx_ess_rabbitmq_streams_missing(live)) {
            return;
        }

        break;

    default: /* NGX_ESS_FOLLOW_NONE */

        if (ngx_queue_empty(&live->attaches)
            && !ngx_ess_notify_subscribed(w->zone, &live->ref))
        {
            return;
        }
    }

    rc = ngx_ess_follow_claim(w->zone, &live->ref, &live->ordinal);

    if (rc == NGX_DECLINED) {
        ngx_ess_rabbitmq_streams_answer(live, NGX_DECLINED);
        return;
    }

    ngx_ess_rabbitmq_streams_asked(live);

    if (rc == NGX_OK) {
        live->mine = 1;
        live->again = 0;
        ngx_ess_rabbitmq_follower_open(live);
    }
}


/* The broker is being asked: what it says is for all who wait. */

static void
ngx_ess_rabbitmq_streams_asked(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_queue_t              *q;
    ngx_ess_replay_attach_t  *attach;

    for (q = ngx_queue_head(&live->attaches);
         q != ngx_queue_sentinel(&live->attaches);
         q = ngx_queue_next(q))
    {
        attach = ngx_queue_data(q, ngx_ess_replay_attach_t, queue);
        attach->fresh = 0;
    }
}


/* Returns 1 when there are some who have not asked yet. */

static ngx_uint_t
ngx_ess_rabbitmq_streams_missing(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_queue_t              *q, *next, fresh;
    ngx_ess_replay_attach_t  *attach;

    ngx_queue_init(&fresh);

    for (q = ngx_queue_head(&live->attaches);
         q != ngx_queue_sentinel(&live->attaches);
         q = next)
    {
        next = ngx_queue_next(q);
        attach = ngx_queue_data(q, ngx_ess_replay_attach_t, queue);

        if (attach->fresh) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&fresh, q);
        }
    }

    ngx_ess_rabbitmq_streams_answer(live, NGX_DECLINED);

    if (ngx_queue_empty(&fresh)) {
        return 0;
    }

    ngx_queue_add(&live->attaches, &fresh);

    return 1;
}


void
ngx_ess_rabbitmq_streams_answer(ngx_ess_rabbitmq_follower_t *live, ngx_int_t rc)
{
    ngx_queue_t              *q, answered;
    ngx_ess_replay_attach_t  *attach;

    if (ngx_queue_empty(&live->attaches)) {
        return;
    }

    ngx_queue_init(&answered);
    ngx_queue_add(&answered, &live->attaches);
    ngx_queue_init(&live->attaches);

    while (!ngx_queue_empty(&answered)) {
        q = ngx_queue_head(&answered);
        ngx_queue_remove(q);

        attach = ngx_queue_data(q, ngx_ess_replay_attach_t, queue);
        attach->queue.next = NULL;

        attach->handler(attach, rc);
    }
}


static void
ngx_ess_rabbitmq_streams_tick(ngx_event_t *ev)
{
    ngx_queue_t                  *q, *next;
    ngx_ess_rabbitmq_follower_t  *live;
    ngx_ess_exchange_worker_t    *w;

    w = ev->data;

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = next)
    {
        next = ngx_queue_next(q);
        live = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        if (live->mine && !ngx_ess_follow_mine(w->zone, &live->ref)) {
            ngx_ess_rabbitmq_follower_succeeded(live);

        } else {
            ngx_ess_rabbitmq_streams_look(live);
        }

        if (ngx_ess_rabbitmq_streams_unused(live)) {
            ngx_ess_rabbitmq_follower_close(live);
            ngx_ess_rabbitmq_streams_free(live);
        }
    }

    if (!ngx_queue_empty(&w->lives)) {
        ngx_add_timer(ev, NGX_ESS_RABBITMQ_STREAMS_TICK);
    }
}


/* 1: nobody needs it, and this worker is not, or no longer, the follower */

static ngx_uint_t
ngx_ess_rabbitmq_streams_unused(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_ess_escaped_t           key;
    ngx_ess_exchange_worker_t  *w;
    ngx_ess_stream_info_t       info;

    w = live->worker;

    if (!ngx_queue_empty(&live->attaches) || live->ask.posted) {
        return 0;
    }

    if (!live->mine) {
        return !ngx_ess_notify_subscribed(w->zone, &live->ref);
    }

    if (ngx_ess_stream_by_id(w->zone, live->ref.id, &info) == NGX_OK
        && info.subscribers)
    {
        live->used = ngx_current_msec;
    }

    if (ngx_current_msec - live->used < w->conf->idle
        || ngx_ess_follow_release(w->zone, &live->ref, 0, &w->live_wake)
           != NGX_OK)
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, w->log, 0, "let go of RabbitMQ stream \"%V\"",
                  ngx_ess_escape(&key, &live->key));

    return 1;
}


void
ngx_ess_rabbitmq_streams_kick(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t                  *q;
    ngx_ess_rabbitmq_follower_t  *live;

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = ngx_queue_next(q))
    {
        live = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        if (live->mine && live->reader == NULL && !live->timer.timer_set) {
            ngx_ess_rabbitmq_follower_open(live);
        }
    }
}


void
ngx_ess_rabbitmq_streams_batch(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t            *q;
    ngx_ess_amqp_reader_t  *reader;

    if (!w->live_delivered) {
        return;
    }

    w->live_delivered = 0;

    ngx_ess_notify_wake(w->zone, &w->live_wake);

    for (q = ngx_queue_head(&w->readers);
         q != ngx_queue_sentinel(&w->readers);
         q = ngx_queue_next(q))
    {
        reader = ngx_queue_data(q, ngx_ess_amqp_reader_t, queue);

        if (ngx_ess_amqp_reader_ack(reader) != NGX_OK) {
            /* the socket is behind: with the next batch */
            w->live_delivered = 1;
        }
    }
}
