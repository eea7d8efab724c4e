/*
 * Stands in for those who ask a back end: what it is asked is traced, and it is
 * always let in.
 */


#include "ngx_ess_authorize_cache.h"
#include "ngx_ess_client_authorize.h"
#include "ngx_ess_v1_authorize.h"
#include "ngx_trace.h"


ngx_int_t
ngx_ess_client_authorize_begin(ngx_ess_client_authorize_t *wait)
{
    ngx_unit_trace("ask");

    return NGX_OK;
}


ngx_int_t
ngx_ess_authorize_add(ngx_ess_authorize_t *a, ngx_ess_stream_info_t *info,
    ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_unit_trace("about %d with %d keys", (int) info->ref.id, (int) nkeys);

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_authorize_ask(ngx_ess_client_authorize_t *wait)
{
    return wait->enter(wait->request, wait->data);
}


ngx_int_t
ngx_ess_v1_authorize_init(ngx_ess_v1_t *v1, ngx_http_request_t *r)
{
    return NGX_OK;
}


ngx_int_t
ngx_ess_v1_authorize_ask(ngx_ess_v1_t *v1)
{
    ngx_unit_trace("ask");

    return NGX_OK;
}


void
ngx_ess_v1_authorize_next(ngx_ess_v1_t *v1)
{
    ngx_unit_trace("next");
}


ngx_int_t
ngx_ess_v1_authorize_admit(ngx_ess_v1_t *v1, ngx_ess_stream_info_t *info,
    ngx_ess_command_error_t *error)
{
    ngx_unit_trace("authorized");

    return NGX_OK;
}


void
ngx_ess_v1_authorize_done(ngx_ess_v1_t *v1)
{
}


void
ngx_ess_authorize_cache_exit(void)
{
}
