
/*
 * Subscribers come to a feed, catch up with the others, and leave.  A feed of
 * one client is a replay until it is where the shared one is.  Runs in
 * workers.
 */


#include "ngx_ess_feed_join.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_source.h"


static ngx_int_t ngx_ess_feed_join_lane(ngx_ess_feed_t *feed, ngx_str_t *key,
    ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_feed_join_shared(ngx_ess_subscriber_t *sub);
static void ngx_ess_feed_join_behind(ngx_ess_subscriber_t *sub, void *data);


ngx_int_t
ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *key,
    ngx_ess_subscriber_t *sub, uint64_t ordinal)
{
    ngx_ess_feed_t  *feed;

    sub->have = ordinal - 1;

    feed = ngx_ess_feed_get(ref, encoding, sub->seq, sub->have);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    return ngx_ess_feed_join_lane(feed, key, sub);
}


/* As idle.  Without memory a feed without subscribers is gone. */

static ngx_int_t
ngx_ess_feed_join_lane(ngx_ess_feed_t *feed, ngx_str_t *key,
    ngx_ess_subscriber_t *sub)
{
    ngx_ess_lane_t  *lane;

    if (key == NULL) {
        ngx_ess_feed_put(sub, &feed->lane, &feed->lane.idle);
        return NGX_OK;
    }

    lane = ngx_ess_lane_get(&feed->lanes, feed, key, ngx_ess_feed_worker.log);

    if (lane == NULL) {

        if (feed->subscribers == 0) {
            ngx_ess_feed_free(feed);
        }

        return NGX_ERROR;
    }

    ngx_ess_feed_put(sub, lane, &lane->idle);
    ngx_ess_lane_release(&feed->lanes, lane);

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_join_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *keys, ngx_uint_t n,
    ngx_ess_subscriber_t *sub, ngx_ess_log_place_t *place)
{
    ngx_ess_feed_t   *feed;
    ngx_ess_frame_t  *frame;

    feed = ngx_ess_feed_replay(ref, encoding, keys, n, place->seq);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    feed->have = place->have;
    feed->last = place->last;
    feed->live = sub->seq;
    feed->changed = 1;

    frame = NULL;

    if (place->gap.from
        && ngx_ess_feed_read_gap(feed, place->seq, &place->gap, &frame)
           != NGX_OK)
    {
        ngx_ess_feed_free(feed);
        return NGX_ERROR;
    }

    sub->frame = frame;
    sub->seq = 0;
    sub->offset = 0;

    ngx_ess_feed_put(sub, &feed->lane, (frame && !encoding->many)
                                       ? &feed->waiting : &feed->lane.idle);

    if (frame && encoding->many) {
        ngx_ess_feed_worker.handlers->ready(sub);
    }

    ngx_ess_feed_want(feed, &ngx_posted_next_events);

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_join_source(ngx_ess_subscriber_t *sub, ngx_ess_log_place_t *place,
    uint64_t ordinal, uint64_t timestamp)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    if (ngx_ess_feed_source_start(feed, ordinal, timestamp) != NGX_OK) {
        ngx_ess_feed_leave(sub);
        return NGX_ERROR;
    }

    if (place->gap.from) {
        /* that was said */
        feed->have = NGX_ESS_GAP_ANY;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_join_idle(ngx_ess_subscriber_t *sub)
{
    ngx_ess_lane_t  *lane;

    lane = sub->lane;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&lane->idle, &sub->queue);

    if (lane->feed->replay && !lane->feed->ended) {
        return ngx_ess_feed_join_shared(sub);
    }

    return NGX_OK;
}


/*
 * The client has all that its replay has read.  At the end of the log it
 * joins those who are there, unless they are further on meanwhile.
 */

static ngx_int_t
ngx_ess_feed_join_shared(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed, *replay;

    replay = sub->lane->feed;
    feed = ngx_ess_feed_find(&replay->ref, replay->encoding);

    if (feed && (feed->seq > replay->seq || feed->ended)) {
        replay->changed = 1;

    } else if (feed && replay->keys && feed->seq < replay->seq) {

        /* keys of a client go back together, to where the first one is: none
           is to be further on than the feed */

        replay->changed = 1;

        ngx_ess_feed_set_changed(feed, 1);
        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }

    if (replay->changed) {
        ngx_ess_feed_want(replay, &ngx_posted_next_events);
        return NGX_OK;
    }

    if (replay->keys && replay->keys->n > 1) {
        ngx_queue_remove(&sub->queue);
        ngx_queue_init(&sub->queue);

        ngx_ess_feed_worker.handlers->arrived(sub);
        return NGX_OK;
    }

    return ngx_ess_feed_join_arrived(sub,
                                     replay->keys ? replay->keys->keys : NULL,
                                     sub);
}


ngx_int_t
ngx_ess_feed_join_arrived(ngx_ess_subscriber_t *arrived, ngx_str_t *key,
    ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed, *replay;

    replay = arrived->lane->feed;

    feed = ngx_ess_feed_get(&replay->ref, replay->encoding, replay->seq,
                            replay->have);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    if (feed->seq == replay->seq && feed->have > replay->have) {

        /* who comes now misses what the others never asked for */

        ngx_ess_feed_visit_end(feed, ngx_ess_feed_join_behind, NULL);
        feed->have = replay->have;
    }

    sub->frame = NULL;
    sub->seq = replay->seq;
    sub->have = replay->have;

    if (feed->subscribers == 0) {

        /* nobody told it of what came since the replay read */

        feed->last = replay->last;

        ngx_ess_feed_set_changed(feed, 1);
        ngx_ess_feed_want(feed, &ngx_posted_next_events);
    }

    return ngx_ess_feed_join_lane(feed, key, sub);
}


/* One that is there has all that the feed had so far. */

static void
ngx_ess_feed_join_behind(ngx_ess_subscriber_t *sub, void *data)
{
    if (sub->frame == NULL) {
        sub->have = ngx_max(sub->have, sub->lane->feed->have);
    }
}


void
ngx_ess_feed_leave(ngx_ess_subscriber_t *sub)
{
    ngx_ess_lane_t  *lane;

    lane = sub->lane;

    ngx_ess_feed_source_stop(lane->feed);

    ngx_queue_remove(&sub->queue);

    ngx_ess_frame_release(&lane->frames, sub->frame);

    sub->frame = NULL;
    sub->lane = NULL;

    ngx_ess_feed_drop(lane);
}
