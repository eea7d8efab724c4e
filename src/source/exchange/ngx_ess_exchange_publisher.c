
/*
 * The session that publishes: opened with the first publication, confirmed
 * event by event, given up while nobody needs it and there is no connection.
 * All state is the worker's.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_exchange_publish.h"
#include "ngx_ess_exchange_publisher.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_wait.h"


static void ngx_ess_exchange_publisher_idle(ngx_event_t *ev);

static void ngx_ess_exchange_publisher_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_publisher_select(ngx_event_t *ev);
static void ngx_ess_exchange_publisher_selected(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_publisher_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_publisher_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_publisher_confirmed(ngx_ess_amqp_channel_t *ch,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static void ngx_ess_exchange_publisher_returned(ngx_ess_amqp_channel_t *ch,
    uint64_t serial, ngx_str_t *key);
static void ngx_ess_exchange_publisher_writable(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_publisher_failed(ngx_ess_amqp_session_t *s,
    ngx_str_t *text);
static void ngx_ess_exchange_publisher_blocked(ngx_ess_amqp_session_t *s,
    ngx_str_t *reason);
static void ngx_ess_exchange_publisher_set_blocked(ngx_uint_t blocked);


static const ngx_ess_amqp_handlers_t  ngx_ess_exchange_publisher_handlers = {
    .open = ngx_ess_exchange_publisher_open,
    .close = ngx_ess_exchange_publisher_close,
    .writable = ngx_ess_exchange_publisher_writable,
    .failed = ngx_ess_exchange_publisher_failed,
    .blocked = ngx_ess_exchange_publisher_blocked
};


static const ngx_ess_amqp_channel_handlers_t
    ngx_ess_exchange_publisher_channel =
{
    .reopened = ngx_ess_exchange_publisher_reopened,
    .confirmed = ngx_ess_exchange_publisher_confirmed,
    .returned = ngx_ess_exchange_publisher_returned
};


void
ngx_ess_exchange_publisher_init(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    ngx_memzero(p, sizeof(ngx_ess_exchange_publish_t));

    ngx_queue_init(&p->waiting);
    ngx_queue_init(&p->sent);

    ngx_ess_exchange_worker_event(w, &p->idle, ngx_ess_exchange_publisher_idle);
    ngx_ess_exchange_worker_event(w, &p->retry,
                                  ngx_ess_exchange_publisher_select);
}


void
ngx_ess_exchange_publisher_exit(void)
{
    ngx_queue_t                      *q;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    ngx_ess_wait_clear(&p->idle);
    ngx_ess_wait_clear(&p->retry);

    if (p->session) {
        ngx_ess_amqp_destroy(p->session);
        p->session = NULL;
    }

    while (!ngx_queue_empty(&p->sent)) {
        q = ngx_queue_head(&p->sent);
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);

        ngx_ess_exchange_publish_forget(sent);
    }
}


void
ngx_ess_exchange_publisher_publish(ngx_ess_source_publish_t *pub)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    if (p->session == NULL) {
        p->session = ngx_ess_amqp_create(&ngx_ess_exchange_worker.conf->amqp,
                                         &ngx_ess_exchange_publisher_handlers,
                                         p, 0, ngx_ess_exchange_worker.log);
    }

    ngx_ess_exchange_publish_events(pub);
}


/* Without a connection and without anybody who needs one. */

static void
ngx_ess_exchange_publisher_idle(ngx_event_t *ev)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    if (p->session && !ngx_ess_amqp_is_open(p->session) && p->nwaiting == 0) {
        ngx_ess_amqp_destroy(p->session);

        p->session = NULL;
        p->channel = NULL;

        ngx_ess_broker_well(ngx_ess_exchange_worker.zone,
                            NGX_ESS_BROKER_PUBLISHING);
    }
}


static void
ngx_ess_exchange_publisher_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    ngx_ess_counter_add(ngx_ess_exchange_worker.zone, NGX_ESS_C_SESSIONS, 1);

    p->channel = ngx_ess_amqp_channel(s, &ngx_ess_exchange_publisher_channel,
                                      p);

    p->selecting = 0;

    ngx_ess_exchange_publisher_select(&p->retry);
}


static void
ngx_ess_exchange_publisher_select(ngx_event_t *ev)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    /* an op that is under way is sent again by itself */

    if (p->channel == NULL || p->selecting || p->retry.timer_set) {
        return;
    }

    p->selecting = 1;

    (void) ngx_ess_amqp_op_init(&p->op, AMQP_CONFIRM_SELECT_METHOD,
                                ngx_ess_exchange_publisher_selected, p);

    ngx_ess_amqp_op(p->channel, &p->op);
}


