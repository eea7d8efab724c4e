
/*
 * Channels of calls: opened, each with its consumer of replies, and what is
 * published on them.  The worker owns them; a message belongs to its call.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_source.h"


/* ms in which the broker is to confirm a message */
#define NGX_ESS_CALL_CHANNEL_CONFIRM  2000

#define NGX_ESS_CALL_CHANNEL_TEXT     1024


typedef enum {
    NGX_ESS_CALL_CHANNEL_IDLE = 0,          /* there is no session */
    NGX_ESS_CALL_CHANNEL_DECLARING,         /* is there such an exchange? */
    NGX_ESS_CALL_CHANNEL_SELECTING,         /* confirm.select is under way */
    NGX_ESS_CALL_CHANNEL_CONSUMING,         /* basic.consume is */
    NGX_ESS_CALL_CHANNEL_READY,             /* messages are sent */
    NGX_ESS_CALL_CHANNEL_REFUSED            /* one of these was, the timer
                                               begins anew */
} ngx_ess_call_channel_e;


struct ngx_ess_call_channel_s {
    ngx_str_t                name;          /* of the exchange */
    ngx_ess_amqp_channel_t  *channel;       /* NULL: there is none */
    ngx_ess_call_channel_e   state;
    ngx_ess_amqp_op_t        op;
    ngx_uint_t               attempt;
    ngx_event_t              retry;

    ngx_queue_t              waiting;       /* of ngx_ess_call_message_t */
    ngx_queue_t              sent;          /* in order of their tags */
    ngx_queue_t              confirmed;
    uint64_t                 tag;           /* of the last one sent */

    ngx_str_t                why;           /* REFUSED, or closed: the broker's
                                               words */
    u_char                   text[NGX_ESS_CALL_CHANNEL_TEXT];
    unsigned                 used:1;        /* a location publishes there */
    unsigned                 lost:1;        /* the channel was closed while an
                                               op was under way, and what was
                                               done on it before is void */
};


typedef struct {
    ngx_ess_call_channel_t  *channels;
    ngx_uint_t               n;
    ngx_ess_call_pending_table_t  pending;
    ngx_ess_amqp_session_t  *session;       /* NULL: it is not open */
    ngx_log_t               *log;
    uint64_t                 serial;        /* of the last message */
    ngx_uint_t               unconfirmed;   /* on all channels */
    ngx_str_t               *down;          /* why nothing can be published;
                                               NULL: it can, or may soon */
    ngx_str_t                blocked;       /* the same, in "text" */
    u_char                   text[NGX_ESS_CALL_CHANNEL_TEXT];
    unsigned                 proven:1;      /* the session confirmed one */
} ngx_ess_call_channels_t;


static void ngx_ess_call_channel_begin(ngx_ess_call_channel_t *ch);
static void ngx_ess_call_channel_step(ngx_ess_call_channel_t *ch,
    ngx_ess_call_channel_e state);
