
/*
 * Makes the log of a RabbitMQ stream follow it: one of those that
 * ngx_ess_rabbitmq_streams.c keeps.  Private to these two.
 *
 *     OPENING ──► (SEEKING ──► FILLING) ──► FOLLOWING
 *        ▲          of one that begins anew     │
 *        └─────────── after the backoff ◄───────┘
 */


#ifndef _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_amqp_reader.h"


/* of one that this worker has claimed */

typedef enum {
    NGX_ESS_RABBITMQ_FOLLOWER_OPENING = 0,  /* the reader is not started */
    NGX_ESS_RABBITMQ_FOLLOWER_SEEKING,      /* where is the end? */
    NGX_ESS_RABBITMQ_FOLLOWER_FILLING,      /* reads up to there */
    NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING
} ngx_ess_rabbitmq_follower_e;


typedef struct {
    ngx_ess_follower_t           base;      /* first */
    ngx_ess_rabbitmq_streams_t  *streams;
    ngx_ess_amqp_reader_t       *reader;    /* NULL: none */
    ngx_ess_rabbitmq_follower_e  state;
    uint64_t                     end;       /* of what the log is filled
                                               with: an ordinal; 0: it is not */
    uint64_t                     after;     /* the last one that is gone: as in
                                               ngx_ess_event_t */
    uint64_t                     known;     /* its end is looked for, for this
                                               one did not come; 0: it is not */
    ngx_event_t                  timer;
    ngx_uint_t                   attempt;
    unsigned                     silent:1;  /* the last event, or the first
                                               one of all, has not come yet */
} ngx_ess_rabbitmq_follower_t;


extern const ngx_ess_follower_type_t  ngx_ess_rabbitmq_follower;


/* The session is open: reads from f->base.ordinal on. */
void ngx_ess_rabbitmq_follower_open(ngx_ess_rabbitmq_follower_t *f);


#endif /* _NGX_ESS_RABBITMQ_FOLLOWER_H_INCLUDED_ */
