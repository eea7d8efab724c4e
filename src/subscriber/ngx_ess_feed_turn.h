/*
 * The turns of reading and flushing.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FEED_TURN_H_INCLUDED_
#define _NGX_ESS_FEED_TURN_H_INCLUDED_


#include "ngx_ess_feed.h"


/* At the worker's start. */
ngx_int_t ngx_ess_feed_turn_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_feed_handlers_t *handlers);

/* Ends all subscribers. */
void ngx_ess_feed_turn_exit(void);


#endif /* _NGX_ESS_FEED_TURN_H_INCLUDED_ */
