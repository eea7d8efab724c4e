/*
 * The routing key, or the uuid, that a publication is for.
 */


#ifndef _NGX_ESS_PUBLISH_KEY_H_INCLUDED_
#define _NGX_ESS_PUBLISH_KEY_H_INCLUDED_


#include "ngx_ess.h"


/*
 * What the directive's argument yields, else the last segment of the path, in
 * either case percent-decoded once.  It may be empty, or too long.  NGX_OK.
 * NGX_DECLINED: *detail says what is wrong.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_key(ngx_http_request_t *r, ngx_str_t *key,
    const char **detail);

/*
 * The key of the events themselves: "key" of the query string, unless that is
 * what the directive takes the routing key from; empty: there is none.  As
 * above.
 */
ngx_int_t ngx_ess_publish_key_event(ngx_http_request_t *r, ngx_str_t *key,
    const char **detail);


#endif /* _NGX_ESS_PUBLISH_KEY_H_INCLUDED_ */
