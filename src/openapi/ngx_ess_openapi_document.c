
/*
 * A document is put together of parts: the paths of each directive, which begin
 * with "%P", their location; what they refer to; and the schemas of event logs.
 * A path is in it once: at the location that nginx would take for it.  The
 * texts are the configuration's.  Runs where that is read.
 */


#include "ngx_ess_openapi_document.h"
#include "ngx_ess_event_log.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_openapi_components.h"
#include "ngx_ess_openapi_files.h"
#include "ngx_ess_openapi_item.h"
#include "ngx_ess_openapi_location.h"
#include "ngx_ess_openapi_schema.h"
#include "ngx_ess_openapi_text.h"
#include "ngx_ess_schema.h"
#include "ngx_ess_str.h"


#define NGX_ESS_OPENAPI_DOCUMENT_SCHEMA  "Event_"


static ngx_int_t ngx_ess_openapi_document_part(
    const ngx_ess_conf_served_t *served, ngx_str_t *part);
static ngx_int_t ngx_ess_openapi_document_paths(ngx_conf_t *cf,
    ngx_array_t *out, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server);
static ngx_int_t ngx_ess_openapi_document_path(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served, const ngx_str_t *name,
    ngx_str_t *path);
static ngx_int_t ngx_ess_openapi_document_item(ngx_conf_t *cf,
    ngx_array_t *out, const ngx_ess_conf_served_t *served,
    const ngx_str_t *path, const ngx_ess_json_value_t *item);
static ngx_int_t ngx_ess_openapi_document_schemas(ngx_conf_t *cf,
    ngx_array_t *out, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server);
static ngx_uint_t ngx_ess_openapi_document_has(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_http_core_srv_conf_t *server,
    const ngx_str_t *log);
static ngx_int_t ngx_ess_openapi_document_name(ngx_array_t *out,
    const ngx_str_t *name);


ngx_uint_t
ngx_ess_openapi_describes(ngx_conf_t *cf, const ngx_ess_conf_served_t *served,
    const ngx_http_core_srv_conf_t *server, ngx_uint_t *doors)
{
    ngx_str_t                  part, name;
    ngx_uint_t                 of, open;
    ngx_ess_json_walk_t        walk;
    ngx_ess_json_value_t       value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = served->location;

    if (served->server != server || clcf->named || clcf->internal
        || clcf->noname
#if (NGX_PCRE)
        || clcf->regex
#endif
        || ngx_ess_openapi_document_part(served, &part) != NGX_OK
        || ngx_ess_json_read(&part, &value, NULL) != NGX_OK
        || ngx_ess_json_read_open(&walk, &value) != NGX_OK)
    {
        return 0;
    }

    *doors = 0;
    open = 0;

    while (ngx_ess_json_read_next(&walk, &name, &value) == NGX_OK) {

        of = ngx_ess_openapi_item_doors(cf, served, &value);

        if (!(of & NGX_ESS_OPENAPI_CLOSED)) {
            *doors |= of;
            open = 1;
        }
    }

    return open;
}


/* Clients of ess_subscribe name a stream in the path, or they do not. */

static ngx_int_t
ngx_ess_openapi_document_part(const ngx_ess_conf_served_t *served,
    ngx_str_t *part)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = served->location->loc_conf[ngx_ess_module.ctx_index];

    return ngx_ess_openapi_file(
        (ngx_strcmp(served->directive, "ess_subscribe") == 0
         && (lcf->subscribe_uuid || lcf->subscribe_name
             || lcf->subscribe_multi == 1))
        ? "ess_subscribe one" : served->directive, part);
}


