/*
 * Channels of a session: opened, closed, opened again when the broker closes
 * one, and what it says on them.  A channel belongs to its session.  Runs in a
 * worker.
 */


#include "ngx_ess_amqp_session.h"


/* times that the broker closes a channel on which no op is under way nor was
   answered meanwhile */
#define NGX_ESS_AMQP_REOPEN_MAX      16


static ngx_int_t ngx_ess_amqp_channel_open(ngx_ess_amqp_channel_t *ch);
static ngx_uint_t ngx_ess_amqp_channel_late(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);
static ngx_int_t ngx_ess_amqp_channel_method(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);
static ngx_int_t ngx_ess_amqp_channel_refused(ngx_ess_amqp_channel_t *ch,
    amqp_channel_close_t *close);
static ngx_int_t ngx_ess_amqp_channel_canceled(ngx_ess_amqp_channel_t *ch,
    amqp_basic_cancel_t *cancel);
static ngx_int_t ngx_ess_amqp_channel_confirmed(ngx_ess_amqp_channel_t *ch,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static ngx_int_t ngx_ess_amqp_channel_closing(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);
static ngx_int_t ngx_ess_amqp_channel_settle(ngx_ess_amqp_channel_t *ch,
    amqp_method_number_t method, void *fields);
static void ngx_ess_amqp_channel_free(ngx_ess_amqp_channel_t *ch);


ngx_ess_amqp_channel_t *
ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data)
{
    ngx_str_t                text;
    ngx_uint_t               i;
    ngx_ess_amqp_channel_t  *ch;

    if (!ngx_ess_amqp_session_is_open(s)) {
        return NULL;
    }

    for (i = 0; i < s->nchannels; i++) {
        if (s->channels[i] == NULL) {
            break;
        }
    }

    if (i == s->channel_max) {
        ngx_str_null(&text);
        ngx_ess_amqp_trouble_once(s, NGX_LOG_ERR, "all channels that it allows "
                                  "are in use", s->channel_max, &text);
        return NULL;
    }

    ch = ngx_calloc(sizeof(ngx_ess_amqp_channel_t), &s->log);
    if (ch == NULL) {
        return NULL;
    }

    ch->session = s;
    ch->handlers = handlers;
    ch->data = data;
    ch->number = i + 1;

    ngx_queue_init(&ch->ops);

    if (ngx_ess_amqp_channel_open(ch) != NGX_OK) {
        ngx_free(ch);
        return NULL;
    }

    s->channels[i] = ch;
    s->nchannels = ngx_max(s->nchannels, ch->number);
    s->io.codec.channel_max = s->nchannels;

    return ch;
}


static ngx_int_t
ngx_ess_amqp_channel_open(ngx_ess_amqp_channel_t *ch)
{
    amqp_channel_open_t  open;

    ngx_memzero(&open, sizeof(amqp_channel_open_t));

    ch->state = NGX_ESS_AMQP_CH_OPENING;

    return ngx_ess_amqp_io_method(ch->session, ch->number,
                                  AMQP_CHANNEL_OPEN_METHOD, &open);
}


void *
ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch)
{
    return ch->data;
}


void
ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch)
{
    amqp_channel_close_t     close;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->state == NGX_ESS_AMQP_CH_CLOSING) {
        return;
    }

    ch->state = NGX_ESS_AMQP_CH_CLOSING;

    /* answered from the event: the caller need not expect its handlers */

    ngx_ess_amqp_op_give_up(ch);
    ngx_post_event(&s->io.flush, &ngx_posted_events);

    if (!ngx_ess_amqp_session_is_open(s)) {
        return;
    }

    ngx_memzero(&close, sizeof(amqp_channel_close_t));
    close.reply_code = AMQP_REPLY_SUCCESS;
    close.reply_text = amqp_cstring_bytes("nginx is done");

    if (ngx_ess_amqp_io_method(s, ch->number, AMQP_CHANNEL_CLOSE_METHOD,
                               &close)
        != NGX_OK)
    {
        s->io.broken = 1;
    }
}


ngx_int_t
ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    amqp_basic_ack_t  ack;

    ngx_memzero(&ack, sizeof(amqp_basic_ack_t));
    ack.delivery_tag = tag;
    ack.multiple = 1;

    return ngx_ess_amqp_channel_settle(ch, AMQP_BASIC_ACK_METHOD, &ack);
}


ngx_int_t
ngx_ess_amqp_ack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    amqp_basic_ack_t  ack;

    ngx_memzero(&ack, sizeof(amqp_basic_ack_t));
    ack.delivery_tag = tag;

    return ngx_ess_amqp_channel_settle(ch, AMQP_BASIC_ACK_METHOD, &ack);
}


