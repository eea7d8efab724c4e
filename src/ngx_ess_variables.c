/*
 * The $ess_* variables: what a request's subscriber did so far.  They are
 * evaluated in a worker, mostly by the access log when the connection ends;
 * in a request that is no subscriber's they are not found ("-" in a log).
 */


#include "ngx_ess_client_enter.h"
#include "ngx_ess_variables.h"


static ngx_int_t ngx_ess_variables_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


ngx_http_variable_t  ngx_ess_variables[] = {

    { ngx_string("ess_stream_id"), NULL, ngx_ess_variables_get,
      offsetof(ngx_ess_client_stats_t, stream_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_events_sent"), NULL, ngx_ess_variables_get,
      offsetof(ngx_ess_client_stats_t, events_sent),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_bytes_sent"), NULL, ngx_ess_variables_get,
      offsetof(ngx_ess_client_stats_t, bytes_sent),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_ess_variables_add(ngx_conf_t *cf, ngx_http_variable_t *v)
{
    ngx_http_variable_t  *var;

    for ( /* void */ ; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_variables_get(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    uint64_t                value;
    ngx_ess_client_stats_t  stats;

    if (ngx_ess_client_enter_stats(r, &stats) != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    value = *(uint64_t *) ((u_char *) &stats + data);

    v->len = ngx_sprintf(v->data, "%uL", value) - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
