
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
#include "ngx_ess_source.h"
#include "ngx_ess_interest.h"


/* ms; for one that must be there: the nodes of a cluster may have to agree on
   it first */
#define NGX_ESS_RABBITMQ_FOLLOWER_SILENT  2000

/* ms; until the zone is asked again */
#define NGX_ESS_RABBITMQ_FOLLOWER_ROOM    5

/* ms; between looks at another follower while somebody waits for it */
#define NGX_ESS_RABBITMQ_FOLLOWER_POLL    20


static void ngx_ess_rabbitmq_follower_asked(ngx_ess_rabbitmq_follower_t *f);
static void ngx_ess_rabbitmq_follower_tell(ngx_ess_rabbitmq_follower_t *f,
    ngx_int_t rc);
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


static const ngx_ess_amqp_reader_handlers_t
    ngx_ess_rabbitmq_follower_handlers =
{
    ngx_ess_rabbitmq_follower_started,
    ngx_ess_rabbitmq_follower_delivery,
    ngx_ess_rabbitmq_follower_synced,
    ngx_ess_rabbitmq_follower_ended
};


void
ngx_ess_rabbitmq_follower_look(ngx_ess_rabbitmq_follower_t *f)
{
    ngx_ess_rabbitmq_streams_t  *s;

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING) {
        ngx_ess_rabbitmq_follower_answer(f, NGX_OK);
        return;
    }

    if (f->state != NGX_ESS_RABBITMQ_FOLLOWER_OTHER) {
        /* they will be told */
        return;
    }

    s = f->streams;

    switch (ngx_ess_follow_state(s->zone, &f->ref)) {

    case NGX_ESS_FOLLOW_LIVE:
        ngx_ess_rabbitmq_follower_answer(f, NGX_OK);
        return;

    case NGX_ESS_FOLLOW_ATTACHING:
    case NGX_ESS_FOLLOW_FILLING:
        ngx_ess_rabbitmq_follower_asked(f);

        if (!ngx_queue_empty(&f->attaches)) {
            ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_POLL);
        }

        return;

    case NGX_ESS_FOLLOW_MISSING:

        /* that is the answer to those who had asked before */

        ngx_ess_rabbitmq_follower_tell(f, NGX_DECLINED);

        if (ngx_queue_empty(&f->fresh)) {
            return;
        }

        break;

    default: /* NGX_ESS_FOLLOW_NONE */

        if (!ngx_ess_rabbitmq_follower_waits(f)
            && !ngx_ess_interest_subscribed(s->zone, &f->ref))
        {
            return;
        }
    }

    ngx_ess_rabbitmq_follower_asked(f);

    switch (ngx_ess_follow_claim(s->zone, &f->ref, &f->ordinal)) {

    case NGX_OK:
        f->known = 0;
        f->after = 0;
        ngx_ess_rabbitmq_follower_open(f);
        return;

    case NGX_DECLINED:
        ngx_ess_rabbitmq_follower_tell(f, NGX_DECLINED);
        return;

    default: /* NGX_BUSY: another worker was faster */
        return;
    }
}


/* The broker is being asked: what it says is for all who wait. */

static void
ngx_ess_rabbitmq_follower_asked(ngx_ess_rabbitmq_follower_t *f)
{
    if (!ngx_queue_empty(&f->fresh)) {
        ngx_queue_add(&f->attaches, &f->fresh);
        ngx_queue_init(&f->fresh);
    }
}


void
ngx_ess_rabbitmq_follower_answer(ngx_ess_rabbitmq_follower_t *f, ngx_int_t rc)
{
    ngx_ess_rabbitmq_follower_asked(f);
    ngx_ess_rabbitmq_follower_tell(f, rc);
}


/* Those of whom the broker was asked; who asks again is a new one. */

static void
ngx_ess_rabbitmq_follower_tell(ngx_ess_rabbitmq_follower_t *f, ngx_int_t rc)
{
    ngx_queue_t              *q;
    ngx_ess_source_attach_t  *attach;

    while (!ngx_queue_empty(&f->attaches)) {
        q = ngx_queue_head(&f->attaches);
        ngx_queue_remove(q);

        attach = ngx_queue_data(q, ngx_ess_source_attach_t, queue);
        attach->queue.next = NULL;

        attach->done(attach, rc);
    }
}


