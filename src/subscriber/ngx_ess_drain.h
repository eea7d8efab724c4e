/*
 * A drain closes all subscribers of a worker, spread over a time.  Private
 * to subscriber/.
 */


#ifndef _NGX_ESS_DRAIN_H_INCLUDED_
#define _NGX_ESS_DRAIN_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


/* The subscriber is off the drain's list, and may be gone afterwards. */
typedef void (*ngx_ess_drain_pt)(ngx_ess_subscriber_t *sub, ngx_uint_t code);


void ngx_ess_drain_init(ngx_cycle_t *cycle, ngx_ess_drain_pt handler);

/* On the list of those that a drain closes, in order; off it, at any time,
   as often as one likes after it was added once. */
void ngx_ess_drain_add(ngx_ess_subscriber_t *sub);
void ngx_ess_drain_remove(ngx_ess_subscriber_t *sub);

/* Begins a drain of "time" ms; the first one's code stays. */
void ngx_ess_drain_start(ngx_uint_t code, ngx_msec_t time);

/* 1 since a drain began. */
ngx_uint_t ngx_ess_drain_active(void);


#endif /* _NGX_ESS_DRAIN_H_INCLUDED_ */
