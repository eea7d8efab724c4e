
/*
 * Requests become RPC calls.
 */


#include "ngx_ess_call.h"


ngx_int_t
ngx_ess_call_handler(ngx_http_request_t *r)
{
    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


ngx_int_t
ngx_ess_call_variables(ngx_conf_t *cf)
{
    return NGX_OK;
}
