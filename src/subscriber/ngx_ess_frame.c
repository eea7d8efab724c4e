
/*
 * Lists of frames with counted references.  A frame and its bytes belong to
 * the cursors and the link that it counts, and to those who have pinned it;
 * the list itself holds nothing.
 * Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_frame.h"


static void ngx_ess_frame_free(ngx_ess_frame_t *frame);


/* of all frames of this worker */
static size_t  ngx_ess_frame_total;


ngx_ess_frame_t *
ngx_ess_frame_append(ngx_ess_frames_t *frames, ngx_ess_frame_type_e type,
    uint64_t seq, ngx_ess_transport_frame_t *data, ngx_log_t *log)
{
    ngx_ess_frame_t  *frame;

    frame = ngx_alloc(sizeof(ngx_ess_frame_t), log);
    if (frame == NULL) {
        if (data->data) {
            ngx_free(data->data);
        }

        return NULL;
    }

    frame->next = NULL;
    frame->seq = seq;
    frame->ordinal = 0;
    frame->arrival = 0;
    frame->start = frames->bytes;
    frame->data = data->data;
    frame->len = data->len;
    frame->refs = 1;
    frame->pins = 0;
    frame->type = type;

    if (frames->tail) {
        frames->tail->next = frame;
        frame->refs++;
    }

    frames->tail = frame;
    frames->bytes += sizeof(ngx_ess_frame_t) + frame->len;

    ngx_ess_frame_total += sizeof(ngx_ess_frame_t) + frame->len;

    return frame;
}


void
ngx_ess_frame_release(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t  *next;

    /* a loop: a slow client that leaves may free a long list */

    while (frame && --frame->refs == 0) {

        next = frame->next;

        if (frames->tail == frame) {
            frames->tail = NULL;
        }

        if (frame->pins == 0) {
            ngx_ess_frame_free(frame);
        }

        frame = next;
    }
}


void
ngx_ess_frame_unpin(ngx_ess_frame_t *frame)
{
    if (--frame->pins == 0 && frame->refs == 0) {
        ngx_ess_frame_free(frame);
    }
}


static void
ngx_ess_frame_free(ngx_ess_frame_t *frame)
{
    ngx_ess_frame_total -= sizeof(ngx_ess_frame_t) + frame->len;

    if (frame->data) {
        ngx_free(frame->data);
    }

    ngx_free(frame);
}


ngx_ess_frame_t *
ngx_ess_frame_next(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t  *next;

    next = frame->next;

    if (next) {
        ngx_ess_frame_hold(next);
    }

    ngx_ess_frame_release(frames, frame);

    return next;
}


void
ngx_ess_frame_cut(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    ngx_ess_frame_t  *next;

    if (frame->refs != 1 || frame->next == NULL) {
        return;
    }

    next = frame->next;
    frame->next = NULL;

    ngx_ess_frame_release(frames, next);
}


size_t
ngx_ess_frame_bytes(void)
{
    return ngx_ess_frame_total;
}
