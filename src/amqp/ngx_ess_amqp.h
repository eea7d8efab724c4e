/*
 * One RabbitMQ session: connects (nodes in turn, names resolved in a thread),
 * speaks AMQP 0-9-1 without ever blocking, reconnects with backoff.  It
 * offers channels; on a channel, operations (methods that expect an answer)
 * are answered in order.  All of it lives in one worker.
 */


#ifndef _NGX_ESS_AMQP_H_INCLUDED_
#define _NGX_ESS_AMQP_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_rabbitmq_c.h"


typedef struct ngx_ess_amqp_session_s  ngx_ess_amqp_session_t;
typedef struct ngx_ess_amqp_channel_s  ngx_ess_amqp_channel_t;
typedef struct ngx_ess_amqp_op_s       ngx_ess_amqp_op_t;


/* a delivery; its memory is valid during the call only */

typedef struct {
    uint64_t                     delivery_tag;
    ngx_uint_t                   tag;       /* number in the consumer's tag */
    unsigned                     redelivered:1;
    ngx_str_t                    key;
    amqp_basic_properties_t     *properties;
    ngx_str_t                    raw_properties;    /* as received, for the
                                                       fingerprint */
    ngx_str_t                    body;      /* with over_size, its end */
    uint64_t                     body_size;
    unsigned                     over_size:1;   /* over max_event: skipped */
} ngx_ess_amqp_delivery_t;


/*
 * rc NGX_OK: answered, "reply" is the decoded method (valid during the call).
 * NGX_DECLINED: refused: the channel was closed by the broker with "code" and
 * "text", which is escaped; the session opens it again and sends what waits
 * behind it.  With code 0 the method could not be encoded and was not sent.
 * NGX_ABORT: the connection went away, the channel was closed, or the op was
 * canceled before it was sent.
 * The op is off all lists and may be freed or used again.  Never called from
 * within ngx_ess_amqp_op(), ngx_ess_amqp_op_cancel() or
 * ngx_ess_amqp_channel_close().
 */
typedef void (*ngx_ess_amqp_op_pt)(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);

struct ngx_ess_amqp_op_s {
    ngx_queue_t                  queue;     /* private to the session */
    amqp_method_number_t         method;    /* AMQP_QUEUE_BIND_METHOD … */
    void                        *decoded;   /* amqp_queue_bind_t …, caller's,
                                               until the handler was called */
    amqp_method_number_t         reply;     /* AMQP_QUEUE_BIND_OK_METHOD … */
    ngx_ess_amqp_op_pt           handler;
    void                        *data;
    unsigned                     canceled:1;    /* nobody listens */
};


typedef struct {
    /* the session is open: heartbeat, frame_max agreed.  Open channels. */
    void   (*open)(ngx_ess_amqp_session_t *s);

    /* it is gone; all ops were answered with NGX_ABORT, channels are gone */
    void   (*close)(ngx_ess_amqp_session_t *s);

    /* those below may be NULL */

    /* all frames that one read brought are handled: time to acknowledge */
    void   (*batch)(ngx_ess_amqp_session_t *s);

    /* more can be published */
    void   (*writable)(ngx_ess_amqp_session_t *s);

    /* an attempt to connect failed, or the connection did; printable words of
       ours, the system's or the broker's, without a password */
    void   (*failed)(ngx_ess_amqp_session_t *s, ngx_str_t *text);

    /* an alarm, the broker reads nothing of those who publish until this is
       called with NULL, or the session ends; its reason is escaped */
    void   (*blocked)(ngx_ess_amqp_session_t *s, ngx_str_t *reason);
} ngx_ess_amqp_handlers_t;


/*
 * Of one channel; each may be NULL.  What the broker says of a consumer that
 * nobody has is passed over; a confirm that nobody waits for ends the
 * connection.
 */

