
/*
 * A client whose socket is full lets go of its frames, and reads on by itself
 * when that takes more.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_source.h"


static void ngx_ess_feed_back_to(ngx_ess_feed_t *feed, uint64_t seq,
    uint64_t have);
static ngx_ess_frame_t *ngx_ess_feed_back_copy(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *frame);
static ngx_ess_feed_rest_t *ngx_ess_feed_back_rest(ngx_ess_subscriber_t *sub);


ngx_int_t
ngx_ess_feed_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep)
{
    uint64_t              ordinal, have;
    ngx_uint_t            rewound;
    ngx_ess_feed_t       *feed, *old;
    ngx_ess_frame_t      *frame, *copy;
    ngx_ess_feed_rest_t  *rest;

    old = sub->feed;
    frame = sub->frame;

    /* a loss does not say what comes next */

    ordinal = (frame->type == NGX_ESS_FRAME_LOSS && frame->next)
              ? frame->next->ordinal : frame->ordinal;

    have = ordinal ? ordinal - 1 : NGX_ESS_GAP_ANY;

    /* frames from the source have no number of the log's */

    rewound = (frame->seq == 0 || old->source);

    if (old->ended || (rewound && ordinal == 0)) {
        return NGX_DECLINED;
    }

    feed = old->replay ? old
                       : ngx_ess_feed_create(&old->ref, old->encoding, 0, 1);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    rest = NULL;
    copy = NULL;

    /* a gap is not found in the log again */

    if (ngx_ess_frame_is_gap(frame) || (sub->offset && keep)) {
        copy = ngx_ess_feed_back_copy(feed, frame);
        if (copy == NULL) {
            goto failed;
        }

    } else if (sub->offset) {
        rest = ngx_ess_feed_back_rest(sub);
        if (rest == NULL) {
            goto failed;
        }
    }

    ngx_ess_feed_source_stop(feed);

    feed->rest = rest;
    feed->follow = sub->follow;
    feed->rewound = rewound;

    if (copy && copy->type == NGX_ESS_FRAME_EVENT) {
        ngx_ess_feed_back_to(feed, frame->seq + 1, ordinal);

    } else if (copy && copy->type == NGX_ESS_FRAME_LOSS) {
        ngx_ess_feed_back_to(feed, frame->seq + 1, have);

    } else {
        ngx_ess_feed_back_to(feed, frame->seq, have);
    }

    ngx_ess_frame_release(&old->frames, frame);

    sub->frame = copy;
    sub->seq = 0;
    sub->have = 0;

    if (rest) {
        sub->offset = 0;
    }

    if (feed == old) {
        return NGX_OK;
    }

    feed->subscribers = 1;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feed->waiting, &sub->queue);

    sub->feed = feed;

    ngx_ess_feed_unhold(old);

    return NGX_OK;

failed:

    if (feed != old) {
        ngx_ess_feed_free(feed);
    }

    return NGX_ERROR;
}


/* It is to read on with that record, and has what is before it. */

static void
ngx_ess_feed_back_to(ngx_ess_feed_t *feed, uint64_t seq, uint64_t have)
{
    feed->seq = seq;
    feed->last = 0;
    feed->have = have;

    ngx_ess_feed_set_changed(feed, 1);
}


/* Alone on its list, so that what is behind it goes. */

static ngx_ess_frame_t *
ngx_ess_feed_back_copy(ngx_ess_feed_t *feed, ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t           *copy;
    ngx_ess_frames_t           frames;
    ngx_ess_encoding_frame_t   data;

    data.len = frame->len;
    data.data = ngx_alloc(frame->len, ngx_ess_feed_worker.log);
    if (data.data == NULL) {
        return NULL;
    }

    ngx_memcpy(data.data, frame->data, frame->len);

    ngx_memzero(&frames, sizeof(ngx_ess_frames_t));

    copy = ngx_ess_frame_append(&frames, frame->type, frame->seq, &data,
                                ngx_ess_feed_worker.log);
    if (copy == NULL) {
        return NULL;
    }

    copy->ordinal = frame->ordinal;
    copy->timestamp = frame->timestamp;
    copy->start = feed->frames.bytes;

    feed->frames.bytes += frames.bytes;

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
