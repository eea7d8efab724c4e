/*
 * The key whose events a client gets, as "ess_subscribe ... key=" has it.
 * Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_KEY_H_INCLUDED_
#define _NGX_ESS_CLIENT_KEY_H_INCLUDED_


#include "ngx_ess_stream.h"


/*
 * Sets the key, in the request's pool; empty: it gets all events.  NGX_OK, or
 * the status to refuse the request with: there is none, or it cannot be one.
 */
ngx_int_t ngx_ess_client_key(ngx_http_request_t *r, ngx_str_t *key);

/* The same, when the key is asked of a stream whose events have none. */
ngx_int_t ngx_ess_client_key_fits(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info);


#endif /* _NGX_ESS_CLIENT_KEY_H_INCLUDED_ */
