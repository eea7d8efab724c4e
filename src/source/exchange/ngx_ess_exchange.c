
/*
 * Exchange streams, the source's seam: one session per worker, which looks
 * up or makes the exchange, consumes the worker's slots and binds keys.  This
 * file puts the parts together, none of which knows it, and starts what can be
 * started.  The worker is the only owner of all of it; the zone is reached
 * through stream/ only.
 */


#include "ngx_ess_exchange.h"
#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_count.h"
#include "ngx_ess_exchange_declare.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_former.h"
#include "ngx_ess_exchange_health.h"
#include "ngx_ess_exchange_pattern.h"
#include "ngx_ess_exchange_publish.h"
#include "ngx_ess_exchange_publisher.h"
#include "ngx_ess_exchange_rebind.h"
#include "ngx_ess_exchange_restore.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_watch.h"
#include "ngx_ess_rabbitmq_declare.h"
#include "ngx_ess_rabbitmq_replay.h"
#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_wait.h"


/* ms that a worker that leaves waits for the broker to take its slots back */
#define NGX_ESS_EXCHANGE_LEAVE  1000

/* ms until the exchange is looked after for the first time */
#define NGX_ESS_EXCHANGE_TICK   1000


static ngx_int_t ngx_ess_exchange_init_process(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone, void *conf);
static void ngx_ess_exchange_shutdown(void);
static void ngx_ess_exchange_exit_process(void);
static void ngx_ess_exchange_attach(ngx_ess_source_attach_t *attach);
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

