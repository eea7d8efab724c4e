
/*
 * A client waits until its stream is made.  All memory is the request's.  Runs
 * in workers.
 */


#include "ngx_ess_client_demand.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_name.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_wait.h"


typedef struct {
    ngx_ess_registry_created_t   wait;
    ngx_http_request_t          *request;
    ngx_http_cleanup_t          *cleanup;
    ngx_http_handler_pt          enter;
} ngx_ess_client_demand_t;


static ngx_int_t ngx_ess_client_demand_fits(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf, ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_client_demand_wait(ngx_http_request_t *r,
    ngx_str_t *name, ngx_uint_t source, ngx_http_handler_pt enter);
static void ngx_ess_client_demand_done(ngx_ess_registry_created_t *wait,
    ngx_uint_t status, const char *text);
static void ngx_ess_client_demand_gone(void *data);


ngx_int_t
ngx_ess_client_demand(ngx_http_request_t *r, ngx_int_t found,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info,
    ngx_http_handler_pt enter)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (!named->named || ngx_ess_name_wrong(&named->name)) {
        return found;
    }

    if (lcf->create == 0
        && (found == NGX_OK
            || !ngx_ess_registry_created_declared(&named->name)))
    {
        return found;
    }

    /* one that is about to go is none */

    if (ngx_ess_created_find(ngx_ess_client_zone, &named->name, info)
        == NGX_OK)
    {
        return ngx_ess_client_demand_fits(r, lcf, info);
    }

    return ngx_ess_client_demand_wait(r, &named->name,
                                      lcf->create ? lcf->create - 1
                                                  : NGX_ESS_SOURCE_DEFAULT,
                                      enter);
}


/* Another one may have been given the name. */

static ngx_int_t
ngx_ess_client_demand_fits(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf,
    ngx_ess_stream_info_t *info)
{
    ngx_str_t  key;

    key.data = info->key;
    key.len = info->key_len;

    if (lcf->subscribe_routing_key.len == 0
        || (info->kind.source == lcf->create - 1
            && ngx_ess_str_equal(&lcf->subscribe_routing_key, &key)))
    {
        return NGX_OK;
    }

    return ngx_ess_client_rejected(NGX_ESS_REJECTED_CREATED,
               ngx_ess_problem_refuse(r, NGX_HTTP_CONFLICT,
                                      "the stream \"%*s\" is of another "
                                      "source: this address has that of \"%V\" "
                                      "only", info->name_len, info->name,
                                      &lcf->subscribe_routing_key));
}


static ngx_int_t
ngx_ess_client_demand_wait(ngx_http_request_t *r, ngx_str_t *name,
    ngx_uint_t source, ngx_http_handler_pt enter)
{
    ngx_ess_loc_conf_t       *lcf;
    ngx_ess_main_conf_t      *mcf;
    ngx_ess_client_demand_t  *demand;

    if (ngx_ess_client_max_reached()) {
        return ngx_ess_client_reject_full(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    demand = ngx_pcalloc(r->pool, sizeof(ngx_ess_client_demand_t));
    if (demand == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    demand->request = r;
    demand->enter = enter;

    demand->wait.handler = ngx_ess_client_demand_done;
    demand->wait.data = demand;
    demand->wait.name = *name;
    demand->wait.source = ngx_ess_source_entry(mcf->sources, source);
    demand->wait.sockaddr = r->connection->sockaddr;
    demand->wait.by = NGX_ESS_CREATED_SUBSCRIPTION;
    demand->wait.unlimited = (lcf->subscribe_routing_key.len != 0);

    demand->cleanup = ngx_ess_wait(r, ngx_ess_client_demand_gone, demand);

    if (demand->cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_ess_registry_created_wait(&demand->wait) != NGX_OK) {
        demand->cleanup->handler = NULL;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;
    ngx_ess_client_max_join();

    return NGX_DONE;
}


static void
ngx_ess_client_demand_done(ngx_ess_registry_created_t *wait,
    ngx_uint_t status, const char *text)
{
    ngx_int_t                 rc;
    ngx_http_request_t       *r;
    ngx_ess_client_demand_t  *demand;

    demand = wait->data;
    r = demand->request;

    demand->cleanup->handler = NULL;
    ngx_ess_client_max_leave();

    if (status == 0) {
        rc = demand->enter(r);

    } else {
        rc = NGX_OK;

        if (status == 429 || status == NGX_HTTP_SERVICE_UNAVAILABLE) {
            rc = ngx_ess_header_add(r, "Retry-After", "1", 1);
        }

        rc = (rc == NGX_OK) ? ngx_ess_problem_refuse(r, status, "%s", text)
                            : NGX_HTTP_INTERNAL_SERVER_ERROR;

        rc = ngx_ess_client_rejected(NGX_ESS_REJECTED_CREATED, rc);
    }

    ngx_ess_wait_finish(r, rc);
}


static void
ngx_ess_client_demand_gone(void *data)
{
    ngx_ess_client_demand_t *demand = data;

    ngx_ess_client_max_leave();
    ngx_ess_registry_created_cancel(&demand->wait);
}
