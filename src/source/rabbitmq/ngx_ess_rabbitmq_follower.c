
/*
 * Makes the log of one RabbitMQ stream follow it.  Runs in the worker that has
 * claimed the stream: see ngx_ess_follow.h.
 *
 * A log begins with the newest events that the broker has: so when nginx was
 * started again, and all clients come back at once, few of them need a replay
 * of their own.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_rabbitmq_follower.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"
#include "ngx_ess_source.h"


/* ms; for one that must be there: the nodes of a cluster may have to agree on
   it first */
#define NGX_ESS_RABBITMQ_FOLLOWER_SILENT  2000

/* ms; until the zone is asked again */
#define NGX_ESS_RABBITMQ_FOLLOWER_ROOM    5


static void ngx_ess_rabbitmq_follower_later(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_follower_started(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_follower_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_rabbitmq_follower_append(ngx_ess_rabbitmq_follower_t *live,
    uint64_t ordinal, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_rabbitmq_follower_synced(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_follower_begin(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_follower_fill(ngx_ess_rabbitmq_follower_t *live,
    uint64_t first);
static void ngx_ess_rabbitmq_follower_filled(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_follower_live(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_follower_seek(ngx_ess_rabbitmq_follower_t *live);
static void ngx_ess_rabbitmq_follower_ended(ngx_ess_amqp_reader_t *reader,
    ngx_int_t rc);


static const ngx_ess_amqp_reader_handlers_t
    ngx_ess_rabbitmq_follower_handlers =
{
    ngx_ess_rabbitmq_follower_started,
    ngx_ess_rabbitmq_follower_delivery,
    ngx_ess_rabbitmq_follower_synced,
    ngx_ess_rabbitmq_follower_ended
};


void
ngx_ess_rabbitmq_follower_open(ngx_ess_rabbitmq_follower_t *live)
{
    uint64_t                     offset;
    ngx_ess_exchange_worker_t   *w;
    ngx_ess_amqp_reader_from_e   from;

    w = live->worker;

    live->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;

    if (!ngx_ess_amqp_is_open(w->session)) {
        /* see kick */
        return;
    }

    /* the last event that is known comes once more, and so proves that the
       broker's stream is the same */

    from = live->ordinal ? NGX_ESS_AMQP_READER_OFFSET
                         : NGX_ESS_AMQP_READER_LAST;
    offset = (live->ordinal > 2) ? live->ordinal - 2 : 0;

    live->silent = (live->ordinal && live->end == 0);

    live->reader = ngx_ess_amqp_reader_open(w->session, &w->readers,
                                            &live->key, from, offset,
                                            w->conf->prefetch,
                                            &ngx_ess_rabbitmq_follower_handlers,
                                            live, w->log);
    if (live->reader == NULL) {
        ngx_ess_rabbitmq_follower_later(live);
    }
}


void
ngx_ess_rabbitmq_follower_close(ngx_ess_rabbitmq_follower_t *live)
{
    if (live->reader) {
        ngx_ess_amqp_reader_close(live->reader);
        live->reader = NULL;
    }

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }
}


static void
ngx_ess_rabbitmq_follower_later(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_ess_rabbitmq_follower_seek(live);

    live->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;

    ngx_add_timer(&live->timer, ngx_ess_backoff(live->attempt));
    live->attempt++;
}


static void
ngx_ess_rabbitmq_follower_started(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_escaped_t             key;
    ngx_ess_rabbitmq_follower_t  *live;

    live = reader->data;
    live->attempt = 0;

    if (live->ordinal == 0) {
        live->state = NGX_ESS_RABBITMQ_FOLLOWER_SEEKING;
        ngx_ess_amqp_reader_sync(reader);
        return;
    }

    if (live->end) {
        live->state = NGX_ESS_RABBITMQ_FOLLOWER_FILLING;
        ngx_add_timer(&live->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
        return;
    }

    live->state = NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING;

    ngx_log_error(NGX_LOG_INFO, live->worker->log, 0,
                  "following RabbitMQ stream \"%V\" from event %uL on",
                  ngx_ess_escape(&key, &live->key), live->ordinal);

    if (live->ordinal > 1) {
        ngx_add_timer(&live->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
    }

    ngx_ess_rabbitmq_streams_answer(live, NGX_OK);
}


static void
ngx_ess_rabbitmq_follower_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_ess_rabbitmq_follower_t  *live;

    live = reader->data;

    /* to be acknowledged */
    live->worker->live_delivered = 1;

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }

    if (live->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        live->ordinal = offset + 2;
        return;
    }

    /* continued, but what was there, or came first, is not any more */

    if (live->silent && offset + 1 > live->ordinal) {
        live->gap = 1;
    }

    live->silent = 0;

    ngx_ess_rabbitmq_follower_append(live, offset + 1, delivery);

    if (live->state == NGX_ESS_RABBITMQ_FOLLOWER_FILLING) {

        if (live->ordinal >= live->end) {
            ngx_ess_rabbitmq_follower_filled(live);

        } else {
            ngx_add_timer(&live->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
        }
    }
}


static void
ngx_ess_rabbitmq_follower_append(ngx_ess_rabbitmq_follower_t *live,
    uint64_t ordinal, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_int_t                   n;
    ngx_ess_event_t             event;
    ngx_ess_stream_ref_t       *ref;
    ngx_ess_exchange_worker_t  *w;

    w = live->worker;

    if (ordinal < live->ordinal) {
        return;
    }

    live->ordinal = ordinal + 1;

    if (delivery->over_size) {
        ngx_ess_exchange_delivery_too_large(w, delivery);
        live->gap = 1;
        return;
    }

    ref = &live->ref;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body = delivery->body;
    event.ordinal = ordinal;
    event.gap = live->gap;
    event.streams = &ref;
    event.nstreams = 1;

    event.timestamp = ngx_ess_amqp_property_time(delivery->properties);

    if (event.timestamp == 0
        && live->state == NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING)
    {
        event.timestamp = ngx_ess_now();
    }

    n = ngx_ess_log_append(w->zone, NGX_ESS_SLOTS, &live->key, &event, 0, 0,
                           &w->live_wake);

    if (n == NGX_AGAIN || n == NGX_BUSY) {

        /* what workers have not seen yet fills the zone: the broker keeps
           the rest meanwhile */

        live->ordinal = ordinal;
        ngx_ess_rabbitmq_follower_close(live);
        ngx_ess_rabbitmq_follower_seek(live);

        live->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;
        ngx_add_timer(&live->timer, NGX_ESS_RABBITMQ_FOLLOWER_ROOM);
        return;
    }

    live->gap = 0;
}


static void
ngx_ess_rabbitmq_follower_synced(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_follower_t  *live;

    live = reader->data;

    if (live->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {

        /* all of the last chunk has come, or there is none */

        ngx_ess_rabbitmq_follower_begin(live);
        return;
    }

    if (live->silent) {

        /* gone is the event that was there: where is the end? */

        ngx_ess_rabbitmq_follower_close(live);

        live->again = 1;
        live->known = live->ordinal;
        live->ordinal = 0;

        ngx_ess_rabbitmq_follower_open(live);
    }
}


/* The end of the broker's stream is known. */

static void
ngx_ess_rabbitmq_follower_begin(ngx_ess_rabbitmq_follower_t *live)
{
    uint64_t                    first;
    ngx_ess_escaped_t           key;
    ngx_ess_exchange_worker_t  *w;

    w = live->worker;

    if (live->ordinal == 0) {
        live->ordinal = 1;
        live->silent = 1;
    }

    if (live->again) {

        if (live->ordinal == live->known) {
            /* as it was: there was nothing to come again */
            ngx_ess_rabbitmq_follower_live(live);
            return;
        }

        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "RabbitMQ stream \"%V\" goes on with event %uL where "
                      "%uL was expected: it was made anew",
                      ngx_ess_escape(&key, &live->key), live->ordinal,
                      live->known);

        first = live->ordinal;

    } else {
        first = (live->ordinal > w->conf->prefetch)
                ? live->ordinal - w->conf->prefetch : 1;
    }

    switch (ngx_ess_follow_begin(w->zone, &live->ref, live->ordinal, first,
                                 &w->live_wake))
    {
    case NGX_OK:
        ngx_ess_notify_wake(w->zone, &w->live_wake);
        ngx_ess_rabbitmq_follower_live(live);
        return;

    case NGX_AGAIN:
        ngx_ess_rabbitmq_follower_fill(live, first);
        return;

    default: /* NGX_DECLINED */
        ngx_ess_rabbitmq_follower_succeeded(live);
    }
}


static void
ngx_ess_rabbitmq_follower_fill(ngx_ess_rabbitmq_follower_t *live,
    uint64_t first)
{
    ngx_ess_rabbitmq_follower_close(live);

    live->end = live->ordinal;
    live->ordinal = first;

    ngx_ess_rabbitmq_follower_open(live);
}


static void
ngx_ess_rabbitmq_follower_filled(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_ess_exchange_worker_t  *w;

    w = live->worker;

    live->end = 0;

    if (ngx_ess_follow_live(w->zone, &live->ref, &w->live_wake) != NGX_OK) {
        ngx_ess_rabbitmq_follower_succeeded(live);
        return;
    }

    ngx_ess_rabbitmq_follower_live(live);
}


/* All that comes from now on is appended. */

static void
ngx_ess_rabbitmq_follower_live(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_INFO, live->worker->log, 0,
                  "following RabbitMQ stream \"%V\" from its end, event %uL, "
                  "on", ngx_ess_escape(&key, &live->key), live->ordinal);

    live->again = 0;
    live->state = NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING;

    ngx_ess_rabbitmq_streams_answer(live, NGX_OK);
}


/* Filling was interrupted: it begins with the end again. */

static void
ngx_ess_rabbitmq_follower_seek(ngx_ess_rabbitmq_follower_t *live)
{
    if (live->end) {
        live->end = 0;
        live->ordinal = 0;
    }
}


void
ngx_ess_rabbitmq_follower_succeeded(ngx_ess_rabbitmq_follower_t *live)
{
    ngx_ess_rabbitmq_follower_close(live);

    live->mine = 0;
    live->end = 0;
    live->state = NGX_ESS_RABBITMQ_FOLLOWER_OTHER;

    ngx_ess_rabbitmq_streams_look(live);
}


static void
ngx_ess_rabbitmq_follower_ended(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    ngx_ess_escaped_t             key;
    ngx_ess_rabbitmq_follower_t  *live;
    ngx_ess_exchange_worker_t    *w;

    live = reader->data;
    w = live->worker;

    live->reader = NULL;

    if (live->timer.timer_set) {
        ngx_del_timer(&live->timer);
    }

    if (live->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        live->ordinal = 0;
    }

    if (rc == NGX_ABORT) {
        ngx_ess_rabbitmq_follower_seek(live);
        live->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;
        return;
    }

    if (rc == NGX_ERROR && live->ordinal) {
        ngx_ess_rabbitmq_follower_later(live);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, w->log, 0,
                  "there is no RabbitMQ stream \"%V\"",
                  ngx_ess_escape(&key, &live->key));

    (void) ngx_ess_follow_missing(w->zone, &live->ref, &w->live_wake);
    ngx_ess_notify_wake(w->zone, &w->live_wake);

    live->mine = 0;
    live->end = 0;
    live->again = 0;
    live->state = NGX_ESS_RABBITMQ_FOLLOWER_OTHER;

    ngx_ess_rabbitmq_streams_answer(live, NGX_DECLINED);
}


void
ngx_ess_rabbitmq_follower_timer(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_follower_t  *live;

    live = ev->data;

    switch (live->state) {

    case NGX_ESS_RABBITMQ_FOLLOWER_OTHER:
        ngx_ess_rabbitmq_streams_look(live);
        return;

    case NGX_ESS_RABBITMQ_FOLLOWER_OPENING:

        if (live->reader == NULL) {
            ngx_ess_rabbitmq_follower_open(live);
        }

        return;

    case NGX_ESS_RABBITMQ_FOLLOWER_SEEKING:
        return;

    case NGX_ESS_RABBITMQ_FOLLOWER_FILLING:

        /* what was there is gone: so is perhaps the end */

        ngx_ess_rabbitmq_follower_close(live);
        ngx_ess_rabbitmq_follower_seek(live);
        ngx_ess_rabbitmq_follower_open(live);
        return;

    default: /* NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING */

        /* is what was last gone, or only late? */

        ngx_ess_amqp_reader_sync(live->reader);
    }
}
