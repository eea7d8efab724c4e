/*
 * Operations on channels: what waits, what was sent, and their answers in
 * order.  An op belongs to its caller until it is answered; no handler is
 * called from within a call of its caller's.  Runs in a worker.
 */


#include "ngx_ess_amqp_session.h"


/* ops in flight per channel */
#define NGX_ESS_AMQP_WINDOW          64


static void ngx_ess_amqp_op_pump_channel(ngx_ess_amqp_channel_t *ch);


static ngx_str_t  ngx_ess_amqp_op_no_text = ngx_null_string;


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->state == NGX_ESS_AMQP_CH_CLOSING || s->state != NGX_ESS_AMQP_OPEN)
    {
        ngx_queue_insert_tail(&s->aborted, &op->queue);

    } else {
        ngx_queue_insert_tail(&ch->ops, &op->queue);
    }

    /* sent from the event, so that no op is answered from within this */

    ngx_post_event(&s->io.flush, &ngx_posted_events);
}


void
ngx_ess_amqp_op_cancel(ngx_ess_amqp_op_t *op)
{
    op->canceled = 1;
}


void
ngx_ess_amqp_op_pump(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nchannels; i++) {

        if (!ngx_ess_amqp_session_is_open(s)) {
            return;
        }

        if (s->channels[i]) {
            ngx_ess_amqp_op_pump_channel(s->channels[i]);
        }
    }
}


static void
ngx_ess_amqp_op_pump_channel(ngx_ess_amqp_channel_t *ch)
{
    ngx_str_t                text;
    ngx_uint_t               n;
    ngx_queue_t             *q, *sent;
    ngx_ess_amqp_op_t       *op;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;
    q = ngx_queue_head(&ch->ops);

    for (n = 0; n < ch->ninflight; n++) {
        q = ngx_queue_next(q);
    }

    while (ch->state == NGX_ESS_AMQP_CH_OPEN
           && ngx_ess_amqp_session_is_open(s)
           && q != ngx_queue_sentinel(&ch->ops)
           && ch->ninflight < NGX_ESS_AMQP_WINDOW
           && s->io.out.last - s->io.out.pos < NGX_ESS_AMQP_OUT_HIGH)
    {
        op = ngx_queue_data(q, ngx_ess_amqp_op_t, queue);

        if (!op->canceled
            && ngx_ess_amqp_io_method(s, ch->number, op->method, &op->fields)
               == NGX_OK)
        {
            ch->ninflight++;
            q = ngx_queue_next(q);
            continue;
        }

        /* a handler may add ops, and close the channel */

        sent = ngx_queue_prev(q);
        ngx_queue_remove(q);

        if (op->canceled) {
            op->handler(op, NGX_ABORT, NULL, 0, &ngx_ess_amqp_op_no_text);

        } else {
            ngx_str_set(&text, "the method cannot be encoded");
            op->handler(op, NGX_DECLINED, NULL, 0, &text);
        }

        q = ngx_queue_next(sent);
    }
}


void
ngx_ess_amqp_op_give_up(ngx_ess_amqp_channel_t *ch)
{
    if (!ngx_queue_empty(&ch->ops)) {
        ngx_queue_add(&ch->session->aborted, &ch->ops);
        ngx_queue_init(&ch->ops);
    }

    ch->ninflight = 0;
}


void
ngx_ess_amqp_op_abort(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nchannels; i++) {
        if (s->channels[i]) {
            ngx_ess_amqp_op_give_up(s->channels[i]);
        }
    }

    ngx_ess_amqp_op_abort_queued(s);
}


void
ngx_ess_amqp_op_abort_queued(ngx_ess_amqp_session_t *s)
{
    ngx_queue_t        *q;
    ngx_ess_amqp_op_t  *op;

    while (!ngx_queue_empty(&s->aborted)) {

        q = ngx_queue_head(&s->aborted);
        op = ngx_queue_data(q, ngx_ess_amqp_op_t, queue);

        ngx_queue_remove(q);

        op->handler(op, NGX_ABORT, NULL, 0, &ngx_ess_amqp_op_no_text);
    }
}


ngx_ess_amqp_op_t *
ngx_ess_amqp_op_oldest(ngx_ess_amqp_channel_t *ch)
{
    if (ch->ninflight == 0) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(&ch->ops), ngx_ess_amqp_op_t, queue);
}


ngx_int_t
ngx_ess_amqp_op_reply(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_frame_t *frame)
{
    ngx_ess_amqp_op_t  *op;

    op = ngx_ess_amqp_op_oldest(ch);

    /* the answer to a method has the next number */

    if (op == NULL || op->method + 1 != frame->method) {
        return NGX_DECLINED;
    }

    ngx_queue_remove(&op->queue);
    ch->ninflight--;
    ch->reopened = 0;

    if (!ngx_queue_empty(&ch->ops)) {
        ngx_post_event(&ch->session->io.flush, &ngx_posted_events);
    }

    op->handler(op, NGX_OK, frame->decoded, 0, &ngx_ess_amqp_op_no_text);

    return NGX_OK;
}
