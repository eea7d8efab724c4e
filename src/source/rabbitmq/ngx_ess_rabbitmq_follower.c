
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
#include "ngx_ess_rabbitmq_key.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"


/* ms; for one that must be there: the nodes of a cluster may have to agree on
   it first */
#define NGX_ESS_RABBITMQ_FOLLOWER_SILENT  2000

/* ms; until the zone is asked again */
#define NGX_ESS_RABBITMQ_FOLLOWER_ROOM    5


static void ngx_ess_rabbitmq_follower_init(ngx_ess_follower_t *base);
static void ngx_ess_rabbitmq_follower_claimed(ngx_ess_follower_t *base);
static void ngx_ess_rabbitmq_follower_opening(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_follower_close(ngx_ess_follower_t *base);
static void ngx_ess_rabbitmq_follower_later(ngx_ess_rabbitmq_follower_t *f,
    ngx_msec_t ms);
static void ngx_ess_rabbitmq_follower_started(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_follower_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_rabbitmq_follower_append(ngx_ess_rabbitmq_follower_t *f,
    uint64_t ordinal, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_rabbitmq_follower_synced(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_follower_begin(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_follower_live(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_follower_seek(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_follower_ended(ngx_ess_amqp_reader_t *reader,
    ngx_int_t rc);
static void ngx_ess_rabbitmq_follower_timer(ngx_event_t *ev);


static const ngx_ess_amqp_reader_handlers_t
    ngx_ess_rabbitmq_follower_handlers =
{
    ngx_ess_rabbitmq_follower_started,
    ngx_ess_rabbitmq_follower_delivery,
    ngx_ess_rabbitmq_follower_synced,
    ngx_ess_rabbitmq_follower_ended
};


const ngx_ess_follower_type_t  ngx_ess_rabbitmq_follower = {
    "RabbitMQ stream",
    sizeof(ngx_ess_rabbitmq_follower_t),
    ngx_ess_rabbitmq_follower_init,
    ngx_ess_rabbitmq_follower_claimed,
    ngx_ess_rabbitmq_follower_close
};


static void
ngx_ess_rabbitmq_follower_init(ngx_ess_follower_t *base)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = (ngx_ess_rabbitmq_follower_t *) base;

    f->streams = (ngx_ess_rabbitmq_streams_t *) base->followers;

    f->timer.handler = ngx_ess_rabbitmq_follower_timer;
    f->timer.data = f;
    f->timer.log = base->followers->log;
    f->timer.cancelable = 1;
}


static void
ngx_ess_rabbitmq_follower_claimed(ngx_ess_follower_t *base)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = (ngx_ess_rabbitmq_follower_t *) base;

    f->end = 0;
    f->known = 0;
    f->after = 0;

    ngx_ess_rabbitmq_follower_open(f);
}


void
ngx_ess_rabbitmq_follower_open(ngx_ess_rabbitmq_follower_t *f)
{
    uint64_t                     next;
    ngx_ess_rabbitmq_streams_t  *s;

    s = f->streams;

    ngx_ess_rabbitmq_follower_opening(f);

    if (!ngx_ess_amqp_is_open(s->session)) {
        /* see kick */
        return;
    }

    /* the last event that is known comes once more, and so proves that the
       broker's stream is the same */

    next = f->base.ordinal;

    f->reader = ngx_ess_amqp_reader_open(s->session, &s->readers, &f->base.key,
                                         next ? NGX_ESS_AMQP_READER_OFFSET
                                              : NGX_ESS_AMQP_READER_LAST,
                                         next > 2 ? next - 2 : 0, s->prefetch,
                                         &ngx_ess_rabbitmq_follower_handlers,
                                         f, s->followers.log);

    f->silent = (next && f->end == 0);

    if (f->reader == NULL) {
        ngx_ess_rabbitmq_follower_later(f, ngx_ess_backoff(f->attempt++));
    }
}


/* Who asks waits until it follows again. */

static void
ngx_ess_rabbitmq_follower_opening(ngx_ess_rabbitmq_follower_t *f)
{
    f->base.state = NGX_ESS_FOLLOWER_CLAIMED;
    f->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;
}


static void
ngx_ess_rabbitmq_follower_close(ngx_ess_follower_t *base)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = (ngx_ess_rabbitmq_follower_t *) base;

    if (f->reader) {
        ngx_ess_amqp_reader_close(f->reader);
        f->reader = NULL;
    }

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }
}


static void
ngx_ess_rabbitmq_follower_later(ngx_ess_rabbitmq_follower_t *f, ngx_msec_t ms)
{
    ngx_ess_rabbitmq_follower_seek(f);

    ngx_ess_rabbitmq_follower_opening(f);

    ngx_add_timer(&f->timer, ms);
}


static void
ngx_ess_rabbitmq_follower_started(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;
    f->attempt = 0;

    if (f->base.ordinal == 0) {
        f->state = NGX_ESS_RABBITMQ_FOLLOWER_SEEKING;
        ngx_ess_amqp_reader_sync(reader);
        return;
    }

    if (f->end) {
        f->state = NGX_ESS_RABBITMQ_FOLLOWER_FILLING;
        ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
        return;
    }

    if (f->base.ordinal > 1) {
        ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
    }

    ngx_ess_rabbitmq_follower_live(f);
}


static void
ngx_ess_rabbitmq_follower_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_ess_followers_t          *s;
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;

    /* to be acknowledged */
    f->streams->delivered = 1;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        f->base.ordinal = offset + 2;
        return;
    }

    /* continued, but what was there, or came first, is not any more */

    if (f->silent && offset + 1 > f->base.ordinal) {
        f->after = offset;
    }

    f->silent = 0;

    ngx_ess_rabbitmq_follower_append(f, offset + 1, delivery);

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_FILLING) {

        if (f->base.ordinal < f->end) {
            ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
            return;
        }

        f->end = 0;

        s = f->base.followers;

        if (ngx_ess_follow_live(s->zone, &f->base.ref, &s->wake) == NGX_OK) {
            ngx_ess_rabbitmq_follower_live(f);

        } else {
            ngx_ess_follower_succeeded(&f->base);
        }
    }
}


