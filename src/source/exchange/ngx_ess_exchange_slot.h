/*
 * What the files of the exchange source share in one worker: the session and
 * its two channels, the slots with their queues, consumers and deliveries,
 * and the bindings.
 *
 *   session open ──► exchange: looked up, or made
 *                └─► queue of each own slot: ensured ──► consumed
 *                                both ──► keys bound again ──► binds, unbinds
 */


#ifndef _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_stream_table.h"
#include "ngx_ess_source.h"
#include "ngx_ess_amqp.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_redelivery.h"
#include "ngx_ess_topic.h"


/* of a queue or an exchange, in bytes */
#define NGX_ESS_EXCHANGE_NAME        255

/* places for the hashes of keys that nobody wanted */
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


/* what redelivered events mean on a slot, since its consumer was started */

typedef enum {
    NGX_ESS_EXCHANGE_RUN_FRESH = 0,         /* nothing came yet */
    NGX_ESS_EXCHANGE_RUN_HOLDING,           /* a run, not decided */
    NGX_ESS_EXCHANGE_RUN_SKIPPING,          /* decided, duplicates to come */
    NGX_ESS_EXCHANGE_RUN_PASSING,           /* decided, the rest is new */
    NGX_ESS_EXCHANGE_RUN_NONE               /* the last one was not marked */
} ngx_ess_exchange_run_e;


/* what is known of the queue that "queues=" set otherwise had for a slot: see
   ngx_ess_exchange_former.c */

typedef enum {
    NGX_ESS_EXCHANGE_FORMER_UNKNOWN = 0,
    NGX_ESS_EXCHANGE_FORMER_LOOKUP,         /* being declared passively */
    NGX_ESS_EXCHANGE_FORMER_NONE,           /* it is not there, or done with */
    NGX_ESS_EXCHANGE_FORMER_AWAY,           /* the node that has it is down: as
                                               if there were none, for now */

    /* the slot's consumer is its */
    NGX_ESS_EXCHANGE_FORMER_BOUND,
    NGX_ESS_EXCHANGE_FORMER_UNBOUND,        /* no more comes */
    NGX_ESS_EXCHANGE_FORMER_EMPTY,          /* nor is anything left, perhaps */

    /* the slot has no consumer */
    NGX_ESS_EXCHANGE_FORMER_LEFT,           /* is anything left? */
    NGX_ESS_EXCHANGE_FORMER_DELETE,         /* being deleted */
    NGX_ESS_EXCHANGE_FORMER_COUNT           /* events of the slot's queue are
                                               being counted */
} ngx_ess_exchange_former_e;


typedef struct ngx_ess_exchange_worker_s  ngx_ess_exchange_worker_t;


/* events that the slot's queue may have as well as the former one had */

typedef struct {
    uint64_t                     left;      /* so many are to come that may be
                                               among them */
    ngx_uint_t                   n;
    uint64_t                     prints[NGX_ESS_MARK_RECENT];    /* sorted, each
                                               once */
    u_char                       came[NGX_ESS_MARK_RECENT];
} ngx_ess_exchange_overlap_t;


typedef struct {
    ngx_str_t                    queue;
    ngx_ess_exchange_former_e    state;
    ngx_ess_amqp_op_t            op;
    union {
        amqp_queue_declare_t     declare;
        amqp_queue_delete_t      delete;
    } method;
    ngx_msec_t                   looked;    /* when it was looked up */
    uint64_t                     mark;      /* events that the slot had
                                               appended when it was found */
    ngx_ess_exchange_overlap_t  *overlap;   /* or NULL */
    unsigned                     busy:1;    /* the op is under way */
    unsigned                     found:1;   /* by this process */
} ngx_ess_exchange_former_t;


