/*
 * The keys of a replay: it has their events, and no others.  Private to
 * subscriber/.
 */


#ifndef _NGX_ESS_FEED_KEYS_H_INCLUDED_
#define _NGX_ESS_FEED_KEYS_H_INCLUDED_


#include "ngx_ess.h"


typedef struct {
    ngx_str_t               *keys;          /* each once, in an order of its
                                               own; behind this, as are their
                                               bytes */
    ngx_uint_t               n;
} ngx_ess_feed_keys_t;


/* A block of the heap.  NULL: no memory. */
ngx_ess_feed_keys_t *ngx_ess_feed_keys_copy(ngx_str_t *keys, ngx_uint_t n,
    ngx_log_t *log);

/* 1: it is one of them; the empty key never is. */
ngx_uint_t ngx_ess_feed_keys_has(ngx_ess_feed_keys_t *keys, ngx_str_t *key);

/* It is none of them any more; 1: it was one, and those behind it in the order
   have moved. */
ngx_uint_t ngx_ess_feed_keys_drop(ngx_ess_feed_keys_t *keys, ngx_str_t *key);


#endif /* _NGX_ESS_FEED_KEYS_H_INCLUDED_ */
