/*
 * What a worker has of the exchange source: its session and channels, what it
 * knows of the exchange, its slots, and what each part keeps for itself.
 *
 *   session open ──► exchange: looked up, or made
 *                └─► queue of each own slot: ensured ──► consumed
 *                                both ──► keys bound again ──► binds, unbinds
 */


#ifndef _NGX_ESS_EXCHANGE_WORKER_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_WORKER_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_topic.h"


/* of a queue or an exchange, in bytes */
#define NGX_ESS_EXCHANGE_NAME        255

/* names the only stream that gets an event, by its uuid */
#define NGX_ESS_EXCHANGE_UUID_HEADER  "ess_uuid"

/* places for the hashes of keys that nobody wants */
#define NGX_ESS_EXCHANGE_UNWANTED    64


/* what is known of an exchange or a queue in this session */

typedef enum {
    NGX_ESS_EXCHANGE_UNKNOWN = 0,
    NGX_ESS_EXCHANGE_LOOKUP,                /* being declared passively */
    NGX_ESS_EXCHANGE_CREATE,                /* it was not there: being made */
    NGX_ESS_EXCHANGE_COMPARE,               /* it is there: as we would have
                                               made it? */
    NGX_ESS_EXCHANGE_READY,
    NGX_ESS_EXCHANGE_REFUSED                /* until the retry timer */
} ngx_ess_exchange_declared_e;


/*
 * What is known of a slot's former queue, and so which queue the slot's
 * consumer is of: see ngx_ess_exchange_former.c.
 */

typedef enum {
    /* not known yet */
    NGX_ESS_EXCHANGE_FORMER_UNKNOWN = 0,
    NGX_ESS_EXCHANGE_FORMER_LOOKUP,         /* being declared passively */

    /* its own */
    NGX_ESS_EXCHANGE_FORMER_NONE,           /* it is not there, or done with */
    NGX_ESS_EXCHANGE_FORMER_AWAY,           /* the node that has it is down: as
                                               if there were none, for now */
    NGX_ESS_EXCHANGE_FORMER_COUNT,          /* it is left: what the slot's queue
                                               has is to be counted */
    NGX_ESS_EXCHANGE_FORMER_COUNTED,        /* and what it has sent is to
                                               arrive */

    /* none */
    NGX_ESS_EXCHANGE_FORMER_TAKEN,          /* others, who are to leave, may
                                               consume it, or the slot's */
    NGX_ESS_EXCHANGE_FORMER_LEFT,           /* is anything left? */
    NGX_ESS_EXCHANGE_FORMER_DELETE,         /* being deleted */

    /* the former one: the last */
    NGX_ESS_EXCHANGE_FORMER_BOUND,
    NGX_ESS_EXCHANGE_FORMER_UNBOUND,        /* no more comes */
    NGX_ESS_EXCHANGE_FORMER_EMPTY           /* nor is anything left, perhaps */
} ngx_ess_exchange_former_e;


typedef struct ngx_ess_exchange_worker_s    ngx_ess_exchange_worker_t;
typedef struct ngx_ess_exchange_slot_s      ngx_ess_exchange_slot_t;
typedef struct ngx_ess_exchange_overlap_s   ngx_ess_exchange_overlap_t;
typedef struct ngx_ess_exchange_declared_s  ngx_ess_exchange_declared_t;


/* The broker refused the queue (or, with NULL, the exchange). */
typedef void (*ngx_ess_exchange_refused_pt)(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_str_t *text);

/* The publication's key was bound, or could not be: "text" says why. */
typedef void (*ngx_ess_exchange_restore_pt)(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);


/* what tells a queue from an exchange */

typedef struct {
    amqp_method_number_t         method;    /* that declares it */
    const char                  *differs;   /* said of what is not as
                                               configured; of name and text */
    const char                  *refused;   /* said of a refusal */

    /* sets the method's fields; "passive": only if it is there */
    void                       (*fill)(ngx_ess_exchange_declared_t *d,
                                     void *fields, ngx_uint_t passive);

    /* it can be used; "created": it was not there before */
    void                       (*ready)(ngx_ess_exchange_declared_t *d,
                                     ngx_uint_t created);
    void                       (*failed)(ngx_ess_exchange_declared_t *d,
                                     ngx_uint_t code, ngx_str_t *text);
} ngx_ess_exchange_declared_type_t;


/* the exchange or a slot's queue: see ngx_ess_exchange_declare.c */

struct ngx_ess_exchange_declared_s {
    const ngx_ess_exchange_declared_type_t  *type;
    ngx_ess_exchange_worker_t   *worker;
    ngx_ess_exchange_slot_t     *slot;      /* NULL: the exchange */
    ngx_ess_exchange_declared_e  state;
    ngx_str_t                    name;
    ngx_ess_amqp_op_t            op;        /* of the declare under way */
    unsigned                     differs:1; /* was logged */
};