ngx_int_t
ngx_ess_amqp_nack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t requeue)
{
    amqp_basic_nack_t  nack;

    ngx_memzero(&nack, sizeof(amqp_basic_nack_t));
    nack.delivery_tag = tag;
    nack.requeue = requeue ? 1 : 0;

    return ngx_ess_amqp_channel_settle(ch, AMQP_BASIC_NACK_METHOD, &nack);
}


static ngx_int_t
ngx_ess_amqp_channel_settle(ngx_ess_amqp_channel_t *ch,
    amqp_method_number_t method, void *fields)
{
    if (ch->state != NGX_ESS_AMQP_CH_OPEN
        || !ngx_ess_amqp_session_is_open(ch->session))
    {
        return NGX_ERROR;
    }

    return ngx_ess_amqp_io_method(ch->session, ch->number, method, fields);
}


ngx_int_t
ngx_ess_amqp_channel_frame(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame)
{
    ngx_int_t                rc;
    ngx_ess_amqp_channel_t  *ch;

    /* the codec knows how many there were */

    ch = s->channels[frame->channel - 1];

    if (ch == NULL) {

        ngx_ess_amqp_codec_release(&s->io.codec, frame->channel);

        return ngx_ess_amqp_trouble(s, "it sent a frame on channel %ui,"
                                    " which is not open", frame->channel);
    }

    if (ngx_ess_amqp_channel_late(ch, frame)) {
        ngx_ess_amqp_codec_release(&s->io.codec, frame->channel);
        return NGX_OK;
    }

    if (ch->state == NGX_ESS_AMQP_CH_CLOSING) {
        rc = ngx_ess_amqp_channel_closing(ch, frame);
        ngx_ess_amqp_codec_release(&s->io.codec, frame->channel);
        return rc;
    }

    switch (frame->type) {

    case AMQP_FRAME_METHOD:
        rc = ngx_ess_amqp_channel_method(ch, frame);
        break;

    case AMQP_FRAME_HEADER:
        rc = ngx_ess_amqp_content_header(ch, frame);
        break;

    default:
        rc = ngx_ess_amqp_content_body(ch, &frame->body);
    }

    /* the channel stays until the connection ends or close-ok came */

    if (rc == NGX_OK && ch->want == NGX_ESS_AMQP_WANT_METHOD) {
        ngx_ess_amqp_codec_release(&s->io.codec, frame->channel);
    }

    return rc;
}


/*
 * RabbitMQ says that it closed a channel by consumer_timeout again and again,
 * until it has read close-ok.  A second close-ok would close the channel that
 * was opened by then.  1: the frame is of the channel that was closed.
 */

static ngx_uint_t
ngx_ess_amqp_channel_late(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame)
{
    if (!ch->late) {
        return 0;
    }

    if (frame->type != AMQP_FRAME_METHOD) {
        return 1;
    }

    switch (frame->method) {

    case AMQP_CHANNEL_OPEN_OK_METHOD:
        ch->late = 0;
        return 0;

    case AMQP_CHANNEL_CLOSE_OK_METHOD:

        /* the answer to a channel.close of our own */

        return ch->state != NGX_ESS_AMQP_CH_CLOSING;

    default:
        return 1;
    }
}


static ngx_int_t
ngx_ess_amqp_channel_method(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame)
{
    amqp_basic_ack_t        *ack;
    amqp_basic_nack_t       *nack;
    amqp_channel_flow_ok_t   flow;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (ch->want != NGX_ESS_AMQP_WANT_METHOD
        && frame->method != AMQP_CHANNEL_CLOSE_METHOD)
    {
        return ngx_ess_amqp_trouble(s, "it sent a method within a content");
    }

    switch (frame->method) {

    case AMQP_BASIC_DELIVER_METHOD:
        ch->deliver = frame->decoded;
        ch->want = NGX_ESS_AMQP_WANT_HEADER;
        return NGX_OK;

    case AMQP_BASIC_CANCEL_METHOD:
        return ngx_ess_amqp_channel_canceled(ch, frame->decoded);

    case AMQP_BASIC_RETURN_METHOD:
        ch->deliver = NULL;
        ch->returned = frame->decoded;
        ch->want = NGX_ESS_AMQP_WANT_HEADER;
        return NGX_OK;

    case AMQP_BASIC_ACK_METHOD:
        ack = frame->decoded;
        return ngx_ess_amqp_channel_confirmed(ch, ack->delivery_tag,
                                              ack->multiple, 1);

    case AMQP_BASIC_NACK_METHOD:
        nack = frame->decoded;
        return ngx_ess_amqp_channel_confirmed(ch, nack->delivery_tag,
                                              nack->multiple, 0);

    case AMQP_CHANNEL_CLOSE_METHOD:
        return ngx_ess_amqp_channel_refused(ch, frame->decoded);

    case AMQP_CHANNEL_FLOW_METHOD:
        flow.active = ((amqp_channel_flow_t *) frame->decoded)->active;

        return ngx_ess_amqp_io_answer(s, ch->number,
                                      AMQP_CHANNEL_FLOW_OK_METHOD, &flow);

    case AMQP_CHANNEL_OPEN_OK_METHOD:

        if (ch->state == NGX_ESS_AMQP_CH_OPENING) {
            ch->state = NGX_ESS_AMQP_CH_OPEN;
            ngx_post_event(&s->io.flush, &ngx_posted_events);
            return NGX_OK;
        }

        /* fall through */

    default:
        if (ngx_ess_amqp_op_reply(ch, frame) == NGX_OK) {
            return NGX_OK;
        }

        return ngx_ess_amqp_trouble(s, "it sent %s (%xD), which nobody asked"
                                    " for",
                                    ngx_ess_amqp_codec_name(frame->method),
                                    (uint32_t) frame->method);
    }
}


