
/*
 * Is it UTF-8?  Pure functions.
 */


#include "ngx_ess_utf8.h"


/*
 * The table of RFC 3629, 4: after some first bytes the second one is
 * bounded more closely than 80 .. bf, which keeps out what is not the
 * shortest form, surrogates and what is above U+10FFFF.
 */

ngx_int_t
ngx_ess_utf8(ngx_ess_utf8_t *utf8, const u_char *p, size_t len)
{
    u_char         ch;
    uint64_t       word;
    const u_char  *last;

    last = p + len;

    while (p < last) {

        if (utf8->left) {
            ch = *p++;

            if (ch < utf8->low || ch > utf8->high) {
                return NGX_ERROR;
            }

            utf8->left--;
            utf8->low = 0x80;
            utf8->high = 0xbf;

            continue;
        }

        while (last - p >= 8) {
            ngx_memcpy(&word, p, 8);

            if (word & 0x8080808080808080ULL) {
                break;
            }

            p += 8;
        }

        while (p < last && *p < 0x80) {
            p++;
        }

        if (p == last) {
            break;
        }

        ch = *p++;

        if (ch < 0xc2 || ch > 0xf4) {
            return NGX_ERROR;
        }

        utf8->left = (ch < 0xe0) ? 1 : (ch < 0xf0) ? 2 : 3;
        utf8->low = (ch == 0xe0) ? 0xa0 : (ch == 0xf0) ? 0x90 : 0x80;
        utf8->high = (ch == 0xed) ? 0x9f : (ch == 0xf4) ? 0x8f : 0xbf;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_ess_utf8_valid(const u_char *p, size_t len)
{
    ngx_ess_utf8_t  utf8;

    ngx_memzero(&utf8, sizeof(ngx_ess_utf8_t));

    return ngx_ess_utf8(&utf8, p, len) == NGX_OK && utf8.left == 0;
}
