/*
 * The seam between where events come from and those who need them to come (the
 * API, subscribers), or bring them (the API).  Each kind of source is a row,
 * registered in the configuration that is being read, never in a static: a row
 * may be that of a module which the next configuration does not load.  What is
 * asked of a stream goes to the source whose number its kind has.  While that
 * is not configured (no ess_amqp), its keys are bound at once, and what is
 * published goes into the logs: see ngx_ess_direct.c.
 *
 * The sources exit first, before the API's requests and the subscribers.  What
 * is under way then is not answered any more, but is canceled, or stopped, by
 * whom it belongs to.
 */


#ifndef _NGX_ESS_SOURCE_H_INCLUDED_
#define _NGX_ESS_SOURCE_H_INCLUDED_


#include "ngx_ess_metric.h"
#include "ngx_ess_zone.h"


typedef struct ngx_ess_source_bind_s  ngx_ess_source_bind_t;


/*
 * ngx_ess_kind_t's "source" is a number of the source's own, which stays, for
 * it is stored: exchanges have 0, RabbitMQ streams 1.  0 is also that of
 * streams that name no source.
 */

#define NGX_ESS_SOURCE_DEFAULT   0


/* a member of the body that creates a stream, beside "declare": true */

typedef struct {
    ngx_str_t                name;
    const char              *is;            /* what it has to be */
    size_t                   offset;        /* of its field in the options */
    ngx_uint_t             (*valid)(const char *text);
                                            /* 1: so is the text, and fits its
                                               field, null terminated; NULL: it
                                               is a number from 1 on, and its
                                               field a uint64_t */
} ngx_ess_source_option_t;

/* room for the options of any source; zeroed: none is given */

typedef struct {
    uint64_t                 data[8];
} ngx_ess_source_options_t;


/*
 * rc: NGX_OK bound; NGX_BUSY: the broker did not answer within the time, and
 * "text" says what is known of why;
 * NGX_ERROR: the broker refused, "text" says why; NGX_DECLINED: the same, for
 * what is there under that name was declared with other arguments.  The bind
 * is off all lists and may be freed.  Never called from within
 * ngx_ess_source_bind().
 */
typedef void (*ngx_ess_source_bind_pt)(ngx_ess_source_bind_t *bind,
    ngx_int_t rc, ngx_str_t *text);

struct ngx_ess_source_bind_s {
    ngx_ess_source_bind_pt   handler;
    void                    *data;
    ngx_str_t                key;           /* the caller's, until then */
    ngx_uint_t               source;        /* whose key it is */
    ngx_ess_source_options_t *declare;      /* of what is to be declared under
                                               that name, instead of bound; or
                                               NULL */
    ngx_log_t               *log;

    ngx_queue_t              queue;         /* private to the source */
    void                    *op;            /* private to the source */

    /* private to ngx_ess_source.c, which stands between source and caller */
    ngx_event_t              timer;
    ngx_ess_zone_t          *zone;
    ngx_ess_source_bind_pt   answer;        /* the caller's handler */
    ngx_msec_t               deadline;
    unsigned                 handed:1;      /* to the source */
};


typedef struct ngx_ess_source_publish_s  ngx_ess_source_publish_t;

/*
 * rc: NGX_OK: the source has all of it; NGX_DECLINED: no stream wants it;
 * NGX_BUSY: not within the time; NGX_ERROR: refused; "text" says why, but for
 * NGX_OK and NGX_DECLINED.  After the last two a part of it, or all, may have
 * been taken.  It is off all lists and may be freed.  Never called from within
 * ngx_ess_source_publish().
 */
typedef void (*ngx_ess_source_publish_pt)(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);

