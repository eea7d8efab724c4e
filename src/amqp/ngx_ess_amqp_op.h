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

    union {
        amqp_exchange_declare_t  exchange_declare;
        amqp_exchange_bind_t     exchange_bind;
        amqp_queue_declare_t     queue_declare;
        amqp_queue_bind_t        queue_bind;
        amqp_queue_unbind_t      queue_unbind;
        amqp_queue_delete_t      queue_delete;
        amqp_basic_qos_t         basic_qos;
        amqp_basic_consume_t     basic_consume;
        amqp_basic_cancel_t      basic_cancel;
        amqp_confirm_select_t    confirm_select;
    } fields;

    ngx_ess_amqp_op_pt           handler;
    void                        *data;
    unsigned                     canceled:1;    /* nobody listens */
};


/*
 * Makes the op one of this method, and returns its fields, which are those of
 * the union that the method has, zeroed.  What they point to is the caller's,
 * until the handler was called.
 */

static ngx_inline void *
ngx_ess_amqp_op_init(ngx_ess_amqp_op_t *op, amqp_method_number_t method,
    ngx_ess_amqp_op_pt handler, void *data)
{
    ngx_memzero(op, sizeof(ngx_ess_amqp_op_t));

    op->method = method;
    op->handler = handler;
    op->data = data;

    return &op->fields;
}


/* Adds the op; sent at once as far as the window (64) allows. */
void ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op);

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


#endif /* _NGX_ESS_AMQP_OP_H_INCLUDED_ */
