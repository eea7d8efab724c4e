/*
 * Following an event log at its location: those who want an event stream, or a
 * WebSocket, become subscribers of its stream.
 */


#ifndef _NGX_ESS_EVENTS_FOLLOW_H_INCLUDED_
#define _NGX_ESS_EVENTS_FOLLOW_H_INCLUDED_


#include "ngx_ess.h"


/* Of GET of the collection.  NGX_DECLINED: a page is wanted; else what is to be
   given to ngx_http_finalize_request(). */
ngx_int_t ngx_ess_events_follow(ngx_http_request_t *r);


#endif /* _NGX_ESS_EVENTS_FOLLOW_H_INCLUDED_ */