struct ngx_ess_source_publish_s {
    ngx_ess_source_publish_pt handler;
    void                    *data;
    ngx_str_t                key;           /* all the caller's, until then */
    u_char                  *uuid;          /* as in ngx_ess_event_t */
    ngx_str_t                event_key;     /* as "key" there */
    ngx_uint_t               source;        /* whose key it is */
    ngx_str_t               *bodies;        /* an event each */
    ngx_uint_t               n;
    ngx_str_t                type;          /* content type, or empty */
    ngx_array_t             *ids;           /* of ngx_ess_event_id_t, empty:
                                               what became of the events, one
                                               after the other; set to NULL
                                               when the source does not know */
    ngx_log_t               *log;

    /* private to the source; ngx_ess_source_publish() zeroes it from here on */
    ngx_queue_t              queue;
    ngx_event_t              timer;
    ngx_ess_zone_t          *zone;
    ngx_msec_t               deadline;
    ngx_uint_t               sent;          /* events */
    ngx_uint_t               unconfirmed;   /* of them */
    uint64_t                 done;          /* of the next event: as in */
    uint64_t                 sought;        /* ngx_ess_event_t */
    ngx_int_t                rc;
    ngx_uint_t               returned;      /* events for which there was no
                                               queue */
    ngx_uint_t               first;         /* of them */
    uint64_t                 listed;        /* streams with an id below it were
                                               listed before it was sent */
    const char              *why;           /* the timer refuses it */
    unsigned                 restoring:1;   /* the key is being bound */
    unsigned                 again:1;       /* sent a second time */
};


/* ids that a publication is told of; of more it gets none */
#define NGX_ESS_SOURCE_PUBLISH_IDS   10000

/* ms; how long a publication waits for the next of its events to be taken */
#define NGX_ESS_SOURCE_PUBLISH_TIME  2000


typedef struct ngx_ess_source_attach_s  ngx_ess_source_attach_t;

/*
 * rc: NGX_OK: the log follows the stream of the source, all that is published
 * from now on is appended, as long as there are subscribers: see
 * ngx_ess_follow.h, and the ref has its epoch; NGX_DECLINED: there is no such
 * stream; NGX_BUSY: not within the time.  "text" says why, but for NGX_OK.  The
 * attach is off all lists and may be freed.  Never called from within
 * ngx_ess_source_attach().
 */
typedef void (*ngx_ess_source_attach_pt)(ngx_ess_source_attach_t *attach,
    ngx_int_t rc, ngx_str_t *text);

struct ngx_ess_source_attach_s {
    ngx_ess_source_attach_pt handler;
    void                    *data;
    ngx_uint_t               source;        /* whose stream it is */
    ngx_ess_stream_ref_t     ref;
    ngx_str_t                key;           /* the caller's, until then */
    ngx_log_t               *log;

    /* private to the source */
    ngx_queue_t              queue;         /* next NULL: on no list */
    void                   (*done)(ngx_ess_source_attach_t *attach,
                                 ngx_int_t rc);
                                            /* as the handler; ngx_ess_source.c
                                               knows why */

    /* private to ngx_ess_source.c */
    ngx_event_t              timer;
    ngx_ess_zone_t          *zone;
};


/*
 * A replay of a stream of the source: its events after an ordinal, or from the
 * first on, in the order of the stream, whose timestamp is that or later, or
 * that has none and is where the source looks for that time.
 *
 *     start ──► event, event, … ──► batch ──► event, … ──► ended ──► stop
 *                  │                  ▲         ▲
 *                  └─ NGX_AGAIN ──────┘─ more ──┘
 */
typedef struct ngx_ess_source_replay_s  ngx_ess_source_replay_t;

typedef struct {
    /* in order, each once; with a hole where the source has none any more; the
       replay is not stopped from here.  NGX_AGAIN: it was taken, but it is the
       last one; a batch comes next, and no more events until
       ngx_ess_source_replay_more(). */
    ngx_int_t              (*event)(ngx_ess_source_replay_t *replay,
                                 ngx_ess_event_t *event);

    /* time to send; replay->ordinal is the last one, and replay->found says
       whether any was handed out; the replay may be stopped and freed */
    void                   (*batch)(ngx_ess_source_replay_t *replay);

    /* NGX_DECLINED: there is no such stream (any more); NGX_DONE: nothing is
       that new; the replay may be stopped and freed */
    void                   (*ended)(ngx_ess_source_replay_t *replay,
                                 ngx_int_t rc);
} ngx_ess_source_replay_handlers_t;