static void ngx_ess_exchange_tick(ngx_event_t *ev);
static void ngx_ess_exchange_turn(ngx_event_t *ev);
static ngx_int_t ngx_ess_exchange_channels(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_retry(ngx_event_t *ev);
static ngx_uint_t ngx_ess_exchange_all_well(ngx_ess_exchange_worker_t *w);


const ngx_ess_source_t  ngx_ess_exchange = {
    .kind = { .source = NGX_ESS_SOURCE_EXCHANGE, .binds = 1 },
    .name = ngx_string("exchange"),
    .directive = ngx_string("ess_amqp"),
    .metrics = ngx_ess_exchange_metrics,
    .init_conf = ngx_ess_exchange_conf_init,
    .init_module = ngx_ess_exchange_conf_module,
    .advise = ngx_ess_exchange_conf_advise,
    .healthy = ngx_ess_exchange_health,
    .init_process = ngx_ess_exchange_init_process,
    .shutdown = ngx_ess_exchange_shutdown,
    .exit_process = ngx_ess_exchange_exit_process,
    .bind = ngx_ess_exchange_bind,
    .cancel = ngx_ess_exchange_bind_cancel,
    .unbind = ngx_ess_exchange_bind_unbind,
    .changed = ngx_ess_exchange_changed,
    .publish = ngx_ess_exchange_publisher_publish,
    .cancel_publish = ngx_ess_exchange_publish_cancel
};


/* shares the session of the exchange, whose life its own is */

const ngx_ess_source_t  ngx_ess_exchange_streams = {
    .kind = { .source = NGX_ESS_SOURCE_STREAM, .follows = 1 },
    .name = ngx_string("stream"),
    .directive = ngx_string("ess_amqp"),
    .noun = "RabbitMQ stream",
    .keeper = "broker",
    .options = ngx_ess_rabbitmq_declare_options,
    .epoch = ngx_ess_exchange_conf_epoch,
    .declare = ngx_ess_exchange_bind,
    .cancel = ngx_ess_exchange_bind_cancel,
    .publish = ngx_ess_exchange_publisher_publish,
    .cancel_publish = ngx_ess_exchange_publish_cancel,
    .attach = ngx_ess_exchange_attach,
    .cancel_attach = ngx_ess_followers_cancel,
    .replay_start = ngx_ess_rabbitmq_replay_start,
    .replay_more = ngx_ess_rabbitmq_replay_more,
    .replay_stop = ngx_ess_rabbitmq_replay_stop
};


static const ngx_ess_amqp_handlers_t  ngx_ess_exchange_handlers = {
    .open = ngx_ess_exchange_open,
    .close = ngx_ess_exchange_close,
    .batch = ngx_ess_exchange_batch,
    .failed = ngx_ess_exchange_failed
};


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_exchange_admin;


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_exchange_consume = {
    .delivery = ngx_ess_exchange_delivery_take,
    .canceled = ngx_ess_exchange_canceled,
    .reopened = ngx_ess_exchange_reopened,
    .closed = ngx_ess_exchange_closed
};


/* of this process, over the session of the exchange */
static ngx_ess_rabbitmq_streams_t  ngx_ess_exchange_followed;


static ngx_int_t
ngx_ess_exchange_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    void *conf)
{
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_rabbitmq_streams_t  *streams;

    w = &ngx_ess_exchange_worker;
    ngx_memzero(w, sizeof(ngx_ess_exchange_worker_t));

    w->zone = zone;
    w->conf = conf;
    w->log = cycle->log;
    w->refused = ngx_ess_exchange_bind_refused;

    ngx_ess_exchange_worker_event(w, &w->turn, ngx_ess_exchange_turn);
    ngx_ess_exchange_worker_event(w, &w->retry, ngx_ess_exchange_retry);
    ngx_ess_exchange_worker_event(w, &w->tick, ngx_ess_exchange_tick);
    ngx_ess_exchange_worker_event(w, &w->leaving, ngx_ess_wait_clear);

    w->leaving.cancelable = 0;

    if (ngx_ess_exchange_slot_init(w, cycle) != NGX_OK
        || ngx_ess_exchange_pattern_init(w) != NGX_OK
        || ngx_ess_exchange_watch_init(w, cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_exchange_delivery_init(w);
    ngx_ess_exchange_former_init(w);
    ngx_ess_exchange_bind_init(w);
    ngx_ess_exchange_restore_init(w, ngx_ess_exchange_publish_restored);
    ngx_ess_exchange_publisher_init(w);

    w->session = ngx_ess_amqp_create(&w->conf->amqp, &ngx_ess_exchange_handlers,
                                     w, zone->max_event, cycle->log);
    if (w->session == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_rabbitmq_replay_init(&w->conf->amqp, w->conf->prefetch, zone,
                                 cycle->log);

    streams = &ngx_ess_exchange_followed;
    ngx_memzero(streams, sizeof(ngx_ess_rabbitmq_streams_t));

    streams->followers.zone = zone;
    streams->followers.log = cycle->log;
    streams->session = w->session;
    streams->prefetch = w->conf->prefetch;
    streams->followers.idle = w->conf->idle;

    ngx_ess_rabbitmq_streams_init(streams);

    ngx_add_timer(&w->tick, NGX_ESS_EXCHANGE_TICK);

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
    ngx_ess_exchange_worker_t  *w;

    w = &ngx_ess_exchange_worker;

    if (w->session == NULL || w->draining) {
        return;
    }

    ngx_ess_exchange_delivery_last(w);

    w->draining = 1;

    w->closing = w->consume;
    w->consume = NULL;

    /* what is held was not acknowledged and goes with the rest */

    ngx_ess_exchange_consumer_drop(w);

    if (w->closing) {
        ngx_ess_amqp_channel_close(w->closing);
        ngx_ess_amqp_flush(w->session);

        ngx_add_timer(&w->leaving, NGX_ESS_EXCHANGE_LEAVE);
    }
}


static void
ngx_ess_exchange_exit_process(void)
{
    ngx_ess_exchange_worker_t  *w;

    w = &ngx_ess_exchange_worker;

    if (w->session == NULL) {
        return;
    }

    ngx_ess_exchange_publisher_exit();
    ngx_ess_rabbitmq_replay_exit();
    ngx_ess_amqp_destroy(w->session);

    w->session = NULL;
    w->consume = NULL;
    w->admin = NULL;

    ngx_ess_exchange_delivery_drop(w);
    ngx_ess_exchange_former_exit(w);
    ngx_ess_exchange_bind_exit(w);
    ngx_ess_exchange_restore_exit(w);
    ngx_ess_rabbitmq_streams_exit(&ngx_ess_exchange_followed);
    ngx_ess_exchange_pattern_exit(w);
}


static void
ngx_ess_exchange_attach(ngx_ess_source_attach_t *attach)
{
    attach->queue.next = NULL;

    if (ngx_ess_exchange_worker.session) {
        ngx_ess_followers_attach(&ngx_ess_exchange_followed.followers, attach);
    }
}


static void
ngx_ess_exchange_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_followers_changed(&ngx_ess_exchange_followed.followers, ref);
}


static void
ngx_ess_exchange_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    ngx_ess_counter_add(w->zone, NGX_ESS_C_SESSIONS, 1);
    ngx_ess_counter_set(w->zone, NGX_ESS_C_CONNECTED, 1);

    ngx_ess_exchange_worker_kick(w);
}


static void
ngx_ess_exchange_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    w->closing = NULL;
    w->consume = NULL;
    w->admin = NULL;
    w->exchange.state = NGX_ESS_EXCHANGE_UNKNOWN;
    w->watch.state = NGX_ESS_EXCHANGE_UNKNOWN;

    ngx_ess_counter_set(w->zone, NGX_ESS_C_CONNECTED, 0);
    ngx_ess_counter_set(w->zone, NGX_ESS_C_UNACKNOWLEDGED, 0);

    /* nothing can be acknowledged any more, but what was appended is to be
       read */

    ngx_ess_rabbitmq_streams_closed(&ngx_ess_exchange_followed);
    ngx_ess_exchange_batch(s);

    ngx_ess_exchange_consumer_reset(w);
    ngx_ess_exchange_former_reset(w, 1);
    ngx_ess_exchange_slot_reset(w, 1);
    ngx_ess_exchange_rebind_reset(w);
    ngx_ess_wait_clear(&w->leaving);
}


