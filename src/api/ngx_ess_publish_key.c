
/*
 * Which routing key a publication has, in a worker.  nginx decodes a path
 * before it resolves its dots and merges its slashes, so that of a%2Fb it has
 * the segments a and b: such a key is taken from the path as it was sent, as
 * long as that is the one that chose the location.  All memory is the
 * request's.
 */


#include "ngx_ess_conf_scope.h"
#include "ngx_ess_key.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_publish_key.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_publish_key_argument(ngx_http_request_t *r,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *key);
static ngx_int_t ngx_ess_publish_key_path(ngx_http_request_t *r,
    ngx_str_t *key, const char **detail);
static void ngx_ess_publish_key_segment(const ngx_str_t *path,
    ngx_str_t *segment);
static void ngx_ess_publish_key_sent(ngx_http_request_t *r,
    ngx_str_t *segment);
static ngx_int_t ngx_ess_publish_key_decode(ngx_http_request_t *r,
    ngx_str_t *key, ngx_uint_t form);
static ngx_uint_t ngx_ess_publish_key_has_dots(ngx_str_t *key);
static ngx_uint_t ngx_ess_publish_key_is_inside(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *key);


ngx_int_t
ngx_ess_publish_key(ngx_http_request_t *r, ngx_str_t *key,
    const char **detail)
{
    ngx_int_t            rc;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    *detail = "the routing key is malformed: a percent sign is not followed "
              "by two hexadecimal digits";

    rc = lcf->publish_name ? ngx_ess_publish_key_argument(r, lcf, key)
                           : ngx_ess_publish_key_path(r, key, detail);

    if (rc == NGX_OK && key->len && memchr(key->data, '\0', key->len)) {
        *detail = "the routing key contains a NUL character";
        return NGX_DECLINED;
    }

    return rc;
}


ngx_int_t
ngx_ess_publish_key_event(ngx_http_request_t *r, ngx_str_t *key,
    const char **detail)
{
    ngx_int_t            rc;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    ngx_str_null(key);

    if ((lcf->publish_name
         && (ngx_ess_str_is(&lcf->publish_name->value, "$arg_key")
             || ngx_ess_str_is(&lcf->publish_name->value, "${arg_key}")))
        || ngx_http_arg(r, (u_char *) "key", 3, key) != NGX_OK)
    {
        return NGX_OK;
    }

    rc = ngx_ess_publish_key_decode(r, key, 1);

    if (rc == NGX_DECLINED) {
        *detail = "\"key\" is malformed: a percent sign is not followed by "
                  "two hexadecimal digits";
        return NGX_DECLINED;
    }

    if (rc == NGX_OK && !ngx_ess_key_valid(key)) {
        *detail = "\"key\" must have 1 to 255 bytes, and be UTF-8";
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_ess_publish_key_argument(ngx_http_request_t *r, ngx_ess_loc_conf_t *lcf,
    ngx_str_t *key)
{
    if (ngx_http_complex_value(r, lcf->publish_name, key) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what a regular expression captured, for one, is decoded already */

    return lcf->publish_query ? ngx_ess_publish_key_decode(r, key, 1) : NGX_OK;
}


static ngx_int_t
ngx_ess_publish_key_path(ngx_http_request_t *r, ngx_str_t *key,
    const char **detail)
{
    ngx_int_t              rc;
    ngx_str_t              sent;
    ngx_ess_loc_conf_t    *lcf;
    ngx_ess_conf_scope_t  *scope;

    ngx_ess_publish_key_segment(&r->uri, key);
    ngx_ess_publish_key_sent(r, &sent);

    if (sent.len == 0 || memchr(sent.data, '%', sent.len) == NULL) {
        return NGX_OK;
    }

    rc = ngx_ess_publish_key_decode(r, &sent, 0);

    if (rc != NGX_OK || sent.len == 0
        || memchr(sent.data, '/', sent.len) == NULL)
    {
        return rc;
    }

    /* what was let in by its path is not to be another key than that shows */

    if (ngx_ess_publish_key_has_dots(&sent)) {
        *detail = "of \".\" and \"..\" between slashes a path does not make a "
                  "routing key; take it from an argument: \"ess_publish "
                  "$arg_key\"";
        return NGX_DECLINED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    scope = lcf->scope;

    if (ngx_ess_conf_scope_is_regex(scope)) {
        *detail = "in a location without a prefix a path does not make a "
                  "routing key with a slash; take it from an argument: "
                  "\"ess_publish $arg_key\"";
        return NGX_DECLINED;
    }

    if (ngx_ess_publish_key_is_inside(r, &scope->location->name, &sent)) {
        *key = sent;
    }

    return NGX_OK;
}


static void
ngx_ess_publish_key_segment(const ngx_str_t *path, ngx_str_t *segment)
{
    u_char  *p, *last;

    last = path->data + path->len;

    for (p = last; p > path->data && p[-1] != '/'; p--) {
        /* void */
    }

    segment->data = p;
    segment->len = last - p;
}


/* Of the path as it was sent; empty when a rewrite, or another module, has put
   another one in its place. */

static void
ngx_ess_publish_key_sent(ngx_http_request_t *r, ngx_str_t *segment)
{
    u_char     *p, *last;
    ngx_str_t   path;

    ngx_str_null(segment);

    if (!r->valid_unparsed_uri) {
        return;
    }

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    while (p < last && *p != '?' && *p != '#') {
        p++;
    }

    path.data = r->unparsed_uri.data;
    path.len = p - path.data;

    ngx_ess_publish_key_segment(&path, segment);
}


static ngx_int_t
ngx_ess_publish_key_decode(ngx_http_request_t *r, ngx_str_t *key,
    ngx_uint_t form)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, key->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_ess_percent_decode(key, p, key->len, key, form);
}


static ngx_uint_t
ngx_ess_publish_key_has_dots(ngx_str_t *key)
{
    ngx_str_t   rest, part;
    ngx_uint_t  more;

    rest = *key;

    do {
        more = ngx_ess_str_cut(&rest, '/', &part);

        if ((part.len == 1 || part.len == 2)
            && ngx_strncmp(part.data, "..", part.len) == 0)
        {
            return 1;
        }

    } while (more);

    return 0;
}


/* 1: the key is no more than what the location's prefix, "name", leaves of the
   path; so "/publish%2Fabc" has the key "abc". */

static ngx_uint_t
ngx_ess_publish_key_is_inside(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *key)
{
    u_char                     prev;
    size_t                     i, len, start;
    ngx_str_t                  last;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    /* a system whose file names have no case compares prefixes without */

    if (r->uri.len < name->len
        || ngx_filename_cmp(r->uri.data, name->data, name->len) != 0)
    {
        return 0;
    }

    /* "/publish" and "/publish/" end with a segment, "/publish/a." may not */

    ngx_ess_publish_key_segment(name, &last);

    start = name->len;

    if (last.len) {
        if (start < r->uri.len && r->uri.data[start] == '/') {
            start++;

        } else {
            start -= last.len;
        }
    }

    prev = '/';

    for (len = 0, i = 0; i < key->len; i++) {
        len += (!cscf->merge_slashes || key->data[i] != '/' || prev != '/');
        prev = key->data[i];
    }

    return len <= r->uri.len - start;
}
