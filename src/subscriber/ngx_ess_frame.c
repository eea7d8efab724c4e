
/*
 * Lists of frames with counted references.  A frame and its bytes belong to
 * the cursors and the link that it counts; the list itself holds nothing.
 * Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_frame.h"
#include "ngx_ess_memory.h"


ngx_ess_frame_t *
ngx_ess_frame_append(ngx_ess_frames_t *frames, ngx_ess_frame_type_e type,
    uint64_t seq, uint64_t ordinal, ngx_ess_encoding_frame_t *data,
    ngx_log_t *log)
{
    ngx_ess_frame_t  *frame;

    frame = ngx_calloc(sizeof(ngx_ess_frame_t), log);
    if (frame == NULL) {
        ngx_free(data->data);
        return NULL;
    }

    frame->seq = seq;
    frame->ordinal = ordinal;
    frame->start = frames->bytes;
    frame->data = data->data;
    frame->len = data->len;
    frame->refs = 1;
    frame->type = type;

    if (frames->tail) {
        frames->tail->next = frame;
        frame->refs++;
    }

    frames->tail = frame;
    frames->bytes += sizeof(ngx_ess_frame_t) + frame->len;

    ngx_ess_memory_take(sizeof(ngx_ess_frame_t) + frame->len);

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

        ngx_ess_memory_give(sizeof(ngx_ess_frame_t) + frame->len);

        ngx_free(frame->data);
        ngx_free(frame);

        frame = next;
    }
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

    if (frame->refs == 1) {
        next = frame->next;
        frame->next = NULL;

        ngx_ess_frame_release(frames, next);
    }
}
