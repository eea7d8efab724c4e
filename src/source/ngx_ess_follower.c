
/*
 * Which logs this worker makes follow the source's, or waits for another worker
 * to.  Runs in a worker.
 */


#include "ngx_ess_follower.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_stream.h"


/* ms; between looks at who follows */
#define NGX_ESS_FOLLOWER_TICK  500

/* ms; between looks at another follower while somebody waits for it */
#define NGX_ESS_FOLLOWER_POLL  20


static ngx_ess_follower_t *ngx_ess_follower_find(ngx_ess_followers_t *s,
    uint64_t id);
static ngx_ess_follower_t *ngx_ess_follower_create(ngx_ess_followers_t *s,
    ngx_ess_stream_ref_t *ref, ngx_str_t *key);
static void ngx_ess_follower_free(ngx_ess_follower_t *f);
static void ngx_ess_follower_handler(ngx_event_t *ev);
static void ngx_ess_follower_look(ngx_ess_follower_t *f);
static ngx_uint_t ngx_ess_follower_waits(ngx_ess_follower_t *f);
static void ngx_ess_follower_asked(ngx_ess_follower_t *f);
static void ngx_ess_follower_answer(ngx_ess_follower_t *f, ngx_int_t rc);
static void ngx_ess_follower_tell(ngx_ess_follower_t *f, ngx_int_t rc);
static void ngx_ess_follower_gone(ngx_ess_follower_t *f);
static void ngx_ess_follower_tick(ngx_event_t *ev);
static ngx_uint_t ngx_ess_follower_unused(ngx_ess_follower_t *f);


void
ngx_ess_followers_init(ngx_ess_followers_t *s)
{
    ngx_rbtree_init(&s->tree, &s->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&s->queue);

    s->tick.handler = ngx_ess_follower_tick;
    s->tick.data = s;
    s->tick.log = s->log;
    s->tick.cancelable = 1;
}


void
ngx_ess_followers_exit(ngx_ess_followers_t *s)
{
    ngx_queue_t         *q;
    ngx_ess_follower_t  *f;

    while (!ngx_queue_empty(&s->queue)) {
        q = ngx_queue_head(&s->queue);
        f = ngx_queue_data(q, ngx_ess_follower_t, queue);

        ngx_ess_follower_answer(f, NGX_BUSY);

        if (f->state != NGX_ESS_FOLLOWER_OTHER) {
            (void) ngx_ess_follow_release(s->zone, &f->ref, 1, &s->wake);
        }

        ngx_ess_follower_free(f);
    }

    ngx_ess_wake_procs(s->zone, &s->wake);

    if (s->tick.timer_set) {
        ngx_del_timer(&s->tick);
    }
}