static void
ngx_ess_rabbitmq_follower_append(ngx_ess_rabbitmq_follower_t *f,
    uint64_t ordinal, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_int_t                   n;
    ngx_ess_event_t             event;
    ngx_ess_stream_ref_t       *ref;
    ngx_ess_followers_t        *s;

    s = f->base.followers;

    if (ordinal < f->base.ordinal) {
        return;
    }

    f->base.ordinal = ordinal + 1;

    if (delivery->over_size) {
        ngx_ess_source_too_large(s->zone, s->log, &delivery->key,
                                 delivery->body_size);
        f->after = ordinal;
        return;
    }

    ref = &f->base.ref;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body = delivery->body;
    event.ordinal = ordinal;
    event.after = f->after;
    event.streams = &ref;
    event.nstreams = 1;

    ngx_ess_rabbitmq_key(&event, delivery);

    event.timestamp = ngx_ess_amqp_property_time(delivery->properties);

    if (event.timestamp == 0
        && f->state == NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING)
    {
        event.timestamp = ngx_ess_now();
    }

    n = ngx_ess_log_append(s->zone, &f->base.key, &event, 0, &s->wake);

    if (n == NGX_AGAIN || n == NGX_BUSY) {

        /* what workers have not seen yet fills the zone: the broker keeps
           the rest meanwhile */

        f->base.ordinal = ordinal;
        ngx_ess_rabbitmq_follower_close(&f->base);
        ngx_ess_rabbitmq_follower_later(f, NGX_ESS_RABBITMQ_FOLLOWER_ROOM);
    }
}


