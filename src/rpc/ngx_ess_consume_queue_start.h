/*
 * How a queue comes to be consumed, and begins anew.
 */


#ifndef _NGX_ESS_CONSUME_QUEUE_START_H_INCLUDED_
#define _NGX_ESS_CONSUME_QUEUE_START_H_INCLUDED_


#include "ngx_ess_consume_queue_worker.h"


/* Its events and what it declares. */
void ngx_ess_consume_queue_start_init(ngx_ess_consume_queue_t *q);

/* It begins anew, a little later. */
void ngx_ess_consume_queue_start_later(ngx_ess_consume_queue_t *q);

/* Its channel is none any more, and what came on it is lost. */
void ngx_ess_consume_queue_start_drop(ngx_ess_consume_queue_t *q);

/* The figures have it as consumed, or not. */
void ngx_ess_consume_queue_start_count(ngx_ess_consume_queue_t *q,
    ngx_uint_t on);


#endif /* _NGX_ESS_CONSUME_QUEUE_START_H_INCLUDED_ */