typedef struct {
    ngx_ess_exchange_worker_t   *worker;
    ngx_uint_t                   number;
    ngx_str_t                    queue;     /* "ess.<node>.<slot>", a quorum
                                               queue "ess.<node>.q<slot>" */
    ngx_str_t                    tag;       /* "ess-<slot>" */
    u_char                       tag_data[sizeof("ess-") + NGX_INT_T_LEN];

    ngx_ess_exchange_declared_e  state;
    ngx_ess_amqp_op_t            op;        /* of the declare under way */
    amqp_queue_declare_t         declare;
    amqp_table_entry_t           arguments[5];

    ngx_ess_exchange_former_t    former;

    ngx_msec_t                   consumed_at;   /* last start */
    ngx_msec_t                   consume_after;
    ngx_msec_t                   told_at;   /* of the queue's last loss */
    ngx_uint_t                   refused;   /* consumes, in a row */
    unsigned                     own:1;     /* consumed by this worker */
    unsigned                     consuming:1;
    unsigned                     consumed:1;    /* ever, by this process */
    unsigned                     lost:1;    /* the queue cannot be had; a gap
                                               was noted */
    unsigned                     told:1;    /* ever */
    unsigned                     differs:1; /* other arguments: was logged */

    /* deliveries: see ngx_ess_exchange_delivery.c */
    ngx_ess_exchange_run_e       run;
    ngx_ess_redelivery_t        *redelivery;    /* of a run, or NULL */
    ngx_queue_t                  held;
    ngx_uint_t                   nheld;
    size_t                       held_bytes;
    ngx_uint_t                   run_length;
    ngx_uint_t                   patience;
    ngx_event_t                  pause;     /* the run has come to an end */
    ngx_ess_topic_t             *topic;     /* of its streams; NULL: none */

    /* first and last delivery dealt with, but not acknowledged; 0: none */
    uint64_t                     done_first;
    uint64_t                     done_last;
} ngx_ess_exchange_slot_t;


struct ngx_ess_exchange_worker_s {
    ngx_ess_zone_t              *zone;
    ngx_ess_exchange_conf_t     *conf;
    ngx_log_t                   *log;
    ngx_ess_amqp_session_t      *session;
    ngx_ess_amqp_channel_t      *consume;   /* consumers only; NULL: none */
    ngx_ess_amqp_channel_t      *admin;     /* what may be refused */
    ngx_ess_amqp_channel_t      *closing;   /* the former, at a shutdown */

    ngx_ess_exchange_declared_e  exchange;
    ngx_ess_amqp_op_t            exchange_op;
    amqp_exchange_declare_t      exchange_declare;
    u_char                       exchange_text[256];    /* why it was refused,
                                               null terminated */

    /* whether the exchange was made anew: see ngx_ess_exchange_watch.c */
    ngx_str_t                    witness_name;  /* empty: cannot be watched */
    uint32_t                     witness_hash;  /* of it, for the zone */
    ngx_ess_exchange_declared_e  witness;
    ngx_ess_amqp_op_t            watch_op;
    union {
        amqp_exchange_declare_t  declare;
        amqp_exchange_bind_t     bind;
    } watch_method;
    ngx_event_t                  watch;
    ngx_msec_t                   watched;       /* when, the last time */
    uint32_t                     losses;        /* number of the last one that
                                               this worker has acted on */
    uint32_t                     watch_losses;  /* the same, when it looked */
    unsigned                     watch_busy:1;
    unsigned                     watch_known:1; /* a witness was made before */
    unsigned                     witness_anew:1;    /* to be made, now */
    unsigned                     exchange_known:1;  /* it was there before it
                                               was looked up */
    unsigned                     exchange_seen:1;   /* by this process, ever */

    ngx_event_t                  retry;     /* of what was refused */
    ngx_uint_t                   attempt;

    ngx_ess_exchange_slot_t      slots[NGX_ESS_SLOTS];

    /* one operation at a time on the consuming channel: what is pipelined
       behind a refused one would be sent again without its prefetch */
    ngx_ess_amqp_op_t            consume_op;
    amqp_basic_qos_t             qos;
    amqp_basic_consume_t         basic_consume;
    ngx_ess_exchange_slot_t     *consume_slot;  /* NULL: basic.qos */
    unsigned                     consume_busy:1;
    unsigned                     qos_done:1;

    /* former queues: see ngx_ess_exchange_former.c */
    ngx_ess_amqp_channel_t      *former;    /* that had their consumers, until
                                               it is closed */
    ngx_event_t                  former_timer;

