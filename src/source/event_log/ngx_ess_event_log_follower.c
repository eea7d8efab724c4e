
/*
 * Makes the log of one stream follow an event log.  Runs in the worker that has
 * claimed the stream: see ngx_ess_follow.h.
 *
 * A log begins with the newest events of the database: so when nginx was
 * started again, and all clients come back at once, few of them need a replay
 * of their own.  Its epoch is that of the database, which each answer has: what
 * is read with another one is not appended.
 */


#include "ngx_ess_event_log_follower.h"
#include "ngx_ess_backoff.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_log.h"


/* ms; until the zone is asked for room again */
#define NGX_ESS_EVENT_LOG_FOLLOWER_ROOM  5

/* ms; between looks at a database to which others may write as well */
#define NGX_ESS_EVENT_LOG_FOLLOWER_POLL  1000

/* ms; for which a standby may have less than the server that was read before */
#define NGX_ESS_EVENT_LOG_FOLLOWER_LAG   5000


typedef struct {
    ngx_ess_follower_t           base;      /* first */
    ngx_ess_event_log_t         *log;       /* NULL: there is none */
    ngx_ess_event_log_reader_t  *reader;    /* NULL: none */
    uint64_t                     after;     /* as in ngx_ess_event_t */
    ngx_event_t                  timer;
    ngx_uint_t                   attempt;
    uint64_t                     end;       /* the ordinal behind the last
                                               event, */
    ngx_msec_t                   sought;    /* as it was then */
    ngx_msec_t                   since;     /* it lags */
    unsigned                     seeks:1;   /* where the end is, next */
    unsigned                     again:1;   /* more was stored meanwhile */
    unsigned                     lags:1;    /* the database has less than what
                                               was read of it */
} ngx_ess_event_log_follower_t;


static void ngx_ess_event_log_follower_init(ngx_ess_follower_t *base);
static void ngx_ess_event_log_follower_claimed(ngx_ess_follower_t *base);
static void ngx_ess_event_log_follower_close(ngx_ess_follower_t *base);
static void ngx_ess_event_log_follower_read(ngx_ess_event_log_follower_t *f);
static void ngx_ess_event_log_follower_timer(ngx_event_t *ev);
static void ngx_ess_event_log_follower_done(
    ngx_ess_event_log_reader_t *reader);
static void ngx_ess_event_log_follower_sought(
    ngx_ess_event_log_follower_t *f);
static void ngx_ess_event_log_follower_fill(ngx_ess_event_log_follower_t *f,
    uint64_t next);
static void ngx_ess_event_log_follower_live(ngx_ess_event_log_follower_t *f);
static void ngx_ess_event_log_follower_came(ngx_ess_event_log_follower_t *f);
static void ngx_ess_event_log_follower_behind(ngx_ess_event_log_follower_t *f,
    uint64_t n);
static void ngx_ess_event_log_follower_idle(ngx_ess_event_log_follower_t *f);
static ngx_int_t ngx_ess_event_log_follower_append(
    ngx_ess_event_log_follower_t *f, ngx_ess_event_log_row_t *row);


const ngx_ess_follower_type_t  ngx_ess_event_log_follower = {
    "event log",
    sizeof(ngx_ess_event_log_follower_t),
    ngx_ess_event_log_follower_init,
    ngx_ess_event_log_follower_claimed,
    ngx_ess_event_log_follower_close
};


static void
ngx_ess_event_log_follower_init(ngx_ess_follower_t *base)
{
    ngx_ess_event_log_follower_t   *f;
    ngx_ess_event_log_followers_t  *s;

    f = (ngx_ess_event_log_follower_t *) base;
    s = (ngx_ess_event_log_followers_t *) base->followers;

    f->log = ngx_ess_event_log_named(s->logs, &base->key);

    f->timer.handler = ngx_ess_event_log_follower_timer;
    f->timer.data = f;
    f->timer.log = base->followers->log;
    f->timer.cancelable = 1;
}


static void
ngx_ess_event_log_follower_claimed(ngx_ess_follower_t *base)
{
    ngx_ess_event_log_follower_t  *f;

    f = (ngx_ess_event_log_follower_t *) base;

    if (f->log == NULL) {
        ngx_ess_follower_missing(base);
        return;
    }

    f->seeks = 1;
    f->again = 0;
    f->lags = 0;
    f->after = 0;
    f->end = 0;

    ngx_ess_event_log_follower_read(f);
}


