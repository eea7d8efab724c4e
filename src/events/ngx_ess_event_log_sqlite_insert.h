/*
 * Inserts into an event log's SQLite file.
 */


#ifndef _NGX_ESS_EVENT_LOG_SQLITE_INSERT_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SQLITE_INSERT_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's. */
void ngx_ess_event_log_sqlite_insert(void *handle,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n);


#endif /* _NGX_ESS_EVENT_LOG_SQLITE_INSERT_H_INCLUDED_ */