static void ngx_ess_call_channel_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_refused(ngx_ess_call_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_retry(ngx_event_t *ev);
static void ngx_ess_call_channel_reopened(ngx_ess_amqp_channel_t *channel,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_confirmed(ngx_ess_amqp_channel_t *channel,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static void ngx_ess_call_channel_returned(ngx_ess_amqp_channel_t *channel,
    uint64_t number);
static void ngx_ess_call_channel_delivery(ngx_ess_amqp_channel_t *channel,
    ngx_ess_amqp_delivery_t *d);
static void ngx_ess_call_channel_canceled(ngx_ess_amqp_channel_t *channel,
    ngx_uint_t tag);
static void ngx_ess_call_channel_pump(ngx_ess_call_channel_t *ch);
static ngx_int_t ngx_ess_call_channel_send(ngx_ess_call_channel_t *ch,
    ngx_ess_call_message_t *m);
static void ngx_ess_call_channel_property(amqp_basic_properties_t *properties,
    amqp_flags_t flag, amqp_bytes_t *field, ngx_str_t *value);
static void ngx_ess_call_channel_header(amqp_table_t *headers,
    const char *name, ngx_str_t *value);
static void ngx_ess_call_channel_timer(ngx_event_t *ev);
static void ngx_ess_call_channel_fail(ngx_ess_call_message_t *m, ngx_int_t rc,
    ngx_str_t *why);
static void ngx_ess_call_channel_fail_queue(ngx_queue_t *queue,
    ngx_str_t *why);
static void ngx_ess_call_channel_fail_all(ngx_ess_call_channel_t *ch,
    ngx_str_t *why);
static void ngx_ess_call_channel_unlink(ngx_ess_call_message_t *m);
static ngx_inline amqp_bytes_t ngx_ess_call_channel_bytes(ngx_str_t *s);


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_call_channel_handlers = {
    .delivery = ngx_ess_call_channel_delivery,
    .canceled = ngx_ess_call_channel_canceled,
    .reopened = ngx_ess_call_channel_reopened,
    .confirmed = ngx_ess_call_channel_confirmed,
    .returned = ngx_ess_call_channel_returned
};


static ngx_ess_call_channels_t  ngx_ess_call_channels;


static ngx_str_t  ngx_ess_call_channel_unreachable =
    ngx_string("the broker cannot be reached, nginx's error log says why");
static ngx_str_t  ngx_ess_call_channel_gone =
    ngx_string("the connection to the broker ended before the reply came");
static ngx_str_t  ngx_ess_call_channel_not_ready =
    ngx_string("the broker could not be reached for 2 seconds");
static ngx_str_t  ngx_ess_call_channel_silent =
    ngx_string("the broker did not confirm the call for 2 seconds");
static ngx_str_t  ngx_ess_call_channel_nacked =
    ngx_string("the broker did not take the call, the queue may be full");
static ngx_str_t  ngx_ess_call_channel_consumer =
    ngx_string("the broker gives no replies any more");


ngx_int_t
ngx_ess_call_channel_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    ngx_str_t                *exchange;
    ngx_uint_t                i;
    ngx_ess_call_conf_t     **call;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    ngx_memzero(all, sizeof(ngx_ess_call_channels_t));

    all->log = log;
    all->n = conf->exchanges.nelts;

    ngx_ess_call_pending_init(&all->pending);

    all->channels = ngx_calloc(all->n * sizeof(ngx_ess_call_channel_t), log);
    if (all->channels == NULL) {
        all->n = 0;
        return NGX_ERROR;
    }

    exchange = conf->exchanges.elts;

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        ch->name = exchange[i];
        ch->why.data = ch->text;

        ngx_queue_init(&ch->waiting);
        ngx_queue_init(&ch->sent);
        ngx_queue_init(&ch->confirmed);

        ch->retry.handler = ngx_ess_call_channel_retry;
        ch->retry.data = ch;
        ch->retry.log = log;
        ch->retry.cancelable = 1;
    }

    call = conf->calls.elts;

    for (i = 0; i < conf->calls.nelts; i++) {
        all->channels[call[i]->exchange].used = 1;
    }

    return NGX_OK;
}


void
ngx_ess_call_channel_exit(void)
{
    ngx_uint_t                i;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    for (i = 0; i < all->n; i++) {
        ngx_ess_source_event_clear(&all->channels[i].retry);
    }

    /* messages of requests that never end are forgotten with them */

    if (all->channels) {
        ngx_free(all->channels);
    }

    ngx_memzero(all, sizeof(ngx_ess_call_channels_t));
}


void
ngx_ess_call_channel_open(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t                i;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    all->session = s;
    all->down = NULL;
    all->proven = 0;

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        if (!ch->used) {
            continue;
        }

        ch->attempt = 0;
        ch->channel = ngx_ess_amqp_channel(s, &ngx_ess_call_channel_handlers,
                                           ch);

        if (ch->channel) {
            ngx_ess_call_channel_begin(ch);
        }
    }
}


void
ngx_ess_call_channel_close(void)
{
    ngx_uint_t                i;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    all->session = NULL;
    all->down = &ngx_ess_call_channel_unreachable;

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        ngx_ess_source_event_clear(&ch->retry);

        ch->channel = NULL;
        ch->state = NGX_ESS_CALL_CHANNEL_IDLE;

        ngx_ess_call_channel_fail_all(ch, &ngx_ess_call_channel_gone);
    }
}


void
ngx_ess_call_channel_failed(void)
{
    ngx_uint_t                i;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    if (all->session) {
        return;
    }

    all->down = &ngx_ess_call_channel_unreachable;

    for (i = 0; i < all->n; i++) {
        ngx_ess_call_channel_fail_all(&all->channels[i], all->down);
    }
}


