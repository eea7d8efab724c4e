
/*
 * Publishing with confirms.  Publications wait in order until their events are
 * sent, and take turns: an event each.  What was sent stands in the list of
 * what the broker is to confirm, which is short: it delays who comes later.  An
 * event that comes back without a queue is known by the number at
 * the end of its message id; when there is a stream for it, its key is bound
 * again, and it is sent once more.  All state is the worker's; a publication
 * is its caller's, and off all lists before it is answered.
 */


#include "ngx_ess_amqp_publish.h"
#include "ngx_ess_amqp_slot.h"


/* publications that wait; more are refused */
#define NGX_ESS_AMQP_PUBLISH_WAITING  4096

/* events that the broker has yet to confirm; more are not sent */
#define NGX_ESS_AMQP_PUBLISH_SENT  2048

#define NGX_ESS_AMQP_PUBLISH_PERSISTENT  2

#define NGX_ESS_AMQP_UNCONSUMED                                               \
    "no worker consumes the queue of this routing key"


/* an event that was sent */

typedef struct {
    ngx_queue_t                    queue;
    uint64_t                       tag;     /* its number on the channel */
    uint64_t                       serial;  /* in the session */
    ngx_ess_source_publish_t      *pub;     /* NULL: nobody waits */
    ngx_uint_t                     n;       /* its number in the publication */
    unsigned                       returned:1;
} ngx_ess_amqp_publish_sent_t;


typedef struct {
    ngx_ess_amqp_worker_t         *worker;
    ngx_ess_amqp_conf_t           *conf;
    ngx_ess_zone_t                *zone;
    ngx_log_t                     *log;
    ngx_ess_amqp_session_t        *session; /* NULL: none */
    ngx_ess_amqp_channel_t        *channel;
    ngx_ess_amqp_op_t              op;
    amqp_confirm_select_t          select;
    ngx_event_t                    retry;   /* set: it was refused */
    ngx_uint_t                     attempt;
    unsigned                       selecting:1;     /* op is under way */
    unsigned                       ready:1; /* the channel confirms */
    unsigned                       proven:1;    /* an event was confirmed in
                                               this session */
    unsigned                       blocked:1;   /* by an alarm of the broker */
    u_char                         blocked_text[NGX_ESS_BROKER_TEXT];
                                            /* null terminated */

    uint64_t                       tag;     /* of the last event sent */
    uint64_t                       serial;
    ngx_queue_t                    waiting; /* publications */
    ngx_uint_t                     nwaiting;
    ngx_queue_t                    sent;    /* events, in order */
    ngx_uint_t                     nsent;
    ngx_event_t                    idle;    /* posted: the session may go */
} ngx_ess_amqp_publish_t;


static void ngx_ess_amqp_publish_refuse(ngx_event_handler_pt handler);
static void ngx_ess_amqp_publish_post(ngx_ess_source_publish_t *pub,
    ngx_event_handler_pt handler);
static void ngx_ess_amqp_publish_no_exchange(ngx_event_t *ev);
static void ngx_ess_amqp_publish_alarm(ngx_event_t *ev);
static void ngx_ess_amqp_publish_refused(ngx_event_t *ev);
static void ngx_ess_amqp_publish_late(ngx_event_t *ev);
static void ngx_ess_amqp_publish_unconsumed(ngx_event_t *ev);
static ngx_uint_t ngx_ess_amqp_publish_missing(
    ngx_ess_source_publish_t *pub);
static void ngx_ess_amqp_publish_pump(void);
static ngx_int_t ngx_ess_amqp_publish_event(ngx_ess_source_publish_t *pub);
static ngx_int_t ngx_ess_amqp_publish_send(ngx_ess_source_publish_t *pub);
static void ngx_ess_amqp_publish_settle(ngx_ess_amqp_publish_sent_t *sent,
    ngx_uint_t ok);
