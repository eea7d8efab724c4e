/*
 * The threads in which databases of event logs are used.
 */


#ifndef _NGX_ESS_EVENT_LOG_THREAD_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_THREAD_H_INCLUDED_


#include "ngx_ess.h"


/* In a thread, first in each task that inserts or queries: where processors are
   short, they are the event loop's before they are the database's. */
void ngx_ess_event_log_thread_begin(void);


#endif /* _NGX_ESS_EVENT_LOG_THREAD_H_INCLUDED_ */
