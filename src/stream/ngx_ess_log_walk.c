
/*
 * Which streams an event is for, in order of their ids: so one number says how
 * far an append came that is done in parts.  Runs in workers; all data is in
 * the zone and belongs to whoever holds its mutex, but what an event's keys
 * remember, which is the caller's.
 */


#include "ngx_ess_log_walk.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


/* no more streams have that key */
#define NGX_ESS_LOG_WALK_END  ((uint64_t) -1)


static ngx_ess_seg_t ngx_ess_log_walk_named_locked(ngx_ess_log_walk_t *walk);
static ngx_int_t ngx_ess_log_walk_begin_keys_locked(ngx_ess_log_walk_t *walk,
    uint64_t done);
static ngx_ess_seg_t ngx_ess_log_walk_of_keys_locked(ngx_ess_log_walk_t *walk,
    uint64_t last);
static void ngx_ess_log_walk_at_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_event_key_t *k, ngx_ess_seg_t i);


ngx_int_t
ngx_ess_log_walk_first_locked(ngx_ess_log_walk_t *walk, uint64_t done,
    ngx_ess_seg_t *first)
{
    ngx_uint_t        n, half, looks;
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

        *first = ngx_ess_log_walk_named_locked(walk);

        return NGX_OK;
    }

    if (event->keys) {

        if (ngx_ess_log_walk_begin_keys_locked(walk, done) != NGX_OK) {
            return NGX_AGAIN;
        }

        *first = ngx_ess_log_walk_of_keys_locked(walk, done);

        return NGX_OK;
    }

    looks = NGX_ESS_LOOKUP_LOOKS;

    return ngx_ess_lookup_key_after_locked(walk->sh, walk->key, walk->hash,
                                           done, &event->sought, &looks,
                                           first);
}


ngx_ess_seg_t
ngx_ess_log_walk_next_locked(ngx_ess_log_walk_t *walk, ngx_ess_seg_t i)
{
    if (walk->event->streams) {
        return ngx_ess_log_walk_named_locked(walk);
    }

    if (walk->event->keys) {
        return ngx_ess_log_walk_of_keys_locked(walk,
                                        ngx_ess_zone_stream(walk->sh, i)->id);
    }

    return ngx_ess_lookup_key_locked(walk->sh, walk->key, walk->hash,
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

        i = ngx_ess_lookup_ref_locked(walk->sh, ref->id, ref->epoch);

        if (i && ngx_ess_zone_stream(walk->sh, i)->state
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


/*
 * Each key at its first stream above "done": found where the last hold of the
 * mutex began, or from the start if that stream is gone.
 */

static ngx_int_t
ngx_ess_log_walk_begin_keys_locked(ngx_ess_log_walk_t *walk, uint64_t done)
{
    ngx_uint_t            n, looks;
    ngx_ess_seg_t         i;
    ngx_ess_event_key_t  *k;

    looks = NGX_ESS_LOOKUP_LOOKS;

    for (n = 0; n < walk->event->nkeys; n++) {
        k = &walk->event->keys[n];

        if (k->from == NGX_ESS_LOG_WALK_END) {
            continue;
        }

        if (ngx_ess_lookup_key_after_locked(walk->sh, &k->key, k->hash,
                                            done, &k->from, &looks, &i)
            != NGX_OK)
        {
            return NGX_AGAIN;
        }

        ngx_ess_log_walk_at_locked(walk->sh, k, i);
        k->from = k->id;
    }

    return NGX_OK;
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
            i = ngx_ess_lookup_key_locked(walk->sh, &k->key, k->hash,
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
ngx_ess_log_walk_at_locked(ngx_ess_zone_sh_t *sh, ngx_ess_event_key_t *k,
    ngx_ess_seg_t i)
{
    k->next = i;
    k->id = i ? ngx_ess_zone_stream(sh, i)->id : NGX_ESS_LOG_WALK_END;
}
