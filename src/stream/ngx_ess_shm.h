/*
 * The zone: the shared memory that all workers map.
 *
 * The master takes one block from the slab, once, at init.  It holds
 *
 *   +--------+---------+-------+-------+---------+--------------------------+
 *   | header | journal | procs | slots | buckets | segments, 256 bytes each |
 *   +--------+---------+-------+-------+---------+--------------------------+
 *
 * Streams and events live in segments, named by index; 0 is none.  After
 * init nothing is allocated or freed but segments, through one free list.
 *
 * A worker may die at any instruction, with the mutex held.  nginx's master
 * then unlocks the mutex but repairs nothing.  So each word of the zone that
 * matters is changed through ngx_ess_shm_set32_locked() or _set64_locked(),
 * which write the old value into an undo journal first; the journal's length
 * is the one word that says that an operation is under way.
 * ngx_ess_shm_commit_locked() sets it to zero with one store.  Whoever locks
 * next and finds it set rolls the operation back.  The bytes of a segment that
 * nothing links to yet (a body being copied) need no journal.
 */


#ifndef _NGX_ESS_SHM_H_INCLUDED_
#define _NGX_ESS_SHM_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_SEGMENT_SIZE     256

/* per process slot: shorter tables would not do for a reload of 64 workers */
#define NGX_ESS_PROCS            256

#define NGX_ESS_DIRTY            510


typedef uint32_t  ngx_ess_seg_t;            /* index of a segment, 0: none */


/* why a client was refused */

typedef enum {
    NGX_ESS_REJECTED_STREAM = 0,            /* there is none of that uuid */
    NGX_ESS_REJECTED_ORIGIN,
    NGX_ESS_REJECTED_TOKEN,                 /* none, or a wrong one */
    NGX_ESS_REJECTED_CLAIM,                 /* the token is for other streams */
    NGX_ESS_REJECTED_REQUEST,               /* no WebSocket, no SSE */
    NGX_ESS_REJECTED_POSITION,
    NGX_ESS_REJECTED_LIMIT,                 /* of subscribers */
    NGX_ESS_REJECTED_SOURCE,                /* the broker has none, or is
                                               silent */
    NGX_ESS_REJECTED_CLIENTS,               /* the worker takes no more */
    NGX_ESS_REJECTED_N
} ngx_ess_rejected_e;


#define NGX_ESS_AGES            12          /* buckets, the last without end */
#define NGX_ESS_BATCHES         8

/* upper bounds of the buckets but the last: ms, events */
extern const uint32_t  ngx_ess_ages[NGX_ESS_AGES - 1];
extern const uint32_t  ngx_ess_batches[NGX_ESS_BATCHES - 1];


/*
 * Counters, one block per process slot, written by its owner only, never
 * reset; but from NGX_ESS_C_GAUGES on they say what is now, and are 0 once the
 * process is gone.
 */

typedef enum {
    NGX_ESS_C_EVENTS_IN = 0,                /* appended, once per stream */
    NGX_ESS_C_BYTES_IN,                     /* of their bodies */
    NGX_ESS_C_EVENTS_UNROUTED,              /* no stream wanted them */
    NGX_ESS_C_EVENTS_TOO_LARGE,             /* over ess_max_event, dropped */
    NGX_ESS_C_REDELIVERED,                  /* recognised, not appended again */
    NGX_ESS_C_REDELIVERED_IN_DOUBT,         /* perhaps appended twice */
    NGX_ESS_C_EVICTED,                      /* all that left a log */
    NGX_ESS_C_EVICTED_EARLY,                /* for want of room in the zone */
    NGX_ESS_C_EVENTS_SENT,                  /* by transport */
    NGX_ESS_C_BYTES_SENT = NGX_ESS_C_EVENTS_SENT + NGX_ESS_TRANSPORTS,
    NGX_ESS_C_EVENTS_LOST = NGX_ESS_C_BYTES_SENT + NGX_ESS_TRANSPORTS,
                                            /* evicted before a client got it */
    NGX_ESS_C_GAPS,                         /* announced to clients */
    NGX_ESS_C_UNANNOTATED,                  /* bodies that begin as an object,
                                               but are none */
    NGX_ESS_C_SLOW_CLOSED,
    NGX_ESS_C_SLOW_SKIPPED,
    NGX_ESS_C_SLOW_RECLAIMED,               /* of their memory, over all */
    NGX_ESS_C_FAST_PAUSED,                  /* over ess_client_rate */
    NGX_ESS_C_FAST_CLOSED,
    NGX_ESS_C_REJECTED,                     /* by ngx_ess_rejected_e */
    NGX_ESS_C_CROSS_ORIGIN = NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_N,
                                            /* changes that were refused */
    NGX_ESS_C_SESSIONS,                     /* with the broker, established */
    NGX_ESS_C_PUBLISHED,                    /* events the broker confirmed */
    NGX_ESS_C_RESTORED,                     /* bindings that were gone */

    NGX_ESS_C_AGE,                          /* events sent, by ms since they
                                               came, and that sum */
    NGX_ESS_C_AGE_SUM = NGX_ESS_C_AGE + NGX_ESS_AGES,
    NGX_ESS_C_BATCH,                        /* sends, by events, and that
                                               sum */
    NGX_ESS_C_BATCH_SUM = NGX_ESS_C_BATCH + NGX_ESS_BATCHES,

    NGX_ESS_C_GAUGES,
    NGX_ESS_C_SUBSCRIBERS = NGX_ESS_C_GAUGES,   /* by transport */
    NGX_ESS_C_MEMORY = NGX_ESS_C_SUBSCRIBERS + NGX_ESS_TRANSPORTS,
                                            /* bytes kept for clients */
    NGX_ESS_C_CONNECTED,                    /* 1: to the broker, consuming */
    NGX_ESS_C_UNBOUND,                      /* slots and keys whose bindings
                                               are known to be gone */
    NGX_ESS_C_BLOCKED,                      /* 1: the broker lets it publish
                                               nothing */
    NGX_ESS_C_UNACKNOWLEDGED,               /* deliveries */
    NGX_ESS_C_UNCONFIRMED,                  /* publications */
    NGX_ESS_C_REPLAYS,                      /* from the broker, under way */
    NGX_ESS_C_N
} ngx_ess_counter_e;