struct ngx_ess_source_replay_s {
    const ngx_ess_source_replay_handlers_t  *handlers;
    void                    *data;
    ngx_uint_t               source;        /* whose stream it is */
    ngx_str_t                key;           /* the user's, until the stop */
    uint64_t                 epoch;         /* of the stream: another log than
                                               that ends it, where the source
                                               can tell */
    uint64_t                 timestamp;     /* ms, 0: none */

    uint64_t                 ordinal;       /* of the last event; the user's
                                               until the start, 0 with a
                                               timestamp */
    uint64_t                 after;         /* the last event that is gone: as
                                               in ngx_ess_event_t */
    unsigned                 found:1;

    void                    *private;       /* the source's, from start to
                                               stop */
};


/* A row.  Functions that its kind has no use for are NULL. */

typedef struct {
    ngx_ess_kind_t           kind;
    ngx_str_t                name;          /* in the API */
    ngx_str_t                directive;     /* that configures it */
    const char              *noun;          /* what has to be there under a
                                               stream's key, before anything can
                                               be published; NULL: nothing */
    const char              *keeper;        /* who has it: "broker", with what
                                               is known of its sessions, or
                                               another one */
    const ngx_ess_source_option_t *options; /* of what it declares, up to one
                                               without a name */

    const ngx_ess_metric_t  *metrics;       /* ess_metrics tells them while it
                                               is configured; NULL: none */

    /* after all directives: defaults.  "node": as ess_node says, or empty. */
    char                  *(*init_conf)(ngx_conf_t *cf, void *conf,
                                 ngx_str_t *node);

    /* in the master; "publishes": 1 when a location publishes */
    ngx_int_t              (*init_module)(ngx_cycle_t *cycle, void *conf,
                                 ngx_uint_t publishes);

    /* of a stream of that key, the same on every nginx; NULL: any, or it is
       known when the log follows */
    uint64_t               (*epoch)(void *conf, ngx_str_t *key);

    /* what the creator of a stream with that key should know, or NULL */
    const char            *(*advise)(void *conf, ngx_str_t *key);

    /* NGX_DECLINED: events do not come, or not all; "why" says why, with room
       for NGX_ESS_BROKER_WHY bytes in "buf" */
    ngx_int_t              (*healthy)(ngx_ess_zone_t *zone, u_char *buf,
                                 ngx_str_t *why);

    /* life cycle, in a worker; the zone is attached */
    ngx_int_t              (*init_process)(ngx_cycle_t *cycle,
                                 ngx_ess_zone_t *zone, void *conf);
    /* graceful shutdown: acknowledge, hand the slots over, stop consuming */
    void                   (*shutdown)(void);
    void                   (*exit_process)(void);

    /* a stream under that name is made; at most 2 s */
    void                   (*declare)(ngx_ess_source_bind_t *bind);

    /* events published with the key from now on will come; at most 2 s */
    void                   (*bind)(ngx_ess_source_bind_t *bind);
    void                   (*cancel)(ngx_ess_source_bind_t *bind);

    /* no stream wants the key any more; as good as it goes */
    void                   (*unbind)(ngx_str_t *key);

    /* from wake: something about the stream has changed; id 0: any */
    void                   (*changed)(ngx_ess_stream_ref_t *ref);

    /* from wake: some process has stored what the source reads */
    void                   (*look)(void);

    void                   (*publish)(ngx_ess_source_publish_t *pub);
    void                   (*cancel_publish)(ngx_ess_source_publish_t *pub);

    /* there is to be a subscriber: the log is to follow; at most 2 s */
    void                   (*attach)(ngx_ess_source_attach_t *attach);
    void                   (*cancel_attach)(ngx_ess_source_attach_t *attach);

    /* NGX_ERROR: no memory.  Makes replay->private; the stop, which may come
       after exit_process, frees it. */
    ngx_int_t              (*replay_start)(ngx_ess_source_replay_t *replay);
    void                   (*replay_more)(ngx_ess_source_replay_t *replay);
    void                   (*replay_stop)(ngx_ess_source_replay_t *replay);
} ngx_ess_source_t;