static void ngx_ess_amqp_publish_confirmed(ngx_ess_source_publish_t *pub);
static void ngx_ess_amqp_publish_restore(ngx_ess_source_publish_t *pub);
static void ngx_ess_amqp_publish_forget(ngx_ess_amqp_publish_sent_t *sent);
static void ngx_ess_amqp_publish_remove(ngx_ess_source_publish_t *pub);
static void ngx_ess_amqp_publish_done(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, const char *text);
static void ngx_ess_amqp_publish_answer(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_amqp_publish_fail(ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_amqp_publish_idle(ngx_event_t *ev);

static void ngx_ess_amqp_publish_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_publish_select(void);
static void ngx_ess_amqp_publish_selected(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_publish_retry(ngx_event_t *ev);
static void ngx_ess_amqp_publish_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_publish_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_amqp_publish_canceled(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t tag);
static void ngx_ess_amqp_publish_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_publish_closed(ngx_ess_amqp_channel_t *ch);
static void ngx_ess_amqp_publish_batch(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_publish_confirm(ngx_ess_amqp_channel_t *ch,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
static void ngx_ess_amqp_publish_returned(ngx_ess_amqp_channel_t *ch,
    uint64_t serial);
static void ngx_ess_amqp_publish_writable(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_publish_failed(ngx_ess_amqp_session_t *s,
    ngx_str_t *text);
static void ngx_ess_amqp_publish_blocked(ngx_ess_amqp_session_t *s,
    ngx_str_t *reason);
static void ngx_ess_amqp_publish_unblocked(ngx_ess_amqp_publish_t *p);


static const ngx_ess_amqp_handlers_t  ngx_ess_amqp_publish_handlers = {
    ngx_ess_amqp_publish_open,
    ngx_ess_amqp_publish_close,
    ngx_ess_amqp_publish_delivery,
    ngx_ess_amqp_publish_canceled,
    ngx_ess_amqp_publish_reopened,
    ngx_ess_amqp_publish_closed,
    ngx_ess_amqp_publish_batch,
    ngx_ess_amqp_publish_confirm,
    ngx_ess_amqp_publish_returned,
    ngx_ess_amqp_publish_writable,
    ngx_ess_amqp_publish_failed,
    ngx_ess_amqp_publish_blocked
};


/* this process's */
static ngx_ess_amqp_publish_t  ngx_ess_amqp_publisher;


void
ngx_ess_amqp_publish_init(ngx_ess_amqp_worker_t *w)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    ngx_memzero(p, sizeof(ngx_ess_amqp_publish_t));

    p->worker = w;
    p->conf = w->conf;
    p->zone = w->zone;
    p->log = w->log;

    ngx_queue_init(&p->waiting);
    ngx_queue_init(&p->sent);

    p->idle.handler = ngx_ess_amqp_publish_idle;
    p->idle.log = w->log;

    p->retry.handler = ngx_ess_amqp_publish_retry;
    p->retry.log = w->log;
    p->retry.cancelable = 1;
}


void
ngx_ess_amqp_publish_exit(void)
{
    ngx_queue_t                  *q;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    if (p->idle.posted) {
        ngx_delete_posted_event(&p->idle);
    }

    if (p->retry.timer_set) {
        ngx_del_timer(&p->retry);
    }

    if (p->session) {
        ngx_ess_amqp_destroy(p->session);
        p->session = NULL;
    }

    while (!ngx_queue_empty(&p->sent)) {
        q = ngx_queue_head(&p->sent);
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);

        ngx_ess_amqp_publish_forget(sent);
    }
}


void
ngx_ess_amqp_publish_events(ngx_ess_source_publish_t *pub)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    if (p->session == NULL) {
        p->session = ngx_ess_amqp_create(p->conf,
                                         &ngx_ess_amqp_publish_handlers, p, 0,
                                         p->log);
    }

    if (p->session == NULL || p->nwaiting >= NGX_ESS_AMQP_PUBLISH_WAITING) {

        /* the answer never comes from within this call */

        pub->sent = pub->n;
        pub->timer.handler = ngx_ess_amqp_publish_refused;
        ngx_post_event(&pub->timer, &ngx_posted_events);
        return;
    }

    if (ngx_ess_amqp_publish_missing(pub)) {
        pub->sent = pub->n;
        pub->timer.handler = ngx_ess_amqp_publish_unconsumed;
        ngx_post_event(&pub->timer, &ngx_posted_events);
        return;
    }

    ngx_queue_insert_tail(&p->waiting, &pub->queue);
    p->nwaiting++;

    pub->timer.handler = ngx_ess_amqp_publish_late;
    ngx_add_timer(&pub->timer, NGX_ESS_SOURCE_PUBLISH_TIME);

    /* a stream that is listed before the event is sent is bound */

    pub->listed = (pub->source == NGX_ESS_SOURCE_EXCHANGE
                   && ngx_ess_amqp_restore_listed(p->worker, &pub->key));

    ngx_ess_amqp_publish_pump();
}


void
ngx_ess_amqp_publish_exchange(void)
{
    ngx_ess_amqp_publish_pump();
}


/* Nothing can be published: those who wait are told, from an event, for this
   may be within the call. */

static void
ngx_ess_amqp_publish_refuse(ngx_event_handler_pt handler)
{
    ngx_queue_t               *q;
    ngx_ess_amqp_publish_t    *p;
    ngx_ess_source_publish_t  *pub;

    p = &ngx_ess_amqp_publisher;

    while (!ngx_queue_empty(&p->waiting)) {
        q = ngx_queue_head(&p->waiting);
        pub = ngx_queue_data(q, ngx_ess_source_publish_t, queue);

        ngx_ess_amqp_publish_post(pub, handler);
    }
}


static void
ngx_ess_amqp_publish_post(ngx_ess_source_publish_t *pub,
    ngx_event_handler_pt handler)
{
    ngx_ess_amqp_publish_remove(pub);

    if (pub->timer.timer_set) {
        ngx_del_timer(&pub->timer);
    }

    pub->timer.handler = handler;
    ngx_post_event(&pub->timer, &ngx_posted_events);
}


static void
ngx_ess_amqp_publish_no_exchange(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_done(ev->data, NGX_BUSY, (char *)
                              ngx_ess_amqp_publisher.worker->exchange_text);
}


static void
ngx_ess_amqp_publish_alarm(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_done(ev->data, NGX_BUSY, (char *)
                              ngx_ess_amqp_publisher.blocked_text);
}


static void
ngx_ess_amqp_publish_refused(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_done(ev->data, NGX_BUSY,
                              "too much waits to be published, or there is "
                              "no memory");
}


static void
ngx_ess_amqp_publish_late(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_done(ev->data, NGX_BUSY,
                              "the broker did not confirm it for 2 seconds");
}


/* what is published to a queue that nobody can consume would be accepted,
   and not come */

static void
ngx_ess_amqp_publish_unconsumed(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_done(ev->data, NGX_BUSY, NGX_ESS_AMQP_UNCONSUMED);
}


/* 1: the slot of its key, with patterns any slot, is not consumed, and it is
   known why */

static ngx_uint_t
ngx_ess_amqp_publish_missing(ngx_ess_source_publish_t *pub)
{
    uint32_t                   slots;
    ngx_ess_amqp_publish_t    *p;
    ngx_ess_broker_trouble_t   trouble;

    p = &ngx_ess_amqp_publisher;

    if (pub->source != NGX_ESS_SOURCE_EXCHANGE) {
        return 0;
    }

    slots = ngx_ess_broker_missing(p->zone, NGX_ESS_BROKER_GRACE);

    if (!p->conf->topic) {
        slots &= (uint32_t) 1 << ngx_ess_stream_slot(&pub->key);
    }

    return slots
           && ngx_ess_broker_own(p->zone, NGX_ESS_BROKER_CONSUMING, &trouble)
              == NGX_OK;
}


void
ngx_ess_amqp_publish_cancel(ngx_ess_source_publish_t *pub)
{
    ngx_ess_amqp_publish_remove(pub);
}


/* sends what can be sent, an event of each publication in turn */

static void
ngx_ess_amqp_publish_pump(void)
{
    ngx_int_t                  rc;
    ngx_queue_t               *q;
    ngx_ess_amqp_publish_t    *p;
    ngx_ess_source_publish_t  *pub;

    p = &ngx_ess_amqp_publisher;

    if (p->blocked) {
        ngx_ess_amqp_publish_refuse(ngx_ess_amqp_publish_alarm);
        return;
    }

    if (p->worker->exchange == NGX_ESS_AMQP_REFUSED) {
        ngx_ess_amqp_publish_refuse(ngx_ess_amqp_publish_no_exchange);
        return;
    }

    /* During an alarm the broker tells a new session so once something was
       published: nobody else is to wait behind that. */

    while (p->ready
           && p->worker->exchange == NGX_ESS_AMQP_READY
           && p->nsent < NGX_ESS_AMQP_PUBLISH_SENT
           && (p->proven || ngx_queue_empty(&p->sent))
           && !ngx_queue_empty(&p->waiting))
    {

        q = ngx_queue_head(&p->waiting);
        pub = ngx_queue_data(q, ngx_ess_source_publish_t, queue);

        rc = ngx_ess_amqp_publish_event(pub);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_ERROR) {

            /* answered from the event: this may be within the call */

            ngx_ess_amqp_publish_post(pub, ngx_ess_amqp_publish_refused);
        }
    }
}


static ngx_int_t
ngx_ess_amqp_publish_event(ngx_ess_source_publish_t *pub)
{
    ngx_int_t                     rc;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    sent = ngx_alloc(sizeof(ngx_ess_amqp_publish_sent_t), p->log);
    if (sent == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ess_amqp_publish_send(pub);

    if (rc != NGX_OK) {
        ngx_free(sent);
        return rc;
    }

    sent->tag = ++p->tag;
    sent->serial = p->serial;
    sent->pub = pub;
    sent->n = pub->sent;
    sent->returned = 0;

    ngx_queue_insert_tail(&p->sent, &sent->queue);
    p->nsent++;
    ngx_ess_shm_count(p->zone, NGX_ESS_C_UNCONFIRMED, 1);

    pub->unconfirmed++;

    ngx_queue_remove(&pub->queue);

    if (++pub->sent == pub->n) {
        p->nwaiting--;

    } else {
        ngx_queue_insert_tail(&p->waiting, &pub->queue);
    }

    ngx_add_timer(&pub->timer, NGX_ESS_SOURCE_PUBLISH_TIME);

    return NGX_OK;
}


/* The message id makes each event differ from all others, also in the
   fingerprint by which a redelivered one is recognised. */

static ngx_int_t
ngx_ess_amqp_publish_send(ngx_ess_source_publish_t *pub)
{
    u_char                    id[2 * NGX_INT64_LEN + 1];
    u_char                    uuid[NGX_ESS_UUID_TEXT];
    uint64_t                  now;
    amqp_table_entry_t        headers[2];
    amqp_basic_publish_t      publish;
    ngx_ess_amqp_publish_t   *p;
    amqp_basic_properties_t   properties;

    p = &ngx_ess_amqp_publisher;
    now = ngx_ess_now();

    ngx_memzero(&publish, sizeof(amqp_basic_publish_t));

    if (pub->source == NGX_ESS_SOURCE_EXCHANGE) {
        publish.exchange.bytes = p->conf->exchange.data;
        publish.exchange.len = p->conf->exchange.len;

    } else {
        /* the default exchange: to the queue of that name */
        publish.exchange = amqp_empty_bytes;
    }

    publish.routing_key.bytes = pub->key.data;
    publish.routing_key.len = pub->key.len;
    publish.mandatory = 1;

    ngx_memzero(&properties, sizeof(amqp_basic_properties_t));

    properties._flags = AMQP_BASIC_HEADERS_FLAG
                        |AMQP_BASIC_DELIVERY_MODE_FLAG
                        |AMQP_BASIC_MESSAGE_ID_FLAG
                        |AMQP_BASIC_TIMESTAMP_FLAG;

    properties.delivery_mode = NGX_ESS_AMQP_PUBLISH_PERSISTENT;
    properties.timestamp = now / 1000;
    properties.message_id.bytes = id;
    properties.message_id.len = ngx_sprintf(id, "%P-%uL", ngx_pid,
                                            p->serial + 1)
                                - id;

    if (pub->type.len && pub->type.len <= 255) {
        properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        properties.content_type.bytes = pub->type.data;
        properties.content_type.len = pub->type.len;
    }

    headers[0].key = amqp_cstring_bytes("timestamp_in_ms");
    headers[0].value.kind = AMQP_FIELD_KIND_I64;
    headers[0].value.value.i64 = (int64_t) now;

    properties.headers.entries = headers;
    properties.headers.num_entries = 1;

    if (pub->uuid) {
        headers[1].key = amqp_cstring_bytes(NGX_ESS_AMQP_UUID_HEADER);
        headers[1].value.kind = AMQP_FIELD_KIND_UTF8;
        headers[1].value.value.bytes.bytes = uuid;
        headers[1].value.value.bytes.len =
                             ngx_ess_stream_uuid_text(uuid, pub->uuid) - uuid;

        properties.headers.num_entries = 2;
    }

    if (p->channel == NULL) {
        return NGX_AGAIN;
    }

    switch (ngx_ess_amqp_publish(p->channel, &publish, &properties,
                                 &pub->bodies[pub->sent]))
    {
    case NGX_OK:
        p->serial++;
        return NGX_OK;

    case NGX_AGAIN:
        return NGX_AGAIN;

    default:
        return NGX_ERROR;
    }
}


static void
ngx_ess_amqp_publish_settle(ngx_ess_amqp_publish_sent_t *sent, ngx_uint_t ok)
{
    ngx_ess_source_publish_t  *pub;

    pub = sent->pub;

    ngx_ess_shm_count(ngx_ess_amqp_publisher.zone, NGX_ESS_C_PUBLISHED,
                      (int64_t) ok);

    if (pub) {

        if (!ok) {
            pub->rc = NGX_ERROR;

        } else if (sent->returned && pub->returned++ == 0) {
            pub->first = sent->n;
        }

        pub->unconfirmed--;
    }

    ngx_ess_amqp_publish_forget(sent);

    if (pub == NULL) {
        return;
    }

    if (pub->unconfirmed == 0 && pub->sent == pub->n) {
        ngx_ess_amqp_publish_confirmed(pub);

    } else {
        ngx_add_timer(&pub->timer, NGX_ESS_SOURCE_PUBLISH_TIME);
    }
}


/* All its events were sent, and taken or not. */

static void
ngx_ess_amqp_publish_confirmed(ngx_ess_source_publish_t *pub)
{
    ngx_ess_amqp_worker_t  *w;

    w = ngx_ess_amqp_publisher.worker;

    if (pub->rc != NGX_OK || pub->returned == 0) {
        ngx_ess_amqp_publish_done(pub, pub->rc,
                                  "the broker could not take it");

    } else if (pub->source != NGX_ESS_SOURCE_EXCHANGE) {
        ngx_ess_amqp_publish_done(pub, NGX_DECLINED, "");

    } else if (!pub->again) {
        ngx_ess_amqp_publish_restore(pub);

    } else if (ngx_ess_amqp_restore_listed(w, &pub->key)) {
        ngx_ess_amqp_publish_done(pub, NGX_BUSY, "the routing key was not "
                                  "bound in the broker, and has gone again");

    } else {
        ngx_ess_amqp_publish_done(pub, NGX_DECLINED, "");
    }
}


static void
ngx_ess_amqp_publish_restore(ngx_ess_source_publish_t *pub)
{
    switch (ngx_ess_amqp_restore(ngx_ess_amqp_publisher.worker, pub)) {

    case NGX_OK:
        pub->restoring = 1;
        break;

    case NGX_DECLINED:
        ngx_ess_amqp_publish_done(pub, NGX_DECLINED, "");
        break;

    case NGX_BUSY:
        ngx_ess_amqp_publish_done(pub, NGX_BUSY, "the routing key is not bound "
                                  "in the broker, and is being bound again");
        break;

    default:
        ngx_ess_amqp_publish_done(pub, NGX_BUSY, "no memory");
    }
}


/* Events behind those that came back cannot be overtaken any more: should
   there be any, the publisher has to decide. */

void
ngx_ess_amqp_publish_restored(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    pub->restoring = 0;

    if (rc != NGX_OK) {
        ngx_ess_amqp_publish_answer(pub, rc, text);
        return;
    }

    if (pub->returned != pub->n - pub->first) {
        ngx_ess_amqp_publish_done(pub, NGX_BUSY, "the routing key was not "
                                  "bound in the broker, and some of the "
                                  "events were taken");
        return;
    }

    pub->again = 1;
    pub->sent = pub->first;
    pub->returned = 0;

    ngx_queue_insert_tail(&p->waiting, &pub->queue);
    p->nwaiting++;

    ngx_ess_amqp_publish_pump();
}


static void
ngx_ess_amqp_publish_forget(ngx_ess_amqp_publish_sent_t *sent)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    ngx_queue_remove(&sent->queue);
    ngx_free(sent);

    p->nsent--;
    ngx_ess_shm_count(p->zone, NGX_ESS_C_UNCONFIRMED, -1);
}


/* Off all lists. */

static void
ngx_ess_amqp_publish_remove(ngx_ess_source_publish_t *pub)
{
    ngx_queue_t                  *q;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    if (pub->restoring) {
        ngx_queue_remove(&pub->queue);
        pub->restoring = 0;
    }

    if (pub->sent < pub->n) {
        ngx_queue_remove(&pub->queue);
        p->nwaiting--;
        pub->sent = pub->n;
    }

    for (q = ngx_queue_head(&p->sent);
         pub->unconfirmed && q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);

        if (sent->pub == pub) {
            sent->pub = NULL;
            pub->unconfirmed--;
        }
    }

    if (p->session && !ngx_ess_amqp_is_open(p->session) && p->nwaiting == 0) {
        ngx_post_event(&p->idle, &ngx_posted_events);
    }
}


static void
ngx_ess_amqp_publish_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    const char *text)
{
    u_char     buf[NGX_ESS_BROKER_WHY];
    ngx_str_t  why;

    ngx_ess_broker_why(ngx_ess_amqp_publisher.zone, NGX_ESS_BROKER_PUBLISHING,
                       text, buf, &why);

    ngx_ess_amqp_publish_answer(pub, rc, &why);
}


