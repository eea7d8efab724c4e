
/*
 * Exchange streams, the source's seam: one session per worker, which looks
 * up or makes the exchange, consumes the worker's slots and binds keys.  The
 * worker is the only owner of all of it; the zone is reached through stream/
 * only.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_exchange.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_rabbitmq_replay.h"
#include "ngx_ess_exchange_publish.h"


/* ms that a worker that leaves waits for the broker to take its slots back */
#define NGX_ESS_EXCHANGE_LEAVE  1000


static ngx_int_t ngx_ess_exchange_init_process(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone, void *conf);
static void ngx_ess_exchange_shutdown(void);
static void ngx_ess_exchange_exit_process(void);
static void ngx_ess_exchange_bind(ngx_ess_source_bind_t *bind);
static void ngx_ess_exchange_cancel_bind(ngx_ess_source_bind_t *bind);
static void ngx_ess_exchange_unbind(ngx_str_t *key);
static void ngx_ess_exchange_attach(ngx_ess_source_attach_t *attach);
static void ngx_ess_exchange_cancel_attach(ngx_ess_source_attach_t *attach);
static void ngx_ess_exchange_changed(ngx_ess_stream_ref_t *ref);

static void ngx_ess_exchange_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_canceled(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t tag);
static void ngx_ess_exchange_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_closed(ngx_ess_amqp_channel_t *ch);
static void ngx_ess_exchange_batch(ngx_ess_amqp_session_t *s);
static void ngx_ess_exchange_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text);

