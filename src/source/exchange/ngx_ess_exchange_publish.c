
/*
 * Publishing with confirms.  Publications wait in order until their events are
 * sent, and take turns: an event each.  What was sent stands in the list of
 * what the broker is to confirm, which is short: it delays who comes later.  An
 * event that comes back without a queue is known by the number at
 * the end of its message id; when there is a stream for it, its key is bound
 * again, and it is sent once more.  All state is the worker's; a publication
 * is its caller's, and off all lists before it is answered.
 */


#include "ngx_ess_exchange_publish.h"
#include "ngx_ess_exchange_restore.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_rabbitmq_key.h"
#include "ngx_ess_wait.h"


/* publications that wait; more are refused */
#define NGX_ESS_EXCHANGE_PUBLISH_WAITING  4096

/* events that the broker has yet to confirm; more are not sent */
#define NGX_ESS_EXCHANGE_PUBLISH_SENT  2048

#define NGX_ESS_EXCHANGE_PUBLISH_PERSISTENT  2

#define NGX_ESS_EXCHANGE_PUBLISH_FULL                                         \
    "too much waits to be published, or there is no memory"


static void ngx_ess_exchange_publish_refuse(const char *why);
static void ngx_ess_exchange_publish_post(ngx_ess_source_publish_t *pub,
    const char *why);
static void ngx_ess_exchange_publish_refused(ngx_event_t *ev);
static ngx_uint_t ngx_ess_exchange_publish_missing(
    ngx_ess_source_publish_t *pub);
static ngx_int_t ngx_ess_exchange_publish_event(ngx_ess_source_publish_t *pub);
static ngx_int_t ngx_ess_exchange_publish_send(ngx_ess_source_publish_t *pub);
static void ngx_ess_exchange_publish_confirmed(ngx_ess_source_publish_t *pub);
static void ngx_ess_exchange_publish_restore(ngx_ess_source_publish_t *pub);
static void ngx_ess_exchange_publish_done(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, const char *text);


ngx_ess_exchange_publish_t  ngx_ess_exchange_publish;


void
ngx_ess_exchange_publish_events(ngx_ess_source_publish_t *pub)
{
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_exchange_publish_t  *p;

    w = &ngx_ess_exchange_worker;
    p = &ngx_ess_exchange_publish;

    pub->timer.handler = ngx_ess_exchange_publish_refused;
    pub->why = "the broker did not confirm it for 2 seconds";

    ngx_queue_insert_tail(&p->waiting, &pub->queue);
    p->nwaiting++;

    if (p->session == NULL
        || p->nwaiting > NGX_ESS_EXCHANGE_PUBLISH_WAITING)
    {
        ngx_ess_exchange_publish_post(pub, NGX_ESS_EXCHANGE_PUBLISH_FULL);
        return;
    }

    if (ngx_ess_exchange_publish_missing(pub)) {

        /* it would be accepted, and not come */

        ngx_ess_exchange_publish_post(pub, "no worker consumes the queue of "
                                      "this routing key");
        return;
    }

    ngx_add_timer(&pub->timer, NGX_ESS_SOURCE_PUBLISH_TIME);

    /*
     * A stream that is listed before the event is sent is bound.  Which are is
     * asked when the event comes back, by their ids, but not while there are
     * some of which these do not tell.
     */

    if (pub->source == NGX_ESS_SOURCE_EXCHANGE) {
        pub->listed = ngx_ess_stream_listed_below(w->zone);

        if (pub->listed == 0
            && ngx_ess_exchange_restore_listed(w, &pub->key))
        {
            pub->listed = (uint64_t) -1;
        }
    }

    ngx_ess_exchange_publish_pump();
}


/* Nothing can be published: those who wait are told. */

static void
ngx_ess_exchange_publish_refuse(const char *why)
{
    ngx_queue_t  *q, *waiting;

    waiting = &ngx_ess_exchange_publish.waiting;

    while (!ngx_queue_empty(waiting)) {
        q = ngx_queue_head(waiting);

        ngx_ess_exchange_publish_post(
                          ngx_queue_data(q, ngx_ess_source_publish_t, queue),
                          why);
    }
}


