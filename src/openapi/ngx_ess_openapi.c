
/*
 * The locations of ess_openapi and ess_docs.  Their texts are the
 * configuration's.  Runs where that is read, and in workers.
 */


#include "ngx_ess_openapi.h"
#include "ngx_ess_api_answer.h"
#include "ngx_ess_conf_serve.h"
#include "ngx_ess_header.h"
#include "ngx_ess_openapi_document.h"
#include "ngx_ess_openapi_location.h"
#include "ngx_ess_openapi_page.h"


static ngx_int_t ngx_ess_openapi_handler(ngx_http_request_t *r);
static char *ngx_ess_openapi_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, const ngx_str_t *document);
static void ngx_ess_openapi_warn(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_ess_openapi_t *openapi);


char *
ngx_ess_openapi_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    return ngx_ess_openapi_add(cf, cmd, conf, &none);
}


char *
ngx_ess_openapi_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    /* two slashes would be another host */

    if (value[1].len == 0 || value[1].data[0] != '/'
        || (value[1].len > 1 && value[1].data[1] == '/'))
    {
        return "takes the path of an OpenAPI document of this server, such as "
               "\"/openapi.json\"";
    }

    return ngx_ess_openapi_add(cf, cmd, conf, &value[1]);
}


static char *
ngx_ess_openapi_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, const ngx_str_t *document)
{
    ngx_ess_openapi_t    *openapi, **slot;
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    openapi = ngx_pcalloc(cf->pool, sizeof(ngx_ess_openapi_t));
    if (openapi == NULL) {
        return NGX_CONF_ERROR;
    }

    openapi->server = ngx_http_conf_get_module_srv_conf(cf,
                                                        ngx_http_core_module);
    openapi->location = ngx_http_conf_get_module_loc_conf(cf,
                                                        ngx_http_core_module);
    openapi->document = *document;
    openapi->file = cf->conf_file->file.name;
    openapi->line = cf->conf_file->line;

    if (mcf->openapis == NULL) {
        mcf->openapis = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_ess_openapi_t *));
        if (mcf->openapis == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(mcf->openapis);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = openapi;
    lcf->openapi = openapi;

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_openapi_handler);
}


ngx_int_t
ngx_ess_openapi_init(ngx_conf_t *cf)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_ess_openapi_t   **openapi;
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->openapis == NULL) {
        return NGX_OK;
    }

    openapi = mcf->openapis->elts;

    for (i = 0; i < mcf->openapis->nelts; i++) {

        if (openapi[i]->document.len) {
            rc = ngx_ess_openapi_page(cf, &openapi[i]->document,
                                      &openapi[i]->text, &openapi[i]->policy);

        } else {
            ngx_ess_openapi_warn(cf, mcf, openapi[i]);
            rc = ngx_ess_openapi_document(cf, mcf, openapi[i]->server,
                                          &openapi[i]->text);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* A document that all may read tells of what not all may use. */

static void
ngx_ess_openapi_warn(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_ess_openapi_t *openapi)
{
    ngx_uint_t              i, doors;
    ngx_ess_conf_served_t  *served;

    if (openapi->location->internal
        || ngx_ess_openapi_location_doors(cf, openapi->location, NGX_HTTP_GET))
    {
        return;
    }

    served = mcf->served.elts;

    for (i = 0; i < mcf->served.nelts; i++) {

        if (ngx_ess_openapi_describes(cf, &served[i], openapi->server, &doors)
            && doors)
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"ess_openapi\" tells all who ask of location "
                          "\"%V\", which has access rules, and has none itself "
                          "in %V:%ui",
                          &served[i].location->name, &openapi->file,
                          openapi->line);
        }
    }
}


static ngx_int_t
ngx_ess_openapi_handler(ngx_http_request_t *r)
{
    ngx_str_t            type, text;
    ngx_ess_loc_conf_t  *lcf;
    ngx_ess_openapi_t   *openapi;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    openapi = lcf->openapi;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_ess_api_not_allowed(r, NGX_HTTP_GET);
    }

    text = openapi->text;

    if (openapi->document.len == 0) {
        ngx_str_set(&type, "application/json");

        return ngx_ess_api_output(r, NGX_HTTP_OK, &type, &text);
    }

    ngx_str_set(&type, "text/html; charset=utf-8");

    if (ngx_ess_header_add(r, "Content-Security-Policy",
                           openapi->policy.data, openapi->policy.len)
        != NGX_OK
        || ngx_ess_header_add(r, "X-Content-Type-Options", "nosniff", 7)
           != NGX_OK
        || ngx_ess_header_add(r, "Referrer-Policy", "no-referrer", 11)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_api_output(r, NGX_HTTP_OK, &type, &text);
}