static void ngx_ess_exchange_left(ngx_event_t *ev);
static ngx_int_t ngx_ess_exchange_channels(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_declare(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_declared_e state);
static void ngx_ess_exchange_declared(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_ready(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_unusable(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_compared(ngx_ess_exchange_worker_t *w,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_retry_handler(ngx_event_t *ev);
static ngx_uint_t ngx_ess_exchange_all_well(ngx_ess_exchange_worker_t *w);


const ngx_ess_source_t  ngx_ess_exchange = {
    ngx_string("amqp exchange"),
    ngx_ess_exchange_init_process,
    ngx_ess_exchange_shutdown,
    ngx_ess_exchange_exit_process,
    ngx_ess_exchange_bind,
    ngx_ess_exchange_cancel_bind,
    ngx_ess_exchange_unbind,
    ngx_ess_exchange_changed,
    ngx_ess_exchange_publish_events,
    ngx_ess_exchange_publish_cancel,
    ngx_ess_exchange_attach,
    ngx_ess_exchange_cancel_attach,
    ngx_ess_rabbitmq_replay_start,
    ngx_ess_rabbitmq_replay_more,
    ngx_ess_rabbitmq_replay_stop
};


static const ngx_ess_amqp_handlers_t  ngx_ess_exchange_handlers = {
    ngx_ess_exchange_open,
    ngx_ess_exchange_close,
    ngx_ess_exchange_batch,
    NULL,
    ngx_ess_exchange_failed,
    NULL
};


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_exchange_admin = {
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
};


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_exchange_consume = {
    ngx_ess_exchange_delivery_take,
    ngx_ess_exchange_canceled,
    ngx_ess_exchange_reopened,
    ngx_ess_exchange_closed,
    NULL,
    NULL
};


/* this process's, NULL before init_process and after exit_process */
static ngx_ess_exchange_worker_t  *ngx_ess_exchange_worker;


static ngx_int_t
ngx_ess_exchange_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    void *conf)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_ess_exchange_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->zone = zone;
    w->conf = conf;
    w->log = cycle->log;

    w->retry.handler = ngx_ess_exchange_retry_handler;
    w->retry.data = w;
    w->retry.log = cycle->log;
    w->retry.cancelable = 1;

    w->leaving.handler = ngx_ess_exchange_left;
    w->leaving.data = w;
    w->leaving.log = cycle->log;

    if (ngx_ess_exchange_slot_init(w, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_exchange_pattern_init(w) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_exchange_watch_init(w, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ess_exchange_bind_init(w);
    ngx_ess_exchange_restore_init(w);
    ngx_ess_rabbitmq_replay_init(&w->conf->amqp, w->conf->prefetch, zone,
                                 cycle->log);

    w->streams.zone = zone;
    w->streams.log = cycle->log;
    w->streams.prefetch = w->conf->prefetch;
    w->streams.idle = w->conf->idle;

    ngx_ess_rabbitmq_streams_init(&w->streams);
    ngx_ess_exchange_publisher_init(w);

    w->session = ngx_ess_amqp_create(&w->conf->amqp,
                                     &ngx_ess_exchange_handlers, w,
                                     zone->max_event, cycle->log);
    if (w->session == NULL) {
        return NGX_ERROR;
    }

    w->streams.session = w->session;

    ngx_ess_exchange_worker = w;

    return NGX_OK;
}


/*
 * What was appended is acknowledged, then the channel closed, so that the
 * broker gives the rest, in order, to the worker that waits behind this one.
 * The consumers are never cancelled one by one: RabbitMQ 3.10 loses messages
 * over that.  Were the connection to end at once, the broker could miss the
 * acknowledgements.
 */

static void
ngx_ess_exchange_shutdown(void)
{
    ngx_uint_t                  i;
    ngx_ess_exchange_worker_t  *w;
    ngx_ess_amqp_channel_t     *ch;

    w = ngx_ess_exchange_worker;

    if (w == NULL || w->draining) {
        return;
    }

    ngx_ess_exchange_delivery_last(w);

    w->draining = 1;

    ch = w->consume;
    w->consume = NULL;

    /* what is held was not acknowledged and goes with the rest */

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_slot_consuming(&w->slots[i], 0);
        ngx_ess_exchange_delivery_reset(&w->slots[i]);
    }

    ngx_ess_exchange_delivery_drop(w);
    ngx_ess_amqp_resume(w->session);

    if (ch) {
        w->closing = ch;
        ngx_ess_amqp_channel_close(ch);
        ngx_ess_amqp_flush(w->session);

        ngx_add_timer(&w->leaving, NGX_ESS_EXCHANGE_LEAVE);
    }
}


static void
ngx_ess_exchange_exit_process(void)
{
    ngx_uint_t                  i;
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_exchange_worker;

    if (w == NULL) {
        return;
    }

    ngx_ess_exchange_worker = NULL;

    ngx_ess_exchange_publisher_exit();
    ngx_ess_rabbitmq_replay_exit();
    ngx_ess_amqp_destroy(w->session);

    w->consume = NULL;
    w->admin = NULL;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_delivery_reset(&w->slots[i]);
    }

    ngx_ess_exchange_delivery_drop(w);
    ngx_ess_exchange_former_exit(w);
    ngx_ess_exchange_watch_exit(w);
    ngx_ess_exchange_bind_exit(w);
    ngx_ess_exchange_restore_exit(w);
    ngx_ess_rabbitmq_streams_exit(&w->streams);
    ngx_ess_exchange_pattern_exit(w);

    if (w->retry.timer_set) {
        ngx_del_timer(&w->retry);
    }

    if (w->leaving.timer_set) {
        ngx_del_timer(&w->leaving);
    }
}


/* nothing holds the worker any more */

static void
ngx_ess_exchange_left(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


static void
ngx_ess_exchange_bind(ngx_ess_source_bind_t *bind)
{
    bind->op = NULL;

    if (ngx_ess_exchange_worker) {
        ngx_ess_exchange_bind_begin(ngx_ess_exchange_worker, bind);
    }
}


static void
ngx_ess_exchange_cancel_bind(ngx_ess_source_bind_t *bind)
{
    if (ngx_ess_exchange_worker) {
        ngx_ess_exchange_bind_cancel(bind);
    }
}


static void
ngx_ess_exchange_unbind(ngx_str_t *key)
{
    if (ngx_ess_exchange_worker) {
        ngx_ess_exchange_bind_unbind(ngx_ess_exchange_worker, key);
    }
}


static void
ngx_ess_exchange_attach(ngx_ess_source_attach_t *attach)
{
    attach->queue.next = NULL;

    if (ngx_ess_exchange_worker) {
        ngx_ess_rabbitmq_streams_attach(&ngx_ess_exchange_worker->streams,
                                        attach);
    }
}


static void
ngx_ess_exchange_cancel_attach(ngx_ess_source_attach_t *attach)
{
    if (ngx_ess_exchange_worker) {
        ngx_ess_rabbitmq_streams_cancel(attach);
    }
}


static void
ngx_ess_exchange_changed(ngx_ess_stream_ref_t *ref)
{
    if (ngx_ess_exchange_worker) {
        ngx_ess_rabbitmq_streams_changed(&ngx_ess_exchange_worker->streams,
                                         ref);
    }
}


static void
ngx_ess_exchange_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    ngx_ess_shm_count(w->zone, NGX_ESS_C_SESSIONS, 1);
    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_CONNECTED, 1);

    ngx_ess_exchange_kick(w);
}


static void
ngx_ess_exchange_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    w->consume = NULL;
    w->admin = NULL;
    w->closing = NULL;
    w->former = NULL;
    w->exchange = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_CONNECTED, 0);
    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_UNACKNOWLEDGED, 0);

    /* nothing can be acknowledged any more, but what was appended is to be
       read */

    ngx_ess_rabbitmq_streams_closed(&w->streams);
    ngx_ess_exchange_batch(s);

    ngx_ess_exchange_slot_reset(w, 1);
    ngx_ess_exchange_rebind_reset(w);
    ngx_ess_exchange_watch_reset(w);
    ngx_ess_exchange_left(&w->leaving);
}


