/*
 * Bodies of requests and responses as one piece of memory.
 */


#ifndef _NGX_ESS_BODY_H_INCLUDED_
#define _NGX_ESS_BODY_H_INCLUDED_


#include "ngx_ess.h"


/* The first "max" bytes of the body that was read, in the pool's memory.
   NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_body_read(ngx_http_request_t *r, ngx_pool_t *pool,
    size_t max, ngx_str_t *text);

/* Behind a header that was sent: the whole body, which is to live as long as
   the request; NULL: there is none.  Returns what is to be given to
   ngx_http_finalize_request(). */
ngx_int_t ngx_ess_body_send(ngx_http_request_t *r, ngx_str_t *text);

/* Header and body of an answer, of a request whose own body was read, or is
   discarded here; nginx puts no error page in its place.  text NULL: without a
   body.  Returns what ngx_ess_body_send() does. */
ngx_int_t ngx_ess_body_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text);


#endif /* _NGX_ESS_BODY_H_INCLUDED_ */
