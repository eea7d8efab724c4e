
/*
 * Events came back from the broker although streams have their routing key:
 * somebody removed the binding.  The key, or of a topic exchange each pattern
 * that matches it, is bound again, once for all publications that wait for it;
 * then they are published again.  An operation is the worker's; it is freed
 * when all its binds are answered.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_exchange_pattern.h"
#include "ngx_ess_exchange_restore.h"
#include "ngx_ess_exchange_watch.h"
#include "ngx_ess_loss.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_counter.h"


/* operations under way */
#define NGX_ESS_EXCHANGE_RESTORES          256

/* patterns, and streams that have them, that one key is for; with more all
   keys are bound again */
#define NGX_ESS_EXCHANGE_RESTORE_PATTERNS  16
#define NGX_ESS_EXCHANGE_RESTORE_STREAMS   256


typedef struct {
    ngx_ess_source_bind_t       bind;
    u_char                      key[NGX_ESS_MAX_KEY];
} ngx_ess_exchange_restore_bind_t;


typedef struct {
    ngx_queue_t                 queue;      /* of all operations */
    ngx_queue_t                 waiting;    /* publications */
    ngx_uint_t                  left;       /* binds to be answered */
    ngx_int_t                   rc;
    ngx_uint_t                  lost;       /* streams may have lost events */
    size_t                      len;
    u_char                      key[NGX_ESS_MAX_KEY];
    u_char                      text[256];  /* what the broker said, null
                                               terminated */
    ngx_uint_t                  n;
    ngx_ess_exchange_restore_bind_t binds[1];
} ngx_ess_exchange_restore_op_t;


static ngx_ess_exchange_restore_op_t *ngx_ess_exchange_restore_find(
    ngx_ess_exchange_worker_t *w, ngx_str_t *key);
static ngx_ess_exchange_restore_op_t *ngx_ess_exchange_restore_create(
    ngx_ess_exchange_worker_t *w, ngx_str_t *key);
static ngx_int_t ngx_ess_exchange_restore_keys(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_restore_op_t *o, ngx_str_t *key, uint64_t listed);
static ngx_int_t ngx_ess_exchange_restore_pattern(
    ngx_ess_exchange_restore_op_t *o, ngx_ess_stream_info_t *info);
static void ngx_ess_exchange_restore_add(ngx_ess_exchange_restore_op_t *o,
    ngx_str_t *key);
static void ngx_ess_exchange_restore_log(ngx_ess_exchange_worker_t *w,
    ngx_str_t *key);
static void ngx_ess_exchange_restore_bound(ngx_ess_source_bind_t *bind,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_exchange_restore_done(ngx_ess_exchange_restore_op_t *o);


void
ngx_ess_exchange_restore_init(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_restore_pt handler)
{
    ngx_queue_init(&w->restoring);

    w->restored = handler;
}


void
ngx_ess_exchange_restore_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                      i;
    ngx_queue_t                    *q;
    ngx_ess_source_publish_t       *pub;
    ngx_ess_exchange_restore_op_t  *o;

    while (!ngx_queue_empty(&w->restoring)) {
        o = ngx_queue_data(ngx_queue_head(&w->restoring),
                           ngx_ess_exchange_restore_op_t, queue);

        for (i = 0; i < o->n; i++) {
            ngx_ess_source_bind_cancel(&o->binds[i].bind);
        }

        while (!ngx_queue_empty(&o->waiting)) {
            q = ngx_queue_head(&o->waiting);
            ngx_queue_remove(q);

            pub = ngx_queue_data(q, ngx_ess_source_publish_t, queue);
            pub->restoring = 0;
        }

        ngx_queue_remove(&o->queue);
        ngx_free(o);
    }
}


ngx_uint_t
ngx_ess_exchange_restore_listed(ngx_ess_exchange_worker_t *w, ngx_str_t *key)
{
    return ngx_ess_exchange_restore_keys(w, NULL, key, 0) == NGX_DONE;
}


