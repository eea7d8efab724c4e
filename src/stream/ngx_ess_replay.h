/*
 * The seam between subscribers and where the events of a log that follows
 * another stream come from: see ngx_ess_follow.h.  The source of such streams
 * registers itself; without one there are none.
 */


#ifndef _NGX_ESS_REPLAY_H_INCLUDED_
#define _NGX_ESS_REPLAY_H_INCLUDED_


#include "ngx_ess.h"


/*
 * rc: NGX_OK: the log follows the RabbitMQ stream, all that is published from
 * now on is appended, as long as there are subscribers; NGX_DECLINED: there is
 * no such stream; NGX_BUSY: not within the time.  The attach is off all lists
 * and may be freed.  Never called from within ngx_ess_replay_attach().
 */
typedef struct ngx_ess_replay_attach_s  ngx_ess_replay_attach_t;

typedef void (*ngx_ess_replay_attach_pt)(ngx_ess_replay_attach_t *attach,
    ngx_int_t rc);

struct ngx_ess_replay_attach_s {
    ngx_ess_replay_attach_pt handler;
    void                    *data;
    ngx_ess_stream_ref_t     ref;
    ngx_str_t                key;           /* the caller's, until then */
    ngx_log_t               *log;

    /* private to the source */
    ngx_queue_t              queue;         /* next NULL: on no list */
    unsigned                 fresh:1;       /* the broker is to be asked */

    /* private to ngx_ess_replay.c */
    ngx_event_t              timer;
    ngx_ess_replay_attach_pt answer;        /* the caller's handler */
};


/*
 * A replay of a RabbitMQ stream: its events after an ordinal, or from the
 * first on, in the order of the stream, whose timestamp is that or later.
 */
typedef struct ngx_ess_replay_s  ngx_ess_replay_t;

typedef struct {
    /* in order, each once; with a hole where the broker has none any more.
       NGX_AGAIN: no more, until ngx_ess_replay_more(). */
    ngx_int_t              (*event)(ngx_ess_replay_t *replay,
                                 ngx_ess_event_t *event);

    /* time to send; replay->ordinal is the last one, and replay->found says
       whether any was handed out; the replay may be stopped and freed */
    void                   (*batch)(ngx_ess_replay_t *replay);

    /* NGX_DECLINED: there is no such stream (any more); NGX_DONE: nothing is
       that new; the replay may be stopped and freed */
    void                   (*ended)(ngx_ess_replay_t *replay,
                                 ngx_int_t rc);
} ngx_ess_replay_handlers_t;

typedef enum {
    NGX_ESS_REPLAY_READ = 0,
    NGX_ESS_REPLAY_CHUNK,                   /* which one is not older? */
    NGX_ESS_REPLAY_SEEK                     /* from a while before */
} ngx_ess_replay_e;

struct ngx_ess_replay_s {
    const ngx_ess_replay_handlers_t  *handlers;
    void                    *data;
    ngx_str_t                key;           /* the user's, until the stop */
    uint64_t                 ordinal;
    uint64_t                 timestamp;     /* ms, 0: none */
    uint64_t                 undated;       /* with it: those that have none
                                               count from this ordinal on */
    unsigned                 found:1;
    unsigned                 gap:1;         /* some behind what was handed out
                                               last, up to that ordinal, are
                                               gone */

    /* private to the source */
    ngx_queue_t              queue;
    ngx_event_t              timer;
    void                    *reader;
    ngx_uint_t               attempt;
    ngx_msec_t               since;         /* its turn began, */
    uint64_t                 turn;          /* with this ordinal */
    ngx_msec_t               held_since;
    ngx_ess_replay_e         seek;
    unsigned                 running:1;     /* it has its turn */
    unsigned                 fresh:1;       /* since the last batch */
    unsigned                 held:1;        /* not acknowledged: its user
                                               has it */
    unsigned                 full:1;        /* until more is wanted */
    unsigned                 joined:1;      /* to what was handed out before */
};


typedef struct {
    /* there is to be a subscriber: the log is to follow; at most 2 s */
    void                   (*attach)(ngx_ess_replay_attach_t *attach);
    void                   (*cancel)(ngx_ess_replay_attach_t *attach);

    void                   (*start)(ngx_ess_replay_t *replay);
    void                   (*more)(ngx_ess_replay_t *replay);
    void                   (*stop)(ngx_ess_replay_t *replay);
} ngx_ess_replay_source_t;


/* Once, at the worker's start. */
void ngx_ess_replay_register(const ngx_ess_replay_source_t *source);

void ngx_ess_replay_attach(ngx_ess_replay_attach_t *attach);

/* Nobody waits for the answer any more. */
void ngx_ess_replay_cancel(ngx_ess_replay_attach_t *attach);

/* Handlers are never called from within.  Only of a stream that was
   attached. */
void ngx_ess_replay_start(ngx_ess_replay_t *replay);

/* All that was handed out has been sent. */
void ngx_ess_replay_more(ngx_ess_replay_t *replay);
void ngx_ess_replay_stop(ngx_ess_replay_t *replay);


#endif /* _NGX_ESS_REPLAY_H_INCLUDED_ */
