
/*
 * From the broker into the feed of one client that catches up.  What is read
 * belongs to the feed; what is under way to its replay, which is freed with
 * it.  Runs in workers.
 */


#include "ngx_ess_feed_source.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


/* bytes of events that are kept for one client */
#define NGX_ESS_FEED_SOURCE_BYTES  (1024 * 1024)


struct ngx_ess_feed_source_s {
    ngx_ess_source_replay_t      replay;
    ngx_ess_feed_t              *feed;
    ngx_ess_frame_t             *first;     /* of those that came since the
                                               last batch */
    size_t                       pending;   /* bytes, not sent */
    ngx_int_t                    rc;        /* of the last record */
    u_char                       key[NGX_ESS_MAX_KEY];
    ngx_str_t                    rule;      /* for keys; empty: none */
};


static void ngx_ess_feed_source_key(ngx_ess_event_t *event, ngx_str_t *rule,
    ngx_str_t *key);
static ngx_int_t ngx_ess_feed_source_event(ngx_ess_source_replay_t *replay,
    ngx_ess_event_t *event);
static void ngx_ess_feed_source_batch(ngx_ess_source_replay_t *replay);
static void ngx_ess_feed_source_ended(ngx_ess_source_replay_t *replay,
    ngx_int_t rc);
static void ngx_ess_feed_source_join(ngx_ess_feed_t *feed,
    ngx_ess_log_place_t *place);


static const ngx_ess_source_replay_handlers_t  ngx_ess_feed_source_handlers = {
    ngx_ess_feed_source_event,
    ngx_ess_feed_source_batch,
    ngx_ess_feed_source_ended
};


