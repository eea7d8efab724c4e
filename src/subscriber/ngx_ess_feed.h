/*
 * Feeds: what this worker keeps of a stream that has subscribers here, and
 * the subscribers themselves.  Private to subscriber/.
 *
 *            new frames                   one send each, in slices
 *     idle ─────────────► due ───────────────────────► idle (all was sent)
 *                          ▲ │ socket full
 *                          │ ▼
 *                        waiting   (also: those that are being closed)
 *
 * All subscribers that are at the end of a stream share one feed for each
 * encoding.  One that begins earlier has a feed of its own, a replay, which
 * reads the log as fast as that client takes it, until it is at the end, too,
 * and the client moves to the shared feed.
 */


#ifndef _NGX_ESS_FEED_H_INCLUDED_
#define _NGX_ESS_FEED_H_INCLUDED_


#include "ngx_ess_zone.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_encoding.h"
#include "ngx_ess_frame.h"


typedef struct ngx_ess_feed_s        ngx_ess_feed_t;
typedef struct ngx_ess_feed_source_s ngx_ess_feed_source_t;
typedef struct ngx_ess_subscriber_s  ngx_ess_subscriber_t;
typedef struct ngx_ess_client_s      ngx_ess_client_t;


/*
 * Of an event that a client has in part, and whose frame it let go of, so that
 * others get what is theirs: the event is read and encoded again when its
 * socket takes more.  Until then nothing else can be said to it.
 */

typedef struct {
    uint64_t                     ordinal;
    uint64_t                     timestamp; /* as it was encoded */
    size_t                       len;       /* of the frame, */
    size_t                       sent;      /* of which it has that */
    uint32_t                     hash;      /* of the end of what it has */
} ngx_ess_feed_rest_t;


struct ngx_ess_feed_s {
    ngx_ess_feed_t              *next;      /* in its hash bucket */
    ngx_queue_t                  all;       /* the worker's feeds, replays
                                               first */
    ngx_queue_t                  reading;   /* while there is to be read */
    ngx_queue_t                  flushing;  /* while somebody is due */

    ngx_ess_stream_ref_t         ref;
    const ngx_ess_encoding_t   *encoding;
    uint64_t                     seq;       /* of the next record to read; 0:
                                               the source has what is behind
                                               "have" */
    uint64_t                     have;      /* what is before it: see
                                               ngx_ess_gap.h */
    ngx_ess_seg_t                last;      /* where the one before it is */
    uint64_t                     live;      /* of a replay: the first record
                                               after the client had come, from
                                               which on POISON closes it; 0:
                                               every POISON closes it */
    ngx_ess_feed_source_t       *source;    /* it is read from there; NULL:
                                               from the log */
    ngx_ess_feed_rest_t         *rest;      /* of a replay, what comes first;
                                               NULL: a whole frame */
    ngx_ess_frames_t             frames;

    ngx_queue_t                  idle;      /* subscribers at the end */
    ngx_queue_t                  due;       /* with frames to be sent */
    ngx_queue_t                  waiting;   /* for their socket, or their end */
    ngx_uint_t                   subscribers;

    unsigned                     changed:1; /* more is in the log */
    unsigned                     ended:1;   /* the stream is deleted */
    unsigned                     replay:1;  /* of one subscriber only */
    unsigned                     strict:1;  /* of a replay: to miss something
                                               closes the client */
    unsigned                     in_reading:1;
    unsigned                     in_flushing:1;
};


/* What a client subscribes to, and how far it got. */

struct ngx_ess_subscriber_s {
    ngx_queue_t                  queue;     /* idle, due or waiting */
    ngx_ess_client_t            *client;
    ngx_ess_feed_t              *feed;

    uint64_t                     seq;       /* first record that it wants */
    uint64_t                     have;      /* what it came with: of a gap up to
                                               there it is not told; 0: that of
                                               its feed */
    ngx_ess_frame_t             *frame;     /* cursor; NULL: at the end */
    size_t                       offset;    /* bytes of it that were sent */
    uint32_t                     number;    /* in order of arrival */

    unsigned                     closed:1;  /* it gets nothing more but the
                                               rest of a frame */
    unsigned                     follow:1;  /* the broker may have what the log
                                               has not */
};


/* What a feed tells its subscribers; set once. */

