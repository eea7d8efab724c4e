/*
 * The HTTP API's routes, in a worker.  The routes are relative to
 * the location's prefix, clcf->name; ess_api is therefore refused in named
 * locations and in those with a regular expression.  Within the location a
 * rewrite may change the path, but it must keep the prefix.  All memory is
 * the request's.
 */


#include "ngx_ess_name.h"
#include "ngx_ess_str.h"
#include "ngx_ess_api.h"
#include "ngx_ess_api_list.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_api_streams.h"
#include "ngx_ess_api_subscribers.h"


typedef ngx_int_t (*ngx_ess_api_handler_pt)(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);


typedef struct {
    ngx_uint_t               method;        /* GET: HEAD as well */
    ngx_str_t                path;          /* "{id}": id, uuid or name;
                                               "{sid}": of a subscriber */
    ngx_ess_api_handler_pt   handler;
} ngx_ess_api_route_t;


static ngx_uint_t ngx_ess_api_match(ngx_ess_api_route_t *route,
    ngx_str_t *path, ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_target(ngx_str_t *segment,
    ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_subscriber(ngx_str_t *segment,
    ngx_ess_api_target_t *target);
static ngx_uint_t ngx_ess_api_id(ngx_str_t *segment, uint64_t *id);
static ngx_int_t ngx_ess_api_version(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);


static ngx_ess_api_route_t  ngx_ess_api_routes[] = {
    { NGX_HTTP_GET, ngx_string(""), ngx_ess_api_list },
    { NGX_HTTP_POST, ngx_string(""), ngx_ess_api_streams_create },
    { NGX_HTTP_GET, ngx_string("version"), ngx_ess_api_version },
    { NGX_HTTP_GET, ngx_string("{id}"), ngx_ess_api_streams_get },
    { NGX_HTTP_DELETE, ngx_string("{id}"), ngx_ess_api_streams_delete },
    { NGX_HTTP_GET, ngx_string("{id}/subscribers"),
      ngx_ess_api_subscribers_list },
    { NGX_HTTP_DELETE, ngx_string("{id}/subscribers/{sid}"),
      ngx_ess_api_subscribers_close }
};


ngx_int_t
ngx_ess_api_handler(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_ess_api_path(r, &path) != NGX_OK) {
        return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"",
                                   &r->uri);
    }

    return ngx_ess_api_serve(r, &path);
}


ngx_int_t
ngx_ess_api_serve(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_int_t             rc;
    ngx_uint_t            i, n, method, methods;
    ngx_ess_api_route_t  *route;
    ngx_ess_api_target_t  target;

    rc = ngx_ess_api_slot(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_ess_api_origin(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    methods = 0;
    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;
    n = sizeof(ngx_ess_api_routes) / sizeof(ngx_ess_api_route_t);

    for (i = 0; i < n; i++) {
        route = &ngx_ess_api_routes[i];

        if (!ngx_ess_api_match(route, path, &target)) {
            continue;
        }

        if (route->method == method) {
            return route->handler(r, &target);
        }

        methods |= route->method;
    }

    if (methods == 0) {
        return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"",
                                   &r->uri);
    }

    return ngx_ess_api_not_allowed(r, methods);
}


ngx_int_t
ngx_ess_api_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_str_t                 *name;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    name = &clcf->name;

    if (r->uri.len < name->len
        || ngx_strncmp(r->uri.data, name->data, name->len) != 0)
    {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + name->len;
    path->len = r->uri.len - name->len;

    if (path->len && name->len && name->data[name->len - 1] != '/') {

        /* "/streams" is no prefix of "/streams2" */

        if (path->data[0] != '/') {
            return NGX_DECLINED;
        }

        path->data++;
        path->len--;
    }

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_api_match(ngx_ess_api_route_t *route, ngx_str_t *path,
    ngx_ess_api_target_t *target)
{
    ngx_str_t   want, have, w, h;
    ngx_uint_t  more;

    want = route->path;
    have = *path;

    do {
        more = ngx_ess_str_cut(&want, '/', &w);

        if (ngx_ess_str_cut(&have, '/', &h) != more) {
            return 0;
        }

        if (w.len && w.data[0] == '{') {

            if (!((w.data[1] == 'i') ? ngx_ess_api_target(&h, target)
                                     : ngx_ess_api_subscriber(&h, target)))
            {
                return 0;
            }

        } else if (!ngx_ess_str_equal(&h, &w)) {
            return 0;
        }

    } while (more);

    return 1;
}


static ngx_uint_t
ngx_ess_api_target(ngx_str_t *segment, ngx_ess_api_target_t *target)
{
    target->id = 0;
    ngx_str_null(&target->name);

    if (ngx_ess_api_id(segment, &target->id)
        || ngx_ess_stream_uuid_parse(target->uuid, segment) == NGX_OK)
    {
        return 1;
    }

    target->name = *segment;

    return ngx_ess_name_wrong(segment) == NULL;
}


static ngx_uint_t
ngx_ess_api_subscriber(ngx_str_t *segment, ngx_ess_api_target_t *target)
{
    uint64_t  number;

    if (!ngx_ess_api_id(segment, &number) || number > NGX_MAX_UINT32_VALUE) {
        return 0;
    }

    target->subscriber = (uint32_t) number;

    return 1;
}


/* There is one way to write an id. */

static ngx_uint_t
ngx_ess_api_id(ngx_str_t *segment, uint64_t *id)
{
    return segment->len && segment->data[0] != '0'
           && ngx_ess_api_number(segment, id) == NGX_OK;
}


static ngx_int_t
ngx_ess_api_version(ngx_http_request_t *r, ngx_ess_api_target_t *target)
{
    static ngx_str_t  json =
        ngx_string("{\"protocol\":\"WEBSOCKET\",\"category\":\"WEBSOCKET\","
                   "\"name\":\"NGINX ESS\","
                   "\"version\":\"" NGX_ESS_VERSION "\"}");

    return ngx_ess_api_send(r, NGX_HTTP_OK, &json);
}
