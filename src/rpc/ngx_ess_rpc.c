
/*
 * A worker's part in RPC: puts its parts together.  The worker owns all of it.
 */


#include "ngx_ess_rpc.h"
#include "ngx_ess_call.h"
#include "ngx_ess_consume.h"


ngx_int_t
ngx_ess_rpc_init_process(ngx_cycle_t *cycle, ngx_ess_rpc_conf_t *conf)
{
    return NGX_OK;
}


void
ngx_ess_rpc_shutdown(void)
{
}


void
ngx_ess_rpc_exit_process(void)
{
}
