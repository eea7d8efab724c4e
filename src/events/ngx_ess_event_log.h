/*
 * Event logs: durable logs of JSON events in a database.  The directive, the
 * seam to databases, and a worker's queues before it: one thread task at a time
 * carries all inserts that wait, as one transaction; two carry queries, each
 * with a handle of its own.
 *
 *   ess_events ──► insert ──► queue ──► task (thread) ──► engine ──► database
 *              ──► query  ──►               ×2
 */


#ifndef _NGX_ESS_EVENT_LOG_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_json_pointer.h"


/* bytes of an event's id and of its type, at most */
#define NGX_ESS_EVENT_LOG_ID     512
#define NGX_ESS_EVENT_LOG_TYPE   256

/* events of an insert, and of a page, at most */
#define NGX_ESS_EVENT_LOG_MAX    1000

/* bytes of a page's bodies, at most, but for the first one */
#define NGX_ESS_EVENT_LOG_PAGE   (8 * 1024 * 1024)


typedef struct ngx_ess_event_log_s         ngx_ess_event_log_t;
typedef struct ngx_ess_event_log_insert_s  ngx_ess_event_log_insert_t;
typedef struct ngx_ess_event_log_query_s   ngx_ess_event_log_query_t;


typedef enum {
    NGX_ESS_EVENT_LOG_STORED = 0,
    NGX_ESS_EVENT_LOG_SAME,                 /* it is there, with that content */
    NGX_ESS_EVENT_LOG_OTHER,                /* its id is, with another one */
    NGX_ESS_EVENT_LOG_REFUSED               /* a trigger or a constraint of the
                                               operator's does not want it: the
                                               client is told "refused" */
} ngx_ess_event_log_result_e;


/* an event that is to be stored */

typedef struct {
    ngx_str_t                id;            /* UTF-8 without NUL; empty: the
                                               log gives it its seq */
    ngx_str_t                type;          /* or empty */
    int64_t                  time;          /* ms since 1970 */
    ngx_str_t                body;          /* as it was sent */
    u_char                   hash[16];      /* of its content: see
                                               ngx_ess_json_canonical.h */

    ngx_ess_event_log_result_e  result;
    uint64_t                 seq;           /* if it was stored, or is the
                                               same */
    unsigned                 refused:1;     /* private to the engine */
} ngx_ess_event_log_event_t;


/*
 * rc: NGX_OK: committed, each event has its result; NGX_DECLINED, with
 * "atomic" only: an event's result is NGX_ESS_EVENT_LOG_OTHER or
 * NGX_ESS_EVENT_LOG_REFUSED, and nothing of this insert was stored; NGX_BUSY:
 * nothing was stored, or that is not known, and another time it may be.  "text"
 * says why, for the log alone, as it may name hosts, users and files;
 * ngx_ess_event_log_busy() has words for clients.  Never called from within.
 */
typedef void (*ngx_ess_event_log_insert_pt)(
    ngx_ess_event_log_insert_t *insert);

/* All of it is the caller's, who keeps it until the handler. */

struct ngx_ess_event_log_insert_s {
    ngx_ess_event_log_insert_pt  handler;
    void                    *data;
    ngx_ess_event_log_event_t *events;
    ngx_uint_t               n;             /* from 1 on */
    ngx_uint_t               atomic;        /* all or none */
    ngx_int_t                rc;
    unsigned                 full:1;        /* NGX_BUSY: too much waits */
    u_char                   text[256];     /* null terminated */

    ngx_queue_t              queue;         /* private, with what follows */
    size_t                   bytes;
    ngx_msec_t               start;
};


/* an event that was found; body and id live as long as the query */

typedef struct {
    uint64_t                 seq;
    int64_t                  time;
    ngx_str_t                body;
} ngx_ess_event_log_row_t;


/* rc: NGX_OK, also when nothing was found; a page ends before its size, with
   "more", where its bodies take more than NGX_ESS_EVENT_LOG_PAGE; NGX_BUSY:
   "text" says why, as it does of an insert.  Never called from within. */
typedef void (*ngx_ess_event_log_query_pt)(ngx_ess_event_log_query_t *query);

/*
 * Which events.  In order of seq, or, with "since" or "until", of (time, seq).
 * The caller's; what was found is freed by ngx_ess_event_log_query_done(),
 * which is due once after the handler.
 */

struct ngx_ess_event_log_query_s {
    ngx_ess_event_log_query_pt   handler;
    void                    *data;

