/*
 * Messages to queues, by the default exchange, each confirmed by the broker.
 * What is sent when the connection ends, or when the broker closes the channel,
 * is sent again; nothing is given up but what is refused by itself.  One per
 * worker.
 *
 *   publish ──► waiting ──► sent ──► confirmed, returned ──► handler
 *                  ▲          │
 *                  └──────────┘ the channel or the connection ended
 */


#ifndef _NGX_ESS_RPC_PUBLISHER_H_INCLUDED_
#define _NGX_ESS_RPC_PUBLISHER_H_INCLUDED_


#include "ngx_ess_amqp.h"


typedef struct ngx_ess_rpc_publish_s  ngx_ess_rpc_publish_t;

/*
 * rc: NGX_OK: the broker has it; NGX_DECLINED: there is no such queue;
 * NGX_BUSY: the broker did not take it, for instance as the queue is full;
 * NGX_ERROR: it is refused, or cannot be encoded; "text" says why, and what the
 * broker said is escaped in it.  It is off all lists and may be freed or
 * published again.  Never called from within ngx_ess_rpc_publisher_publish() or
 * _cancel().
 */
typedef void (*ngx_ess_rpc_publish_pt)(ngx_ess_rpc_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);

struct ngx_ess_rpc_publish_s {
    ngx_ess_rpc_publish_pt   handler;
    void                    *data;
    ngx_str_t                queue;         /* all the caller's, until then; a
                                               short string */
    amqp_basic_properties_t *properties;
    ngx_str_t                body;
    unsigned                 mandatory:1;   /* else a queue that is not there
                                               is none the less NGX_OK */

    /* private to the publisher */
    unsigned                 returned:1;
    unsigned                 sent:1;
    unsigned                 suspect:1;     /* the broker closed a channel that
                                               it had been sent on */
    ngx_queue_t              link;
    ngx_uint_t               deaths;        /* of connections on which it was
                                               alone */
    uint64_t                 tag;           /* its number on the channel */
};


/* The worker's; before the session.  "log": of what it logs. */
void ngx_ess_rpc_publisher_init(ngx_log_t *log);
void ngx_ess_rpc_publisher_exit(void);

/* Waits, without end, until it can be sent and is confirmed. */
void ngx_ess_rpc_publisher_publish(ngx_ess_rpc_publish_t *pub);

/* Before it is answered: the handler is not called any more; it may be taken
   by the broker yet. */
void ngx_ess_rpc_publisher_cancel(ngx_ess_rpc_publish_t *pub);

/* Of the publishing session: its handlers. */
void ngx_ess_rpc_publisher_open(ngx_ess_amqp_session_t *s);
void ngx_ess_rpc_publisher_close(void);
void ngx_ess_rpc_publisher_writable(void);


#endif /* _NGX_ESS_RPC_PUBLISHER_H_INCLUDED_ */
