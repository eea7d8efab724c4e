/*
 * RabbitMQ streams, live: consumers that make logs follow the end of their
 * streams, each on a channel of its own.  The session is somebody else's.
 */


#ifndef _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_source.h"


/* those of a worker */

typedef struct {
    ngx_ess_zone_t              *zone;
    ngx_log_t                   *log;
    ngx_ess_amqp_session_t      *session;   /* set by its owner */
    ngx_uint_t                   prefetch;
    ngx_msec_t                   idle;      /* ms: let go that long after the
                                               last subscriber */

    /* private */
    ngx_rbtree_t                 followers; /* by id */
    ngx_rbtree_node_t            sentinel;
    ngx_queue_t                  queue;     /* the same ones */
    ngx_queue_t                  readers;   /* of the session */
    ngx_event_t                  tick;
    ngx_ess_wake_t               wake;
    unsigned                     delivered:1;
} ngx_ess_rabbitmq_streams_t;


/* The first fields but the session are set. */
void ngx_ess_rabbitmq_streams_init(ngx_ess_rabbitmq_streams_t *s);

/* Others go on with what this worker followed; all that waits is answered.
   After the session was destroyed. */
void ngx_ess_rabbitmq_streams_exit(ngx_ess_rabbitmq_streams_t *s);

/* See ngx_ess_source_t. */
void ngx_ess_rabbitmq_streams_attach(ngx_ess_rabbitmq_streams_t *s,
    ngx_ess_source_attach_t *attach);
void ngx_ess_rabbitmq_streams_cancel(ngx_ess_source_attach_t *attach);
void ngx_ess_rabbitmq_streams_changed(ngx_ess_rabbitmq_streams_t *s,
    ngx_ess_stream_ref_t *ref);

/* The session is open: starts what can be started. */
void ngx_ess_rabbitmq_streams_kick(ngx_ess_rabbitmq_streams_t *s);

/* It is closed. */
void ngx_ess_rabbitmq_streams_closed(ngx_ess_rabbitmq_streams_t *s);

/* Wakes and acknowledges. */
void ngx_ess_rabbitmq_streams_batch(ngx_ess_rabbitmq_streams_t *s);


#endif /* _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_ */