/*
 * What was sent and is not confirmed may yet be taken, but nobody knows when.
 * What is confirmed may be answered: those who answer may be on a connection
 * that is not blocked.
 */

void
ngx_ess_call_channel_blocked(ngx_str_t *reason)
{
    ngx_uint_t                i;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    if (reason == NULL) {
        all->down = all->session ? NULL : &ngx_ess_call_channel_unreachable;
        ngx_ess_call_channel_writable();
        return;
    }

    all->blocked.data = all->text;
    all->blocked.len = ngx_slprintf(all->text,
                                    all->text + NGX_ESS_CALL_CHANNEL_TEXT,
                                    "the broker blocks those who publish: "
                                    "\"%V\"", reason)
                       - all->text;
    all->down = &all->blocked;

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        ngx_ess_call_channel_fail_queue(&ch->waiting, all->down);
        ngx_ess_call_channel_fail_queue(&ch->sent, all->down);
    }
}


void
ngx_ess_call_channel_writable(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_ess_call_channels.n; i++) {
        ngx_ess_call_channel_pump(&ngx_ess_call_channels.channels[i]);
    }
}


static void
ngx_ess_call_channel_begin(ngx_ess_call_channel_t *ch)
{
    ch->tag = 0;
    ch->lost = 0;

    /* the default exchange is always there */

    ngx_ess_call_channel_step(ch, ch->name.len
                                  ? NGX_ESS_CALL_CHANNEL_DECLARING
                                  : NGX_ESS_CALL_CHANNEL_SELECTING);
}


static void
ngx_ess_call_channel_step(ngx_ess_call_channel_t *ch,
    ngx_ess_call_channel_e state)
{
    amqp_basic_consume_t     *consume;
    amqp_exchange_declare_t  *declare;

    ch->state = state;

    switch (state) {

    case NGX_ESS_CALL_CHANNEL_DECLARING:
        declare = ngx_ess_amqp_op_init(&ch->op, AMQP_EXCHANGE_DECLARE_METHOD,
                                       ngx_ess_call_channel_answered, ch);

        declare->exchange = ngx_ess_call_channel_bytes(&ch->name);
        declare->type = amqp_cstring_bytes("direct");
        declare->passive = 1;
        break;

    case NGX_ESS_CALL_CHANNEL_SELECTING:
        (void) ngx_ess_amqp_op_init(&ch->op, AMQP_CONFIRM_SELECT_METHOD,
                                    ngx_ess_call_channel_answered, ch);
        break;

    case NGX_ESS_CALL_CHANNEL_CONSUMING:
        consume = ngx_ess_amqp_op_init(&ch->op, AMQP_BASIC_CONSUME_METHOD,
                                       ngx_ess_call_channel_answered, ch);

        consume->queue = amqp_cstring_bytes("amq.rabbitmq.reply-to");
        consume->consumer_tag = amqp_cstring_bytes("ess-1");
        consume->no_ack = 1;
        break;

    default:
        ch->attempt = 0;
        ngx_ess_call_channel_pump(ch);
        return;
    }

    ngx_ess_amqp_op(ch->channel, &ch->op);
}


static void
ngx_ess_call_channel_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_call_channel_t  *ch;

    ch = op->data;

    if (rc == NGX_ABORT) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_ess_call_channel_refused(ch, code, text);

    } else if (ch->lost) {
        ngx_ess_call_channel_begin(ch);

    } else {
        ngx_ess_call_channel_step(ch, ch->state + 1);
    }
}


static void
ngx_ess_call_channel_refused(ngx_ess_call_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    static ngx_str_t  none = ngx_string("it cannot be encoded");

    if (code == 0) {
        text = &none;
    }

    ch->why.len = ngx_slprintf(ch->text, ch->text + NGX_ESS_CALL_CHANNEL_TEXT,
                               "the broker refused to take calls: %ui \"%V\"",
                               code, text)
                  - ch->text;

    ngx_ess_amqp_trouble_once(ngx_ess_call_channels.session, NGX_LOG_ERR,
                              "broker refused to take calls of ess_rpc", code,
                              text);

    ch->state = NGX_ESS_CALL_CHANNEL_REFUSED;

    ngx_ess_call_channel_fail_all(ch, &ch->why);

    ngx_add_timer(&ch->retry, ngx_ess_backoff(ch->attempt));
    ch->attempt++;
}