void
ngx_ess_rabbitmq_follower_open(ngx_ess_rabbitmq_follower_t *f)
{
    ngx_ess_rabbitmq_streams_t  *s;

    s = f->streams;

    f->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;

    if (!ngx_ess_amqp_is_open(s->session)) {
        /* see kick */
        return;
    }

    /* the last event that is known comes once more, and so proves that the
       broker's stream is the same */

    f->reader = ngx_ess_amqp_reader_open(s->session, &s->readers, &f->key,
                                         f->ordinal ? NGX_ESS_AMQP_READER_OFFSET
                                                    : NGX_ESS_AMQP_READER_LAST,
                                         f->ordinal > 2 ? f->ordinal - 2 : 0,
                                         s->prefetch,
                                         &ngx_ess_rabbitmq_follower_handlers,
                                         f, s->log);

    f->silent = (f->ordinal && f->end == 0);

    if (f->reader == NULL) {
        ngx_ess_rabbitmq_follower_later(f, ngx_ess_backoff(f->attempt++));
    }
}


void
ngx_ess_rabbitmq_follower_close(ngx_ess_rabbitmq_follower_t *f)
{
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

    f->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;

    ngx_add_timer(&f->timer, ms);
}


static void
ngx_ess_rabbitmq_follower_started(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;
    f->attempt = 0;

    if (f->ordinal == 0) {
        f->state = NGX_ESS_RABBITMQ_FOLLOWER_SEEKING;
        ngx_ess_amqp_reader_sync(reader);
        return;
    }

    if (f->end) {
        f->state = NGX_ESS_RABBITMQ_FOLLOWER_FILLING;
        ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
        return;
    }

    if (f->ordinal > 1) {
        ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
    }

    ngx_ess_rabbitmq_follower_live(f);
}


