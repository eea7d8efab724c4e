
/*
 * The directive ess_publish.  Runs in the master.
 */


#include "ngx_ess_conf_limits.h"
#include "ngx_ess_publish.h"
#include "ngx_ess_publish_conf.h"
#include "ngx_ess_publish_key.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_conf_serve.h"


static char *ngx_ess_publish_conf_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *arg);


static const ngx_ess_param_t  ngx_ess_publish_conf_params[] = {

    { ngx_string("batch"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, publish_batch), 1, NGX_MAX_INT_T_VALUE,
      "a number of events from 1 on, such as \"batch=1000\"", NULL },

    { ngx_string("create"), ngx_ess_conf_create,
      offsetof(ngx_ess_loc_conf_t, create), 0, 0, NGX_ESS_CONF_CREATE, NULL },

    ngx_ess_null_param
};


char *
ngx_ess_publish_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    char                 *rv;
    ngx_int_t             rc;
    ngx_str_t            *value, arg;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   ctx;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = lcf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rc = ngx_ess_param(&ctx, ngx_ess_publish_conf_params, &value[i]);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DECLINED) {
            arg = value[i];
            rv = ngx_ess_publish_conf_key(cf, cmd, lcf, &arg);

            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_publish_handler);
}


/* The argument without a name. */

static char *
ngx_ess_publish_conf_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *arg)
{
    ngx_http_compile_complex_value_t  ccv;

    if (lcf->publish_name) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it "
                           "takes one routing key, \"batch=number\", and "
                           NGX_ESS_CONF_CREATE, &cmd->name, arg);
        return NGX_CONF_ERROR;
    }

    lcf->publish_name = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (lcf->publish_name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = arg;
    ccv.complex_value = lcf->publish_name;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->publish_query = ngx_ess_percent_is_query(arg);

    /* of what is put together it would decode the rest once more */

    if (lcf->publish_query && !ngx_ess_percent_is_alone(arg)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\": "
                           "\"$arg_...\" is percent-decoded, and must be "
                           "all of it; a key with more parts takes them "
                           "from the path, by the captures of a location",
                           &cmd->name, arg);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
