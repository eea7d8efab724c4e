
/*
 * The part of the configuration where ess_consume and ess_rpc meet the broker
 * of ess_amqp.  Runs in the master.
 */


#include "ngx_ess_conf_rpc.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_consume_conf.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_rpc_memory.h"


ngx_int_t
ngx_ess_conf_rpc_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_ess_rpc_conf_t       *rpc;
    ngx_ess_exchange_conf_t  *xcf;

    rpc = mcf->rpc;
    xcf = ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_EXCHANGE)->conf;

    if (xcf == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" needs a broker, add \"ess_amqp "
                      "amqp://user:password@host/;\" to the http block",
                      rpc->queues.nelts ? "ess_consume" : "ess_rpc");
        return NGX_ERROR;
    }

    rpc->amqp = &xcf->amqp;

    if (ngx_ess_consume_conf_check(cf, rpc) != NGX_OK
        || ngx_ess_call_conf_check(cf, rpc) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rpc->figures = ngx_ess_rpc_memory_add(cf, &rpc->queues,
                                          rpc->calls.nelts);
    if (rpc->figures == NULL) {
        return NGX_ERROR;
    }

    mcf->rpc_figures = rpc->figures;

    return NGX_OK;
}
