
/*
 * Messages to queues: what waits, what was sent and is not confirmed, and what
 * is sent again.  When the broker closes the channel it does not say because of
 * which message: half of those that it may be are sent, and so on, until it is
 * one alone.  All state is the worker's; a message is its caller's, and off
 * all lists before it is answered.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_rpc_publisher.h"
#include "ngx_ess_str.h"
#include "ngx_ess_wait.h"


/* messages that the broker has yet to confirm; more are not sent */
#define NGX_ESS_RPC_PUBLISHER_SENT  2048

/* connections that end within so many ms after a message was sent, while it is
   all that was sent on them */
#define NGX_ESS_RPC_PUBLISHER_DEATHS  3
#define NGX_ESS_RPC_PUBLISHER_DEADLY  5000

/* ms until it is tried again for which there was no memory */
#define NGX_ESS_RPC_PUBLISHER_MEMORY  1000


typedef struct {
    ngx_ess_amqp_session_t  *session;
    ngx_ess_amqp_channel_t  *channel;       /* NULL: no connection */
    ngx_ess_amqp_op_t        op;            /* confirm.select */

    ngx_queue_t              waiting;       /* suspects are its first ones */
    ngx_queue_t              sent;          /* by tag */
    ngx_queue_t              done;          /* to be answered, in this call */
    ngx_uint_t               nsent;
    ngx_uint_t               nsuspects;     /* of "waiting" and "sent" */
    ngx_uint_t               window;        /* most in "sent", while there are
                                               suspects */
    uint64_t                 tag;           /* last one of the channel */
    ngx_msec_t               sent_at;       /* of that one */

    ngx_event_t              turn;          /* posted, or a timer: pump */
    ngx_event_t              retry;         /* confirm.select again */
    ngx_uint_t               attempt;       /* of that */

    unsigned                 selecting:1;
    unsigned                 ready:1;       /* the channel confirms */
    unsigned                 canceled:1;    /* one that was sent on the channel
                                               is not in "sent" any more */
} ngx_ess_rpc_publisher_t;


static void ngx_ess_rpc_publisher_event(ngx_event_t *ev,
    ngx_event_handler_pt handler, ngx_log_t *log);
static void ngx_ess_rpc_publisher_select(ngx_event_t *ev);
static void ngx_ess_rpc_publisher_selected(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_rpc_publisher_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_rpc_publisher_again(void);
static void ngx_ess_rpc_publisher_confirmed(ngx_ess_amqp_channel_t *ch,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static void ngx_ess_rpc_publisher_returned(ngx_ess_amqp_channel_t *ch,
    uint64_t number, ngx_str_t *key);
static void ngx_ess_rpc_publisher_turn(ngx_event_t *ev);
static void ngx_ess_rpc_publisher_pump(void);
static ngx_int_t ngx_ess_rpc_publisher_send(ngx_ess_rpc_publish_t *pub);
static void ngx_ess_rpc_publisher_remove(ngx_ess_rpc_publish_t *pub);


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_rpc_publisher_channel = {
    .reopened = ngx_ess_rpc_publisher_reopened,
    .confirmed = ngx_ess_rpc_publisher_confirmed,
    .returned = ngx_ess_rpc_publisher_returned
};


static ngx_ess_rpc_publisher_t  ngx_ess_rpc_publisher;


void
ngx_ess_rpc_publisher_init(ngx_log_t *log)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    ngx_memzero(p, sizeof(ngx_ess_rpc_publisher_t));

    ngx_queue_init(&p->waiting);
    ngx_queue_init(&p->sent);
    ngx_queue_init(&p->done);

    ngx_ess_rpc_publisher_event(&p->turn, ngx_ess_rpc_publisher_turn, log);
    ngx_ess_rpc_publisher_event(&p->retry, ngx_ess_rpc_publisher_select, log);
}


static void
ngx_ess_rpc_publisher_event(ngx_event_t *ev, ngx_event_handler_pt handler,
    ngx_log_t *log)
{
    ev->handler = handler;
    ev->data = &ngx_ess_rpc_publisher;
    ev->log = log;
    ev->cancelable = 1;
}


void
ngx_ess_rpc_publisher_exit(void)
{
    ngx_ess_wait_clear(&ngx_ess_rpc_publisher.turn);
    ngx_ess_wait_clear(&ngx_ess_rpc_publisher.retry);
}


void
ngx_ess_rpc_publisher_publish(ngx_ess_rpc_publish_t *pub)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    pub->returned = 0;
    pub->sent = 0;
    pub->suspect = 0;
    pub->deaths = 0;

    ngx_queue_insert_tail(&p->waiting, &pub->link);
    ngx_post_event(&p->turn, &ngx_posted_events);
}


