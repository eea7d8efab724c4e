
/*
 * A document is put together of parts: paths of each directive, in which "%P"
 * is its location and "%S" the name of its events' schema; what they refer to;
 * and the schemas of event logs.  The texts are the configuration's.  Runs
 * where that is read.
 */


#include "ngx_ess_openapi_document.h"
#include "ngx_ess_event_log.h"
#include "ngx_ess_openapi_files.h"
#include "ngx_ess_openapi_schema.h"
#include "ngx_ess_schema.h"
#include "ngx_ess_str.h"


#define NGX_ESS_OPENAPI_DOCUMENT_SCHEMA  "Event_"


static ngx_int_t ngx_ess_openapi_document_paths(ngx_conf_t *cf,
    ngx_array_t *out, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server);
static ngx_int_t ngx_ess_openapi_document_path(ngx_conf_t *cf,
    ngx_array_t *out, const ngx_ess_conf_served_t *served,
    const ngx_str_t *part);
static ngx_int_t ngx_ess_openapi_document_schemas(ngx_conf_t *cf,
    ngx_array_t *out, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server);
static ngx_ess_event_log_t *ngx_ess_openapi_document_log(
    ngx_ess_main_conf_t *mcf, const ngx_str_t *name);
static ngx_int_t ngx_ess_openapi_document_escaped(ngx_array_t *out,
    const ngx_str_t *text);
static ngx_int_t ngx_ess_openapi_document_name(ngx_array_t *out,
    const ngx_str_t *name);


ngx_uint_t
ngx_ess_openapi_describes(const ngx_ess_conf_served_t *served,
    const ngx_http_core_srv_conf_t *server)
{
    ngx_str_t                  part;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = served->location;

    return served->server == server && !clcf->named && !clcf->internal
           && !clcf->noname
#if (NGX_PCRE)
           && clcf->regex == NULL
#endif
           && ngx_ess_openapi_file(served->directive, &part) == NGX_OK;
}


