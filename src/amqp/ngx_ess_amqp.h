/*
 * One RabbitMQ session: connects (nodes in turn, names resolved in a thread),
 * speaks AMQP 0-9-1 without ever blocking, reconnects with backoff.  It
 * offers channels; on a channel, operations (methods that expect an answer)
 * are answered in order.  All of it lives in one worker.  Beside it, and given
 * with it: channels, their contents and operations, what is logged once.
 */


#ifndef _NGX_ESS_AMQP_H_INCLUDED_
#define _NGX_ESS_AMQP_H_INCLUDED_


#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_rabbitmq_c.h"


typedef struct ngx_ess_amqp_session_s  ngx_ess_amqp_session_t;
typedef struct ngx_ess_amqp_channel_s  ngx_ess_amqp_channel_t;
typedef struct ngx_ess_amqp_op_s       ngx_ess_amqp_op_t;

typedef struct ngx_ess_amqp_channel_handlers_s
    ngx_ess_amqp_channel_handlers_t;


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


#include "ngx_ess_amqp_channel.h"
#include "ngx_ess_amqp_content.h"
#include "ngx_ess_amqp_op.h"
#include "ngx_ess_amqp_trouble.h"


#endif /* _NGX_ESS_AMQP_H_INCLUDED_ */
