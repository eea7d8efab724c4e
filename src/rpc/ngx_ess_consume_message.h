/*
 * A message that was delivered, until it is settled, and all that is made of
 * it: it has a pool of its own.
 */


#ifndef _NGX_ESS_CONSUME_MESSAGE_H_INCLUDED_
#define _NGX_ESS_CONSUME_MESSAGE_H_INCLUDED_


#include "ngx_ess_consume_queue.h"
#include "ngx_ess_gzip.h"
#include "ngx_ess_inflate.h"
#include "ngx_ess_request.h"
#include "ngx_ess_rpc_publisher.h"


typedef struct ngx_ess_consume_message_s  ngx_ess_consume_message_t;
typedef struct ngx_ess_consume_place_s    ngx_ess_consume_place_t;


typedef enum {
    NGX_ESS_CONSUME_WAITING = 0,    /* for its turn, or a connection */
    NGX_ESS_CONSUME_INFLATING,      /* in slices, "event" */
    NGX_ESS_CONSUME_REQUEST,        /* nginx runs it */
    NGX_ESS_CONSUME_RETRYING,       /* it failed, "timer" until the next try */
    NGX_ESS_CONSUME_PACKING,        /* the reply, in slices, "event" */
    NGX_ESS_CONSUME_REPLYING,       /* until the reply is confirmed */
    NGX_ESS_CONSUME_DYING           /* until it is in the queue of "dead=" */
} ngx_ess_consume_state_e;


/* what is said of a message that failed for good, as it may be in a pattern of
   an operator's */

#define NGX_ESS_CONSUME_WHY_STATUS     "status"
#define NGX_ESS_CONSUME_WHY_TIMEOUT    "timeout"
#define NGX_ESS_CONSUME_WHY_BROKEN     "broken"
#define NGX_ESS_CONSUME_WHY_RESPONSE   "response_too_large"
#define NGX_ESS_CONSUME_WHY_TOO_LARGE  "too_large"
#define NGX_ESS_CONSUME_WHY_INFLATE    "inflate"
#define NGX_ESS_CONSUME_WHY_REPLY_TO   "reply_to"
#define NGX_ESS_CONSUME_WHY_REPLY      "reply_refused"
#define NGX_ESS_CONSUME_WHY_URI        "uri"


struct ngx_ess_consume_message_s {
    ngx_ess_consume_delivery_t     delivery;
    ngx_queue_t                    all;         /* messages of the worker */
    ngx_queue_t                    link;        /* if queued: those of its
                                                   queue that wait */
    ngx_ess_consume_place_t       *place;       /* of its queue */
    ngx_ess_consume_conf_queue_t  *queue;
    ngx_pool_t                    *pool;        /* it lies in it */
    ngx_log_t                     *log;
    ngx_ess_consume_state_e        state;

    /* as delivered */
    ngx_str_t                      exchange;
    ngx_str_t                      key;
    ngx_str_t                      body;        /* empty, if over_size */
    uint64_t                       body_size;   /* bytes */
    amqp_basic_properties_t       *properties;  /* of "decoded", and the pool */
    amqp_pool_t                    decoded;
    ngx_msec_t                     since;       /* ngx_current_msec */
    ngx_msec_t                     expiration;  /* ms, if it expires */

    /* the request */
    ngx_str_t                      text;        /* its body: inflated, or as it
                                                   is */
    ngx_ess_inflate_t             *inflate;     /* INFLATING, else NULL */
    ngx_ess_request_conf_t         request_conf;
    ngx_ess_request_t             *request;     /* REQUEST, else NULL */
    void                         (*responded)(ngx_ess_consume_message_t *msg);
    ngx_uint_t                     attempts;    /* requests that were run */

    /* the last response, of its memory until "responded" returns */
    ngx_ess_request_end_e          end;
    ngx_uint_t                     status;      /* 0: none */
    ngx_msec_t                     retry_after; /* ms; NGX_TIMER_INFINITE: it
                                                   does not say */
    ngx_str_t                      coding;      /* its Content-Encoding; empty:
                                                   none */
    u_char                         coding_buf[NGX_ESS_MAX_KEY];

    /* what is published: the reply, or the message when it is dead */
    ngx_ess_rpc_publish_t          publish;
    amqp_basic_properties_t        published;
    amqp_table_entry_t             reply_header;
    ngx_ess_gzip_t                *gzip;        /* as long as its text is the
                                                   reply's body; NULL: none */
    void                         (*settled)(ngx_ess_consume_message_t *msg,
                                       ngx_int_t rc, ngx_str_t *text);
    const char                    *why;         /* it is dead */
    amqp_table_entry_t            *dead_headers;    /* room for them; NULL: not
                                                   yet */

    ngx_event_t                    event;       /* posted: a slice */
    ngx_event_t                    timer;

    unsigned                       queued:1;
    unsigned                       redelivered:1;
    unsigned                       over_size:1; /* larger than what is kept */
    unsigned                       rpc:1;       /* somebody waits for a reply */
    unsigned                       expires:1;
    unsigned                       unpacked:1;  /* "text" is inflated */
    unsigned                       holds:1;     /* one of the queue's
                                                   "concurrency" */
    unsigned                       in_flight:1; /* "publish" is the
                                                   publisher's */
    unsigned                       bare:1;      /* dead, its own headers cannot
                                                   be published */
};


/* Copies what was delivered.  NULL: no memory. */
ngx_ess_consume_message_t *ngx_ess_consume_message_create(
    ngx_ess_consume_conf_queue_t *queue, ngx_ess_amqp_delivery_t *d,
    ngx_log_t *log);

/* Whatever it is in the middle of is no more; it is in no list, and its
   delivery is settled. */
void ngx_ess_consume_message_free(ngx_ess_consume_message_t *msg);

/* 1: nobody wants it done any more, by the property expiration. */
ngx_uint_t ngx_ess_consume_message_expired(ngx_ess_consume_message_t *msg);

/* 1: its body is to be inflated. */
ngx_uint_t ngx_ess_consume_message_packed(ngx_ess_consume_message_t *msg);

/* What its last request failed by: NGX_ESS_CONSUME_WHY_… */
const char *ngx_ess_consume_message_why(ngx_ess_consume_message_t *msg);

/* The property of that flag, AMQP_BASIC_…_FLAG, if it is a text; without it the
   text is empty. */
ngx_str_t ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag);


static ngx_inline amqp_bytes_t
ngx_ess_consume_message_bytes(ngx_str_t *text)
{
    amqp_bytes_t  bytes;

    bytes.bytes = text->data;
    bytes.len = text->len;

    return bytes;
}


#endif /* _NGX_ESS_CONSUME_MESSAGE_H_INCLUDED_ */