/* a worker's sessions with the broker; see ngx_ess_broker.h */

typedef enum {
    NGX_ESS_BROKER_CONSUMING = 0,           /* and binding */
    NGX_ESS_BROKER_PUBLISHING,
    NGX_ESS_BROKER_SESSIONS
} ngx_ess_broker_session_e;

#define NGX_ESS_BROKER_HOST      80         /* bytes kept */
#define NGX_ESS_BROKER_TEXT      256


/* not in the journal: written under its own sequence number */

typedef struct {
    uint32_t                 seq;           /* odd: is being written */
    uint32_t                 host_len;
    uint32_t                 text_len;
    uint32_t                 unused;
    uint64_t                 since;         /* ms since 1970, 0: none */
    u_char                   host[NGX_ESS_BROKER_HOST];
    u_char                   text[NGX_ESS_BROKER_TEXT];
} ngx_ess_shm_trouble_t;


typedef struct {
    uint64_t                 generation;    /* of the owner, 0: none */
    uint32_t                 pid;           /* of the owner, 0: none */
    uint32_t                 incarnation;   /* how many owners it had */
    uint32_t                 npairs;        /* streams it has an interest in */
    uint32_t                 mail;          /* there is some in the boxes; see
                                               mailbox */

    /* set by those who append, with the mutex held; see notify */
    uint32_t                 wake;
    uint32_t                 overflow;      /* dirty[] was too short */
    uint32_t                 ndirty;
    ngx_ess_seg_t            dirty[NGX_ESS_DIRTY];

    /* what it has not seen yet; not in the journal, for it only delays; times
       as those of records */
    uint32_t                 behind;        /* it has taken a list, and is
                                               reading those logs */
    uint32_t                 taken;         /* arrival of the last record when
                                               it took the list */
    uint32_t                 since;         /* arrival of the first record that
                                               it may not have seen; valid with
                                               wake or behind */
    uint32_t                 progress;      /* its last sign of life */

    uint32_t                 consumes;      /* bit n: slot n */
    ngx_ess_shm_trouble_t    troubles[NGX_ESS_BROKER_SESSIONS];

    uint64_t                 counters[NGX_ESS_C_N];
} ngx_ess_shm_proc_t;


/*
 * A slot's memory of what was appended last, for recognising redeliveries:
 * the fingerprint of the event number n is in ring[n % nring].
 */

typedef struct {
    uint64_t                 appended;      /* events so far, 0: none yet */
    uint64_t                 acked;         /* last one whose ack was sent */
    uint64_t                 settled;       /* last one that is known not to
                                               come again */

    /* an event for more streams than one journal takes, half way through */
    uint64_t                 partial_print;
    uint64_t                 partial_id;    /* the last stream that has it */
    uint32_t                 losses;        /* of events, ever; wraps around */
    uint8_t                  queues[2];     /* ngx_ess_broker_queue_e: its
                                               classic and its quorum queue */

    uint64_t                 left;          /* ngx_current_msec when a consumer
                                               ended last, 0: never; not in the
                                               journal */
} ngx_ess_shm_slot_t;


/* private to stream/ */

