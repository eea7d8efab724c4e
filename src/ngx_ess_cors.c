
/*
 * Pages of other origins: the answer to a preflight, which a browser sends
 * without what would prove who its visitor is, and the header fields of all
 * other answers.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_cors.h"
#include "ngx_ess_header.h"
#include "ngx_ess_origin.h"


/* seconds for which a browser remembers a preflight: what it allows is checked
   again at each request */
#define NGX_ESS_CORS_MAX_AGE  "7200"

#define NGX_ESS_CORS_EXPOSE   "Retry-After, WWW-Authenticate, Location, "     \
                              "Accept-Encoding, Link"


typedef struct {
    const char              *name;
    ngx_str_t                value;
} ngx_ess_cors_line_t;


static ngx_int_t ngx_ess_cors_add(ngx_http_request_t *r,
    ngx_ess_cors_line_t *lines, ngx_uint_t n);


ngx_int_t
ngx_ess_cors_preflight(ngx_http_request_t *r)
{
    ngx_uint_t            n;
    ngx_table_elt_t      *origin, *asked;
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_cors_line_t   lines[3];

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (r->method != NGX_HTTP_OPTIONS || lcf->serves == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    origin = ngx_ess_header_find(r, "origin", NULL);

    if (origin == NULL
        || ngx_ess_header_find(r, "access-control-request-method", NULL)
           == NULL)
    {
        return NGX_DECLINED;
    }

    if (!ngx_ess_origin_may_read(r, &origin->value)) {
        return ngx_ess_origin_refuse(r, &origin->value);
    }

    lines[0].name = "Access-Control-Allow-Methods";
    lines[0].value = lcf->serves->methods;
    lines[1].name = "Access-Control-Max-Age";
    ngx_str_set(&lines[1].value, NGX_ESS_CORS_MAX_AGE);
    n = 2;

    asked = ngx_ess_header_find(r, "access-control-request-headers", NULL);

    if (asked && asked->value.len
        && ngx_ess_header_is_clean(asked->value.data, asked->value.len))
    {
        lines[2].name = "Access-Control-Allow-Headers";
        lines[2].value = asked->value;
        n = 3;
    }

    return (ngx_ess_cors_add(r, lines, n) == NGX_OK)
           ? NGX_HTTP_NO_CONTENT : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_ess_cors_headers(ngx_http_request_t *r)
{
    ngx_table_elt_t  *origin;

    ngx_ess_cors_line_t  lines[] = {
        { "Access-Control-Allow-Origin", ngx_null_string },
        { "Access-Control-Allow-Credentials", ngx_string("true") },
        { "Access-Control-Expose-Headers", ngx_string(NGX_ESS_CORS_EXPOSE) },
        { "Vary", ngx_string("Origin") }
    };

    origin = ngx_ess_header_find(r, "origin", NULL);

    if (origin == NULL
        || !ngx_ess_header_is_clean(origin->value.data, origin->value.len)
        || !ngx_ess_origin_may_read(r, &origin->value))
    {
        return NGX_OK;
    }

    /* a browser takes one, and no list */

    ngx_ess_header_drop(r, lines[0].name);
    ngx_ess_header_drop(r, lines[1].name);

    lines[0].value = origin->value;

    return ngx_ess_cors_add(r, lines, 4);
}


static ngx_int_t
ngx_ess_cors_add(ngx_http_request_t *r, ngx_ess_cors_line_t *lines,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_ess_header_add(r, lines[i].name, lines[i].value.data,
                               lines[i].value.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
