/*
 * A session with a broker that says what the test lets it say, in place of
 * ngx_ess_amqp.c and its parts.  What is sent to it are lines of ngx_trace.h,
 * each with the number of its channel, the first that was ever opened being 1:
 *
 *     1: open
 *     1: qos 10
 *     1: consume abc offset=5
 *     1: ack 7
 *     1: close
 */


#ifndef _FAKE_AMQP_H_INCLUDED_
#define _FAKE_AMQP_H_INCLUDED_


#include "ngx_ess_amqp.h"


typedef struct {
    uint64_t        offset;
    uint64_t        timestamp;      /* ms; 0: none */
    const char     *body;           /* NULL: "x" */
    ngx_uint_t      tag;            /* number in the consumer's tag */
    unsigned        large:1;        /* over max_event */
    unsigned        bare:1;         /* without an offset */
} fake_event_t;


typedef struct {
    /* what the test may set */
    ngx_uint_t      no_session;     /* ngx_ess_amqp_create() has no memory */
    ngx_uint_t      no_channel;     /* all are in use */
    ngx_uint_t      no_memory;      /* ngx_calloc() fails */
    ngx_uint_t      behind;         /* the socket takes no acknowledgement */
    ngx_uint_t      no_method;      /* none can be encoded */

    /* what it may look at */
    ngx_uint_t      is_open;        /* the session */
    ngx_uint_t      channels;       /* that are open */
    ngx_uint_t      opened;         /* that ever were: the last one's number */
    ngx_uint_t      attempt;        /* of the last backoff */
} fake_amqp_t;


/* ms of each backoff */
#define FAKE_BACKOFF  1000


extern fake_amqp_t  fake;


void fake_init(void);

/* A session that is not made by the unit; it is to be destroyed. */
ngx_ess_amqp_session_t *fake_session(const ngx_ess_amqp_handlers_t *handlers,
    void *data);

/* The connection is there; is gone. */
void fake_open(void);
void fake_lost(void);

/* The oldest operation of the channel is answered; all are, those too that
   come of it. */
void fake_answers(ngx_uint_t n);
void fake_answers_all(ngx_uint_t n);

/* The oldest operation closes the channel, which is then opened again. */
void fake_refuses(ngx_uint_t n, ngx_uint_t code, const char *text);

/* The broker closes the channel by itself; cancels its consumer. */
void fake_closes(ngx_uint_t n, ngx_uint_t code, const char *text);
void fake_cancels(ngx_uint_t n);

/* Events of the channel's consumer; dropped when the channel was closed. */
void fake_delivers(ngx_uint_t n, const fake_event_t *event);
void fake_sends(ngx_uint_t n, uint64_t offset, uint64_t timestamp);

/* All that one read brought has been handled. */
void fake_batch(void);


#endif /* _FAKE_AMQP_H_INCLUDED_ */
