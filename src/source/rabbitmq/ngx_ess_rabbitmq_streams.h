/*
 * RabbitMQ streams, live: consumers that make logs follow the end of their
 * streams, each on a channel of its own.  The session is somebody else's.
 */


#ifndef _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_follower.h"


/* those of a worker */

typedef struct {
    ngx_ess_followers_t          followers; /* first; zone, log and idle are set
                                               by its owner, */
    ngx_ess_amqp_session_t      *session;   /* as these are */
    ngx_uint_t                   prefetch;

    /* private */
    ngx_queue_t                  readers;   /* of the session */
    unsigned                     delivered:1;
} ngx_ess_rabbitmq_streams_t;


/* What the owner sets is set.  Then "followers" is to be attached to. */
void ngx_ess_rabbitmq_streams_init(ngx_ess_rabbitmq_streams_t *s);

/* After the session was destroyed: see ngx_ess_followers_exit(). */
void ngx_ess_rabbitmq_streams_exit(ngx_ess_rabbitmq_streams_t *s);

/* The session is open: starts what can be started. */
void ngx_ess_rabbitmq_streams_kick(ngx_ess_rabbitmq_streams_t *s);

/* It is closed. */
void ngx_ess_rabbitmq_streams_closed(ngx_ess_rabbitmq_streams_t *s);

/* Wakes and acknowledges. */
void ngx_ess_rabbitmq_streams_batch(ngx_ess_rabbitmq_streams_t *s);


#endif /* _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_ */