void
ngx_ess_rpc_publisher_cancel(ngx_ess_rpc_publish_t *pub)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    p->canceled |= pub->sent;

    ngx_ess_rpc_publisher_remove(pub);

    /* there is room for another one */

    ngx_post_event(&p->turn, &ngx_posted_events);
}


static void
ngx_ess_rpc_publisher_remove(ngx_ess_rpc_publish_t *pub)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    ngx_queue_remove(&pub->link);

    p->nsent -= pub->sent;
    p->nsuspects -= pub->suspect;

    pub->sent = 0;
    pub->suspect = 0;
}


void
ngx_ess_rpc_publisher_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    p->session = s;
    p->selecting = 0;
    p->channel = ngx_ess_amqp_channel(s, &ngx_ess_rpc_publisher_channel, NULL);

    if (p->channel == NULL) {

        /* no memory, or a broker that allows no channel */

        ngx_add_timer(&p->retry, ngx_ess_backoff(p->attempt++));
        return;
    }

    ngx_ess_rpc_publisher_select(&p->retry);
}


static void
ngx_ess_rpc_publisher_select(ngx_event_t *ev)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    /* what is under way is sent again by itself */

    if (p->session == NULL || p->selecting || p->retry.timer_set) {
        return;
    }

    if (p->channel == NULL) {
        ngx_ess_rpc_publisher_open(p->session);
        return;
    }

    p->selecting = 1;

    (void) ngx_ess_amqp_op_init(&p->op, AMQP_CONFIRM_SELECT_METHOD,
                                ngx_ess_rpc_publisher_selected, p);

    ngx_ess_amqp_op(p->channel, &p->op);
}


static void
ngx_ess_rpc_publisher_selected(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    p->selecting = 0;

    if (rc == NGX_OK) {
        p->tag = 0;
        p->ready = 1;
        p->attempt = 0;
        ngx_ess_rpc_publisher_pump();

    } else if (rc == NGX_DECLINED) {
        ngx_ess_amqp_trouble_once(p->session, NGX_LOG_ERR,
                                  "broker refused to confirm", code, text);

        ngx_add_timer(&p->retry, ngx_ess_backoff(p->attempt++));
    }
}


/*
 * RabbitMQ (run: 3.10) ends the connection, not the channel, when it cannot
 * decode the address of a direct reply-to, or does not know its node: so it is
 * the same search as for a channel.  But a connection ends for other reasons,
 * too: once is not enough.
 */

void
ngx_ess_rpc_publisher_close(void)
{
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    static ngx_str_t  text = ngx_string("the broker ends the connection each "
                                        "time that it is sent");

    p = &ngx_ess_rpc_publisher;

    p->session = NULL;
    p->channel = NULL;
    p->ready = 0;

    ngx_ess_wait_clear(&p->retry);

    pub = NULL;
    n = p->nsent;

    if (n == 1 && !p->canceled) {
        q = ngx_queue_head(&p->sent);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        pub->deaths += (ngx_current_msec - p->sent_at
                        < NGX_ESS_RPC_PUBLISHER_DEADLY);

        if (pub->deaths < NGX_ESS_RPC_PUBLISHER_DEATHS) {
            pub = NULL;

        } else {
            ngx_ess_rpc_publisher_remove(pub);
        }
    }

    if (n) {
        p->window = ngx_max(n / 2, 1);
    }

    ngx_ess_rpc_publisher_again();

    if (pub) {
        pub->handler(pub, NGX_ERROR, &text);
    }
}


void
ngx_ess_rpc_publisher_writable(void)
{
    ngx_ess_rpc_publisher_pump();
}


/* One of those that it has not confirmed is why. */

static void
ngx_ess_rpc_publisher_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    u_char                    buf[NGX_ESS_AMQP_TEXT];
    ngx_str_t                 words;
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    pub = NULL;
    p->ready = 0;
    n = p->nsent;

    if (n == 1 && !p->canceled) {
        q = ngx_queue_head(&p->sent);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        ngx_ess_rpc_publisher_remove(pub);

    } else if (n) {
        p->window = ngx_max(n / 2, 1);
    }

    ngx_ess_rpc_publisher_again();
    ngx_ess_rpc_publisher_select(&p->retry);

    if (pub) {
        words.data = buf;
        words.len = ngx_slprintf(buf, buf + sizeof(buf),
                                 "the broker refused it: %ui \"%V\"", code,
                                 text)
                    - buf;

        pub->handler(pub, NGX_ERROR, &words);
    }
}


