
/*
 * Which RabbitMQ streams this worker follows, or waits for another worker to
 * follow.  Runs in a worker; what is common to all is in the zone: see
 * ngx_ess_follow.h.
 */


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_rabbitmq_follower.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_interest.h"


/* ms; between looks at who follows */
#define NGX_ESS_RABBITMQ_STREAMS_TICK  500


static ngx_ess_rabbitmq_follower_t *ngx_ess_rabbitmq_streams_find(
    ngx_ess_rabbitmq_streams_t *s, uint64_t id);
static ngx_ess_rabbitmq_follower_t *ngx_ess_rabbitmq_streams_create(
    ngx_ess_rabbitmq_streams_t *s, ngx_ess_stream_ref_t *ref, ngx_str_t *key);
static void ngx_ess_rabbitmq_streams_free(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_streams_ask(ngx_event_t *ev);
static void ngx_ess_rabbitmq_streams_tick(ngx_event_t *ev);
static ngx_uint_t ngx_ess_rabbitmq_streams_unused(
    ngx_ess_rabbitmq_follower_t *f);


void
ngx_ess_rabbitmq_streams_init(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_rbtree_init(&s->followers, &s->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&s->queue);
    ngx_queue_init(&s->readers);

    s->tick.handler = ngx_ess_rabbitmq_streams_tick;
    s->tick.data = s;
    s->tick.log = s->log;
    s->tick.cancelable = 1;
}


void
ngx_ess_rabbitmq_streams_exit(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_queue_t                  *q;
    ngx_ess_rabbitmq_follower_t  *f;

    ngx_ess_rabbitmq_streams_closed(s);

    while (!ngx_queue_empty(&s->queue)) {
        q = ngx_queue_head(&s->queue);
        f = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        ngx_ess_rabbitmq_follower_answer(f, NGX_BUSY);

        if (ngx_ess_rabbitmq_follower_mine(f)) {
            (void) ngx_ess_follow_release(s->zone, &f->ref, 1,
                                          &s->wake);
        }

        ngx_ess_rabbitmq_streams_free(f);
    }

    ngx_ess_wake_procs(s->zone, &s->wake);

    if (s->tick.timer_set) {
        ngx_del_timer(&s->tick);
    }
}


static ngx_ess_rabbitmq_follower_t *
ngx_ess_rabbitmq_streams_find(ngx_ess_rabbitmq_streams_t *s, uint64_t id)
{
    ngx_rbtree_key_t      key;
    ngx_rbtree_node_t    *node;

    key = (ngx_rbtree_key_t) id;
    node = s->followers.root;

    while (node != &s->sentinel) {

        if (node->key == key) {
            return ngx_rbtree_data(node, ngx_ess_rabbitmq_follower_t, node);
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_ess_rabbitmq_follower_t *
ngx_ess_rabbitmq_streams_create(ngx_ess_rabbitmq_streams_t *s,
    ngx_ess_stream_ref_t *ref, ngx_str_t *key)
{
    ngx_ess_rabbitmq_follower_t  *f;

    if (key->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    f = ngx_calloc(sizeof(ngx_ess_rabbitmq_follower_t), s->log);
    if (f == NULL) {
        return NULL;
    }

    f->streams = s;
    f->ref = *ref;

    f->key.len = key->len;
    f->key.data = f->data;
    ngx_memcpy(f->data, key->data, key->len);

    f->timer.handler = ngx_ess_rabbitmq_follower_timer;
    f->timer.data = f;
    f->timer.log = s->log;
    f->timer.cancelable = 1;

    f->ask.handler = ngx_ess_rabbitmq_streams_ask;
    f->ask.data = f;
    f->ask.log = s->log;

    ngx_queue_init(&f->attaches);
    ngx_queue_init(&f->fresh);

    f->node.key = (ngx_rbtree_key_t) ref->id;
    ngx_rbtree_insert(&s->followers, &f->node);
    ngx_queue_insert_tail(&s->queue, &f->queue);

    if (!s->tick.timer_set) {
        ngx_add_timer(&s->tick, NGX_ESS_RABBITMQ_STREAMS_TICK);
    }

    return f;
}


static void
ngx_ess_rabbitmq_streams_free(ngx_ess_rabbitmq_follower_t *f)
{
    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->ask.posted) {
        ngx_delete_posted_event(&f->ask);
    }

    ngx_rbtree_delete(&f->streams->followers, &f->node);
    ngx_queue_remove(&f->queue);

    ngx_free(f);
}


void
ngx_ess_rabbitmq_streams_attach(ngx_ess_rabbitmq_streams_t *s,
    ngx_ess_source_attach_t *attach)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = ngx_ess_rabbitmq_streams_find(s, attach->ref.id);

    if (f == NULL) {
        f = ngx_ess_rabbitmq_streams_create(s, &attach->ref, &attach->key);
        if (f == NULL) {
            /* its time limit will tell */
            return;
        }
    }

    f->used = ngx_current_msec;

    /* answered from the event: not from within this */

    ngx_queue_insert_tail(&f->fresh, &attach->queue);

    ngx_post_event(&f->ask, &ngx_posted_events);
}


static void
ngx_ess_rabbitmq_streams_ask(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_follower_look(ev->data);
}


void
ngx_ess_rabbitmq_streams_cancel(ngx_ess_source_attach_t *attach)
{
    if (attach->queue.next) {
        ngx_queue_remove(&attach->queue);
        attach->queue.next = NULL;
    }
}


void
ngx_ess_rabbitmq_streams_changed(ngx_ess_rabbitmq_streams_t *s,
    ngx_ess_stream_ref_t *ref)
{
    ngx_queue_t                  *q, *next;
    ngx_ess_rabbitmq_follower_t  *f;

    if (ref->id) {
        f = ngx_ess_rabbitmq_streams_find(s, ref->id);

        if (f) {
            ngx_ess_rabbitmq_follower_look(f);
        }

        return;
    }

    for (q = ngx_queue_head(&s->queue);
         q != ngx_queue_sentinel(&s->queue);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_ess_rabbitmq_follower_look(
            ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue));
    }
}


static void
ngx_ess_rabbitmq_streams_tick(ngx_event_t *ev)
{
    ngx_queue_t                  *q, *next;
    ngx_ess_rabbitmq_follower_t  *f;
    ngx_ess_rabbitmq_streams_t    *s;

    s = ev->data;

    for (q = ngx_queue_head(&s->queue);
         q != ngx_queue_sentinel(&s->queue);
         q = next)
    {
        next = ngx_queue_next(q);
        f = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        if (ngx_ess_rabbitmq_follower_mine(f)
            && !ngx_ess_follow_mine(s->zone, &f->ref))
        {
            ngx_ess_rabbitmq_follower_succeeded(f);

        } else {
            ngx_ess_rabbitmq_follower_look(f);
        }

        if (ngx_ess_rabbitmq_streams_unused(f)) {
            ngx_ess_rabbitmq_follower_close(f);
            ngx_ess_rabbitmq_streams_free(f);
        }
    }

    if (!ngx_queue_empty(&s->queue)) {
        ngx_add_timer(ev, NGX_ESS_RABBITMQ_STREAMS_TICK);
    }
}


/* 1: nobody needs it, and this worker is not, or no longer, the follower */

static ngx_uint_t
ngx_ess_rabbitmq_streams_unused(ngx_ess_rabbitmq_follower_t *f)
{
    ngx_ess_escaped_t           key;
    ngx_ess_rabbitmq_streams_t  *s;
    ngx_ess_stream_info_t       info;

    s = f->streams;

    if (ngx_ess_rabbitmq_follower_waits(f) || f->ask.posted) {
        return 0;
    }

    if (!ngx_ess_rabbitmq_follower_mine(f)) {
        return !ngx_ess_interest_subscribed(s->zone, &f->ref);
    }

    if (ngx_ess_stream_by_id(s->zone, f->ref.id, &info) == NGX_OK
        && info.subscribers)
    {
        f->used = ngx_current_msec;
    }

    if (ngx_current_msec - f->used < s->idle
        || ngx_ess_follow_release(s->zone, &f->ref, 0, &s->wake)
           != NGX_OK)
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, s->log, 0, "let go of RabbitMQ stream \"%V\"",
                  ngx_ess_escape(&key, &f->key));

    return 1;
}


void
ngx_ess_rabbitmq_streams_kick(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_queue_t                  *q;
    ngx_ess_rabbitmq_follower_t  *f;

    for (q = ngx_queue_head(&s->queue);
         q != ngx_queue_sentinel(&s->queue);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_ess_rabbitmq_follower_t, queue);

        if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_OPENING
            && f->reader == NULL && !f->timer.timer_set)
        {
            ngx_ess_rabbitmq_follower_open(f);
        }
    }
}


void
ngx_ess_rabbitmq_streams_closed(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_ess_amqp_reader_session_closed(&s->readers);
}


void
ngx_ess_rabbitmq_streams_batch(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_queue_t            *q;
    ngx_ess_amqp_reader_t  *reader;

    if (!s->delivered) {
        return;
    }

    s->delivered = 0;

    ngx_ess_wake_procs(s->zone, &s->wake);

    for (q = ngx_queue_head(&s->readers);
         q != ngx_queue_sentinel(&s->readers);
         q = ngx_queue_next(q))
    {
        reader = ngx_queue_data(q, ngx_ess_amqp_reader_t, queue);

        if (ngx_ess_amqp_reader_ack(reader) != NGX_OK) {
            /* the socket is behind: with the next batch */
            s->delivered = 1;
        }
    }
}
