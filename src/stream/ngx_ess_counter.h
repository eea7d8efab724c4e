/*
 * Counters, one block per process slot, in the zone: what the metrics tell, and
 * what a worker wants to know of all others.
 */


#ifndef _NGX_ESS_COUNTER_H_INCLUDED_
#define _NGX_ESS_COUNTER_H_INCLUDED_


#include "ngx_ess.h"


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
    NGX_ESS_REJECTED_CREATED,               /* its stream was not made on
                                               demand */
    NGX_ESS_REJECTED_AUTHORIZE,             /* "ess_authorize" did not let it
                                               in */
    NGX_ESS_REJECTED_N
} ngx_ess_rejected_e;


/* how requests of "ess_authorize" ended */

typedef enum {
    NGX_ESS_AUTHORIZED_ALLOWED = 0,         /* all that was asked about */
    NGX_ESS_AUTHORIZED_REFUSED,             /* some of it, or all */
    NGX_ESS_AUTHORIZED_FAILED,              /* no answer that fits */
    NGX_ESS_AUTHORIZED_ABANDONED,           /* the client left before */
    NGX_ESS_AUTHORIZED_N
} ngx_ess_authorized_e;


/* for whom a stream was made */

typedef enum {
    NGX_ESS_CREATED_SUBSCRIPTION = 0,       /* on demand */
    NGX_ESS_CREATED_PUBLICATION,            /* likewise */
    NGX_ESS_CREATED_API,
    NGX_ESS_CREATED_CONFIGURATION,
    NGX_ESS_CREATED_N
} ngx_ess_created_by_e;


#define NGX_ESS_AGES            12          /* buckets, the last without end */
#define NGX_ESS_BATCHES         8

/* of commands of clients: what they are (ngx_ess_command_type_e), and how they
   ended */
#define NGX_ESS_COUNTER_COMMANDS  5
#define NGX_ESS_COUNTER_CODES     10

/* statuses of HTTP; the last one is for all others */
extern const uint32_t  ngx_ess_counter_codes[NGX_ESS_COUNTER_CODES];

/* upper bounds of the buckets but the last: ms, events */
extern const uint32_t  ngx_ess_counter_ages[NGX_ESS_AGES - 1];
extern const uint32_t  ngx_ess_counter_batches[NGX_ESS_BATCHES - 1];


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
    NGX_ESS_C_NO_KEY,                       /* appended without one, where the
                                               stream has a rule for it */
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
    NGX_ESS_C_LEFT_OUT,                     /* of strict annotations */
    NGX_ESS_C_TEMPLATE_SKIPPED,             /* without what a template asks
                                               for */
    NGX_ESS_C_SLOW_CLOSED,
    NGX_ESS_C_SLOW_SKIPPED,
    NGX_ESS_C_SLOW_RECLAIMED,               /* of their memory, over all */
    NGX_ESS_C_FAST_PAUSED,                  /* over ess_client_rate */
    NGX_ESS_C_FAST_CLOSED,
    NGX_ESS_C_COMMANDS,                     /* by type, and of each by code */
    NGX_ESS_C_COMMANDS_LAST = NGX_ESS_C_COMMANDS
                              + NGX_ESS_COUNTER_COMMANDS
                                * NGX_ESS_COUNTER_CODES - 1,
    NGX_ESS_C_REJECTED,                     /* by ngx_ess_rejected_e */
    NGX_ESS_C_CROSS_ORIGIN = NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_N,
                                            /* changes that were refused */
    NGX_ESS_C_AUTHORIZED,                   /* by ngx_ess_authorized_e */
    NGX_ESS_C_AUTHORIZED_LAST = NGX_ESS_C_AUTHORIZED + NGX_ESS_AUTHORIZED_N - 1,
    NGX_ESS_C_REPEATED,                     /* publications that were answered
                                               before */
    NGX_ESS_C_IDEMPOTENCY_EVICTED,          /* keys, for want of room */
    NGX_ESS_C_SESSIONS,                     /* with the broker, established */
    NGX_ESS_C_PUBLISHED,                    /* events the broker confirmed */
    NGX_ESS_C_RESTORED,                     /* bindings that were gone */
    NGX_ESS_C_STREAMS_CREATED,              /* by ngx_ess_created_by_e */
    NGX_ESS_C_LAST_CREATED = NGX_ESS_C_STREAMS_CREATED + NGX_ESS_CREATED_N - 1,

    NGX_ESS_C_AGE,                          /* events sent, by ms since they
                                               came, and that sum */
    NGX_ESS_C_AGE_SUM = NGX_ESS_C_AGE + NGX_ESS_AGES,
    NGX_ESS_C_BATCH,                        /* sends, by events, and that
                                               sum */
    NGX_ESS_C_BATCH_SUM = NGX_ESS_C_BATCH + NGX_ESS_BATCHES,

    NGX_ESS_C_GAUGES,
    NGX_ESS_C_SUBSCRIBERS = NGX_ESS_C_GAUGES,   /* by transport */
    NGX_ESS_C_SUBSCRIPTIONS = NGX_ESS_C_SUBSCRIBERS + NGX_ESS_TRANSPORTS,
                                            /* of clients with several */
    NGX_ESS_C_MEMORY,
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


/* Adds to a counter of this process; no lock. */
void ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter,
    int64_t n);

/* Sets a gauge of this process; no lock. */
void ngx_ess_counter_set(ngx_ess_zone_t *zone, ngx_ess_counter_e gauge,
    uint64_t value);

/* This process's block, NULL without one: for whoever counts much at once. */
uint64_t *ngx_ess_counter_own(ngx_ess_zone_t *zone);

/* A counter of one process slot; NGX_DECLINED: nobody has it.  No lock. */
ngx_int_t ngx_ess_counter_of(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_counter_e counter, uint64_t *value);

/* A counter's sum over all process slots; no lock. */
uint64_t ngx_ess_counter_sum(ngx_ess_zone_t *zone, ngx_ess_counter_e counter);


#endif /* _NGX_ESS_COUNTER_H_INCLUDED_ */
