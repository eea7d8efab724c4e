/*
 * What was found in an event log, as an answer.
 */


#ifndef _NGX_ESS_EVENTS_PAGE_H_INCLUDED_
#define _NGX_ESS_EVENTS_PAGE_H_INCLUDED_


#include "ngx_ess_event_log.h"
#include "ngx_ess_events_args.h"


/* 1: the answers of this worker that are not sent yet have taken so much memory
   that no more is to be read. */
ngx_uint_t ngx_ess_events_page_is_full(void);

/*
 * The page that was asked for with "args", and its header Link; "args" NULL:
 * the only event of it by itself.  The JSON is the request's pool's, and counts
 * until that goes.  NGX_OK, or NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_events_page(ngx_http_request_t *r,
    ngx_ess_event_log_query_t *query, ngx_ess_events_args_t *args,
    ngx_str_t *json);


#endif /* _NGX_ESS_EVENTS_PAGE_H_INCLUDED_ */
