/*
 * Clients of streams that are not there yet: made on demand ("ess_subscribe ...
 * create="), or declared by nginx.conf, and being made after a start.
 */


#ifndef _NGX_ESS_CLIENT_DEMAND_H_INCLUDED_
#define _NGX_ESS_CLIENT_DEMAND_H_INCLUDED_


#include "ngx_ess_client_stream.h"


/*
 * "found" is what ngx_ess_client_stream() returned, NGX_OK or NGX_DECLINED, so
 * that who asks may have it.  Returns that, or NGX_DONE: the stream is being
 * made, "enter" is called when it is there; or a status to answer with, which
 * may be that the name is another stream's than the location has.
 */
ngx_int_t ngx_ess_client_demand(ngx_http_request_t *r, ngx_int_t found,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info,
    ngx_http_handler_pt enter);


#endif /* _NGX_ESS_CLIENT_DEMAND_H_INCLUDED_ */
