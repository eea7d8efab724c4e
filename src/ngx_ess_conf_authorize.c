
/*
 * The directive "ess_authorize".  It counts in locations with ess_subscribe;
 * others hand it on to those within them.  Runs in the master.
 */


#include "ngx_ess_conf_authorize.h"
#include "ngx_ess_jwt.h"


#define NGX_ESS_CONF_AUTHORIZE_TIMEOUT  2000


static const ngx_ess_param_t  ngx_ess_conf_authorize_params[] = {

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
    ngx_ess_jwt_keep(cf);

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_authorize(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_int_t                  rc;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_ess_param_ctx_t        ctx;
    ngx_ess_authorize_conf_t  *acf;

    if (lcf->authorizes != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->authorizes = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0 || value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid address \"%V\", it must be "
                           "a path of the same server, without variables, such "
                           "as \"/authorize\", or \"off\"",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    acf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_authorize_conf_t));
    if (acf == NULL) {
        return NGX_CONF_ERROR;
    }

    acf->uri = value[1];
    acf->timeout = NGX_ESS_CONF_AUTHORIZE_TIMEOUT;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = acf;

    for (i = 2; i < cf->args->nelts; i++) {

        rc = ngx_ess_param(&ctx, ngx_ess_conf_authorize_params, &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid parameter \"%V\", it "
                               "takes a path, \"timeout=\" and \"cache=\"",
                               &cmd->name, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    lcf->authorizes = acf;

    return NGX_CONF_OK;
}