static void
ngx_ess_event_log_follower_close(ngx_ess_follower_t *base)
{
    ngx_ess_event_log_follower_t  *f;

    f = (ngx_ess_event_log_follower_t *) base;

    if (f->reader) {
        ngx_ess_event_log_reader_free(f->reader);
        f->reader = NULL;

        ngx_ess_event_log_figures_left(f->log);
    }

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }
}


/* What comes next; or where the end is. */

static void
ngx_ess_event_log_follower_read(ngx_ess_event_log_follower_t *f)
{
    ngx_log_t  *log;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->reader == NULL) {
        log = f->base.followers->log;

        f->reader = ngx_ess_event_log_reader_create(f->log,
                                      ngx_ess_event_log_follower_done, f, log);
        if (f->reader == NULL) {
            ngx_add_timer(&f->timer, ngx_ess_backoff(f->attempt++));
            return;
        }

        f->reader->ahead = 1;
    }

    /* before the look, so that nothing is overlooked; and each time, for a
       worker of an older version may have cleared it */

    ngx_ess_wake_listen_stored(1);
    ngx_ess_event_log_followed(f->log);

    f->again = 0;

    if (!f->seeks) {
        ngx_ess_event_log_reader_after(f->reader, f->base.ordinal - 1);

    } else if (f->base.ordinal) {
        ngx_ess_event_log_reader_last(f->reader, 1);

    } else {
        ngx_ess_event_log_reader_last(f->reader,
                                      NGX_ESS_EVENT_LOG_READER_PAGE);
    }
}


static void
ngx_ess_event_log_follower_timer(ngx_event_t *ev)
{
    ngx_ess_event_log_follower_t  *f;

    f = ev->data;

    if (f->reader == NULL || !f->reader->busy) {
        ngx_ess_event_log_follower_read(f);
    }
}


void
ngx_ess_event_log_follower_look(ngx_ess_event_log_followers_t *s)
{
    ngx_queue_t                   *q;
    ngx_ess_event_log_follower_t  *f;

    for (q = ngx_queue_head(&s->followers.queue);
         q != ngx_queue_sentinel(&s->followers.queue);
         q = ngx_queue_next(q))
    {
        f = (ngx_ess_event_log_follower_t *)
                ngx_queue_data(q, ngx_ess_follower_t, queue);

        if (f->base.state != NGX_ESS_FOLLOWER_LIVE) {
            continue;
        }

        if (f->reader->busy) {
            f->again = 1;

        } else if (f->attempt == 0) {

            if (ngx_current_msec - f->sought < NGX_ESS_EVENT_LOG_FOLLOWER_POLL)
            {
                f->seeks = 0;
            }

            ngx_ess_event_log_follower_read(f);
        }
    }
}


static void
ngx_ess_event_log_follower_done(ngx_ess_event_log_reader_t *reader)
{
    ngx_ess_event_log_follower_t  *f;

    f = reader->data;

    if (reader->query.rc != NGX_OK) {
        /* why, the event log says */
        ngx_add_timer(&f->timer, ngx_ess_backoff(f->attempt++));
        return;
    }

    f->attempt = 0;

    if (f->base.ordinal && reader->query.epoch != f->base.ref.epoch) {
        ngx_ess_event_log_follower_close(&f->base);
        ngx_ess_follower_exchanged(&f->base, reader->query.epoch);
        return;
    }

    if (f->seeks) {
        ngx_ess_event_log_follower_sought(f);

    } else {
        ngx_ess_event_log_follower_came(f);
    }
}


/* The end of the event log is known: it has no less than what was read of it,
   or it is another one, unless that passes. */

static void
ngx_ess_event_log_follower_sought(ngx_ess_event_log_follower_t *f)
{
    uint64_t                    next;
    ngx_ess_event_log_query_t  *query;

    query = &f->reader->query;

    next = query->nrows ? query->rows[0].seq + 1 : 1;

    f->end = next;
    f->sought = ngx_current_msec;
    f->seeks = 0;

    if (f->base.ordinal == 0) {
        ngx_ess_event_log_follower_fill(f, next);
        return;
    }

    if (next >= f->base.ordinal) {
        f->lags = 0;

    } else if (!f->lags) {
        f->lags = 1;
        f->since = ngx_current_msec;

    } else if (ngx_current_msec - f->since >= NGX_ESS_EVENT_LOG_FOLLOWER_LAG) {
        ngx_ess_event_log_follower_close(&f->base);
        ngx_ess_follower_anew(&f->base, next, f->base.ordinal);
        return;
    }

    if (f->base.state != NGX_ESS_FOLLOWER_LIVE) {
        ngx_ess_event_log_follower_live(f);

    } else if (next > f->base.ordinal || f->again) {
        ngx_ess_event_log_follower_read(f);

    } else {
        ngx_ess_event_log_follower_behind(f, 0);
        ngx_ess_event_log_follower_idle(f);
    }
}