    /* the one with that id, or a page */
    ngx_str_t                id;            /* data NULL: a page */
    ngx_str_t                type;          /* data NULL: any */
    int64_t                  since;         /* ms, from then on */
    int64_t                  until;         /* ms, before then */
    uint64_t                 from;          /* events to leave out */
    uint64_t                 after_seq;     /* behind that event, in the order
                                               asked for */
    int64_t                  after_time;
    ngx_uint_t               size;          /* at most; 0: total alone */
    unsigned                 has_since:1;
    unsigned                 has_until:1;
    unsigned                 has_after:1;
    unsigned                 desc:1;        /* the newest first */
    unsigned                 has_total:1;   /* wanted */
    unsigned                 has_epoch:1;   /* wanted */
    unsigned                 ahead:1;       /* many wait for it: it goes before
                                               others, and is not refused */

    /* what was found */
    ngx_ess_event_log_row_t *rows;
    ngx_uint_t               nrows;
    uint64_t                 total;         /* events of that type and time */
    uint64_t                 epoch;         /* of the log that has the rows: the
                                               database's, who gives it another
                                               one when it is made anew; never
                                               0 */
    unsigned                 more:1;        /* behind the last row */

    ngx_int_t                rc;
    unsigned                 full:1;        /* NGX_BUSY: too much waits */
    u_char                   text[256];     /* null terminated */

    void                    *memory;        /* private to the engine: of what
                                               was found, ngx_free() */
    ngx_queue_t              queue;         /* private, with what follows */
    ngx_msec_t               start;
    unsigned                 waiting:1;
};


/* Somebody has stored events of the log of that name, null terminated. */
typedef void (*ngx_ess_event_log_told_pt)(void *data, const char *name);

/*
 * A connection over which a database tells what others store, also other nginx;
 * those of one address and one password_file= share it.  Functions marked T run
 * in a thread and may block; no two run at a time.
 */

typedef struct {
    /* in a worker: one that is not open; NULL: no memory.  destroy() closes
       it. */
    void                  *(*create)(ngx_ess_event_log_t *log, ngx_log_t *l);
    void                   (*destroy)(void *handle);

    /* T: opens it.  NGX_OK, "fd" becomes readable when there is something to
       read; NGX_ERROR, with "text", null terminated. */
    ngx_int_t              (*open)(void *handle, ngx_socket_t *fd,
                                 u_char *text, size_t size);
    void                   (*close)(void *handle);

    /* reads what is there.  NGX_OK: all of it; NGX_AGAIN: it goes on in
       another turn; NGX_ERROR, with "text": it was lost, and is to be closed.
       Never waits. */
    ngx_int_t              (*read)(void *handle,
                                 ngx_ess_event_log_told_pt told, void *data,
                                 u_char *text, size_t size);
} ngx_ess_event_log_notices_t;


/* A database; functions marked T run in a thread and may block; a handle is in
   one thread at a time. */

typedef struct {
    ngx_str_t                name;          /* for figures and messages */
    ngx_str_t                scheme;        /* of its places: "postgresql://";
                                               empty: they are files' paths */
    ngx_uint_t               remote;        /* 1: password_file= and listen= */
    ngx_uint_t               counts;        /* 1: any total is counted when it
                                               is asked for */

    /* configuration time: can "place" be used?  Changes nothing; errors are
       logged with cf's place, and tell no password.  NGX_OK or NGX_ERROR. */
    ngx_int_t              (*check)(ngx_conf_t *cf, ngx_ess_event_log_t *log);

    /* in the master, before the workers: makes what has to be there.  NGX_OK,
       or NGX_ERROR, logged, to stop; a server that is away is no reason. */
    ngx_int_t              (*init_module)(ngx_cycle_t *cycle,
                                 ngx_ess_event_log_t *log);

    /* in a worker: a handle, opened by the first T; NULL: no memory */
    void                  *(*create)(ngx_ess_event_log_t *log,
                                 ngx_log_t *l);
    void                   (*destroy)(void *handle);

    /* T: all in one transaction, each with its own results, rc and text */
    void                   (*insert)(void *handle,
                                 ngx_ess_event_log_insert_t **inserts,
                                 ngx_uint_t n);

    /* T: of "n" queries, in their order, those up to the first that fails, or
       fewer, where another thread waits; how many these are, at least 1 */
    ngx_uint_t             (*query)(void *handle,
                                 ngx_ess_event_log_query_t **queries,
                                 ngx_uint_t n);

    /* T: a small step of what keep= and keep_size= ask for, with the handle
       that inserts.  NGX_OK: nothing is left to do; NGX_AGAIN; NGX_ERROR, with
       "text", null terminated */
    ngx_int_t              (*retain)(void *handle, int64_t now,
                                 u_char *text, size_t size);

    /* T: how many events there are, and bytes that they take, for figures,
       with the handle that inserts; fails where an insert would, as far as can
       be said.  NGX_OK, or NGX_ERROR, with "text" */
    ngx_int_t              (*measure)(void *handle, uint64_t *events,
                                 uint64_t *bytes, u_char *text, size_t size);

    /* NULL: nobody else can store, or it does not tell */
    const ngx_ess_event_log_notices_t  *notices;
} ngx_ess_event_log_engine_t;