typedef struct {
    void   (*delivery)(ngx_ess_amqp_channel_t *ch,
               ngx_ess_amqp_delivery_t *delivery);

    /* the broker cancelled a consumer, for its queue is gone; "tag" is the
       number in the consumer's tag */
    void   (*canceled)(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag);

    /* the broker closed the channel although no op was waiting on it, or after
       the op was answered with NGX_DECLINED: it is being opened again; its
       consumers are gone; "text" is the broker's */
    void   (*reopened)(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
               ngx_str_t *text);

    /* ngx_ess_amqp_channel_close() was answered: the broker has handled all
       that was sent on it.  Not called when the session ends before. */
    void   (*closed)(ngx_ess_amqp_channel_t *ch);

    /* what ngx_ess_amqp_publish() sent as number "tag" (with "multiple" all up
       to it) the broker has, or has not */
    void   (*confirmed)(ngx_ess_amqp_channel_t *ch, uint64_t tag,
               ngx_uint_t multiple, ngx_uint_t ok);

    /* it found no queue for an event, before it confirms it, whose message id
       ends with that number (0: none) */
    void   (*returned)(ngx_ess_amqp_channel_t *ch, uint64_t number);
} ngx_ess_amqp_channel_handlers_t;


/*
 * Makes a session and begins to connect.  "data" is for the caller
 * (ngx_ess_amqp_data()).  Bodies over max_body are not kept in memory.
 * Lives until ngx_ess_amqp_destroy().
 */
ngx_ess_amqp_session_t *ngx_ess_amqp_create(ngx_ess_amqp_conf_t *conf,
    const ngx_ess_amqp_handlers_t *handlers, void *data, size_t max_body,
    ngx_log_t *log);
void *ngx_ess_amqp_data(ngx_ess_amqp_session_t *s);

/* "host:port" of the node that it is, or was last, connected to */
ngx_str_t *ngx_ess_amqp_node_name(ngx_ess_amqp_session_t *s);

/* The first number of the broker's version; 0: it does not say. */
ngx_uint_t ngx_ess_amqp_version(ngx_ess_amqp_session_t *s);

/* 1 when open */
ngx_uint_t ngx_ess_amqp_is_open(ngx_ess_amqp_session_t *s);

/* Sends what can be sent, closes the connection and frees all, at once; no
   handler is called any more, and it must not be called by one. */
void ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s);

/* Opens a channel; only in or after the open handler.  NULL: no memory.
   Ops may be added at once.  "data" is for the caller. */
ngx_ess_amqp_channel_t *ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data);
void *ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch);

/* channel.close; deliveries that still arrive on it are dropped; ops are
   answered with NGX_ABORT; "ch" must not be used any more, but by the handler
   closed. */
void ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch);

/* Makes the op one of this method and adds it; sent at once as far as the
   window (64) allows.  Arguments as the fields of ngx_ess_amqp_op_t. */
void ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op,
    amqp_method_number_t method, void *decoded, amqp_method_number_t reply,
    ngx_ess_amqp_op_pt handler, void *data);

/* The op's handler is called for nobody any more, but the op's memory must
   stay until it is called with op->canceled set. */
void ngx_ess_amqp_op_cancel(ngx_ess_amqp_op_t *op);

/* Acknowledges all deliveries up to the tag.  NGX_OK or NGX_ERROR; also when
   the channel is being opened again: what was delivered on it before is
   void. */
ngx_int_t ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag);

/*
 * Sends basic.publish and the content; "publish" and "properties" are the
 * caller's and are not needed afterwards.  NGX_OK: it counts as the next
 * number on this channel, from 1 after confirm.select.  NGX_AGAIN: not now,
 * the handler writable will be called.  NGX_ERROR: it cannot be encoded, or
 * there is no memory, which ends the session.
 */
ngx_int_t ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch,
    amqp_basic_publish_t *publish, amqp_basic_properties_t *properties,
    ngx_str_t *body);

/*
 * No more frames are read, or handled, after the one at hand, until the
 * session is resumed; a silence meanwhile is not held against the broker.
 * The end of the connection ends the pause.
 */
void ngx_ess_amqp_pause(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_resume(ngx_ess_amqp_session_t *s);

/* Writes out what was queued, as far as the socket takes it; the session
   does so by itself at the end of the iteration. */
void ngx_ess_amqp_flush(ngx_ess_amqp_session_t *s);

/* Logs the broker's word on something, once until it changes or the session
   was open in good order for a minute: "what" and text, which is escaped,
   form the message. */
void ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text);


#endif /* _NGX_ESS_AMQP_H_INCLUDED_ */