ngx_int_t
ngx_ess_feed_source_start(ngx_ess_feed_t *feed, uint64_t ordinal,
    uint64_t timestamp)
{
    ngx_ess_feed_source_t  *source;
    ngx_ess_stream_info_t   info;

    if (ngx_ess_stream_by_id(ngx_ess_feed_worker.zone, feed->ref.id, &info)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    source = ngx_calloc(sizeof(ngx_ess_feed_source_t) + info.rule_len,
                        ngx_cycle->log);
    if (source == NULL) {
        return NGX_ERROR;
    }

    source->rule.data = (u_char *) (source + 1);
    source->rule.len = info.rule_len;
    ngx_memcpy(source->rule.data, info.rule, info.rule_len);

    source->feed = feed;
    ngx_memcpy(source->key, info.key, info.key_len);

    source->replay.handlers = &ngx_ess_feed_source_handlers;
    source->replay.data = source;
    source->replay.source = info.kind.source;
    source->replay.key.data = source->key;
    source->replay.key.len = info.key_len;
    source->replay.epoch = feed->ref.epoch;
    source->replay.ordinal = ordinal;
    source->replay.timestamp = timestamp;

    if (ngx_ess_source_replay_start(&source->replay) != NGX_OK) {
        ngx_free(source);
        return NGX_ERROR;
    }

    feed->source = source;
    feed->changed = 1;
    feed->have = timestamp ? NGX_ESS_GAP_ANY : ordinal;

    return NGX_OK;
}


void
ngx_ess_feed_source_more(ngx_ess_feed_t *feed)
{
    feed->source->pending = 0;

    ngx_ess_source_replay_more(&feed->source->replay);
}


void
ngx_ess_feed_source_stop(ngx_ess_feed_t *feed)
{
    ngx_ess_feed_source_t  *source;

    source = feed->source;

    if (source == NULL) {
        return;
    }

    feed->source = NULL;

    ngx_ess_source_replay_stop(&source->replay);

    ngx_ess_frame_release(&feed->lane.frames, source->first);
    ngx_free(source);
}


/* As it would be in the log, where it may not have come to.  The key has
   room. */

static void
ngx_ess_feed_source_key(ngx_ess_event_t *event, ngx_str_t *rule,
    ngx_str_t *key)
{
    if (event->key.len) {
        *key = event->key;

    } else if (event->find_key == NULL
               || event->find_key(event, rule, key) != NGX_OK)
    {
        ngx_str_null(key);
    }
}


/* NGX_AGAIN: this one was taken, but no more of them now. */

static ngx_int_t
ngx_ess_feed_source_event(ngx_ess_source_replay_t *replay,
    ngx_ess_event_t *event)
{
    ngx_ess_record_t        record;
    ngx_ess_feed_source_t  *source;
    u_char                  key[NGX_ESS_MAX_KEY];

    source = replay->data;

    ngx_memzero(&record, sizeof(ngx_ess_record_t));

    record.body = event->body;
    record.ordinal = event->ordinal;
    record.after = ngx_max(event->after, source->feed->have);
    record.timestamp = event->timestamp;

    if (ngx_ess_log_is_poison(&event->body)) {
        record.type = NGX_ESS_RECORD_POISON;

    } else if (source->rule.len) {
        record.key.data = key;
        ngx_ess_feed_source_key(event, &source->rule, &record.key);
    }

    source->rc = ngx_ess_feed_read_record(source->feed, &record,
                                          &source->first);
    if (source->rc != NGX_OK) {
        return NGX_AGAIN;
    }

    if (ngx_ess_memory_used() >= ngx_ess_memory_max()) {
        ngx_ess_feed_reclaim();
        return NGX_AGAIN;
    }

    source->pending += event->body.len + sizeof(ngx_ess_frame_t);

    return (source->pending > NGX_ESS_FEED_SOURCE_BYTES) ? NGX_AGAIN : NGX_OK;
}


static void
ngx_ess_feed_source_batch(ngx_ess_source_replay_t *replay)
{
    ngx_int_t               rc;
    ngx_ess_feed_t         *feed;
    ngx_ess_frame_t        *first;
    ngx_ess_log_place_t     place;
    ngx_ess_feed_source_t  *source;

    source = replay->data;
    feed = source->feed;

    ngx_ess_feed_hold(feed);

    rc = source->rc;
    first = source->first;
    source->first = NULL;

    /* does the log have what follows, by now?  All up to there is too old, if
       nothing was found. */

    if (rc == NGX_OK
        && (replay->found
            ? ngx_ess_log_search_ordinal(ngx_ess_feed_worker.zone, &feed->ref,
                                         replay->ordinal, &place)
            : ngx_ess_log_search_since(ngx_ess_feed_worker.zone, &feed->ref,
                                       replay->timestamp, replay->ordinal + 1,
                                       &place))
           == NGX_OK
        && place.gap.from == 0
        && (replay->found || replay->ordinal >= place.begin))
    {
        ngx_ess_feed_source_join(feed, &place);
    }

    ngx_ess_feed_settle(feed, rc, first);
    ngx_ess_feed_unhold(feed);
}


static void
ngx_ess_feed_source_ended(ngx_ess_source_replay_t *replay, ngx_int_t rc)
{
    ngx_ess_feed_t         *feed;
    ngx_ess_frame_t        *first;
    ngx_ess_record_t        gone;
    ngx_ess_log_place_t     place;
    ngx_ess_feed_source_t  *source;

    source = replay->data;
    feed = source->feed;

    ngx_ess_feed_hold(feed);

    first = source->first;
    source->first = NULL;

    if (rc == NGX_DONE
        && ngx_ess_log_search_since(ngx_ess_feed_worker.zone, &feed->ref,
                                    replay->timestamp, (uint64_t) -1, &place)
           == NGX_OK)
    {
        /* nothing is that new, but perhaps what the log has */

        ngx_ess_feed_source_join(feed, &place);
        rc = NGX_OK;

    } else {

        ngx_memzero(&gone, sizeof(ngx_ess_record_t));
        gone.type = NGX_ESS_RECORD_GONE;
        gone.seq = (uint64_t) -1;

        feed->ended = 1;
        ngx_ess_feed_source_stop(feed);

        rc = ngx_ess_feed_read_record(feed, &gone, &first);
    }

    ngx_ess_feed_settle(feed, rc, first);
    ngx_ess_feed_unhold(feed);
}


/* From here on the log is read, as by any replay. */

static void
ngx_ess_feed_source_join(ngx_ess_feed_t *feed, ngx_ess_log_place_t *place)
{
    ngx_ess_source_replay_t  *replay;

    replay = &feed->source->replay;

    if (feed->have == NGX_ESS_GAP_ANY) {
        feed->have = place->have;

    } else if (replay->after <= feed->have) {
        /* ordinals that were left out are of no events */
        feed->have = ngx_max(feed->have, replay->ordinal);
    }

    ngx_ess_feed_source_stop(feed);

    feed->seq = place->seq;
    feed->last = place->last;
    feed->changed = 1;
}
