
/*
 * Which RabbitMQ streams this worker follows, or waits for another worker to
 * follow.  Runs in a worker; what is common to all is in the zone: see
 * ngx_ess_follow.h.
 *
 *     waits for another one ◄─────────────────────────────────────┐
 *        │ claims                                                 │ is
 *        ▼                                                        │ succeeded
 *     opening ──► (the last chunk, sync, fills) ──► follows ──────┤
 *        ▲          of one that begins anew            │          │
 *        └──────────────── after the backoff ◄─────────┘     is released
 *
 * A log begins with the newest events that the broker has: so when nginx was
 * started again, and all clients come back at once, few of them need a replay
 * of their own.
 */


#include "ngx_ess_amqp_live.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_amqp_reader.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"


/* ms */
#define NGX_ESS_AMQP_LIVE_TICK     500      /* between looks at the follower */
#define NGX_ESS_AMQP_LIVE_POLL     20       /* while somebody waits for it */
#define NGX_ESS_AMQP_LIVE_SILENT   2000     /* for one that must be there: the
                                               nodes of a cluster may have to
                                               agree on it first */
#define NGX_ESS_AMQP_LIVE_ROOM     5        /* until the zone is asked again */


typedef enum {
    NGX_ESS_AMQP_LIVE_OTHER = 0,            /* another worker follows, or this
                                               one will try again */
    NGX_ESS_AMQP_LIVE_OPENING,              /* the reader is not started */
    NGX_ESS_AMQP_LIVE_SEEKING,              /* where is the end? */
    NGX_ESS_AMQP_LIVE_FILLING,              /* reads up to there */
    NGX_ESS_AMQP_LIVE_FOLLOWING
} ngx_ess_amqp_live_state_e;


typedef struct {
    ngx_rbtree_node_t            node;      /* key: the stream's id */
    ngx_queue_t                  queue;     /* all of the worker */
    ngx_queue_t                  attaches;  /* who waits for the log */
    ngx_ess_amqp_worker_t       *worker;
    ngx_ess_stream_ref_t         ref;
    ngx_ess_amqp_reader_t       *reader;    /* NULL: none */
    ngx_ess_amqp_live_state_e    state;
    uint64_t                     ordinal;   /* the next one; 0: not known */
    uint64_t                     end;       /* of what the log is filled
                                               with: an ordinal; 0: it is not */
    uint64_t                     known;     /* with "again": what it was */
    ngx_event_t                  timer;
    ngx_event_t                  ask;       /* somebody waits */
    ngx_msec_t                   used;      /* when somebody was interested */
    ngx_uint_t                   attempt;
    unsigned                     mine:1;    /* this worker is the follower */
    unsigned                     silent:1;  /* the last event, or the first
                                               one of all, has not come yet */
    unsigned                     again:1;   /* its end is looked for, for it
                                               did not come */
    ngx_str_t                    key;
    u_char                       data[NGX_ESS_MAX_KEY];
} ngx_ess_amqp_live_t;


static ngx_ess_amqp_live_t *ngx_ess_amqp_live_find(ngx_ess_amqp_worker_t *w,
    uint64_t id);
static ngx_ess_amqp_live_t *ngx_ess_amqp_live_create(
    ngx_ess_amqp_worker_t *w, ngx_ess_stream_ref_t *ref, ngx_str_t *key);
