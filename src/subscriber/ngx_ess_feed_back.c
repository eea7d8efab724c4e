
/*
 * A client whose socket is full lets go of its frames, and reads on by itself
 * when that takes more.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_source.h"


static ngx_ess_feed_t *ngx_ess_feed_back_replay(ngx_ess_lane_t *lane);
static ngx_int_t ngx_ess_feed_back_keep(ngx_ess_subscriber_t *sub,
    ngx_ess_feed_t *feed, ngx_ess_log_place_t *place, ngx_uint_t keep,
    ngx_ess_frame_t **kept);
static ngx_ess_frame_t *ngx_ess_feed_back_copy(ngx_ess_feed_t *feed,
    ngx_ess_log_place_t *place, ngx_ess_frame_t *frame);
static ngx_ess_feed_rest_t *ngx_ess_feed_back_rest(ngx_ess_subscriber_t *sub);
static void ngx_ess_feed_back_move(ngx_ess_subscriber_t *sub,
    ngx_ess_feed_t *feed, ngx_ess_log_place_t *place, ngx_ess_frame_t *kept);


ngx_int_t
ngx_ess_feed_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep)
{
    ngx_ess_feed_t       *feed, *old;
    ngx_ess_frame_t      *frame, *kept;
    ngx_ess_log_place_t   place;

    old = sub->lane->feed;
    frame = sub->frame;

    /* a loss does not say what comes next */

    place.have = (frame->type == NGX_ESS_FRAME_LOSS && frame->next)
                 ? frame->next->ordinal - 1 : frame->ordinal - 1;

    /* what comes from the source has no number of the log's */

    place.seq = old->source ? 0 : frame->seq;

    if (old->ended || (place.seq == 0 && place.have == NGX_ESS_GAP_ANY)) {
        return NGX_DECLINED;
    }

    feed = old->replay ? old : ngx_ess_feed_back_replay(sub->lane);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_feed_back_keep(sub, feed, &place, keep, &kept) != NGX_OK) {

        if (feed != old) {
            ngx_ess_feed_free(feed);
        }

        return NGX_ERROR;
    }

    ngx_ess_feed_back_move(sub, feed, &place, kept);

    return NGX_OK;
}


/* Of what the lane has. */

static ngx_ess_feed_t *
ngx_ess_feed_back_replay(ngx_ess_lane_t *lane)
{
    ngx_str_t  key;

    key.data = ngx_ess_lane_key(lane);
    key.len = lane->key_len;

    return ngx_ess_feed_replay(&lane->feed->ref, lane->feed->encoding, &key,
                               key.len ? 1 : 0, 0);
}


/* A frame that stays, NULL: none, or feed->rest. */

static ngx_int_t
ngx_ess_feed_back_keep(ngx_ess_subscriber_t *sub, ngx_ess_feed_t *feed,
    ngx_ess_log_place_t *place, ngx_uint_t keep, ngx_ess_frame_t **kept)
{
    *kept = NULL;

    /* a gap is not found in the log again */

    if (ngx_ess_frame_is_gap(sub->frame) || (sub->offset && keep)) {
        *kept = ngx_ess_feed_back_copy(feed, place, sub->frame);
        return *kept ? NGX_OK : NGX_ERROR;
    }

    if (sub->offset) {
        feed->rest = ngx_ess_feed_back_rest(sub);
        return feed->rest ? NGX_OK : NGX_ERROR;
    }

    return NGX_OK;
}


/* Behind what the feed has, if that is the client's own: so it is what is left
   of it. */

static ngx_ess_frame_t *
ngx_ess_feed_back_copy(ngx_ess_feed_t *feed, ngx_ess_log_place_t *place,
    ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t           *copy;
    ngx_ess_encoding_frame_t   data;

    data.data = frame->data;
    data.len = frame->len;

    copy = ngx_ess_frame_append(&feed->lane.frames, frame->type, place->seq,
                                place->have + 1, &data,
                                ngx_ess_feed_worker.log);
    if (copy == NULL) {
        return NULL;
    }

    copy->timestamp = frame->timestamp;

    return copy;
}


static ngx_ess_feed_rest_t *
ngx_ess_feed_back_rest(ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t      *frame;
    ngx_ess_feed_rest_t  *rest;

    frame = sub->frame;

    rest = ngx_alloc(sizeof(ngx_ess_feed_rest_t), ngx_ess_feed_worker.log);
    if (rest == NULL) {
        return NULL;
    }

    rest->ordinal = frame->ordinal;
    rest->timestamp = frame->timestamp;
    rest->len = frame->len;
    rest->sent = sub->offset;
    rest->hash = ngx_ess_feed_read_hash(frame->data, sub->offset);

    return rest;
}


/* To that feed, which reads on at the place, or behind what was kept. */

static void
ngx_ess_feed_back_move(ngx_ess_subscriber_t *sub, ngx_ess_feed_t *feed,
    ngx_ess_log_place_t *place, ngx_ess_frame_t *kept)
{
    ngx_ess_feed_source_stop(feed);

    feed->seq = place->seq;
    feed->last = 0;
    feed->have = place->have;
    feed->changed = 1;

    if (kept && kept->type == NGX_ESS_FRAME_EVENT) {
        feed->have++;
    }

    if (kept && kept->type != NGX_ESS_FRAME_GAP && feed->seq) {
        feed->seq++;
    }

    ngx_ess_frame_release(&sub->lane->frames, sub->frame);

    sub->frame = kept;
    sub->seq = 0;

    if (kept == NULL) {
        sub->have = 0;
    }

    ngx_ess_feed_put(sub, &feed->lane, sub->many ? NULL : &feed->waiting);
}
