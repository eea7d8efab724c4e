/*
 * Hearing from a database of what others store, while somebody follows a log.
 */


#ifndef _NGX_ESS_EVENT_LOG_NOTICE_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_NOTICE_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* In a worker, with the configuration's logs; "noticed" is called when others
   may have stored.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_event_log_notice_init(ngx_cycle_t *cycle, ngx_array_t *logs,
    void (*noticed)(ngx_ess_event_log_t *log));

/* No thread is at work any more. */
void ngx_ess_event_log_notice_exit(void);

/* See ngx_ess_event_log_followed(). */
void ngx_ess_event_log_notice_want(ngx_ess_event_log_t *log);


#endif /* _NGX_ESS_EVENT_LOG_NOTICE_H_INCLUDED_ */