static void
ngx_ess_exchange_canceled(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_channel_data(ch);

    if (tag < NGX_ESS_SLOTS) {
        ngx_ess_exchange_slot_canceled(&w->slots[tag]);
    }
}


static void
ngx_ess_exchange_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_channel_data(ch);

    ngx_ess_exchange_slot_reset(w, 0);
    ngx_ess_exchange_retry(w);
}


static void
ngx_ess_exchange_closed(ngx_ess_amqp_channel_t *ch)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_channel_data(ch);

    if (ch == w->closing) {
        w->closing = NULL;
        ngx_ess_exchange_left(&w->leaving);

    } else if (ch == w->former) {
        ngx_ess_exchange_former_closed(w);
    }
}


static void
ngx_ess_exchange_batch(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    ngx_ess_exchange_delivery_batch(w);
    ngx_ess_rabbitmq_streams_batch(&w->streams);
}


static void
ngx_ess_exchange_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    ngx_ess_broker_failed(w->zone, NGX_ESS_BROKER_CONSUMING,
                          ngx_ess_amqp_node_name(s), text);
}


void
ngx_ess_exchange_refused(ngx_ess_exchange_worker_t *w, const char *what,
    ngx_uint_t code, ngx_str_t *text)
{
    u_char     buf[NGX_ESS_BROKER_TEXT];
    ngx_str_t  words;

    ngx_ess_amqp_trouble_once(w->session, NGX_LOG_ERR, what, code, text);

    words.data = buf;
    words.len = ngx_slprintf(buf, buf + sizeof(buf), "%s: %ui \"%V\"", what,
                             code, text)
                - buf;

    ngx_ess_broker_failed(w->zone, NGX_ESS_BROKER_CONSUMING,
                          ngx_ess_amqp_node_name(w->session), &words);
}


void
ngx_ess_exchange_kick(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    if (!ngx_ess_amqp_is_open(w->session)) {
        return;
    }

    if (ngx_ess_exchange_channels(w) != NGX_OK) {
        ngx_ess_exchange_retry(w);
        return;
    }

    if (w->exchange == NGX_ESS_EXCHANGE_UNKNOWN) {
        ngx_ess_exchange_declare(w, NGX_ESS_EXCHANGE_LOOKUP);
    }

    if (!w->draining) {

        for (i = 0; i < NGX_ESS_SLOTS; i++) {
            if (w->slots[i].own) {
                ngx_ess_exchange_slot_ensure(&w->slots[i]);
            }
        }

        ngx_ess_exchange_former(w);
        ngx_ess_exchange_slot_consume(w);
    }

    ngx_ess_exchange_watch(w);
    ngx_ess_exchange_bind_waiting(w);
    ngx_ess_rabbitmq_streams_kick(&w->streams);

    if (!w->draining) {
        ngx_ess_exchange_rebind(w);

        if (ngx_ess_exchange_all_well(w)) {
            w->attempt = 0;
            ngx_ess_broker_well(w->zone, NGX_ESS_BROKER_CONSUMING);
        }
    }
}