static void
ngx_ess_amqp_publish_answer(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_amqp_publish_remove(pub);

    if (pub->timer.timer_set) {
        ngx_del_timer(&pub->timer);
    }

    pub->handler(pub, rc, text);
}


/* What was sent is not going to be confirmed. */

static void
ngx_ess_amqp_publish_fail(ngx_int_t rc, ngx_str_t *text)
{
    ngx_queue_t                  *q;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_source_publish_t     *pub;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    p->ready = 0;
    p->tag = 0;

    while (!ngx_queue_empty(&p->sent)) {
        q = ngx_queue_head(&p->sent);
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);
        pub = sent->pub;

        ngx_ess_amqp_publish_forget(sent);

        if (pub) {
            pub->unconfirmed--;
            ngx_ess_amqp_publish_answer(pub, rc, text);
        }
    }
}


/* Without a connection and without anybody who needs one. */

static void
ngx_ess_amqp_publish_idle(ngx_event_t *ev)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    if (p->session && !ngx_ess_amqp_is_open(p->session) && p->nwaiting == 0) {
        ngx_ess_amqp_destroy(p->session);

        p->session = NULL;
        p->channel = NULL;

        ngx_ess_broker_well(p->zone, NGX_ESS_BROKER_PUBLISHING);
    }
}


