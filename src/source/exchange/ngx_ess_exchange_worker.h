/*
 * What a worker has of the exchange source: its session and channels, what it
 * knows of the exchange, and its slots.  What only one part needs is that
 * part's own, behind a pointer.
 *
 *   session open ──► exchange: looked up, or made
 *                └─► queue of each own slot: ensured ──► consumed
 *                                both ──► keys bound again ──► binds, unbinds
 */


#ifndef _NGX_ESS_EXCHANGE_WORKER_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_WORKER_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_amqp.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_topic.h"


/* of a queue or an exchange, in bytes */
#define NGX_ESS_EXCHANGE_NAME        255

/* names the only stream that gets an event, by its uuid */
#define NGX_ESS_EXCHANGE_UUID_HEADER  "ess_uuid"


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


/* the queue that a slot is consumed from */

typedef enum {
    NGX_ESS_EXCHANGE_FROM_NONE = 0,         /* not known yet */
    NGX_ESS_EXCHANGE_FROM_OWN,
    NGX_ESS_EXCHANGE_FROM_FORMER            /* that of the other kind, which
                                               "queues=" set otherwise had */
} ngx_ess_exchange_from_e;


typedef struct ngx_ess_exchange_worker_s    ngx_ess_exchange_worker_t;
typedef struct ngx_ess_exchange_overlap_s   ngx_ess_exchange_overlap_t;
typedef struct ngx_ess_exchange_declare_s   ngx_ess_exchange_declare_t;
typedef struct ngx_ess_exchange_delivery_s  ngx_ess_exchange_delivery_t;
typedef struct ngx_ess_exchange_consumer_s  ngx_ess_exchange_consumer_t;
typedef struct ngx_ess_exchange_former_s    ngx_ess_exchange_former_t;
typedef struct ngx_ess_exchange_bind_s      ngx_ess_exchange_bind_t;
typedef struct ngx_ess_exchange_rebind_s    ngx_ess_exchange_rebind_t;
typedef struct ngx_ess_exchange_watch_s     ngx_ess_exchange_watch_t;
typedef struct ngx_ess_exchange_restore_s   ngx_ess_exchange_restore_t;


typedef struct ngx_ess_exchange_slot_s      ngx_ess_exchange_slot_t;


/* The broker refused the queue (or, with NULL, the exchange). */
typedef void (*ngx_ess_exchange_refused_pt)(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_str_t *text);


struct ngx_ess_exchange_slot_s {
    ngx_ess_exchange_worker_t   *worker;
    ngx_uint_t                   number;

    /* its queue: see ngx_ess_exchange_slot.c */
    ngx_str_t                    queue;     /* "ess.<node>.<slot>", a quorum
                                               queue "ess.<node>.q<slot>" */
    ngx_ess_exchange_declared_e  state;
    ngx_ess_amqp_op_t            op;        /* of the declare under way */
    amqp_table_entry_t           arguments[5];
    ngx_msec_t                   told_at;   /* of the queue's last loss; 0:
                                               never */
    unsigned                     lost:1;    /* the queue cannot be had; a gap
                                               was noted */
    unsigned                     differs:1; /* other arguments: was logged */
    unsigned                     own:1;     /* consumed by this worker */

    /* its consumer: see ngx_ess_exchange_consumer.c */
    ngx_msec_t                   consumed_at;   /* last start */
    ngx_msec_t                   consume_after;
    ngx_uint_t                   refused;   /* consumes, in a row */
    unsigned                     consuming:1;
    unsigned                     consumed:1;    /* ever, by this process */

    /* see ngx_ess_exchange_former.c */
    ngx_ess_exchange_from_e      from;
    ngx_str_t                    former;    /* name of the former queue */
    ngx_ess_exchange_overlap_t  *overlap;   /* or NULL */
    unsigned                     found:1;   /* the former queue, by this
                                               process; until it is empty */

    ngx_ess_topic_t             *topic;     /* of its streams; NULL: none */
};


struct ngx_ess_exchange_worker_s {
    ngx_ess_zone_t              *zone;
    ngx_ess_exchange_conf_t     *conf;
    ngx_log_t                   *log;
    ngx_ess_amqp_session_t      *session;
    ngx_ess_amqp_channel_t      *consume;   /* consumers only; NULL: none */
    ngx_ess_amqp_channel_t      *admin;     /* what may be refused */

    ngx_ess_exchange_declared_e  exchange;
    u_char                       exchange_text[256];    /* why it was refused,
                                               null terminated */
    ngx_ess_exchange_declared_e  witness;   /* see ngx_ess_exchange_watch.c */

    ngx_ess_exchange_refused_pt  refused;   /* tells those who wait for it */
    ngx_event_t                  turn;      /* posted: what can be started now
                                               is */
    ngx_event_t                  retry;     /* so is what was refused */
    ngx_uint_t                   attempt;

    ngx_uint_t                   rebind;    /* slots whose keys are to be bound
                                               again, a bit each */
    ngx_uint_t                   lost;      /* own slots whose bindings are
                                               gone, a bit each */
    ngx_uint_t                   restores;  /* single keys being bound again */

    unsigned                     exchange_differs:1;    /* was logged */
    unsigned                     draining:1;

    ngx_ess_exchange_slot_t      slots[NGX_ESS_SLOTS];

    /* which streams the slots' topics know: see ngx_ess_exchange_pattern.c */
    uint64_t                     topic_cursor;  /* the last one */
    uint64_t                     topic_next_id; /* when all were read */

    ngx_ess_exchange_declare_t  *declare;
    ngx_ess_exchange_delivery_t *delivery;
    ngx_ess_exchange_consumer_t *consumer;
    ngx_ess_exchange_former_t   *former;
    ngx_ess_exchange_bind_t     *binds;
    ngx_ess_exchange_rebind_t   *rebinds;
    ngx_ess_exchange_watch_t    *watch;
    ngx_ess_exchange_restore_t  *restore;
};


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
