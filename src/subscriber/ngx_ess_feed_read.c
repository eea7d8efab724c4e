
/*
 * Reading: takes new records of a stream from the zone, encodes each once,
 * and puts the subscribers' cursors at them.  The buffer is the worker's; the
 * frames belong to who is at them.  Runs in workers.
 */


#include "ngx_ess_feed_read.h"
#include "ngx_ess_backpressure.h"
#include "ngx_ess_log_read.h"
#include "ngx_ess_counter.h"


/* of the buffer that records are copied into */
#define NGX_ESS_FEED_READ_BUFFER   (256 * 1024)
#define NGX_ESS_FEED_READ_RECORDS  256

/* of a replay, which keeps for one client what it has read */
#define NGX_ESS_FEED_READ_REPLAY   (64 * 1024)

/* of the bytes that a client has, to know them again */
#define NGX_ESS_FEED_READ_HASHED   4096


typedef struct {
    u_char                         *buffer;
    size_t                          size;       /* of the buffer */
    ngx_ess_record_t                records[NGX_ESS_FEED_READ_RECORDS];
} ngx_ess_feed_read_worker_t;


static ngx_int_t ngx_ess_feed_read_log(ngx_ess_feed_t *feed, ngx_uint_t *n,
    ngx_ess_log_lost_t *lost);
static ngx_int_t ngx_ess_feed_read_buffer(size_t size);
static uint64_t ngx_ess_feed_read_lost_from(ngx_ess_feed_t *feed,
    ngx_ess_log_lost_t *lost);
static ngx_int_t ngx_ess_feed_read_lost(ngx_ess_feed_t *feed, uint64_t seq,
    ngx_ess_log_lost_t *lost, ngx_ess_frame_t **first);
static ngx_uint_t ngx_ess_feed_read_is_gap(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record);
static uint64_t ngx_ess_feed_read_next(ngx_ess_record_t *record);
static void ngx_ess_feed_read_to_event(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_encoding_event_t *event);
static ngx_int_t ngx_ess_feed_read_rest(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_frame_t **first);
static ngx_uint_t ngx_ess_feed_read_is_rest(ngx_ess_feed_rest_t *rest,
    ngx_ess_encoding_frame_t *data);
