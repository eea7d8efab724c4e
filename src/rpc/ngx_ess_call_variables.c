
/*
 * The variable $ess_rpc_name.  Runs in workers.
 */


#include "ngx_ess_call_variables.h"


static ngx_int_t ngx_ess_call_variables_name(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


ngx_http_variable_t  ngx_ess_call_variables[] = {

    { ngx_string("ess_rpc_name"), NULL, ngx_ess_call_variables_name,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


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
