
/*
 * The console's location: its files, and behind a segment of their own the API,
 * publishing, the figures, the health and a live tail, so that the location's
 * access rules are those of all of it.  Runs in workers; owns nothing.
 */


#include "ngx_ess_api.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_publish.h"
#include "ngx_ess_health.h"
#include "ngx_ess_metrics.h"
#include "ngx_ess_str.h"
#include "ngx_ess_client_enter.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_console.h"
#include "ngx_ess_console_files.h"
#include "ngx_ess_conf_serve.h"


#define NGX_ESS_CONSOLE_HEADER  "x-ess-console"


typedef struct {
    ngx_str_t                segment;       /* the path's first one */
    ngx_http_handler_pt      handler;       /* that of a location of its own */
} ngx_ess_console_route_t;


static ngx_int_t ngx_ess_console_handler(ngx_http_request_t *r);
static ngx_int_t ngx_ess_console_send(ngx_http_request_t *r,
    const ngx_ess_console_file_t *file);
static ngx_int_t ngx_ess_console_slash(ngx_http_request_t *r);


static ngx_ess_console_route_t  ngx_ess_console_routes[] = {
    { ngx_string("publish"), ngx_ess_publish_handler },
    { ngx_string("tail"), ngx_ess_client_enter_handler },
    { ngx_string("metrics"), ngx_ess_metrics_handler },
    { ngx_string("health"), ngx_ess_health }
};


static ngx_int_t
ngx_ess_console_handler(ngx_http_request_t *r)
{
    ngx_str_t                      path, segment;
    ngx_uint_t                     i, n;
    ngx_ess_console_route_t       *route;
    const ngx_ess_console_file_t  *file;

    if (ngx_ess_api_path(r, &path) != NGX_OK) {
        return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"",
                                   &r->uri);
    }

    /*
     * A browser lets a page of another origin send a form here with all that
     * proves who its visitor is, but a header like this one only after it has
     * asked, and is not answered.
     */

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
        && ngx_ess_header_find(r, NGX_ESS_CONSOLE_HEADER, NULL) == NULL)
    {
        return ngx_ess_api_problem(r, 403, "the console takes changes only "
                                   "with the header X-ESS-Console");
    }

    file = ngx_ess_console_file(&path);

    if (file) {

        if (path.len == 0 && r->uri.data[r->uri.len - 1] != '/') {
            return ngx_ess_console_slash(r);
        }

        return ngx_ess_console_send(r, file);
    }

    (void) ngx_ess_str_cut(&path, '/', &segment);

    if (segment.len == 3 && ngx_strncmp(segment.data, "api", 3) == 0) {
        return ngx_ess_api_serve(r, &path);
    }

    n = sizeof(ngx_ess_console_routes) / sizeof(ngx_ess_console_route_t);

    for (i = 0; i < n; i++) {
        route = &ngx_ess_console_routes[i];

        if (ngx_ess_str_equal(&route->segment, &segment)) {
            return route->handler(r);
        }
    }

    return ngx_ess_api_problem(r, 404, "there is nothing at \"%V\"", &r->uri);
}


static ngx_int_t
ngx_ess_console_send(ngx_http_request_t *r, const ngx_ess_console_file_t *file)
{
    ngx_uint_t  i;
    ngx_str_t   text, type;

    static const struct {
        const char  *name;
        const char  *value;
    } headers[] = {
        { "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; "
          "connect-src 'self'; img-src data:; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" }
    };

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_ess_api_not_allowed(r, NGX_HTTP_GET);
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_ess_header_add(r, headers[i].name, headers[i].value,
                               ngx_strlen(headers[i].value))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    type = file->type;
    text.data = (u_char *) file->data;
    text.len = file->end - file->data;

    return ngx_ess_api_output(r, NGX_HTTP_OK, &type, &text);
}


/* What the page names is relative to itself. */

static ngx_int_t
ngx_ess_console_slash(ngx_http_request_t *r)
{
    u_char  *p, *value;

    value = ngx_pnalloc(r->pool, r->uri.len * 3 + 1);
    if (value == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) ngx_escape_uri(value, r->uri.data, r->uri.len,
                                  NGX_ESCAPE_URI);
    *p++ = '/';

    if (ngx_ess_header_add(r, "Location", value, p - value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_api_send(r, NGX_HTTP_MOVED_PERMANENTLY, NULL);
}


char *
ngx_ess_console_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_ess_conf_serve_prefix(cf, cmd, conf, ngx_ess_console_handler);
}