static ngx_ess_follower_t *
ngx_ess_follower_find(ngx_ess_followers_t *s, uint64_t id)
{
    ngx_rbtree_key_t    key;
    ngx_rbtree_node_t  *node;

    key = (ngx_rbtree_key_t) id;
    node = s->tree.root;

    while (node != &s->sentinel) {

        if (node->key == key) {
            return ngx_rbtree_data(node, ngx_ess_follower_t, node);
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_ess_follower_t *
ngx_ess_follower_create(ngx_ess_followers_t *s, ngx_ess_stream_ref_t *ref,
    ngx_str_t *key)
{
    ngx_ess_follower_t  *f;

    if (key->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    f = ngx_calloc(s->type->size, s->log);
    if (f == NULL) {
        return NULL;
    }

    f->followers = s;
    f->ref = *ref;

    f->key.len = key->len;
    f->key.data = f->data;
    ngx_memcpy(f->data, key->data, key->len);

    f->poll.handler = ngx_ess_follower_handler;
    f->poll.data = f;
    f->poll.log = s->log;
    f->poll.cancelable = 1;

    f->ask.handler = ngx_ess_follower_handler;
    f->ask.data = f;
    f->ask.log = s->log;

    ngx_queue_init(&f->attaches);
    ngx_queue_init(&f->fresh);

    f->node.key = (ngx_rbtree_key_t) ref->id;
    ngx_rbtree_insert(&s->tree, &f->node);
    ngx_queue_insert_tail(&s->queue, &f->queue);

    s->type->init(f);

    if (!s->tick.timer_set) {
        ngx_add_timer(&s->tick, NGX_ESS_FOLLOWER_TICK);
    }

    return f;
}


static void
ngx_ess_follower_free(ngx_ess_follower_t *f)
{
    f->followers->type->close(f);

    if (f->poll.timer_set) {
        ngx_del_timer(&f->poll);
    }

    if (f->ask.posted) {
        ngx_delete_posted_event(&f->ask);
    }

    ngx_rbtree_delete(&f->followers->tree, &f->node);
    ngx_queue_remove(&f->queue);

    ngx_free(f);
}


void
ngx_ess_followers_attach(ngx_ess_followers_t *s,
    ngx_ess_source_attach_t *attach)
{
    ngx_ess_follower_t  *f;

    f = ngx_ess_follower_find(s, attach->ref.id);

    if (f == NULL) {
        f = ngx_ess_follower_create(s, &attach->ref, &attach->key);
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


void
ngx_ess_followers_cancel(ngx_ess_source_attach_t *attach)
{
    if (attach->queue.next) {
        ngx_queue_remove(&attach->queue);
        attach->queue.next = NULL;
    }
}


void
ngx_ess_followers_changed(ngx_ess_followers_t *s, ngx_ess_stream_ref_t *ref)
{
    ngx_queue_t         *q, *next;
    ngx_ess_follower_t  *f;

    if (ref->id) {
        f = ngx_ess_follower_find(s, ref->id);

        if (f) {
            ngx_ess_follower_look(f);
        }

        return;
    }

    for (q = ngx_queue_head(&s->queue);
         q != ngx_queue_sentinel(&s->queue);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_ess_follower_look(ngx_queue_data(q, ngx_ess_follower_t, queue));
    }
}


static void
ngx_ess_follower_handler(ngx_event_t *ev)
{
    ngx_ess_follower_look(ev->data);
}


/* What is there for those who wait?  While this worker does not follow the
   stream: does another one, or shall it? */

static void
ngx_ess_follower_look(ngx_ess_follower_t *f)
{
    ngx_ess_followers_t  *s;

    if (f->state == NGX_ESS_FOLLOWER_LIVE) {
        ngx_ess_follower_answer(f, NGX_OK);
        return;
    }

    if (f->state == NGX_ESS_FOLLOWER_CLAIMED) {
        /* they will be told */
        return;
    }

    s = f->followers;

    switch (ngx_ess_follow_current(s->zone, &f->ref)) {

    case NGX_ESS_FOLLOW_LIVE:
        ngx_ess_follower_answer(f, NGX_OK);
        return;

    case NGX_ESS_FOLLOW_ATTACHING:
    case NGX_ESS_FOLLOW_FILLING:
        ngx_ess_follower_asked(f);

        if (!ngx_queue_empty(&f->attaches)) {
            ngx_add_timer(&f->poll, NGX_ESS_FOLLOWER_POLL);
        }

        return;

    case NGX_ESS_FOLLOW_MISSING:

        /* that is the answer to those who had asked before */

        ngx_ess_follower_tell(f, NGX_DECLINED);

        if (ngx_queue_empty(&f->fresh)) {
            return;
        }

        break;

    default: /* NGX_ESS_FOLLOW_NONE */

        if (!ngx_ess_follower_waits(f)
            && !ngx_ess_interest_subscribed(s->zone, &f->ref))
        {
            return;
        }
    }

    ngx_ess_follower_asked(f);

    switch (ngx_ess_follow_claim(s->zone, &f->ref, &f->ordinal)) {

    case NGX_OK:
        f->state = NGX_ESS_FOLLOWER_CLAIMED;
        s->type->claimed(f);
        return;

    case NGX_DECLINED:
        ngx_ess_follower_tell(f, NGX_DECLINED);
        return;

    default: /* NGX_BUSY: another worker was faster */
        return;
    }
}


/* 1: somebody does */

static ngx_uint_t
ngx_ess_follower_waits(ngx_ess_follower_t *f)
{
    return !ngx_queue_empty(&f->attaches) || !ngx_queue_empty(&f->fresh);
}


/* The source is being asked: what it says is for all who wait. */

static void
ngx_ess_follower_asked(ngx_ess_follower_t *f)
{
    if (!ngx_queue_empty(&f->fresh)) {
        ngx_queue_add(&f->attaches, &f->fresh);
        ngx_queue_init(&f->fresh);
    }
}


static void
ngx_ess_follower_answer(ngx_ess_follower_t *f, ngx_int_t rc)
{
    ngx_ess_follower_asked(f);
    ngx_ess_follower_tell(f, rc);
}


/* Those of whom the source was asked; who asks again is a new one. */

static void
ngx_ess_follower_tell(ngx_ess_follower_t *f, ngx_int_t rc)
{
    ngx_queue_t              *q;
    ngx_ess_source_attach_t  *attach;

    while (!ngx_queue_empty(&f->attaches)) {
        q = ngx_queue_head(&f->attaches);
        ngx_queue_remove(q);

        attach = ngx_queue_data(q, ngx_ess_source_attach_t, queue);
        attach->queue.next = NULL;
        attach->ref.epoch = f->ref.epoch;

        attach->done(attach, rc);
    }
}


void
ngx_ess_follower_live(ngx_ess_follower_t *f)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_INFO, f->followers->log, 0,
                  "following %s \"%V\" from event %uL on",
                  f->followers->type->noun, ngx_ess_escape(&key, &f->key),
                  f->ordinal);

    f->state = NGX_ESS_FOLLOWER_LIVE;

    ngx_ess_follower_answer(f, NGX_OK);
}


void
ngx_ess_follower_missing(ngx_ess_follower_t *f)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_WARN, f->followers->log, 0, "there is no %s \"%V\"",
                  f->followers->type->noun, ngx_ess_escape(&key, &f->key));

    ngx_ess_follower_gone(f);
}


void
ngx_ess_follower_anew(ngx_ess_follower_t *f, uint64_t ordinal,
    uint64_t expected)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_WARN, f->followers->log, 0,
                  "%s \"%V\" goes on with event %uL where %uL was expected: it "
                  "was made anew", f->followers->type->noun,
                  ngx_ess_escape(&key, &f->key), ordinal, expected);

    ngx_ess_follower_gone(f);
}


