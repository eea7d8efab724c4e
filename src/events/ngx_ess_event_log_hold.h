/*
 * A worker that is to leave stays while answers are due.
 */


#ifndef _NGX_ESS_EVENT_LOG_HOLD_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_HOLD_H_INCLUDED_


#include "ngx_ess.h"


typedef struct {
    ngx_event_t              timer;         /* set while there are any */
    ngx_uint_t               n;             /* answers that are due */
} ngx_ess_event_log_hold_t;


void ngx_ess_event_log_hold_init(ngx_ess_event_log_hold_t *hold,
    ngx_log_t *log);
void ngx_ess_event_log_hold_exit(ngx_ess_event_log_hold_t *hold);

/* One more; one less. */
void ngx_ess_event_log_hold_add(ngx_ess_event_log_hold_t *hold);
void ngx_ess_event_log_hold_done(ngx_ess_event_log_hold_t *hold);


#endif /* _NGX_ESS_EVENT_LOG_HOLD_H_INCLUDED_ */
