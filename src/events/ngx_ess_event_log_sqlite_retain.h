/*
 * What an event log's SQLite file keeps, and how much that is.
 */


#ifndef _NGX_ESS_EVENT_LOG_SQLITE_RETAIN_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SQLITE_RETAIN_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's. */
ngx_int_t ngx_ess_event_log_sqlite_retain(void *handle, int64_t now,
    u_char *text, size_t size);
ngx_int_t ngx_ess_event_log_sqlite_measure(void *handle, uint64_t *events,
    uint64_t *bytes, u_char *text, size_t size);


#endif /* _NGX_ESS_EVENT_LOG_SQLITE_RETAIN_H_INCLUDED_ */
