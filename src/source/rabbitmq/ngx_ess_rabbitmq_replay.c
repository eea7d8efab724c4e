
/*
 * Replays of RabbitMQ streams.  What is at the "private" of a replay belongs to
 * this; the session, made for the first one, and its readers to the worker.
 *
 *     start ──► waits for its turn ──► reads ──► stop, by who started it
 *                 ▲  ▲                 │   │
 *                 │  └─────────────────┘   │ too much was handed out
 *                 │   its turn is over     ▼
 *                 └────────────────────  paused
 *                          more
 *
 * Those that are paused have no place, nor a channel: who sends slowly holds up
 * nobody.  See ngx_ess_rabbitmq_turn.h.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_rabbitmq_key.h"
#include "ngx_ess_rabbitmq_replay.h"
#include "ngx_ess_rabbitmq_turn.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_amqp_reader.h"
#include "ngx_ess_source.h"
#include "ngx_ess_counter.h"


/* events; enough of a turn while others wait */
#define NGX_ESS_RABBITMQ_REPLAY_EVENTS  16384

/* s; a stream is asked for what it got so much before a point in time, by the
   broker's clock, for publishers have clocks of their own */
#define NGX_ESS_RABBITMQ_REPLAY_MARGIN  60

/* ms; until the socket may take an acknowledgement */
#define NGX_ESS_RABBITMQ_REPLAY_RETRY   500

/* ms; RabbitMQ ends a channel on which something is not acknowledged for half
   an hour */
#define NGX_ESS_RABBITMQ_REPLAY_HELD    120000


/* A point in time is sought: nothing has come from there. */
#define ngx_ess_rabbitmq_replay_seeks(replay)                                 \
    (!(replay)->user->found && (replay)->user->ordinal == 0)


typedef struct {
    ngx_ess_amqp_conf_t         *conf;
    ngx_uint_t                   prefetch;
    ngx_ess_zone_t              *zone;
    ngx_log_t                   *log;
    ngx_ess_amqp_session_t      *session;   /* NULL: none was needed */
    ngx_queue_t                  readers;
    ngx_ess_rabbitmq_turns_t     turns;     /* those that run have a reader, or
                                               are about to have one again;
                                               open while the session is */
} ngx_ess_rabbitmq_replay_worker_t;


/* of a user's replay, at its "private" */

typedef struct {
    ngx_ess_source_replay_t     *user;
    ngx_ess_rabbitmq_turn_t      turn;
    uint64_t                     begin;     /* ordinal; of its turn */
    ngx_event_t                  timer;
    ngx_ess_amqp_reader_t       *reader;
    ngx_uint_t                   attempt;
    ngx_msec_t                   held_since;
    unsigned                     fresh:1;   /* since the last batch */
    unsigned                     held:1;    /* not acknowledged: its user has
                                               it */
    unsigned                     full:1;    /* until more is wanted */
    unsigned                     joined:1;  /* to what was handed out before */
} ngx_ess_rabbitmq_replay_t;


