
/*
 * Queries of those who follow event logs, in a worker.  A reader is its user's,
 * or, once that has left it, its own until the answer.
 */


#include "ngx_ess_event_log_reader.h"
#include "ngx_ess_key.h"


static void ngx_ess_event_log_reader_ask(ngx_ess_event_log_reader_t *reader);
static void ngx_ess_event_log_reader_begin(
    ngx_ess_event_log_reader_t *reader);
static void ngx_ess_event_log_reader_handler(
    ngx_ess_event_log_query_t *query);
static ngx_uint_t ngx_ess_event_log_reader_hole(
    ngx_ess_event_log_reader_t *reader);
static void ngx_ess_event_log_reader_before(
    ngx_ess_event_log_query_t *query);
static void ngx_ess_event_log_reader_answer(
    ngx_ess_event_log_reader_t *reader);


/* of this process */
static ngx_queue_t  ngx_ess_event_log_readers_left;
static ngx_uint_t   ngx_ess_event_log_readers_exit;


void
ngx_ess_event_log_reader_init(void)
{
    ngx_queue_init(&ngx_ess_event_log_readers_left);
    ngx_ess_event_log_readers_exit = 0;
}


void
ngx_ess_event_log_reader_exit(void)
{
    ngx_queue_t  *q;

    ngx_ess_event_log_readers_exit = 1;

    while (!ngx_queue_empty(&ngx_ess_event_log_readers_left)) {
        q = ngx_queue_head(&ngx_ess_event_log_readers_left);
        ngx_queue_remove(q);

        ngx_ess_event_log_reader_free(
            ngx_queue_data(q, ngx_ess_event_log_reader_t, queue));
    }
}


ngx_ess_event_log_reader_t *
ngx_ess_event_log_reader_create(ngx_ess_event_log_t *log,
    ngx_ess_event_log_reader_pt done, void *data, ngx_log_t *l)
{
    ngx_ess_event_log_reader_t  *reader;

    reader = ngx_calloc(sizeof(ngx_ess_event_log_reader_t), l);
    if (reader == NULL) {
        return NULL;
    }

    reader->log = log;
    reader->done = done;
    reader->data = data;

    return reader;
}


void
ngx_ess_event_log_reader_free(ngx_ess_event_log_reader_t *reader)
{
    if (reader->busy && !ngx_ess_event_log_readers_exit
        && ngx_ess_event_log_query_cancel(reader->log, &reader->query)
           == NGX_OK)
    {
        reader->busy = 0;
    }

    if (reader->busy && !ngx_ess_event_log_readers_exit) {
        reader->left = 1;
        ngx_queue_insert_tail(&ngx_ess_event_log_readers_left, &reader->queue);
        return;
    }

    if (reader->calling) {
        reader->gone = 1;
        return;
    }

    ngx_ess_event_log_query_done(&reader->query);
    ngx_free(reader);
}


static void
ngx_ess_event_log_reader_begin(ngx_ess_event_log_reader_t *reader)
{
    ngx_ess_event_log_query_done(&reader->query);

    ngx_memzero(&reader->query, sizeof(ngx_ess_event_log_query_t));

    reader->lost = 0;
}


void
ngx_ess_event_log_reader_after(ngx_ess_event_log_reader_t *reader,
    uint64_t seq)
{
    ngx_ess_event_log_reader_begin(reader);

    reader->query.has_after = 1;
    reader->query.after_seq = seq;
    reader->query.size = NGX_ESS_EVENT_LOG_READER_PAGE;

    ngx_ess_event_log_reader_ask(reader);
}


void
ngx_ess_event_log_reader_last(ngx_ess_event_log_reader_t *reader,
    ngx_uint_t n)
{
    ngx_ess_event_log_reader_begin(reader);

    reader->query.desc = 1;
    reader->query.size = n;

    ngx_ess_event_log_reader_ask(reader);
}


void
ngx_ess_event_log_reader_since(ngx_ess_event_log_reader_t *reader,
    int64_t time)
{
    ngx_ess_event_log_reader_begin(reader);

    reader->query.has_since = 1;
    reader->query.since = time;
    reader->query.size = 1;

    ngx_ess_event_log_reader_ask(reader);
}


static void
ngx_ess_event_log_reader_ask(ngx_ess_event_log_reader_t *reader)
{
    reader->query.handler = ngx_ess_event_log_reader_handler;
    reader->query.data = reader;
    reader->query.ahead = reader->ahead;
    reader->query.has_epoch = 1;

    reader->busy = 1;

    ngx_ess_event_log_query(reader->log, &reader->query);
}


static void
ngx_ess_event_log_reader_handler(ngx_ess_event_log_query_t *query)
{
    ngx_ess_event_log_reader_t  *reader;

    reader = query->data;

    if (!reader->left && query->rc == NGX_OK
        && ngx_ess_event_log_reader_hole(reader))
    {
        return;
    }

    ngx_ess_event_log_reader_answer(reader);
}


/* 1: that is being asked. */

static ngx_uint_t
ngx_ess_event_log_reader_hole(ngx_ess_event_log_reader_t *reader)
{
    ngx_ess_event_log_query_t  *query, *before;

    query = &reader->query;

    if (!query->has_after || query->nrows == 0
        || query->rows[0].seq - 1 == query->after_seq)
    {
        return 0;
    }

    if (query->after_seq == 0) {
        reader->lost = 1;
        return 0;
    }

    before = &reader->before;

    ngx_memzero(before, sizeof(ngx_ess_event_log_query_t));

    before->handler = ngx_ess_event_log_reader_before;
    before->data = reader;
    before->ahead = reader->ahead;
    before->has_epoch = 1;
    before->has_after = 1;
    before->after_seq = query->after_seq + 1;
    before->desc = 1;
    before->size = 1;

    ngx_ess_event_log_query(reader->log, before);

    return 1;
}


static void
ngx_ess_event_log_reader_before(ngx_ess_event_log_query_t *query)
{
    ngx_ess_event_log_reader_t  *reader;

    reader = query->data;

    /* that it is not known, or of another log, is as if nothing were */

    reader->query.rc = (query->rc == NGX_OK
                        && query->epoch != reader->query.epoch)
                       ? NGX_BUSY : query->rc;

    reader->lost = (query->nrows == 0);

    ngx_ess_event_log_query_done(query);
    ngx_ess_event_log_reader_answer(reader);
}


static void
ngx_ess_event_log_reader_answer(ngx_ess_event_log_reader_t *reader)
{
    reader->busy = 0;

    if (reader->left) {
        ngx_queue_remove(&reader->queue);
        ngx_ess_event_log_reader_free(reader);
        return;
    }

    reader->calling = 1;
    reader->done(reader);
    reader->calling = 0;

    if (reader->left) {
        /* it was left with another question */
        return;
    }

    if (reader->gone) {
        ngx_ess_event_log_reader_free(reader);

    } else if (!reader->busy) {
        ngx_ess_event_log_query_done(&reader->query);
    }
}


void
ngx_ess_event_log_reader_event(ngx_ess_event_log_t *log,
    ngx_ess_event_log_row_t *row, ngx_ess_event_t *event)
{
    ngx_memzero(event, sizeof(ngx_ess_event_t));

    event->body = row->body;
    event->ordinal = row->seq;
    event->timestamp = (row->time > 0) ? (uint64_t) row->time : 0;
    event->routing_key = log->name;
    event->find_key = ngx_ess_key_find;
}