static void
ngx_ess_amqp_publish_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    ngx_ess_shm_count(p->zone, NGX_ESS_C_SESSIONS, 1);

    p->channel = ngx_ess_amqp_channel(s, p);

    p->selecting = 0;

    if (p->channel) {
        ngx_ess_amqp_publish_select();
    }
}


static void
ngx_ess_amqp_publish_select(void)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    /* an op that is under way is sent again by itself */

    if (p->selecting || p->retry.timer_set) {
        return;
    }

    p->selecting = 1;

    ngx_memzero(&p->select, sizeof(amqp_confirm_select_t));

    ngx_ess_amqp_op(p->channel, &p->op, AMQP_CONFIRM_SELECT_METHOD, &p->select,
                    AMQP_CONFIRM_SELECT_OK_METHOD,
                    ngx_ess_amqp_publish_selected, p);
}


static void
ngx_ess_amqp_publish_selected(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_amqp_publish_t  *p;

    p = &ngx_ess_amqp_publisher;

    p->selecting = 0;

    if (rc == NGX_OK) {
        p->ready = 1;
        p->attempt = 0;
        ngx_ess_broker_well(p->zone, NGX_ESS_BROKER_PUBLISHING);
        ngx_ess_amqp_publish_pump();

    } else if (rc == NGX_DECLINED) {
        ngx_ess_amqp_log_once(p->session, NGX_LOG_ERR,
                              "broker refused to confirm", code, text);

        ngx_add_timer(&p->retry, ngx_ess_source_backoff(p->attempt));
        p->attempt++;
    }
}


