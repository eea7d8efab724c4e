/*
 * What became of the events of a request, as an answer.
 */


#ifndef _NGX_ESS_EVENTS_RESULT_H_INCLUDED_
#define _NGX_ESS_EVENTS_RESULT_H_INCLUDED_


#include "ngx_ess_events_check.h"


/* One of each item, in order, in the pool's memory; "stored" 0: nothing was.
   "events" have their results; NULL: nobody asked.  NGX_OK, or NGX_ERROR: no
   memory. */
ngx_int_t ngx_ess_events_result(ngx_pool_t *pool, ngx_ess_events_item_t *items,
    ngx_uint_t n, const ngx_ess_event_log_event_t *events, ngx_uint_t stored,
    ngx_str_t *json);


#endif /* _NGX_ESS_EVENTS_RESULT_H_INCLUDED_ */
