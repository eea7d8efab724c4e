/*
 * Text from outside, as it may stand in a log line: nginx writes "%V" as it
 * is, so a line break in a routing key would begin a line of the sender's own
 * making.  Pure functions; the memory is the caller's.
 */


#include "ngx_ess_escape.h"


#define NGX_ESS_ESCAPE_MORE  "..."


static ngx_uint_t ngx_ess_escape_is_plain(u_char ch);


ngx_str_t *
ngx_ess_escape(ngx_ess_escaped_t *e, ngx_str_t *text)
{
    return ngx_ess_escape_bytes(e, text->data, text->len);
}


ngx_str_t *
ngx_ess_escape_bytes(ngx_ess_escaped_t *e, const void *data, size_t len)
{
    size_t         i;
    u_char        *dst, *cut, *last;
    const u_char  *p;

    static const u_char  hex[] = "0123456789ABCDEF";

    p = data;
    dst = e->buf;
    cut = dst;
    last = e->buf + NGX_ESS_ESCAPED_SIZE;

    for (i = 0; i < len; i++) {

        /* the last place where the mark still has room */

        if ((size_t) (last - dst) >= sizeof(NGX_ESS_ESCAPE_MORE) - 1) {
            cut = dst;
        }

        if (last - dst < (ngx_ess_escape_is_plain(p[i]) ? 1 : 4)) {
            dst = ngx_cpymem(cut, NGX_ESS_ESCAPE_MORE,
                             sizeof(NGX_ESS_ESCAPE_MORE) - 1);
            break;
        }

        if (ngx_ess_escape_is_plain(p[i])) {
            *dst++ = p[i];
            continue;
        }

        *dst++ = '\\';
        *dst++ = 'x';
        *dst++ = hex[p[i] >> 4];
        *dst++ = hex[p[i] & 0xf];
    }

    e->text.data = e->buf;
    e->text.len = dst - e->buf;

    return &e->text;
}


static ngx_uint_t
ngx_ess_escape_is_plain(u_char ch)
{
    return ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\';
}
