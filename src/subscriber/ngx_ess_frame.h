/*
 * Frames: events in one encoding, once for all subscribers.
 *
 *     cursor A            cursor B
 *        │                   │
 *        ▼                   ▼
 *     ┌───────┐   ┌───────┐ ┌───────┐   ┌───────┐
 *     │ frame │──►│ frame │►│ frame │──►│ frame │◄── tail (not counted)
 *     └───────┘   └───────┘ └───────┘   └───────┘
 *
 * A frame counts the cursors at it and the link from the frame before it.
 * With neither it leaves the list, and lets go of the one after it: so the
 * list begins at the slowest cursor, and is empty when everybody is at the
 * end.
 */


#ifndef _NGX_ESS_FRAME_H_INCLUDED_
#define _NGX_ESS_FRAME_H_INCLUDED_


#include "ngx_ess_encoding.h"


typedef enum {
    NGX_ESS_FRAME_EVENT = 0,                /* bytes to be sent */
    NGX_ESS_FRAME_GAP,                      /* the same, but no event: says
                                               that some are gone */
    NGX_ESS_FRAME_LOSS,                     /* as nobody knows how many */
    NGX_ESS_FRAME_CLOSE,                    /* who gets here is closed: the
                                               stream is deleted */
    NGX_ESS_FRAME_GONE                      /* the same: its source is */
} ngx_ess_frame_type_e;


typedef struct ngx_ess_frame_s  ngx_ess_frame_t;

struct ngx_ess_frame_s {
    ngx_ess_frame_t         *next;
    uint64_t                 seq;           /* the record's; of a gap, of the
                                               record behind it */
    uint64_t                 ordinal;       /* of the event; of a gap, of what
                                               may come next; else 0 */
    uint64_t                 timestamp;     /* of the event, ms since 1970; 0:
                                               none */
    ngx_msec_t               arrival;       /* as ngx_current_msec; 0: of what
                                               was there before the client */
    uint64_t                 start;         /* bytes of all frames of the list
                                               before this one, ever */
    u_char                  *data;          /* a reference of those bytes */
    size_t                   len;           /* 0: of types CLOSE, GONE */
    uint32_t                 refs;
    ngx_ess_frame_type_e     type;
};


typedef struct {
    ngx_ess_frame_t         *tail;          /* NULL: empty */
    uint64_t                 bytes;         /* of all frames ever, with what
                                               each takes beside its own */
} ngx_ess_frames_t;


/*
 * Appends a frame without times, with a reference of "data" of its own.  The
 * frame is linked from the tail, if there is one, and has one reference more,
 * which is the caller's.  NULL: no memory.
 */
ngx_ess_frame_t *ngx_ess_frame_append(ngx_ess_frames_t *frames,
    ngx_ess_frame_type_e type, uint64_t seq, uint64_t ordinal,
    ngx_ess_encoding_frame_t *data, ngx_log_t *log);

#define ngx_ess_frame_is_gap(frame)                                           \
    ((frame)->type == NGX_ESS_FRAME_GAP || (frame)->type == NGX_ESS_FRAME_LOSS)

/* It has bytes to be sent; else who gets to it is closed. */
#define ngx_ess_frame_is_data(frame)                                          \
    ((frame)->type < NGX_ESS_FRAME_CLOSE)

/* One cursor more at the frame. */
#define ngx_ess_frame_hold(frame)  (frame)->refs++

/* One less; frees what nobody can reach any more.  NULL: there is none. */
void ngx_ess_frame_release(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame);

/* Moves a cursor on; the next frame, held, or NULL. */
ngx_ess_frame_t *ngx_ess_frame_next(ngx_ess_frames_t *frames,
    ngx_ess_frame_t *frame);

/* A reference less of the data of frames, which is gone with the last one. */
void ngx_ess_frame_drop(u_char *data, size_t len);

/*
 * The cursor at the frame will not go on: when it is alone there, it lets go
 * of the frames behind.
 */
void ngx_ess_frame_cut(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame);


#endif /* _NGX_ESS_FRAME_H_INCLUDED_ */