static void
ngx_ess_rabbitmq_follower_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = reader->data;

    /* to be acknowledged */
    f->streams->delivered = 1;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        f->ordinal = offset + 2;
        return;
    }

    /* continued, but what was there, or came first, is not any more */

    if (f->silent && offset + 1 > f->ordinal) {
        f->after = offset;
    }

    f->silent = 0;

    ngx_ess_rabbitmq_follower_append(f, offset + 1, delivery);

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_FILLING) {

        if (f->ordinal < f->end) {
            ngx_add_timer(&f->timer, NGX_ESS_RABBITMQ_FOLLOWER_SILENT);
            return;
        }

        f->end = 0;

        if (ngx_ess_follow_live(f->streams->zone, &f->ref, &f->streams->wake)
            == NGX_OK)
        {
            ngx_ess_rabbitmq_follower_live(f);

        } else {
            ngx_ess_rabbitmq_follower_succeeded(f);
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
    ngx_ess_rabbitmq_streams_t  *s;

    s = f->streams;

    if (ordinal < f->ordinal) {
        return;
    }

    f->ordinal = ordinal + 1;

    if (delivery->over_size) {
        ngx_ess_source_too_large(s->zone, s->log, &delivery->key,
                                 delivery->body_size);
        f->after = ordinal;
        return;
    }

    ref = &f->ref;

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

    n = ngx_ess_log_append(s->zone, &f->key, &event, 0, &s->wake);

    if (n == NGX_AGAIN || n == NGX_BUSY) {

        /* what workers have not seen yet fills the zone: the broker keeps
           the rest meanwhile */

        f->ordinal = ordinal;
        ngx_ess_rabbitmq_follower_close(f);
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

        ngx_ess_rabbitmq_follower_close(f);

        f->known = f->ordinal;
        f->ordinal = 0;

        ngx_ess_rabbitmq_follower_open(f);
    }
}


/* The end of the broker's stream is known. */

static void
ngx_ess_rabbitmq_follower_begin(ngx_ess_rabbitmq_follower_t *f)
{
    uint64_t                    first;
    ngx_ess_escaped_t           key;
    ngx_ess_rabbitmq_streams_t  *s;

    s = f->streams;

    if (f->ordinal == 0) {
        f->ordinal = 1;
        f->silent = 1;
    }

    if (f->ordinal == f->known) {
        /* as it was: there was nothing to come again */
        ngx_ess_rabbitmq_follower_live(f);
        return;
    }

    if (f->known) {
        ngx_log_error(NGX_LOG_WARN, s->log, 0,
                      "RabbitMQ stream \"%V\" goes on with event %uL where "
                      "%uL was expected: it was made anew",
                      ngx_ess_escape(&key, &f->key), f->ordinal,
                      f->known);

        first = f->ordinal;

    } else {
        first = (f->ordinal > s->prefetch)
                ? f->ordinal - s->prefetch : 1;
    }

    f->after = 0;

    switch (ngx_ess_follow_begin(s->zone, &f->ref, f->ordinal, first,
                                 &s->wake))
    {
    case NGX_OK:
        ngx_ess_wake_procs(s->zone, &s->wake);
        ngx_ess_rabbitmq_follower_live(f);
        return;

    case NGX_AGAIN:
        ngx_ess_rabbitmq_follower_close(f);

        f->end = f->ordinal;
        f->ordinal = first;

        ngx_ess_rabbitmq_follower_open(f);
        return;

    default: /* NGX_DECLINED */
        ngx_ess_rabbitmq_follower_succeeded(f);
    }
}


/* All that comes from now on is appended. */

static void
ngx_ess_rabbitmq_follower_live(ngx_ess_rabbitmq_follower_t *f)
{
    ngx_ess_escaped_t  key;

    ngx_log_error(NGX_LOG_INFO, f->streams->log, 0,
                  "following RabbitMQ stream \"%V\" from event %uL on",
                  ngx_ess_escape(&key, &f->key), f->ordinal);

    f->known = 0;
    f->state = NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING;

    ngx_ess_rabbitmq_follower_answer(f, NGX_OK);
}


/* Filling was interrupted: it begins with the end again. */

static void
ngx_ess_rabbitmq_follower_seek(ngx_ess_rabbitmq_follower_t *f)
{
    if (f->end) {
        f->end = 0;
        f->ordinal = 0;
    }
}


void
ngx_ess_rabbitmq_follower_succeeded(ngx_ess_rabbitmq_follower_t *f)
{
    ngx_ess_rabbitmq_follower_close(f);

    f->end = 0;
    f->state = NGX_ESS_RABBITMQ_FOLLOWER_OTHER;

    ngx_ess_rabbitmq_follower_look(f);
}


static void
ngx_ess_rabbitmq_follower_ended(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    ngx_ess_escaped_t             key;
    ngx_ess_rabbitmq_follower_t  *f;
    ngx_ess_rabbitmq_streams_t    *s;

    f = reader->data;
    s = f->streams;

    f->reader = NULL;

    ngx_ess_rabbitmq_follower_close(f);

    if (f->state == NGX_ESS_RABBITMQ_FOLLOWER_SEEKING) {
        f->ordinal = 0;
    }

    if (rc == NGX_ABORT) {
        ngx_ess_rabbitmq_follower_seek(f);
        f->state = NGX_ESS_RABBITMQ_FOLLOWER_OPENING;
        return;
    }

    if (rc == NGX_ERROR && f->ordinal) {
        ngx_ess_rabbitmq_follower_later(f, ngx_ess_backoff(f->attempt++));
        return;
    }

    ngx_log_error(NGX_LOG_WARN, s->log, 0,
                  "there is no RabbitMQ stream \"%V\"",
                  ngx_ess_escape(&key, &f->key));

    (void) ngx_ess_follow_missing(s->zone, &f->ref, &s->wake);
    ngx_ess_wake_procs(s->zone, &s->wake);

    f->end = 0;
    f->state = NGX_ESS_RABBITMQ_FOLLOWER_OTHER;

    ngx_ess_rabbitmq_follower_answer(f, NGX_DECLINED);
}


void
ngx_ess_rabbitmq_follower_timer(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_follower_t  *f;

    f = ev->data;

    switch (f->state) {

    case NGX_ESS_RABBITMQ_FOLLOWER_OTHER:
        ngx_ess_rabbitmq_follower_look(f);
        return;

    case NGX_ESS_RABBITMQ_FOLLOWER_FOLLOWING:

        /* is what was last gone, or only late? */

        ngx_ess_amqp_reader_sync(f->reader);
        return;

    default:

        /* it is time to open it; or what was there is gone, and so is perhaps
           the end */

        ngx_ess_rabbitmq_follower_close(f);
        ngx_ess_rabbitmq_follower_seek(f);
        ngx_ess_rabbitmq_follower_open(f);
    }
}