static void ngx_ess_amqp_live_free(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_ask(ngx_event_t *ev);
static void ngx_ess_amqp_live_look(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_asked(ngx_ess_amqp_live_t *live);
static ngx_uint_t ngx_ess_amqp_live_missing(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_answer(ngx_ess_amqp_live_t *live, ngx_int_t rc);
static void ngx_ess_amqp_live_open(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_close(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_begin(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_fill(ngx_ess_amqp_live_t *live, uint64_t first);
static void ngx_ess_amqp_live_filled(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_follow(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_seek(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_succeeded(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_later(ngx_ess_amqp_live_t *live);
static void ngx_ess_amqp_live_started(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_live_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_amqp_live_append(ngx_ess_amqp_live_t *live,
    uint64_t ordinal, ngx_uint_t gap, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_amqp_live_synced(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_live_ended(ngx_ess_amqp_reader_t *reader,
    ngx_int_t rc);
static void ngx_ess_amqp_live_timer(ngx_event_t *ev);
static void ngx_ess_amqp_live_tick(ngx_event_t *ev);
static ngx_uint_t ngx_ess_amqp_live_unused(ngx_ess_amqp_live_t *live);


static const ngx_ess_amqp_reader_handlers_t  ngx_ess_amqp_live_handlers = {
    ngx_ess_amqp_live_started,
    ngx_ess_amqp_live_delivery,
    ngx_ess_amqp_live_synced,
    ngx_ess_amqp_live_ended
};


void
ngx_ess_amqp_live_init(ngx_ess_amqp_worker_t *w)
{
    ngx_rbtree_init(&w->live, &w->live_sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&w->lives);
    ngx_queue_init(&w->readers);

    w->live_tick.handler = ngx_ess_amqp_live_tick;
    w->live_tick.data = w;
    w->live_tick.log = w->log;
    w->live_tick.cancelable = 1;
}


void
ngx_ess_amqp_live_exit(ngx_ess_amqp_worker_t *w)
{
    ngx_queue_t          *q;
    ngx_ess_amqp_live_t  *live;

    while (!ngx_queue_empty(&w->lives)) {
        q = ngx_queue_head(&w->lives);
        live = ngx_queue_data(q, ngx_ess_amqp_live_t, queue);

        ngx_ess_amqp_live_answer(live, NGX_BUSY);

        if (live->mine) {
            (void) ngx_ess_follow_release(w->zone, &live->ref, 1,
                                          &w->live_wake);
        }

        ngx_ess_amqp_live_free(live);
    }

    ngx_ess_amqp_reader_session_destroyed(&w->readers);

    ngx_ess_notify_wake(w->zone, &w->live_wake);

    if (w->live_tick.timer_set) {
        ngx_del_timer(&w->live_tick);
    }
}


static ngx_ess_amqp_live_t *
ngx_ess_amqp_live_find(ngx_ess_amqp_worker_t *w, uint64_t id)
{
    ngx_rbtree_key_t      key;
    ngx_rbtree_node_t    *node;

    key = (ngx_rbtree_key_t) id;
    node = w->live.root;

    while (node != &w->live_sentinel) {

        if (node->key == key) {
            return ngx_rbtree_data(node, ngx_ess_amqp_live_t, node);
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_ess_amqp_live_t *
ngx_ess_amqp_live_create(ngx_ess_amqp_worker_t *w, ngx_ess_stream_ref_t *ref,
    ngx_str_t *key)
{
    ngx_ess_amqp_live_t  *live;

    if (key->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    live = ngx_calloc(sizeof(ngx_ess_amqp_live_t), w->log);
    if (live == NULL) {
        return NULL;
    }

    live->worker = w;
    live->ref = *ref;
    live->used = ngx_current_msec;

    live->key.len = key->len;
    live->key.data = live->data;
    ngx_memcpy(live->data, key->data, key->len);

    live->timer.handler = ngx_ess_amqp_live_timer;
    live->timer.data = live;
    live->timer.log = w->log;
    live->timer.cancelable = 1;

    live->ask.handler = ngx_ess_amqp_live_ask;
    live->ask.data = live;
    live->ask.log = w->log;

    ngx_queue_init(&live->attaches);

    live->node.key = (ngx_rbtree_key_t) ref->id;
    ngx_rbtree_insert(&w->live, &live->node);
    ngx_queue_insert_tail(&w->lives, &live->queue);

    if (!w->live_tick.timer_set) {
        ngx_add_timer(&w->live_tick, NGX_ESS_AMQP_LIVE_TICK);
    }

    return live;
}


static void
ngx_ess_amqp_live_free(ngx_ess_amqp_live_t *live)
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
ngx_ess_amqp_live_attach(ngx_ess_amqp_worker_t *w,
    ngx_ess_replay_attach_t *attach)
{
    ngx_ess_amqp_live_t  *live;

    live = ngx_ess_amqp_live_find(w, attach->ref.id);

    if (live == NULL) {
        live = ngx_ess_amqp_live_create(w, &attach->ref, &attach->key);
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
ngx_ess_amqp_live_ask(ngx_event_t *ev)
{
    ngx_ess_amqp_live_t  *live;

    live = ev->data;

    switch (live->state) {

    case NGX_ESS_AMQP_LIVE_OTHER:
        ngx_ess_amqp_live_look(live);
        return;

    case NGX_ESS_AMQP_LIVE_FOLLOWING:
        ngx_ess_amqp_live_answer(live, NGX_OK);
        return;

    default:
        /* it will be told */
        return;
    }
}


void
ngx_ess_amqp_live_cancel(ngx_ess_replay_attach_t *attach)
{
    if (attach->queue.next) {
        ngx_queue_remove(&attach->queue);
        attach->queue.next = NULL;
    }
}


void
ngx_ess_amqp_live_changed(ngx_ess_amqp_worker_t *w, ngx_ess_stream_ref_t *ref)
{
    ngx_queue_t          *q, *next;
    ngx_ess_amqp_live_t  *live;

    if (ref->id) {
        live = ngx_ess_amqp_live_find(w, ref->id);

        if (live) {
            ngx_ess_amqp_live_look(live);
        }

        return;
    }

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_ess_amqp_live_look(ngx_queue_data(q, ngx_ess_amqp_live_t, queue));
    }
}


/* While this worker does not follow the stream: does another one, or shall
   it? */

static void
ngx_ess_amqp_live_look(ngx_ess_amqp_live_t *live)
{
    ngx_int_t               rc;
    ngx_ess_amqp_worker_t  *w;

    if (live->state != NGX_ESS_AMQP_LIVE_OTHER) {
        return;
    }

    w = live->worker;

    switch (ngx_ess_follow_state(w->zone, &live->ref)) {

    case NGX_ESS_FOLLOW_LIVE:
        ngx_ess_amqp_live_answer(live, NGX_OK);
        return;

    case NGX_ESS_FOLLOW_ATTACHING:
    case NGX_ESS_FOLLOW_FILLING:
        ngx_ess_amqp_live_asked(live);

        if (!ngx_queue_empty(&live->attaches)) {
            ngx_add_timer(&live->timer, NGX_ESS_AMQP_LIVE_POLL);
        }

        return;

    case NGX_ESS_FOLLOW_MISSING:

        /* that is the answer to those who had asked before */

        if (!ngx_ess_amqp_live_missing(live)) {
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
        ngx_ess_amqp_live_answer(live, NGX_DECLINED);
        return;
    }

    ngx_ess_amqp_live_asked(live);

    if (rc == NGX_OK) {
        live->mine = 1;
        live->again = 0;
        ngx_ess_amqp_live_open(live);
    }
}


/* The broker is being asked: what it says is for all who wait. */

static void
ngx_ess_amqp_live_asked(ngx_ess_amqp_live_t *live)
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
ngx_ess_amqp_live_missing(ngx_ess_amqp_live_t *live)
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

    ngx_ess_amqp_live_answer(live, NGX_DECLINED);

    if (ngx_queue_empty(&fresh)) {
        return 0;
    }

    ngx_queue_add(&live->attaches, &fresh);

    return 1;
}


/* A handler may cancel any other attach, or ask again. */

static void
ngx_ess_amqp_live_answer(ngx_ess_amqp_live_t *live, ngx_int_t rc)
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
ngx_ess_amqp_live_open(ngx_ess_amqp_live_t *live)
{
    uint64_t                     offset;
    ngx_ess_amqp_worker_t       *w;
    ngx_ess_amqp_reader_from_e   from;

    w = live->worker;

    live->state = NGX_ESS_AMQP_LIVE_OPENING;

    if (!ngx_ess_amqp_is_open(w->session)) {
        /* see kick */
        return;
    }

    /* the last event that is known comes once more, and so proves that the
       broker's stream is the same */

    from = live->ordinal ? NGX_ESS_AMQP_READER_OFFSET
                         : NGX_ESS_AMQP_READER_LAST;
    offset = (live->ordinal > 2) ? live->ordinal - 2 : 0;

    live->silent = (live->ordinal && live->end == 0);

    live->reader = ngx_ess_amqp_reader_open(w->session, &w->readers,
                                            &live->key, from, offset,
                                            w->conf->prefetch,
                                            &ngx_ess_amqp_live_handlers, live,
                                            w->log);
    if (live->reader == NULL) {
        ngx_ess_amqp_live_later(live);
    }
}


static void
ngx_ess_amqp_live_close(ngx_ess_amqp_live_t *live)
{
    if (live->reader) {
        ngx_ess_amqp_reader_close(live->reader);
        live->reader = NULL;
    }

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }
}


static void
ngx_ess_amqp_live_later(ngx_ess_amqp_live_t *live)
{
    ngx_ess_amqp_live_seek(live);

    live->state = NGX_ESS_AMQP_LIVE_OPENING;

    ngx_add_timer(&live->timer, ngx_ess_source_backoff(live->attempt));
    live->attempt++;
}


static void
ngx_ess_amqp_live_started(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_amqp_live_t  *live;

    live = reader->data;
    live->attempt = 0;

    if (live->ordinal == 0) {
        live->state = NGX_ESS_AMQP_LIVE_SEEKING;
        ngx_ess_amqp_reader_sync(reader);
        return;
    }

    if (live->end) {
        live->state = NGX_ESS_AMQP_LIVE_FILLING;
        ngx_add_timer(&live->timer, NGX_ESS_AMQP_LIVE_SILENT);
        return;
    }

    live->state = NGX_ESS_AMQP_LIVE_FOLLOWING;

    ngx_log_error(NGX_LOG_INFO, live->worker->log, 0,
                  "following RabbitMQ stream \"%V\" from event %uL on",
                  &live->key, live->ordinal);

    if (live->ordinal > 1) {
        ngx_add_timer(&live->timer, NGX_ESS_AMQP_LIVE_SILENT);
    }

    ngx_ess_amqp_live_answer(live, NGX_OK);
}


static void
ngx_ess_amqp_live_delivery(ngx_ess_amqp_reader_t *reader, uint64_t offset,
    ngx_ess_amqp_delivery_t *delivery)
{
    ngx_uint_t            gap;
    ngx_ess_amqp_live_t  *live;

    live = reader->data;

    /* to be acknowledged */
    live->worker->live_delivered = 1;

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }

    if (live->state == NGX_ESS_AMQP_LIVE_SEEKING) {
        live->ordinal = offset + 2;
        return;
    }

    /* continued, but what was there, or came first, is not any more */

    gap = (live->silent && offset + 1 > live->ordinal);
    live->silent = 0;

    ngx_ess_amqp_live_append(live, offset + 1, gap, delivery);

    if (live->state == NGX_ESS_AMQP_LIVE_FILLING) {

        if (live->ordinal >= live->end) {
            ngx_ess_amqp_live_filled(live);

        } else {
            ngx_add_timer(&live->timer, NGX_ESS_AMQP_LIVE_SILENT);
        }
    }
}


static void
ngx_ess_amqp_live_append(ngx_ess_amqp_live_t *live, uint64_t ordinal,
    ngx_uint_t gap, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_int_t               n;
    ngx_ess_event_t         event;
    ngx_ess_stream_ref_t   *ref;
    ngx_ess_amqp_worker_t  *w;

    w = live->worker;

    if (ordinal < live->ordinal) {
        return;
    }

    live->ordinal = ordinal + 1;

    if (delivery->over_size) {
        ngx_ess_amqp_delivery_too_large(w, delivery);
        return;
    }

    ref = &live->ref;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body = delivery->body;
    event.ordinal = ordinal;
    event.gap = gap;
    event.streams = &ref;
    event.nstreams = 1;

    (void) ngx_ess_amqp_property_time(delivery->properties, &event.timestamp);

    ngx_ess_shm_lock(w->zone);

    n = ngx_ess_log_append_locked(w->zone, NGX_ESS_SLOTS, &live->key, &event,
                                  0, 0, &w->live_wake);

    ngx_ess_shm_unlock(w->zone);

    if (n == NGX_AGAIN) {

        /* what workers have not seen yet fills the zone: the broker keeps
           the rest meanwhile */

        live->ordinal = ordinal;
        ngx_ess_amqp_live_close(live);
        ngx_ess_amqp_live_seek(live);

        live->state = NGX_ESS_AMQP_LIVE_OPENING;
        ngx_add_timer(&live->timer, NGX_ESS_AMQP_LIVE_ROOM);
    }
}


static void
ngx_ess_amqp_live_synced(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_amqp_live_t  *live;

    live = reader->data;

    if (live->state == NGX_ESS_AMQP_LIVE_SEEKING) {

        /* all of the last chunk has come, or there is none */

        ngx_ess_amqp_live_begin(live);
        return;
    }

    if (live->silent) {

        /* gone is the event that was there: where is the end? */

        ngx_ess_amqp_live_close(live);

        live->again = 1;
        live->known = live->ordinal;
        live->ordinal = 0;

        ngx_ess_amqp_live_open(live);
    }
}


/* The end of the broker's stream is known. */

static void
ngx_ess_amqp_live_begin(ngx_ess_amqp_live_t *live)
{
    uint64_t                first;
    ngx_ess_amqp_worker_t  *w;

    w = live->worker;

    if (live->ordinal == 0) {
        live->ordinal = 1;
        live->silent = 1;
    }

    if (live->again) {

        if (live->ordinal == live->known) {
            /* as it was: there was nothing to come again */
            ngx_ess_amqp_live_follow(live);
            return;
        }

        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "RabbitMQ stream \"%V\" goes on with event %uL where "
                      "%uL was expected: it was made anew",
                      &live->key, live->ordinal, live->known);

        first = live->ordinal;

    } else {
        first = (live->ordinal > w->conf->prefetch)
                ? live->ordinal - w->conf->prefetch : 1;
    }

    switch (ngx_ess_follow_begin(w->zone, &live->ref, live->ordinal, first,
                                 &w->live_wake))
    {
    case NGX_OK:
        ngx_ess_notify_wake(w->zone, &w->live_wake);
        ngx_ess_amqp_live_follow(live);
        return;

    case NGX_AGAIN:
        ngx_ess_amqp_live_fill(live, first);
        return;

    default: /* NGX_DECLINED */
        ngx_ess_amqp_live_succeeded(live);
    }
}


static void
ngx_ess_amqp_live_fill(ngx_ess_amqp_live_t *live, uint64_t first)
{
    ngx_ess_amqp_live_close(live);

    live->end = live->ordinal;
    live->ordinal = first;

    ngx_ess_amqp_live_open(live);
}


static void
ngx_ess_amqp_live_filled(ngx_ess_amqp_live_t *live)
{
    ngx_ess_amqp_worker_t  *w;

    w = live->worker;

    live->end = 0;

    if (ngx_ess_follow_live(w->zone, &live->ref, &w->live_wake) != NGX_OK) {
        ngx_ess_amqp_live_succeeded(live);
        return;
    }

    ngx_ess_amqp_live_follow(live);
}


/* All that comes from now on is appended. */

static void
ngx_ess_amqp_live_follow(ngx_ess_amqp_live_t *live)
{
    ngx_log_error(NGX_LOG_INFO, live->worker->log, 0,
                  "following RabbitMQ stream \"%V\" from its end, event %uL, "
                  "on", &live->key, live->ordinal);

    live->again = 0;
    live->state = NGX_ESS_AMQP_LIVE_FOLLOWING;

    ngx_ess_amqp_live_answer(live, NGX_OK);
}


/* Filling was interrupted: it begins with the end again. */

static void
ngx_ess_amqp_live_seek(ngx_ess_amqp_live_t *live)
{
    if (live->end) {
        live->end = 0;
        live->ordinal = 0;
    }
}


/* Another worker is the follower now. */

static void
ngx_ess_amqp_live_succeeded(ngx_ess_amqp_live_t *live)
{
    ngx_ess_amqp_live_close(live);

    live->mine = 0;
    live->end = 0;
    live->state = NGX_ESS_AMQP_LIVE_OTHER;

    ngx_ess_amqp_live_look(live);
}


static void
ngx_ess_amqp_live_ended(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    ngx_ess_amqp_live_t    *live;
    ngx_ess_amqp_worker_t  *w;

    live = reader->data;
    w = live->worker;

    live->reader = NULL;

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }

    if (live->state == NGX_ESS_AMQP_LIVE_SEEKING) {
        live->ordinal = 0;
    }

    if (rc == NGX_ABORT) {
        ngx_ess_amqp_live_seek(live);
        live->state = NGX_ESS_AMQP_LIVE_OPENING;
        return;
    }

    if (rc == NGX_ERROR && live->ordinal) {
        ngx_ess_amqp_live_later(live);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, w->log, 0,
                  "there is no RabbitMQ stream \"%V\"", &live->key);

    (void) ngx_ess_follow_missing(w->zone, &live->ref, &w->live_wake);
    ngx_ess_notify_wake(w->zone, &w->live_wake);

    live->mine = 0;
    live->end = 0;
    live->again = 0;
    live->state = NGX_ESS_AMQP_LIVE_OTHER;

    ngx_ess_amqp_live_answer(live, NGX_DECLINED);
}


static void
ngx_ess_amqp_live_timer(ngx_event_t *ev)
{
    ngx_ess_amqp_live_t  *live;

    live = ev->data;

    switch (live->state) {

    case NGX_ESS_AMQP_LIVE_OTHER:
        ngx_ess_amqp_live_look(live);
        return;

    case NGX_ESS_AMQP_LIVE_OPENING:

        if (live->reader == NULL) {
            ngx_ess_amqp_live_open(live);
        }

        return;

    case NGX_ESS_AMQP_LIVE_SEEKING:
        return;

    case NGX_ESS_AMQP_LIVE_FILLING:

        /* what was there is gone: so is perhaps the end */

        ngx_ess_amqp_live_close(live);
        ngx_ess_amqp_live_seek(live);
        ngx_ess_amqp_live_open(live);
        return;

    default: /* NGX_ESS_AMQP_LIVE_FOLLOWING */

        /* is what was last gone, or only late? */

        ngx_ess_amqp_reader_sync(live->reader);
    }
}


static void
ngx_ess_amqp_live_tick(ngx_event_t *ev)
{
    ngx_queue_t            *q, *next;
    ngx_ess_amqp_live_t    *live;
    ngx_ess_amqp_worker_t  *w;

    w = ev->data;

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = next)
    {
        next = ngx_queue_next(q);
        live = ngx_queue_data(q, ngx_ess_amqp_live_t, queue);

        if (live->mine && !ngx_ess_follow_mine(w->zone, &live->ref)) {
            ngx_ess_amqp_live_succeeded(live);

        } else {
            ngx_ess_amqp_live_look(live);
        }

        if (ngx_ess_amqp_live_unused(live)) {
            ngx_ess_amqp_live_close(live);
            ngx_ess_amqp_live_free(live);
        }
    }

    if (!ngx_queue_empty(&w->lives)) {
        ngx_add_timer(ev, NGX_ESS_AMQP_LIVE_TICK);
    }
}


/* 1: nobody needs it, and this worker is not, or no longer, the follower */

static ngx_uint_t
ngx_ess_amqp_live_unused(ngx_ess_amqp_live_t *live)
{
    ngx_ess_amqp_worker_t  *w;
    ngx_ess_stream_info_t   info;

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
                  &live->key);

    return 1;
}


void
ngx_ess_amqp_live_kick(ngx_ess_amqp_worker_t *w)
{
    ngx_queue_t          *q;
    ngx_ess_amqp_live_t  *live;

    for (q = ngx_queue_head(&w->lives);
         q != ngx_queue_sentinel(&w->lives);
         q = ngx_queue_next(q))
    {
        live = ngx_queue_data(q, ngx_ess_amqp_live_t, queue);

        if (live->mine && live->reader == NULL && !live->timer.timer_set) {
            ngx_ess_amqp_live_open(live);
        }
    }
}


void
ngx_ess_amqp_live_batch(ngx_ess_amqp_worker_t *w)
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