ngx_int_t
ngx_ess_exchange_restore(ngx_ess_exchange_worker_t *w,
    ngx_ess_source_publish_t *pub)
{
    ngx_uint_t                      i;
    ngx_ess_exchange_restore_op_t  *o;

    o = ngx_ess_exchange_restore_find(w, &pub->key);

    if (o) {
        ngx_queue_insert_tail(&o->waiting, &pub->queue);
        return NGX_OK;
    }

    if (w->restores >= NGX_ESS_EXCHANGE_RESTORES) {
        return ngx_ess_exchange_restore_listed(w, &pub->key) ? NGX_BUSY
                                                         : NGX_DECLINED;
    }

    o = ngx_ess_exchange_restore_create(w, &pub->key);
    if (o == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_exchange_restore_keys(w, o, &pub->key, pub->listed)
        != NGX_OK)
    {
        ngx_free(o);
        ngx_ess_exchange_watch_lost(w);
        return NGX_BUSY;
    }

    if (o->n == 0) {
        ngx_free(o);
        return NGX_DECLINED;
    }

    if (o->lost) {
        ngx_ess_exchange_restore_log(w, &pub->key);
    }

    ngx_queue_insert_tail(&w->restoring, &o->queue);
    ngx_queue_insert_tail(&o->waiting, &pub->queue);

    w->restores++;
    ngx_ess_exchange_worker_gauge(w);

    for (i = 0; i < o->n; i++) {
        ngx_ess_source_bind(w->zone, &o->binds[i].bind);
    }

    /* perhaps it is not the only one */

    ngx_ess_exchange_watch_now(w);

    return NGX_OK;
}


static ngx_ess_exchange_restore_op_t *
ngx_ess_exchange_restore_find(ngx_ess_exchange_worker_t *w, ngx_str_t *key)
{
    ngx_queue_t                    *q;
    ngx_ess_exchange_restore_op_t  *o;

    for (q = ngx_queue_head(&w->restoring);
         q != ngx_queue_sentinel(&w->restoring);
         q = ngx_queue_next(q))
    {
        o = ngx_queue_data(q, ngx_ess_exchange_restore_op_t, queue);

        if (o->len == key->len && ngx_memcmp(o->key, key->data, key->len) == 0)
        {
            return o;
        }
    }

    return NULL;
}


static ngx_ess_exchange_restore_op_t *
ngx_ess_exchange_restore_create(ngx_ess_exchange_worker_t *w, ngx_str_t *key)
{
    ngx_uint_t                      n;
    ngx_ess_exchange_restore_op_t  *o;

    n = w->conf->topic ? NGX_ESS_EXCHANGE_RESTORE_PATTERNS : 1;

    o = ngx_calloc(offsetof(ngx_ess_exchange_restore_op_t, binds)
                   + n * sizeof(ngx_ess_exchange_restore_bind_t), w->log);
    if (o == NULL) {
        return NULL;
    }

    o->rc = NGX_OK;
    o->len = key->len;
    ngx_memcpy(o->key, key->data, key->len);

    ngx_queue_init(&o->waiting);

    return o;
}


/*
 * What is to be bound, if anything, and whose events may be lost: the key, or
 * the patterns of all streams that are listed and that it is for.  Without an
 * operation NGX_DONE: there is a stream.  NGX_DECLINED: there are too many.
 */

static ngx_int_t
ngx_ess_exchange_restore_keys(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_restore_op_t *o, ngx_str_t *key, uint64_t listed)
{
    ngx_uint_t             i, n, streams;
    ngx_ess_event_t        event;
    ngx_ess_stream_ref_t  *ref;
    ngx_ess_stream_info_t  info;

    if (!w->conf->topic) {

        if (!ngx_ess_stream_key_used(w->zone, key, 1)) {
            return NGX_OK;
        }

        if (o == NULL) {
            return NGX_DONE;
        }

        ngx_ess_exchange_restore_add(o, key);
        o->lost = ngx_ess_loss_key(w->zone, key, listed);

        return NGX_OK;
    }

    streams = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        event.keys = NULL;
        (void) ngx_ess_exchange_pattern_match(&w->slots[i], key, &event);

        for (n = 0; n < event.nstreams; n++) {
            ref = event.streams[n];

            if (ngx_ess_stream_by_id(w->zone, ref->id, &info) != NGX_OK
                || info.ref.epoch != ref->epoch)
            {
                continue;
            }

            if (o == NULL) {
                return NGX_DONE;
            }

            if (streams++ == NGX_ESS_EXCHANGE_RESTORE_STREAMS
                || ngx_ess_exchange_restore_pattern(o, &info) != NGX_OK)
            {
                return NGX_DECLINED;
            }

            if (info.ref.id < listed) {
                (void) ngx_ess_loss_stream(w->zone, &info.ref);
                o->lost = 1;
            }
        }
    }

    return NGX_OK;
}


