
/*
 * Reading: takes new records of a stream from the zone, and encodes each once.
 * The buffer is the worker's; the frames belong to who is at them.  Runs in
 * workers.
 */


#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"
#include "ngx_ess_log_read.h"
#include "ngx_ess_counter.h"


/* of the buffer that records are copied into */
#define NGX_ESS_FEED_READ_BUFFER   (256 * 1024)
#define NGX_ESS_FEED_READ_RECORDS  256

/* of a replay, which keeps for one client what it has read */
#define NGX_ESS_FEED_READ_REPLAY   (64 * 1024)

/* of the bytes that a client has, to know them again */
#define NGX_ESS_FEED_READ_HASHED   4096


/* what becomes a frame */

typedef struct {
    ngx_ess_frame_type_e         type;
    uint64_t                     seq;
    uint64_t                     ordinal;
    uint64_t                     timestamp;
    ngx_msec_t                   arrival;
    ngx_ess_encoding_frame_t     data;
    ngx_int_t                    rc;        /* NGX_ERROR: no memory for one */
} ngx_ess_feed_read_frame_t;


static ngx_int_t ngx_ess_feed_read_log(ngx_ess_feed_t *feed, ngx_uint_t *n,
    ngx_ess_log_lost_t *lost);
static ngx_int_t ngx_ess_feed_read_buffer(size_t size);
static ngx_int_t ngx_ess_feed_read_lost(ngx_ess_feed_t *feed, uint64_t seq,
    ngx_ess_log_lost_t *lost, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_gaps(ngx_ess_feed_t *feed, uint64_t seq,
    uint64_t after, ngx_uint_t loss, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_close(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_new(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_frame_t **first);
static void ngx_ess_feed_read_border(ngx_ess_subscriber_t *sub, void *data);
static ngx_int_t ngx_ess_feed_read_encode(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_uint_t one, ngx_ess_encoding_frame_t *data);
static ngx_int_t ngx_ess_feed_read_rest(ngx_ess_feed_t *feed,
    ngx_ess_record_t *record, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_event(ngx_ess_feed_t *feed,
    ngx_ess_lane_t *lane, ngx_ess_record_t *record,
    ngx_ess_encoding_frame_t *data, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_all(ngx_ess_feed_t *feed,
    ngx_ess_feed_read_frame_t *new, ngx_ess_frame_t **first);
static void ngx_ess_feed_read_each(ngx_ess_lane_t *lane, void *data);
static ngx_int_t ngx_ess_feed_read_whole(ngx_ess_feed_t *feed,
    ngx_ess_feed_read_frame_t *new, ngx_ess_frame_t **first);
static ngx_int_t ngx_ess_feed_read_keyed(ngx_ess_lane_t *lane,
    ngx_ess_feed_read_frame_t *new);
static ngx_ess_frame_t *ngx_ess_feed_read_append(ngx_ess_lane_t *lane,
    ngx_ess_feed_read_frame_t *new);


static u_char           *ngx_ess_feed_read_buf;
static size_t            ngx_ess_feed_read_size;    /* of that */
static ngx_ess_record_t  ngx_ess_feed_read_records[NGX_ESS_FEED_READ_RECORDS];


void
ngx_ess_feed_read_done(void)
{
    if (ngx_ess_feed_read_size > NGX_ESS_FEED_READ_BUFFER) {
        ngx_ess_feed_read_exit();
    }
}


void
ngx_ess_feed_read_exit(void)
{
    ngx_free(ngx_ess_feed_read_buf);

    ngx_ess_feed_read_buf = NULL;
    ngx_ess_feed_read_size = 0;
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

    ended = (rc == NGX_DONE || rc == NGX_DECLINED) ? NGX_ESS_RECORD_POISON
          : (rc == NGX_ABORT) ? NGX_ESS_RECORD_GONE
                              : 0;

    rc = lost.records ? ngx_ess_feed_read_lost(feed, feed->seq - n, &lost,
                                              &first)
                     : NGX_OK;

    for (i = 0; i < n && rc == NGX_OK; i++) {
        rc = ngx_ess_feed_read_record(feed, &ngx_ess_feed_read_records[i],
                                      &first);
    }

    if (ended && rc == NGX_OK) {

        feed->ended = 1;

        ngx_memzero(&end, sizeof(ngx_ess_record_t));
        end.type = ended;
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

    ngx_ess_feed_settle(feed, rc, first);

    return NGX_OK;
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

    ngx_memzero(lost, sizeof(ngx_ess_log_lost_t));

    for ( ;; ) {

        if (ngx_ess_feed_read_buffer(size) != NGX_OK) {
            return NGX_ERROR;
        }

        *n = NGX_ESS_FEED_READ_RECORDS;

        rc = ngx_ess_log_read(ngx_ess_feed_worker.zone, &feed->ref, &feed->seq,
                              &feed->last, ngx_ess_feed_read_buf, size,
                              ngx_ess_feed_read_records, n, &gone, &need);

        if (gone.records) {
            lost->records += gone.records;
            lost->after = gone.after;
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
    if (ngx_ess_feed_read_size >= size) {
        return NGX_OK;
    }

    ngx_ess_feed_read_exit();

    size = ngx_max(size, NGX_ESS_FEED_READ_BUFFER);

    ngx_ess_feed_read_buf = ngx_alloc(size, ngx_ess_feed_worker.log);
    if (ngx_ess_feed_read_buf == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_feed_read_size = size;

    return NGX_OK;
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
    ngx_uint_t     level;
    ngx_ess_gap_t  gap;

    if (feed->replay && ngx_ess_feed_first(feed)->follow) {
        return NGX_DONE;
    }

    if (!ngx_ess_gap(&gap, feed->have, lost->after)) {
        /* those were no events */
        return NGX_OK;
    }

    if (feed->rest || feed->strict) {
        return NGX_DECLINED;
    }

    level = feed->replay ? NGX_LOG_INFO : NGX_LOG_WARN;

    ngx_log_error(level, ngx_ess_feed_worker.log, 0,
                  "stream %uL: %uL events were evicted before they could "
                  "be sent to %ui subscribers", feed->ref.id, lost->records,
                  feed->subscribers);

    ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_EVENTS_LOST,
                      (int64_t) lost->records);

    return ngx_ess_feed_read_gaps(feed, seq, lost->after, 0, first);
}


/*
 * Between what the feed has and what comes after that ordinal, if anything is
 * gone there: a notice each up to where somebody began, so that nobody is told
 * of what was before.
 */

static ngx_int_t
ngx_ess_feed_read_gaps(ngx_ess_feed_t *feed, uint64_t seq, uint64_t after,
    ngx_uint_t loss, ngx_ess_frame_t **first)
{
    uint64_t       border;
    ngx_uint_t     some;
    ngx_ess_gap_t  gap;

    /* of a loss somebody is told who has all that is before it */

    some = (feed->have == after);

    while (ngx_ess_gap(&gap, feed->have, after)) {

        border = NGX_ESS_GAP_ANY;
        ngx_ess_feed_visit_end(feed, ngx_ess_feed_read_border, &border);

        if (border <= after) {
            gap.to = border;
            some |= (border == after);
        }

        if (ngx_ess_feed_read_gap(feed, seq, &gap, first) != NGX_OK) {
            return NGX_ERROR;
        }

        feed->have = gap.to;
    }

    if (!loss || !some) {
        return NGX_OK;
    }

    (void) ngx_ess_gap_loss(&gap, after, after);

    return ngx_ess_feed_read_gap(feed, seq, &gap, first);
}


/* The first ordinal above what the feed has that somebody came with who was
   sent nothing since. */

static void
ngx_ess_feed_read_border(ngx_ess_subscriber_t *sub, void *data)
{
    uint64_t *border = data;

    if (sub->frame == NULL && sub->have > sub->lane->feed->have) {
        *border = ngx_min(*border, sub->have);
    }
}


ngx_int_t
ngx_ess_feed_read_gap(ngx_ess_feed_t *feed, uint64_t seq, ngx_ess_gap_t *gap,
    ngx_ess_frame_t **frame)
{
    ngx_ess_feed_read_frame_t  new;

    if (feed->encoding->gap == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&new, sizeof(ngx_ess_feed_read_frame_t));

    new.type = ngx_ess_gap_is_open(gap) ? NGX_ESS_FRAME_LOSS
                                        : NGX_ESS_FRAME_GAP;
    new.seq = seq;
    new.ordinal = gap->to + 1;

    if (feed->encoding->gap(feed->encoding, feed->label, feed->ref.epoch,
                            gap->from, gap->to, &new.data,
                            ngx_ess_feed_worker.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_GAPS, 1);

    return ngx_ess_feed_read_all(feed, &new, frame);
}


ngx_int_t
ngx_ess_feed_read_record(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    if (feed->rest && feed->lane.frames.tail == NULL) {
        return ngx_ess_feed_read_rest(feed, record, first);
    }

    if (ngx_ess_feed_read_gaps(feed, record->seq, record->after,
                               record->type == NGX_ESS_RECORD_LOSS, first)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (record->ordinal) {
        feed->have = record->ordinal;
    }

    if (record->type == NGX_ESS_RECORD_EVENT) {
        return ngx_ess_feed_read_new(feed, record, first);
    }

    return (record->type == NGX_ESS_RECORD_LOSS)
           ? NGX_OK : ngx_ess_feed_read_close(feed, record, first);
}


/* It closes those who were connected when it came. */

static ngx_int_t
ngx_ess_feed_read_close(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    ngx_ess_feed_read_frame_t  new;

    if (record->seq < feed->live) {
        return NGX_OK;
    }

    ngx_memzero(&new, sizeof(ngx_ess_feed_read_frame_t));

    new.type = (record->type == NGX_ESS_RECORD_GONE) ? NGX_ESS_FRAME_GONE
                                                     : NGX_ESS_FRAME_CLOSE;
    new.seq = record->seq;

    return ngx_ess_feed_read_all(feed, &new, first);
}


/* An event is encoded if somebody gets it: of the whole stream, or of its
   key. */

static ngx_int_t
ngx_ess_feed_read_new(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    ngx_int_t                 rc;
    ngx_ess_lane_t           *lane;
    ngx_ess_encoding_frame_t  data;

    lane = feed->lanes ? ngx_ess_lane_find(feed->lanes, &record->key) : NULL;

    if ((lane == NULL && feed->lane.refs == 0)
        || (feed->keys && !ngx_ess_feed_keys_has(feed->keys, &record->key)))
    {
        return NGX_OK;
    }

    rc = ngx_ess_feed_read_encode(feed, record, feed->replay, &data);

    if (rc == NGX_DECLINED) {
        ngx_ess_counter_add(ngx_ess_feed_worker.zone,
                            feed->encoding->templated
                            ? NGX_ESS_C_TEMPLATE_SKIPPED
                            : NGX_ESS_C_LEFT_OUT, 1);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (data.unannotated) {
        ngx_ess_counter_add(ngx_ess_feed_worker.zone, NGX_ESS_C_UNANNOTATED, 1);
    }

    return ngx_ess_feed_read_event(feed, lane, record, &data, first);
}


static ngx_int_t
ngx_ess_feed_read_encode(ngx_ess_feed_t *feed, ngx_ess_record_t *record,
    ngx_uint_t one, ngx_ess_encoding_frame_t *data)
{
    ngx_ess_encoding_event_t  event;

    event.body = record->body;
    event.epoch = feed->ref.epoch;
    event.ordinal = record->ordinal;
    event.timestamp = record->timestamp;
    event.key = record->key;
    event.label = feed->label;

    ngx_memzero(data, sizeof(ngx_ess_encoding_frame_t));

    return feed->encoding->encode(feed->encoding, &event, one, data,
                                  ngx_ess_feed_worker.log);
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
    ngx_ess_encoding_frame_t   data;

    rest = feed->rest;

    if (record->type != NGX_ESS_RECORD_EVENT
        || record->ordinal != rest->ordinal)
    {
        return NGX_DECLINED;
    }

    record->timestamp = rest->timestamp;

    for (i = 0; i < 2; i++) {

        if (ngx_ess_feed_read_encode(feed, record, i == 0, &data) != NGX_OK) {
            return NGX_ERROR;
        }

        if (data.len == rest->len
            && ngx_ess_feed_read_hash(data.data, rest->sent) == rest->hash)
        {
            feed->have = record->ordinal;

            return ngx_ess_feed_read_event(feed, NULL, record, &data, first);
        }

        (void) ngx_ess_encoding_free(data.data);
    }

    return NGX_DECLINED;
}


uint32_t
ngx_ess_feed_read_hash(u_char *data, size_t len)
{
    size_t  n;

    n = ngx_min(len, NGX_ESS_FEED_READ_HASHED);

    return ngx_murmur_hash2(data + len - n, n);
}


/* To the whole stream's lane, and to that of its key, NULL: it has none. */

static ngx_int_t
ngx_ess_feed_read_event(ngx_ess_feed_t *feed, ngx_ess_lane_t *lane,
    ngx_ess_record_t *record, ngx_ess_encoding_frame_t *data,
    ngx_ess_frame_t **first)
{
    ngx_int_t                  rc;
    ngx_ess_feed_read_frame_t  new;

    new.type = NGX_ESS_FRAME_EVENT;
    new.seq = record->seq;
    new.ordinal = record->ordinal;
    new.timestamp = record->timestamp;
    new.arrival = feed->replay ? 0 : record->arrival;
    new.data = *data;

    rc = ngx_ess_feed_read_whole(feed, &new, first);

    if (rc == NGX_OK && lane) {
        rc = ngx_ess_feed_read_keyed(lane, &new);
    }

    ngx_ess_frame_drop(data->data, data->len);

    return rc;
}


/* To all lanes; the data is taken over. */

static ngx_int_t
ngx_ess_feed_read_all(ngx_ess_feed_t *feed, ngx_ess_feed_read_frame_t *new,
    ngx_ess_frame_t **first)
{
    new->rc = ngx_ess_feed_read_whole(feed, new, first);

    ngx_ess_lane_each(&feed->lanes, ngx_ess_feed_read_each, new);

    ngx_ess_frame_drop(new->data.data, new->data.len);

    return new->rc;
}


static void
ngx_ess_feed_read_each(ngx_ess_lane_t *lane, void *data)
{
    ngx_ess_feed_read_frame_t *new = data;

    if (new->rc == NGX_OK) {
        new->rc = ngx_ess_feed_read_keyed(lane, new);
    }
}


/* Of all frames that one reading brings the first one is held.  A replay has no
   subscriber yet when it begins with a gap. */

static ngx_int_t
ngx_ess_feed_read_whole(ngx_ess_feed_t *feed, ngx_ess_feed_read_frame_t *new,
    ngx_ess_frame_t **first)
{
    ngx_ess_frame_t  *frame;

    if (feed->lane.refs == 0 && !feed->replay) {
        return NGX_OK;
    }

    frame = ngx_ess_feed_read_append(&feed->lane, new);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    if (*first == NULL) {
        *first = frame;

    } else {
        /* the one before it holds it */
        ngx_ess_frame_release(&feed->lane.frames, frame);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_feed_read_keyed(ngx_ess_lane_t *lane, ngx_ess_feed_read_frame_t *new)
{
    ngx_ess_frame_t  *frame;

    if (lane->frames.tail) {
        /* somebody is behind */
        lane->feed->unchecked += sizeof(ngx_ess_frame_t) + new->data.len;
    }

    frame = ngx_ess_feed_read_append(lane, new);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_feed_settle_lane(lane, frame);

    return NGX_OK;
}


static ngx_ess_frame_t *
ngx_ess_feed_read_append(ngx_ess_lane_t *lane, ngx_ess_feed_read_frame_t *new)
{
    ngx_ess_frame_t  *frame;

    frame = ngx_ess_frame_append(&lane->frames, new->type, new->seq,
                                 new->ordinal, &new->data,
                                 ngx_ess_feed_worker.log);
    if (frame) {
        frame->timestamp = new->timestamp;
        frame->arrival = new->arrival;
    }

    return frame;
}
