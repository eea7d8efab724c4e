
/*
 * Figures of RPC.
 */


#include "ngx_ess_rpc_figures.h"


struct ngx_ess_rpc_figures_s {
    ngx_shm_zone_t          *shm_zone;
};


ngx_ess_rpc_figures_t *
ngx_ess_rpc_figures_add(ngx_conf_t *cf, ngx_array_t *queues)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_ess_rpc_figures_t));
}
