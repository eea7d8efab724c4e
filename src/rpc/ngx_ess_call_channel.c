
/*
 * Channels of calls: opened, each with its consumer of replies, and opened
 * again when the broker closes one.  The worker owns them.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_call_flight.h"
#include "ngx_ess_wait.h"


#define NGX_ESS_CALL_CHANNEL_TEXT  1024


typedef enum {
    NGX_ESS_CALL_CHANNEL_IDLE = 0,          /* there is no session */
    NGX_ESS_CALL_CHANNEL_DECLARING,         /* is there such an exchange? */
    NGX_ESS_CALL_CHANNEL_SELECTING,         /* confirm.select is under way */
    NGX_ESS_CALL_CHANNEL_CONSUMING,         /* basic.consume is */
    NGX_ESS_CALL_CHANNEL_READY,             /* messages are sent */
    NGX_ESS_CALL_CHANNEL_REFUSED            /* one of these was, or there is
                                               no channel: the timer begins
                                               anew */
} ngx_ess_call_channel_e;


typedef struct {
    ngx_ess_call_flight_t    flight;
    ngx_ess_call_channel_e   state;
    ngx_ess_amqp_op_t        op;
    ngx_uint_t               attempt;
    ngx_event_t              retry;
    ngx_str_t                why;           /* the broker's last words */
    u_char                   text[NGX_ESS_CALL_CHANNEL_TEXT];
    unsigned                 used:1;        /* a location publishes there */
    unsigned                 lost:1;        /* the channel was closed while an
                                               op was under way, and what was
                                               done on it before is void */
} ngx_ess_call_channel_t;


typedef struct {
    ngx_ess_call_channel_t  *channels;
    ngx_uint_t               n;
    ngx_ess_amqp_session_t  *session;       /* NULL: it is not open */
    ngx_str_t                blocked;       /* why, in "text" */
    u_char                   text[NGX_ESS_CALL_CHANNEL_TEXT];
} ngx_ess_call_channels_t;


static void ngx_ess_call_channel_create(ngx_ess_call_channel_t *ch);
static void ngx_ess_call_channel_begin(ngx_ess_call_channel_t *ch);
static void ngx_ess_call_channel_step(ngx_ess_call_channel_t *ch,
    ngx_ess_call_channel_e state);