static void
ngx_ess_amqp_publish_retry(ngx_event_t *ev)
{
    if (ngx_ess_amqp_publisher.channel) {
        ngx_ess_amqp_publish_select();
    }
}


static void
ngx_ess_amqp_publish_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_publish_t  *p;

    static ngx_str_t  text =
        ngx_string("the broker went away before it confirmed it");

    p = &ngx_ess_amqp_publisher;

    p->channel = NULL;
    p->proven = 0;

    ngx_ess_amqp_publish_unblocked(p);
    ngx_ess_amqp_publish_fail(NGX_BUSY, &text);

    if (p->nwaiting == 0) {
        ngx_post_event(&p->idle, &ngx_posted_events);
    }
}


static void
ngx_ess_amqp_publish_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery)
{
}


static void
ngx_ess_amqp_publish_canceled(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag)
{
}


static void
ngx_ess_amqp_publish_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    u_char                  buf[NGX_ESS_BROKER_TEXT];
    ngx_str_t               words;
    ngx_ess_amqp_worker_t  *w;

    w = ngx_ess_amqp_publisher.worker;

    words.data = buf;
    words.len = ngx_slprintf(buf, buf + sizeof(buf),
                             "the broker refused it: %ui \"%V\"", code, text)
                - buf;

    ngx_ess_amqp_publish_fail(NGX_ERROR, &words);

    ngx_ess_amqp_publish_select();

    if (code == AMQP_NOT_FOUND) {
        ngx_ess_amqp_exchange_gone(w);
        ngx_ess_amqp_exchange_kick(w);
    }
}


