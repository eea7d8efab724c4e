
/*
 * What ess_consume and ess_rpc have in common.  It is the configuration's.
 * Runs in the master, and, for names of queues, in workers.
 */


#include "ngx_ess_rpc_conf.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_consume_conf.h"


ngx_conf_enum_t  ngx_ess_rpc_conf_packs[] = {
    { ngx_string("none"), NGX_ESS_RPC_NONE },
    { ngx_string("gzip"), NGX_ESS_RPC_GZIP },
    { ngx_null_string, 0 }
};


ngx_conf_enum_t  ngx_ess_rpc_conf_unpacks[] = {
    { ngx_string("none"), NGX_ESS_RPC_NONE },
    { ngx_string("gzip"), NGX_ESS_RPC_GZIP },
    { ngx_string("auto"), NGX_ESS_RPC_AUTO },
    { ngx_null_string, 0 }
};


ngx_ess_rpc_conf_t *
ngx_ess_rpc_conf(ngx_conf_t *cf)
{
    ngx_str_t            *exchange;
    ngx_ess_rpc_conf_t   *conf;
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->rpc) {
        return mcf->rpc;
    }

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_rpc_conf_t));

    if (conf == NULL
        || ngx_array_init(&conf->queues, cf->pool, 4,
                          sizeof(ngx_ess_consume_conf_queue_t))
           != NGX_OK
        || ngx_array_init(&conf->calls, cf->pool, 4,
                          sizeof(ngx_ess_call_conf_t *))
           != NGX_OK
        || ngx_array_init(&conf->exchanges, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    exchange = ngx_array_push(&conf->exchanges);
    if (exchange == NULL) {
        return NULL;
    }

    ngx_str_set(exchange, "");

    mcf->rpc = conf;

    return conf;
}


ngx_uint_t
ngx_ess_rpc_conf_queue(ngx_str_t *name)
{
    return name->len && name->len <= NGX_ESS_MAX_KEY
           && (name->len < 4
               || (ngx_memcmp(name->data, "amq.", 4) != 0
                   && ngx_memcmp(name->data, "ess.", 4) != 0));
}


size_t
ngx_ess_rpc_conf_max_body(ngx_http_core_loc_conf_t *clcf)
{
    if (clcf->client_max_body_size == 0
        || clcf->client_max_body_size > NGX_ESS_RPC_MAX_BODY)
    {
        return NGX_ESS_RPC_MAX_BODY;
    }

    return clcf->client_max_body_size;
}
