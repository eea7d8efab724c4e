/*
 * The value of the header field Idempotency-Key.  A codec without I/O.
 */


#ifndef _NGX_ESS_PUBLISH_ONCE_HEADER_H_INCLUDED_
#define _NGX_ESS_PUBLISH_ONCE_HEADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of a key, without quotes */
#define NGX_ESS_IDEMPOTENCY_KEY  255


/*
 * The key in the value: a string of RFC 9651 (3.3.3), or the same without its
 * quotes where it has no blank, comma, semicolon or backslash.  "buf" has room
 * for NGX_ESS_IDEMPOTENCY_KEY bytes.  NGX_OK, or NGX_DECLINED: it is malformed.
 */
ngx_int_t ngx_ess_publish_once_header_parse(ngx_str_t *key, u_char *buf,
    ngx_str_t *value);


#endif /* _NGX_ESS_PUBLISH_ONCE_HEADER_H_INCLUDED_ */
