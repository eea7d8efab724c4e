
/*
 * Percent-encoding is decoded here, for whoever takes a part of a path or of a
 * query string.  Pure functions; they own nothing.
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


ngx_uint_t
ngx_ess_percent_is_query(ngx_str_t *argument)
{
    return ngx_strcasestrn(argument->data, "$arg_", 5 - 1) != NULL
           || ngx_strcasestrn(argument->data, "${arg_", 6 - 1) != NULL;
}


ngx_uint_t
ngx_ess_percent_is_alone(ngx_str_t *argument)
{
    u_char  *p, *last;

    p = argument->data + 1;
    last = argument->data + argument->len;

    if (argument->len < 2 || argument->data[0] != '$') {
        return 0;
    }

    if (*p == '{') {
        p++;

        if (*--last != '}') {
            return 0;
        }
    }

    while (p < last
           && ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')
               || (*p >= '0' && *p <= '9') || *p == '_'))
    {
        p++;
    }

    return p == last;
}