/* Each pattern once. */

static ngx_int_t
ngx_ess_exchange_restore_pattern(ngx_ess_exchange_restore_op_t *o,
    ngx_ess_stream_info_t *info)
{
    ngx_str_t   pattern, *key;
    ngx_uint_t  i;

    pattern.data = info->key;
    pattern.len = info->key_len;

    for (i = 0; i < o->n; i++) {
        key = &o->binds[i].bind.key;

        if (key->len == pattern.len
            && ngx_memcmp(key->data, pattern.data, pattern.len) == 0)
        {
            return NGX_OK;
        }
    }

    if (o->n == NGX_ESS_EXCHANGE_RESTORE_PATTERNS) {
        return NGX_DECLINED;
    }

    ngx_ess_exchange_restore_add(o, &pattern);

    return NGX_OK;
}


static void
ngx_ess_exchange_restore_add(ngx_ess_exchange_restore_op_t *o, ngx_str_t *key)
{
    ngx_ess_exchange_restore_bind_t  *b;

    b = &o->binds[o->n++];

    ngx_memcpy(b->key, key->data, key->len);

    b->bind.handler = ngx_ess_exchange_restore_bound;
    b->bind.data = o;
    b->bind.key.data = b->key;
    b->bind.key.len = key->len;
    b->bind.log = ngx_ess_exchange_worker.log;

    o->left++;
}


/* Once a second: somebody may have removed many. */

static void
ngx_ess_exchange_restore_log(ngx_ess_exchange_worker_t *w, ngx_str_t *key)
{
    ngx_ess_escaped_t  e;

    static time_t      last;

    if (last == ngx_time()) {
        return;
    }

    last = ngx_time();

    ngx_log_error(NGX_LOG_WARN, w->log, 0,
                  "routing key \"%V\" is not bound any more and is bound "
                  "again, events published meanwhile are lost",
                  ngx_ess_escape(&e, key));
}


static void
ngx_ess_exchange_restore_bound(ngx_ess_source_bind_t *bind, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_exchange_restore_op_t  *o;

    o = bind->data;

    if (rc != NGX_OK) {
        o->rc = rc;
        ngx_cpystrn(o->text, text->data,
                    ngx_min(text->len + 1, sizeof(o->text)));

    } else if (o->lost) {
        ngx_ess_counter_add(ngx_ess_exchange_worker.zone, NGX_ESS_C_RESTORED,
                            1);
    }

    if (--o->left == 0) {
        ngx_ess_exchange_restore_done(o);
    }
}


static void
ngx_ess_exchange_restore_done(ngx_ess_exchange_restore_op_t *o)
{
    ngx_str_t                   text;
    ngx_queue_t                *q;
    ngx_ess_source_publish_t   *pub;
    ngx_ess_exchange_worker_t  *w;

    w = &ngx_ess_exchange_worker;

    ngx_queue_remove(&o->queue);

    w->restores--;
    ngx_ess_exchange_worker_gauge(w);

    text.data = o->text;
    text.len = ngx_strlen(o->text);

    /* an answer may cancel others that wait */

    while (!ngx_queue_empty(&o->waiting)) {
        q = ngx_queue_head(&o->waiting);
        ngx_queue_remove(q);

        pub = ngx_queue_data(q, ngx_ess_source_publish_t, queue);

        w->restored(pub, o->rc, &text);
    }

    ngx_free(o);
}