    ngx_event_t                  leaving;   /* keeps the worker until the
                                               slots are handed over */
    unsigned                     exchange_differs:1;    /* was logged */
    unsigned                     draining:1;
    unsigned                     appended:1;    /* somebody is to be woken */

    /* deliveries on the consuming channel */
    ngx_ess_notify_wake_t        wake;
    uint64_t                     last_tag;
    uint64_t                     acked_tag;
    size_t                       held_bytes;    /* over all slots */
    ngx_queue_t                  delayed;       /* no room for them yet */
    size_t                       delayed_bytes;
    ngx_event_t                  delay;         /* they are tried again */
    time_t                       too_many_time; /* keys in CC */

    /* which streams the slots' topics know: see ngx_ess_exchange_pattern.c */
    uint64_t                     topic_cursor;  /* the last one */
    uint64_t                     topic_next_id; /* when all were read */

    ngx_ess_rabbitmq_streams_t   streams;

    /* bindings: see ngx_ess_exchange_bind.c */
    ngx_queue_t                  bindings;      /* all operations */
    ngx_queue_t                  waiting;       /* for session and queue */
    ngx_uint_t                   unbinds;       /* under way */

    /* binding again: see ngx_ess_exchange_rebind.c */
    ngx_uint_t                   rebind;        /* slots of the pass or round
                                               under way, a bit each */
    ngx_uint_t                   rebind_next;   /* of the next pass */
    ngx_uint_t                   rebind_former; /* of those, slots whose keys
                                               it unbinds from former queues */
    ngx_uint_t                   rebind_subscribed;
    uint64_t                     rebind_cursor;
    ngx_uint_t                   rebind_busy;   /* in flight */
    ngx_uint_t                   rebind_keys;   /* of all streams, so far */
    ngx_uint_t                   rebind_bound;  /* with those that have
                                               subscribers twice */
    ngx_uint_t                   rebind_refused;
    ngx_msec_t                   rebind_after;  /* not before; 0: at once */
    ngx_uint_t                   rebind_credit; /* keys that a round may take
                                               now */
    unsigned                     rebind_read:1; /* all keys were read */
    unsigned                     rebind_round:1;    /* it is a round */

    ngx_msec_t                   round_begin;
    ngx_msec_t                   round_last;    /* when it got credit last */
    ngx_uint_t                   round_slots;   /* that it is for */
    ngx_uint_t                   round_keys;    /* of the last whole one */
    uint64_t                     round_due;     /* of a key, in ms of a
                                                   round's time */

    ngx_uint_t                   lost;          /* own slots whose bindings
                                               are gone, a bit each */

    /* keys of events that came back: see ngx_ess_exchange_restore.c */
    ngx_queue_t                  restores;
    ngx_uint_t                   nrestores;
    time_t                       restore_time;  /* of the last line about it */

    ngx_msec_t                   unwanted[NGX_ESS_EXCHANGE_UNWANTED];
                                            /* when such a key was unbound */
};


/* exchange.c: starts whatever can be started now; never from an operation
   that was aborted */
void ngx_ess_exchange_kick(ngx_ess_exchange_worker_t *w);

/* exchange.c: the broker says that the exchange is not there; to be followed
   by a kick */
void ngx_ess_exchange_gone(ngx_ess_exchange_worker_t *w);

/* exchange.c: kicks after the backoff, with what was refused */
void ngx_ess_exchange_retry(ngx_ess_exchange_worker_t *w);

/* exchange.c: logs, once, what the broker refused of what this worker needs,
   and makes it the session's trouble. */
void ngx_ess_exchange_refused(ngx_ess_exchange_worker_t *w, const char *what,
    ngx_uint_t code, ngx_str_t *text);

/* slot.c: names; which slots are this worker's.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_slot_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);

/* Makes sure that the slot's queue is there, unless that is under way. */
void ngx_ess_exchange_slot_ensure(ngx_ess_exchange_slot_t *slot);

/* Events under way per slot. */
ngx_uint_t ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w);

/* Starts the next consumer, if one is to be started and none is under way. */
void ngx_ess_exchange_slot_consume(ngx_ess_exchange_worker_t *w);

