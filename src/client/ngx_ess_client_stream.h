/*
 * The stream that a request is for, if its client may have it.  Private to
 * client/.
 */


#ifndef _NGX_ESS_CLIENT_STREAM_H_INCLUDED_
#define _NGX_ESS_CLIENT_STREAM_H_INCLUDED_


#include "ngx_ess_stream.h"


/*
 * Looks up the stream that the address names, by uuid or, where the location
 * says so, by name; key NULL: all of it is wanted.
 * NGX_OK; NGX_DECLINED: there is none; or the status to answer with: the token
 * is not for it, whether it is there or not.
 */
ngx_int_t ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info);


#endif /* _NGX_ESS_CLIENT_STREAM_H_INCLUDED_ */