ngx_int_t
ngx_ess_openapi_document(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server, ngx_str_t *text)
{
    ngx_array_t  out, schemas;

    if (ngx_array_init(&out, cf->pool, 32 * 1024, 1) != NGX_OK
        || ngx_ess_openapi_text_put(&out, "{\"openapi\":\"3.1.0\",\"info\":{"
                                     "\"title\":\"")
           != NGX_OK
        || ngx_ess_openapi_text_escaped(&out, &server->server_name)
           != NGX_OK
        || ngx_ess_openapi_text_put(&out, server->server_name.len ? ": ESS"
                                                                  : "ESS")
           != NGX_OK
        || ngx_ess_openapi_text_put(&out, "\",\"version\":\"" NGX_ESS_VERSION
                                     "\"},\n\"paths\":{")
           != NGX_OK
        || ngx_ess_openapi_document_paths(cf, &out, mcf, server) != NGX_OK
        || ngx_ess_openapi_text_put(&out, "},\n\"components\":") != NGX_OK
        || ngx_array_init(&schemas, cf->temp_pool, 4 * 1024, 1) != NGX_OK
        || ngx_ess_openapi_document_schemas(cf, &schemas, mcf, server)
           != NGX_OK
        || ngx_ess_openapi_components(cf, &out, &schemas) != NGX_OK
        || ngx_ess_openapi_text_put(&out, "}\n") != NGX_OK)
    {
        return NGX_ERROR;
    }

    text->data = out.elts;
    text->len = out.nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_openapi_document_paths(ngx_conf_t *cf, ngx_array_t *out,
    ngx_ess_main_conf_t *mcf, ngx_http_core_srv_conf_t *server)
{
    ngx_int_t               rc;
    ngx_str_t               part, name, path;
    ngx_uint_t              i, n, doors;
    ngx_ess_json_walk_t     walk;
    ngx_ess_json_value_t    value;
    ngx_ess_conf_served_t  *served;

    served = mcf->served.elts;

    for (i = 0, n = 0; i < mcf->served.nelts; i++) {

        if (!ngx_ess_openapi_describes(cf, &served[i], server, &doors)) {
            continue;
        }

        (void) ngx_ess_openapi_document_part(&served[i], &part);

        if (ngx_ess_json_read(&part, &value, NULL) != NGX_OK
            || ngx_ess_json_read_open(&walk, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }

        while (ngx_ess_json_read_next(&walk, &name, &value) == NGX_OK) {

            if (ngx_ess_openapi_item_doors(cf, &served[i], &value)
                & NGX_ESS_OPENAPI_CLOSED)
            {
                continue;
            }

            rc = ngx_ess_openapi_document_path(cf, &served[i], &name, &path);

            if (rc == NGX_DECLINED) {
                continue;
            }

            if (rc != NGX_OK
                || (n++ && ngx_ess_openapi_text_put(out, ",") != NGX_OK)
                || ngx_ess_openapi_document_item(cf, out, &served[i], &path,
                                                 &value)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* "%P" and what follows it, at a location.  What is in braces stands for any
   value, and for itself.  NGX_OK; NGX_DECLINED: nginx takes another location
   for it; NGX_ERROR. */

static ngx_int_t
ngx_ess_openapi_document_path(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served, const ngx_str_t *name,
    ngx_str_t *path)
{
    u_char     *p;
    ngx_str_t   prefix;

    prefix = served->location->name;

    if (prefix.len && prefix.data[prefix.len - 1] == '/') {
        prefix.len--;
    }

    /* there is room for a slash */

    path->len = prefix.len + name->len - 2;
    path->data = ngx_pnalloc(cf->temp_pool, path->len + 1);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(path->data, prefix.data, prefix.len);
    ngx_memcpy(p, name->data + 2, name->len - 2);

    if (ngx_ess_openapi_location(served->server, path) == served->location) {
        return NGX_OK;
    }

    if (name->len > 3) {
        return NGX_DECLINED;
    }

    /* the location's own path: with the slash at its end, or without */

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;

    } else {
        path->data[path->len++] = '/';
    }

    return (ngx_ess_openapi_location(served->server, path) == served->location)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_ess_openapi_document_item(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_ess_conf_served_t *served, const ngx_str_t *path,
    const ngx_ess_json_value_t *item)
{
    ngx_str_t    schema;
    ngx_array_t  name;

    if (ngx_array_init(&name, cf->temp_pool, 64, 1) != NGX_OK
        || ngx_ess_openapi_document_name(&name, &served->argument) != NGX_OK
        || ngx_ess_openapi_text_put(out, "\n\"") != NGX_OK
        || ngx_ess_openapi_text_escaped(out, path) != NGX_OK
        || ngx_ess_openapi_text_put(out, "\":") != NGX_OK)
    {
        return NGX_ERROR;
    }

    schema.data = name.elts;
    schema.len = name.nelts;

    return ngx_ess_openapi_item(cf, out, served, item, &schema);
}


/* Of each log that the server has a location for. */

static ngx_int_t
ngx_ess_openapi_document_schemas(ngx_conf_t *cf, ngx_array_t *out,
    ngx_ess_main_conf_t *mcf, ngx_http_core_srv_conf_t *server)
{
    ngx_int_t              rc;
    ngx_str_t              place;
    ngx_uint_t             i, n;
    ngx_array_t            path;
    ngx_ess_event_log_t  **log;

    n = mcf->event_logs ? mcf->event_logs->nelts : 0;
    log = n ? mcf->event_logs->elts : NULL;

    for (i = 0; i < n; i++) {

        if (!ngx_ess_openapi_document_has(cf, mcf, server, &log[i]->name)) {
            continue;
        }

        if (ngx_ess_openapi_text_put(out, ",\n\"") != NGX_OK
            || ngx_ess_openapi_document_name(out, &log[i]->name) != NGX_OK
            || ngx_ess_openapi_text_put(out, "\":") != NGX_OK
            || ngx_array_init(&path, cf->temp_pool, 64, 1) != NGX_OK
            || ngx_ess_openapi_text_put(&path, "#/components/schemas/")
               != NGX_OK
            || ngx_ess_openapi_document_name(&path, &log[i]->name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        place.data = path.elts;
        place.len = path.nelts;

        rc = log[i]->schema
             ? ngx_ess_openapi_schema(out,
                                      ngx_ess_schema_text(log[i]->schema),
                                      &place)
             : ngx_ess_openapi_text_put(out, "{\"type\":\"object\"}");

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_openapi_document_has(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server, const ngx_str_t *log)
{
    ngx_uint_t              i, doors;
    ngx_ess_conf_served_t  *served;

    served = mcf->served.elts;

    for (i = 0; i < mcf->served.nelts; i++) {

        if (ngx_ess_openapi_describes(cf, &served[i], server, &doors)
            && ngx_strcmp(served[i].directive, "ess_events") == 0
            && ngx_ess_str_equal(&served[i].argument, log))
        {
            return 1;
        }
    }

    return 0;
}


/* That of the component with a log's schema: names of logs may stand in it. */

static ngx_int_t
ngx_ess_openapi_document_name(ngx_array_t *out, const ngx_str_t *name)
{
    return (ngx_ess_openapi_text_put(out, NGX_ESS_OPENAPI_DOCUMENT_SCHEMA)
            == NGX_OK)
           ? ngx_ess_openapi_text(out, name) : NGX_ERROR;
}