static void
ngx_ess_event_log_follower_fill(ngx_ess_event_log_follower_t *f, uint64_t next)
{
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    ngx_ess_followers_t        *s;
    ngx_ess_event_log_query_t  *query;

    s = f->base.followers;
    query = &f->reader->query;
    n = query->nrows;

    rc = ngx_ess_follow_begin(s->zone, &f->base.ref, query->epoch, next,
                              n ? query->rows[n - 1].seq : next, &s->wake);

    if (rc == NGX_AGAIN) {

        while (n && ngx_ess_event_log_follower_append(f, &query->rows[n - 1])
                    == NGX_OK)
        {
            n--;
        }

        /* what does not fit is for those who read the database */

        rc = n ? ngx_ess_follow_begin(s->zone, &f->base.ref, 0, next, next,
                                      &s->wake)
               : ngx_ess_follow_live(s->zone, &f->base.ref, &s->wake);
    }

    if (rc != NGX_OK) {
        ngx_ess_follower_succeeded(&f->base);
        return;
    }

    f->base.ordinal = next;

    ngx_ess_wake_procs(s->zone, &s->wake);
    ngx_ess_event_log_follower_live(f);
}


static void
ngx_ess_event_log_follower_live(ngx_ess_event_log_follower_t *f)
{
    ngx_ess_follower_live(&f->base);

    ngx_ess_event_log_follower_read(f);
}


static void
ngx_ess_event_log_follower_came(ngx_ess_event_log_follower_t *f)
{
    ngx_uint_t                  i;
    ngx_ess_followers_t        *s;
    ngx_ess_event_log_query_t  *query;

    s = f->base.followers;
    query = &f->reader->query;

    /* of a log that was empty nothing was removed */

    if (f->reader->lost && f->base.ordinal > 1) {
        f->after = query->rows[0].seq - 1;
    }

    for (i = 0; i < query->nrows; i++) {

        if (ngx_ess_event_log_follower_append(f, &query->rows[i]) != NGX_OK) {

            /* what workers have not seen yet fills the zone: the database
               keeps the rest meanwhile */

            ngx_add_timer(&f->timer, NGX_ESS_EVENT_LOG_FOLLOWER_ROOM);
            break;
        }

        f->base.ordinal = query->rows[i].seq + 1;
    }

    ngx_ess_wake_procs(s->zone, &s->wake);

    ngx_ess_event_log_follower_behind(f, query->nrows - i);

    if (i < query->nrows) {
        return;
    }

    if (query->more || f->again) {

        f->seeks = (ngx_current_msec - f->sought
                    >= NGX_ESS_EVENT_LOG_FOLLOWER_POLL);

        ngx_ess_event_log_follower_read(f);
        return;
    }

    ngx_ess_event_log_follower_idle(f);
}


/* "n": events that were read, but not appended. */

static void
ngx_ess_event_log_follower_behind(ngx_ess_event_log_follower_t *f,
    uint64_t n)
{
    if (f->end > f->base.ordinal) {
        n = ngx_max(n, f->end - f->base.ordinal);
    }

    ngx_ess_event_log_figures_behind(f->log, n);
}


static void
ngx_ess_event_log_follower_idle(ngx_ess_event_log_follower_t *f)
{
    f->seeks = 1;

    ngx_add_timer(&f->timer, NGX_ESS_EVENT_LOG_FOLLOWER_POLL);
}


static ngx_int_t
ngx_ess_event_log_follower_append(ngx_ess_event_log_follower_t *f,
    ngx_ess_event_log_row_t *row)
{
    ngx_int_t              rc;
    ngx_ess_event_t        event;
    ngx_ess_followers_t   *s;
    ngx_ess_stream_ref_t  *ref;

    s = f->base.followers;
    ref = &f->base.ref;

    if (row->body.len > s->zone->max_event) {
        ngx_ess_source_too_large(s->zone, s->log, &f->base.key,
                                 row->body.len);
        f->after = row->seq;
        return NGX_OK;
    }

    ngx_ess_event_log_reader_event(f->log, row, &event);

    event.after = f->after;
    event.streams = &ref;
    event.nstreams = 1;

    rc = ngx_ess_log_append(s->zone, &f->base.key, &event, 0, &s->wake);

    return (rc == NGX_AGAIN || rc == NGX_BUSY) ? NGX_AGAIN : NGX_OK;
}