static void
ngx_ess_rabbitmq_follower_synced(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {

        /* all of the last chunk has come, or there is none */

        ngx_ess_rabbitmq_follower_begin(f);
        return;
    }

    if (f->silent) {

        /* gone is the event that was there: where is the end? */

        ngx_ess_rabbitmq_follower_close(&f->base);

        f->known = f->base.ordinal;
        f->base.ordinal = 0;

        ngx_ess_rabbitmq_follower_open(f);
    }
}


/* The end of the broker's stream is known. */

static void
ngx_ess_rabbitmq_follower_begin(ngx_ess_rabbitmq_follower_t *f)
{
    uint64_t                    first;
    ngx_ess_escaped_t           key;
    ngx_ess_followers_t  *s;

    s = f->base.followers;

    if (f->base.ordinal == 0) {
        f->base.ordinal = 1;
        f->silent = 1;
    }

    if (f->base.ordinal == f->known) {
        /* as it was: there was nothing to come again */
        ngx_ess_rabbitmq_follower_live(f);
        return;
    }

    if (f->known) {
        ngx_log_error(NGX_LOG_WARN, s->log, 0,
                      "RabbitMQ stream \"%V\" goes on with event %uL where "
                      "%uL was expected: it was made anew",
                      ngx_ess_escape(&key, &f->base.key), f->base.ordinal,
                      f->known);

        first = f->base.ordinal;

    } else {
        first = (f->base.ordinal > f->streams->prefetch)
                ? f->base.ordinal - f->streams->prefetch : 1;
    }

    f->after = 0;

    switch (ngx_ess_follow_begin(s->zone, &f->base.ref, 0, f->base.ordinal,
                                 first, &s->wake))
    {
    case NGX_OK:
        ngx_ess_wake_procs(s->zone, &s->wake);
        ngx_ess_rabbitmq_follower_live(f);
        return;

    case NGX_AGAIN:
        ngx_ess_rabbitmq_follower_close(&f->base);

        f->end = f->base.ordinal;
        f->base.ordinal = first;

        ngx_ess_rabbitmq_follower_open(f);
        return;

    default: /* NGX_DECLINED */
        ngx_ess_follower_succeeded(&f->base);
    }
}


/* All that comes from now on is appended. */

static void
ngx_ess_rabbitmq_follower_live(ngx_ess_rabbitmq_follower_t *f)
{
    f->known = 0;
    f->state = NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING;

    ngx_ess_follower_live(&f->base);
}


/* Filling was interrupted: it begins with the end again. */

static void
ngx_ess_rabbitmq_follower_seek(ngx_ess_rabbitmq_follower_t *f)
{
    if (f->end) {
        f->end = 0;
        f->base.ordinal = 0;
    }
}


static void
ngx_ess_rabbitmq_follower_ended(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;

    f->reader = NULL;

    ngx_ess_rabbitmq_follower_close(&f->base);

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        f->base.ordinal = 0;
    }

    if (rc == NGX_ABORT) {
        ngx_ess_rabbitmq_follower_seek(f);
        ngx_ess_rabbitmq_follower_opening(f);
        return;
    }

    if (rc == NGX_ERROR && f->base.ordinal) {
        ngx_ess_rabbitmq_follower_later(f, ngx_ess_backoff(f->attempt++));
        return;
    }

    ngx_ess_follower_missing(&f->base);
}


static void
ngx_ess_rabbitmq_follower_timer(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = ev->data;

    switch (f->state) {

    case NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING:

        /* is what was last gone, or only late? */

        ngx_ess_amqp_reader_sync(f->reader);
        return;

    default:

        /* it is time to open it; or what was there is gone, and so is perhaps
           the end */

        ngx_ess_rabbitmq_follower_close(&f->base);
        ngx_ess_rabbitmq_follower_seek(f);
        ngx_ess_rabbitmq_follower_open(f);
    }
}
