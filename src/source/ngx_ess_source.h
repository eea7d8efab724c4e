/*
 * The seam between those who need events to come, or bring them (the API), and
 * where events come from.  One source is registered per worker; without one
 * (no ess_amqp) every bind succeeds at once, and what is published goes into
 * the logs: see ngx_ess_direct.c.
 */


#ifndef _NGX_ESS_SOURCE_H_INCLUDED_
#define _NGX_ESS_SOURCE_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"


typedef struct ngx_ess_source_bind_s  ngx_ess_source_bind_t;


/* a RabbitMQ stream that is to be declared; with 0, or an empty text, the
   broker's default */

typedef struct {
    uint64_t                 max_length;    /* bytes */
    uint64_t                 max_segment;   /* bytes */
    u_char                   max_age[16];   /* "7D"; null terminated */
} ngx_ess_source_stream_t;


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
    ngx_ess_source_stream_t *stream;        /* to be declared under that name,
                                               instead of bound; or NULL */
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
    ngx_ess_source_e         source;        /* whose key it is */
    ngx_str_t               *bodies;        /* an event each */
    ngx_uint_t               n;
    ngx_str_t                type;          /* content type, or empty */
    ngx_log_t               *log;

    /* private to the source */
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
    unsigned                 restoring:1;   /* the key is being bound */
    unsigned                 again:1;       /* sent a second time */
};


/* ms; how long a publication waits for the next of its events to be taken */
#define NGX_ESS_SOURCE_PUBLISH_TIME  2000


typedef struct {
    ngx_str_t                name;

    /* life cycle, in a worker; the zone is attached */
    ngx_int_t              (*init_process)(ngx_cycle_t *cycle,
                                 ngx_ess_zone_t *zone, void *conf);
    /* graceful shutdown: acknowledge, hand the slots over, stop consuming */
    void                   (*shutdown)(void);
    void                   (*exit_process)(void);

    /* events published with the key from now on will come; at most 2 s */
    void                   (*bind)(ngx_ess_source_bind_t *bind);
    void                   (*cancel)(ngx_ess_source_bind_t *bind);

    /* no stream wants the key any more; as good as it goes */
    void                   (*unbind)(ngx_str_t *key);

    /* from notify: something about the stream has changed; id 0: any */
    void                   (*changed)(ngx_ess_stream_ref_t *ref);

    void                   (*publish)(ngx_ess_source_publish_t *pub);
    void                   (*cancel_publish)(ngx_ess_source_publish_t *pub);
} ngx_ess_source_t;


/* The worker's source, set once at its start. */
void ngx_ess_source_register(const ngx_ess_source_t *source);

/* As the functions of the seam, on the registered source; bind waits first
   until no worker is unbinding the key. */
void ngx_ess_source_bind(ngx_ess_zone_t *zone, ngx_ess_source_bind_t *bind);
void ngx_ess_source_unbind(ngx_ess_zone_t *zone, ngx_str_t *key);

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

void ngx_ess_source_changed(ngx_ess_stream_ref_t *ref);
void ngx_ess_source_shutdown(void);
void ngx_ess_source_exit_process(void);


#endif /* _NGX_ESS_SOURCE_H_INCLUDED_ */
