
/*
 * Escapes of JSON's strings.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_json_string.h"


static uint32_t ngx_ess_json_string_hex(const u_char *p, const u_char *last);


/* Four digits; U+FFFFFFFF: there are none. */

static uint32_t
ngx_ess_json_string_hex(const u_char *p, const u_char *last)
{
    ngx_int_t  value;

    if (last - p < 4) {
        return (uint32_t) -1;
    }

    value = ngx_hextoi((u_char *) p, 4);

    return (uint32_t) value;
}


ngx_uint_t
ngx_ess_json_string_next(const u_char **p, const u_char *last, u_char ch[4])
{
    uint32_t       code, low;
    const u_char  *q;

    static const char  escaped[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";

    q = *p;

    if (*q != '\\' || last - q < 2) {
        ch[0] = *q;
        *p = q + 1;

        return 1;
    }

    *p = q + 2;

    if (q[1] != 'u') {
        q = (const u_char *) memchr(escaped, q[1], sizeof(escaped) - 1);
        ch[0] = q ? plain[q - (const u_char *) escaped] : '\\';

        return 1;
    }

    code = ngx_ess_json_string_hex(q + 2, last);
    *p = ngx_min(q + 6, last);

    if (code >= 0xd800 && code < 0xdc00 && last - q >= 12 && q[6] == '\\'
        && q[7] == 'u')
    {
        low = ngx_ess_json_string_hex(q + 8, last);

        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *p = q + 12;
        }
    }

    if (code < 0x80) {
        ch[0] = (u_char) code;
        return 1;
    }

    if (code < 0x800) {
        ch[0] = (u_char) (0xc0 | (code >> 6));
        ch[1] = (u_char) (0x80 | (code & 0x3f));

        return 2;
    }

    if (code < 0x10000) {
        ch[0] = (u_char) (0xe0 | (code >> 12));
        ch[1] = (u_char) (0x80 | ((code >> 6) & 0x3f));
        ch[2] = (u_char) (0x80 | (code & 0x3f));

        return 3;
    }

    ch[0] = (u_char) (0xf0 | ((code >> 18) & 0x07));
    ch[1] = (u_char) (0x80 | ((code >> 12) & 0x3f));
    ch[2] = (u_char) (0x80 | ((code >> 6) & 0x3f));
    ch[3] = (u_char) (0x80 | (code & 0x3f));

    return 4;
}


ngx_int_t
ngx_ess_json_string_text(const ngx_str_t *raw, u_char *buf, ngx_str_t *text)
{
    u_char        *to, ch[4];
    size_t         len;
    ngx_uint_t     n;
    const u_char  *p, *last, *stop;

    p = raw->data;
    last = p + raw->len;
    to = buf;

    while (p < last) {

        stop = memchr(p, '\\', last - p);
        len = (stop ? stop : last) - p;

        ngx_memmove(to, p, len);
        to += len;
        p += len;

        if (stop == NULL) {
            break;
        }

        n = ngx_ess_json_string_next(&p, last, ch);

        if (n == 3 && ch[0] == 0xed && ch[1] >= 0xa0) {
            return NGX_DECLINED;
        }

        /* no escape is shorter than its character */

        to = ngx_cpymem(to, ch, n);
    }

    text->data = buf;
    text->len = to - buf;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_json_string_is(const ngx_str_t *raw, const ngx_str_t *text)
{
    u_char         ch[4];
    ngx_uint_t     n;
    const u_char  *p, *last, *q, *end;

    if (raw->len == text->len
        && ngx_memcmp(raw->data, text->data, raw->len) == 0)
    {
        /* what is in it with an escape is not what it says */

        return memchr(raw->data, '\\', raw->len) == NULL;
    }

    if (raw->len <= text->len || text->len == 0
        || (raw->data[0] != text->data[0] && raw->data[0] != '\\'))
    {
        return 0;
    }

    p = raw->data;
    last = p + raw->len;
    q = text->data;
    end = q + text->len;

    while (p < last) {

        n = ngx_ess_json_string_next(&p, last, ch);

        if ((size_t) (end - q) < n || ngx_memcmp(q, ch, n) != 0) {
            return 0;
        }

        q += n;
    }

    return q == end;
}