static void
ngx_ess_call_channel_retry(ngx_event_t *ev)
{
    ngx_ess_call_channel_begin(ev->data);
}


/* The broker closed it, because of a message or by itself: no reply comes any
   more on what is opened in its place. */

static void
ngx_ess_call_channel_reopened(ngx_ess_amqp_channel_t *channel, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_call_channel_t  *ch;

    ch = ngx_ess_amqp_channel_data(channel);

    if (ch->state == NGX_ESS_CALL_CHANNEL_REFUSED) {
        return;
    }

    if (ch->state != NGX_ESS_CALL_CHANNEL_READY) {
        ch->lost = 1;
        return;
    }

    ch->why.len = ngx_slprintf(ch->text, ch->text + NGX_ESS_CALL_CHANNEL_TEXT,
                               "the broker refused a call: %ui \"%V\"", code,
                               text)
                  - ch->text;

    ngx_ess_call_channel_fail_queue(&ch->sent, &ch->why);
    ngx_ess_call_channel_fail_queue(&ch->confirmed, &ch->why);

    ngx_ess_call_channel_begin(ch);
}


static void
ngx_ess_call_channel_confirmed(ngx_ess_amqp_channel_t *channel, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_queue_t              *q, *next;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_message_t   *m;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;
    ch = ngx_ess_amqp_channel_data(channel);

    for (q = ngx_queue_head(&ch->sent);
         q != ngx_queue_sentinel(&ch->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        if (m->tag > tag) {
            break;
        }

        if (m->tag != tag && !multiple) {
            continue;
        }

        if (!ok) {
            ngx_ess_call_channel_fail(m, NGX_BUSY,
                                      &ngx_ess_call_channel_nacked);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ch->confirmed, q);

        m->state = NGX_ESS_CALL_CONFIRMED;
        all->unconfirmed--;
    }

    if (!all->proven) {
        all->proven = 1;
        ngx_ess_call_channel_writable();
    }
}


/* Before it is confirmed. */

static void
ngx_ess_call_channel_returned(ngx_ess_amqp_channel_t *channel, uint64_t number)
{
    ngx_queue_t             *q;
    ngx_ess_call_channel_t  *ch;
    ngx_ess_call_message_t  *m;

    ch = ngx_ess_amqp_channel_data(channel);

    for (q = ngx_queue_head(&ch->sent);
         q != ngx_queue_sentinel(&ch->sent);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        if (m->serial == number) {
            ngx_ess_call_channel_fail(m, NGX_DECLINED, NULL);
            return;
        }
    }
}


static void
ngx_ess_call_channel_delivery(ngx_ess_amqp_channel_t *channel,
    ngx_ess_amqp_delivery_t *d)
{
    amqp_basic_properties_t  *properties;
    ngx_ess_call_pending_t   *pending;
    ngx_ess_call_message_t   *m;

    pending = NULL;
    properties = d->properties;

    if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
        pending = ngx_ess_call_pending_find(&ngx_ess_call_channels.pending,
                                            properties->correlation_id.bytes,
                                            properties->correlation_id.len);
    }

    if (pending == NULL) {
        ngx_ess_rpc_figures_call(NGX_ESS_CALL_LATE);
        return;
    }

    m = (ngx_ess_call_message_t *)
            ((u_char *) pending - offsetof(ngx_ess_call_message_t, pending));

    ngx_ess_call_channel_cancel(m);

    m->handler(m, NGX_OK, d, NULL);
}


/* A broker has no reason to, and could not be asked for replies again while it
   takes the old consumer for one. */

static void
ngx_ess_call_channel_canceled(ngx_ess_amqp_channel_t *channel, ngx_uint_t tag)
{
    ngx_ess_call_channel_t  *ch;

    ch = ngx_ess_amqp_channel_data(channel);

    ngx_ess_call_channel_fail_all(ch, &ngx_ess_call_channel_consumer);

    if (ch->state == NGX_ESS_CALL_CHANNEL_READY) {
        ngx_ess_call_channel_begin(ch);
    }
}