/* 1 while consumers are still to be started without having been refused */
ngx_uint_t ngx_ess_exchange_slot_starting(ngx_ess_exchange_worker_t *w);

/* The broker ended the consumer: the slot's queue is gone. */
void ngx_ess_exchange_slot_canceled(ngx_ess_exchange_slot_t *slot);

/* Its consumer was started, or is gone: all workers can see it. */
void ngx_ess_exchange_slot_consuming(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t on);

/* All consumers are gone, and with "closed" the whole session. */
void ngx_ess_exchange_slot_reset(ngx_ess_exchange_worker_t *w,
    ngx_uint_t closed);

/* The channel of the consumers is closed: nothing is kept of what came on
   it. */
void ngx_ess_exchange_slot_drop(ngx_ess_exchange_worker_t *w);

/* The name of a slot's queue of that kind.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_slot_name(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle, ngx_uint_t number, ngx_uint_t quorum, ngx_str_t *name);

/* former.c: NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_former_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
void ngx_ess_exchange_former_exit(ngx_ess_exchange_worker_t *w);

/* Looks for former queues of own slots, where that was not done. */
void ngx_ess_exchange_former(ngx_ess_exchange_worker_t *w);

/* The slot's queue is there; "created": it was not. */
void ngx_ess_exchange_former_declared(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t created);

/* 1: it is known from which queue the slot is consumed. */
ngx_uint_t ngx_ess_exchange_former_settled(ngx_ess_exchange_slot_t *slot);

/* 1: from the former one. */
ngx_uint_t ngx_ess_exchange_former_consumed(ngx_ess_exchange_slot_t *slot);

/* Own slots that are consumed from former queues, a bit each. */
ngx_uint_t ngx_ess_exchange_former_bound(ngx_ess_exchange_worker_t *w);

/* All keys of these were bound to the slots' queues since then, and unbound
   from the former ones. */
void ngx_ess_exchange_former_unbound(ngx_ess_exchange_worker_t *w,
    ngx_uint_t slots);

/* The consumer of the former queue, or its channel, or the session is gone. */
void ngx_ess_exchange_former_reset(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t closed);

/* The channel of former consumers was closed. */
void ngx_ess_exchange_former_closed(ngx_ess_exchange_worker_t *w);

/* 1: what comes to the slot is to be recognised whichever kind of queue it came
   from, or a quorum queue alone. */
ngx_uint_t ngx_ess_exchange_former_quorum(ngx_ess_exchange_slot_t *slot);

/* 1: the event, of the slot's queue, came from the former one as well.  With
   slot->former.overlap only. */
ngx_uint_t ngx_ess_exchange_former_had(ngx_ess_exchange_slot_t *slot,
    ngx_ess_amqp_delivery_t *delivery, uint64_t print);

/* delivery.c */
void ngx_ess_exchange_delivery_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_delivery_init_slot(ngx_ess_exchange_slot_t *slot);
void ngx_ess_exchange_delivery_take(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery);

/* Wakes and acknowledges. */
void ngx_ess_exchange_delivery_batch(ngx_ess_exchange_worker_t *w);

/* As before; the channel is closed in good order right after it. */
void ngx_ess_exchange_delivery_last(ngx_ess_exchange_worker_t *w);

/* No more will come from this consumer, nor what is held once more. */
void ngx_ess_exchange_delivery_end(ngx_ess_exchange_slot_t *slot);

/* The channel is gone: what is held will come again. */
void ngx_ess_exchange_delivery_reset(ngx_ess_exchange_slot_t *slot);

/* So will what is delayed, of all slots. */
void ngx_ess_exchange_delivery_drop(ngx_ess_exchange_worker_t *w);

/* pattern.c: reads the patterns that there are, of own slots, and of all when
   events are published.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_pattern_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_pattern_exit(ngx_ess_exchange_worker_t *w);

/*
 * Names the streams of the slot whose patterns match the key, or one of
 * event->keys, in the event, until the next call.  NGX_ERROR: no memory for new
 * patterns, some may be missing.
 */
ngx_int_t ngx_ess_exchange_pattern_match(ngx_ess_exchange_slot_t *slot,
    ngx_str_t *key, ngx_ess_event_t *event);

