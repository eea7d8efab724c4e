/*
 * What all sources share: which there is, the time limits of binds and
 * attaches, the order of binds, and what is said of events that are too large.
 * A bind and an attach belong to their caller until they are answered, a replay
 * until it is stopped.  Runs in a worker.
 */


#include "ngx_ess_source.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_direct.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_counter.h"


/* ms */
#define NGX_ESS_SOURCE_BIND_TIME     2000
#define NGX_ESS_SOURCE_ATTACH_TIME   2000
#define NGX_ESS_SOURCE_UNBIND_CHECK  10


static void ngx_ess_source_bind_handler(ngx_event_t *ev);
static void ngx_ess_source_bind_step(ngx_ess_source_bind_t *bind);
static void ngx_ess_source_bind_done(ngx_ess_source_bind_t *bind,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_source_attach_handler(ngx_event_t *ev);
static void ngx_ess_source_attach_done(ngx_ess_source_attach_t *attach,
    ngx_int_t rc);
static void ngx_ess_source_event_clear(ngx_event_t *ev);


static const ngx_ess_kind_t  ngx_ess_source_kinds[] = {
    { NGX_ESS_SOURCE_EXCHANGE, 0, 1, 0 },
    { NGX_ESS_SOURCE_STREAM, 1, 0, 0 }
};


static const ngx_ess_source_t  *ngx_ess_source;


const ngx_ess_kind_t *
ngx_ess_source_kind(ngx_uint_t number)
{
    return (number <= NGX_ESS_SOURCE_STREAM) ? &ngx_ess_source_kinds[number]
                                             : NULL;
}


void
ngx_ess_source_register(const ngx_ess_source_t *source)
{
    ngx_ess_source = source;
}


void
ngx_ess_source_bind(ngx_ess_zone_t *zone, ngx_ess_source_bind_t *bind)
{
    bind->zone = zone;
    bind->answer = bind->handler;
    bind->handler = ngx_ess_source_bind_done;
    bind->deadline = ngx_current_msec + NGX_ESS_SOURCE_BIND_TIME;
    bind->handed = 0;

    ngx_memzero(&bind->timer, sizeof(ngx_event_t));

    bind->timer.handler = ngx_ess_source_bind_handler;
    bind->timer.data = bind;
    bind->timer.log = bind->log;

    if (ngx_ess_source == NULL) {

        /* the answer never comes from within this call */
        ngx_post_event(&bind->timer, &ngx_posted_events);
        return;
    }

    ngx_ess_source_bind_step(bind);
}


static void
ngx_ess_source_bind_handler(ngx_event_t *ev)
{
    u_char                  buf[NGX_ESS_BROKER_WHY];
    ngx_str_t               text;
    ngx_ess_source_bind_t  *bind;

    bind = ev->data;

    if (ngx_ess_source == NULL) {
        ngx_str_null(&text);
        ngx_ess_source_bind_done(bind, NGX_OK, &text);
        return;
    }

    if ((ngx_msec_int_t) (bind->deadline - ngx_current_msec) > 0) {

        if (bind->handed) {
            /* the clock was late when the timer was set */
            ngx_add_timer(ev, bind->deadline - ngx_current_msec);

        } else {
            ngx_ess_source_bind_step(bind);
        }

        return;
    }

    if (bind->handed) {
        ngx_ess_source->cancel(bind);
    }

    ngx_ess_broker_why(bind->zone, NGX_ESS_BROKER_CONSUMING,
                       "the broker did not answer within 2 seconds", buf,
                       &text);
    ngx_ess_source_bind_done(bind, NGX_BUSY, &text);
}


/* A key that a worker is unbinding cannot be bound: the unbind might win. */

static void
ngx_ess_source_bind_step(ngx_ess_source_bind_t *bind)
{
    if (bind->stream == NULL
        && ngx_ess_stream_unbinding(bind->zone, &bind->key))
    {
        ngx_add_timer(&bind->timer, NGX_ESS_SOURCE_UNBIND_CHECK);
        return;
    }

    bind->handed = 1;

    ngx_add_timer(&bind->timer, bind->deadline - ngx_current_msec);

    ngx_ess_source->bind(bind);
}


void
ngx_ess_source_bind_cancel(ngx_ess_source_bind_t *bind)
{
    if (bind->handed && ngx_ess_source) {
        ngx_ess_source->cancel(bind);
    }

    ngx_ess_source_event_clear(&bind->timer);
}


/* the source answers here, for it finds this in bind->handler */

static void
ngx_ess_source_bind_done(ngx_ess_source_bind_t *bind, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_source_event_clear(&bind->timer);

    bind->handed = 0;
    bind->handler = bind->answer;

    bind->handler(bind, rc, text);
}


void
ngx_ess_source_unbind(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    if (ngx_ess_source == NULL) {
        return;
    }

    /* the source takes the mark away when the broker has answered */

    if (ngx_ess_stream_unbind_begin(zone, key) == NGX_OK) {
        ngx_ess_source->unbind(key);
    }
}


void
ngx_ess_source_publish(ngx_ess_zone_t *zone, ngx_ess_source_publish_t *pub)
{
    pub->zone = zone;
    pub->sent = 0;
    pub->unconfirmed = 0;
    pub->done = 0;
    pub->sought = 0;
    pub->rc = NGX_OK;
    pub->returned = 0;
    pub->first = 0;
    pub->listed = 0;
    pub->restoring = 0;
    pub->again = 0;

    ngx_memzero(&pub->timer, sizeof(ngx_event_t));

    pub->timer.data = pub;
    pub->timer.log = pub->log;

    if (ngx_ess_source) {
        ngx_ess_source->publish(pub);

    } else {
        ngx_ess_direct_publish(pub);
    }
}


void
ngx_ess_source_publish_cancel(ngx_ess_source_publish_t *pub)
{
    if (ngx_ess_source) {
        ngx_ess_source->cancel_publish(pub);
    }

    ngx_ess_source_event_clear(&pub->timer);
}


void
ngx_ess_source_attach(ngx_ess_source_attach_t *attach)
{
    attach->answer = attach->handler;
    attach->handler = ngx_ess_source_attach_done;

    ngx_memzero(&attach->timer, sizeof(ngx_event_t));

    attach->timer.handler = ngx_ess_source_attach_handler;
    attach->timer.data = attach;
    attach->timer.log = attach->log;

    if (ngx_ess_source == NULL) {
        ngx_post_event(&attach->timer, &ngx_posted_events);
        return;
    }

    ngx_add_timer(&attach->timer, NGX_ESS_SOURCE_ATTACH_TIME);

    ngx_ess_source->attach(attach);
}


static void
ngx_ess_source_attach_handler(ngx_event_t *ev)
{
    ngx_ess_source_attach_t  *attach;

    attach = ev->data;

    if (ngx_ess_source == NULL) {
        /* no source, no streams of its */
        ngx_ess_source_attach_done(attach, NGX_DECLINED);
        return;
    }

    ngx_ess_source->cancel_attach(attach);
    ngx_ess_source_attach_done(attach, NGX_BUSY);
}


static void
ngx_ess_source_attach_done(ngx_ess_source_attach_t *attach, ngx_int_t rc)
{
    ngx_ess_source_event_clear(&attach->timer);

    attach->answer(attach, rc);
}


void
ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach)
{
    if (ngx_ess_source) {
        ngx_ess_source->cancel_attach(attach);
    }

    ngx_ess_source_event_clear(&attach->timer);
}