/* The answer never comes from within the call. */

static void
ngx_ess_exchange_publish_post(ngx_ess_source_publish_t *pub, const char *why)
{
    ngx_ess_exchange_publish_cancel(pub);

    ngx_ess_wait_clear(&pub->timer);

    pub->why = why;
    ngx_post_event(&pub->timer, &ngx_posted_events);
}


static void
ngx_ess_exchange_publish_refused(ngx_event_t *ev)
{
    ngx_ess_source_publish_t  *pub;

    pub = ev->data;

    ngx_ess_exchange_publish_done(pub, NGX_BUSY, pub->why);
}


/* 1: the slot of its key, with patterns any slot, is not consumed, and it is
   known why */

static ngx_uint_t
ngx_ess_exchange_publish_missing(ngx_ess_source_publish_t *pub)
{
    uint32_t                    slots;
    ngx_ess_broker_trouble_t    trouble;
    ngx_ess_exchange_worker_t  *w;

    w = &ngx_ess_exchange_worker;

    if (pub->source != NGX_ESS_SOURCE_EXCHANGE) {
        return 0;
    }

    slots = ngx_ess_broker_missing(w->zone, NGX_ESS_BROKER_GRACE);

    if (!w->conf->topic) {
        slots &= (uint32_t) 1 << ngx_ess_stream_slot(&pub->key);
    }

    return slots
           && ngx_ess_broker_own(w->zone, NGX_ESS_BROKER_CONSUMING, &trouble)
              == NGX_OK;
}


/* sends what can be sent, an event of each publication in turn */

void
ngx_ess_exchange_publish_pump(void)
{
    ngx_int_t                    rc;
    ngx_queue_t                 *q;
    ngx_ess_source_publish_t    *pub;
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_exchange_publish_t  *p;

    w = &ngx_ess_exchange_worker;
    p = &ngx_ess_exchange_publish;

    if (p->blocked) {
        ngx_ess_exchange_publish_refuse((char *) p->blocked_text);
        return;
    }

    if (w->exchange.state == NGX_ESS_EXCHANGE_REFUSED) {
        ngx_ess_exchange_publish_refuse((char *) w->exchange_text);
        return;
    }

    /* During an alarm the broker tells a new session so once something was
       published: nobody else is to wait behind that. */

    while (p->ready
           && w->exchange.state == NGX_ESS_EXCHANGE_READY
           && p->nsent < NGX_ESS_EXCHANGE_PUBLISH_SENT
           && (p->proven || ngx_queue_empty(&p->sent))
           && !ngx_queue_empty(&p->waiting))
    {
        q = ngx_queue_head(&p->waiting);
        pub = ngx_queue_data(q, ngx_ess_source_publish_t, queue);

        rc = ngx_ess_exchange_publish_event(pub);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            ngx_ess_exchange_publish_post(pub, NGX_ESS_EXCHANGE_PUBLISH_FULL);
        }
    }
}