static void
ngx_ess_amqp_publish_closed(ngx_ess_amqp_channel_t *ch)
{
}


static void
ngx_ess_amqp_publish_batch(ngx_ess_amqp_session_t *s)
{
}


static void
ngx_ess_amqp_publish_confirm(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_queue_t                  *q, *next;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);

        if (sent->tag > tag) {
            break;
        }

        if (multiple || sent->tag == tag) {
            ngx_ess_amqp_publish_settle(sent, ok);
        }
    }

    p->proven = 1;

    ngx_ess_amqp_publish_pump();
}


static void
ngx_ess_amqp_publish_returned(ngx_ess_amqp_channel_t *ch, uint64_t serial)
{
    ngx_queue_t                  *q;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);

        if (sent->serial == serial) {
            sent->returned = 1;
            return;
        }
    }
}


static void
ngx_ess_amqp_publish_writable(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_publish_pump();
}


static void
ngx_ess_amqp_publish_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_broker_failed(ngx_ess_amqp_publisher.zone,
                          NGX_ESS_BROKER_PUBLISHING,
                          ngx_ess_amqp_node_name(s), text);
}


/* What was sent already may yet be taken, but nobody knows when. */

static void
ngx_ess_amqp_publish_blocked(ngx_ess_amqp_session_t *s, ngx_str_t *reason)
{
    ngx_str_t                     text;
    ngx_queue_t                  *q;
    ngx_ess_amqp_publish_t       *p;
    ngx_ess_amqp_publish_sent_t  *sent;

    p = &ngx_ess_amqp_publisher;

    if (reason == NULL) {
        ngx_ess_amqp_publish_unblocked(p);
        ngx_ess_broker_well(p->zone, NGX_ESS_BROKER_PUBLISHING);
        return;
    }

    text.data = p->blocked_text;
    text.len = ngx_slprintf(p->blocked_text,
                            p->blocked_text + sizeof(p->blocked_text) - 1,
                            "the broker blocks those who publish: \"%V\"",
                            reason)
               - p->blocked_text;
    text.data[text.len] = '\0';

    p->blocked = 1;

    ngx_ess_shm_gauge(p->zone, NGX_ESS_C_BLOCKED, 1);
    ngx_ess_broker_failed(p->zone, NGX_ESS_BROKER_PUBLISHING,
                          ngx_ess_amqp_node_name(s), &text);

    for (q = ngx_queue_head(&p->sent);
         q != ngx_queue_sentinel(&p->sent);
         q = ngx_queue_next(q))
    {
        sent = ngx_queue_data(q, ngx_ess_amqp_publish_sent_t, queue);

        if (sent->pub) {
            ngx_ess_amqp_publish_answer(sent->pub, NGX_BUSY, &text);
        }
    }

    ngx_ess_amqp_publish_pump();
}


static void
ngx_ess_amqp_publish_unblocked(ngx_ess_amqp_publish_t *p)
{
    p->blocked = 0;

    ngx_ess_shm_gauge(p->zone, NGX_ESS_C_BLOCKED, 0);
}
