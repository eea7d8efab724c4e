
/*
 * Which streams an event is for, in order of their ids: so one number says how
 * far an append came that is done in parts.  Runs in workers; all data is in
 * the zone and belongs to whoever holds its mutex, but what an event's keys
 * remember, which is the caller's.
 */


#include "ngx_ess_shm_layout.h"


/* no more streams have that key */
#define NGX_ESS_LOG_WALK_END  ((uint64_t) -1)


static ngx_ess_seg_t ngx_ess_log_walk_named_locked(ngx_ess_log_walk_t *walk);
static ngx_ess_seg_t ngx_ess_log_walk_of_key_locked(ngx_ess_log_walk_t *walk,
    uint64_t done);
static void ngx_ess_log_walk_begin_keys_locked(ngx_ess_log_walk_t *walk,
    uint64_t done);
static ngx_ess_seg_t ngx_ess_log_walk_of_keys_locked(ngx_ess_log_walk_t *walk,
    uint64_t last);
static void ngx_ess_log_walk_at_locked(ngx_ess_shm_t *sh,
    ngx_ess_event_key_t *k, ngx_ess_seg_t i);


ngx_ess_seg_t
ngx_ess_log_walk_first_locked(ngx_ess_log_walk_t *walk, uint64_t done)
{
    ngx_uint_t        n, half;
    ngx_ess_event_t  *event;

    event = walk->event;
    walk->next = 0;

    if (event->streams) {

        /* between walk->next and n */

        for (n = done ? event->nstreams : 0; walk->next < n; /* void */) {
            half = (walk->next + n) / 2;

            if (event->streams[half]->id <= done) {
                walk->next = half + 1;

            } else {
                n = half;
            }
        }

        return ngx_ess_log_walk_named_locked(walk);
    }

    if (event->keys) {
        ngx_ess_log_walk_begin_keys_locked(walk, done);
        return ngx_ess_log_walk_of_keys_locked(walk, done);
    }

    return ngx_ess_log_walk_of_key_locked(walk, done);
}


ngx_ess_seg_t
ngx_ess_log_walk_next_locked(ngx_ess_log_walk_t *walk, ngx_ess_seg_t i)
{
    if (walk->event->streams) {
        return ngx_ess_log_walk_named_locked(walk);
    }

    if (walk->event->keys) {
        return ngx_ess_log_walk_of_keys_locked(walk,
                                        ngx_ess_shm_stream(walk->sh, i)->id);
    }

    return ngx_ess_stream_next_of_key_locked(walk->sh, walk->key, walk->hash,
                                             i);
}


/* the next one that the event names and that is still there */

static ngx_ess_seg_t
ngx_ess_log_walk_named_locked(ngx_ess_log_walk_t *walk)
{
    ngx_ess_seg_t          i;
    ngx_ess_event_t       *event;
    ngx_ess_stream_ref_t  *ref;

    event = walk->event;

    while (walk->next < event->nstreams) {
        ref = event->streams[walk->next++];

        i = ngx_ess_stream_find_locked(walk->sh, ref->id, ref->epoch);

        if (i && ngx_ess_shm_stream(walk->sh, i)->state
                 == NGX_ESS_STREAM_CLOSED)
        {
            i = 0;
        }

        ref->index = i;

        if (i) {
            return i;
        }
    }

    return 0;
}


static ngx_ess_seg_t
ngx_ess_log_walk_of_key_locked(ngx_ess_log_walk_t *walk, uint64_t done)
{
    ngx_ess_seg_t  i;

    i = done ? ngx_ess_stream_of_id_locked(walk->sh, done) : 0;

    i = ngx_ess_stream_next_of_key_locked(walk->sh, walk->key, walk->hash, i);

    /* from the start, for that one is gone */

    while (i && ngx_ess_shm_stream(walk->sh, i)->id <= done) {
        i = ngx_ess_stream_next_of_key_locked(walk->sh, walk->key, walk->hash,
                                              i);
    }

    return i;
}


/*
 * Each key at its first stream above "done": found where the last hold of the
 * mutex began, or from the start if that stream is gone.
 */

static void
ngx_ess_log_walk_begin_keys_locked(ngx_ess_log_walk_t *walk, uint64_t done)
{
    ngx_uint_t            n;
    ngx_ess_seg_t         i;
    ngx_ess_event_key_t  *k;

    for (n = 0; n < walk->event->nkeys; n++) {
        k = &walk->event->keys[n];

        if (k->from == NGX_ESS_LOG_WALK_END) {
            continue;
        }

        i = k->from ? ngx_ess_stream_of_id_locked(walk->sh, k->from) : 0;

        if (i == 0) {
            i = ngx_ess_stream_next_of_key_locked(walk->sh, &k->key, k->hash,
                                                  0);
        }

        while (i
               && (ngx_ess_shm_stream(walk->sh, i)->id <= done
                   || ngx_ess_shm_stream(walk->sh, i)->state
                      == NGX_ESS_STREAM_CLOSED))
        {
            i = ngx_ess_stream_next_of_key_locked(walk->sh, &k->key, k->hash,
                                                  i);
        }

        ngx_ess_log_walk_at_locked(walk->sh, k, i);
        k->from = k->id;
    }
}


/* The first stream above "last", of all keys: a merge.  A key may be there
   twice. */

static ngx_ess_seg_t
ngx_ess_log_walk_of_keys_locked(ngx_ess_log_walk_t *walk, uint64_t last)
{
    ngx_uint_t            n;
    ngx_ess_seg_t         i;
    ngx_ess_event_key_t  *k, *first;

    first = NULL;

    for (n = 0; n < walk->event->nkeys; n++) {
        k = &walk->event->keys[n];

        if (k->id <= last) {
            i = ngx_ess_stream_next_of_key_locked(walk->sh, &k->key, k->hash,
                                                  k->next);
            ngx_ess_log_walk_at_locked(walk->sh, k, i);
        }

        if (first == NULL || k->id < first->id) {
            first = k;
        }
    }

    return first ? first->next : 0;
}


static void
ngx_ess_log_walk_at_locked(ngx_ess_shm_t *sh, ngx_ess_event_key_t *k,
    ngx_ess_seg_t i)
{
    k->next = i;
    k->id = i ? ngx_ess_shm_stream(sh, i)->id : NGX_ESS_LOG_WALK_END;
}
