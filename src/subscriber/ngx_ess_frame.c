
/*
 * Lists of frames with counted references.  A frame belongs to the cursors and
 * the link that it counts, its bytes to all frames that have them, and are kept
 * once; the list itself holds nothing.
 * Runs in workers; nothing of it is in the zone.
 */


#include "ngx_ess_frame.h"
#include "ngx_ess_memory.h"


static size_t ngx_ess_frame_mark(u_char *data, size_t len);


ngx_ess_frame_t *
ngx_ess_frame_append(ngx_ess_frames_t *frames, ngx_ess_frame_type_e type,
    uint64_t seq, uint64_t ordinal, ngx_ess_encoding_frame_t *data,
    ngx_log_t *log)
{
    ngx_ess_frame_t  *frame;

    frame = ngx_calloc(sizeof(ngx_ess_frame_t), log);
    if (frame == NULL) {
        return NULL;
    }

    ngx_ess_encoding_hold(data->data);

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

    ngx_ess_memory_take(sizeof(ngx_ess_frame_t)
                        + ngx_ess_frame_mark(frame->data, frame->len));

    return frame;
}


/* Bytes that are kept from now on; 0: they are already. */

static size_t
ngx_ess_frame_mark(u_char *data, size_t len)
{
    if (data == NULL || ngx_ess_encoding_data(data)->mark) {
        return 0;
    }

    ngx_ess_encoding_data(data)->mark = 1;

    return len;
}


void
ngx_ess_frame_drop(u_char *data, size_t len)
{
    uint32_t  mark;

    if (data == NULL) {
        return;
    }

    mark = ngx_ess_encoding_data(data)->mark;

    if (ngx_ess_encoding_free(data) && mark) {
        ngx_ess_memory_give(len);
    }
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

        ngx_ess_memory_give(sizeof(ngx_ess_frame_t));

        ngx_ess_frame_drop(frame->data, frame->len);
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