/*
 * The broker closed the channel: because of the oldest op, or of something
 * that has no answer (an acknowledgement that came too late), or by itself;
 * class and method say which.  Should they not, and the same happen again and
 * again, then it is the op.
 */

static ngx_int_t
ngx_ess_amqp_channel_refused(ngx_ess_amqp_channel_t *ch,
    amqp_channel_close_t *close)
{
    ngx_str_t               *text;
    ngx_ess_escaped_t        e;
    ngx_ess_amqp_op_t       *op;
    amqp_method_number_t     method;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    ngx_ess_amqp_content_reset(ch);

    ch->late = 1;

    if (ngx_ess_amqp_io_answer(s, ch->number, AMQP_CHANNEL_CLOSE_OK_METHOD,
                               NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_ess_amqp_channel_open(ch) != NGX_OK) {
        return ngx_ess_amqp_trouble(s, "the channel could not be reopened");
    }

    text = ngx_ess_escape_bytes(&e, close->reply_text.bytes,
                                close->reply_text.len);

    method = (amqp_method_number_t) close->class_id << 16 | close->method_id;
    op = ngx_ess_amqp_op_oldest(ch);

    if (op) {

        if (op->method == method || ch->reopened++ == 3) {
            ngx_queue_remove(&op->queue);
            ch->reopened = 0;

        } else {
            op = NULL;
        }

    } else if (ch->reopened++ == NGX_ESS_AMQP_REOPEN_MAX) {
        return ngx_ess_amqp_trouble(s, "it closed a channel again and"
                                    " again: %ui \"%V\"",
                                    (ngx_uint_t) close->reply_code, text);
    }

    /* what was sent is sent again, before the rest */

    ch->ninflight = 0;

    if (op) {
        op->handler(op, NGX_DECLINED, NULL, close->reply_code, text);

    } else {
        ngx_ess_amqp_trouble_once(s, NGX_LOG_ERR, "it closed a channel",
                                  close->reply_code, text);
    }

    if (ch->state != NGX_ESS_AMQP_CH_CLOSING && ch->handlers->reopened) {
        ch->handlers->reopened(ch, close->reply_code, text);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_channel_canceled(ngx_ess_amqp_channel_t *ch,
    amqp_basic_cancel_t *cancel)
{
    amqp_basic_cancel_ok_t   ok;
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (!cancel->nowait) {

        ok.consumer_tag = cancel->consumer_tag;

        if (ngx_ess_amqp_io_answer(s, ch->number, AMQP_BASIC_CANCEL_OK_METHOD,
                                   &ok)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ch->handlers->canceled) {
        ch->handlers->canceled(ch,
                           ngx_ess_amqp_content_tag(&cancel->consumer_tag));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_channel_confirmed(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    if (ch->handlers->confirmed == NULL) {
        return ngx_ess_amqp_trouble(ch->session, "it confirmed what nobody"
                                    " had published");
    }

    ch->handlers->confirmed(ch, tag, multiple, ok);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_channel_closing(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame)
{
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (frame->type != AMQP_FRAME_METHOD) {
        return NGX_OK;
    }

    if (frame->method == AMQP_CHANNEL_CLOSE_METHOD) {

        /* both at once; the broker still has to answer ours */

        ch->late = 1;

        return ngx_ess_amqp_io_answer(s, ch->number,
                                      AMQP_CHANNEL_CLOSE_OK_METHOD, NULL);
    }

    if (frame->method == AMQP_CHANNEL_CLOSE_OK_METHOD) {
        if (ch->handlers->closed) {
            ch->handlers->closed(ch);
        }

        s->channels[ch->number - 1] = NULL;
        ngx_ess_amqp_channel_free(ch);
    }

    return NGX_OK;
}


static void
ngx_ess_amqp_channel_free(ngx_ess_amqp_channel_t *ch)
{
    ngx_ess_amqp_content_reset(ch);
    ngx_free(ch);
}


void
ngx_ess_amqp_channel_free_all(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nchannels; i++) {
        if (s->channels[i]) {
            ngx_ess_amqp_channel_free(s->channels[i]);
            s->channels[i] = NULL;
        }
    }

    s->nchannels = 0;
}
