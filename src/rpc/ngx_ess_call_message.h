/*
 * A call on its way, in the memory of whoever makes it.
 *
 *   publish ──► WAITING ──► SENT ──► CONFIRMED ──► handler (the reply)
 *                  │          │           │
 *                  └──────────┴───────────┴──► FAILED ──► handler (why)
 */


#ifndef _NGX_ESS_CALL_MESSAGE_H_INCLUDED_
#define _NGX_ESS_CALL_MESSAGE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_call_pending.h"


/* bytes of a header that is passed on, at most */
#define NGX_ESS_CALL_TRACE   512


typedef struct ngx_ess_call_flight_s   ngx_ess_call_flight_t;
typedef struct ngx_ess_call_message_s  ngx_ess_call_message_t;


typedef enum {
    NGX_ESS_CALL_WAITING = 0,               /* to be sent */
    NGX_ESS_CALL_SENT,                      /* not confirmed yet */
    NGX_ESS_CALL_CONFIRMED,                 /* the broker has it */
    NGX_ESS_CALL_FAILED                     /* its handler will be called */
} ngx_ess_call_message_e;


/*
 * rc: NGX_OK: "d" is the reply, and valid during the call; NGX_DECLINED: there
 * is no such queue; NGX_ABORT: no reply came within the timeout; NGX_BUSY: the
 * broker is away, blocks, refuses it or does not confirm it, "text" says so;
 * NGX_ERROR: there is no memory.  The message is on no list any more.  Never
 * called from within ngx_ess_call_channel_publish().
 */
typedef void (*ngx_ess_call_message_pt)(ngx_ess_call_message_t *m,
    ngx_int_t rc, ngx_ess_amqp_delivery_t *d, ngx_str_t *text);


/* All the caller's, zeroed but for what is set, until the handler is called;
   texts that are short strings have 255 bytes at most. */

struct ngx_ess_call_message_s {
    ngx_ess_call_message_pt  handler;
    void                    *data;
    ngx_uint_t               exchange;      /* of the configuration's */
    ngx_str_t                queue;         /* a short string, as are: */
    ngx_str_t                type;          /* content_type; empty: none */
    ngx_str_t                coding;        /* content_encoding, the same */
    ngx_str_t                traceparent;   /* headers; empty: none; at most */
    ngx_str_t                tracestate;    /* NGX_ESS_CALL_TRACE bytes */
    ngx_str_t                body;
    ngx_msec_t               timeout;       /* ms */

    /* private to ngx_ess_call_flight.c */
    ngx_ess_call_pending_t   pending;
    ngx_ess_call_flight_t   *flight;        /* NULL: on none */
    ngx_ess_call_message_e   state;
    ngx_queue_t              link;
    ngx_event_t              timer;
    ngx_msec_t               since;         /* ms, that it was published */
    uint64_t                 tag;           /* its number on the channel, */
    uint64_t                 serial;        /* and of all messages */
    ngx_int_t                rc;            /* of what FAILED */
    ngx_str_t               *why;
};


static ngx_inline amqp_bytes_t
ngx_ess_call_message_bytes(ngx_str_t *s)
{
    amqp_bytes_t  bytes;

    bytes.bytes = s->data;
    bytes.len = s->len;

    return bytes;
}


/* Publishes it as number m->serial; returns what ngx_ess_amqp_publish()
   does. */
ngx_int_t ngx_ess_call_message_send(ngx_ess_call_message_t *m,
    ngx_ess_amqp_channel_t *channel, ngx_str_t *exchange);


#endif /* _NGX_ESS_CALL_MESSAGE_H_INCLUDED_ */
