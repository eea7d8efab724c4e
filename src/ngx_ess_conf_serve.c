
/*
 * What a location serves: one directive each, and what that needs.  It is the
 * configuration's.  Runs in the master.
 */


#include "ngx_ess_conf_scope.h"
#include "ngx_ess_conf_serve.h"


static const ngx_ess_conf_serves_t *ngx_ess_conf_serve_row(const char *name);
static ngx_int_t ngx_ess_conf_serve_list(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_http_core_loc_conf_t *clcf,
    const char *directive);


static const ngx_ess_conf_serves_t  ngx_ess_conf_serve_rows[] = {
    { "ess_api", ngx_string("GET, HEAD, POST, DELETE"), 0, NGX_ESS_CONF_ZONE,
      0 },
    { "ess_console", ngx_string("GET, HEAD, POST, DELETE"), 0,
      NGX_ESS_CONF_ZONE, 0 },
    { "ess_publish", ngx_string("POST"), 0, NGX_ESS_CONF_ZONE, 0 },
    { "ess_subscribe", ngx_string("GET"), 1, NGX_ESS_CONF_ZONE, 0 },
    { "ess_health", ngx_string("GET, HEAD"), 0, NGX_ESS_CONF_ANY, 0 },
    { "ess_metrics", ngx_string("GET, HEAD"), 0, NGX_ESS_CONF_ANY, 0 },
    { "ess_rpc", ngx_string("GET, HEAD, POST, PUT, PATCH, DELETE"), 0,
      NGX_ESS_CONF_ALONE, 0 },
    { "ess_events", ngx_string("GET, HEAD, POST"), 0, NGX_ESS_CONF_ALONE, 1 },
    { "ess_openapi", ngx_string("GET, HEAD"), 0, NGX_ESS_CONF_ALONE, 0 },
    { "ess_docs", ngx_string("GET, HEAD"), 0, NGX_ESS_CONF_ALONE, 0 },
    { NULL, ngx_null_string, 0, 0, 0 }
};


char *
ngx_ess_conf_serve_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        return "must be in a location with a prefix, such as "
               "\"location /event-stream/\", not in a named one or one with "
               "a regular expression";
    }

    return ngx_ess_conf_serve(cf, cmd, lcf, handler);
}


char *
ngx_ess_conf_serve(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_http_handler_pt handler)
{
    ngx_ess_main_conf_t       *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->serves) {

        if (ngx_strcmp(lcf->serves->directive, cmd->name.data) == 0) {
            return "is duplicate";
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot share a location with \"%s\"",
                           &cmd->name, lcf->serves->directive);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "cannot share a location with another directive that answers "
               "requests, such as \"proxy_pass\": give each a location";
    }

    clcf->handler = handler;

    lcf->serves = ngx_ess_conf_serve_row((const char *) cmd->name.data);
    lcf->handler = handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);
    mcf->refuses = 1;

    if (lcf->serves->needs == NGX_ESS_CONF_ZONE) {
        mcf->needs_zone = lcf->serves->directive;

    } else if (lcf->serves->needs == NGX_ESS_CONF_ANY) {
        mcf->needs_any = lcf->serves->directive;
    }

    lcf->scope = ngx_ess_conf_scope(cf, mcf);
    if (lcf->scope == NULL) {
        return NGX_CONF_ERROR;
    }

    return (ngx_ess_conf_serve_list(cf, mcf, clcf, lcf->serves->directive)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_ess_conf_serve_list(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_http_core_loc_conf_t *clcf, const char *directive)
{
    ngx_str_t              *value;
    ngx_ess_conf_served_t  *served;

    if (mcf->served.elts == NULL
        && ngx_array_init(&mcf->served, cf->pool, 8,
                          sizeof(ngx_ess_conf_served_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    served = ngx_array_push(&mcf->served);
    if (served == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(served, sizeof(ngx_ess_conf_served_t));

    value = cf->args->elts;

    if (cf->args->nelts > 1) {
        served->argument = value[1];
    }

    served->directive = directive;
    served->location = clcf;
    served->server = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
    return NGX_OK;
}


static const ngx_ess_conf_serves_t *
ngx_ess_conf_serve_row(const char *name)
{
    const ngx_ess_conf_serves_t  *row = ngx_ess_conf_serve_rows;

    /* each directive that serves has a row */

    while (row[1].directive && ngx_strcmp(row->directive, name) != 0) {
        row++;
    }

    return row;
}
