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


void *
ngx_ess_amqp_op_init(ngx_ess_amqp_op_t *op, amqp_method_number_t method,
    ngx_ess_amqp_op_pt handler, void *data)
{
    ngx_memzero(op, sizeof(ngx_ess_amqp_op_t));

    op->method = method;
    op->handler = handler;
    op->data = data;

    return &op->fields;
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->state == NGX_ESS_AMQP_CH_CLOSING || s->state != NGX_ESS_AMQP_OPEN)
    {
        ngx_queue_insert_tail(&s->aborted, &op->queue);

    } else {
        ngx_queue_insert_tail(&ch->waiting, &op->queue);
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
    ngx_queue_t             *q;
    ngx_ess_amqp_op_t       *op;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    while (ch->state == NGX_ESS_AMQP_CH_OPEN
           && ngx_ess_amqp_session_is_open(s)
           && !ngx_queue_empty(&ch->waiting)
           && ch->ninflight < NGX_ESS_AMQP_WINDOW
           && s->io.out.last - s->io.out.pos < NGX_ESS_AMQP_OUT_HIGH)
    {
        q = ngx_queue_head(&ch->waiting);
        op = ngx_queue_data(q, ngx_ess_amqp_op_t, queue);

        ngx_queue_remove(q);

        if (op->canceled) {
            op->handler(op, NGX_ABORT, NULL, 0, &ngx_ess_amqp_op_no_text);
            continue;
        }

        if (ngx_ess_amqp_io_method(s, ch->number, op->method, &op->fields)
            != NGX_OK)
        {
            ngx_str_set(&text, "the method cannot be encoded");
            op->handler(op, NGX_DECLINED, NULL, 0, &text);
            continue;
        }

        ngx_queue_insert_tail(&ch->inflight, q);
        ch->ninflight++;
    }
}


void
ngx_ess_amqp_op_give_up(ngx_ess_amqp_channel_t *ch)
{
    ngx_queue_t  *to;

    to = &ch->session->aborted;

    if (!ngx_queue_empty(&ch->inflight)) {
        ngx_queue_add(to, &ch->inflight);
        ngx_queue_init(&ch->inflight);
    }

    if (!ngx_queue_empty(&ch->waiting)) {
        ngx_queue_add(to, &ch->waiting);
        ngx_queue_init(&ch->waiting);
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
    if (ngx_queue_empty(&ch->inflight)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(&ch->inflight), ngx_ess_amqp_op_t,
                          queue);
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

    if (!ngx_queue_empty(&ch->waiting)) {
        ngx_post_event(&ch->session->io.flush, &ngx_posted_events);
    }

    op->handler(op, NGX_OK, frame->decoded, 0, &ngx_ess_amqp_op_no_text);

    return NGX_OK;
}


void
ngx_ess_amqp_op_again(ngx_ess_amqp_channel_t *ch)
{
    if (!ngx_queue_empty(&ch->inflight)) {

        if (!ngx_queue_empty(&ch->waiting)) {
            ngx_queue_add(&ch->inflight, &ch->waiting);
        }

        ngx_queue_init(&ch->waiting);
        ngx_queue_add(&ch->waiting, &ch->inflight);
        ngx_queue_init(&ch->inflight);
    }

    ch->ninflight = 0;
}