/* of a configuration: see ngx_ess_main_conf_t */

typedef struct {
    const ngx_ess_source_t  *row;
    void                    *conf;          /* NULL: it is not configured */
} ngx_ess_source_entry_t;


/* In a preconfiguration, or before.  NULL: no memory. */
ngx_ess_source_entry_t *ngx_ess_source_register(ngx_array_t *sources,
    const ngx_ess_source_t *row);

/* NULL: none of that number, or name, was registered. */
ngx_ess_source_entry_t *ngx_ess_source_entry(ngx_array_t *sources,
    ngx_uint_t number);
ngx_ess_source_entry_t *ngx_ess_source_named(ngx_array_t *sources,
    const char *name);                      /* which may be NULL */

/* As the functions of a row, on all that are configured. */
char *ngx_ess_source_init_conf(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_str_t *node);
ngx_int_t ngx_ess_source_init_module(ngx_cycle_t *cycle, ngx_array_t *sources,
    ngx_uint_t publishes);
ngx_int_t ngx_ess_source_healthy(ngx_array_t *sources, ngx_ess_zone_t *zone,
    u_char *buf, ngx_str_t *why);

/* The worker's sources, which stay until it exits. */
ngx_int_t ngx_ess_source_init_process(ngx_cycle_t *cycle,
    ngx_array_t *sources, ngx_ess_zone_t *zone);

/* As the functions of the seam, on the source of that number; bind waits first
   until no worker is unbinding the key. */
void ngx_ess_source_bind(ngx_ess_zone_t *zone, ngx_ess_source_bind_t *bind);
void ngx_ess_source_unbind(ngx_ess_zone_t *zone, ngx_uint_t source,
    ngx_str_t *key);

/* Nobody waits for the answer any more; "bind" may be freed. */
void ngx_ess_source_bind_cancel(ngx_ess_source_bind_t *bind);

void ngx_ess_source_publish(ngx_ess_zone_t *zone,
    ngx_ess_source_publish_t *pub);

/* Nobody waits for the answer any more; "pub" may be freed.  What was not
   taken yet is not going to be. */
void ngx_ess_source_publish_cancel(ngx_ess_source_publish_t *pub);

/* Counts an event that is over ess_max_event, and logs one a second. */
void ngx_ess_source_too_large(ngx_ess_zone_t *zone, ngx_log_t *log,
    ngx_str_t *key, uint64_t size);

/* NGX_DECLINED when the source is not configured. */
void ngx_ess_source_attach(ngx_ess_zone_t *zone,
    ngx_ess_source_attach_t *attach);

/* Nobody waits for the answer any more; "attach" may be freed. */
void ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach);

/* Only of a stream that was attached.  Handlers are never called from within.
   NGX_OK, or NGX_ERROR: no memory, then there is nothing to be stopped. */
ngx_int_t ngx_ess_source_replay_start(ngx_ess_source_replay_t *replay);

/* All that was handed out has been sent.  Not between an event that was
   answered with NGX_AGAIN and its batch. */
void ngx_ess_source_replay_more(ngx_ess_source_replay_t *replay);

/* Once; no handler is called any more. */
void ngx_ess_source_replay_stop(ngx_ess_source_replay_t *replay);

/* Of all sources. */
void ngx_ess_source_changed(ngx_ess_stream_ref_t *ref);
void ngx_ess_source_look(void);
void ngx_ess_source_shutdown(void);
void ngx_ess_source_exit_process(void);


#endif /* _NGX_ESS_SOURCE_H_INCLUDED_ */
