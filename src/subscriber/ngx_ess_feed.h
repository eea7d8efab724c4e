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
 *
 * With a key, a subscriber is in the lane of that: see ngx_ess_lane.h.  In such
 * a lane those whose sockets are full are idle, too, while they have no frame.
 *
 * Subscribers of clients with several subscriptions (of an encoding with
 * "many") are idle, or they have been handed over by "ready": then their client
 * decides when which of them is sent what, and sub->queue is in a queue of its
 * own, until it says by ngx_ess_feed_join_idle() that this one has all.
 */


#ifndef _NGX_ESS_FEED_H_INCLUDED_
#define _NGX_ESS_FEED_H_INCLUDED_


#include "ngx_ess_zone.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_encoding.h"
#include "ngx_ess_feed_keys.h"
#include "ngx_ess_lane.h"


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
    ngx_queue_t                  flushing;  /* while somebody is due; while
                                               "parked": its client's */

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
    ngx_ess_feed_keys_t         *keys;      /* of a replay; NULL: any */
    ngx_ess_label_t             *label;     /* NULL: the encoding needs none */

    ngx_ess_lane_t               lane;      /* of the whole stream, or of a
                                               replay */
    ngx_ess_lanes_t             *lanes;     /* by key; NULL: none */

    ngx_queue_t                  due;       /* with frames to be sent */
    ngx_queue_t                  waiting;   /* for their socket, or their end */
    ngx_uint_t                   subscribers;
    size_t                       unchecked; /* bytes that came to lanes of keys
                                               since it was looked who is slow
                                               there */

    unsigned                     changed:1; /* more is in the log */
    unsigned                     ended:1;   /* the stream is deleted */
    unsigned                     replay:1;  /* of one subscriber only */
    unsigned                     parked:1;  /* of a replay: it is not read
                                               now */
    unsigned                     strict:1;  /* of a replay: to miss something
                                               closes the client */
    unsigned                     in_reading:1;
    unsigned                     in_flushing:1;
};


/* the last 32 bits of a subscriber */

#define NGX_ESS_SUBSCRIBER_NEXT  24

#define NGX_ESS_SUBSCRIBER_FLAGS                                              \
    unsigned                     closed:1;  /* it gets nothing more but the   \
                                               rest of a frame */             \
    unsigned                     follow:1;  /* the broker may have what the   \
                                               log has not */                 \
    unsigned                     many:1;    /* of a client with several       \
                                               subscriptions; set with the    \
                                               lane */                        \
                                                                              \
    /* of those with "many", and their client's own */                        \
    unsigned                     group:1;   /* it is none, but a group of     \
                                               some */                        \
    unsigned                     grouped:1; /* "client" is such a group */    \
    unsigned                     keyed:1;   /* it is found by its key */      \
    unsigned                     taken:1;   /* "ready" has handed it over */  \
    unsigned                     fresh:1;   /* its client does not know of it \
                                               yet */                         \
    unsigned                     next:NGX_ESS_SUBSCRIBER_NEXT;


/* What a client subscribes to, and how far it got. */

struct ngx_ess_subscriber_s {
    ngx_queue_t                  queue;     /* idle, due or waiting */
    ngx_ess_client_t            *client;
    ngx_ess_lane_t              *lane;

    uint64_t                     seq;       /* first record that it wants */
    ngx_ess_frame_t             *frame;     /* cursor; NULL: at the end */

    union {
        size_t                   offset;    /* with a frame: bytes of it that
                                               were sent */
        uint64_t                 have;      /* at the end: what it came with: of
                                               a gap up to there it is not told;
                                               0: that of its feed */
    };

    uint32_t                     number;    /* in order of arrival */

    NGX_ESS_SUBSCRIBER_FLAGS
};

_Static_assert(sizeof(ngx_ess_subscriber_t) <= 64, "a subscriber is small");


