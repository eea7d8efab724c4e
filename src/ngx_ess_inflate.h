/*
 * A body that came compressed, decoded in slices: bytes in, bytes out, and no
 * more of them than are asked for.  A codec without I/O.
 */


#ifndef _NGX_ESS_INFLATE_H_INCLUDED_
#define _NGX_ESS_INFLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_ess_inflate_s  ngx_ess_inflate_t;


/*
 * "text" stays the caller's, until the end.  With "gzip" it is that format (RFC
 * 1952), of one or several members, else zlib's (RFC 1950); more than "max"
 * bytes are not wanted.  NULL: no memory.
 */
ngx_ess_inflate_t *ngx_ess_inflate_create(ngx_str_t *text,
    ngx_uint_t gzip, size_t max);
void ngx_ess_inflate_destroy(ngx_ess_inflate_t *in);

/*
 * A slice of a few hundred kilobytes.  NGX_AGAIN: there is more to do.  NGX_OK:
 * it is done.  NGX_ABORT: there are more than "max" bytes.  NGX_DECLINED: it is
 * broken, *detail says how.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_inflate_step(ngx_ess_inflate_t *in,
    const char **detail);

/* What came out, behind NGX_OK, in the pool's memory.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_inflate_take(ngx_ess_inflate_t *in,
    ngx_pool_t *pool, ngx_str_t *text);


#endif /* _NGX_ESS_INFLATE_H_INCLUDED_ */