void
ngx_ess_call_channel_publish(ngx_ess_call_message_t *m)
{
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;
    ch = &all->channels[m->exchange];

    m->channel = ch;
    m->since = ngx_current_msec;
    m->state = NGX_ESS_CALL_WAITING;

    m->timer.handler = ngx_ess_call_channel_timer;
    m->timer.data = m;
    m->timer.log = all->log;

    ngx_queue_insert_tail(&ch->waiting, &m->link);

    if (all->down) {
        ngx_ess_call_channel_fail(m, NGX_BUSY, all->down);
        return;
    }

    if (ch->state == NGX_ESS_CALL_CHANNEL_REFUSED) {
        ngx_ess_call_channel_fail(m, NGX_BUSY, &ch->why);
        return;
    }

    if (ngx_ess_call_pending_add(&all->pending, &m->pending) != NGX_OK) {
        ngx_ess_call_channel_fail(m, NGX_ERROR, NULL);
        return;
    }

    ngx_add_timer(&m->timer, ngx_min(m->timeout, NGX_ESS_CALL_CHANNEL_CONFIRM));

    ngx_ess_call_channel_pump(ch);
}


void
ngx_ess_call_channel_cancel(ngx_ess_call_message_t *m)
{
    if (m->channel) {
        ngx_ess_call_channel_unlink(m);
        m->channel = NULL;
    }
}


/*
 * During an alarm the broker tells a new session so once something was
 * published: until it confirmed one, there is one at a time, or all of them
 * would be done when the alarm ends, long after they were answered.
 */

static void
ngx_ess_call_channel_pump(ngx_ess_call_channel_t *ch)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_ess_call_message_t   *m;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    while (ch->state == NGX_ESS_CALL_CHANNEL_READY
           && all->down == NULL
           && (all->proven || all->unconfirmed == 0)
           && !ngx_queue_empty(&ch->waiting))
    {
        q = ngx_queue_head(&ch->waiting);
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        m->serial = all->serial + 1;

        rc = ngx_ess_call_channel_send(ch, m);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            ngx_ess_call_channel_fail(m, NGX_ERROR, NULL);
            continue;
        }

        all->serial++;
        all->unconfirmed++;

        m->tag = ++ch->tag;
        m->state = NGX_ESS_CALL_SENT;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ch->sent, q);
    }
}


/* The message's id ends with its number, by which a returned one is known. */

static ngx_int_t
ngx_ess_call_channel_send(ngx_ess_call_channel_t *ch,
    ngx_ess_call_message_t *m)
{
    u_char                    id[2 * NGX_INT64_LEN + 1];
    u_char                    expiration[NGX_INT_T_LEN];
    ngx_str_t                 value;
    ngx_msec_t                waited;
    amqp_table_entry_t        headers[2];
    amqp_basic_publish_t      publish;
    amqp_basic_properties_t   properties;

    ngx_memzero(&publish, sizeof(amqp_basic_publish_t));

    publish.exchange = ngx_ess_call_channel_bytes(&ch->name);
    publish.routing_key = ngx_ess_call_channel_bytes(&m->queue);
    publish.mandatory = 1;

    ngx_memzero(&properties, sizeof(amqp_basic_properties_t));

    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG
                        |AMQP_BASIC_REPLY_TO_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_NONPERSISTENT;
    properties.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");

    waited = ngx_current_msec - m->since;

    value.data = expiration;
    value.len = ngx_sprintf(expiration, "%M",
                            waited < m->timeout ? m->timeout - waited : 1)
                - expiration;
    ngx_ess_call_channel_property(&properties, AMQP_BASIC_EXPIRATION_FLAG,
                                  &properties.expiration, &value);

    value.data = m->pending.id;
    value.len = NGX_ESS_CALL_PENDING_ID;
    ngx_ess_call_channel_property(&properties, AMQP_BASIC_CORRELATION_ID_FLAG,
                                  &properties.correlation_id, &value);

    value.data = id;
    value.len = ngx_sprintf(id, "%P-%uL", ngx_pid, m->serial) - id;
    ngx_ess_call_channel_property(&properties, AMQP_BASIC_MESSAGE_ID_FLAG,
                                  &properties.message_id, &value);

    ngx_ess_call_channel_property(&properties, AMQP_BASIC_CONTENT_TYPE_FLAG,
                                  &properties.content_type, &m->type);
    ngx_ess_call_channel_property(&properties, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                                  &properties.content_encoding, &m->coding);

    properties.headers.entries = headers;

    ngx_ess_call_channel_header(&properties.headers, "traceparent",
                                &m->traceparent);
    ngx_ess_call_channel_header(&properties.headers, "tracestate",
                                &m->tracestate);

    if (properties.headers.num_entries) {
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    }

    return ngx_ess_amqp_publish(ch->channel, &publish, &properties, &m->body);
}