ngx_int_t
ngx_ess_source_replay_start(ngx_ess_source_replay_t *replay)
{
    return ngx_ess_source->replay_start(replay);
}


void
ngx_ess_source_replay_more(ngx_ess_source_replay_t *replay)
{
    ngx_ess_source->replay_more(replay);
}


void
ngx_ess_source_replay_stop(ngx_ess_source_replay_t *replay)
{
    ngx_ess_source->replay_stop(replay);
}


void
ngx_ess_source_too_large(ngx_ess_zone_t *zone, ngx_log_t *log, ngx_str_t *key,
    uint64_t size)
{
    ngx_ess_escaped_t  e;

    static time_t      last;
    static ngx_uint_t  more;                /* not logged */

    ngx_ess_counter_add(zone, NGX_ESS_C_EVENTS_TOO_LARGE, 1);

    if (last == ngx_time()) {
        more++;
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "event of %uL bytes with routing key \"%V\" is too large "
                  "and was dropped, %ui more since the last such message",
                  size, ngx_ess_escape(&e, key), more);

    last = ngx_time();
    more = 0;
}


void
ngx_ess_source_changed(ngx_ess_stream_ref_t *ref)
{
    if (ngx_ess_source) {
        ngx_ess_source->changed(ref);
    }
}


void
ngx_ess_source_shutdown(void)
{
    if (ngx_ess_source) {
        ngx_ess_source->shutdown();
    }
}


void
ngx_ess_source_exit_process(void)
{
    if (ngx_ess_source) {
        ngx_ess_source->exit_process();
    }
}


static void
ngx_ess_source_event_clear(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}
