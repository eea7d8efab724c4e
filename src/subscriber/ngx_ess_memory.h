/*
 * What this worker keeps of events for its clients, in bytes: one bound for
 * all of them, "ess_max_memory".  Private to subscriber/.
 */


#ifndef _NGX_ESS_MEMORY_H_INCLUDED_
#define _NGX_ESS_MEMORY_H_INCLUDED_


#include "ngx_ess_zone.h"


/* In a worker, before anything is kept. */
void ngx_ess_memory_init(ngx_ess_zone_t *zone, size_t max);

/* So many more are kept, or fewer; the gauge in the zone goes along. */
void ngx_ess_memory_take(size_t size);
void ngx_ess_memory_give(size_t size);

size_t ngx_ess_memory_used(void);
size_t ngx_ess_memory_max(void);


#endif /* _NGX_ESS_MEMORY_H_INCLUDED_ */
