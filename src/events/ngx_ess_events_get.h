/*
 * Reading an event log over HTTP: a page of it, or one event.
 */


#ifndef _NGX_ESS_EVENTS_GET_H_INCLUDED_
#define _NGX_ESS_EVENTS_GET_H_INCLUDED_


#include "ngx_ess.h"


/* Of GET and HEAD.  They return what a content handler does. */
ngx_int_t ngx_ess_events_get_page(ngx_http_request_t *r);
ngx_int_t ngx_ess_events_get_one(ngx_http_request_t *r, ngx_str_t *id);


#endif /* _NGX_ESS_EVENTS_GET_H_INCLUDED_ */
