
/*
 * The directive "ess_authorize".  It counts in locations with ess_subscribe;
 * others hand it on to those within them.  Runs in the master.
 */


#include "ngx_ess_conf_authorize.h"
#include "ngx_ess_jwt.h"


#define NGX_ESS_CONF_AUTHORIZE_TIMEOUT  2000


static const char *ngx_ess_conf_authorize_address(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


static const ngx_ess_param_t  ngx_ess_conf_authorize_params[] = {

    { ngx_string("address"), ngx_ess_conf_authorize_address,
      offsetof(ngx_ess_authorize_conf_t, uri), 1, NGX_MAX_INT_T_VALUE,
      "a path of the same server, without variables, such as \"/authorize\", "
      "or \"off\"", NULL },

    { ngx_string("timeout"), ngx_ess_param_msec,
      offsetof(ngx_ess_authorize_conf_t, timeout), 10, 60000,
      "a time from 10 milliseconds to one minute, such as \"timeout=2s\"",
      NULL },

    { ngx_string("cache"), ngx_ess_param_msec_or_0,
      offsetof(ngx_ess_authorize_conf_t, cache), 1000, 24 * 3600 * 1000,
      "a time from one second to one day, such as \"cache=10s\", or 0",
      NULL },

    ngx_ess_null_param
};


ngx_ess_param_directive_t  ngx_ess_conf_authorize_directive = {
    ngx_ess_conf_authorize_params, 1, "a path, \"timeout=\" and \"cache=\"",
    0, 0
};


void
ngx_ess_conf_authorize_create(ngx_ess_loc_conf_t *lcf)
{
    /* set by ngx_pcalloc(): lcf->authorize = NULL; */

    lcf->authorizes = NGX_CONF_UNSET_PTR;
}


char *
ngx_ess_conf_authorize_merge(ngx_conf_t *cf, ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf, ngx_uint_t subscribes)
{
    ngx_ess_main_conf_t       *mcf;
    ngx_ess_authorize_conf_t  *acf;

    ngx_conf_merge_ptr_value(conf->authorizes, prev->authorizes, NULL);

    if (conf->authorizes == NULL || !subscribes) {
        return NGX_CONF_OK;
    }

    /* its own: what is kept of answers is not another location's, where a
       subject may be of other tokens, and the path in another server */

    acf = ngx_palloc(cf->pool, sizeof(ngx_ess_authorize_conf_t));
    if (acf == NULL) {
        return NGX_CONF_ERROR;
    }

    *acf = *conf->authorizes;

    conf->authorize = acf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);
    mcf->authorizes = 1;

    ngx_ess_jwt_keep(cf);

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_authorize(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_str_t                 *value;
    ngx_ess_authorize_conf_t  *acf;

    if (lcf->authorizes != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->authorizes = NULL;
        return NGX_CONF_OK;
    }

    acf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_authorize_conf_t));
    if (acf == NULL) {
        return NGX_CONF_ERROR;
    }

    acf->timeout = NGX_ESS_CONF_AUTHORIZE_TIMEOUT;

    lcf->authorizes = acf;

    return ngx_ess_param_args(cf, cmd, acf);
}


static const char *
ngx_ess_conf_authorize_address(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    if (value->len == 0 || value->data[0] != '/'
        || ngx_strlchr(value->data, value->data + value->len, '$'))
    {
        return param->expected;
    }

    return ngx_ess_param_text(ctx, param, value);
}
