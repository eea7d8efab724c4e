
/*
 * Percent-encoding is decoded here, for whoever takes a part of a path or of a
 * query string.  A pure function; owns nothing.
 */


#include "ngx_ess_percent.h"


ngx_int_t
ngx_ess_percent_decode(ngx_str_t *value, u_char *buf, size_t room,
    const ngx_str_t *text, ngx_uint_t form)
{
    u_char     *d, *p, *last;
    ngx_int_t   n;

    p = text->data;
    last = p + text->len;

    for (d = buf; p < last; d++) {

        if ((size_t) (d - buf) == room) {
            return NGX_DECLINED;
        }

        if (*p != '%') {
            *d = (form && *p == '+') ? ' ' : *p;
            p++;
            continue;
        }

        n = (last - p < 3) ? NGX_ERROR : ngx_hextoi(p + 1, 2);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *d = (u_char) n;
        p += 3;
    }

    value->data = buf;
    value->len = d - buf;

    return NGX_OK;
}
