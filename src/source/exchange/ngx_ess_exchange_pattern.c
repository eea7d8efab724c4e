
/*
 * The patterns of a topic exchange: each slot has an index of those that its
 * streams have for routing keys, so that an event that the broker put into
 * the queues of several slots is appended by each to its own streams only.
 * A worker that publishes has those of all slots, to know what is for nobody.
 * New streams are read from the zone when a delivery comes; those that are
 * no more are found out when one matches them, or in turn.  All of it is one
 * worker's.
 */


#include "ngx_ess_exchange_pattern.h"
#include "ngx_ess_stream.h"


#define NGX_ESS_EXCHANGE_PATTERN_READ  64   /* streams, from the zone */

/* looked after for each one that comes: so the index holds at most as many
   streams that are gone as it does others */
#define NGX_ESS_EXCHANGE_PATTERN_TURN  2


static ngx_int_t ngx_ess_exchange_pattern_sync(ngx_ess_exchange_worker_t *w);
static ngx_int_t ngx_ess_exchange_pattern_add(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *stream);


ngx_int_t
ngx_ess_exchange_pattern_init(ngx_ess_exchange_worker_t *w)
{
    return w->conf->topic ? ngx_ess_exchange_pattern_sync(w) : NGX_OK;
}


void
ngx_ess_exchange_pattern_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (w->slots[i].topic) {
            ngx_ess_topic_destroy(w->slots[i].topic);
            w->slots[i].topic = NULL;
        }
    }
}


ngx_int_t
ngx_ess_exchange_pattern_match(ngx_ess_exchange_slot_t *slot, ngx_str_t *key,
    ngx_ess_event_t *event)
{
    ngx_int_t                     rc;
    ngx_ess_event_key_t           one;
    static ngx_ess_stream_ref_t  *none;

    rc = ngx_ess_exchange_pattern_sync(slot->worker);

    event->streams = &none;
    event->nstreams = 0;

    if (slot->topic) {
        one.key = *key;

        event->nstreams = ngx_ess_topic_match(slot->topic,
                                              event->keys ? event->keys : &one,
                                              event->keys ? event->nkeys : 1,
                                              &event->streams);
    }

    return rc;
}


void
ngx_ess_exchange_pattern_appended(ngx_ess_exchange_slot_t *slot,
    ngx_ess_event_t *event)
{
    ngx_uint_t  i;

    for (i = 0; i < event->nstreams; i++) {

        if (event->streams[i]->index == 0) {
            ngx_ess_topic_remove(slot->topic, event->streams[i]);
        }
    }

    event->streams = NULL;
    event->nstreams = 0;
}


static ngx_int_t
ngx_ess_exchange_pattern_sync(ngx_ess_exchange_worker_t *w)
{
    uint64_t              next_id;
    ngx_uint_t            i, n, slots;
    ngx_ess_stream_key_t  streams[NGX_ESS_EXCHANGE_PATTERN_READ];

    if (ngx_ess_stream_peek_next_id(w->zone) == w->topic_next_id) {
        return NGX_OK;
    }

    /* before the streams: what comes meanwhile is read the next time */

    next_id = ngx_ess_stream_next_id(w->zone);
    slots = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slots |= (ngx_uint_t) (w->slots[i].own || w->conf->publish) << i;
    }

    do {
        n = ngx_ess_stream_keys(w->zone, slots, 0, &w->topic_cursor, streams,
                                NGX_ESS_EXCHANGE_PATTERN_READ);

        for (i = 0; i < n; i++) {

            if (ngx_ess_exchange_pattern_add(w, &streams[i]) != NGX_OK) {
                w->topic_cursor = streams[i].ref.id - 1;
                return NGX_ERROR;
            }
        }

    } while (n);

    w->topic_next_id = next_id;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_exchange_pattern_add(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *stream)
{
    ngx_str_t                 pattern;
    ngx_uint_t                i;
    ngx_ess_stream_ref_t     *ref;
    ngx_ess_exchange_slot_t  *slot;

    slot = &w->slots[stream->slot];

    if (slot->topic == NULL) {
        slot->topic = ngx_ess_topic_create(w->log);
        if (slot->topic == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < NGX_ESS_EXCHANGE_PATTERN_TURN; i++) {
        ref = ngx_ess_topic_turn(slot->topic);

        if (ref && !ngx_ess_stream_exists(w->zone, ref)) {
            ngx_ess_topic_remove(slot->topic, ref);
        }
    }

    pattern.data = stream->data;
    pattern.len = stream->len;

    return ngx_ess_topic_add(slot->topic, &pattern, &stream->ref);
}
