/*
 * The registry's part of a worker's timer.
 */


#ifndef _NGX_ESS_REGISTRY_UPKEEP_H_INCLUDED_
#define _NGX_ESS_REGISTRY_UPKEEP_H_INCLUDED_


#include "ngx_ess.h"


/* In a worker, after the store. */
void ngx_ess_registry_upkeep_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone);

/* From the worker's timer: finishes what dead workers left half-done, keeps the
   store ahead of the ordinals. */
void ngx_ess_registry_upkeep_tick(void);

/*
 * The store is another one than before, and the zone was kept: saves all
 * streams of the zone in it, in portions.  In one worker, after init.
 */
void ngx_ess_registry_upkeep_save_all(void);


#endif /* _NGX_ESS_REGISTRY_UPKEEP_H_INCLUDED_ */