struct ngx_ess_exchange_slot_s {
    ngx_ess_exchange_worker_t   *worker;
    ngx_uint_t                   number;

    /* its queue: see ngx_ess_exchange_slot.c */
    ngx_ess_exchange_declared_t  queue;     /* "ess.<node>.<slot>", a quorum
                                               queue "ess.<node>.q<slot>" */
    amqp_table_entry_t           arguments[5];
    ngx_msec_t                   told_at;   /* of the queue's last loss; 0:
                                               never */
    unsigned                     lost:1;    /* the queue cannot be had; a gap
                                               was noted */
    unsigned                     own:1;     /* consumed by this worker */

    /* its consumer: see ngx_ess_exchange_consumer.c */
    ngx_msec_t                   consumed_at;   /* last start */
    ngx_msec_t                   consume_after;
    ngx_uint_t                   refused;   /* consumes, in a row */
    unsigned                     consuming:1;
    unsigned                     consumed:1;    /* ever, by this process */

    /* see ngx_ess_exchange_former.c */
    struct {
        ngx_ess_exchange_former_e  state;
        ngx_str_t                name;      /* that of the other kind, which
                                               "queues=" set otherwise had */
        ngx_ess_amqp_op_t        op;
        ngx_msec_t               looked;    /* when it was asked for */
        ngx_msec_t               wait;      /* ms until then, when TAKEN */
        ngx_uint_t               nobody;    /* answers in a row that it has no
                                               consumers */
        uint64_t                 mark;      /* events that the slot had
                                               appended when nobody consumed it
                                               any more */
        unsigned                 busy:1;    /* the op is under way */
        unsigned                 found:1;   /* by this process; until it is
                                               empty */
        unsigned                 marked:1;  /* since it was found */
        unsigned                 own:1;     /* when TAKEN: the slot's own queue
                                               has its turn to be asked for */
        unsigned                 counted:1; /* it counts all that is in it */
    } former;

    ngx_ess_exchange_overlap_t  *overlap;   /* or NULL */

    ngx_ess_topic_t             *topic;     /* of its streams; NULL: none */
};


/* One operation at a time: what is pipelined behind a refused one would be sent
   again without its prefetch. */

typedef struct {
    ngx_ess_amqp_op_t            op;
    ngx_ess_amqp_op_t           *sent;      /* under way: that one, or of a
                                               slot's former queue; or NULL */
    ngx_ess_exchange_slot_t     *slot;      /* NULL: basic.qos */
    u_char                       tag[sizeof("ess-") + NGX_INT_T_LEN];
                                            /* "ess-<slot>" */
    unsigned                     qos_done:1;
} ngx_ess_exchange_consumer_t;


typedef struct {
    ngx_queue_t                  bindings;  /* all operations */
    ngx_queue_t                  waiting;   /* for session and queue */
    ngx_uint_t                   unbinds;
    ngx_msec_t                   unwanted[NGX_ESS_EXCHANGE_UNWANTED];
                                            /* when such a key was unbound */
} ngx_ess_exchange_bind_t;


typedef struct {
    ngx_uint_t                   slots;     /* of the pass or round under way,
                                               a bit each */
    ngx_uint_t                   former;    /* of those, slots whose keys it
                                               unbinds from former queues */
    ngx_uint_t                   subscribed;
    uint64_t                     cursor;
    ngx_uint_t                   busy;      /* in flight */
    ngx_uint_t                   keys;      /* of all streams, so far */
    ngx_uint_t                   bound;     /* with those that have subscribers
                                               twice */
    ngx_uint_t                   refused;
    ngx_msec_t                   after;     /* not before; 0: at once */
    ngx_uint_t                   credit;    /* keys that a round may take now */
    unsigned                     read:1;    /* all keys were read */
    unsigned                     round:1;   /* it is a round */

    ngx_msec_t                   round_begin;
    ngx_msec_t                   round_last;    /* when it got credit last */
    ngx_uint_t                   round_slots;   /* that it is for */
    ngx_uint_t                   round_keys;    /* of the last whole one */
    uint64_t                     round_due;     /* of a key, in ms of a
                                                   round's time */
} ngx_ess_exchange_rebind_t;


