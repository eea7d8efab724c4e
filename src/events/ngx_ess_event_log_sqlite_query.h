/*
 * Queries of an event log's SQLite file.
 */


#ifndef _NGX_ESS_EVENT_LOG_SQLITE_QUERY_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SQLITE_QUERY_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's. */
ngx_uint_t ngx_ess_event_log_sqlite_query(void *handle,
    ngx_ess_event_log_query_t **queries, ngx_uint_t n);


#endif /* _NGX_ESS_EVENT_LOG_SQLITE_QUERY_H_INCLUDED_ */
