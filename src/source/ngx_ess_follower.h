/*
 * The logs that this worker makes follow another log, which a source has, or
 * waits for another worker to, and who waits for that.  What is common to all
 * workers is in the zone: see ngx_ess_follow.h.
 *
 *     OTHER ──────────► CLAIMED ──────────► LIVE
 *      ▲     claims        │      live        │
 *      └───────────────────┴──────────────────┘
 *        missing, anew, is succeeded
 *
 * How the other log is read is the source's, in the "type".  One that nobody
 * needs is freed.  Private to source/.
 */


#ifndef _NGX_ESS_FOLLOWER_H_INCLUDED_
#define _NGX_ESS_FOLLOWER_H_INCLUDED_


#include "ngx_ess_source.h"
#include "ngx_ess_wake.h"


typedef struct ngx_ess_follower_s   ngx_ess_follower_t;
typedef struct ngx_ess_followers_s  ngx_ess_followers_t;


typedef enum {
    NGX_ESS_FOLLOWER_OTHER = 0,             /* another worker follows, or this
                                               one will try again */
    NGX_ESS_FOLLOWER_CLAIMED,               /* this one does, not live yet */
    NGX_ESS_FOLLOWER_LIVE
} ngx_ess_follower_e;


typedef struct {
    const char                  *noun;      /* of what is followed */
    size_t                       size;      /* of a struct that begins with an
                                               ngx_ess_follower_t, zeroed at
                                               first */

    /* zeroed, but for what is common: sets what it needs */
    void                       (*init)(ngx_ess_follower_t *f);

    /* this worker has claimed it: reads from f->ordinal on, or, with 0, from
       where it finds the end */
    void                       (*claimed)(ngx_ess_follower_t *f);

    /* nothing is read any more, nor does a timer of it run; more than once */
    void                       (*close)(ngx_ess_follower_t *f);
} ngx_ess_follower_type_t;


/* those of a worker and a source; zeroed, but for the first fields */

struct ngx_ess_followers_s {
    const ngx_ess_follower_type_t  *type;
    ngx_ess_zone_t              *zone;
    ngx_log_t                   *log;
    ngx_msec_t                   idle;      /* ms: let go that long after the
                                               last subscriber */
    ngx_ess_wake_t               wake;      /* of what was appended */
    ngx_queue_t                  queue;     /* all of them, to be read */

    /* private */
    ngx_rbtree_t                 tree;      /* by id */
    ngx_rbtree_node_t            sentinel;
    ngx_event_t                  tick;
};


struct ngx_ess_follower_s {
    ngx_ess_followers_t         *followers;
    ngx_ess_stream_ref_t         ref;       /* with the epoch of the log, as
                                               far as it is known here */
    ngx_str_t                    key;       /* the stream's */
    uint64_t                     ordinal;   /* the next one; 0: not known */
    ngx_queue_t                  queue;     /* all of the worker */
    ngx_ess_follower_e           state;

    /* private */
    ngx_rbtree_node_t            node;      /* key: the stream's id */
    ngx_queue_t                  attaches;  /* who waits for the log */
    ngx_queue_t                  fresh;     /* the same, and the source was not
                                               asked since */
    ngx_event_t                  poll;      /* another one is being looked at */
    ngx_event_t                  ask;       /* somebody waits */
    ngx_msec_t                   used;      /* when somebody was interested */
    u_char                       data[NGX_ESS_MAX_KEY];
};


/* The first fields are set. */
void ngx_ess_followers_init(ngx_ess_followers_t *s);

/* Others go on with what this worker followed; all that waits is answered. */
void ngx_ess_followers_exit(ngx_ess_followers_t *s);

/* See ngx_ess_source_t. */
void ngx_ess_followers_attach(ngx_ess_followers_t *s,
    ngx_ess_source_attach_t *attach);
void ngx_ess_followers_cancel(ngx_ess_source_attach_t *attach);
void ngx_ess_followers_changed(ngx_ess_followers_t *s,
    ngx_ess_stream_ref_t *ref);

/* For a type: all that comes from now on is appended; all who wait are told,
   who may cancel any other attach, or ask again. */
void ngx_ess_follower_live(ngx_ess_follower_t *f);

/* For a type: there is no such log (any more); it was closed. */
void ngx_ess_follower_missing(ngx_ess_follower_t *f);

/* For a type: the log goes on with that ordinal, less than what was expected,
   so it is another one of that name; it was closed.  To those who read the old
   one it is gone. */
void ngx_ess_follower_anew(ngx_ess_follower_t *f, uint64_t ordinal,
    uint64_t expected);

/* The same, as it has another epoch. */
void ngx_ess_follower_exchanged(ngx_ess_follower_t *f, uint64_t epoch);

/* For a type: another worker is the follower now. */
void ngx_ess_follower_succeeded(ngx_ess_follower_t *f);


#endif /* _NGX_ESS_FOLLOWER_H_INCLUDED_ */