typedef struct {
    ngx_ess_exchange_declared_e  state;     /* of the witness */
    ngx_str_t                    name;      /* empty: cannot be watched */
    uint32_t                     hash;      /* of it, for the zone */
    ngx_ess_amqp_op_t            op;
    ngx_msec_t                   time;      /* of the last look */
    uint32_t                     number;    /* of the last loss that this worker
                                               has acted on */
    uint32_t                     number_then;   /* the same, when it looked */
    unsigned                     busy:1;
    unsigned                     known:1;   /* a witness was made before */
    unsigned                     anew:1;    /* to be made, now */
    unsigned                     seen:1;    /* the exchange, by this process,
                                               ever */
    unsigned                     there:1;   /* it was, before it was looked
                                               up */
} ngx_ess_exchange_watch_t;


struct ngx_ess_exchange_worker_s {
    ngx_ess_zone_t              *zone;
    ngx_ess_exchange_conf_t     *conf;
    ngx_log_t                   *log;
    ngx_ess_amqp_session_t      *session;
    ngx_ess_amqp_channel_t      *consume;   /* consumers only; NULL: none */
    ngx_ess_amqp_channel_t      *admin;     /* what may be refused */

    ngx_ess_exchange_declared_t  exchange;
    u_char                       exchange_text[256];    /* why it was refused,
                                               null terminated */

    ngx_ess_exchange_refused_pt  refused;   /* tells those who wait for it */
    ngx_event_t                  turn;      /* posted: what can be started now
                                               is */
    ngx_event_t                  retry;     /* so is what was refused */
    ngx_uint_t                   attempt;
    ngx_event_t                  tick;      /* looks after the bindings */

    ngx_ess_amqp_channel_t      *closing;   /* at a shutdown */
    ngx_event_t                  leaving;   /* keeps the worker until the slots
                                               are handed over */
    unsigned                     draining:1;

    ngx_uint_t                   rebind;    /* slots whose keys are to be bound
                                               again, a bit each */
    ngx_uint_t                   lost;      /* own slots whose bindings are
                                               gone, a bit each */
    ngx_uint_t                   restores;  /* single keys being bound again */

    ngx_ess_exchange_slot_t      slots[NGX_ESS_SLOTS];

    /* which streams the slots' topics know: see ngx_ess_exchange_pattern.c */
    uint64_t                     topic_cursor;  /* the last one */
    uint64_t                     topic_next_id; /* when all were read */

    /* see ngx_ess_exchange_former.c */
    ngx_ess_amqp_channel_t      *former;    /* that had the consumers of former
                                               queues, until it is closed */
    ngx_event_t                  former_timer;
    ngx_uint_t                   former_counted;    /* slots whose queue was
                                               counted before the operation
                                               under way, a bit each */

    /* each its file's */
    ngx_ess_exchange_consumer_t  consumer;
    ngx_ess_exchange_bind_t      binds;
    ngx_ess_exchange_rebind_t    rebinds;
    ngx_ess_exchange_watch_t     watch;

    /* see ngx_ess_exchange_restore.c */
    ngx_queue_t                  restoring;     /* its operations */
    ngx_ess_exchange_restore_pt  restored;
};


/* this process's */
extern ngx_ess_exchange_worker_t  ngx_ess_exchange_worker;


/* Is the slot's queue this worker's to consume?  Slots are shares of the
   streams, not of the workers: so that another number of workers moves slots,
   and no stream changes its queue. */
ngx_uint_t ngx_ess_exchange_worker_consumes(ngx_cycle_t *cycle,
    ngx_uint_t slot);

/* An event whose data are the worker's; it does not keep a worker that
   leaves. */
void ngx_ess_exchange_worker_event(ngx_ess_exchange_worker_t *w,
    ngx_event_t *ev, ngx_event_handler_pt handler);

/* Whatever can be started now is, in this iteration of the event loop. */
void ngx_ess_exchange_worker_kick(ngx_ess_exchange_worker_t *w);

/* The same after the backoff, with what was refused. */
void ngx_ess_exchange_worker_retry(ngx_ess_exchange_worker_t *w);

/* Logs, once, what the broker refused of what this worker needs, and makes it
   the session's trouble. */
void ngx_ess_exchange_worker_refused(ngx_ess_exchange_worker_t *w,
    const char *what, ngx_uint_t code, ngx_str_t *text);

/* The broker says that the exchange is not there; to be followed by a kick. */
void ngx_ess_exchange_worker_gone(ngx_ess_exchange_worker_t *w);

/* What is not bound has changed: sets the figure. */
void ngx_ess_exchange_worker_gauge(ngx_ess_exchange_worker_t *w);


static ngx_inline amqp_bytes_t
ngx_ess_exchange_worker_bytes(ngx_str_t *s)
{
    amqp_bytes_t  bytes;

    bytes.len = s->len;
    bytes.bytes = s->data;

    return bytes;
}


#endif /* _NGX_ESS_EXCHANGE_WORKER_H_INCLUDED_ */
