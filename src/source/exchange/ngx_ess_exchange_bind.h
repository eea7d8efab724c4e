/*
 * Bindings of routing keys to slot queues.
 */


#ifndef _NGX_ESS_EXCHANGE_BIND_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_BIND_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"
#include "ngx_ess_stream.h"


/* rc: NGX_OK: bound; NGX_ABORT: the session is gone; NGX_DECLINED: the broker
   refused. */
typedef void (*ngx_ess_exchange_bind_pt)(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text);


void ngx_ess_exchange_bind_init(ngx_ess_exchange_worker_t *w);

/* Frees all; after the session was destroyed. */
void ngx_ess_exchange_bind_exit(ngx_ess_exchange_worker_t *w);

/* Of the seam. */
void ngx_ess_exchange_bind(ngx_ess_source_bind_t *bind);
void ngx_ess_exchange_bind_cancel(ngx_ess_source_bind_t *bind);
void ngx_ess_exchange_bind_unbind(ngx_str_t *key);

/* A delivery with that key found no stream: unbinds it. */
void ngx_ess_exchange_bind_unwanted(ngx_ess_exchange_worker_t *w,
    ngx_str_t *key);

/* Sends what waited for the session, the exchange or its slot's queue. */
void ngx_ess_exchange_bind_waiting(ngx_ess_exchange_worker_t *w);

/* The broker refused the queue (or, with NULL, the exchange): those who wait
   for it are told. */
void ngx_ess_exchange_bind_refused(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_slot_t *slot, ngx_str_t *text);

/* Binds the key of an own slot; the handler is not called from within this.
   NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_exchange_bind_again(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_key_t *key, ngx_ess_exchange_bind_pt handler);


#endif /* _NGX_ESS_EXCHANGE_BIND_H_INCLUDED_ */