static ngx_int_t ngx_ess_feed_read_event(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_encoding_frame_t *data,
    ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_frame(ngx_ess_feed_t *feed,
    ngx_ess_frame_type_e type, uint64_t seq, ngx_ess_encoding_frame_t *data,
    ngx_ess_frame_t **first);
static void ngx_ess_feed_read_distribute(ngx_ess_feed_t *feed,
    ngx_ess_frame_t *first);
static void ngx_ess_feed_read_cursor(ngx_ess_feed_t *feed,
    ngx_ess_subscriber_t *sub, ngx_ess_frame_t *frame);
static void ngx_ess_feed_read_failed(ngx_ess_feed_t *feed);
static void ngx_ess_feed_read_missed(ngx_ess_feed_t *feed);


static ngx_ess_feed_read_worker_t  ngx_ess_feed_reader;


void
ngx_ess_feed_read_done(void)
{
    if (ngx_ess_feed_reader.size > NGX_ESS_FEED_READ_BUFFER) {
        ngx_ess_feed_read_exit();
    }
}


void
ngx_ess_feed_read_exit(void)
{
    if (ngx_ess_feed_reader.buffer) {
        ngx_free(ngx_ess_feed_reader.buffer);
        ngx_ess_feed_reader.buffer = NULL;
        ngx_ess_feed_reader.size = 0;
    }
}


ngx_int_t
ngx_ess_feed_read(ngx_ess_feed_t *feed)
{
    ngx_int_t            rc;
    ngx_uint_t           i, n, ended;
    ngx_ess_frame_t     *first;
    ngx_ess_record_t     end;
    ngx_ess_log_lost_t   lost;

    first = NULL;

    rc = ngx_ess_feed_read_log(feed, &n, &lost);

    if (rc == NGX_ERROR) {
        goto done;
    }

    ngx_ess_feed_set_changed(feed, rc == NGX_AGAIN);

    ended = (rc == NGX_DONE || rc == NGX_DECLINED);

    rc = lost.events ? ngx_ess_feed_read_lost(feed, feed->seq - n, &lost,
                                              &first)
                     : NGX_OK;

    for (i = 0; i < n && rc == NGX_OK; i++) {
        rc = ngx_ess_feed_read_record(feed, &ngx_ess_feed_reader.records[i],
                                      &first);
    }

    if (ended && rc == NGX_OK) {

        feed->ended = 1;

        ngx_memzero(&end, sizeof(ngx_ess_record_t));
        end.type = NGX_ESS_RECORD_POISON;
        end.seq = (uint64_t) -1;

        rc = ngx_ess_feed_read_record(feed, &end, &first);
    }

    if (rc == NGX_OK && feed->rest && first == NULL) {
        rc = NGX_DECLINED;
    }

done:

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    ngx_ess_feed_read_settle(feed, rc, first);

    return NGX_OK;
}


void
ngx_ess_feed_read_settle(ngx_ess_feed_t *feed, ngx_int_t rc,
    ngx_ess_frame_t *first)
{
    if (rc == NGX_OK) {
        ngx_ess_feed_read_distribute(feed, first);
        return;
    }

    if (first) {
        ngx_ess_frame_release(&feed->frames, first);
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_feed_read_missed(feed);

    } else if (rc == NGX_ERROR) {
        ngx_ess_feed_read_failed(feed);
    }
}


/* NGX_ERROR: no memory; else what ngx_ess_log_read() returned. */

static ngx_int_t
ngx_ess_feed_read_log(ngx_ess_feed_t *feed, ngx_uint_t *n,
    ngx_ess_log_lost_t *lost)
{
    size_t              need, size;
    ngx_int_t           rc;
    ngx_ess_log_lost_t  gone;

    size = feed->replay ? NGX_ESS_FEED_READ_REPLAY : NGX_ESS_FEED_READ_BUFFER;

    lost->events = 0;

    for ( ;; ) {

        if (ngx_ess_feed_reader.size < size
            && ngx_ess_feed_read_buffer(ngx_max(size,
                                                NGX_ESS_FEED_READ_BUFFER))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        *n = NGX_ESS_FEED_READ_RECORDS;

        rc = ngx_ess_log_read(ngx_ess_feed_worker.zone, &feed->ref, &feed->seq,
                              &feed->last, ngx_ess_feed_reader.buffer, size,
                              ngx_ess_feed_reader.records, n, &gone, &need);

        if (gone.events) {
            lost->events += gone.events;
            lost->to = gone.to;
        }

        if (rc == NGX_DECLINED) {
            *n = 0;
        }

        if (rc != NGX_BUSY) {
            return rc;
        }

        if (need <= size) {
            ngx_log_error(NGX_LOG_ALERT, ngx_ess_feed_worker.log, 0,
                          "stream %uL: a record of %uz bytes was refused by a "
                          "buffer of %uz", feed->ref.id, need, size);
            return NGX_ERROR;
        }

        size = need;
    }
}


static ngx_int_t
ngx_ess_feed_read_buffer(size_t size)
{
    ngx_ess_feed_read_exit();

    ngx_ess_feed_reader.buffer = ngx_alloc(size, ngx_ess_feed_worker.log);
    if (ngx_ess_feed_reader.buffer == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_feed_reader.size = size;

    return NGX_OK;
}


/* The ordinal of the first of them. */

static uint64_t
ngx_ess_feed_read_lost_from(ngx_ess_feed_t *feed, ngx_ess_log_lost_t *lost)
{
    return feed->expected ? feed->expected : lost->to - lost->events + 1;
}


/*
 * Evicted before they were read, and before the record "seq": the broker has
 * them (NGX_DONE), or whoever can be told is.  NGX_DECLINED: the client cannot
 * do without them.
 */

static ngx_int_t
ngx_ess_feed_read_lost(ngx_ess_feed_t *feed, uint64_t seq,
    ngx_ess_log_lost_t *lost, ngx_ess_frame_t **first)
{
    uint64_t    from;
    ngx_uint_t  level;

    from = ngx_ess_feed_read_lost_from(feed, lost);

    if (feed->replay && feed->follow) {
        feed->expected = from;
        return NGX_DONE;
    }

    if (from > lost->to) {
        /* those were no events */
        return NGX_OK;
    }

    if (feed->rest || feed->strict) {
        return NGX_DECLINED;
    }

    level = feed->replay ? NGX_LOG_INFO : NGX_LOG_WARN;

    ngx_log_error(level, ngx_ess_feed_worker.log, 0,
                  "stream %uL: %uL events were evicted before they could "
                  "be sent to %ui subscribers", feed->ref.id, lost->events,
                  feed->subscribers);

    ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_EVENTS_LOST,
                        (int64_t) lost->events);

    feed->expected = lost->to + 1;

    return ngx_ess_feed_read_gap(feed, seq, from, lost->to, first);
}


ngx_int_t
ngx_ess_feed_read_gap(ngx_ess_feed_t *feed, uint64_t seq, uint64_t from,
    uint64_t to, ngx_ess_frame_t **frame)
{
    ngx_ess_encoding_frame_t  data;

    if (feed->encoding->gap == NULL) {
        return NGX_OK;
    }

    if (feed->encoding->gap(feed->ref.epoch, from, to, &data,
                            ngx_ess_feed_worker.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_GAPS, 1);

    if (ngx_ess_feed_read_frame(feed, NGX_ESS_FRAME_GAP, seq, &data, frame)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    feed->frames.tail->ordinal = to + 1;

    return NGX_OK;
}


/* Is something gone between the ordinal that is expected and the record? */

static ngx_uint_t
ngx_ess_feed_read_is_gap(ngx_ess_feed_t *feed, ngx_ess_record_t *record)
{
    uint64_t  next;

    next = ngx_ess_feed_read_next(record);

    if (feed->expected == 0 || next < feed->expected) {
        return 0;
    }

    if (next == feed->expected) {
        /* who got all that is before it has no gap, unless nobody knows what
           there was */
        return record->gap && record->consecutive;
    }

    return record->gap || record->consecutive || feed->gap;
}


/* The ordinal that all before the record are below; what is no event has that
   of the one before it (but for POISON in a RabbitMQ stream). */

static uint64_t
ngx_ess_feed_read_next(ngx_ess_record_t *record)
{
    if (record->consecutive && record->type != NGX_ESS_RECORD_EVENT) {
        return record->ordinal + 1;
    }

    return record->ordinal;
}


ngx_int_t
ngx_ess_feed_read_record(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    ngx_int_t                 rc;
    ngx_ess_encoding_event_t  event;
    ngx_ess_encoding_frame_t  data;

    if (feed->rest && feed->frames.tail == NULL) {
        return ngx_ess_feed_read_rest(feed, record, first);
    }

    ngx_memzero(&data, sizeof(ngx_ess_encoding_frame_t));

    if (ngx_ess_feed_read_is_gap(feed, record)
        && ngx_ess_feed_read_gap(feed, record->seq, feed->expected,
                                 ngx_ess_feed_read_next(record) - 1, first)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (record->ordinal) {
        feed->expected = record->ordinal + 1;
        feed->gap = 0;
    }

    if (record->type != NGX_ESS_RECORD_EVENT) {

        /* it closes those who were connected when it came */

        if (record->seq < feed->live) {
            return NGX_OK;
        }

        return ngx_ess_feed_read_frame(feed,
                                       record->type == NGX_ESS_RECORD_GONE
                                       ? NGX_ESS_FRAME_GONE
                                       : NGX_ESS_FRAME_CLOSE,
                                       record->seq, &data, first);
    }

    ngx_ess_feed_read_to_event(feed, record, &event);

    rc = feed->replay
         ? feed->encoding->encode_one(&event, &data, ngx_ess_feed_worker.log)
         : feed->encoding->encode(&event, &data, ngx_ess_feed_worker.log);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (data.unannotated) {
        ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_UNANNOTATED, 1);
    }

    return ngx_ess_feed_read_event(feed, record, &data, first);
}


static void
ngx_ess_feed_read_to_event(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_encoding_event_t *event)
{
    event->body = record->body;
    event->epoch = feed->ref.epoch;
    event->ordinal = record->ordinal;
    event->timestamp = record->timestamp;
}


/*
 * The event that the client has in part, byte for byte as it was: from a
 * replay, or deflated, from those who were at the end.
 */

static ngx_int_t
ngx_ess_feed_read_rest(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    ngx_uint_t                 i;
    ngx_ess_feed_rest_t       *rest;
    ngx_ess_encoding_event_t   event;
    ngx_ess_encoding_frame_t   data;

    rest = feed->rest;

    if (record->type != NGX_ESS_RECORD_EVENT
        || record->ordinal != rest->ordinal)
    {
        return NGX_DECLINED;
    }

    record->timestamp = rest->timestamp;

    ngx_ess_feed_read_to_event(feed, record, &event);

    for (i = 0; i < 2; i++) {

        ngx_memzero(&data, sizeof(ngx_ess_encoding_frame_t));

        if ((i == 0 ? feed->encoding->encode_one : feed->encoding->encode)
                (&event, &data, ngx_ess_feed_worker.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_ess_feed_read_is_rest(rest, &data)) {
            feed->expected = record->ordinal + 1;
            feed->gap = 0;

            return ngx_ess_feed_read_event(feed, record, &data, first);
        }

        ngx_free(data.data);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_ess_feed_read_is_rest(ngx_ess_feed_rest_t *rest,
    ngx_ess_encoding_frame_t *data)
{
    return data->len == rest->len
           && ngx_ess_feed_read_hash(data->data, rest->sent) == rest->hash;
}


uint32_t
ngx_ess_feed_read_hash(u_char *data, size_t len)
{
    size_t  n;

    n = ngx_min(len, NGX_ESS_FEED_READ_HASHED);

    return ngx_murmur_hash2(data + len - n, n);
}


static ngx_int_t
ngx_ess_feed_read_event(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_encoding_frame_t *data, ngx_ess_frame_t **first)
{
    if (ngx_ess_feed_read_frame(feed, NGX_ESS_FRAME_EVENT, record->seq, data,
                                first)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    feed->frames.tail->ordinal = record->ordinal;
    feed->frames.tail->timestamp = record->timestamp;
    feed->frames.tail->arrival = feed->replay ? 0 : record->arrival;

    return NGX_OK;
}


/* Of all frames that one reading brings the first one is held. */

static ngx_int_t
ngx_ess_feed_read_frame(ngx_ess_feed_t *feed, ngx_ess_frame_type_e type,
    uint64_t seq, ngx_ess_encoding_frame_t *data, ngx_ess_frame_t **first)
{
    ngx_ess_frame_t  *frame;

    frame = ngx_ess_frame_append(&feed->frames, type, seq, data,
                                 ngx_ess_feed_worker.log);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    if (*first == NULL) {
        *first = frame;

    } else {
        /* the one before it holds it */
        ngx_ess_frame_release(&feed->frames, frame);
    }

    return NGX_OK;
}


/* Puts cursors at what is new, NULL: nothing. */

static void
ngx_ess_feed_read_distribute(ngx_ess_feed_t *feed, ngx_ess_frame_t *first)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feed->idle);
         q != ngx_queue_sentinel(&feed->idle);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        ngx_ess_feed_read_cursor(feed, sub, first);

        /* with a replay also to learn that it is at the end */

        if (sub->frame || feed->replay) {
            ngx_ess_feed_due(sub);
        }
    }

    if (first == NULL) {

        if (feed->changed) {
            ngx_ess_feed_want(feed, &ngx_posted_next_events);
        }

        return;
    }

    /* among them are those whose socket is full of what is no frame: control
       frames, or the end of a frame in the buffer of TLS */

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->frame == NULL && !sub->closed) {
            ngx_ess_feed_read_cursor(feed, sub, first);
        }
    }

    ngx_ess_feed_hold(feed);

    /* what is read for one client has a bound of its own, and no more of it is
       read until the client has it */

    if (!feed->replay) {
        ngx_ess_backpressure_check(feed, ngx_ess_feed_worker.handlers->slow);
    }

    ngx_ess_frame_release(&feed->frames, first);
    ngx_ess_feed_unhold(feed);
}


/* For one at the end: the cursor is put at the first frame that it wants. */

static void
ngx_ess_feed_read_cursor(ngx_ess_feed_t *feed, ngx_ess_subscriber_t *sub,
    ngx_ess_frame_t *frame)
{
    /* a feed may be behind a subscriber that joined lately */

    while (frame && frame->seq < sub->seq) {
        frame = frame->next;
    }

    if (frame == NULL) {
        return;
    }

    sub->frame = frame;
    ngx_ess_frame_hold(frame);

    if (feed->rest) {
        sub->offset = feed->rest->sent;

        ngx_free(feed->rest);
        feed->rest = NULL;
    }
}


/* What the client of a replay has to get next is gone. */

static void
ngx_ess_feed_read_missed(ngx_ess_feed_t *feed)
{
    ngx_ess_feed_worker.handlers->missed(ngx_ess_feed_first(feed));
}


/* No memory: better a closed connection than a silent hole. */

static void
ngx_ess_feed_read_failed(ngx_ess_feed_t *feed)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    ngx_log_error(NGX_LOG_CRIT, ngx_ess_feed_worker.log, 0,
                  "stream %uL: no memory for its events, closing its "
                  "subscribers", feed->ref.id);

    ngx_ess_feed_hold(feed);

    for (q = ngx_queue_head(&feed->waiting);
         q != ngx_queue_sentinel(&feed->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed_worker.handlers->failed(sub);
    }

    /* these move on to waiting, or are gone */

    while (!ngx_queue_empty(&feed->due)) {
        q = ngx_queue_head(&feed->due);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed_worker.handlers->failed(sub);
    }

    while (!ngx_queue_empty(&feed->idle)) {
        q = ngx_queue_head(&feed->idle);
        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        ngx_ess_feed_worker.handlers->failed(sub);
    }

    ngx_ess_feed_unhold(feed);
}