static void ngx_ess_call_channel_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_refused(ngx_ess_call_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_later(ngx_ess_call_channel_t *ch,
    ngx_str_t *why);
static void ngx_ess_call_channel_why(ngx_ess_call_channel_t *ch,
    const char *what, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_retry(ngx_event_t *ev);
static void ngx_ess_call_channel_reopened(ngx_ess_amqp_channel_t *channel,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_call_channel_confirmed(ngx_ess_amqp_channel_t *channel,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static void ngx_ess_call_channel_returned(ngx_ess_amqp_channel_t *channel,
    uint64_t number, ngx_str_t *key);
static void ngx_ess_call_channel_delivery(ngx_ess_amqp_channel_t *channel,
    ngx_ess_amqp_delivery_t *d);
static void ngx_ess_call_channel_canceled(ngx_ess_amqp_channel_t *channel,
    ngx_uint_t tag);


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

    ngx_ess_call_flight_init(log);

    all->channels = ngx_calloc(conf->exchanges.nelts
                               * sizeof(ngx_ess_call_channel_t), log);
    if (all->channels == NULL) {
        return NGX_ERROR;
    }

    all->n = conf->exchanges.nelts;
    exchange = conf->exchanges.elts;

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        ngx_ess_call_flight_create(&ch->flight, &exchange[i]);

        ch->why.data = ch->text;
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
        ngx_ess_wait_clear(&all->channels[i].retry);
    }

    if (all->channels) {
        ngx_free(all->channels);
    }

    ngx_memzero(all, sizeof(ngx_ess_call_channels_t));
}


void
ngx_ess_call_channel_publish(ngx_ess_call_message_t *m)
{
    ngx_ess_call_flight_publish(
                      &ngx_ess_call_channels.channels[m->exchange].flight, m);
}


void
ngx_ess_call_channel_open(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t                i;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    all->session = s;

    ngx_ess_call_flight_down(NULL);
    ngx_ess_call_flight_unproven();

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        if (!ch->used) {
            continue;
        }

        ch->attempt = 0;
        ngx_ess_call_channel_create(ch);
    }
}


static void
ngx_ess_call_channel_create(ngx_ess_call_channel_t *ch)
{
    static ngx_str_t  none = ngx_string("there is no memory for a channel, or "
                                        "the broker allows no more of them");

    ch->flight.channel = ngx_ess_amqp_channel(ngx_ess_call_channels.session,
                                              &ngx_ess_call_channel_handlers,
                                              ch);
    if (ch->flight.channel) {
        ngx_ess_call_channel_begin(ch);
        return;
    }

    ngx_ess_call_channel_later(ch, &none);
}


void
ngx_ess_call_channel_close(void)
{
    ngx_uint_t                i;
    ngx_ess_call_channel_t   *ch;
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    all->session = NULL;

    ngx_ess_call_flight_down(&ngx_ess_call_channel_unreachable);

    for (i = 0; i < all->n; i++) {
        ch = &all->channels[i];

        ngx_ess_wait_clear(&ch->retry);

        ch->state = NGX_ESS_CALL_CHANNEL_IDLE;
        ch->flight.channel = NULL;
        ch->flight.ready = 0;
        ch->flight.refused = NULL;

        ngx_ess_call_flight_fail(&ch->flight, &ngx_ess_call_channel_gone);
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

    ngx_ess_call_flight_down(&ngx_ess_call_channel_unreachable);

    for (i = 0; i < all->n; i++) {
        ngx_ess_call_flight_fail(&all->channels[i].flight,
                                 &ngx_ess_call_channel_unreachable);
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
    ngx_ess_call_channels_t  *all;

    all = &ngx_ess_call_channels;

    if (reason == NULL) {

        if (all->session) {
            ngx_ess_call_flight_down(NULL);
            ngx_ess_call_channel_writable();
        }

        return;
    }

    all->blocked.data = all->text;
    all->blocked.len = ngx_slprintf(all->text,
                                    all->text + NGX_ESS_CALL_CHANNEL_TEXT,
                                    "the broker blocks those who publish: "
                                    "\"%V\"", reason)
                       - all->text;

    ngx_ess_call_flight_down(&all->blocked);

    for (i = 0; i < all->n; i++) {
        ngx_ess_call_flight_fail_unconfirmed(&all->channels[i].flight,
                                             &all->blocked);
    }
}


void
ngx_ess_call_channel_writable(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_ess_call_channels.n; i++) {
        ngx_ess_call_flight_pump(&ngx_ess_call_channels.channels[i].flight);
    }
}


static void
ngx_ess_call_channel_begin(ngx_ess_call_channel_t *ch)
{
    ch->lost = 0;
    ch->flight.tag = 0;
    ch->flight.ready = 0;

    /* the default exchange is always there */

    ngx_ess_call_channel_step(ch, ch->flight.exchange.len
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

        declare->exchange = ngx_ess_call_message_bytes(&ch->flight.exchange);
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
        ch->flight.ready = 1;
        ch->flight.refused = NULL;
        ngx_ess_call_flight_pump(&ch->flight);
        return;
    }

    ngx_ess_amqp_op(ch->flight.channel, &ch->op);
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


/* Calls are refused with the broker's words until it takes them. */

static void
ngx_ess_call_channel_refused(ngx_ess_call_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    static ngx_str_t  none = ngx_string("it cannot be encoded");

    if (code == 0) {
        text = &none;
    }

    ngx_ess_call_channel_why(ch, "the broker takes no calls", code, text);

    ngx_ess_amqp_trouble_once(ngx_ess_call_channels.session, NGX_LOG_ERR,
                              "broker takes no calls of ess_rpc", code, text);

    ngx_ess_call_channel_later(ch, &ch->why);
}


/* Calls are refused with that text, until another try does better. */

static void
ngx_ess_call_channel_later(ngx_ess_call_channel_t *ch, ngx_str_t *why)
{
    ch->state = NGX_ESS_CALL_CHANNEL_REFUSED;
    ch->flight.refused = why;

    ngx_ess_call_flight_fail(&ch->flight, why);

    ngx_add_timer(&ch->retry, ngx_ess_backoff(ch->attempt));
    ch->attempt++;
}


static void
ngx_ess_call_channel_why(ngx_ess_call_channel_t *ch, const char *what,
    ngx_uint_t code, ngx_str_t *text)
{
    ch->why.len = ngx_slprintf(ch->text, ch->text + NGX_ESS_CALL_CHANNEL_TEXT,
                               "%s: %ui \"%V\"", what, code, text)
                  - ch->text;
}


static void
ngx_ess_call_channel_retry(ngx_event_t *ev)
{
    ngx_ess_call_channel_t  *ch;

    ch = ev->data;

    if (ch->flight.channel) {
        ngx_ess_call_channel_begin(ch);

    } else {
        ngx_ess_call_channel_create(ch);
    }
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

    ngx_ess_call_channel_why(ch, "the broker refused a call", code, text);

    ngx_ess_call_flight_fail_sent(&ch->flight, &ch->why);

    ngx_ess_call_channel_begin(ch);
}


static void
ngx_ess_call_channel_confirmed(ngx_ess_amqp_channel_t *channel, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_ess_call_channel_t  *ch;

    ch = ngx_ess_amqp_channel_data(channel);

    if (ngx_ess_call_flight_confirmed(&ch->flight, tag, multiple, ok)) {
        ngx_ess_call_channel_writable();
    }
}


static void
ngx_ess_call_channel_returned(ngx_ess_amqp_channel_t *channel, uint64_t number,
    ngx_str_t *key)
{
    ngx_ess_call_channel_t  *ch;

    ch = ngx_ess_amqp_channel_data(channel);

    ngx_ess_call_flight_returned(&ch->flight, number);
}


static void
ngx_ess_call_channel_delivery(ngx_ess_amqp_channel_t *channel,
    ngx_ess_amqp_delivery_t *d)
{
    ngx_ess_call_flight_delivery(d);
}


/* A broker has no reason to, and takes no second consumer in its place. */

static void
ngx_ess_call_channel_canceled(ngx_ess_amqp_channel_t *channel, ngx_uint_t tag)
{
    ngx_ess_call_channel_t  *ch;

    ch = ngx_ess_amqp_channel_data(channel);

    ngx_ess_call_flight_fail(&ch->flight, &ngx_ess_call_channel_consumer);

    if (ch->state == NGX_ESS_CALL_CHANNEL_READY) {
        ngx_ess_call_channel_begin(ch);
    }
}