typedef struct ngx_ess_shm_s         ngx_ess_shm_t;
typedef struct ngx_ess_shm_stream_s  ngx_ess_shm_stream_t;
typedef struct ngx_ess_shm_record_s  ngx_ess_shm_record_t;


/* a process's handle of the zone; in the pool of its cycle */

struct ngx_ess_zone_s {
    ngx_shm_zone_t          *shm_zone;
    ngx_slab_pool_t         *shpool;
    ngx_ess_shm_t           *sh;

    /* bounds of a log, from ess_log and ess_max_event of this cycle */
    size_t                   log_size;      /* bytes */
    ngx_uint_t               log_count;
    ngx_msec_t               log_age;       /* ms */
    size_t                   max_event;     /* bytes */

    ngx_uint_t               proc;          /* own process slot; NGX_ESS_PROCS:
                                               none (master) */
    uint64_t                 generation;    /* of the cycle */
    unsigned                 fresh:1;       /* made by this cycle, empty */

    /* called at the end of the init of a fresh zone, but not in a test of the
       configuration; NGX_ERROR: the start or the reload fails */
    ngx_int_t              (*fill)(ngx_ess_zone_t *zone);
    ngx_cycle_t             *cycle;         /* that is being made, for fill */
};


/*
 * Adds the zone to the configuration.  Used by the directive's setter; keeps
 * the size of a zone of that name that is already in use, with a warning.
 * Returns NGX_CONF_OK or NGX_CONF_ERROR, the error logged.
 */
char *ngx_ess_shm_add(ngx_conf_t *cf, ngx_ess_zone_t *zone, ngx_str_t *name,
    ssize_t size);

/* Least size of a zone, in bytes, with these bounds. */
size_t ngx_ess_shm_min_size(size_t max_event);

/*
 * In the master, from init_module, never in a test of the configuration:
 * a new generation begins.  Workers whose generation is lower than
 * ngx_ess_shm_generation() were replaced by a reload.  No lock.
 */
void ngx_ess_shm_new_generation(ngx_ess_zone_t *zone);
uint64_t ngx_ess_shm_generation(ngx_ess_zone_t *zone);

/*
 * The worker takes the process slot "proc" (ngx_process_slot), after
 * sweeping what its last owner left: dirty list, interest in streams, marks
 * of unbinding.  Half-made streams are not touched here: see
 * ngx_ess_stream_orphan().  NGX_ERROR: the slot is beyond NGX_ESS_PROCS.
 */
ngx_int_t ngx_ess_shm_attach(ngx_ess_zone_t *zone, ngx_uint_t proc,
    ngx_log_t *log);

/* The worker leaves its process slot, orderly.  Not with the mutex held. */
void ngx_ess_shm_detach(ngx_ess_zone_t *zone);

/*
 * Sweeps the process slots whose process is gone.  From a timer of any
 * worker; takes the mutex for short times.
 */
void ngx_ess_shm_sweep(ngx_ess_zone_t *zone, ngx_log_t *log);

/* Lock; rolls back what a dead worker left half-done. */
void ngx_ess_shm_lock(ngx_ess_zone_t *zone);
void ngx_ess_shm_unlock(ngx_ess_zone_t *zone);

/* Adds to a counter of this process; no lock. */
void ngx_ess_shm_count(ngx_ess_zone_t *zone, ngx_ess_counter_e counter,
    int64_t n);

/* Sets a gauge of this process; no lock. */
void ngx_ess_shm_gauge(ngx_ess_zone_t *zone, ngx_ess_counter_e gauge,
    uint64_t value);

/* This process's block, NULL without one: for whoever counts much at once. */
uint64_t *ngx_ess_shm_counters(ngx_ess_zone_t *zone);

/* Process slots there are.  A counter of one: NGX_DECLINED when nobody has it.
   No lock. */
ngx_uint_t ngx_ess_shm_processes(ngx_ess_zone_t *zone);
ngx_int_t ngx_ess_shm_process_counter(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_counter_e counter, uint64_t *value);

/* A counter's sum over all process slots; no lock. */
uint64_t ngx_ess_shm_counter(ngx_ess_zone_t *zone, ngx_ess_counter_e counter);

/* Free segments and all segments; takes the mutex. */
void ngx_ess_shm_room(ngx_ess_zone_t *zone, ngx_uint_t *nfree,
    ngx_uint_t *total);

/*
 * Walks the whole zone and logs, at alert, each thing that is wrong: a
 * segment in two lists or in none, counts that differ from what is there,
 * a hash chain that does not lead to its stream, lists not in order.
 * Takes the mutex for the whole walk: for tests.  Returns the number of
 * faults.
 */
ngx_uint_t ngx_ess_shm_check(ngx_ess_zone_t *zone, ngx_log_t *log);


#endif /* _NGX_ESS_SHM_H_INCLUDED_ */
