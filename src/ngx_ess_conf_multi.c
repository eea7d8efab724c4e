
/*
 * The directives of clients with several subscriptions.  Runs in the master.
 */


#include "ngx_ess_conf_multi.h"


/* defaults of ess_max_subscriptions */
#define NGX_ESS_CONF_MULTI_MAX      128
#define NGX_ESS_CONF_MULTI_MAX_SSE  32


static const ngx_ess_param_t  ngx_ess_conf_multi_max_params[] = {

    { ngx_string("number"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, max_subscriptions), 1, 4096,
      "the number of subscriptions that a client may have, from 1 to 4096, "
      "such as \"128\"", NULL },

    { ngx_string("sse"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, max_subscriptions_sse), 1, 64,
      "the number of those over SSE, from 1 to 64, such as \"sse=32\"", NULL },

    ngx_ess_null_param
};


ngx_ess_param_directive_t  ngx_ess_conf_multi_max = {
    ngx_ess_conf_multi_max_params, 1, NULL, 0, 0
};


void
ngx_ess_conf_multi_create(ngx_ess_loc_conf_t *lcf)
{
    lcf->max_subscriptions = NGX_CONF_UNSET_UINT;
    lcf->max_subscriptions_sse = NGX_CONF_UNSET_UINT;
}


void
ngx_ess_conf_multi_merge(ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf)
{
    ngx_conf_merge_uint_value(conf->max_subscriptions,
                              prev->max_subscriptions,
                              NGX_ESS_CONF_MULTI_MAX);
    ngx_conf_merge_uint_value(conf->max_subscriptions_sse,
                              prev->max_subscriptions_sse,
                              NGX_ESS_CONF_MULTI_MAX_SSE);
}