static void ngx_ess_rabbitmq_replay_begin(ngx_ess_rabbitmq_turn_t *turn);
static ngx_uint_t ngx_ess_rabbitmq_replay_yield(ngx_ess_rabbitmq_turn_t *turn);
static void ngx_ess_rabbitmq_replay_leave(ngx_ess_rabbitmq_replay_t *replay);
static void ngx_ess_rabbitmq_replay_open(ngx_ess_rabbitmq_replay_t *replay);
static void ngx_ess_rabbitmq_replay_close(ngx_ess_rabbitmq_replay_t *replay);
static void ngx_ess_rabbitmq_replay_ack(ngx_ess_rabbitmq_replay_t *replay);
static void ngx_ess_rabbitmq_replay_timer(ngx_event_t *ev);
static void ngx_ess_rabbitmq_replay_started(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_replay_delivery(ngx_ess_amqp_reader_t *reader,
    uint64_t offset, ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_rabbitmq_replay_synced(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_rabbitmq_replay_ended(ngx_ess_amqp_reader_t *reader,
    ngx_int_t rc);
static void ngx_ess_rabbitmq_replay_session_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_rabbitmq_replay_session_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_rabbitmq_replay_session_batch(ngx_ess_amqp_session_t *s);


static const ngx_ess_amqp_handlers_t  ngx_ess_rabbitmq_replay_session = {
    ngx_ess_rabbitmq_replay_session_open,
    ngx_ess_rabbitmq_replay_session_close,
    ngx_ess_rabbitmq_replay_session_batch,
    NULL,
    NULL,
    NULL
};


static const ngx_ess_amqp_reader_handlers_t
    ngx_ess_rabbitmq_replay_handlers =
{
    ngx_ess_rabbitmq_replay_started,
    ngx_ess_rabbitmq_replay_delivery,
    ngx_ess_rabbitmq_replay_synced,
    ngx_ess_rabbitmq_replay_ended
};


/* of its place on a list of those who take turns */

#define ngx_ess_rabbitmq_replay_of(q)                                         \
    (ngx_queue_data(q, ngx_ess_rabbitmq_replay_t, turn.queue))


static ngx_ess_rabbitmq_replay_worker_t  ngx_ess_rabbitmq_replays;


void
ngx_ess_rabbitmq_replay_init(ngx_ess_amqp_conf_t *conf, ngx_uint_t prefetch,
    ngx_ess_zone_t *zone, ngx_log_t *log)
{
    ngx_memzero(&ngx_ess_rabbitmq_replays,
                sizeof(ngx_ess_rabbitmq_replay_worker_t));

    ngx_ess_rabbitmq_replays.conf = conf;
    ngx_ess_rabbitmq_replays.prefetch = prefetch;
    ngx_ess_rabbitmq_replays.zone = zone;
    ngx_ess_rabbitmq_replays.log = log;

    ngx_queue_init(&ngx_ess_rabbitmq_replays.readers);

    ngx_ess_rabbitmq_replays.turns.begin = ngx_ess_rabbitmq_replay_begin;
    ngx_ess_rabbitmq_replays.turns.yield = ngx_ess_rabbitmq_replay_yield;
    ngx_ess_rabbitmq_turn_init(&ngx_ess_rabbitmq_replays.turns, log);
}


void
ngx_ess_rabbitmq_replay_exit(void)
{
    ngx_ess_rabbitmq_replay_worker_t  *w;

    w = &ngx_ess_rabbitmq_replays;

    ngx_ess_rabbitmq_turn_close(&w->turns);

    if (w->session) {
        ngx_ess_amqp_destroy(w->session);
        w->session = NULL;

        /* subscribers end after the sources, and stop their replays then */

        ngx_ess_amqp_reader_session_closed(&w->readers);
    }
}


ngx_int_t
ngx_ess_rabbitmq_replay_start(ngx_ess_source_replay_t *user)
{
    ngx_ess_rabbitmq_replay_t         *replay;
    ngx_ess_rabbitmq_replay_worker_t  *w;

    w = &ngx_ess_rabbitmq_replays;

    replay = ngx_calloc(sizeof(ngx_ess_rabbitmq_replay_t), w->log);
    if (replay == NULL) {
        return NGX_ERROR;
    }

    user->private = replay;
    user->after = 0;
    user->found = (user->timestamp == 0);

    replay->user = user;

    replay->timer.handler = ngx_ess_rabbitmq_replay_timer;
    replay->timer.data = replay;
    replay->timer.log = w->log;
    replay->timer.cancelable = 1;

    ngx_ess_counter_add(w->zone, NGX_ESS_C_REPLAYS, 1);

    if (w->session == NULL) {

        /* without memory for it, with the next one */

        w->session = ngx_ess_amqp_create(w->conf,
                                         &ngx_ess_rabbitmq_replay_session, w,
                                         w->zone->max_event, w->log);
    }

    ngx_ess_rabbitmq_turn_wait(&w->turns, &replay->turn);
    ngx_ess_rabbitmq_turn_next(&w->turns);

    return NGX_OK;
}


static void
ngx_ess_rabbitmq_replay_begin(ngx_ess_rabbitmq_turn_t *turn)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = ngx_ess_rabbitmq_replay_of(&turn->queue);

    replay->begin = replay->user->ordinal;

    ngx_ess_rabbitmq_replay_open(replay);
}


/* Has it had enough of its turn, or does nothing with it? */

static ngx_uint_t
ngx_ess_rabbitmq_replay_yield(ngx_ess_rabbitmq_turn_t *turn)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = ngx_ess_rabbitmq_replay_of(&turn->queue);

    if (ngx_ess_rabbitmq_replay_seeks(replay) || replay->fresh) {
        return 0;
    }

    if (replay->user->ordinal - replay->begin < NGX_ESS_RABBITMQ_REPLAY_EVENTS
        && (!replay->held
            || ngx_current_msec - replay->held_since
               < NGX_ESS_RABBITMQ_TURN_TIME))
    {
        return 0;
    }

    ngx_ess_rabbitmq_replay_leave(replay);

    return 1;
}


/* Its place is another one's; what its user has not sent is sent first. */

static void
ngx_ess_rabbitmq_replay_leave(ngx_ess_rabbitmq_replay_t *replay)
{
    ngx_ess_rabbitmq_replay_close(replay);

    replay->full |= replay->held;
    replay->held = 0;

    if (replay->full) {
        ngx_ess_rabbitmq_turn_pause(&ngx_ess_rabbitmq_replays.turns,
                                    &replay->turn);

    } else {
        ngx_ess_rabbitmq_turn_wait(&ngx_ess_rabbitmq_replays.turns,
                                   &replay->turn);
    }
}


static void
ngx_ess_rabbitmq_replay_open(ngx_ess_rabbitmq_replay_t *replay)
{
    uint64_t                           s, value;
    ngx_ess_amqp_reader_from_e         from;
    ngx_ess_rabbitmq_replay_worker_t  *w;

    w = &ngx_ess_rabbitmq_replays;

    replay->held = 0;
    replay->joined = ngx_ess_rabbitmq_replay_seeks(replay);

    if (replay->joined) {
        s = replay->user->timestamp / 1000;

        from = NGX_ESS_AMQP_READER_TIMESTAMP;
        value = s - ngx_min(s, NGX_ESS_RABBITMQ_REPLAY_MARGIN);

    } else {

        /* the last one that was handed out, if any was, comes once more: so
           nothing is gone behind it, though offsets may be left out */

        from = NGX_ESS_AMQP_READER_OFFSET;
        value = replay->user->ordinal ? replay->user->ordinal - 1 : 0;
    }

    replay->reader = ngx_ess_amqp_reader_open(w->session, &w->readers,
                                              &replay->user->key, from, value,
                                              w->prefetch,
                                              &ngx_ess_rabbitmq_replay_handlers,
                                              replay, w->log);
    if (replay->reader == NULL) {
        ngx_add_timer(&replay->timer, ngx_ess_backoff(replay->attempt++));
    }
}


static void
ngx_ess_rabbitmq_replay_close(ngx_ess_rabbitmq_replay_t *replay)
{
    if (replay->reader) {
        ngx_ess_amqp_reader_close(replay->reader);
        replay->reader = NULL;
    }

    if (replay->timer.timer_set) {
        ngx_del_timer(&replay->timer);
    }
}


void
ngx_ess_rabbitmq_replay_stop(ngx_ess_source_replay_t *user)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = user->private;

    ngx_ess_rabbitmq_replay_close(replay);

    ngx_ess_counter_add(ngx_ess_rabbitmq_replays.zone, NGX_ESS_C_REPLAYS, -1);

    ngx_ess_rabbitmq_turn_pause(&ngx_ess_rabbitmq_replays.turns,
                                &replay->turn);
    ngx_ess_rabbitmq_turn_next(&ngx_ess_rabbitmq_replays.turns);

    ngx_free(replay);
}