static ngx_int_t
ngx_ess_exchange_channels(ngx_ess_exchange_worker_t *w)
{
    if (w->admin == NULL) {
        w->admin = ngx_ess_amqp_channel(w->session, &ngx_ess_exchange_admin,
                                        w);
        if (w->admin == NULL) {
            return NGX_ERROR;
        }
    }

    if (w->consume == NULL && !w->draining) {
        w->consume = ngx_ess_amqp_channel(w->session,
                                          &ngx_ess_exchange_consume, w);
        if (w->consume == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_ess_exchange_declare(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_declared_e state)
{
    amqp_exchange_declare_t  *declare;

    w->exchange = state;

    if (state == NGX_ESS_EXCHANGE_LOOKUP) {
        w->exchange_known = w->exchange_seen || ngx_ess_exchange_watch_known(w);
    }

    declare = &w->exchange_declare;
    ngx_memzero(declare, sizeof(amqp_exchange_declare_t));

    declare->exchange.bytes = w->conf->exchange.data;
    declare->exchange.len = w->conf->exchange.len;
    declare->type = amqp_cstring_bytes(w->conf->topic ? "topic" : "direct");
    declare->durable = 1;
    declare->passive = (state == NGX_ESS_EXCHANGE_LOOKUP);

    ngx_ess_amqp_op(w->admin, &w->exchange_op, AMQP_EXCHANGE_DECLARE_METHOD,
                    declare, AMQP_EXCHANGE_DECLARE_OK_METHOD,
                    ngx_ess_exchange_declared, w);
}


static void
ngx_ess_exchange_declared(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = op->data;

    switch (rc) {

    case NGX_OK:

        if (w->exchange == NGX_ESS_EXCHANGE_LOOKUP && !w->exchange_differs) {
            ngx_ess_exchange_declare(w, NGX_ESS_EXCHANGE_COMPARE);
            return;
        }

        if (w->exchange == NGX_ESS_EXCHANGE_CREATE) {
            ngx_ess_exchange_watch_created(w);
        }

        ngx_ess_exchange_ready(w);
        break;

    case NGX_ABORT:
        w->exchange = NGX_ESS_EXCHANGE_UNKNOWN;
        return;

    default: /* NGX_DECLINED */

        if (w->exchange == NGX_ESS_EXCHANGE_LOOKUP
            && code == AMQP_NOT_FOUND)
        {
            ngx_ess_exchange_declare(w, NGX_ESS_EXCHANGE_CREATE);
            return;
        }

        if (w->exchange == NGX_ESS_EXCHANGE_COMPARE) {
            ngx_ess_exchange_compared(w, code, text);
            break;
        }

        ngx_ess_exchange_unusable(w, code, text);
    }

    ngx_ess_exchange_kick(w);
}


static void
ngx_ess_exchange_ready(ngx_ess_exchange_worker_t *w)
{
    w->exchange = NGX_ESS_EXCHANGE_READY;
    w->exchange_seen = 1;

    ngx_ess_exchange_watch_gauge(w);
    ngx_ess_exchange_publish_exchange();
}


static void
ngx_ess_exchange_unusable(ngx_ess_exchange_worker_t *w, ngx_uint_t code,
    ngx_str_t *text)
{
    w->exchange = NGX_ESS_EXCHANGE_REFUSED;

    ngx_cpystrn(w->exchange_text, text->data,
                ngx_min(text->len + 1, sizeof(w->exchange_text)));

    ngx_ess_exchange_refused(w, "broker refused the exchange", code, text);

    ngx_ess_exchange_watch_gauge(w);
    ngx_ess_exchange_bind_refused(w, NULL, text);
    ngx_ess_exchange_publish_exchange();
    ngx_ess_exchange_retry(w);
}


/* the exchange is there, but could not be declared: it may be used */

static void
ngx_ess_exchange_compared(ngx_ess_exchange_worker_t *w, ngx_uint_t code,
    ngx_str_t *text)
{
    /* not asked again: each refusal costs the channel */
    w->exchange_differs = 1;

    if (code == AMQP_PRECONDITION_FAILED) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "exchange \"%V\" is not as configured and is used as "
                      "it is: %V", &w->conf->exchange, text);
    }

    ngx_ess_exchange_ready(w);
}


void
ngx_ess_exchange_gone(ngx_ess_exchange_worker_t *w)
{
    if (w->exchange == NGX_ESS_EXCHANGE_READY) {
        w->exchange = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    if (w->witness == NGX_ESS_EXCHANGE_READY) {
        w->witness = NGX_ESS_EXCHANGE_UNKNOWN;
    }
}


void
ngx_ess_exchange_retry(ngx_ess_exchange_worker_t *w)
{
    if (!w->retry.timer_set) {
        ngx_add_timer(&w->retry, ngx_ess_backoff(w->attempt));
        w->attempt++;
    }
}


static void
ngx_ess_exchange_retry_handler(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    ngx_ess_exchange_delivery_batch(w);

    if (w->exchange == NGX_ESS_EXCHANGE_REFUSED) {
        w->exchange = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (w->slots[i].state == NGX_ESS_EXCHANGE_REFUSED) {
            w->slots[i].state = NGX_ESS_EXCHANGE_UNKNOWN;
        }
    }

    ngx_ess_exchange_kick(w);
}


/* 1 when nothing waits; what waits for its time is looked at again */

static ngx_uint_t
ngx_ess_exchange_all_well(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i, well;
    ngx_ess_exchange_slot_t  *slot;

    well = (w->exchange == NGX_ESS_EXCHANGE_READY);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (!slot->own || slot->consuming) {
            continue;
        }

        well = 0;

        if (slot->refused) {
            ngx_ess_exchange_retry(w);
        }
    }

    if (w->rebind_after) {
        ngx_ess_exchange_retry(w);
        well = 0;
    }

    return well;
}
