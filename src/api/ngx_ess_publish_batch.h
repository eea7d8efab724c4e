/*
 * A JSON array as a batch of events.  A pure function, but for its memory.
 */


#ifndef _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_
#define _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Takes the array apart, of at most "max" elements.  A string is an event with
 * that text; anything else is one with its own JSON, byte for byte: these point
 * into "text".  *bodies is in "pool".
 *
 * NGX_OK.  NGX_ABORT: there are more.  NGX_DECLINED: *detail says what is
 * wrong.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_batch(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t max, ngx_str_t **bodies, ngx_uint_t *n, const char **detail);


#endif /* _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_ */
