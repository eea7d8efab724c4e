/*
 * A browser sends forms and simple requests of any page with its visitor's
 * rights: his network, his cookies.  It says which page that was, and no page
 * can make it lie.  Pure functions on a request, in workers.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_header.h"
#include "ngx_ess_origin.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_origin_host(ngx_http_request_t *r, ngx_str_t *host);
static void ngx_ess_origin_split(ngx_str_t *host, ngx_str_t *port);
static ngx_uint_t ngx_ess_origin_is(ngx_str_t *one, ngx_str_t *two);
static ngx_uint_t ngx_ess_origin_log(ngx_http_request_t *r, const char *what,
    ngx_str_t *value);


ngx_uint_t
ngx_ess_origin_is_foreign(ngx_http_request_t *r)
{
    ngx_uint_t        listed;
    ngx_table_elt_t  *h;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS)) {
        return 0;
    }

    listed = 0;
    h = NULL;

    while ((h = ngx_ess_header_find(r, "origin", h)) != NULL) {

        if (ngx_ess_origin_is_listed(r, &h->value)) {
            listed = 1;

        } else if (!ngx_ess_origin_is_own(r, &h->value)) {
            return ngx_ess_origin_log(r, "Origin", &h->value);
        }
    }

    /* one that is listed is another site's by intent */

    if (listed) {
        return 0;
    }

    h = NULL;

    while ((h = ngx_ess_header_find(r, "sec-fetch-site", h)) != NULL) {

        if (ngx_ess_str_is(&h->value, "cross-site")
            || ngx_ess_str_is(&h->value, "same-site"))
        {
            return ngx_ess_origin_log(r, "Sec-Fetch-Site", &h->value);
        }
    }

    return 0;
}


ngx_uint_t
ngx_ess_origin_is_listed(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t           *listed;
    ngx_uint_t           i;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (lcf->origins == NULL) {
        return 0;
    }

    listed = lcf->origins->elts;

    for (i = 0; i < lcf->origins->nelts; i++) {
        if (ngx_ess_origin_is(&listed[i], origin)) {
            return 1;
        }
    }

    return 0;
}


/*
 * Is it the host and port that was asked?  The scheme decides when TLS ends
 * here; when it ends in a proxy only that knows it, and a port that was not
 * named is the default one of the origin's scheme.
 */

ngx_uint_t
ngx_ess_origin_is_own(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t   host, port, own, own_port;
    ngx_uint_t  https;

    /* nginx ends a header's value with a null */

    https = (ngx_strncasecmp(origin->data, (u_char *) "https://", 8) == 0);

    if ((!https
         && ngx_strncasecmp(origin->data, (u_char *) "http://", 7) != 0)
        || ngx_ess_origin_host(r, &own) != NGX_OK)
    {
        return 0;
    }

#if (NGX_HTTP_SSL)

    if (r->connection->ssl && !https) {
        return 0;
    }

#endif

    host = *origin;

    if (https) {
        host.data += 8;
        host.len -= 8;
        ngx_str_set(&port, "443");

    } else {
        host.data += 7;
        host.len -= 7;
        ngx_str_set(&port, "80");
    }

    own_port = port;

    ngx_ess_origin_split(&host, &port);
    ngx_ess_origin_split(&own, &own_port);

    return host.len
           && ngx_ess_origin_is(&host, &own)
           && ngx_ess_origin_is(&port, &own_port);
}


/* What "Host" says, or the ":authority" of HTTP/3, of which nginx makes no
   line.  NGX_DECLINED: neither is there. */

static ngx_int_t
ngx_ess_origin_host(ngx_http_request_t *r, ngx_str_t *host)
{
    if (r->headers_in.host) {
        *host = r->headers_in.host->value;
        return NGX_OK;
    }

    if (r->host_start == NULL || r->host_end == NULL) {
        return NGX_DECLINED;
    }

    host->data = r->host_start;
    host->len = r->host_end - r->host_start;

    return NGX_OK;
}


/* Cuts the port off; left alone when there is none.  "[::1]" has none. */

static void
ngx_ess_origin_split(ngx_str_t *host, ngx_str_t *port)
{
    u_char  *p, *last;

    last = host->data + host->len;

    for (p = last; p > host->data && p[-1] >= '0' && p[-1] <= '9'; p--) {
        /* void */
    }

    if (p > host->data && p < last && p[-1] == ':') {
        port->data = p;
        port->len = last - p;
        host->len = p - 1 - host->data;
    }
}


static ngx_uint_t
ngx_ess_origin_is(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, one->len) == 0;
}


ngx_uint_t
ngx_ess_origin_may_read(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    /* who knows a stream's address may read it, and pages know it from
       somebody */

    return lcf->origins ? ngx_ess_origin_is_listed(r, origin)
                        : (lcf->serves && lcf->serves->open);
}


ngx_int_t
ngx_ess_origin_refuse(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_uint_t            counter;
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    counter = (lcf->serves && lcf->serves->open)
              ? NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_ORIGIN
              : NGX_ESS_C_CROSS_ORIGIN;

    if (mcf->zone) {
        ngx_ess_counter_add(mcf->zone, counter, 1);
    }

    (void) ngx_ess_origin_log(r, "Origin", origin);

    return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                  "pages of the origin \"%V\" are not let in; "
                                  "if they may, name it in \"ess_origin\" "
                                  "here", origin);
}


static ngx_uint_t
ngx_ess_origin_log(ngx_http_request_t *r, const char *what, ngx_str_t *value)
{
    ngx_ess_escaped_t  text;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "a page of another origin is refused, %s \"%V\"", what,
                  ngx_ess_escape(&text, value));

    return 1;
}
