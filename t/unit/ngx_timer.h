/*
 * Timers that expire, and posted events, for unit tests of what waits: time
 * passes only when the test says so.
 */


#ifndef _NGX_TIMER_H_INCLUDED_
#define _NGX_TIMER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* Nothing is set nor posted. */
void ngx_unit_timer_init(void);

/* Runs what is posted, and what that posts. */
void ngx_unit_posted(void);

/* So many ms pass: what is posted runs, and what expires meanwhile, in
   order. */
void ngx_unit_pass(ngx_msec_t ms);

/* Timers that are set and events that are posted. */
ngx_uint_t ngx_unit_pending(void);


#endif /* _NGX_TIMER_H_INCLUDED_ */