void
ngx_ess_follower_exchanged(ngx_ess_follower_t *f, uint64_t epoch)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_WARN, f->followers->log, 0,
                  "%s \"%V\" has the epoch %xL where %xL was expected: it is "
                  "another one", f->followers->type->noun,
                  ngx_ess_escape(&key, &f->key), epoch, f->ref.epoch);

    ngx_ess_follower_gone(f);
}


static void
ngx_ess_follower_gone(ngx_ess_follower_t *f)
{
    ngx_ess_followers_t  *s;

    s = f->followers;

    (void) ngx_ess_follow_missing(s->zone, &f->ref, &s->wake);
    ngx_ess_wake_procs(s->zone, &s->wake);

    f->state = NGX_ESS_FOLLOWER_OTHER;

    ngx_ess_follower_answer(f, NGX_DECLINED);
}


void
ngx_ess_follower_succeeded(ngx_ess_follower_t *f)
{
    f->followers->type->close(f);

    f->state = NGX_ESS_FOLLOWER_OTHER;

    ngx_ess_follower_look(f);
}


static void
ngx_ess_follower_tick(ngx_event_t *ev)
{
    ngx_queue_t          *q, *next;
    ngx_ess_follower_t   *f;
    ngx_ess_followers_t  *s;

    s = ev->data;

    for (q = ngx_queue_head(&s->queue);
         q != ngx_queue_sentinel(&s->queue);
         q = next)
    {
        next = ngx_queue_next(q);
        f = ngx_queue_data(q, ngx_ess_follower_t, queue);

        if (f->state != NGX_ESS_FOLLOWER_OTHER
            && !ngx_ess_follow_mine(s->zone, &f->ref))
        {
            ngx_ess_follower_succeeded(f);

        } else {
            ngx_ess_follower_look(f);
        }

        if (ngx_ess_follower_unused(f)) {
            ngx_ess_follower_free(f);
        }
    }

    if (!ngx_queue_empty(&s->queue)) {
        ngx_add_timer(ev, NGX_ESS_FOLLOWER_TICK);
    }
}


/* 1: nobody needs it, and this worker is not, or no longer, the follower */

static ngx_uint_t
ngx_ess_follower_unused(ngx_ess_follower_t *f)
{
    ngx_ess_escaped_t       key;
    ngx_ess_followers_t    *s;
    ngx_ess_stream_info_t   info;

    s = f->followers;

    if (ngx_ess_follower_waits(f) || f->ask.posted) {
        return 0;
    }

    if (f->state == NGX_ESS_FOLLOWER_OTHER) {
        return !ngx_ess_interest_subscribed(s->zone, &f->ref);
    }

    if (ngx_ess_stream_by_id(s->zone, f->ref.id, &info) == NGX_OK
        && info.subscribers)
    {
        f->used = ngx_current_msec;
    }

    if (ngx_current_msec - f->used < s->idle
        || ngx_ess_follow_release(s->zone, &f->ref, 0, &s->wake) != NGX_OK)
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, s->log, 0, "let go of %s \"%V\"",
                  s->type->noun, ngx_ess_escape(&key, &f->key));

    return 1;
}