/* What was sent comes first, in the same order, and is suspect. */

static void
ngx_ess_rpc_publisher_again(void)
{
    ngx_queue_t              *q;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    while (!ngx_queue_empty(&p->sent)) {
        q = ngx_queue_last(&p->sent);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        ngx_queue_remove(q);
        ngx_queue_insert_head(&p->waiting, q);

        pub->sent = 0;
        pub->returned = 0;

        if (!pub->suspect) {
            pub->suspect = 1;
            p->nsuspects++;
        }
    }

    p->nsent = 0;
    p->canceled = 0;
}


static void
ngx_ess_rpc_publisher_confirmed(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_queue_t              *q, *next;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    static ngx_str_t  none = ngx_null_string;
    static ngx_str_t  refused = ngx_string("the broker did not take it, the "
                                           "queue may be full");

    p = &ngx_ess_rpc_publisher;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        if (pub->tag > tag) {
            break;
        }

        if (multiple || pub->tag == tag) {
            ngx_ess_rpc_publisher_remove(pub);
            ngx_queue_insert_tail(&p->done, &pub->link);
        }
    }

    if (p->nsent == 0 && p->window < NGX_ESS_RPC_PUBLISHER_SENT) {
        p->window *= 2;
    }

    /* a handler may cancel others */

    while (!ngx_queue_empty(&p->done)) {
        q = ngx_queue_head(&p->done);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        ngx_queue_remove(q);

        if (ok) {
            pub->handler(pub, pub->returned ? NGX_DECLINED : NGX_OK, &none);

        } else {
            pub->handler(pub, NGX_BUSY, &refused);
        }
    }

    ngx_ess_rpc_publisher_pump();
}


/* Before its confirm comes.  Which of those to the queue it was does not
   matter: without the queue none of them is there. */

static void
ngx_ess_rpc_publisher_returned(ngx_ess_amqp_channel_t *ch, uint64_t number,
    ngx_str_t *key)
{
    ngx_queue_t              *q;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    p = &ngx_ess_rpc_publisher;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        if (pub->mandatory && ngx_ess_str_equal(&pub->queue, key)) {
            pub->returned = 1;
        }
    }
}


static void
ngx_ess_rpc_publisher_turn(ngx_event_t *ev)
{
    ngx_ess_rpc_publisher_pump();
}


/* sends what can be sent; what cannot be encoded is answered */

static void
ngx_ess_rpc_publisher_pump(void)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_ess_rpc_publish_t    *pub;
    ngx_ess_rpc_publisher_t  *p;

    static ngx_str_t  text = ngx_string("its properties cannot be encoded, or "
                                        "are larger than the broker allows");

    p = &ngx_ess_rpc_publisher;

    while (p->ready
           && p->nsent < (p->nsuspects ? p->window
                                       : NGX_ESS_RPC_PUBLISHER_SENT)
           && !ngx_queue_empty(&p->waiting))
    {
        q = ngx_queue_head(&p->waiting);
        pub = ngx_queue_data(q, ngx_ess_rpc_publish_t, link);

        rc = ngx_ess_rpc_publisher_send(pub);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_add_timer(&p->turn, NGX_ESS_RPC_PUBLISHER_MEMORY);
            return;
        }

        if (rc == NGX_DECLINED) {
            ngx_ess_rpc_publisher_remove(pub);
            pub->handler(pub, NGX_ERROR, &text);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&p->sent, q);

        pub->sent = 1;
        pub->tag = ++p->tag;
        p->sent_at = ngx_current_msec;
        p->nsent++;
    }
}


static ngx_int_t
ngx_ess_rpc_publisher_send(ngx_ess_rpc_publish_t *pub)
{
    amqp_basic_publish_t  publish;

    ngx_memzero(&publish, sizeof(amqp_basic_publish_t));

    publish.routing_key.bytes = pub->queue.data;
    publish.routing_key.len = pub->queue.len;
    publish.mandatory = pub->mandatory;

    return ngx_ess_amqp_publish(ngx_ess_rpc_publisher.channel, &publish,
                                pub->properties, &pub->body);
}
