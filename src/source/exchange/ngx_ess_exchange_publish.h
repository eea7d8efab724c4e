/*
 * What is published to the exchange: publications that wait for their turn, and
 * events that the broker is to confirm.  One per worker.
 *
 *   publication ──► waiting ──► sent ──► confirmed ──► answered
 *                      ▲                    │
 *                      └── bound again ◄────┘ came back
 */


#ifndef _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_worker.h"


/* an event that was sent */

typedef struct {
    ngx_queue_t                    queue;
    uint64_t                       tag;     /* its number on the channel */
    uint64_t                       serial;  /* in the session */
    ngx_ess_source_publish_t      *pub;     /* NULL: nobody waits */
    ngx_uint_t                     n;       /* its number in the publication */
    unsigned                       returned:1;
} ngx_ess_exchange_publish_sent_t;


typedef struct {
    /* set by ngx_ess_exchange_publisher.c */
    ngx_ess_amqp_session_t        *session; /* NULL: none */
    ngx_ess_amqp_channel_t        *channel;
    ngx_ess_amqp_op_t              op;
    ngx_event_t                    retry;   /* set: it was refused */
    ngx_uint_t                     attempt;
    unsigned                       selecting:1;     /* op is under way */
    unsigned                       ready:1; /* the channel confirms */
    unsigned                       proven:1;    /* an event was confirmed in
                                               this session */
    unsigned                       blocked:1;   /* by an alarm of the broker */
    u_char                         blocked_text[NGX_ESS_BROKER_TEXT];
                                            /* null terminated */

    uint64_t                       tag;     /* of the last event sent */
    uint64_t                       serial;
    ngx_queue_t                    waiting; /* publications */
    ngx_uint_t                     nwaiting;
    ngx_queue_t                    sent;    /* events, in order */
    ngx_uint_t                     nsent;
    ngx_event_t                    idle;    /* posted: the session may go */
} ngx_ess_exchange_publish_t;


/* this process's */
extern ngx_ess_exchange_publish_t  ngx_ess_exchange_publish;


/* Of the seam; there is a session, or none could be made. */
void ngx_ess_exchange_publish_events(ngx_ess_source_publish_t *pub);
void ngx_ess_exchange_publish_cancel(ngx_ess_source_publish_t *pub);

/* Sends what can be sent; answers those who wait when nothing can be. */
void ngx_ess_exchange_publish_pump(void);

/* The publication's key was bound again, or could not be; off all lists. */
void ngx_ess_exchange_publish_restored(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);

/* The broker took the event, or not: frees it. */
void ngx_ess_exchange_publish_settle(ngx_ess_exchange_publish_sent_t *sent,
    ngx_uint_t ok);

/* Frees it; whose it was is told by the caller. */
void ngx_ess_exchange_publish_forget(ngx_ess_exchange_publish_sent_t *sent);

/* What was sent is not going to be confirmed. */
void ngx_ess_exchange_publish_fail(ngx_int_t rc, ngx_str_t *text);

/* Takes the publication off all lists, and answers it. */
void ngx_ess_exchange_publish_answer(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);


#endif /* _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_ */
