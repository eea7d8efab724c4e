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
 * Asks whether the key was used before; nothing is published yet.  Two requests
 * are the same when all of their n "parts" are.  Returns NGX_OK without a key,
 * else what ngx_ess_idempotency_begin() does.  NGX_DONE: pub->n and pub->ids
 * are those of the first answer; pub->ids may be NULL.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_once_begin(ngx_http_request_t *r,
    ngx_ess_publish_once_t *once, ngx_ess_source_publish_t *pub,
    ngx_str_t **parts, ngx_uint_t n);

/* The publication is done; the answer, pub->n and pub->ids, is kept.  pub->ids
   becomes NULL when there are too many of them to be kept. */
void ngx_ess_publish_once_finish(ngx_ess_publish_once_t *once,
    ngx_ess_source_publish_t *pub);

/* The publication failed, or nobody knows; the key is free again. */
void ngx_ess_publish_once_cancel(ngx_ess_publish_once_t *once);


#endif /* _NGX_ESS_PUBLISH_ONCE_H_INCLUDED_ */
