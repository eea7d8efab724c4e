/*
 * Which event of a location of ess_events is meant.
 */


#ifndef _NGX_ESS_EVENTS_PATH_H_INCLUDED_
#define _NGX_ESS_EVENTS_PATH_H_INCLUDED_


#include "ngx_ess.h"


/* NGX_DONE: the collection.  NGX_OK: the event with that id, of any bytes, in
   the request's memory.  NGX_DECLINED: it is no address of the location's.
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_events_path(ngx_http_request_t *r, ngx_str_t *id);


#endif /* _NGX_ESS_EVENTS_PATH_H_INCLUDED_ */