static ngx_int_t
ngx_ess_exchange_publish_event(ngx_ess_source_publish_t *pub)
{
    ngx_int_t                         rc;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    sent = ngx_alloc(sizeof(ngx_ess_exchange_publish_sent_t), pub->log);
    if (sent == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ess_exchange_publish_send(pub);

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
    ngx_ess_counter_add(ngx_ess_exchange_worker.zone, NGX_ESS_C_UNCONFIRMED, 1);

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
ngx_ess_exchange_publish_send(ngx_ess_source_publish_t *pub)
{
    u_char                       id[2 * NGX_INT64_LEN + 1];
    u_char                       uuid[NGX_ESS_UUID_TEXT];
    uint64_t                     now;
    ngx_int_t                    rc;
    amqp_table_entry_t           headers[3], *h;
    amqp_basic_publish_t         publish;
    ngx_ess_exchange_publish_t  *p;
    amqp_basic_properties_t      properties;

    p = &ngx_ess_exchange_publish;
    now = ngx_ess_now();

    ngx_memzero(&publish, sizeof(amqp_basic_publish_t));

    /* without a name, to the queue of that name: the default exchange */

    if (pub->source == NGX_ESS_SOURCE_EXCHANGE) {
        publish.exchange = ngx_ess_exchange_worker_bytes(
                                     &ngx_ess_exchange_worker.conf->exchange);
    }

    publish.routing_key = ngx_ess_exchange_worker_bytes(&pub->key);
    publish.mandatory = 1;

    ngx_memzero(&properties, sizeof(amqp_basic_properties_t));

    properties._flags = AMQP_BASIC_HEADERS_FLAG
                        |AMQP_BASIC_DELIVERY_MODE_FLAG
                        |AMQP_BASIC_MESSAGE_ID_FLAG
                        |AMQP_BASIC_TIMESTAMP_FLAG;

    properties.delivery_mode = NGX_ESS_EXCHANGE_PUBLISH_PERSISTENT;
    properties.timestamp = now / 1000;
    properties.message_id.bytes = id;
    properties.message_id.len = ngx_sprintf(id, "%P-%uL", ngx_pid,
                                            p->serial + 1)
                                - id;

    if (pub->type.len && pub->type.len <= 255) {
        properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        properties.content_type = ngx_ess_exchange_worker_bytes(&pub->type);
    }

    h = headers;

    h->key = amqp_cstring_bytes("timestamp_in_ms");
    h->value.kind = AMQP_FIELD_KIND_I64;
    h->value.value.i64 = (int64_t) now;
    h++;

    if (pub->uuid) {
        h->key = amqp_cstring_bytes(NGX_ESS_EXCHANGE_UUID_HEADER);
        h->value.kind = AMQP_FIELD_KIND_UTF8;
        h->value.value.bytes.bytes = uuid;
        h->value.value.bytes.len = ngx_ess_stream_uuid_text(uuid, pub->uuid)
                                   - uuid;
        h++;
    }

    if (pub->event_key.len) {
        h->key = amqp_cstring_bytes(NGX_ESS_RABBITMQ_KEY_HEADER);
        h->value.kind = AMQP_FIELD_KIND_UTF8;
        h->value.value.bytes = ngx_ess_exchange_worker_bytes(&pub->event_key);
        h++;
    }

    properties.headers.entries = headers;
    properties.headers.num_entries = h - headers;

    rc = ngx_ess_amqp_publish(p->channel, &publish, &properties,
                              &pub->bodies[pub->sent]);

    p->serial += (rc == NGX_OK);

    return rc;
}


void
ngx_ess_exchange_publish_settle(ngx_ess_exchange_publish_sent_t *sent,
    ngx_uint_t ok)
{
    ngx_ess_source_publish_t  *pub;

    pub = sent->pub;

    ngx_ess_counter_add(ngx_ess_exchange_worker.zone, NGX_ESS_C_PUBLISHED,
                        (int64_t) ok);

    if (pub) {

        if (!ok) {
            pub->rc = NGX_ERROR;

        } else if (sent->returned && pub->returned++ == 0) {
            pub->first = sent->n;
        }

        pub->unconfirmed--;
    }

    ngx_ess_exchange_publish_forget(sent);

    if (pub == NULL) {
        return;
    }

    if (pub->unconfirmed == 0 && pub->sent == pub->n) {
        ngx_ess_exchange_publish_confirmed(pub);

    } else {
        ngx_add_timer(&pub->timer, NGX_ESS_SOURCE_PUBLISH_TIME);
    }
}


/* All its events were sent, and taken or not. */

static void
ngx_ess_exchange_publish_confirmed(ngx_ess_source_publish_t *pub)
{
    if (pub->rc != NGX_OK || pub->returned == 0) {
        ngx_ess_exchange_publish_done(pub, pub->rc,
                                      "the broker could not take it");

    } else if (pub->source != NGX_ESS_SOURCE_EXCHANGE) {
        ngx_ess_exchange_publish_done(pub, NGX_DECLINED, "");

    } else if (!pub->again) {
        ngx_ess_exchange_publish_restore(pub);

    } else if (ngx_ess_exchange_restore_listed(&ngx_ess_exchange_worker,
                                               &pub->key))
    {
        ngx_ess_exchange_publish_done(pub, NGX_BUSY,
                                      "the routing key was not bound in the "
                                      "broker, and has gone again");

    } else {
        ngx_ess_exchange_publish_done(pub, NGX_DECLINED, "");
    }
}


static void
ngx_ess_exchange_publish_restore(ngx_ess_source_publish_t *pub)
{
    ngx_int_t  rc;

    rc = ngx_ess_exchange_restore(&ngx_ess_exchange_worker, pub);

    if (rc == NGX_OK) {
        pub->restoring = 1;

    } else if (rc == NGX_DECLINED) {
        ngx_ess_exchange_publish_done(pub, NGX_DECLINED, "");

    } else {
        ngx_ess_exchange_publish_done(pub, NGX_BUSY, (rc == NGX_BUSY)
                                      ? "the routing key is not bound in the "
                                        "broker, and is being bound again"
                                      : "no memory");
    }
}


/* Events behind those that came back cannot be overtaken any more: should
   there be any, the publisher has to decide. */

void
ngx_ess_exchange_publish_restored(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    pub->restoring = 0;

    if (rc != NGX_OK) {
        ngx_ess_exchange_publish_answer(pub, rc, text);
        return;
    }

    if (pub->returned != pub->n - pub->first) {
        ngx_ess_exchange_publish_done(pub, NGX_BUSY, "the routing key was not "
                                      "bound in the broker, and some of the "
                                      "events were taken");
        return;
    }

    pub->again = 1;
    pub->sent = pub->first;
    pub->returned = 0;

    ngx_queue_insert_tail(&p->waiting, &pub->queue);
    p->nwaiting++;

    ngx_ess_exchange_publish_pump();
}


void
ngx_ess_exchange_publish_forget(ngx_ess_exchange_publish_sent_t *sent)
{
    ngx_ess_exchange_publish_t  *p;

    p = &ngx_ess_exchange_publish;

    ngx_queue_remove(&sent->queue);
    ngx_free(sent);

    p->nsent--;
    ngx_ess_counter_add(ngx_ess_exchange_worker.zone, NGX_ESS_C_UNCONFIRMED,
                        -1);
}


/* Off all lists. */

void
ngx_ess_exchange_publish_cancel(ngx_ess_source_publish_t *pub)
{
    ngx_queue_t                      *q;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

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
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);

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
ngx_ess_exchange_publish_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    const char *text)
{
    u_char     buf[NGX_ESS_BROKER_WHY];
    ngx_str_t  why;

    ngx_ess_broker_why(ngx_ess_exchange_worker.zone,
                       NGX_ESS_BROKER_PUBLISHING, text, buf, &why);

    ngx_ess_exchange_publish_answer(pub, rc, &why);
}


void
ngx_ess_exchange_publish_answer(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_exchange_publish_cancel(pub);

    ngx_ess_wait_clear(&pub->timer);

    pub->handler(pub, rc, text);
}


/* What was sent is not going to be confirmed. */

void
ngx_ess_exchange_publish_fail(ngx_int_t rc, ngx_str_t *text)
{
    ngx_queue_t                      *q;
    ngx_ess_source_publish_t         *pub;
    ngx_ess_exchange_publish_t       *p;
    ngx_ess_exchange_publish_sent_t  *sent;

    p = &ngx_ess_exchange_publish;

    p->ready = 0;
    p->tag = 0;

    while (!ngx_queue_empty(&p->sent)) {
        q = ngx_queue_head(&p->sent);
        sent = ngx_queue_data(q, ngx_ess_exchange_publish_sent_t, queue);
        pub = sent->pub;

        ngx_ess_exchange_publish_forget(sent);

        if (pub) {
            pub->unconfirmed--;
            ngx_ess_exchange_publish_answer(pub, rc, text);
        }
    }
}
