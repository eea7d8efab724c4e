
/*
 * What streams keep, and how many of them are made on demand.  Runs in the
 * master.
 */


#include "ngx_ess_conf_limits.h"


static const ngx_ess_param_t  ngx_ess_conf_log_params[] = {

    { ngx_string("size"), ngx_ess_param_size,
      offsetof(ngx_ess_main_conf_t, log_size), 1, NGX_MAX_SIZE_T_VALUE,
      "a size, such as \"size=64k\"", NULL },

    { ngx_string("count"), ngx_ess_param_number,
      offsetof(ngx_ess_main_conf_t, log_count), 1, NGX_MAX_INT_T_VALUE,
      "a number of events of at least 1, such as \"count=1000\"", NULL },

    { ngx_string("age"), ngx_ess_param_msec,
      offsetof(ngx_ess_main_conf_t, log_age), 1000, NGX_ESS_CONF_LOG_AGE_MAX,
      "a time from one second to 180 days, such as \"age=1h\"", NULL },

    ngx_ess_null_param
};


static const ngx_ess_param_t  ngx_ess_conf_created_params[] = {

    { ngx_string("idle"), ngx_ess_param_msec,
      offsetof(ngx_ess_main_conf_t, created.idle_time), 1000,
      (ngx_int_t) 180 * 24 * 3600 * 1000,
      "a time from one second to 180 days, such as \"idle=10m\"", NULL },

    { ngx_string("max"), ngx_ess_param_number,
      offsetof(ngx_ess_main_conf_t, created.most), 1, NGX_MAX_INT32_VALUE,
      "a number of streams of at least 1, such as \"max=10000\"", NULL },

    { ngx_string("rate"), ngx_ess_param_number,
      offsetof(ngx_ess_main_conf_t, created.rate), 1, 1000,
      "a number of streams a second, from 1 to 1000, such as \"rate=10\"",
      NULL },

    ngx_ess_null_param
};


ngx_ess_param_directive_t  ngx_ess_conf_log = {
    ngx_ess_conf_log_params, 0, "\"size=\", \"count=\" and \"age=\"", 0, 0
};

ngx_ess_param_directive_t  ngx_ess_conf_created = {
    ngx_ess_conf_created_params, 0, "\"idle=\", \"max=\" and \"rate=\"", 0, 0
};


/* A source can if a name is all that it takes. */

const char *
ngx_ess_conf_create(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    mcf = ngx_http_conf_get_module_main_conf(ctx->cf, ngx_ess_module);
    source = ngx_ess_source_named(mcf->sources, (char *) value->data);

    if (source == NULL
        || (source->row->kind.follows && source->row->declare == NULL))
    {
        return param->expected;
    }

    *(ngx_uint_t *) ((u_char *) ctx->conf + param->offset) =
                                              source->row->kind.source + 1;

    if (source->row->kind.follows) {
        mcf->needs_source = source->row->kind.source;
        mcf->creates = ctx->directive;
    }

    return NULL;
}


ngx_int_t
ngx_ess_conf_create_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_ess_source_entry_t  *source;

    if (mcf->creates == NULL) {
        return NGX_OK;
    }

    source = ngx_ess_source_entry(mcf->sources, mcf->needs_source);

    if (source->conf) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"create=%V\" of \"%s\" needs \"%V\"", &source->row->name,
                  mcf->creates, &source->row->directive);

    return NGX_ERROR;
}
