/*
 * A location before an event log: who puts events in, and who reads them.
 */


#ifndef _NGX_ESS_EVENTS_H_INCLUDED_
#define _NGX_ESS_EVENTS_H_INCLUDED_


#include "ngx_ess.h"


/* The location's content handler. */
ngx_int_t ngx_ess_events_handler(ngx_http_request_t *r);


#endif /* _NGX_ESS_EVENTS_H_INCLUDED_ */
