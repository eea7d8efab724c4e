/*
 * What the parts of the HTTP API ask of a request, in a worker: whether it may,
 * which stream and which page of a list it means.  All memory is the request's.
 */


#include "ngx_ess_origin.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_counter.h"


ngx_ess_zone_t *
ngx_ess_api_zone(ngx_http_request_t *r)
{
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    return mcf->zone;
}


ngx_int_t
ngx_ess_api_slot(ngx_http_request_t *r)
{
    ngx_ess_zone_t  *zone;

    zone = ngx_ess_api_zone(r);

    if (zone && zone->proc == NGX_ESS_PROCS) {
        return ngx_ess_api_problem(r, 503, "\"ess_zone\" has no room for this "
                                   "worker; make it larger");
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_api_origin(ngx_http_request_t *r)
{
    if (ngx_ess_origin_is_foreign(r)) {
        ngx_ess_counter_add(ngx_ess_api_zone(r), NGX_ESS_C_CROSS_ORIGIN, 1);

        return ngx_ess_api_problem(r, 403, NGX_ESS_ORIGIN_FOREIGN);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_api_get(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_ess_api_slot(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_ess_api_not_allowed(r, NGX_HTTP_GET);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_api_find(ngx_http_request_t *r, ngx_ess_api_target_t *target,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_zone_t  *zone;

    zone = ngx_ess_api_zone(r);

    if (target->id) {
        return ngx_ess_stream_by_id(zone, target->id, info);
    }

    return target->name.len
           ? ngx_ess_stream_by_name(zone, &target->name, info)
           : ngx_ess_stream_by_uuid(zone, target->uuid, info);
}


ngx_int_t
ngx_ess_api_page(ngx_http_request_t *r, uint64_t *limit, uint64_t *after)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK
        && (ngx_ess_api_number(&value, limit) != NGX_OK || *limit == 0))
    {
        return NGX_ERROR;
    }

    if (ngx_http_arg(r, (u_char *) "after", 5, &value) == NGX_OK) {
        return ngx_ess_api_number(&value, after);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_api_flag(ngx_http_request_t *r, const char *name, ngx_uint_t *flag)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) != NGX_OK) {
        return NGX_OK;
    }

    if (value.len != 1 || (value.data[0] != '0' && value.data[0] != '1')) {
        return NGX_ERROR;
    }

    *flag = value.data[0] - '0';

    return NGX_OK;
}


ngx_int_t
ngx_ess_api_number(ngx_str_t *text, uint64_t *number)
{
    off_t  n;

    n = ngx_atoof(text->data, text->len);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *number = (uint64_t) n;

    return NGX_OK;
}
