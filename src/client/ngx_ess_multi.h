/*
 * Clients with several subscriptions: what they hold beside a client.  Private
 * to client/.
 *
 *     client ──► multi ──► table ──► subscription: a whole stream, or
 *                  │                 group ──► subscription: a key of it
 *                  │
 *                  ├──► answers      what is said to it that is no event
 *                  ├──► ready        subscriptions and groups with frames, each
 *                  │                 in its turn
 *                  └──► rest         what was taken from both, but is not sent
 *
 * A subscription without frames is on the idle queue of its lane; with frames
 * it is here: see ngx_ess_feed_handlers_t.  The frames of a group come from
 * several lanes of one stream, and are merged in the order of its log.
 */


#ifndef _NGX_ESS_MULTI_H_INCLUDED_
#define _NGX_ESS_MULTI_H_INCLUDED_


#include "ngx_ess_client.h"
#include "ngx_ess_multi_cell.h"
#include "ngx_ess_subscriber.h"


/* of a client, at the same time */
#define NGX_ESS_MULTI_REPLAYS  4


typedef struct ngx_ess_multi_rest_s   ngx_ess_multi_rest_t;


/* what is said to a client, whole, beside events */

typedef struct ngx_ess_multi_answer_s  ngx_ess_multi_answer_t;

struct ngx_ess_multi_answer_s {
    ngx_ess_multi_answer_t      *next;
    u_char                      *data;      /* see ngx_ess_encoding_alloc() */
    size_t                       len;
};


/* what differs between the protocols of such clients */

typedef struct {
    /*
     * Gives what the frame, the next one of the subscription, is to that client
     * to ngx_ess_multi_flush_piece(), at most two times.  NGX_ERROR: no memory.
     */
    ngx_int_t                  (*piece)(ngx_ess_multi_t *multi,
                                     ngx_ess_subscriber_t *sub);

    /* Says that the subscription, which goes afterwards, has ended.  NGX_ERROR:
       no memory. */
    ngx_int_t                  (*end)(ngx_ess_multi_t *multi,
                                     ngx_ess_subscriber_t *sub, ngx_uint_t code,
                                     const char *reason);

    /* It was sent all answers that there were; nothing may end here.  NULL:
       nobody waits for that. */
    void                       (*heard)(ngx_ess_multi_t *multi);

    /* Frees multi->own. */
    void                       (*done)(ngx_ess_multi_t *multi);
} ngx_ess_multi_kind_t;


struct ngx_ess_multi_s {
    ngx_ess_client_t            *client;
    const ngx_ess_multi_kind_t  *kind;
    const ngx_ess_encoding_t    *encoding;
    void                        *own;       /* the kind's */

    ngx_queue_t                  all;       /* those of the worker */
    ngx_queue_t                  due;       /* those that may be sent to */

    ngx_queue_t                  ready;
    ngx_queue_t                  fresh;     /* with frames, but not announced */
    ngx_ess_multi_answer_t      *answers;
    ngx_ess_multi_answer_t     **last;      /* where the next answer goes */
    size_t                       said;      /* bytes of answers */
    ngx_ess_multi_rest_t        *rest;      /* NULL: none */
    size_t                       offset;    /* bytes of its first piece that
                                               were sent */

    ngx_ess_multi_table_t        table;
    ngx_uint_t                   subscriptions;
    ngx_uint_t                   replays;   /* that may be read */
    ngx_queue_t                  parked;    /* feeds of those that wait for one
                                               of these, by "flushing" */

    ngx_queue_t                  waiting;   /* those whose socket is full */

    uint32_t                    *news;      /* cells that are "fresh", and some
                                               that were; NULL: none */
    ngx_uint_t                   nnews;
    ngx_uint_t                   nnews_max; /* for so many there is room */

    unsigned                     in_due:1;
    unsigned                     waits:1;
    unsigned                     failed:1;  /* no memory for what it has to
                                               get: it is to be closed */
    unsigned                     replaced:1;    /* some of its subscriptions
                                                   are to end */
    unsigned                     told:1;    /* the place of one that it has will
                                               be: it gets no event before */
    unsigned                     finite:1;  /* it ends with its last
                                               subscription */
};


void ngx_ess_multi_init(void);

/* Any client of this worker; NULL: there is none. */
ngx_ess_client_t *ngx_ess_multi_first(void);

/* NULL: no memory. */
ngx_ess_multi_t *ngx_ess_multi_create(ngx_ess_client_t *client,
    const ngx_ess_multi_kind_t *kind, const ngx_ess_encoding_t *encoding);

/* Without subscriptions, on no queue, with nothing to be said. */
void ngx_ess_multi_free(ngx_ess_multi_t *multi);

/* One that is "fresh".  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_multi_new(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);

/* What was fresh until now is sent. */
void ngx_ess_multi_announced(ngx_ess_multi_t *multi);

/* One of the group's; NULL: it has none. */
ngx_ess_multi_cell_t *ngx_ess_multi_member(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);

/* Ordinal of the last event before those that it gets next. */
uint64_t ngx_ess_multi_place(ngx_ess_subscriber_t *sub);

/* The least place of any of its keys, also of one that is behind with a replay,
   or has frames that nobody was told of; NGX_ESS_GAP_ANY: there is none. */
uint64_t ngx_ess_multi_place_least(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);

/* The same, by one of its keys: where none of them replays, those that are not
   ready have what their feed has. */
uint64_t ngx_ess_multi_place_among(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_ess_subscriber_t *sub);

/* So many subscriptions more: streams and keys, also those of a replay. */
void ngx_ess_multi_count(ngx_ess_multi_t *multi, ngx_int_t n);

/* How many a cell is that is no group. */
#define ngx_ess_multi_each(cell)                                              \
    ((cell)->sub.lane->feed->keys ? (cell)->sub.lane->feed->keys->n : 1)

/* A replay has begun: it is read, or waits until others have ended.  It ends,
   or leaves. */
void ngx_ess_multi_park(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub);
void ngx_ess_multi_unparked(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub);

/* Takes the block over (also when there is no memory), and sends it as soon as
   it can. */
ngx_int_t ngx_ess_multi_say(ngx_ess_multi_t *multi, u_char *data, size_t len);

/* Whose subscription is it? */
ngx_ess_client_t *ngx_ess_multi_client(ngx_ess_subscriber_t *sub);

/* For ngx_ess_feed_handlers_t. */
void ngx_ess_multi_ready(ngx_ess_subscriber_t *sub);
void ngx_ess_multi_taken(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data);

/* Among those that are sent, and out of its group's heap, if it is there. */
void ngx_ess_multi_put(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub);
void ngx_ess_multi_take(ngx_ess_subscriber_t *sub,
    ngx_ess_multi_group_t *group);

/* It was sent all its frames.  It may be gone afterwards. */
void ngx_ess_multi_idle(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_MULTI_H_INCLUDED_ */
