/*
 * Putting events into an event log over HTTP.
 */


#ifndef _NGX_ESS_EVENTS_POST_H_INCLUDED_
#define _NGX_ESS_EVENTS_POST_H_INCLUDED_


#include "ngx_ess.h"


/* Of POST, when its body was read. */
void ngx_ess_events_post(ngx_http_request_t *r);


#endif /* _NGX_ESS_EVENTS_POST_H_INCLUDED_ */