void
ngx_ess_rabbitmq_replay_more(ngx_ess_source_replay_t *user)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = user->private;

    if (replay->full) {

        /* it is paused */

        replay->full = 0;

        ngx_ess_rabbitmq_turn_wait(&ngx_ess_rabbitmq_replays.turns,
                                   &replay->turn);
        ngx_ess_rabbitmq_turn_next(&ngx_ess_rabbitmq_replays.turns);

    } else if (replay->held) {

        replay->held = 0;

        if (replay->reader) {
            ngx_ess_rabbitmq_replay_ack(replay);
        }
    }
}


/* The broker sends more. */

static void
ngx_ess_rabbitmq_replay_ack(ngx_ess_rabbitmq_replay_t *replay)
{
    if (ngx_ess_amqp_reader_ack(replay->reader) != NGX_OK) {

        /* the socket is behind */

        ngx_add_timer(&replay->timer, NGX_ESS_RABBITMQ_REPLAY_RETRY);

    } else if (replay->timer.timer_set) {
        ngx_del_timer(&replay->timer);
    }
}


static void
ngx_ess_rabbitmq_replay_timer(ngx_event_t *ev)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = ev->data;

    if (replay->reader && !replay->held) {
        ngx_ess_rabbitmq_replay_ack(replay);
        return;
    }

    if (replay->reader == NULL && ngx_ess_rabbitmq_replays.turns.places) {
        ngx_ess_rabbitmq_replay_open(replay);
        return;
    }

    /* unacknowledged for long, or there is no session */

    ngx_ess_rabbitmq_replay_leave(replay);
    ngx_ess_rabbitmq_turn_next(&ngx_ess_rabbitmq_replays.turns);
}


