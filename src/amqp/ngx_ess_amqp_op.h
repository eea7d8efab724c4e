/*
 * Operations on a channel: methods that expect an answer, which come in the
 * order in which they were sent.
 */


#ifndef _NGX_ESS_AMQP_OP_H_INCLUDED_
#define _NGX_ESS_AMQP_OP_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


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


/* Makes the op one of this method and adds it; sent at once as far as the
   window (64) allows.  Arguments as the fields of ngx_ess_amqp_op_t. */
void ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op,
    amqp_method_number_t method, void *decoded, amqp_method_number_t reply,
    ngx_ess_amqp_op_pt handler, void *data);

/* The op's handler is called for nobody any more, but the op's memory must
   stay until it is called with op->canceled set. */
void ngx_ess_amqp_op_cancel(ngx_ess_amqp_op_t *op);


/* Of the session: sends the ops that may be sent. */
void ngx_ess_amqp_op_pump(ngx_ess_amqp_session_t *s);

/* Answers with NGX_ABORT all ops, or those that were given up. */
void ngx_ess_amqp_op_abort(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_op_abort_queued(ngx_ess_amqp_session_t *s);

/* Of a channel: its ops are answered so from the event. */
void ngx_ess_amqp_op_give_up(ngx_ess_amqp_channel_t *ch);

/* The oldest op that was sent, or NULL. */
ngx_ess_amqp_op_t *ngx_ess_amqp_op_oldest(ngx_ess_amqp_channel_t *ch);

/* The method answers the oldest op.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_amqp_op_reply(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);

/* What was sent is sent again, in order, before the rest. */
void ngx_ess_amqp_op_again(ngx_ess_amqp_channel_t *ch);


#endif /* _NGX_ESS_AMQP_OP_H_INCLUDED_ */