typedef struct {
    /* one send; the subscriber may be gone afterwards */
    void                       (*flush)(ngx_ess_subscriber_t *sub);

    /* events are lost for want of memory; the subscriber may be gone
       afterwards */
    void                       (*failed)(ngx_ess_subscriber_t *sub);

    /* so many bytes behind the frame that it is at have come; the subscriber
       may be gone afterwards */
    void                       (*slow)(ngx_ess_subscriber_t *sub,
                                   size_t behind);

    /* all keep more than they may, and this one keeps much; it may be gone
       afterwards */
    void                       (*reclaim)(ngx_ess_subscriber_t *sub);

    /* what it has to get next is gone; it may be gone afterwards */
    void                       (*missed)(ngx_ess_subscriber_t *sub);

    /* a newer one has taken over, perhaps not only now; it may be gone
       afterwards */
    void                       (*replaced)(ngx_ess_subscriber_t *sub);

    /* the worker leaves; the subscriber is gone afterwards */
    void                       (*exit)(ngx_ess_subscriber_t *sub);
} ngx_ess_feed_handlers_t;


typedef struct {
    ngx_ess_zone_t                 *zone;       /* that they read */
    const ngx_ess_feed_handlers_t  *handlers;
    ngx_log_t                      *log;

    ngx_ess_feed_t                **buckets;    /* of shared feeds */
    ngx_uint_t                      nbuckets;   /* a power of two */
    ngx_uint_t                      nfeeds;     /* in them */
    ngx_uint_t                      nchanged;   /* of these, with more in the
                                                   log than they have read */
    ngx_queue_t                     all;        /* feeds, replays first */

    ngx_queue_t                     reading;    /* feeds that may be read */
    ngx_queue_t                     flushing;   /* those with due ones */
    ngx_event_t                     read;       /* of these: see */
    ngx_event_t                     flush;      /* ngx_ess_feed_turn.c */
    ngx_uint_t                      slice;      /* within a slice of flushes */
} ngx_ess_feed_worker_t;


extern ngx_ess_feed_worker_t  ngx_ess_feed_worker;


ngx_int_t ngx_ess_feed_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers);

/* Ends at most so many subscribers, and with them their feeds.  1: there are
   more. */
ngx_uint_t ngx_ess_feed_end(ngx_uint_t max);

/* The shared feed; one that is new has no subscriber yet.  NULL: no memory. */
ngx_ess_feed_t *ngx_ess_feed_get(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, uint64_t seq, uint64_t have);

/* One that is on no list of shared ones: a replay.  NULL: no memory. */
ngx_ess_feed_t *ngx_ess_feed_create(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, uint64_t seq, ngx_uint_t replay);

/* One without subscribers. */
void ngx_ess_feed_free(ngx_ess_feed_t *feed);

/* The stream's log has more; ref->id 0: any may have. */
void ngx_ess_feed_changed(ngx_ess_stream_ref_t *ref);

/* Calls "replaced" for the stream's subscribers whose number is below that. */
void ngx_ess_feed_replaced(ngx_ess_stream_ref_t *ref, uint64_t first);

/* Calls "visit" for each of this worker's subscribers of the stream; it may end
   that one, and no other, and may be called for one again that it moved. */
typedef void (*ngx_ess_feed_visit_pt)(ngx_ess_subscriber_t *sub, void *data);
void ngx_ess_feed_each(ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit,
    void *data);

/* The same of one feed, which the caller holds if they may be ended. */
void ngx_ess_feed_visit(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data);

/* Whether there is more in the log than it has read. */
void ngx_ess_feed_set_changed(ngx_ess_feed_t *feed, ngx_uint_t changed);

/* One of its subscribers; it has some. */
ngx_ess_subscriber_t *ngx_ess_feed_first(ngx_ess_feed_t *feed);

/* On a queue of that feed; the one that it comes from, sub->feed, may be gone
   afterwards, NULL: it is new. */
void ngx_ess_feed_put(ngx_ess_subscriber_t *sub, ngx_ess_feed_t *feed,
    ngx_queue_t *queue);

/* Where the subscriber belongs now. */
void ngx_ess_feed_due(ngx_ess_subscriber_t *sub);
void ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub);

/*
 * While a subscriber's handler runs, which may end it, its feed is held as
 * if there was one subscriber more; afterwards it may be gone.
 */
#define ngx_ess_feed_hold(feed)  (feed)->subscribers++
void ngx_ess_feed_unhold(ngx_ess_feed_t *feed);

/*
 * The feed is to be read, in this iteration of the event loop or in the next:
 * ngx_posted_events is run until it is empty, so the rest of a burst is for
 * ngx_posted_next_events.
 */
void ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted);

/* May it be read now? */
ngx_uint_t ngx_ess_feed_may_read(ngx_ess_feed_t *feed);

/* More is kept than may be: before anything more is read, some let go. */
void ngx_ess_feed_reclaim(void);


#endif /* _NGX_ESS_FEED_H_INCLUDED_ */