static void
ngx_ess_rabbitmq_replay_started(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = reader->data;
    replay->attempt = 0;

    if (ngx_ess_rabbitmq_replay_seeks(replay)) {
        ngx_ess_amqp_reader_sync(reader);
    }
}


static void
ngx_ess_rabbitmq_replay_delivery(ngx_ess_amqp_reader_t *reader, uint64_t offset,
    ngx_ess_amqp_delivery_t *delivery)
{
    uint64_t                    ordinal;
    ngx_ess_event_t             event;
    ngx_ess_source_replay_t    *user;
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = reader->data;
    user = replay->user;
    ordinal = offset + 1;

    if (!replay->joined && ordinal > user->ordinal + 1) {
        user->after = offset;
    }

    replay->joined = 1;

    if (ordinal <= user->ordinal) {
        return;
    }

    user->ordinal = ordinal;
    replay->fresh = 1;

    if (delivery->over_size) {
        user->after = ordinal;
        return;
    }

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body = delivery->body;
    event.ordinal = ordinal;
    event.after = user->after;

    ngx_ess_rabbitmq_key(&event, delivery);

    event.timestamp = ngx_ess_amqp_property_time(delivery->properties);

    if (!user->found && event.timestamp && event.timestamp < user->timestamp) {
        return;
    }

    user->found = 1;

    if (user->handlers->event(user, &event) == NGX_AGAIN && replay->reader) {

        /* whole chunks come beyond the prefetch: no more of this one */

        replay->full = 1;
        ngx_ess_rabbitmq_replay_close(replay);
    }
}


static void
ngx_ess_rabbitmq_replay_synced(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = reader->data;

    if (ngx_ess_rabbitmq_replay_seeks(replay)) {

        /* nothing is that new */

        ngx_ess_rabbitmq_replay_close(replay);
        replay->user->handlers->ended(replay->user, NGX_DONE);
    }
}


static void
ngx_ess_rabbitmq_replay_ended(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    ngx_ess_rabbitmq_replay_t  *replay;

    replay = reader->data;
    replay->reader = NULL;

    ngx_ess_rabbitmq_replay_close(replay);

    switch (rc) {

    case NGX_DECLINED:
        replay->user->handlers->ended(replay->user, NGX_DECLINED);
        return;

    case NGX_ABORT:
        /* until the session is open again */
        ngx_ess_rabbitmq_replay_leave(replay);
        return;

    default: /* NGX_ERROR */
        ngx_add_timer(&replay->timer, ngx_ess_backoff(replay->attempt++));
    }
}


static void
ngx_ess_rabbitmq_replay_session_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_counter_add(ngx_ess_rabbitmq_replays.zone, NGX_ESS_C_SESSIONS, 1);

    ngx_ess_rabbitmq_turn_open(&ngx_ess_rabbitmq_replays.turns);
}


static void
ngx_ess_rabbitmq_replay_session_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rabbitmq_turn_close(&ngx_ess_rabbitmq_replays.turns);

    /* what was handed out is to be sent */

    ngx_ess_rabbitmq_replay_session_batch(s);

    ngx_ess_amqp_reader_session_closed(&ngx_ess_rabbitmq_replays.readers);
}


static void
ngx_ess_rabbitmq_replay_session_batch(ngx_ess_amqp_session_t *s)
{
    ngx_queue_t                       *q;
    ngx_ess_rabbitmq_replay_t         *replay;
    ngx_ess_rabbitmq_replay_worker_t  *w;

    w = ngx_ess_amqp_data(s);

    /* a handler may stop its own replay, but no other one */

    for (q = ngx_queue_head(&w->turns.running);
         q != ngx_queue_sentinel(&w->turns.running);
         /* void */ )
    {
        replay = ngx_ess_rabbitmq_replay_of(q);
        q = ngx_queue_next(q);

        if (!replay->fresh) {
            continue;
        }

        replay->fresh = 0;

        if (replay->full) {
            ngx_ess_rabbitmq_replay_leave(replay);

        } else if (replay->reader && !replay->user->found) {
            ngx_ess_rabbitmq_replay_ack(replay);

        } else if (replay->reader && !replay->held) {

            /* until its user has sent what it was given */

            replay->held = 1;
            replay->held_since = ngx_current_msec;
            ngx_add_timer(&replay->timer, NGX_ESS_RABBITMQ_REPLAY_HELD);
        }

        replay->user->handlers->batch(replay->user);
    }

    ngx_ess_rabbitmq_turn_next(&w->turns);
}