typedef void (*ngx_ess_feed_visit_pt)(ngx_ess_subscriber_t *sub, void *data);


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

    /* The following are for those with "many"; without them NULL. */

    /* Its cursor was put at a frame, or it has none and is a replay's that read
       all there is, which goes on with ngx_ess_feed_join_idle(): in either case
       it is taken off its lane's idle ones now, and nobody ends.  Also while
       somebody joins a replay. */
    void                       (*ready)(ngx_ess_subscriber_t *sub);

    /* A replay with several keys is where the others are: for each of the keys
       ngx_ess_feed_join_arrived() follows now, and then this one leaves, if it
       was not the last of these.  It is on no queue but its own. */
    void                       (*arrived)(ngx_ess_subscriber_t *sub);

    /* Calls "visit" for each subscriber of the feed that "ready" has handed
       over; it may end that one, and no other. */
    void                       (*taken)(ngx_ess_feed_t *feed,
                                   ngx_ess_feed_visit_pt visit, void *data);

    /* More has come to those of a feed; who is slow may be looked for. */
    void                       (*kept)(void);

    /* Who keeps more than "over" bytes lets go, as long as this worker keeps
       more than "target"; returns the most that one of the others keeps. */
    size_t                     (*over)(size_t over, size_t target);
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
    ngx_queue_t                     gated;      /* those with many, which may
                                                   while the gate is open */
    ngx_uint_t                      gate;       /* 1: it is not */
    ngx_uint_t                      owed;       /* 1: it was, and they waited:
                                                   they are read once */
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

/* The same, if it is there. */
ngx_ess_feed_t *ngx_ess_feed_find(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding);

/* One that is on no list of shared ones: a replay; of "n" keys, 0: of all
   events.  NULL: no memory. */
ngx_ess_feed_t *ngx_ess_feed_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *keys, ngx_uint_t n,
    uint64_t seq);

/* One without subscribers. */
void ngx_ess_feed_free(ngx_ess_feed_t *feed);

/* The stream's log has more. */
void ngx_ess_feed_changed(ngx_ess_stream_ref_t *ref);

/* The logs of streams have for which ngx_ess_wake_is_more() is true. */
void ngx_ess_feed_changed_more(const uint32_t *more);

/* Calls "replaced" for the stream's subscribers whose number is below that. */
void ngx_ess_feed_replaced(ngx_ess_stream_ref_t *ref, uint64_t first);

/* Calls "visit" for each of this worker's subscribers of the stream; it may end
   that one, and no other, and may be called for one again that it moved. */
void ngx_ess_feed_each(ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit,
    void *data);

/* The same of one feed, which the caller holds if they may be ended. */
void ngx_ess_feed_visit(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data);

/* Of a feed, those who have no frame, and perhaps others, none of which
   ends. */
void ngx_ess_feed_visit_end(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data);

/* Whether there is more in the log than it has read. */
void ngx_ess_feed_set_changed(ngx_ess_feed_t *feed, ngx_uint_t changed);

/* One of its subscribers; it has some. */
ngx_ess_subscriber_t *ngx_ess_feed_first(ngx_ess_feed_t *feed);

/* In that lane, and on that queue of it or its feed, NULL: on the one that it
   is on.  The lane that it comes from, sub->lane, may be gone afterwards, and
   its feed, NULL: it is new. */
void ngx_ess_feed_put(ngx_ess_subscriber_t *sub, ngx_ess_lane_t *lane,
    ngx_queue_t *queue);

/* It has left its lane, which may be gone afterwards, and the feed. */
void ngx_ess_feed_drop(ngx_ess_lane_t *lane);

/* Where the subscriber belongs now. */
void ngx_ess_feed_due(ngx_ess_subscriber_t *sub);
void ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub);

/*
 * While a subscriber's handler runs, which may end it, its feed is held as if
 * there was one subscriber more, in no lane; afterwards it may be gone.
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

/* While the gate is shut (1), feeds whose encoding is of "many" are not read:
   who would get their events is too busy.  Those who waited when it is opened
   are read even if it is shut before their turn. */
void ngx_ess_feed_gate(ngx_uint_t shut);

/* More is kept than may be: before anything more is read, some let go. */
void ngx_ess_feed_reclaim(void);


#endif /* _NGX_ESS_FEED_H_INCLUDED_ */
