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
#include "ngx_ess_wait.h"


/* ms */
#define NGX_ESS_SOURCE_BIND_TIME     2000
#define NGX_ESS_SOURCE_ATTACH_TIME   2000
#define NGX_ESS_SOURCE_UNBIND_CHECK  10

/* seconds between two log lines */
#define NGX_ESS_SOURCE_ATTACH_TOLD   60

/* room for a refusal's text */
#define NGX_ESS_SOURCE_ATTACH_TEXT   128


static const ngx_ess_source_t *ngx_ess_source_row(ngx_uint_t number);
static void ngx_ess_source_bind_handler(ngx_event_t *ev);
static void ngx_ess_source_bind_step(ngx_ess_source_bind_t *bind);
static void ngx_ess_source_bind_done(ngx_ess_source_bind_t *bind,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_source_attach_handler(ngx_event_t *ev);
static void ngx_ess_source_attach_done(ngx_ess_source_attach_t *attach,
    ngx_int_t rc);
static ngx_uint_t ngx_ess_source_broker(const ngx_ess_source_t *row);
static void ngx_ess_source_attach_busy(ngx_ess_source_attach_t *attach,
    const ngx_ess_source_t *row, u_char *buf, ngx_str_t *text);
static void ngx_ess_source_attach_log(ngx_ess_source_attach_t *attach,
    const ngx_ess_source_t *row);


/* this worker's, of ngx_ess_source_entry_t; NULL: none */
static ngx_array_t  *ngx_ess_sources;


/* NULL: it is not configured. */

static const ngx_ess_source_t *
ngx_ess_source_row(ngx_uint_t number)
{
    ngx_ess_source_entry_t  *entry;

    if (ngx_ess_sources == NULL) {
        return NULL;
    }

    entry = ngx_ess_source_entry(ngx_ess_sources, number);

    return (entry && entry->conf) ? entry->row : NULL;
}


ngx_int_t
ngx_ess_source_healthy(ngx_array_t *sources, ngx_ess_zone_t *zone,
    u_char *buf, ngx_str_t *why)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->healthy
            && entry[i].row->healthy(zone, buf, why) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_source_init_process(ngx_cycle_t *cycle, ngx_array_t *sources,
    ngx_ess_zone_t *zone)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    ngx_ess_sources = sources;
    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->init_process
            && entry[i].row->init_process(cycle, zone, entry[i].conf)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
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

    if (ngx_ess_source_row(bind->source) == NULL) {

        /* the answer never comes from within this call */
        ngx_post_event(&bind->timer, &ngx_posted_events);
        return;
    }

    ngx_ess_source_bind_step(bind);
}


