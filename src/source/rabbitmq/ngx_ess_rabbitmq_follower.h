/*
 * A RabbitMQ stream that this worker makes its log follow, or waits for another
 * worker to, and who waits for that: one of those that
 * ngx_ess_rabbitmq_streams.c keeps.  Private to these two.
 *
 *     OTHER ◄─────────────────────────────────────────────────────┐
 *        │ claims                                                 │ is
 *        ▼                                                        │ succeeded
 *     OPENING ──► (SEEKING ──► FILLING) ──► FOLLOWING ────────────┤
 *        ▲          of one that begins anew     │                 │
 *        └─────────── after the backoff ◄───────┘            is released
 */


#ifndef _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_amqp_reader.h"


typedef enum {
    NGX_ESS_RABBITMQ_FOLLOWER_OTHER = 0,    /* another worker follows, or this
                                               one will try again */
    NGX_ESS_RABBITMQ_FOLLOWER_OPENING,      /* the reader is not started */
    NGX_ESS_RABBITMQ_FOLLOWER_SEEKING,      /* where is the end? */
    NGX_ESS_RABBITMQ_FOLLOWER_FILLING,      /* reads up to there */
    NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING
} ngx_ess_rabbitmq_follower_e;


/* this worker is the follower */
#define ngx_ess_rabbitmq_follower_mine(f)                                     \
    ((f)->state != NGX_ESS_RABBITMQ_FOLLOWER_OTHER)

/* somebody waits */
#define ngx_ess_rabbitmq_follower_waits(f)                                    \
    (!ngx_queue_empty(&(f)->attaches) || !ngx_queue_empty(&(f)->fresh))


typedef struct {
    ngx_rbtree_node_t            node;      /* key: the stream's id */
    ngx_queue_t                  queue;     /* all of the worker */
    ngx_queue_t                  attaches;  /* who waits for the log */
    ngx_queue_t                  fresh;     /* the same, and the broker was not
                                               asked since */
    ngx_ess_rabbitmq_streams_t   *streams;
    ngx_ess_stream_ref_t         ref;
    ngx_ess_amqp_reader_t       *reader;    /* NULL: none */
    ngx_ess_rabbitmq_follower_e  state;
    uint64_t                     ordinal;   /* the next one; 0: not known */
    uint64_t                     end;       /* of what the log is filled
                                               with: an ordinal; 0: it is not */
    uint64_t                     after;     /* the last one that is gone: as in
                                               ngx_ess_event_t */
    uint64_t                     known;     /* its end is looked for, for this
                                               one did not come; 0: it is not */
    ngx_event_t                  timer;
    ngx_event_t                  ask;       /* somebody waits */
    ngx_msec_t                   used;      /* when somebody was interested */
    ngx_uint_t                   attempt;
    unsigned                     silent:1;  /* the last event, or the first
                                               one of all, has not come yet */
    ngx_str_t                    key;
    u_char                       data[NGX_ESS_MAX_KEY];
} ngx_ess_rabbitmq_follower_t;


/* This worker has claimed it: reads from f->ordinal on, or, with 0, from
   where it finds the end. */
void ngx_ess_rabbitmq_follower_open(ngx_ess_rabbitmq_follower_t *f);
void ngx_ess_rabbitmq_follower_close(ngx_ess_rabbitmq_follower_t *f);

/* Another worker is the follower now. */
void ngx_ess_rabbitmq_follower_succeeded(ngx_ess_rabbitmq_follower_t *f);

/* of f->timer */
void ngx_ess_rabbitmq_follower_timer(ngx_event_t *ev);

/* What is there for those who wait?  While this worker does not follow the
   stream: does another one, or shall it? */
void ngx_ess_rabbitmq_follower_look(ngx_ess_rabbitmq_follower_t *f);

/* Answers all who wait; they may cancel any other attach, or ask again. */
void ngx_ess_rabbitmq_follower_answer(ngx_ess_rabbitmq_follower_t *f,
    ngx_int_t rc);


#endif /* _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_ */
