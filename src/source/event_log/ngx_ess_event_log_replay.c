
/*
 * Replays of event logs, in a worker.  What is at the "private" of a replay
 * belongs to this.
 *
 *     start ──► (seeks) ──► reads ──► batch ──► stop, by who started it
 *                             ▲         │
 *                             └─────────┘
 *                               more; or, at the end, a moment later
 */


#include "ngx_ess_event_log_replay.h"
#include "ngx_ess_backoff.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_date.h"
#include "ngx_ess_event_log_reader.h"


/* ms; at the end of an event log whose last events the zone is about to get:
   the first time, and at most */
#define NGX_ESS_EVENT_LOG_REPLAY_END   20
#define NGX_ESS_EVENT_LOG_REPLAY_ENDS  1000

/* ms; for whoever had nothing to send of what was read */
#define NGX_ESS_EVENT_LOG_REPLAY_HELD  1000


typedef struct {
    ngx_ess_source_replay_t     *user;
    ngx_ess_event_log_t         *log;
    ngx_ess_event_log_reader_t  *reader;
    ngx_event_t                  timer;
    ngx_uint_t                   attempt;
    uint64_t                     seq;       /* of what was read last: the
                                               user's, and too large ones */
    ngx_msec_t                   end;       /* ms; the next look at the end */
    unsigned                     seeks:1;   /* for the time */
    unsigned                     full:1;    /* too much was handed out */
} ngx_ess_event_log_replay_t;


typedef struct {
    ngx_array_t                 *logs;
    ngx_ess_zone_t              *zone;
    ngx_log_t                   *log;
} ngx_ess_event_log_replay_worker_t;


static void ngx_ess_event_log_replay_read(ngx_ess_event_log_replay_t *replay);
static void ngx_ess_event_log_replay_timer(ngx_event_t *ev);
static void ngx_ess_event_log_replay_done(ngx_ess_event_log_reader_t *reader);
static void ngx_ess_event_log_replay_sought(
    ngx_ess_event_log_replay_t *replay);
static void ngx_ess_event_log_replay_page(ngx_ess_event_log_replay_t *replay);
static ngx_msec_t ngx_ess_event_log_replay_end(
    ngx_ess_event_log_replay_t *replay);
static ngx_int_t ngx_ess_event_log_replay_row(
    ngx_ess_event_log_replay_t *replay, ngx_ess_event_log_row_t *row);


static ngx_ess_event_log_replay_worker_t  ngx_ess_event_log_replays;


void
ngx_ess_event_log_replay_init(ngx_array_t *logs, ngx_ess_zone_t *zone,
    ngx_log_t *log)
{
    ngx_ess_event_log_replays.logs = logs;
    ngx_ess_event_log_replays.zone = zone;
    ngx_ess_event_log_replays.log = log;
}


ngx_int_t
ngx_ess_event_log_replay_start(ngx_ess_source_replay_t *user)
{
    ngx_log_t                   *log;
    ngx_ess_event_log_replay_t  *replay;

    log = ngx_ess_event_log_replays.log;

    replay = ngx_calloc(sizeof(ngx_ess_event_log_replay_t), log);
    if (replay == NULL) {
        return NGX_ERROR;
    }

    replay->user = user;
    replay->log = ngx_ess_event_log_named(ngx_ess_event_log_replays.logs,
                                          &user->key);
    replay->seeks = (user->timestamp != 0);

    replay->timer.handler = ngx_ess_event_log_replay_timer;
    replay->timer.data = replay;
    replay->timer.log = log;
    replay->timer.cancelable = 1;

    if (replay->log) {
        replay->reader = ngx_ess_event_log_reader_create(replay->log,
                                   ngx_ess_event_log_replay_done, replay, log);
        if (replay->reader == NULL) {
            ngx_free(replay);
            return NGX_ERROR;
        }
    }

    replay->seq = user->ordinal;

    user->private = replay;
    user->found = !replay->seeks;
    user->after = 0;

    ngx_ess_counter_add(ngx_ess_event_log_replays.zone, NGX_ESS_C_REPLAYS, 1);

    /* handlers are not called from within */

    ngx_add_timer(&replay->timer, 0);

    return NGX_OK;
}


void
ngx_ess_event_log_replay_stop(ngx_ess_source_replay_t *user)
{
    ngx_ess_event_log_replay_t  *replay;

    replay = user->private;

    ngx_ess_counter_add(ngx_ess_event_log_replays.zone, NGX_ESS_C_REPLAYS, -1);

    if (replay->timer.timer_set) {
        ngx_del_timer(&replay->timer);
    }

    if (replay->reader) {
        ngx_ess_event_log_reader_free(replay->reader);
    }

    ngx_free(replay);
}