static void
ngx_ess_exchange_publisher_selected(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    p->selecting = 0;

    if (rc == NGX_OK) {
        p->ready = 1;
        p->attempt = 0;
        ngx_ess_broker_well(ngx_ess_exchange_worker.zone,
                            NGX_ESS_BROKER_PUBLISHING);
        ngx_ess_exchange_publish_pump();

    } else if (rc == NGX_DECLINED) {
        ngx_ess_amqp_trouble_once(p->session, NGX_LOG_ERR,
                                  "broker refused to confirm", code, text);

        ngx_add_timer(&p->retry, ngx_ess_backoff(p->attempt));
        p->attempt++;
    }
}


static void
ngx_ess_exchange_publisher_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_publish_t  *p;

    static ngx_str_t  text =
        ngx_string("the broker went away before it confirmed it");

    p = &ngx_ess_exchange_publish;

    p->channel = NULL;
    p->proven = 0;

    ngx_ess_exchange_publisher_set_blocked(0);
    ngx_ess_exchange_publish_fail(NGX_BUSY, &text);

    if (p->nwaiting == 0) {
        ngx_post_event(&p->idle, &ngx_posted_events);
    }
}


static void
ngx_ess_exchange_publisher_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    u_char                      buf[NGX_ESS_BROKER_TEXT];
    ngx_str_t                   words;
    ngx_ess_exchange_worker_t  *w;

    w = &ngx_ess_exchange_worker;

    words.data = buf;
    words.len = ngx_slprintf(buf, buf + sizeof(buf),
                             "the broker refused it: %ui \"%V\"", code, text)
                - buf;

    ngx_ess_exchange_publish_fail(NGX_ERROR, &words);

    ngx_ess_exchange_publisher_select(&ngx_ess_exchange_publish.retry);

    if (code == AMQP_NOT_FOUND) {
        ngx_ess_exchange_worker_gone(w);
        ngx_ess_exchange_worker_kick(w);
    }
}


static void
ngx_ess_exchange_publisher_confirmed(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_queue_t                      *q, *next;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);

        if (sent->tag > tag) {
            break;
        }

        if (multiple || sent->tag == tag) {
            ngx_ess_exchange_publish_settle(sent, ok);
        }
    }

    p->proven = 1;

    ngx_ess_exchange_publish_pump();
}


static void
ngx_ess_exchange_publisher_returned(ngx_ess_amqp_channel_t *ch, uint64_t serial,
    ngx_str_t *key)
{
    ngx_queue_t                      *q;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);

        if (sent->serial == serial) {
            sent->returned = 1;
            return;
        }
    }
}


static void
ngx_ess_exchange_publisher_writable(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_publish_pump();
}


static void
ngx_ess_exchange_publisher_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_broker_failed(ngx_ess_exchange_worker.zone,
                          NGX_ESS_BROKER_PUBLISHING,
                          ngx_ess_amqp_node_name(s), text);
}


/* What was sent already may yet be taken, but nobody knows when. */

static void
ngx_ess_exchange_publisher_blocked(ngx_ess_amqp_session_t *s, ngx_str_t *reason)
{
    ngx_str_t                         text;
    ngx_queue_t                      *q;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    if (reason == NULL) {
        ngx_ess_exchange_publisher_set_blocked(0);
        ngx_ess_broker_well(ngx_ess_exchange_worker.zone,
                            NGX_ESS_BROKER_PUBLISHING);
        return;
    }

    text.data = p->blocked_text;
    text.len = ngx_slprintf(p->blocked_text,
                            p->blocked_text + sizeof(p->blocked_text) - 1,
                            "the broker blocks those who publish: \"%V\"",
                            reason)
               - p->blocked_text;
    text.data[text.len] = '\0';

    ngx_ess_exchange_publisher_set_blocked(1);
    ngx_ess_exchange_publisher_failed(s, &text);

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);

        if (sent->pub) {
            ngx_ess_exchange_publish_answer(sent->pub, NGX_BUSY, &text);
        }
    }

    ngx_ess_exchange_publish_pump();
}


static void
ngx_ess_exchange_publisher_set_blocked(ngx_uint_t blocked)
{
    ngx_ess_exchange_publish.blocked = blocked;

    ngx_ess_counter_set(ngx_ess_exchange_worker.zone, NGX_ESS_C_BLOCKED,
                        blocked);
}
