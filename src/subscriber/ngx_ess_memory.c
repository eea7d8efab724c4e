
/*
 * A sum.  Who keeps something says so, and who reads more asks first.  Runs in
 * workers; of the zone it has one gauge.
 */


#include "ngx_ess_memory.h"
#include "ngx_ess_counter.h"


static ngx_ess_zone_t  *ngx_ess_memory_zone;
static size_t           ngx_ess_memory_bytes;
static size_t           ngx_ess_memory_bound;


void
ngx_ess_memory_init(ngx_ess_zone_t *zone, size_t max)
{
    ngx_ess_memory_zone = zone;
    ngx_ess_memory_bytes = 0;
    ngx_ess_memory_bound = max;
}


void
ngx_ess_memory_take(size_t size)
{
    ngx_ess_memory_bytes += size;

    ngx_ess_counter_add(ngx_ess_memory_zone, NGX_ESS_C_MEMORY, (int64_t) size);
}


void
ngx_ess_memory_give(size_t size)
{
    ngx_ess_memory_bytes -= size;

    ngx_ess_counter_add(ngx_ess_memory_zone, NGX_ESS_C_MEMORY, -(int64_t) size);
}


size_t
ngx_ess_memory_used(void)
{
    return ngx_ess_memory_bytes;
}


size_t
ngx_ess_memory_max(void)
{
    return ngx_ess_memory_bound;
}
