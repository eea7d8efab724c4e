
/*
 * The header field Idempotency-Key.  A pure function; owns nothing.
 */


#include "ngx_ess_publish_once_header.h"


ngx_int_t
ngx_ess_publish_once_header_parse(ngx_str_t *key, u_char *buf, ngx_str_t *value)
{
    u_char      *d, *p, *last;
    ngx_uint_t   quoted;

    p = value->data;
    last = p + value->len;
    quoted = (p < last && *p == '"');

    if (quoted) {

        if (last - p < 2 || *--last != '"') {
            return NGX_DECLINED;
        }

        p++;
    }

    for (d = buf; p < last; p++) {

        if (quoted && *p == '\\') {

            /* RFC 9651, 4.2.5 */

            if (++p == last || (*p != '"' && *p != '\\')) {
                return NGX_DECLINED;
            }

        } else if (*p < 0x20 || *p > 0x7e || *p == '"'
                   || (!quoted && (*p == ' ' || *p == ',' || *p == ';'
                                   || *p == '\\')))
        {
            return NGX_DECLINED;
        }

        if (d - buf == NGX_ESS_IDEMPOTENCY_KEY) {
            return NGX_DECLINED;
        }

        *d++ = *p;
    }

    key->data = buf;
    key->len = d - buf;

    return key->len ? NGX_OK : NGX_DECLINED;
}