static void
ngx_ess_call_channel_property(amqp_basic_properties_t *properties,
    amqp_flags_t flag, amqp_bytes_t *field, ngx_str_t *value)
{
    if (value->len) {
        properties->_flags |= flag;
        *field = ngx_ess_call_channel_bytes(value);
    }
}


static void
ngx_ess_call_channel_header(amqp_table_t *headers, const char *name,
    ngx_str_t *value)
{
    amqp_table_entry_t  *h;

    if (value->len == 0) {
        return;
    }

    h = &headers->entries[headers->num_entries++];

    h->key = amqp_cstring_bytes(name);
    h->value.kind = AMQP_FIELD_KIND_UTF8;
    h->value.value.bytes = ngx_ess_call_channel_bytes(value);
}


static void
ngx_ess_call_channel_timer(ngx_event_t *ev)
{
    ngx_int_t                rc;
    ngx_str_t               *why;
    ngx_msec_t               passed;
    ngx_ess_call_message_t  *m;

    m = ev->data;

    passed = ngx_current_msec - m->since;
    why = NULL;

    switch (m->state) {

    case NGX_ESS_CALL_FAILED:
        rc = m->rc;
        why = m->why;
        break;

    case NGX_ESS_CALL_WAITING:
        rc = NGX_BUSY;
        why = &ngx_ess_call_channel_not_ready;
        break;

    case NGX_ESS_CALL_SENT:

        if (passed < m->timeout) {
            rc = NGX_BUSY;
            why = &ngx_ess_call_channel_silent;
            break;
        }

        rc = NGX_ABORT;
        break;

    default:

        if (passed < m->timeout) {
            ngx_add_timer(ev, m->timeout - passed);
            return;
        }

        rc = NGX_ABORT;
    }

    ngx_ess_call_channel_cancel(m);

    m->handler(m, rc, NULL, why);
}


/* Its handler is called from the event. */

static void
ngx_ess_call_channel_fail(ngx_ess_call_message_t *m, ngx_int_t rc,
    ngx_str_t *why)
{
    ngx_ess_call_channel_unlink(m);

    m->state = NGX_ESS_CALL_FAILED;
    m->rc = rc;
    m->why = why;

    ngx_post_event(&m->timer, &ngx_posted_events);
}


static void
ngx_ess_call_channel_fail_queue(ngx_queue_t *queue, ngx_str_t *why)
{
    ngx_ess_call_message_t  *m;

    while (!ngx_queue_empty(queue)) {
        m = ngx_queue_data(ngx_queue_head(queue), ngx_ess_call_message_t,
                           link);

        ngx_ess_call_channel_fail(m, NGX_BUSY, why);
    }
}


static void
ngx_ess_call_channel_fail_all(ngx_ess_call_channel_t *ch, ngx_str_t *why)
{
    ngx_ess_call_channel_fail_queue(&ch->waiting, why);
    ngx_ess_call_channel_fail_queue(&ch->sent, why);
    ngx_ess_call_channel_fail_queue(&ch->confirmed, why);
}


/* Takes it off all lists, whatever its state. */

static void
ngx_ess_call_channel_unlink(ngx_ess_call_message_t *m)
{
    if (m->state != NGX_ESS_CALL_FAILED) {
        ngx_queue_remove(&m->link);
    }

    if (m->state == NGX_ESS_CALL_SENT) {
        ngx_ess_call_channels.unconfirmed--;
    }

    ngx_ess_call_pending_remove(&ngx_ess_call_channels.pending, &m->pending);
    ngx_ess_source_event_clear(&m->timer);
}


static ngx_inline amqp_bytes_t
ngx_ess_call_channel_bytes(ngx_str_t *s)
{
    amqp_bytes_t  bytes;

    bytes.bytes = s->data;
    bytes.len = s->len;

    return bytes;
}
