
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
    void *conf, ngx_str_t *arg);


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

    char  *rv;

    rv = ngx_ess_param_others(cf, cmd, lcf, ngx_ess_publish_conf_params, 0,
                              ngx_ess_publish_conf_key);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_publish_handler);
}


/* The argument without a name. */

static char *
ngx_ess_publish_conf_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
    ngx_str_t *arg)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    if (lcf->publish_name) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it "
                           "takes one routing key, \"batch=number\", and "
                           NGX_ESS_CONF_CREATE, &cmd->name, arg);
        return NGX_CONF_ERROR;
    }

    if (ngx_ess_param_complex(cf, arg, &lcf->publish_name) != NGX_OK) {
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