ngx_int_t
ngx_ess_openapi_document(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server, ngx_str_t *text)
{
    ngx_str_t     part;
    ngx_uint_t    n;
    ngx_array_t   out;

    if (ngx_array_init(&out, cf->pool, 32 * 1024, 1) != NGX_OK
        || ngx_ess_openapi_put(&out, "{\"openapi\":\"3.1.0\",\"info\":{"
                                     "\"title\":\"")
           != NGX_OK
        || ngx_ess_openapi_document_escaped(&out, &server->server_name)
           != NGX_OK
        || ngx_ess_openapi_put(&out, server->server_name.len ? ": ESS" : "ESS")
           != NGX_OK
        || ngx_ess_openapi_put(&out, "\",\"version\":\"" NGX_ESS_VERSION
                                     "\"},\n\"paths\":{")
           != NGX_OK
        || ngx_ess_openapi_document_paths(cf, &out, mcf, server) != NGX_OK
        || ngx_ess_openapi_put(&out, "},\n\"components\":") != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_ess_openapi_file("components", &part);

    /* its last member are the schemas: without the braces that close both */

    for (n = 0; part.len && n < 2; part.len--) {
        n += (part.data[part.len - 1] == '}');
    }

    if (ngx_ess_openapi_add_text(&out, &part) != NGX_OK
        || ngx_ess_openapi_document_schemas(cf, &out, mcf, server) != NGX_OK
        || ngx_ess_openapi_put(&out, "}}}\n") != NGX_OK)
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
    ngx_str_t               part;
    ngx_uint_t              i, n;
    ngx_ess_conf_served_t  *served;

    served = mcf->served.elts;

    for (i = 0, n = 0; i < mcf->served.nelts; i++) {

        if (!ngx_ess_openapi_describes(&served[i], server)) {
            continue;
        }

        (void) ngx_ess_openapi_file(served[i].directive, &part);

        if ((n++ && ngx_ess_openapi_put(out, ",") != NGX_OK)
            || ngx_ess_openapi_document_path(cf, out, &served[i], &part)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The members of a part, with the location's name. */

static ngx_int_t
ngx_ess_openapi_document_path(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_ess_conf_served_t *served, const ngx_str_t *part)
{
    u_char     *p, *last, *stop;
    ngx_int_t   rc;
    ngx_str_t   name, piece;

    name = served->location->name;

    if (name.len && name.data[name.len - 1] == '/') {
        name.len--;
    }

    /* without the braces around it */

    p = part->data + 1;
    last = part->data + part->len;

    while (last > p && *--last != '}') {
        /* void */
    }

    for ( ;; ) {
        stop = memchr(p, '%', last - p);

        piece.data = p;
        piece.len = (stop ? stop : last) - p;

        if (ngx_ess_openapi_add_text(out, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        if (stop == NULL) {
            return NGX_OK;
        }

        if (stop[1] == 'S') {
            rc = ngx_ess_openapi_document_name(out, &served->argument);

        } else if (name.len == 0 && stop[2] == '"') {
            /* a path is not empty */
            rc = ngx_ess_openapi_put(out, "/");

        } else {
            rc = ngx_ess_openapi_document_escaped(out, &name);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        p = stop + 2;
    }
}


/* Of each log once. */

static ngx_int_t
ngx_ess_openapi_document_schemas(ngx_conf_t *cf, ngx_array_t *out,
    ngx_ess_main_conf_t *mcf, ngx_http_core_srv_conf_t *server)
{
    ngx_int_t               rc;
    ngx_str_t               place;
    ngx_uint_t              i, k;
    ngx_array_t             path;
    ngx_ess_event_log_t    *log;
    ngx_ess_conf_served_t  *served;

    served = mcf->served.elts;

    for (i = 0; i < mcf->served.nelts; i++) {

        if (!ngx_ess_openapi_describes(&served[i], server)
            || ngx_strcmp(served[i].directive, "ess_events") != 0)
        {
            continue;
        }

        for (k = 0; k < i; k++) {
            if (ngx_ess_openapi_describes(&served[k], server)
                && ngx_strcmp(served[k].directive, "ess_events") == 0
                && ngx_ess_str_equal(&served[k].argument, &served[i].argument))
            {
                break;
            }
        }

        if (k < i) {
            continue;
        }

        if (ngx_ess_openapi_put(out, ",\n\"") != NGX_OK
            || ngx_ess_openapi_document_name(out, &served[i].argument)
               != NGX_OK
            || ngx_ess_openapi_put(out, "\":") != NGX_OK
            || ngx_array_init(&path, cf->temp_pool, 64, 1) != NGX_OK
            || ngx_ess_openapi_put(&path, "#/components/schemas/") != NGX_OK
            || ngx_ess_openapi_document_name(&path, &served[i].argument)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        place.data = path.elts;
        place.len = path.nelts;

        log = ngx_ess_openapi_document_log(mcf, &served[i].argument);

        rc = (log && log->schema)
             ? ngx_ess_openapi_schema(out, ngx_ess_schema_text(log->schema),
                                      &place)
             : ngx_ess_openapi_put(out, "{\"type\":\"object\"}");

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_ess_event_log_t *
ngx_ess_openapi_document_log(ngx_ess_main_conf_t *mcf, const ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    if (mcf->event_logs == NULL) {
        return NULL;
    }

    log = mcf->event_logs->elts;

    for (i = 0; i < mcf->event_logs->nelts; i++) {
        if (ngx_ess_str_equal(&log[i]->name, name)) {
            return log[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ess_openapi_document_escaped(ngx_array_t *out, const ngx_str_t *text)
{
    u_char  *p;
    size_t   len;

    len = text->len + ngx_escape_json(NULL, text->data, text->len);

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_array_push_n(out, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_json(p, text->data, text->len);

    return NGX_OK;
}


/* That of a component: of letters, digits, ".", "-" and "_". */

static ngx_int_t
ngx_ess_openapi_document_name(ngx_array_t *out, const ngx_str_t *name)
{
    u_char   ch, *p;
    size_t   i;

    if (ngx_ess_openapi_put(out, NGX_ESS_OPENAPI_DOCUMENT_SCHEMA) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {

        p = ngx_array_push(out);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ch = name->data[i];

        *p = ((ch >= '0' && ch <= '9')
              || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
              || ch == '.' || ch == '-')
             ? ch : '_';
    }

    return NGX_OK;
}
