/*
 * Feeds: what this worker keeps of a stream that has subscribers here, and
 * the subscribers themselves.  Private to subscriber/.
 *
 *            new frames                   one send each, in slices
 *     idle ─────────────► due ───────────────────────► idle (all was sent)
 *                          ▲ │ socket full
 *                          │ ▼
 *                        waiting   (also: those that are being closed)
 */


#ifndef _NGX_ESS_FEED_H_INCLUDED_
#define _NGX_ESS_FEED_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"
#include "ngx_ess_transport.h"
#include "ngx_ess_frame.h"
#include "ngx_ess_wheel.h"


typedef struct ngx_ess_feed_s        ngx_ess_feed_t;
typedef struct ngx_ess_subscriber_s  ngx_ess_subscriber_t;


struct ngx_ess_feed_s {
    ngx_ess_feed_t              *next;      /* in its hash bucket */
    ngx_queue_t                  all;       /* of the worker's feeds */
    ngx_queue_t                  reading;   /* while there is to be read */
    ngx_queue_t                  flushing;  /* while somebody is due */

    ngx_ess_stream_ref_t         ref;
    const ngx_ess_transport_t   *transport;
    uint64_t                     seq;       /* of the next record to read */
    uint32_t                     last;      /* where the one before it is */
    ngx_ess_frames_t             frames;

    ngx_queue_t                  idle;      /* subscribers at the end */
    ngx_queue_t                  due;       /* with frames to be sent */
    ngx_queue_t                  waiting;   /* for their socket, or their end */
    ngx_uint_t                   subscribers;

    unsigned                     changed:1; /* more is in the log */
    unsigned                     ended:1;   /* the stream is deleted */
    unsigned                     in_reading:1;
    unsigned                     in_flushing:1;
};


typedef enum {
    NGX_ESS_SUBSCRIBER_OPENING = 0,         /* response header on its way */
    NGX_ESS_SUBSCRIBER_OPEN,                /* gets events */
    NGX_ESS_SUBSCRIBER_FINISHING,           /* gets what is there, then the
                                               close */
    NGX_ESS_SUBSCRIBER_CLOSING,             /* the close is on its way */
    NGX_ESS_SUBSCRIBER_CLOSED,              /* it was sent; the peer's comes */
    NGX_ESS_SUBSCRIBER_GONE                 /* off all lists */
} ngx_ess_subscriber_state_e;


struct ngx_ess_subscriber_s {
    ngx_queue_t                  queue;     /* idle, due or waiting */
    ngx_queue_t                  drain;     /* those that a drain will close */
    ngx_ess_wheel_entry_t        timer;     /* ping, or end of patience */

    ngx_http_request_t          *request;
    ngx_ess_feed_t              *feed;
    void                        *session;   /* the transport's */
    ngx_ess_subscriber_state_e   state;

    uint64_t                     seq;       /* first record that it wants */
    ngx_ess_frame_t             *frame;     /* cursor; NULL: at the end */
    size_t                       offset;    /* bytes of it that were sent */

    uint64_t                     stream_id;
    uint64_t                     events_sent;
    uint64_t                     bytes_sent;

    ngx_msec_t                   ping_interval;     /* ms, 0: none */
    ngx_msec_t                   ping_timeout;      /* ms */
    uint16_t                     code;      /* to close with */

    unsigned                     blocked:1; /* its socket takes no more */
    unsigned                     heard:1;   /* since the last ping */
    unsigned                     pinged:1;  /* and waits for an answer */
    unsigned                     last:1;    /* the end follows what is in out */
    unsigned                     linger:1;  /* the client may be sending on */

    /* control frames: the one being sent, and the one after it, which later
       ones replace, so that pings in any number take no memory */
    u_char                       out_len;
    u_char                       out_sent;
    u_char                       next_len;
    u_char                       out[NGX_ESS_TRANSPORT_MAX_CONTROL];
    u_char                       next[NGX_ESS_TRANSPORT_MAX_CONTROL];
};


/* What a feed tells its subscribers; set once. */

typedef struct {
    /* one send; the subscriber may be gone afterwards */
    void                       (*flush)(ngx_ess_subscriber_t *sub);

    /* events are lost for want of memory; the subscriber may be gone
       afterwards */
    void                       (*failed)(ngx_ess_subscriber_t *sub);

    /* it is far behind; the subscriber may be gone afterwards */
    void                       (*slow)(ngx_ess_subscriber_t *sub);

    /* the worker exits; the subscriber is gone afterwards */
    void                       (*exit)(ngx_ess_subscriber_t *sub);
} ngx_ess_feed_handlers_t;


ngx_int_t ngx_ess_feed_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers);

/* All subscribers are ended, and with them their feeds. */
void ngx_ess_feed_exit(void);

/*
 * The subscriber, which was counted in the zone, joins the feed of the
 * stream, as idle, wanting records from sub->seq on.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_transport_t *transport, ngx_ess_subscriber_t *sub);

/* It leaves; the feed is freed with its last subscriber. */
void ngx_ess_feed_leave(ngx_ess_subscriber_t *sub);

/* The stream's log has more; ref->id 0: any may have. */
void ngx_ess_feed_changed(ngx_ess_stream_ref_t *ref);

/* Where the subscriber belongs now. */
void ngx_ess_feed_idle(ngx_ess_subscriber_t *sub);
void ngx_ess_feed_due(ngx_ess_subscriber_t *sub);
void ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_FEED_H_INCLUDED_ */
