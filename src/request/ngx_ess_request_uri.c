
/*
 * What a URI of the configuration, and the variables in it, lead to.  A message
 * may have filled in the variables, so nothing of it leads out of where it is
 * put, and nothing breaks a request line.  Pure functions; they own nothing.
 */


#include "ngx_ess_request_uri.h"


static ngx_int_t ngx_ess_request_uri_path(ngx_str_t *path, u_char *dst,
    u_char *p, u_char *last);
static ngx_int_t ngx_ess_request_uri_segment(u_char *start, u_char *last);
static ngx_int_t ngx_ess_request_uri_args(ngx_str_t *args, u_char *dst,
    u_char *p, u_char *last);
static u_char *ngx_ess_request_uri_escape(u_char *dst, u_char ch);


ngx_int_t
ngx_ess_request_uri(ngx_ess_request_uri_t *uri, ngx_pool_t *pool,
    const ngx_str_t *text)
{
    size_t   i;
    u_char  *p, *args, *last;

    p = text->data;
    last = p + text->len;

    if (text->len == 0 || *p != '/') {
        return NGX_DECLINED;
    }

    args = ngx_strlchr(p, last, '?');

    if (args == NULL) {
        args = last;
    }

    uri->path.data = ngx_pnalloc(pool, args - p);
    if (uri->path.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_request_uri_path(&uri->path, uri->path.data, p, args)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* each byte may become three */

    p = ngx_pnalloc(pool, 3 * (uri->path.len + (last - args)));
    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->unparsed.data = p;

    for (i = 0; i < uri->path.len; i++) {
        p = ngx_ess_request_uri_escape(p, uri->path.data[i]);
    }

    ngx_str_null(&uri->args);

    if (last - args > 1) {
        *p++ = '?';

        if (ngx_ess_request_uri_args(&uri->args, p, args + 1, last)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        p += uri->args.len;
    }

    uri->unparsed.len = p - uri->unparsed.data;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_uri_path(ngx_str_t *path, u_char *dst, u_char *p, u_char *last)
{
    u_char     ch, *segment;
    ngx_int_t  n;

    path->data = dst;
    segment = dst;

    while (p < last) {

        ch = *p++;

        if (ch == '%' && last - p >= 2) {
            n = ngx_hextoi(p, 2);

            if (n != NGX_ERROR) {
                ch = (u_char) n;
                p += 2;
            }
        }

        if (ch < 0x20 || ch == 0x7f) {
            return NGX_DECLINED;
        }

        if (ch == '/') {

            if (dst > path->data && dst == segment) {
                continue;
            }

            if (ngx_ess_request_uri_segment(segment, dst) != NGX_OK) {
                return NGX_DECLINED;
            }

            segment = dst + 1;
        }

        *dst++ = ch;
    }

    path->len = dst - path->data;

    return ngx_ess_request_uri_segment(segment, dst);
}


static ngx_int_t
ngx_ess_request_uri_segment(u_char *start, u_char *last)
{
    if ((last - start == 1 && start[0] == '.')
        || (last - start == 2 && start[0] == '.' && start[1] == '.'))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_uri_args(ngx_str_t *args, u_char *dst, u_char *p, u_char *last)
{
    args->data = dst;

    for ( /* void */ ; p < last; p++) {

        if (*p < 0x20 || *p == 0x7f) {
            return NGX_DECLINED;
        }

        if (*p == ' ' || *p == '#') {
            dst = ngx_ess_request_uri_escape(dst, *p);

        } else {
            *dst++ = *p;
        }
    }

    args->len = dst - args->data;

    return NGX_OK;
}


static u_char *
ngx_ess_request_uri_escape(u_char *dst, u_char ch)
{
    static u_char  hex[] = "0123456789ABCDEF";

    if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
        || (ch >= '0' && ch <= '9')
        || (ch && ngx_strchr("/-._~!$&'()*+,;=:@", ch)))
    {
        *dst++ = ch;
        return dst;
    }

    *dst++ = '%';
    *dst++ = hex[ch >> 4];
    *dst++ = hex[ch & 0xf];

    return dst;
}