struct ngx_ess_event_log_s {
    ngx_str_t                name;
    ngx_uint_t               number;        /* of the configuration's, from 0 */
    const ngx_ess_event_log_engine_t  *engine;
    ngx_str_t                place;         /* full path, null terminated, or
                                               URL */
    ngx_str_t                password_file; /* of the directive, or empty */
    ngx_str_t                listen;        /* of the directive, or empty */
    ngx_str_t                schema_file;   /* of the directive, or empty */
    struct ngx_ess_schema_s *schema;        /* NULL: any object */

    /* where an event has them; the names are for errors: "event_id" */
    ngx_ess_json_pointer_t   id;
    ngx_ess_json_pointer_t   time;
    ngx_ess_json_pointer_t   type;
    ngx_str_t                id_name;       /* the last step; empty: none */
    ngx_str_t                time_name;
    ngx_str_t                type_name;

    ngx_int_t                keep;          /* s; 0: for ever */
    off_t                    keep_size;     /* bytes; 0: any */
    size_t                   max_event;     /* bytes */
    ngx_uint_t               sync;          /* 1: full */
    ngx_thread_pool_t       *thread_pool;   /* its own: 4 threads a worker */
    void                    *engine_conf;   /* the engine's, from check() */

    /* see ngx_ess_event_log_figures.h */
    struct ngx_ess_event_log_figure_s  *figures;
    ngx_shmtx_t             *lock;
};


/* The directive. */
char *ngx_ess_event_log_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * In a preconfiguration: a database of another module.  It is of the
 * configuration that is being read: the next one may not load that module.
 * NGX_OK, or NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_event_log_engine_register(ngx_conf_t *cf,
    const ngx_ess_event_log_engine_t *engine);

/* Of the main configuration's "event_logs", which may be NULL, the one with
   that name; NULL: there is none.  For directives that name one, when the
   configuration was read: it may come behind them. */
ngx_ess_event_log_t *ngx_ess_event_log_named(ngx_array_t *logs,
    const ngx_str_t *name);

/* In a worker: a handler is never called from within, and the worker stays
   until it was called.  When too much waits, NGX_BUSY comes soon. */
void ngx_ess_event_log_insert(ngx_ess_event_log_t *log,
    ngx_ess_event_log_insert_t *insert);
void ngx_ess_event_log_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query);
void ngx_ess_event_log_query_done(ngx_ess_event_log_query_t *query);

/* Instead of waiting for the handler.  NGX_OK: the query is taken out of the
   queue, nothing was found, and its handler is never called; NGX_BUSY: the
   database is at it, and the handler comes. */
ngx_int_t ngx_ess_event_log_query_cancel(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query);

/* What a client is told of NGX_BUSY. */
const char *ngx_ess_event_log_busy(ngx_uint_t full);

/* In a worker, of whoever wants to hear of what it has stored: it is called
   after each commit, before the handlers of the inserts; and, of a log that is
   followed, when others have stored. */
void ngx_ess_event_log_listen(void (*stored)(ngx_ess_event_log_t *log));

/* In a worker, which follows the log, each second or so: while somebody does, a
   worker of this nginx listens to what others store.  It may miss some, as when
   its connection is lost. */
void ngx_ess_event_log_followed(ngx_ess_event_log_t *log);

/* Life cycle: in the master, with the configuration's logs, or NULL; in a
   worker.  NGX_OK or NGX_ERROR, logged. */
ngx_int_t ngx_ess_event_log_init_module(ngx_cycle_t *cycle, ngx_array_t *logs);
ngx_int_t ngx_ess_event_log_init_process(ngx_cycle_t *cycle,
    ngx_array_t *logs);
void ngx_ess_event_log_exit_process(void);


#endif /* _NGX_ESS_EVENT_LOG_H_INCLUDED_ */
