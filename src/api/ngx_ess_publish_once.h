/*
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): who publishes
 * once more with the same key gets the first answer.
 */


#ifndef _NGX_ESS_PUBLISH_ONCE_H_INCLUDED_
#define _NGX_ESS_PUBLISH_ONCE_H_INCLUDED_


#include "ngx_ess_idempotency.h"
#include "ngx_ess_source.h"


typedef struct {
    ngx_str_t                key;           /* empty: there is no such header */
    ngx_ess_zone_t          *zone;
    ngx_ess_idempotency_t    entry;
    unsigned                 held:1;        /* to be finished, or cancelled */
} ngx_ess_publish_once_t;


/* The key of the request's header, if any.  NGX_OK.  NGX_DECLINED: *detail says
   what is wrong.  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_publish_once_key(ngx_http_request_t *r,
    ngx_ess_publish_once_t *once, const char **detail);

/*
 * With a key, before anything is published.  "parts" is what makes another
 * request of it.  As ngx_ess_idempotency_begin(); with NGX_DONE pub->ids is
 * what was answered, or NULL, and pub->n is the number that was.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_publish_once_begin(ngx_http_request_t *r,
    ngx_ess_publish_once_t *once, ngx_ess_source_publish_t *pub,
    ngx_str_t **parts, ngx_uint_t n);

/* It was published: its answer, the one in pub->ids and pub->n, is kept.
   pub->ids becomes NULL where the ids are too many for that. */
void ngx_ess_publish_once_finish(ngx_ess_publish_once_t *once,
    ngx_ess_source_publish_t *pub);

/* It was not, or nobody knows: it may be published again. */
void ngx_ess_publish_once_cancel(ngx_ess_publish_once_t *once);


#endif /* _NGX_ESS_PUBLISH_ONCE_H_INCLUDED_ */
