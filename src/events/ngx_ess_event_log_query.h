/*
 * A worker's queue of queries before the database of an event log.
 */


#ifndef _NGX_ESS_EVENT_LOG_QUERY_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_QUERY_H_INCLUDED_


#include "ngx_ess_event_log.h"
#include "ngx_ess_event_log_hold.h"


#define NGX_ESS_EVENT_LOG_QUERIES   2

/* of a task, at most */
#define NGX_ESS_EVENT_LOG_ASKED     16


/* a task that carries a query, or several that are quick */

typedef struct {
    struct ngx_ess_event_log_queries_s  *queries;
    void                        *handle;
    ngx_ess_event_log_query_t   *query[NGX_ESS_EVENT_LOG_ASKED];
    ngx_uint_t                   n;         /* 0: it is idle */
    ngx_uint_t                   asked;     /* of them, by the thread */
    ngx_uint_t                   quick;     /* 1: all of them are */
    ngx_thread_task_t            task;
} ngx_ess_event_log_asker_t;


typedef struct ngx_ess_event_log_queries_s {
    ngx_ess_event_log_t         *log;
    ngx_queue_t                  waiting;
    ngx_uint_t                   nwaiting;
    ngx_queue_t                  refused;   /* too many wait */
    ngx_ess_event_log_asker_t    askers[NGX_ESS_EVENT_LOG_QUERIES];
    ngx_event_t                  start;     /* posted when something waits */
    ngx_ess_event_log_hold_t     hold;
    uint32_t                     failure;   /* of the last one */
} ngx_ess_event_log_queries_t;


/* NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_event_log_query_init(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_t *log, ngx_log_t *l);

/* No thread is at work any more. */
void ngx_ess_event_log_query_exit(ngx_ess_event_log_queries_t *queries);

/* See ngx_ess_event_log_query() and ngx_ess_event_log_query_cancel(). */
void ngx_ess_event_log_query_add(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query);
ngx_int_t ngx_ess_event_log_query_remove(ngx_ess_event_log_queries_t *queries,
    ngx_ess_event_log_query_t *query);


#endif /* _NGX_ESS_EVENT_LOG_QUERY_H_INCLUDED_ */
