/*
 * Reads an event log, a page at a time.  A query that is under way cannot be
 * canceled: whoever does not wait for it any more leaves it to itself.  Private
 * to source/event_log/.
 */


#ifndef _NGX_ESS_EVENT_LOG_READER_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_READER_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* events of a page */
#define NGX_ESS_EVENT_LOG_READER_PAGE  256


typedef struct ngx_ess_event_log_reader_s  ngx_ess_event_log_reader_t;

/* What was found is in reader->query until it returns, or reads on; the reader
   may be freed from within. */
typedef void (*ngx_ess_event_log_reader_pt)(
    ngx_ess_event_log_reader_t *reader);

struct ngx_ess_event_log_reader_s {
    ngx_ess_event_log_query_t    query;
    ngx_ess_event_log_query_t    before;    /* private: is anything left? */
    ngx_ess_event_log_t         *log;
    ngx_ess_event_log_reader_pt  done;
    ngx_queue_t                  queue;     /* of those that were left */
    void                        *data;
    unsigned                     ahead:1;   /* of its queries; the user's */
    unsigned                     busy:1;    /* a query is under way */
    unsigned                     calling:1; /* done() */
    unsigned                     gone:1;    /* it was freed from there */
    unsigned                     left:1;    /* nobody waits for the answer */
    unsigned                     lost:1;    /* before the first row some were
                                               removed, perhaps */
};


/* In a worker, first and last: no query is answered any more. */
void ngx_ess_event_log_reader_init(void);
void ngx_ess_event_log_reader_exit(void);

/* NULL: no memory. */
ngx_ess_event_log_reader_t *ngx_ess_event_log_reader_create(
    ngx_ess_event_log_t *log, ngx_ess_event_log_reader_pt done, void *data,
    ngx_log_t *l);
void ngx_ess_event_log_reader_free(ngx_ess_event_log_reader_t *reader);

/*
 * While it is not busy: the next events behind that one, in the order of the
 * log.  Numbers that are left out are no loss, unless there is nothing before
 * them any more: the oldest events are removed first.
 */
void ngx_ess_event_log_reader_after(ngx_ess_event_log_reader_t *reader,
    uint64_t seq);

/* The last "n" ones, the newest first. */
void ngx_ess_event_log_reader_last(ngx_ess_event_log_reader_t *reader,
    ngx_uint_t n);

/* The earliest one from a time on, ms. */
void ngx_ess_event_log_reader_since(ngx_ess_event_log_reader_t *reader,
    int64_t time);

/* What a row is as an event of a stream whose log that is. */
void ngx_ess_event_log_reader_event(ngx_ess_event_log_t *log,
    ngx_ess_event_log_row_t *row, ngx_ess_event_t *event);


#endif /* _NGX_ESS_EVENT_LOG_READER_H_INCLUDED_ */
