
/*
 * An id as a part of a path, in a worker.  nginx decodes a path before it
 * resolves its dots and merges its slashes, so that an id with such characters
 * is taken from the path as it was sent, as long as that leads to the same
 * location.  All memory is the request's.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_conf_scope.h"
#include "ngx_ess_events_path.h"
#include "ngx_ess_percent.h"


static ngx_uint_t ngx_ess_events_path_sent(ngx_http_request_t *r,
    const ngx_str_t *prefix, ngx_str_t *id);


ngx_int_t
ngx_ess_events_path(ngx_http_request_t *r, ngx_str_t *id)
{
    u_char              *p;
    ngx_str_t            prefix, sent;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    prefix = lcf->scope->location->name;

    if (prefix.len && prefix.data[prefix.len - 1] == '/') {
        prefix.len--;
    }

    if (r->uri.len < prefix.len
        || ngx_filename_cmp(r->uri.data, prefix.data, prefix.len) != 0)
    {
        return NGX_DECLINED;
    }

    id->data = r->uri.data + prefix.len;
    id->len = r->uri.len - prefix.len;

    if (id->len == 0) {
        return NGX_DONE;
    }

    if (id->data[0] != '/') {
        return NGX_DECLINED;
    }

    id->data++;
    id->len--;

    /* also an id of slashes alone, of which nginx has left one */

    if (!ngx_ess_events_path_sent(r, &prefix, &sent)
        || memchr(sent.data, '%', sent.len) == NULL)
    {
        return id->len ? NGX_OK : NGX_DONE;
    }

    p = ngx_pnalloc(r->pool, sent.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_percent_decode(&sent, p, sent.len, &sent, 0) == NGX_OK) {
        *id = sent;
    }

    return NGX_OK;
}


/* 1: what was sent begins with the location's prefix, letter by letter, and has
   an id without a slash behind it. */

static ngx_uint_t
ngx_ess_events_path_sent(ngx_http_request_t *r, const ngx_str_t *prefix,
    ngx_str_t *id)
{
    u_char  *p, *last;

    if (!r->valid_unparsed_uri || r->internal
        || r->unparsed_uri.len <= prefix->len
        || ngx_memcmp(r->unparsed_uri.data, prefix->data, prefix->len) != 0
        || r->unparsed_uri.data[prefix->len] != '/')
    {
        return 0;
    }

    p = r->unparsed_uri.data + prefix->len + 1;
    last = r->unparsed_uri.data + r->unparsed_uri.len;

    id->data = p;

    while (p < last && *p != '?' && *p != '#') {
        if (*p++ == '/') {
            return 0;
        }
    }

    id->len = p - id->data;

    return id->len > 0;
}
