/*
 * Event logs in SQLite files (WAL).
 */


#ifndef _NGX_ESS_EVENT_LOG_SQLITE_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SQLITE_H_INCLUDED_


#include "ngx_ess_event_log.h"


extern const ngx_ess_event_log_engine_t  ngx_ess_event_log_sqlite;


#endif /* _NGX_ESS_EVENT_LOG_SQLITE_H_INCLUDED_ */
