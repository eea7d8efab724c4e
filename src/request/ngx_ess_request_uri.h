/*
 * The URI of a request without a client.  A codec without I/O.
 */


#ifndef _NGX_ESS_REQUEST_URI_H_INCLUDED_
#define _NGX_ESS_REQUEST_URI_H_INCLUDED_


#include "ngx_ess.h"


/* of the pool */

typedef struct {
    ngx_str_t                path;          /* decoded: what locations match */
    ngx_str_t                args;          /* as it goes into a request line;
                                               empty: none */
    ngx_str_t                unparsed;      /* both, encoded */
} ngx_ess_request_uri_t;


/*
 * The path of "text" ends at the first "?".  It is decoded as a client's is,
 * but that a "%" without two hexadecimal digits stands for itself, so that the
 * name of a queue may have one; several slashes are one.  The arguments are
 * taken as they are, blanks and "#" encoded.  NGX_OK; NGX_DECLINED: the path
 * does not begin with "/", or has a segment "." or ".." (also when it is
 * encoded), or there is a control character; NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_request_uri(ngx_ess_request_uri_t *uri, ngx_pool_t *pool,
    const ngx_str_t *text);


#endif /* _NGX_ESS_REQUEST_URI_H_INCLUDED_ */