static void
ngx_ess_exchange_canceled(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag)
{
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    if (tag < NGX_ESS_SLOTS) {
        w = ngx_ess_amqp_channel_data(ch);
        slot = &w->slots[tag];

        if (slot->consuming) {
            ngx_ess_exchange_consumer_canceled(slot);
            ngx_ess_exchange_former_canceled(slot);
        }
    }
}


static void
ngx_ess_exchange_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_channel_data(ch);

    ngx_ess_exchange_consumer_reset(w);
    ngx_ess_exchange_former_reset(w, 0);
    ngx_ess_exchange_slot_reset(w, 0);
    ngx_ess_exchange_worker_retry(w);
}


static void
ngx_ess_exchange_closed(ngx_ess_amqp_channel_t *ch)
{
    ngx_ess_exchange_worker_t  *w;

    w = ngx_ess_amqp_channel_data(ch);

    if (ch == w->closing) {
        w->closing = NULL;
        ngx_ess_wait_clear(&w->leaving);

    } else {
        ngx_ess_exchange_former_closed(w, ch);
    }
}


static void
ngx_ess_exchange_batch(ngx_ess_amqp_session_t *s)
{
    ngx_ess_exchange_delivery_batch(ngx_ess_amqp_data(s));
    ngx_ess_rabbitmq_streams_batch(&ngx_ess_exchange_followed);
}


static void
ngx_ess_exchange_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_broker_failed(ngx_ess_exchange_worker.zone,
                          NGX_ESS_BROKER_CONSUMING, ngx_ess_amqp_node_name(s),
                          text);
}


static void
ngx_ess_exchange_tick(ngx_event_t *ev)
{
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    if (w->draining) {
        return;
    }

    ngx_ess_exchange_watch_tick(w);

    ngx_add_timer(ev, ngx_ess_exchange_rebind_tick(w));
}


/* whatever can be started now is */

static void
ngx_ess_exchange_turn(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    if (!ngx_ess_amqp_is_open(w->session)) {
        return;
    }

    ngx_ess_exchange_publish_pump();

    if (ngx_ess_exchange_channels(w) != NGX_OK) {
        ngx_ess_exchange_worker_retry(w);
        return;
    }

    ngx_ess_exchange_declare(&w->exchange);

    if (!w->draining) {

        for (i = 0; i < NGX_ESS_SLOTS; i++) {
            if (w->slots[i].own) {
                ngx_ess_exchange_declare(&w->slots[i].queue);
            }
        }

        ngx_ess_exchange_former(w);
        ngx_ess_exchange_consumer(w);
        ngx_ess_exchange_count_barrier(w);
    }

    ngx_ess_exchange_watch(w);
    ngx_ess_exchange_bind_waiting(w);
    ngx_ess_rabbitmq_streams_kick(&ngx_ess_exchange_followed);

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
ngx_ess_exchange_retry(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    ngx_ess_exchange_delivery_batch(w);

    if (w->exchange.state == NGX_ESS_EXCHANGE_REFUSED) {
        w->exchange.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (w->slots[i].queue.state == NGX_ESS_EXCHANGE_REFUSED) {
            w->slots[i].queue.state = NGX_ESS_EXCHANGE_UNKNOWN;
        }
    }

    ngx_ess_exchange_worker_kick(w);
}


/* 1 when nothing waits; what waits for its time is looked at again */

static ngx_uint_t
ngx_ess_exchange_all_well(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i, well;
    ngx_ess_exchange_slot_t  *slot;

    well = (w->exchange.state == NGX_ESS_EXCHANGE_READY);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (!slot->own || slot->consuming) {
            continue;
        }

        well = 0;

        if (slot->refused) {
            ngx_ess_exchange_worker_retry(w);
        }
    }

    if (w->rebinds.after) {
        ngx_ess_exchange_worker_retry(w);
        well = 0;
    }

    return well;
}
