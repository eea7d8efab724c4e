
/*
 * The counters.  Each process writes the block of its own process slot and
 * nobody else does, so none of them takes the mutex; anybody reads them.
 */


#include "ngx_ess_counter.h"
#include "ngx_ess_zone_layout.h"


const uint32_t  ngx_ess_counter_ages[] = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000
};

const uint32_t  ngx_ess_counter_batches[] = { 1, 2, 4, 8, 16, 32, 64 };

const uint32_t  ngx_ess_counter_codes[NGX_ESS_COUNTER_CODES] = {
    200, 400, 401, 403, 404, 409, 413, 429, 503, 500
};


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    ngx_ess_process_t  *own;

    own = ngx_ess_zone_own(zone);

    if (own) {
        own->counters[counter] += n;
    }
}


void
ngx_ess_counter_set(ngx_ess_zone_t *zone, ngx_ess_counter_e gauge,
    uint64_t value)
{
    ngx_ess_process_t  *own;

    own = ngx_ess_zone_own(zone);

    if (own) {
        own->counters[gauge] = value;
    }
}


uint64_t *
ngx_ess_counter_own(ngx_ess_zone_t *zone)
{
    ngx_ess_process_t  *own;

    own = ngx_ess_zone_own(zone);

    return own ? own->counters : NULL;
}


ngx_int_t
ngx_ess_counter_of(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_counter_e counter, uint64_t *value)
{
    ngx_ess_process_t  *p;

    p = ngx_ess_zone_proc(zone->sh, slot);
    *value = *(volatile uint64_t *) &p->counters[counter];

    return *(volatile uint32_t *) &p->pid ? NGX_OK : NGX_DECLINED;
}


uint64_t
ngx_ess_counter_sum(ngx_ess_zone_t *zone, ngx_ess_counter_e counter)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        sum += *(volatile uint64_t *)
                &ngx_ess_zone_proc(zone->sh, i)->counters[counter];
    }

    return sum;
}
