/*
 * Event logs as sources of streams: the stream's key is the name of the event
 * log, an event's ordinal its seq.  Who stores events appends none: one worker
 * reads them from the database, in the order in which they were committed.
 */


#ifndef _NGX_ESS_EVENT_LOG_SOURCE_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SOURCE_H_INCLUDED_


#include "ngx_ess_source.h"


/* stored: see ngx_ess_kind_t; 2 is kept for another one */
#define NGX_ESS_SOURCE_EVENT_LOG  3


/* its configuration is the main one's "event_logs" */
extern const ngx_ess_source_t  ngx_ess_event_log_source;


#endif /* _NGX_ESS_EVENT_LOG_SOURCE_H_INCLUDED_ */
