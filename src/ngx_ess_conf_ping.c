
/*
 * The directive "ess_ping".  A text to ping with belongs to the configuration's
 * pool, as the frame that is sent.  Runs in the master.
 */


#include "ngx_ess_conf_ping.h"
#include "ngx_ess_template.h"
#include "ngx_ess_ws_codec.h"


#define NGX_ESS_CONF_PING_INTERVAL  20000
#define NGX_ESS_CONF_PING_TIMEOUT   20000

/* bytes of a text, of which each client that is slow keeps one */
#define NGX_ESS_CONF_PING_TEXT      256


static const char *ngx_ess_conf_ping_text(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


static const ngx_ess_param_t  ngx_ess_conf_ping_times[] = {

    { ngx_string("interval"), ngx_ess_param_msec_or_0,
      offsetof(ngx_ess_loc_conf_t, ping_interval), 1000, NGX_MAX_INT_T_VALUE,
      "a time of at least one second, such as \"30s\", or 0 for no pings",
      NULL },

    { ngx_string("timeout"), ngx_ess_param_msec,
      offsetof(ngx_ess_loc_conf_t, ping_timeout), 1000, NGX_MAX_INT_T_VALUE,
      "a time of at least one second, such as \"10s\"", NULL }
};


static const ngx_ess_param_t  ngx_ess_conf_ping_params[] = {

    { ngx_string("text"), ngx_ess_conf_ping_text,
      offsetof(ngx_ess_loc_conf_t, ping_text), 1, NGX_ESS_CONF_PING_TEXT,
      "UTF-8 of 1 to 256 bytes, such as 'text={\"type\": \"ping\"}', without "
      "variables; a \"$\" is written \"$$\"", NULL },

    ngx_ess_null_param
};


void
ngx_ess_conf_ping_create(ngx_ess_loc_conf_t *lcf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     lcf->ping_text = { 0, NULL };
     *     lcf->ping_first = 0;
     */

    lcf->ping_interval = NGX_CONF_UNSET_MSEC;
    lcf->ping_timeout = NGX_CONF_UNSET_MSEC;
}


void
ngx_ess_conf_ping_merge(ngx_ess_loc_conf_t *prev, ngx_ess_loc_conf_t *conf)
{
    if (conf->ping_interval == NGX_CONF_UNSET_MSEC) {
        conf->ping_text = prev->ping_text;
        conf->ping_first = prev->ping_first;
    }

    ngx_conf_merge_msec_value(conf->ping_interval, prev->ping_interval,
                              NGX_ESS_CONF_PING_INTERVAL);
    ngx_conf_merge_msec_value(conf->ping_timeout, prev->ping_timeout,
                              NGX_ESS_CONF_PING_TIMEOUT);
}


char *
ngx_ess_conf_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_int_t             rc;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   ctx;

    if (lcf->ping_interval != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = lcf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (lcf->ping_text.len && !lcf->ping_first
            && ngx_strcmp(value[i].data, "first") == 0)
        {
            lcf->ping_first = 1;
            continue;
        }

        rc = (i > 1) ? ngx_ess_param(&ctx, ngx_ess_conf_ping_params, &value[i])
                     : NGX_DECLINED;

        if (rc == NGX_DECLINED && i <= 2) {
            rc = ngx_ess_param_arg(&ctx, &ngx_ess_conf_ping_times[i - 1],
                                   &value[i]);

        } else if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid parameter \"%V\", it "
                               "takes an interval, a timeout, \"text=\" and a "
                               "text, and \"first\" behind it",
                               &cmd->name, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* As a message's frame. */

static const char *
ngx_ess_conf_ping_text(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_ess_loc_conf_t        *lcf;
    ngx_ess_template_t         t;
    ngx_ess_template_error_t   error;

    lcf = ctx->conf;

    rc = ngx_ess_template_compile(&t, ctx->cf->pool, value, &error);

    if (rc != NGX_OK || t.nplaces
        || (int64_t) t.len < param->min || (int64_t) t.len > param->max)
    {
        return rc == NGX_ERROR ? "shorter, for there is no memory"
                               : param->expected;
    }

    p = ngx_pnalloc(ctx->cf->pool, NGX_ESS_WS_MAX_HEADER + t.len);
    if (p == NULL) {
        return "shorter, for there is no memory";
    }

    lcf->ping_text.data = p;
    p += ngx_ess_ws_codec_header(p, NGX_ESS_WS_TEXT, 0, t.len);
    p = ngx_cpymem(p, t.tail.data, t.tail.len);
    lcf->ping_text.len = p - lcf->ping_text.data;

    return NULL;
}