/* The event was appended: forgets those of its streams that are no more. */
void ngx_ess_exchange_pattern_appended(ngx_ess_exchange_slot_t *slot,
    ngx_ess_event_t *event);

/* bind.c */
void ngx_ess_exchange_bind_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_bind_begin(ngx_ess_exchange_worker_t *w,
    ngx_ess_source_bind_t *bind);
void ngx_ess_exchange_bind_cancel(ngx_ess_source_bind_t *bind);
void ngx_ess_exchange_bind_unbind(ngx_ess_exchange_worker_t *w, ngx_str_t *key);

/* A delivery with that key found no stream: unbinds it. */
void ngx_ess_exchange_bind_unwanted(ngx_ess_exchange_worker_t *w,
    ngx_str_t *key);

/* Sends what waited for the session, the exchange or its slot's queue. */
void ngx_ess_exchange_bind_waiting(ngx_ess_exchange_worker_t *w);

/* The broker refused the queue (or, with NULL, the exchange): those who wait
   for it are told. */
void ngx_ess_exchange_bind_refused(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_str_t *text);

/* Binds the key of an own slot; answered by ngx_ess_exchange_rebind_answered(),
   not from within this.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_exchange_bind_again(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *key);

/* The broker says that the slot's queue or the exchange is not there. */
void ngx_ess_exchange_bind_gone(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot);

/* Frees all; after the session was destroyed. */
void ngx_ess_exchange_bind_exit(ngx_ess_exchange_worker_t *w);

/* rebind.c: goes on binding the keys of own slots again. */
void ngx_ess_exchange_rebind(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_rebind_answered(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text);

/* The next portion of a round; returns the ms until this is to be called
   again. */
ngx_msec_t ngx_ess_exchange_rebind_tick(ngx_ess_exchange_worker_t *w);

/* The session is gone; all operations were aborted. */
void ngx_ess_exchange_rebind_reset(ngx_ess_exchange_worker_t *w);

/* watch.c: NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_watch_init(ngx_ess_exchange_worker_t *w,
    ngx_cycle_t *cycle);
void ngx_ess_exchange_watch_exit(ngx_ess_exchange_worker_t *w);

/* The session is gone. */
void ngx_ess_exchange_watch_reset(ngx_ess_exchange_worker_t *w);

/* Makes sure that there is a witness, when the exchange is there. */
void ngx_ess_exchange_watch(ngx_ess_exchange_worker_t *w);

/* 1: there is one, or there cannot be one. */
ngx_uint_t ngx_ess_exchange_watch_settled(ngx_ess_exchange_worker_t *w);

/* 1: some worker has made one since the zone was made. */
ngx_uint_t ngx_ess_exchange_watch_known(ngx_ess_exchange_worker_t *w);

/* Looks after it at once. */
void ngx_ess_exchange_watch_now(ngx_ess_exchange_worker_t *w);

/* All bindings are gone: binds again, and says so. */
void ngx_ess_exchange_watch_lost(ngx_ess_exchange_worker_t *w);

/* The exchange was not there, and has been declared. */
void ngx_ess_exchange_watch_created(ngx_ess_exchange_worker_t *w);

/* What is not bound has changed: sets the figure. */
void ngx_ess_exchange_watch_gauge(ngx_ess_exchange_worker_t *w);

/* restore.c */
void ngx_ess_exchange_restore_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_restore_exit(ngx_ess_exchange_worker_t *w);

/* Is there a stream that the API lists whose key, or pattern, an event with
   this routing key is for? */
ngx_uint_t ngx_ess_exchange_restore_listed(ngx_ess_exchange_worker_t *w,
    ngx_str_t *key);

/*
 * The publication's events came back: no queue is bound for its key.  Binds
 * it, as the streams have it, and calls ngx_ess_exchange_publish_restored(),
 * not from within this.  Those below pub->listed may have lost events.  The
 * publication is on the operation's list until then, and may be taken off it.
 * NGX_OK; NGX_DECLINED: no stream has it any more; NGX_BUSY: not now;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_exchange_restore(ngx_ess_exchange_worker_t *w,
    ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_EXCHANGE_SLOT_H_INCLUDED_ */