void
ngx_ess_event_log_replay_more(ngx_ess_source_replay_t *user)
{
    ngx_ess_event_log_replay_t  *replay;

    replay = user->private;
    replay->full = 0;

    ngx_ess_event_log_replay_read(replay);
}


static void
ngx_ess_event_log_replay_read(ngx_ess_event_log_replay_t *replay)
{
    if (replay->reader == NULL || replay->reader->busy) {
        return;
    }

    if (replay->timer.timer_set) {
        ngx_del_timer(&replay->timer);
    }

    if (replay->seeks) {
        ngx_ess_event_log_reader_since(replay->reader,
                           (int64_t) ngx_min(replay->user->timestamp,
                                             (uint64_t) NGX_ESS_DATE_END));

    } else {
        ngx_ess_event_log_reader_after(replay->reader, replay->seq);
    }
}


static void
ngx_ess_event_log_replay_timer(ngx_event_t *ev)
{
    ngx_ess_event_log_replay_t  *replay;

    replay = ev->data;

    if (replay->log == NULL) {
        replay->user->handlers->ended(replay->user, NGX_DECLINED);
        return;
    }

    ngx_ess_event_log_replay_read(replay);
}


static void
ngx_ess_event_log_replay_done(ngx_ess_event_log_reader_t *reader)
{
    ngx_ess_event_log_replay_t  *replay;

    replay = reader->data;

    if (reader->query.rc != NGX_OK) {
        /* why, the event log says */
        ngx_add_timer(&replay->timer, ngx_ess_backoff(replay->attempt++));
        return;
    }

    replay->attempt = 0;

    if (reader->query.epoch != replay->user->epoch) {

        /* another log, with other events; the follower will see */

        replay->user->handlers->ended(replay->user, NGX_DECLINED);
        return;
    }

    if (replay->seeks) {
        ngx_ess_event_log_replay_sought(replay);

    } else {
        ngx_ess_event_log_replay_page(replay);
    }
}


/* The times of events are their senders', and may be in any order: it begins
   with the earliest one from that time on. */

static void
ngx_ess_event_log_replay_sought(ngx_ess_event_log_replay_t *replay)
{
    ngx_ess_event_log_query_t  *query;

    query = &replay->reader->query;

    if (query->nrows == 0) {
        replay->user->handlers->ended(replay->user, NGX_DONE);
        return;
    }

    replay->seeks = 0;
    replay->user->found = 1;
    replay->user->ordinal = query->rows[0].seq - 1;
    replay->seq = replay->user->ordinal;

    ngx_ess_event_log_replay_read(replay);
}


static void
ngx_ess_event_log_replay_page(ngx_ess_event_log_replay_t *replay)
{
    ngx_uint_t                  i;
    ngx_ess_source_replay_t    *user;
    ngx_ess_event_log_query_t  *query;

    user = replay->user;
    query = &replay->reader->query;

    if (replay->reader->lost) {
        user->after = query->rows[0].seq - 1;
    }

    for (i = 0; i < query->nrows && !replay->full; i++) {
        replay->full = (ngx_ess_event_log_replay_row(replay, &query->rows[i])
                        == NGX_AGAIN);
    }

    if (query->nrows) {
        replay->end = 0;
    }

    if (!replay->full) {
        ngx_add_timer(&replay->timer, query->nrows
                                      ? NGX_ESS_EVENT_LOG_REPLAY_HELD
                                      : ngx_ess_event_log_replay_end(replay));
    }

    user->handlers->batch(user);
}


/* Twice as long each time: what the zone is to get may be late. */

static ngx_msec_t
ngx_ess_event_log_replay_end(ngx_ess_event_log_replay_t *replay)
{
    replay->end = replay->end ? ngx_min(2 * replay->end,
                                        NGX_ESS_EVENT_LOG_REPLAY_ENDS)
                              : NGX_ESS_EVENT_LOG_REPLAY_END;

    return replay->end;
}


static ngx_int_t
ngx_ess_event_log_replay_row(ngx_ess_event_log_replay_t *replay,
    ngx_ess_event_log_row_t *row)
{
    ngx_ess_event_t           event;
    ngx_ess_source_replay_t  *user;

    user = replay->user;
    replay->seq = row->seq;

    if (row->body.len > ngx_ess_event_log_replays.zone->max_event) {
        user->after = row->seq;
        return NGX_OK;
    }

    ngx_ess_event_log_reader_event(replay->log, row, &event);

    event.after = user->after;
    user->ordinal = row->seq;

    return user->handlers->event(user, &event);
}
