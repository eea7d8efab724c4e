
/*
 * The variable $ess_rpc_name.  Runs in workers.
 */


#include "ngx_ess_call_variables.h"


static ngx_int_t ngx_ess_call_variables_name(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_str_t  ngx_ess_call_variables_text = ngx_string("ess_rpc_name");


ngx_int_t
ngx_ess_call_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &ngx_ess_call_variables_text,
                                NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_ess_call_variables_name;

    return NGX_OK;
}


/* The name of a location by a regular expression, and that of a named one, is
   no prefix of the path. */

static ngx_int_t
ngx_ess_call_variables_name(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->uri.len <= clcf->name.len || clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
        || ngx_memcmp(r->uri.data, clcf->name.data, clcf->name.len) != 0)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = r->uri.data + clcf->name.len;
    v->len = r->uri.len - clcf->name.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