static void
ngx_ess_source_bind_handler(ngx_event_t *ev)
{
    u_char                   buf[NGX_ESS_BROKER_WHY];
    ngx_str_t                text;
    ngx_ess_source_bind_t   *bind;
    const ngx_ess_source_t  *row;

    bind = ev->data;
    row = ngx_ess_source_row(bind->source);

    if (row == NULL) {
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
        row->cancel(bind);
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
    const ngx_ess_source_t  *row;

    if (bind->declare == NULL
        && ngx_ess_stream_unbinding(bind->zone, &bind->key))
    {
        ngx_add_timer(&bind->timer, NGX_ESS_SOURCE_UNBIND_CHECK);
        return;
    }

    bind->handed = 1;

    ngx_add_timer(&bind->timer, bind->deadline - ngx_current_msec);

    row = ngx_ess_source_row(bind->source);

    if (bind->declare) {
        row->declare(bind);

    } else {
        row->bind(bind);
    }
}


void
ngx_ess_source_bind_cancel(ngx_ess_source_bind_t *bind)
{
    const ngx_ess_source_t  *row;

    row = ngx_ess_source_row(bind->source);

    if (bind->handed && row) {
        row->cancel(bind);
    }

    ngx_ess_wait_clear(&bind->timer);
}


/* the source answers here, for it finds this in bind->handler */

static void
ngx_ess_source_bind_done(ngx_ess_source_bind_t *bind, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_wait_clear(&bind->timer);

    bind->handed = 0;
    bind->handler = bind->answer;

    bind->handler(bind, rc, text);
}


void
ngx_ess_source_unbind(ngx_ess_zone_t *zone, ngx_uint_t source, ngx_str_t *key)
{
    const ngx_ess_source_t  *row;

    row = ngx_ess_source_row(source);

    if (row == NULL) {
        return;
    }

    /* the source takes the mark away when the broker has answered */

    if (ngx_ess_stream_unbind_begin(zone, key) == NGX_OK) {
        row->unbind(key);
    }
}


void
ngx_ess_source_publish(ngx_ess_zone_t *zone, ngx_ess_source_publish_t *pub)
{
    const ngx_ess_source_t  *row;

    ngx_memzero(&pub->queue, sizeof(ngx_ess_source_publish_t)
                             - offsetof(ngx_ess_source_publish_t, queue));

    pub->zone = zone;
    pub->timer.data = pub;
    pub->timer.log = pub->log;

    row = ngx_ess_source_row(pub->source);

    if (row) {
        /* a broker's confirm has none */
        pub->ids = NULL;
        row->publish(pub);

    } else {
        ngx_ess_direct_publish(pub);
    }
}


void
ngx_ess_source_publish_cancel(ngx_ess_source_publish_t *pub)
{
    const ngx_ess_source_t  *row;

    row = ngx_ess_source_row(pub->source);

    if (row) {
        row->cancel_publish(pub);
    }

    ngx_ess_wait_clear(&pub->timer);
}


void
ngx_ess_source_attach(ngx_ess_zone_t *zone, ngx_ess_source_attach_t *attach)
{
    const ngx_ess_source_t  *row;

    attach->zone = zone;
    attach->done = ngx_ess_source_attach_done;

    ngx_memzero(&attach->timer, sizeof(ngx_event_t));

    attach->timer.handler = ngx_ess_source_attach_handler;
    attach->timer.data = attach;
    attach->timer.log = attach->log;

    row = ngx_ess_source_row(attach->source);

    if (row == NULL) {
        ngx_post_event(&attach->timer, &ngx_posted_events);
        return;
    }

    ngx_add_timer(&attach->timer, NGX_ESS_SOURCE_ATTACH_TIME);

    row->attach(attach);
}


static void
ngx_ess_source_attach_handler(ngx_event_t *ev)
{
    ngx_ess_source_attach_t  *attach;
    const ngx_ess_source_t   *row;

    attach = ev->data;
    row = ngx_ess_source_row(attach->source);

    if (row == NULL) {
        /* no source, no streams of its */
        ngx_ess_source_attach_done(attach, NGX_DECLINED);
        return;
    }

    row->cancel_attach(attach);
    ngx_ess_source_attach_done(attach, NGX_BUSY);
}


static ngx_uint_t
ngx_ess_source_broker(const ngx_ess_source_t *row)
{
    return ngx_strcmp(row->keeper, "broker") == 0;
}


static void
ngx_ess_source_attach_done(ngx_ess_source_attach_t *attach, ngx_int_t rc)
{
    u_char     buf[NGX_ESS_SOURCE_ATTACH_TEXT];
    ngx_str_t  text;

    const ngx_ess_source_t  *row;

    ngx_ess_wait_clear(&attach->timer);

    row = ngx_ess_source_row(attach->source);

    if (rc == NGX_BUSY && row) {
        ngx_ess_source_attach_log(attach, row);
        ngx_ess_source_attach_busy(attach, row, buf, &text);

    } else {
        text.data = buf;
        text.len = ngx_slprintf(buf, buf + sizeof(buf), "there is no such %s",
                                row ? row->noun : "stream")
                   - buf;
    }

    attach->handler(attach, rc, &text);
}


/* For the client, who may be anybody: without the broker's address and words,
   which the log has. */

static void
ngx_ess_source_attach_busy(ngx_ess_source_attach_t *attach,
    const ngx_ess_source_t *row, u_char *buf, ngx_str_t *text)
{
    u_char                    *p, *last;
    ngx_ess_broker_trouble_t   trouble;

    last = buf + NGX_ESS_SOURCE_ATTACH_TEXT;
    p = ngx_slprintf(buf, last, "the %s is not ready: ", row->noun);

    if (ngx_ess_source_broker(row)
        && ngx_ess_broker_own(attach->zone, NGX_ESS_BROKER_CONSUMING, &trouble)
           == NGX_OK)
    {
        p = ngx_slprintf(p, last, "the server cannot use its broker now");

    } else {
        p = ngx_slprintf(p, last, "the %s did not hand it out within %d "
                         "seconds", row->keeper,
                         NGX_ESS_SOURCE_ATTACH_TIME / 1000);
    }

    p = ngx_slprintf(p, last, ": try again");

    text->data = buf;
    text->len = p - buf;
}


/* Of all streams, as they wait for the same broker. */

static void
ngx_ess_source_attach_log(ngx_ess_source_attach_t *attach,
    const ngx_ess_source_t *row)
{
    u_char     buf[NGX_ESS_BROKER_WHY];
    ngx_str_t  why;

    static time_t      last;
    static ngx_uint_t  more;                /* not logged */

    if (last && ngx_time() - last < NGX_ESS_SOURCE_ATTACH_TOLD) {
        more++;
        return;
    }

    if (ngx_ess_source_broker(row)) {
        ngx_ess_broker_why(attach->zone, NGX_ESS_BROKER_CONSUMING,
                           "the broker does not hand out their streams in time",
                           buf, &why);

    } else {
        why.data = buf;
        why.len = ngx_slprintf(buf, buf + sizeof(buf), "the %s does not hand "
                               "them out in time", row->keeper)
                  - buf;
    }

    ngx_log_error(NGX_LOG_WARN, attach->log, 0,
                  "clients of %ss are refused, %ui more since the last such "
                  "message: %V", row->noun, more, &why);

    last = ngx_time();
    more = 0;
}


void
ngx_ess_source_attach_cancel(ngx_ess_source_attach_t *attach)
{
    const ngx_ess_source_t  *row;

    row = ngx_ess_source_row(attach->source);

    if (row) {
        row->cancel_attach(attach);
    }

    ngx_ess_wait_clear(&attach->timer);
}


ngx_int_t
ngx_ess_source_replay_start(ngx_ess_source_replay_t *replay)
{
    return ngx_ess_source_row(replay->source)->replay_start(replay);
}


void
ngx_ess_source_replay_more(ngx_ess_source_replay_t *replay)
{
    ngx_ess_source_row(replay->source)->replay_more(replay);
}


void
ngx_ess_source_replay_stop(ngx_ess_source_replay_t *replay)
{
    ngx_ess_source_row(replay->source)->replay_stop(replay);
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
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = ngx_ess_sources->elts;

    for (i = 0; i < ngx_ess_sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->changed) {
            entry[i].row->changed(ref);
        }
    }
}


void
ngx_ess_source_look(void)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = ngx_ess_sources->elts;

    for (i = 0; i < ngx_ess_sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->look) {
            entry[i].row->look();
        }
    }
}


void
ngx_ess_source_shutdown(void)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = ngx_ess_sources->elts;

    for (i = 0; i < ngx_ess_sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->shutdown) {
            entry[i].row->shutdown();
        }
    }
}


void
ngx_ess_source_exit_process(void)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = ngx_ess_sources->elts;

    for (i = 0; i < ngx_ess_sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->exit_process) {
            entry[i].row->exit_process();
        }
    }
}
